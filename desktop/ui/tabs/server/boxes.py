"""Drop-down boxes that are as wide as what can be chosen in them."""

from __future__ import annotations

from PySide6.QtWidgets import QComboBox

_AROUND = 2  # widths of an x: of the arrow and the frame


def fit(box: QComboBox, most: int = 24) -> None:
    """Have a box show its longest text whole, up to a number of letters; after each change."""
    metrics = box.fontMetrics()
    texts = [box.itemText(number) for number in range(box.count())]
    widest = max((metrics.horizontalAdvance(text) for text in texts), default=0)
    letters = -(-widest // max(1, metrics.horizontalAdvance("X"))) + _AROUND
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.setMinimumContentsLength(min(most, letters))
