"""The repositories that the hub found, as tiles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QRect, Qt
from PySide6.QtGui import QPainter

from desktop.ui.tabs.discover import hubwords, words
from desktop.ui.tabs.discover.cards import in_library
from desktop.ui.tabs.discover.getting import LocalModels
from desktop.ui.tabs.discover.ink import RIGHT
from desktop.ui.tabs.discover.tiles import PADDING, TileGrid
from desktop.ui.theme.icons import icon
from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.tables import Index

if TYPE_CHECKING:
    from desktop.core.hub.facts import FoundRepo


class ReposModel(QAbstractListModel):
    """In the hub's order."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._repos: list[FoundRepo] = []

    def set_repos(self, repos: Sequence[FoundRepo]) -> None:
        """More behind those that are shown leave these as they are."""
        known = len(self._repos)
        if 0 < known <= len(repos) and list(repos[:known]) == self._repos:
            if len(repos) > known:
                self.beginInsertRows(QModelIndex(), known, len(repos) - 1)
                self._repos = list(repos)
                self.endInsertRows()
            return
        self.beginResetModel()
        self._repos = list(repos)
        self.endResetModel()

    @property
    def repos(self) -> list[FoundRepo]:
        return self._repos

    def row_of(self, repo: str) -> int:
        """-1 where it is not shown."""
        return next((n for n, each in enumerate(self._repos) if each.repo == repo), -1)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        return 0 if parent.isValid() else len(self._repos)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= len(self._repos):
            return None
        found = self._repos[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return found.repo
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return _description(found)
        if role == Qt.ItemDataRole.ToolTipRole:
            return "\n".join(part for part in (found.repo, hubwords.origin(found)) if part)
        return None


def _description(found: FoundRepo) -> str:
    parts = [found.repo, *hubwords.about(found)[1:], *hubwords.chips(found)]
    parts += [*hubwords.figures(found), *hubwords.history(found)]
    if found.gated:
        parts.append(hubwords.gated())
    return words.sentences(part for part in parts if part)


class RepoGrid(TileGrid):
    """The view."""

    def __init__(self, theme: Theme, model: ReposModel, library: LocalModels) -> None:
        super().__init__(theme, model)
        self._repos, self._library = model, library
        self.setObjectName("discover-hub-grid")

    def card_height(self) -> int:
        """Name, owner, chips, and two lines of figures."""
        name, _, small = self.ink.heights()
        return 2 * PADDING + name + 2 + small + 8 + small + 6 + 10 + 2 * small

    def _paint(self, painter: QPainter, inside: QRect, row: int) -> None:
        found, ink = self._repos.repos[row], self.ink
        name, _, small = ink.heights()
        line = QRect(inside.left(), inside.top(), inside.width(), name)
        taken = self._paint_mark(painter, line, found)
        painter.setFont(ink.name)
        ink.text(painter, line.adjusted(0, 0, -taken, 0), hubwords.name(found))
        painter.setFont(ink.small)
        below = QRect(inside.left(), line.bottom() + 3, inside.width(), small)
        ink.text(painter, below, " · ".join(hubwords.about(found)), "secondary")
        top = ink.chips(painter, inside, below.bottom() + 8, hubwords.chips(found))
        painter.setFont(ink.small)
        first = QRect(inside.left(), top + 10, inside.width(), small)
        ink.text(painter, first, " · ".join(hubwords.figures(found)), "secondary")
        first.translate(0, small)
        ink.text(painter, first, " · ".join(hubwords.history(found)), "secondary")

    def _paint_mark(self, painter: QPainter, line: QRect, found: FoundRepo) -> int:
        """What sets the repository apart, on the right of its name; returns the room it took."""
        ink, here = self.ink, found.repo.casefold() in self._library.files
        if not here and not found.gated:
            return 0
        painter.setFont(ink.small)
        text = f"✓ {in_library()}" if here else hubwords.gated()
        ink.text(painter, line, text, "accent" if here else "warning", RIGHT)
        taken = painter.fontMetrics().horizontalAdvance(text) + 12
        if not here:
            side = self._theme.icon_side(14)
            left = line.right() - taken - side + 8
            place = line.top() + (line.height() - side) // 2
            icon(self._theme, "lock", "warning").paint(painter, left, place, side, side)
            taken += side + 4
        return taken
