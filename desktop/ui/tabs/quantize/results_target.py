"""What target mode found: the file, the plain type it had to beat, and the recipe to keep."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from desktop.ui import units
from desktop.ui.i18n import Translated
from desktop.ui.tabs.quantize import results_words as words
from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.base import TIGHT, Button, Surface, Text, column, row

Json = dict[str, Any]


class TargetBox(Translated, Surface):
    """Signals:
    save_asked: the recipe is to be saved under a name.
    """

    save_asked = Signal(dict)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, padding=12, parent=parent)
        self._target: Mapping[str, Any] | None = None
        self._asked = Text(theme, role="strong", wrap=True)
        self._found = Text(theme, wrap=True)
        self._plain = Text(theme, token="secondary", wrap=True)
        self._tried = Text(theme, role="caption", wrap=True)
        self._unfold = Button(theme, kind="quiet", icon_name="chevron-right", flush=True)
        self._unfold.setCheckable(True)
        self._unfold.setObjectName("target-recipe")
        self._unfold.toggled.connect(self._on_unfold_toggled)
        self._save = Button(theme)
        self._save.setObjectName("target-save")
        self._save.clicked.connect(self._on_save_clicked)
        self._recipe = Text(theme, role="mono", wrap=True)
        self._recipe.hide()
        lines = column(self._asked, self._found, self._plain, self._tried, spacing=TIGHT)
        self.body.addLayout(lines)
        self.body.addLayout(row(self._unfold, self._save, 1))
        self.body.addWidget(self._recipe)
        self.retranslate()

    def retranslate(self) -> None:
        self._unfold.setText(self.tr("Recipe"))
        self._save.setText(self.tr("Save as recipe"))
        for button in (self._unfold, self._save):
            button.updateGeometry()
        self._write()

    def show_target(self, target: Mapping[str, Any]) -> None:
        """Args: target: of a job's result."""
        self._target = target
        self._unfold.setChecked(False)
        self._write()

    def _write(self) -> None:
        target = self._target
        if target is None:
            return
        found, plain, recipe = target["found"], target.get("plain"), target["recipe"]
        self._asked.setText(self._wanted(target["asked"]))
        better = bool(target.get("better", True))
        if better:
            self._found.setText(self.tr("Found: {figures}").format(figures=self._figures(found)))
        else:
            text = self.tr("No recipe that was tried loses less than plain {type}, which was kept.")
            self._found.setText(text.format(type=found["label"]))
        self._plain.setVisible(bool(plain))
        if plain:
            text = self.tr("Plain {type}: {figures}")
            self._plain.setText(text.format(type=plain["label"], figures=self._figures(plain)))
        text = self.tr("{count} recipes tried in {time}.")
        self._tried.setText(
            text.format(count=units.count(target["tried"]), time=units.duration(target["seconds"]))
        )
        for button in (self._unfold, self._save):
            button.setVisible(better)
        self._recipe.setText("\n".join(words.recipe_lines(recipe)))
        self._recipe.setVisible(better and self._unfold.isChecked())

    def _wanted(self, asked: Mapping[str, Any]) -> str:
        if asked.get("most_bytes"):
            text = self.tr("The best within {size}")
            return text.format(size=words.size(asked["most_bytes"]))
        text = self.tr("The best at {speed} tok/s or more")
        return text.format(speed=units.speed(asked.get("least_tokens_per_second")))

    def _figures(self, row: Mapping[str, Any]) -> str:
        """ "3.1 MiB, KLD 0.0123 (0.0119–0.0127), ✓ 41.3 tok/s"."""
        parts = [words.size(row.get("size_bytes"))]
        parts.append(self.tr("KLD {value}").format(value=words.kld_with_interval(row)))
        speed = row.get("decode_tokens_per_second")
        if speed is not None:
            parts.append(self.tr("{speed} tok/s").format(speed=words.speed(speed)))
        return ", ".join(parts)

    def _on_unfold_toggled(self, on: bool) -> None:
        self._unfold.set_icon("chevron-down" if on else "chevron-right")
        self._recipe.setVisible(on)

    def _on_save_clicked(self) -> None:
        if self._target is not None:
            self.save_asked.emit(dict(self._target["recipe"]))
