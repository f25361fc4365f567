"""How a model is to be loaded: context, slots, type of the KV cache. Automatic unless chosen."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import Any

from PySide6.QtCore import QEvent, QObject, QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QComboBox, QGridLayout, QSizePolicy, QSpinBox, QWidget

from desktop.ui.i18n import Translated
from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.base import GAP, Button, Text, row
from desktop.ui.widgets.slider import StepSlider

_UNKNOWN_CONTEXT = 131_072  # the bound where a file does not say what it was trained for
KV_TYPES = ("f16", "q8_0", "q4_0")
MAX_SLOTS = 64  # what the service takes


def context_steps(trained: int | None) -> list[int]:
    """Powers of two up to what the model was trained for, and that itself, in tokens."""
    top = trained or _UNKNOWN_CONTEXT
    step = 2048 if top >= 4096 else 128
    steps = []
    while step < top:
        steps.append(step)
        step *= 2
    return [*steps, top]


class ContextSpin(QSpinBox):
    """Tokens; its arrows go from step to step. 0 is "Automatic"."""

    def __init__(self) -> None:
        super().__init__()
        self._steps: list[int] = []
        self.setGroupSeparatorShown(True)

    def set_steps(self, steps: list[int]) -> None:
        self._steps = [0, *steps]
        self.setRange(0, steps[-1])

    def stepBy(self, steps: int) -> None:
        find = bisect_right if steps > 0 else bisect_left
        place = find(self._steps, self.value()) + (steps - 1 if steps > 0 else steps)
        self.setValue(self._steps[max(0, min(len(self._steps) - 1, place))])


class LoadForm(Translated, QWidget):
    """The inputs and their button.

    Signals:
        load_asked: the wishes, as keyword arguments of `Client.load`; None is "decide yourself".
        unload_asked: the loaded model is to go.
    """

    load_asked = Signal(dict)
    unload_asked = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._loaded = False
        self._steps = context_steps(None)
        self._labels = [Text(theme, role="body", token="secondary") for _ in range(3)]
        self.context = ContextSpin()
        self.context.setObjectName("load-context")
        self.slider = StepSlider(theme)
        self.slider.setObjectName("load-context-slider")
        self.slots = QSpinBox()
        self.slots.setObjectName("load-slots")
        self.slots.setRange(0, MAX_SLOTS)
        self.kv_type = QComboBox()
        self.kv_type.setObjectName("load-kv-type")
        self.kv_type.addItem("", None)
        for name in KV_TYPES:
            self.kv_type.addItem(name, name)
        for spin in (self.context, self.slots):
            spin.setAcceptDrops(False)
            spin.lineEdit().setAcceptDrops(False)
        self.button = Button(theme, kind="plain", icon_name="play")
        self.button.setObjectName("load-button")
        self.unload = Button(theme, kind="quiet", icon_name="eject")
        self.unload.setObjectName("unload-button")
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(GAP)
        grid.setColumnStretch(1, 1)
        for line, (label, field) in enumerate(
            zip(self._labels, (self.context, self.slots, self.kv_type), strict=True)
        ):
            place = line if line == 0 else line + 1
            grid.addWidget(label, place, 0)
            grid.addWidget(field, place, 1)
            label.setBuddy(field)
            field.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        grid.addWidget(self.slider, 1, 1)
        grid.addLayout(row(self.button, self.unload, 1), 4, 0, 1, 2)
        grid.setRowMinimumHeight(4, 48)
        for field in (self.context, self.slots, self.kv_type, self.slider):
            field.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            field.installEventFilter(self)
        self.slider.valueChanged.connect(self._on_slider_changed)
        self.context.valueChanged.connect(self._on_context_changed)
        self.button.clicked.connect(self._on_button_clicked)
        self.unload.clicked.connect(self.unload_asked)
        self.retranslate()

    def retranslate(self) -> None:
        names = (self.tr("Context"), self.tr("Slots"), self.tr("KV cache"))
        fields = (self.context, self.slots, self.kv_type)
        for label, field, name in zip(self._labels, fields, names, strict=True):
            label.setText(name)
            field.setAccessibleName(name)
        self.slider.setAccessibleName(self.tr("Context"))
        automatic = self.tr("Automatic")
        self.context.setSpecialValueText(automatic)
        self.context.setSuffix(self.tr(" tokens"))
        self.slots.setSpecialValueText(automatic)
        self.kv_type.setItemText(0, automatic)
        self.context.setToolTip(self.tr("Tokens per request, the prompt and its answer together"))
        self.slots.setToolTip(self.tr("How many requests are answered at the same time"))
        self.kv_type.setToolTip(
            self.tr("A smaller type takes less memory per token and costs a little quality")
        )
        self._name_buttons()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """The wheel scrolls the panel: it changes a field only where the hands are in it."""
        wheel = event.type() == QEvent.Type.Wheel
        if wheel and isinstance(watched, QWidget) and not watched.hasFocus():
            event.ignore()
            return True
        return False

    def _name_buttons(self) -> None:
        self.button.setText(self.tr("Load again") if self._loaded else self.tr("Load"))
        self.button.setToolTip(
            self.tr("Takes the model out and loads it with these settings") if self._loaded else ""
        )
        self.unload.setText(self.tr("Unload"))
        self.unload.setVisible(self._loaded)

    def set_model(self, trained: int | None) -> None:
        """Begin anew for a model, with everything automatic."""
        self._steps = context_steps(trained)
        with QSignalBlocker(self.context), QSignalBlocker(self.slider):
            self.context.set_steps(self._steps)
            self.slider.setRange(0, len(self._steps))
            self.context.setValue(0)
            self.slider.setValue(0)
        self.slots.setValue(0)
        self.kv_type.setCurrentIndex(0)

    def set_loaded(self, loaded: bool) -> None:
        self._loaded = loaded
        self._name_buttons()

    def wishes(self) -> dict[str, Any]:
        """What was chosen, as keyword arguments of `Client.load`."""
        return {
            "context_tokens": self.context.value() or None,
            "slots": self.slots.value() or None,
            "kv_type": self.kv_type.currentData(),
        }

    def _on_slider_changed(self, place: int) -> None:
        with QSignalBlocker(self.context):
            self.context.setValue(self._steps[place - 1] if place else 0)

    def _on_context_changed(self, tokens: int) -> None:
        with QSignalBlocker(self.slider):
            self.slider.setValue(bisect_right(self._steps, tokens))

    def _on_button_clicked(self) -> None:
        self.load_asked.emit(self.wishes())
