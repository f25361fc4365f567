"""The four cards side by side, or in two rows, or below one another where letters are large."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QGridLayout, QSizePolicy, QWidget

from desktop.ui.i18n import Translated
from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.base import GAP, Surface, Text, row

PADDING = 14
_GAP = 12
_LETTERS = 29  # of a card's width, at least
_COLUMNS = (4, 2, 1)


class Card(Translated, Surface):
    """One step: its number and title, then its fields.

    Signals:
        changed: something was chosen.
    """

    changed = Signal()

    def __init__(self, theme: Theme, number: int) -> None:
        super().__init__(theme, padding=PADDING)
        self._theme = theme
        self.heading = Text(theme, role="strong", wrap=True)
        mark = Text(theme, str(number), role="strong", token="accent")
        line = row(mark, self.heading)
        line.setStretchFactor(self.heading, 1)
        self.body.addLayout(line)

    def caption(self, token: str | None = None) -> Text:
        """A line of small text at its end; hidden while it is empty."""
        text = Text(self._theme, role="caption", token=token, wrap=True)
        text.hide()
        self.body.addWidget(text)
        return text


def tell(text: Text, words: str) -> None:
    """Show these words, or nothing."""
    text.setText(words)
    text.setVisible(bool(words))


def combo(name: str, least: int = 8) -> QComboBox:
    """A box that is as wide as there is room. Args: least: letters it needs."""
    box = QComboBox()
    box.setObjectName(name)
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.setMinimumContentsLength(least)
    box.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
    return box


class CardGrid(QWidget):
    """Cards of one width."""

    def __init__(self, cards: Sequence[Card]) -> None:
        super().__init__()
        self._cards = cards
        self._columns = 0
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(_GAP)
        self._arrange(_COLUMNS[0])

    def set_room(self, width: int) -> None:
        """Lay them out for this width: by itself the grid cannot get narrower than its cards."""
        least = _LETTERS * self.fontMetrics().averageCharWidth() + 2 * PADDING + GAP
        fitting = [n for n in _COLUMNS if n * least + (n - 1) * _GAP <= width]
        self._arrange(fitting[0] if fitting else 1)

    def _arrange(self, columns: int) -> None:
        if columns == self._columns:
            return
        for number in range(_COLUMNS[0]):
            self._grid.setColumnStretch(number, 1 if number < columns else 0)
        for number, card in enumerate(self._cards):
            self._grid.addWidget(card, number // columns, number % columns)
        self._columns = columns
