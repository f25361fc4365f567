"""The first part of the Server page: what to copy, who can reach it, what stays loaded."""

from __future__ import annotations

from PySide6.QtWidgets import QBoxLayout, QVBoxLayout, QWidget

from desktop.ui.tabs.server.connect import ConnectCard, ReachCard, SnippetsCard
from desktop.ui.tabs.server.keeping import KeepCard
from desktop.ui.theme.theme import Theme


class Overview(QWidget):
    """Cards in two columns, or in one where there is no room."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.connect_card = ConnectCard(theme)
        self.reach = ReachCard(theme)
        self.snippets = SnippetsCard(theme)
        self.keep = KeepCard(theme)
        left, right = QVBoxLayout(), QVBoxLayout()
        for side, cards in (
            (left, (self.connect_card, self.reach)),
            (right, (self.snippets, self.keep)),
        ):
            side.setSpacing(16)
            for card in cards:
                side.addWidget(card)
            side.setStretch(1, 1)  # both end at the same height
        self._columns = QBoxLayout(QBoxLayout.Direction.LeftToRight, self)
        self._columns.setContentsMargins(0, 0, 0, 0)
        self._columns.setSpacing(16)
        self._columns.addLayout(left, 1)
        self._columns.addLayout(right, 1)

    def set_wide(self, wide: bool) -> None:
        direction = QBoxLayout.Direction
        self._columns.setDirection(direction.LeftToRight if wide else direction.TopToBottom)
