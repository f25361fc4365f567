"""Stages of a load: reading file → placing layers → warming up → ready, the current one alive."""

from __future__ import annotations

from PySide6.QtWidgets import QVBoxLayout, QWidget

from desktop.ui.i18n import Translated
from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.base import GAP, Text
from desktop.ui.widgets.flow import FlowLayout
from desktop.ui.widgets.progressrow import Bar

STAGES = ("reading file", "placing layers", "warming up", "ready")


class Stages(Translated, QWidget):
    """Four words in a row (two where it is narrow) and a bar; a mark stands before what is done and
    what goes on."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._stage, self._progress = "", -1.0
        self._words = [Text(theme, role="caption") for _ in STAGES]
        self._bar = Bar(theme)
        words = QWidget()
        flow = FlowLayout(words, 12)
        for word in self._words:
            flow.addWidget(word)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GAP)
        layout.addWidget(words)
        layout.addWidget(self._bar)
        self.retranslate()

    def retranslate(self) -> None:
        names = (
            self.tr("Reading file"),
            self.tr("Placing layers"),
            self.tr("Warming up"),
            self.tr("Ready"),
        )
        # "checking memory" comes before the first.
        current = STAGES.index(self._stage) if self._stage in STAGES else -1
        for index, (word, name) in enumerate(zip(self._words, names, strict=True)):
            mark = "✓" if index < current else "●" if index == current else "○"
            word.setText(f"{mark} {name}")
            word.set_token("text" if index == current else "secondary")
        self._bar.setAccessibleName(self.tr("Progress of loading"))
        self._bar.set_share(self._progress if self._progress >= 0 else None)

    def show_stage(self, stage: str, progress: float | None) -> None:
        """Args: stage: as the service names it; progress: 0..1, None where nobody knows."""
        fresh = (stage, -1.0 if progress is None else progress)
        if fresh != (self._stage, self._progress):
            self._stage, self._progress = fresh
            self.retranslate()
