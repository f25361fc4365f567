"""What can be chosen for a load: context, slots, cache, and where the layers lie."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import Any

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import QComboBox, QGridLayout, QSizePolicy, QSpinBox, QWidget

from desktop.ui.i18n import Translated
from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.base import GAP, Text
from desktop.ui.widgets.slider import StepSlider
from desktop.ui.widgets.wheel import WheelGuard

_UNKNOWN_CONTEXT = 131_072  # the bound where a file does not say what it was trained for
KV_TYPES = ("f16", "q8_0", "q4_0")
MAX_SLOTS = 64  # what the service takes
_AUTOMATIC = -1  # of the layers, of which 0 is a choice


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


class LoadControls(Translated, QWidget):
    """The fields; each is automatic unless chosen.

    Signals:
        changed: something was chosen.
    """

    changed = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._steps = context_steps(None)
        self._layers = 0
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
        self.gpu_layers = QSpinBox()
        self.gpu_layers.setObjectName("load-gpu-layers")
        self.layers_slider = StepSlider(theme)
        self.layers_slider.setObjectName("load-gpu-layers-slider")
        self.experts = QSpinBox()
        self.experts.setObjectName("load-experts")
        self._fields: tuple[QWidget, ...] = (
            *(self.context, self.slots, self.kv_type, self.gpu_layers, self.experts),
        )
        self._labels = [Text(theme, token="secondary") for _ in self._fields]
        self.grid = QGridLayout(self)
        self.grid.setContentsMargins(0, 0, 0, 0)
        self.grid.setHorizontalSpacing(16)
        self.grid.setVerticalSpacing(GAP)
        self.grid.setColumnStretch(1, 1)
        for line, (label, field) in enumerate(zip(self._labels, self._fields, strict=True)):
            self.grid.addWidget(label, 2 * line, 0)
            self.grid.addWidget(field, 2 * line, 1)
            label.setBuddy(field)
            field.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.grid.addWidget(self.slider, 1, 1)
        self.grid.addWidget(self.layers_slider, 7, 1)
        for spin in (self.context, self.slots, self.gpu_layers, self.experts):
            spin.setAcceptDrops(False)
            spin.lineEdit().setAcceptDrops(False)
        WheelGuard(self).watch(*self._fields, self.slider, self.layers_slider)
        self.slider.valueChanged.connect(self._on_slider_changed)
        self.context.valueChanged.connect(self._on_context_changed)
        self.layers_slider.valueChanged.connect(self.gpu_layers.setValue)
        self.gpu_layers.valueChanged.connect(self._on_layers_changed)
        for each in (self.slots, self.experts):
            each.valueChanged.connect(self._on_field_changed)
        self.kv_type.currentIndexChanged.connect(self._on_field_changed)
        self.set_layers(0, has_experts=False)
        self.retranslate()

    def retranslate(self) -> None:
        names = (
            self.tr("Context"),
            self.tr("Slots"),
            self.tr("KV cache"),
            self.tr("GPU layers"),
            self.tr("Experts in RAM"),
        )
        for label, field, name in zip(self._labels, self._fields, names, strict=True):
            label.setText(name)
            field.setAccessibleName(name)
        self.slider.setAccessibleName(names[0])
        self.layers_slider.setAccessibleName(names[3])
        automatic = self.tr("Automatic")
        for spin in (self.context, self.slots, self.gpu_layers, self.experts):
            spin.setSpecialValueText(automatic)
        self.context.setSuffix(self.tr(" tokens"))
        self._name_layers()
        self.kv_type.setItemText(0, automatic)
        self.context.setToolTip(self.tr("Tokens per request, the prompt and its answer together"))
        self.slots.setToolTip(self.tr("How many requests are answered at the same time"))
        self.kv_type.setToolTip(
            self.tr("A smaller type takes less memory per token and costs a little quality")
        )
        self.gpu_layers.setToolTip(
            self.tr("How many layers lie on the GPU; the others are computed by the processor")
        )
        self.experts.setToolTip(
            self.tr("Of how many layers the experts stay in RAM; the rest lies on the GPU")
        )

    def _name_layers(self) -> None:
        of = self.tr(" of {count}").format(count=self._layers)
        self.gpu_layers.setSuffix(of)
        self.experts.setSuffix(of)

    # --- what is shown --------------------------------------------------------------------------

    def set_model(self, trained: int | None) -> None:
        """Begin anew for a model, with everything automatic; tells nobody."""
        self._steps = context_steps(trained)
        with QSignalBlocker(self.context), QSignalBlocker(self.slider):
            self.context.set_steps(self._steps)
            self.slider.setRange(0, len(self._steps))
            self.context.setValue(0)
            self.slider.setValue(0)
        with QSignalBlocker(self.slots), QSignalBlocker(self.kv_type):
            self.slots.setValue(0)
            self.kv_type.setCurrentIndex(0)
        self.set_layers(0, has_experts=False)

    def set_layers(self, count: int, *, has_experts: bool) -> None:
        """Where layers can be placed: on a GPU there is.

        Args:
            count: how many the model has; 0: nothing can be chosen.
        """
        self._layers = count
        self._name_layers()
        for field in (self.gpu_layers, self.layers_slider, self.experts):
            with QSignalBlocker(field):
                field.setRange(_AUTOMATIC, count)
                field.setValue(_AUTOMATIC)
        for field, label, there in (
            (self.gpu_layers, self._labels[3], count > 0),
            (self.experts, self._labels[4], count > 0 and has_experts),
        ):
            field.setVisible(there)
            label.setVisible(there)
        self.layers_slider.setVisible(count > 0)

    def set_wishes(self, wishes: dict[str, Any]) -> None:
        """Show these choices; tells nobody. Layers are left as they are."""
        context, kv_type = wishes.get("context_tokens") or 0, wishes.get("kv_type")
        with QSignalBlocker(self.context), QSignalBlocker(self.slider):
            self.context.setValue(context)
            self.slider.setValue(bisect_right(self._steps, self.context.value()))
        with QSignalBlocker(self.slots), QSignalBlocker(self.kv_type):
            self.slots.setValue(wishes.get("slots") or 0)
            self.kv_type.setCurrentIndex(max(0, self.kv_type.findData(kv_type)))

    def wishes(self) -> dict[str, Any]:
        """What was chosen, as keyword arguments of `Client.load` and of `Wishes`; None: automatic.

        To the engine the output is one more layer: it goes with the others.
        """
        layers, experts = self.gpu_layers.value(), self.experts.value()
        chosen: dict[str, Any] = {
            "context_tokens": self.context.value() or None,
            "slots": self.slots.value() or None,
            "kv_type": self.kv_type.currentData(),
            "gpu_layers": None,
            "experts_on_cpu": None,
        }
        if self._layers and layers != _AUTOMATIC:
            chosen["gpu_layers"] = layers + 1 if layers else 0
        if self._layers and experts != _AUTOMATIC:
            chosen["experts_on_cpu"] = True if experts == self._layers else experts or False
        return chosen

    @property
    def touched(self) -> bool:
        """Whether anything was chosen."""
        return any(value is not None for value in self.wishes().values())

    # --- what is done ---------------------------------------------------------------------------

    def _on_slider_changed(self, place: int) -> None:
        with QSignalBlocker(self.context):
            self.context.setValue(self._steps[place - 1] if place else 0)
        self.changed.emit()

    def _on_context_changed(self, tokens: int) -> None:
        with QSignalBlocker(self.slider):
            self.slider.setValue(bisect_right(self._steps, tokens))
        self.changed.emit()

    def _on_layers_changed(self, layers: int) -> None:
        with QSignalBlocker(self.layers_slider):
            self.layers_slider.setValue(layers)
        self.changed.emit()

    def _on_field_changed(self) -> None:
        self.changed.emit()
