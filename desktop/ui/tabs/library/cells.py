"""How the library's cells are painted: a name with its chips, a state with its mark, a button."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QModelIndex, QRect, QRectF, Qt, Signal
from PySide6.QtGui import QPainter, QPen
from PySide6.QtWidgets import QStyleOptionViewItem

from desktop.ui.tabs.library.columns import short
from desktop.ui.tabs.library.rows import ACTION_ROLE, CHIPS_ROLE, KEPT_ROLE, VERDICT_ROLE
from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.badge import paint_badge
from desktop.ui.widgets.tables import TOKEN_ROLE, Cells, DataTable, Index


class NameCells(Cells):
    """The id, then chips as long as there is room; a chip never pushes the id out."""

    def content(self, painter: QPainter, rect: QRect, index: Index) -> None:
        chips = [(short(text), token) for text, token in index.data(CHIPS_ROLE) or []]
        name = str(index.data(Qt.ItemDataRole.DisplayRole))
        caption = self.theme.font(-1)
        painter.setFont(caption)
        widths = [painter.fontMetrics().horizontalAdvance(text) + 16 for text, _ in chips]
        height = painter.fontMetrics().height() + 4
        painter.setFont(self.table.font())
        room = sum(widths) + 8 * len(widths)
        needed = painter.fontMetrics().horizontalAdvance(name) + 2  # eliding rounds the other way
        kept = max(min(needed, rect.width()), rect.width() - room)
        taken = self.text(painter, QRect(rect.x(), rect.y(), kept, rect.height()), index, name)
        left = rect.x() + taken + 8
        painter.setFont(caption)
        for (text, token), width in zip(chips, widths, strict=True):
            if left + width > rect.right():
                return
            top = rect.y() + (rect.height() - height) / 2
            box = QRectF(left + 0.5, top + 0.5, width - 1, height - 1)
            painter.setPen(QPen(self.theme.colour("line_strong"), 1))
            painter.setBrush(self.theme.colour("window"))
            painter.drawRoundedRect(box, box.height() / 2, box.height() / 2)
            painter.setPen(self.theme.colour(token))
            painter.drawText(box, int(Qt.AlignmentFlag.AlignCenter), text)
            left += width + 4


class ActionCells(Cells):
    """A painted button: Load, Unload or Cancel.

    Signals:
        pressed: the button of this row was clicked.
    """

    pressed = Signal(QModelIndex)

    def __init__(self, theme: Theme, parent: DataTable) -> None:
        super().__init__(theme, parent)
        self._armed: int | None = None

    def box(self, rect: QRect, text: str) -> QRectF:
        """Where the button stands in its cell."""
        metrics = self.table.fontMetrics()
        width, height = metrics.horizontalAdvance(text) + 24, metrics.height() + 8
        top = rect.y() + (rect.height() - height) / 2
        return QRectF(rect.right() - 8 - width + 0.5, top + 0.5, width - 1, height - 1)

    def content(self, painter: QPainter, rect: QRect, index: Index) -> None:
        text = str(index.data(Qt.ItemDataRole.DisplayRole))
        if not text:
            return
        theme = self.theme
        box = self.box(rect.adjusted(-12, 0, 12, 0), text)
        under = index.row() == self.table.hovered_row
        current = index.row() == self.table.currentIndex().row()
        if under or current:
            painter.setPen(QPen(theme.colour("line_strong"), 1))
            painter.setBrush(theme.colour("raised"))
            painter.drawRoundedRect(box, 6, 6)
        painter.setPen(theme.colour("text" if under or current else "secondary"))
        painter.drawText(box, int(Qt.AlignmentFlag.AlignCenter), text)

    def editorEvent(
        self, event: QEvent, model: object, option: QStyleOptionViewItem, index: Index
    ) -> bool:
        """A click is a press and a release on one button: the second half of a double click, which
        has no press of its own, must not undo what the first has begun."""
        kind = event.type()
        if kind not in (QEvent.Type.MouseButtonPress, QEvent.Type.MouseButtonRelease):
            return False
        armed, self._armed = self._armed, None
        left = Qt.MouseButton.LeftButton
        if not index.data(ACTION_ROLE) or event.button() != left:  # type: ignore[attr-defined]
            return False
        text = str(index.data(Qt.ItemDataRole.DisplayRole))
        place = event.position()  # type: ignore[attr-defined]
        rect: QRect = option.rect
        if not self.box(rect, text).contains(place):
            return False
        if kind == QEvent.Type.MouseButtonPress:
            self._armed = index.row()
        elif armed == index.row():
            self.pressed.emit(index)
        return False


class FitCells(Cells):
    """The fit badge."""

    def content(self, painter: QPainter, rect: QRect, index: Index) -> None:
        verdict = str(index.data(VERDICT_ROLE))
        if not verdict or not paint_badge(painter, QRectF(rect), self.theme, verdict):
            super().content(painter, rect, index)


class StateCells(Cells):
    """A state with a mark before it, so that its colour is not all it has."""

    def content(self, painter: QPainter, rect: QRect, index: Index) -> None:
        text = str(index.data(Qt.ItemDataRole.DisplayRole))
        action = index.data(ACTION_ROLE)
        mark = "●" if action == "unload" else "◔" if action == "cancel" else ""
        if index.data(KEPT_ROLE):
            mark = "◆"
        if index.data(TOKEN_ROLE) == "error":
            mark = "✕"
        self.text(painter, rect, index, f"{mark} {text}".strip())
