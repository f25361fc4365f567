"""Tiles in a grid: painted, not built, so that five hundred scroll as ten do.

All tiles in sight are painted in one call. While a thread computes, each call from Qt into Python
may have to wait for it; a call per tile would add these waits up. Buttons on tiles are painted too:
`hits` says where they are, and `pressed` that one was clicked.
"""

from __future__ import annotations

from abc import abstractmethod

from PySide6.QtCore import (
    QAbstractListModel,
    QEvent,
    QModelIndex,
    QPoint,
    QRect,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import (
    QContextMenuEvent,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
)
from PySide6.QtWidgets import QAbstractItemView, QFrame, QListView, QToolTip

from desktop.ui.tabs.discover.ink import Hit, Ink
from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.tables import Index

GAP = 12
PADDING = 14
_LETTERS = 36  # a tile is at least so wide


class TileGrid(QListView):
    """The view.

    Signals:
        current_changed: another tile is the current one (its row).
        opened: Enter on a tile, or a click.
        pressed: a painted button: the tile's row and the button's key.
        menu_asked: a right click on a tile, or the menu key: its row and the place on the screen.
    """

    current_changed = Signal(int)
    opened = Signal(int)
    pressed = Signal(int, str)
    menu_asked = Signal(int, QPoint)

    def __init__(self, theme: Theme, model: QAbstractListModel) -> None:
        super().__init__()
        self._theme = theme
        self._tiles = model
        self._hovered = -1
        self._hit: tuple[int, str] | None = None  # the painted button under the mouse
        self._down: tuple[int, str] | None = None  # the one that is held
        self._by_keyboard = False
        self.setModel(model)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFlow(QListView.Flow.LeftToRight)
        self.setWrapping(True)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setMovement(QListView.Movement.Static)
        self.setUniformItemSizes(True)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setMouseTracking(True)
        self.viewport().setAutoFillBackground(False)
        self.ink = Ink(theme)
        self.setFont(self.ink.body)
        theme.changed.connect(self._on_theme_changed)

    # --- what a kind of tile says ---------------------------------------------------------------

    @abstractmethod
    def card_height(self) -> int:
        """Pixels of a tile."""

    @abstractmethod
    def _paint(self, painter: QPainter, inside: QRect, row: int) -> None:
        """What stands on a tile whose ground was painted; `inside` is without its padding."""

    def hits(self, row: int, box: QRect) -> list[Hit]:
        """The painted buttons of a tile that stands there."""
        return []

    # --- geometry -------------------------------------------------------------------------------

    def _on_theme_changed(self) -> None:
        self.viewport().update()

    def columns(self) -> int:
        least = max(280, _LETTERS * self.fontMetrics().averageCharWidth())
        return max(1, (self.viewport().width() + GAP) // (least + GAP))

    def resizeEvent(self, event: QResizeEvent) -> None:
        # One pixel less: a line that is exactly full is broken.
        width = (self.viewport().width() - 1) // self.columns()
        self.setGridSize(QSize(width, self.card_height() + GAP))
        self.verticalScrollBar().setSingleStep(48)
        super().resizeEvent(event)
        self.executeDelayedItemsLayout()  # Qt would wait 100 ms, and be clicked at old places
        if self.currentIndex().isValid():
            self.scrollTo(self.currentIndex())

    def scrollTo(
        self,
        index: Index,
        hint: QAbstractItemView.ScrollHint = QAbstractItemView.ScrollHint.EnsureVisible,
    ) -> None:
        """All of the tile, by the places that are painted."""
        box, bar = self._box(index.row()), self.verticalScrollBar()
        below = box.bottom() + GAP - self.viewport().height()
        if box.top() < 0:
            bar.setValue(bar.value() + box.top())
        elif below > 0:
            bar.setValue(bar.value() + min(below, box.top()))

    def _box(self, row: int) -> QRect:
        """Where a tile stands in the viewport: its cell without the gaps."""
        columns, cell = self.columns(), self.gridSize()
        top = (row // columns) * cell.height() - self.verticalOffset()
        left = (row % columns) * cell.width()
        return QRect(left, top, cell.width() - GAP, cell.height() - GAP)

    def _rows_in_sight(self, area: QRect) -> range:
        columns, height = self.columns(), max(1, self.gridSize().height())
        first = (self.verticalOffset() + area.top()) // height * columns
        last = ((self.verticalOffset() + area.bottom()) // height + 1) * columns
        return range(max(0, first), min(self._tiles.rowCount(), last))

    def row_at(self, place: QPoint) -> int:
        """The tile that lies there, or -1."""
        cell = self.gridSize()
        if cell.isEmpty() or place.x() < 0:
            return -1
        column = place.x() // cell.width()
        line = (place.y() + self.verticalOffset()) // cell.height()
        row = line * self.columns() + column
        inside = column < self.columns() and 0 <= row < self._tiles.rowCount()
        return row if inside and self._box(row).contains(place) else -1

    def hit_at(self, place: QPoint) -> tuple[int, Hit] | None:
        """The painted button that lies there."""
        row = self.row_at(place)
        if row < 0:
            return None
        found = (hit for hit in self.hits(row, self._box(row)) if hit.place.contains(place))
        return next(((row, hit) for hit in found if hit.enabled), None)

    # Qt takes a tile for as large as a line of text; these two tell it where it really is.

    def indexAt(self, p: QPoint) -> QModelIndex:
        row = self.row_at(p)
        return self._tiles.index(row, 0) if row >= 0 else QModelIndex()

    def visualRect(self, index: Index) -> QRect:
        return self._box(index.row()) if index.isValid() else QRect()

    # --- painting -------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self.viewport())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for row in self._rows_in_sight(event.rect()):
            box = self._box(row)
            self._paint_ground(painter, box, row)
            self._paint(painter, box.adjusted(PADDING, PADDING, -PADDING, -PADDING), row)
            for hit in self.hits(row, box):
                over, held = self._hit == (row, hit.key), self._down == (row, hit.key)
                self.ink.button(painter, hit, over=over, held=held)

    def _paint_ground(self, painter: QPainter, box: QRect, row: int) -> None:
        theme, current = self._theme, row == self.currentIndex().row()
        token = "tint" if current else "hover" if row == self._hovered else "surface"
        ring = current and self._by_keyboard and self.hasFocus()
        line = "accent" if current else "line"
        painter.setPen(QPen(theme.colour(line), 2 if ring else 1))
        painter.setBrush(theme.colour(token))
        painter.drawRoundedRect(QRectF(box).adjusted(0.5, 0.5, -0.5, -0.5), 8, 8)

    # --- hands ----------------------------------------------------------------------------------

    def currentChanged(self, current: Index, previous: Index) -> None:
        super().currentChanged(current, previous)
        self.viewport().update()
        if current.isValid():
            self.current_changed.emit(current.row())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        self._by_keyboard = True
        row = self.currentIndex().row()
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            control = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
            if row >= 0 and control:
                self._press_first(row)
            elif row >= 0:
                self.opened.emit(row)
            event.accept()
        elif event.key() == Qt.Key.Key_Escape:
            event.ignore()
        else:
            super().keyPressEvent(event)

    def _press_first(self, row: int) -> None:
        """The tile's first button, by Ctrl+Enter."""
        first = next((hit for hit in self.hits(row, self._box(row)) if hit.enabled), None)
        if first is not None:
            self.pressed.emit(row, first.key)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        by_mouse = event.reason() == QContextMenuEvent.Reason.Mouse
        row = self.row_at(event.pos()) if by_mouse else self.currentIndex().row()
        if row < 0:
            return
        self.setCurrentIndex(self._tiles.index(row, 0))
        place = event.pos() if by_mouse else self._box(row).center()
        self.menu_asked.emit(row, self.viewport().mapToGlobal(place))
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._by_keyboard = False
        found = self.hit_at(event.position().toPoint())
        if found is not None and event.button() == Qt.MouseButton.LeftButton:
            self._down = (found[0], found[1].key)
            self.viewport().update(found[1].place)
            return
        super().mousePressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        place = event.position().toPoint()
        if self._down is not None:
            held, self._down = self._down, None
            found = self.hit_at(place)
            self.viewport().update(self._box(held[0]))
            if found is not None and (found[0], found[1].key) == held:
                self.pressed.emit(*held)
            return
        super().mouseReleaseEvent(event)
        row = self.row_at(place)
        if event.button() == Qt.MouseButton.LeftButton and row == self.currentIndex().row() >= 0:
            self.opened.emit(row)

    def viewportEvent(self, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.MouseMove, QEvent.Type.HoverMove):
            self._hover(event.position().toPoint())  # type: ignore[attr-defined]
        elif event.type() in (QEvent.Type.Leave, QEvent.Type.HoverLeave):
            self._hover(QPoint(-1, -1))
        elif event.type() == QEvent.Type.ToolTip:
            assert isinstance(event, QHelpEvent)
            found = self.hit_at(event.pos())
            if found is not None:
                QToolTip.showText(event.globalPos(), found[1].name, self.viewport())
                return True
        return super().viewportEvent(event)

    def _hover(self, place: QPoint) -> None:
        row = self.row_at(place)
        found = self.hit_at(place) if row >= 0 else None
        hit = None if found is None else (row, found[1].key)
        if row == self._hovered and hit == self._hit:
            return
        changed = {self._hovered, row}
        self._hovered, self._hit = row, hit
        hand = Qt.CursorShape.PointingHandCursor if hit else Qt.CursorShape.ArrowCursor
        self.viewport().setCursor(hand)
        for each in changed:
            if each >= 0:
                self.viewport().update(self._box(each))

    def update_row(self, row: int) -> None:
        """Paint a tile anew."""
        if row >= 0:
            self.viewport().update(self._box(row))
