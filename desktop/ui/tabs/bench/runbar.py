"""The bar that says what is measured: model, tokens, depth, requests at once, repeats."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QBoxLayout,
    QComboBox,
    QHBoxLayout,
    QLineEdit,
    QSizePolicy,
    QSpinBox,
    QWidget,
)

from desktop.ui.i18n import Translated
from desktop.ui.tabs.bench.choices import ModelChoice
from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.base import GAP, TIGHT, Surface, Text
from desktop.ui.widgets.field import Field
from desktop.ui.widgets.segments import Segments

Json = dict[str, Any]
LISTS = ("prompt", "gen", "depth", "concurrency")
PADDING = 12
_DEEP = 4096
_SPLIT = re.compile(r"[\s,;、，]+")  # as typed in Japanese, too


def preset(name: str, model: ModelChoice | None) -> Json:
    """The parameters of "quick" or "thorough" for a model: no deeper than it was trained for."""
    if name == "quick":
        return {"prompt": [512], "gen": [128], "depth": [0], "concurrency": [1], "repeat": 3}
    trained = model.context_tokens if model is not None else None
    deep = _DEEP if trained is None or trained >= 2 * _DEEP else trained // 2
    depths = [0, deep] if deep > 0 else [0]
    return {"prompt": [512], "gen": [128], "depth": depths, "concurrency": [1, 4], "repeat": 5}


class RunBar(Translated, Surface):
    """Emits `changed` on each change; read what is wanted with `params`."""

    changed = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, padding=PADDING, parent=parent)
        self._models: dict[str, ModelChoice] = {}
        self._chosen_by_hand = False
        self._model = QComboBox()
        self._model.setObjectName("bench-model")
        self._model.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self._model.setMinimumContentsLength(18)
        self._model.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._model.activated.connect(self._on_model_activated)
        self._lists: dict[str, QLineEdit] = {}
        self._fields: dict[str, Field] = {"model": Field(theme, self._model)}
        for name in LISTS:
            line = QLineEdit()
            line.setObjectName(f"bench-{name}")
            line.setMinimumWidth(line.fontMetrics().horizontalAdvance("0, 16384") + 20)
            line.textEdited.connect(self._on_edited)
            self._lists[name] = line
            self._fields[name] = Field(theme, line)
        self._repeat = QSpinBox()
        self._repeat.setObjectName("bench-repeat")
        self._repeat.setRange(1, 100)
        self._repeat.valueChanged.connect(self._on_edited)
        self._repeat.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._fields["repeat"] = Field(theme, self._repeat)
        self._presets = Segments(theme, ("quick", "thorough"))
        self._presets.chosen.connect(self._on_preset_chosen)
        self._note = Text(theme, role="caption", wrap=True)
        self._lines = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._lines.setSpacing(GAP + TIGHT)
        first, second = QHBoxLayout(), QHBoxLayout()
        bottom = Qt.AlignmentFlag.AlignBottom
        first.addWidget(self._fields["model"], 1, bottom)
        first.addWidget(self._presets, 0, bottom)
        for name in (*LISTS, "repeat"):
            second.addWidget(self._fields[name], 1, bottom)
        for part in (first, second):
            part.setSpacing(GAP + TIGHT)
        self._lines.addLayout(first, 4)
        self._lines.addLayout(second, 5)
        self.body.addLayout(self._lines)
        self.body.addWidget(self._note)
        self._parts = (first, second)
        self._apply_preset("quick")
        self.retranslate()

    def retranslate(self) -> None:
        several = self.tr("Several, separated by commas, are measured one after the other.")
        self._fields["model"].set_name(self.tr("Model"), self.tr("The model that is measured"))
        for name, words, tip in (
            (
                "prompt",
                self.tr("Prompt tokens"),
                self.tr("How much is read; 0 leaves prefill out."),
            ),
            ("gen", self.tr("Generated"), self.tr("How much is written; 0 leaves decode out.")),
            ("depth", self.tr("Depth"), self.tr("How many tokens stand in the context before.")),
            ("concurrency", self.tr("At once"), self.tr("How many requests run at the same time.")),
        ):
            self._fields[name].set_name(words, f"{tip} {several}")
        self._fields["repeat"].set_name(
            self.tr("Repeats"),
            self.tr("How often each test is measured; 3 or more show the spread."),
        )
        self._presets.set_words({"quick": self.tr("Quick"), "thorough": self.tr("Thorough")})
        self._presets.setAccessibleName(self.tr("Presets"))

    # --- models -------------------------------------------------------------------------------

    def set_models(self, models: Sequence[ModelChoice], default: ModelChoice | None) -> None:
        """Keep a model chosen by hand; otherwise take the default."""
        wanted = self._model.currentText() if self._chosen_by_hand else ""
        self._models = {model.id: model for model in models}
        if wanted not in self._models:
            wanted = default.id if default is not None else ""
            self._chosen_by_hand = False
        self._model.clear()
        self._model.addItems(list(self._models))
        self._model.setCurrentIndex(self._model.findText(wanted))
        self._model.setEnabled(bool(self._models))
        self._refresh_preset()
        self.changed.emit()

    @property
    def model(self) -> ModelChoice | None:
        return self._models.get(self._model.currentText())

    # --- parameters ---------------------------------------------------------------------------

    def params(self) -> Json:
        """As the job takes them. What is no number stays text: the check says so."""
        params: Json = {name: _numbers(line.text()) for name, line in self._lists.items()}
        params["repeat"] = self._repeat.value()
        if self.model is not None:
            params["model"] = self.model.id
        return params

    def show_note(self, text: str, fine: bool) -> None:
        """What would be run, or what is wrong with it."""
        self._note.setText(text)
        self._note.set_token("secondary" if fine else "error")

    def set_locked(self, locked: bool) -> None:
        """Nothing can be changed while a run is in progress."""
        for widget in (*self._fields.values(), self._presets):
            widget.setEnabled(not locked)

    def _apply_preset(self, name: str) -> None:
        wanted = preset(name, self.model)
        for key, line in self._lists.items():
            line.setText(", ".join(str(number) for number in wanted[key]))
        self._repeat.blockSignals(True)
        self._repeat.setValue(wanted["repeat"])
        self._repeat.blockSignals(False)
        self._presets.choose(name)

    def _refresh_preset(self) -> None:
        current = self._presets.current
        if current is not None:
            self._apply_preset(current)

    def _on_preset_chosen(self, name: str) -> None:
        self._apply_preset(name)
        self.changed.emit()

    def _on_model_activated(self) -> None:
        self._chosen_by_hand = True
        self._refresh_preset()
        self.changed.emit()

    def _on_edited(self) -> None:
        params = self.params()
        params.pop("model", None)
        same = [name for name in ("quick", "thorough") if preset(name, self.model) == params]
        self._presets.choose(same[0] if same else None)
        self.changed.emit()

    def set_room(self, width: int) -> None:
        """Lay it out for this width: the bar itself cannot get narrower than one line."""
        needed = sum(part.minimumSize().width() for part in self._parts)
        wide = width >= needed + self._lines.spacing() + 2 * PADDING
        direction = QBoxLayout.Direction
        self._lines.setDirection(direction.LeftToRight if wide else direction.TopToBottom)


def _numbers(text: str) -> list[int | str]:
    """The numbers of a list as it is typed; a part that is none stays as it is."""
    parts = [part for part in _SPLIT.split(text.strip()) if part]
    return [int(part) if part.isdecimal() and len(part) < 12 else part for part in parts]
