"""Tables of ours: a header that whispers, whole rows under the pointer, cells painted from roles.

A table shows thousands of rows without a widget per row: everything in a cell is painted.
"""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import (
    QEvent,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPen
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from desktop.ui.theme.theme import Theme

TOKEN_ROLE = Qt.ItemDataRole.UserRole + 1  # the name of the colour of a cell's text
PADDING = 12
ROW_PADDING = 20  # of a row's height, above and below its text together

Index = QModelIndex | QPersistentModelIndex


class Header(QHeaderView):
    """Column titles in caption size; the sorted one has an arrow."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self._theme = theme
        self.setSectionsClickable(True)
        self.setHighlightSections(False)
        self.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self.setFont(theme.font(-1))
        self.setFixedHeight(self.fontMetrics().height() + 16)
        theme.changed.connect(self._on_theme_changed)

    def _on_theme_changed(self) -> None:
        self.viewport().update()

    def sectionSizeFromContents(self, logicalIndex: int) -> QSize:
        role = Qt.ItemDataRole.DisplayRole
        text = str(self.model().headerData(logicalIndex, self.orientation(), role) or "")
        return QSize(self.fontMetrics().horizontalAdvance(text) + 2 * PADDING + 4, self.height())

    def paintSection(self, painter: QPainter, rect: QRect, logicalIndex: int) -> None:
        theme = self._theme
        painter.save()
        painter.fillRect(rect, theme.colour("surface"))
        painter.setPen(QPen(theme.colour("line"), 1))
        painter.drawLine(rect.bottomLeft(), rect.bottomRight())
        model, role = self.model(), Qt.ItemDataRole
        across = self.orientation()
        text = str(model.headerData(logicalIndex, across, role.DisplayRole) or "")
        alignment = model.headerData(logicalIndex, across, role.TextAlignmentRole)
        right = bool(int(alignment or 0) & int(Qt.AlignmentFlag.AlignRight))
        sorted_here = self.isSortIndicatorShown() and self.sortIndicatorSection() == logicalIndex
        painter.setFont(self.font())
        painter.setPen(theme.colour("text" if sorted_here else "secondary"))
        if text and sorted_here:
            down = self.sortIndicatorOrder() is Qt.SortOrder.DescendingOrder
            text = f"{'↓' if down else '↑'} {text}" if right else f"{text} {'↓' if down else '↑'}"
        side = Qt.AlignmentFlag.AlignRight if right else Qt.AlignmentFlag.AlignLeft
        box = rect.adjusted(PADDING, 0, -PADDING, 0)
        text = self.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, box.width())
        painter.drawText(box, int(side | Qt.AlignmentFlag.AlignVCenter), text)
        painter.restore()


class Cells(QStyledItemDelegate):
    """Paints a cell: the row's ground, then its text in the colour of TOKEN_ROLE.

    Derived delegates paint more by overriding `content`.
    """

    def __init__(self, theme: Theme, parent: DataTable) -> None:
        super().__init__(parent)
        self.theme, self.table = theme, parent

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        painter.save()
        self.ground(painter, option, index)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        rect: QRect = option.rect
        painter.setFont(self.table.font())
        self.content(painter, rect.adjusted(PADDING, 0, -PADDING, 0), index)
        painter.restore()

    def ground(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        rect: QRect = option.rect
        state: QStyle.StateFlag = option.state
        theme = self.theme
        selected = bool(state & QStyle.StateFlag.State_Selected)
        if selected:
            painter.fillRect(rect, theme.colour("tint"))
            if self.table.visual_first(index.column()):
                painter.fillRect(
                    QRect(rect.left(), rect.top(), 3, rect.height()), theme.colour("accent")
                )
        elif index.row() == self.table.hovered_row:
            painter.fillRect(rect, theme.colour("hover"))
        painter.setPen(QPen(theme.colour("line"), 1))
        painter.drawLine(rect.bottomLeft(), rect.bottomRight())
        if selected and self.table.hasFocus():
            painter.setPen(QPen(theme.colour("accent"), 1))
            painter.drawLine(rect.topLeft(), rect.topRight())
            painter.drawLine(rect.bottomLeft(), rect.bottomRight())

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """As wide as the text with its padding, for columns that follow their contents."""
        text = str(index.data(Qt.ItemDataRole.DisplayRole) or "")
        metrics = self.table.fontMetrics()
        return QSize(
            metrics.horizontalAdvance(text) + 2 * PADDING + 1, metrics.height() + ROW_PADDING
        )

    def content(self, painter: QPainter, rect: QRect, index: Index) -> None:
        self.text(painter, rect, index, index.data(Qt.ItemDataRole.DisplayRole))

    def text(self, painter: QPainter, rect: QRect, index: Index, text: Any) -> int:
        """Draw a text cut to the cell; returns the width it took."""
        alignment = index.data(Qt.ItemDataRole.TextAlignmentRole)
        side = int(alignment) if alignment is not None else int(Qt.AlignmentFlag.AlignLeft)
        painter.setPen(self.theme.colour(index.data(TOKEN_ROLE) or "text"))
        shown = painter.fontMetrics().elidedText(
            str(text or ""), Qt.TextElideMode.ElideMiddle, rect.width()
        )
        painter.drawText(rect, side | int(Qt.AlignmentFlag.AlignVCenter), shown)
        return painter.fontMetrics().horizontalAdvance(shown)


class DataTable(QTableView):
    """A table of whole rows.

    Signals:
        row_entered: Enter on a row.
        row_double_clicked: a double click on a row, with the cell it was on.
        row_clicked: a plain click on a row.
        menu_asked: a right click on a row or the menu key, with the global position.
    """

    row_entered = Signal(QModelIndex)
    row_double_clicked = Signal(QModelIndex)
    row_clicked = Signal(QModelIndex)
    menu_asked = Signal(QModelIndex, QPoint)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.hovered_row = -1
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFont(theme.font(tabular=True))
        self.setHorizontalHeader(Header(theme, self))
        self.verticalHeader().hide()
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + ROW_PADDING)
        self.setShowGrid(False)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setMouseTracking(True)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(self._on_menu_requested)
        self.setItemDelegate(Cells(theme, self))
        self.clicked.connect(self.row_clicked)
        theme.changed.connect(self._on_theme_changed)

    def visual_first(self, column: int) -> bool:
        return self.horizontalHeader().visualIndex(column) == 0

    def _on_theme_changed(self) -> None:
        self.viewport().update()

    def _on_menu_requested(self, position: QPoint) -> None:
        index = self.indexAt(position)
        if not index.isValid():
            return
        self.setCurrentIndex(index)
        self.menu_asked.emit(index, self.viewport().mapToGlobal(position))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        current = self.currentIndex()
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and current.isValid():
            self.row_entered.emit(current)
            event.accept()
        elif event.key() == Qt.Key.Key_Menu and current.isValid():
            place = self.visualRect(current).center()
            self.menu_asked.emit(current, self.viewport().mapToGlobal(place))
            event.accept()
        else:
            super().keyPressEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        index = self.indexAt(event.position().toPoint())
        if index.isValid() and event.button() == Qt.MouseButton.LeftButton:
            self.row_double_clicked.emit(index)
        event.accept()

    def viewportEvent(self, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.MouseMove, QEvent.Type.HoverMove):
            self._hover(self.indexAt(event.position().toPoint()).row())  # type: ignore[attr-defined]
        elif event.type() in (QEvent.Type.Leave, QEvent.Type.HoverLeave):
            self._hover(-1)
        return super().viewportEvent(event)

    def _hover(self, row: int) -> None:
        if row == self.hovered_row:
            return
        before, self.hovered_row = self.hovered_row, row
        height = self.verticalHeader().defaultSectionSize()
        for each in (before, row):
            if each >= 0:
                top = self.rowViewportPosition(each)
                self.viewport().update(0, top, self.viewport().width(), height)
