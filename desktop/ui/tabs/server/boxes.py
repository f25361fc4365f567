"""Drop-down boxes: one for models, and any as wide as what can be chosen in it."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtWidgets import QComboBox, QSizePolicy

_AROUND = 2  # widths of an x: of the arrow and the frame


def fit(box: QComboBox, most: int = 24) -> None:
    """Have a box show its longest text whole, up to a number of letters; after each change."""
    metrics = box.fontMetrics()
    texts = [box.itemText(number) for number in range(box.count())]
    widest = max((metrics.horizontalAdvance(text) for text in texts), default=0)
    letters = -(-widest // max(1, metrics.horizontalAdvance("X"))) + _AROUND
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.setMinimumContentsLength(min(most, letters))


class ModelBox(QComboBox):
    """The ids of models, of which one is chosen.

    Args:
        letters: of an id that are seen at least.
    """

    def __init__(self, letters: int = 12) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(letters)

    def show_models(self, models: Sequence[str], current: str | None = None) -> None:
        """Keep what was chosen where it still is there; else choose `current`, else the first.

        No signal tells of it.
        """
        kept = self.currentText()
        self.blockSignals(True)
        self.clear()
        self.addItems(models)
        wanted = kept if kept in models else current
        if wanted in models:
            self.setCurrentText(str(wanted))
        self.blockSignals(False)
        self.setEnabled(bool(models))
