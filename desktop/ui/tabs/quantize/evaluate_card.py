"""The fourth card: whether, on what and for how long files are compared with the whole model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PySide6.QtWidgets import QVBoxLayout, QWidget

from desktop.ui.tabs.quantize import words
from desktop.ui.tabs.quantize.cards import Card, combo, tell
from desktop.ui.tabs.quantize.pathfield import PathField
from desktop.ui.tabs.quantize.wish import Evaluation, Text
from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.base import TIGHT
from desktop.ui.widgets.chips import ChoiceChips
from desktop.ui.widgets.field import Field
from desktop.ui.widgets.tick import Tick
from desktop.ui.widgets.wheel import WheelGuard

Json = dict[str, Any]
_BUDGETS = (None, 300.0, 900.0, 1800.0, 3600.0, 7200.0)
_OFFERED = 4  # files of the library beside which more can be chosen


class EvaluateCard(Card):
    """What each file lost, measured on a text."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, 4)
        self._searching = False
        self._offers: dict[str, str] = {}
        self._added: list[str] = []
        self.on = Tick(theme)
        self.on.setObjectName("quantize-evaluate")
        self.on.setChecked(True)
        self.on.clicked.connect(self._on_changed)
        self.kinds = ChoiceChips(theme, ("bundled", "text"))
        self.kinds.chosen.connect(self._on_changed)
        self.text = PathField(theme, "text")
        self.text.chosen.connect(self._on_changed)
        self.budget = combo("quantize-budget", 6)
        for seconds in _BUDGETS:
            self.budget.addItem("" if seconds is None else words.time_budget(seconds), seconds)
        self.budget.activated.connect(self._on_changed)
        WheelGuard(self).watch(self.budget)
        self._budget = Field(theme, self.budget)
        for widget in (self.on, self.kinds, self.text, self._budget):
            self.body.addWidget(widget)
        self._about = self.caption()
        self._compare = self.caption()
        self._ticks: dict[str, Tick] = {}
        self._list = QWidget()
        self._rows = QVBoxLayout(self._list)
        self._rows.setContentsMargins(0, 0, 0, 0)
        self._rows.setSpacing(TIGHT)
        self.other = PathField(theme, "gguf")
        self.other.button.setObjectName("quantize-compare")
        self.other.chosen.connect(self._on_other_chosen)
        self.body.addWidget(self._list)
        self.body.addWidget(self.other)
        self.body.addStretch(1)
        self.retranslate()

    def retranslate(self) -> None:
        self.heading.setText(self.tr("Evaluate"))
        self.on.setText(self.tr("Measure what each file lost"))
        self.kinds.set_words({"bundled": self.tr("Paddock's text"), "text": self.tr("Own text")})
        self.kinds.setAccessibleName(self.tr("Text to compare on"))
        self._budget.set_name(
            self.tr("Time for it"),
            self.tr("Fewer parts of the text are read where it would take longer."),
        )
        self.budget.setItemText(0, self.tr("As long as it takes"))
        self._show()

    # --- what is shown --------------------------------------------------------------------------

    def show_offers(self, models: Sequence[Json]) -> None:
        """Args: models: other files of the source's model, of the library."""
        offers = {each["path"]: each["id"] for each in models[:_OFFERED]}
        if offers != self._offers:
            self._offers = offers
            self._list_ticks()

    def set_searching(self, searching: bool) -> None:
        """A target is met by measuring: nothing but the text can be chosen."""
        if searching != self._searching:
            self._searching = searching
            self._show()

    def _list_ticks(self) -> None:
        named = {**self._offers, **{path: Path(path).name for path in self._added}}
        for path in [path for path in self._ticks if path not in named]:
            tick = self._ticks.pop(path)
            tick.hide()
            tick.deleteLater()
        for path, name in named.items():
            if path not in self._ticks:
                tick = Tick(self._theme)
                tick.setChecked(path in self._added)
                tick.clicked.connect(self._on_changed)
                self._rows.addWidget(tick)
                self._ticks[path] = tick
            self._ticks[path].setText(name)
            self._ticks[path].setToolTip(path)
        self._show()

    def _show(self) -> None:
        on = self.on.isChecked() or self._searching
        self.on.setVisible(not self._searching)
        self.kinds.setVisible(on)
        self.text.setVisible(on and self.kinds.current == "text")
        compares = on and not self._searching
        self._budget.setVisible(compares)
        self._list.setVisible(compares and bool(self._ticks))
        self.other.setVisible(compares)
        about = self.tr("Answers to a text are compared with those of the whole model.")
        if self._searching:
            about = self.tr("A target is met by measuring each file that is tried.")
        elif not on:
            about = self.tr("Sizes only. Nothing says then what each file lost.")
        tell(self._about, about)
        beside = self.tr("Other files of this model, to compare with")
        tell(self._compare, beside if compares else "")

    # --- what is wanted -------------------------------------------------------------------------

    def wish(self) -> Evaluation:
        kind = self.kinds.current
        text = Text(kind, self.text.path if kind == "text" else "")
        if self._searching:
            return Evaluation(True, text)
        compare = tuple(path for path, tick in self._ticks.items() if tick.isChecked())
        return Evaluation(self.on.isChecked(), text, self.budget.currentData(), compare)

    def _on_other_chosen(self, path: str) -> None:
        self.other.set_path("")
        if path not in self._added and path not in self._offers:
            self._added.append(path)
        self._list_ticks()
        self._ticks[path].setChecked(True)
        self._on_changed()

    def _on_changed(self) -> None:
        self._show()
        self.changed.emit()
