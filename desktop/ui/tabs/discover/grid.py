"""The cards in a grid: painted, not built, so that five hundred scroll as ten do.

All cards in sight are painted in one call. While a thread computes, each call from Qt into Python
may have to wait for it; a call per card would add these waits up.
"""

from __future__ import annotations

from PySide6.QtCore import (
    QCoreApplication,
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
    QFont,
    QFontMetrics,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
)
from PySide6.QtWidgets import QAbstractItemView, QFrame, QListView

from desktop.ui.tabs.discover import words
from desktop.ui.tabs.discover.cards import Card, CardsModel, in_library
from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.badge import paint_badge
from desktop.ui.widgets.tables import Index

_GAP = 12
_PADDING = 14
_LETTERS = 36  # a card is at least so wide
_ELIDE = Qt.TextElideMode.ElideRight
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class CardGrid(QListView):
    """The view.

    Signals:
        current_changed: another card is the current one (its row).
        opened: Enter on a card, or a click.
    """

    current_changed = Signal(int)
    opened = Signal(int)

    def __init__(self, theme: Theme, model: CardsModel) -> None:
        super().__init__()
        self._theme = theme
        self._cards = model
        self._hovered = -1
        self._by_keyboard = False
        self.setObjectName("discover-grid")
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
        self._set_fonts()
        theme.changed.connect(self._on_theme_changed)

    def _set_fonts(self) -> None:
        theme = self._theme
        self._name_font, self._body = theme.font(1, semibold=True), theme.font(tabular=True)
        self._strong, self._small = theme.font(semibold=True, tabular=True), theme.font(-1)
        self.setFont(self._body)

    def _on_theme_changed(self) -> None:
        self.viewport().update()

    # --- geometry -------------------------------------------------------------------------------

    def card_height(self) -> int:
        """Name, maker, chips, fit, speed, and two lines of why."""
        name, body, small = (QFontMetrics(f).height() for f in self._all_fonts())
        return 2 * _PADDING + name + 2 + small + 8 + small + 6 + 10 + 2 * (body + 4) + 6 + 2 * small

    def _all_fonts(self) -> tuple[QFont, QFont, QFont]:
        return self._name_font, self._body, self._small

    def columns(self) -> int:
        least = max(280, _LETTERS * self.fontMetrics().averageCharWidth())
        return max(1, (self.viewport().width() + _GAP) // (least + _GAP))

    def resizeEvent(self, event: QResizeEvent) -> None:
        # One pixel less: a line that is exactly full is broken.
        width = (self.viewport().width() - 1) // self.columns()
        self.setGridSize(QSize(width, self.card_height() + _GAP))
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
        """All of the card, by the places that are painted."""
        box, bar = self._box(index.row()), self.verticalScrollBar()
        below = box.bottom() + _GAP - self.viewport().height()
        if box.top() < 0:
            bar.setValue(bar.value() + box.top())
        elif below > 0:
            bar.setValue(bar.value() + min(below, box.top()))

    def _box(self, row: int) -> QRect:
        """Where a card stands in the viewport: its cell without the gaps."""
        columns, cell = self.columns(), self.gridSize()
        top = (row // columns) * cell.height() - self.verticalOffset()
        left = (row % columns) * cell.width()
        return QRect(left, top, cell.width() - _GAP, cell.height() - _GAP)

    def _rows_in_sight(self, area: QRect) -> range:
        columns, height = self.columns(), max(1, self.gridSize().height())
        first = (self.verticalOffset() + area.top()) // height * columns
        last = ((self.verticalOffset() + area.bottom()) // height + 1) * columns
        return range(max(0, first), min(len(self._cards.cards), last))

    # --- painting -------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self.viewport())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        current = self.currentIndex().row()
        for row in self._rows_in_sight(event.rect()):
            self._paint(painter, self._box(row), self._cards.cards[row], row, row == current)

    def _paint(self, painter: QPainter, box: QRect, card: Card, row: int, current: bool) -> None:
        theme = self._theme
        token = "tint" if current else "hover" if row == self._hovered else "surface"
        ring = current and self._by_keyboard and self.hasFocus()
        line = "accent" if current else "line"
        painter.setPen(QPen(theme.colour(line), 2 if ring else 1))
        painter.setBrush(theme.colour(token))
        painter.drawRoundedRect(QRectF(box).adjusted(0.5, 0.5, -0.5, -0.5), 8, 8)
        inside = box.adjusted(_PADDING, _PADDING, -_PADDING, -_PADDING)
        top = self._paint_head(painter, inside, card)
        top = self._paint_chips(painter, inside, top, words.capabilities(card.candidate))
        self._paint_fit(painter, inside, top + 10, card)

    def _paint_head(self, painter: QPainter, inside: QRect, card: Card) -> int:
        """Name with what sets the card apart, then maker, size and licence."""
        mark, token = self._mark(card)
        painter.setFont(self._small)
        taken = painter.fontMetrics().horizontalAdvance(mark) + 12 if mark else 0
        height = QFontMetrics(self._name_font).height()
        line = QRect(inside.left(), inside.top(), inside.width(), height)
        if mark:
            painter.setPen(self._theme.colour(token))
            painter.drawText(line, int(_RIGHT), mark)
        painter.setFont(self._name_font)
        self._text(painter, line.adjusted(0, 0, -taken, 0), card.candidate.name)
        painter.setFont(self._small)
        small = painter.fontMetrics().height()
        below = QRect(inside.left(), line.bottom() + 3, inside.width(), small)
        self._text(painter, below, " · ".join(words.about(card.candidate)), "secondary")
        return below.bottom() + 8

    @staticmethod
    def _mark(card: Card) -> tuple[str, str]:
        if card.local:
            return f"✓ {in_library()}", "accent"
        if card.candidate.flags_shown:
            return f"⚠ {doubtful()}", "warning"
        return "", "text"

    def _paint_chips(self, painter: QPainter, inside: QRect, top: int, chips: list[str]) -> int:
        """As many as there is room for, and how many more there are."""
        painter.setFont(self._small)
        metrics = painter.fontMetrics()
        height, left = metrics.height() + 6, inside.left()
        for number, chip in enumerate(chips):
            rest = len(chips) - number - 1
            width = metrics.horizontalAdvance(chip) + 16
            kept = metrics.horizontalAdvance(f"+{rest}") + 8 if rest else 0
            if left + width + kept > inside.right():
                place = QRect(left, top, inside.right() - left, height)
                self._text(painter, place, f"+{rest + 1}", "secondary")
                break
            box = QRectF(left + 0.5, top + 0.5, width - 1, height - 1)
            painter.setPen(QPen(self._theme.colour("line_strong"), 1))
            painter.setBrush(self._theme.colour("window"))
            painter.drawRoundedRect(box, box.height() / 2, box.height() / 2)
            painter.setPen(self._theme.colour("secondary"))
            painter.drawText(box, int(Qt.AlignmentFlag.AlignCenter), chip)
            left += width + 4
        return top + height

    def _paint_fit(self, painter: QPainter, inside: QRect, top: int, card: Card) -> None:
        painter.setFont(self._strong)
        height = painter.fontMetrics().height()
        line = QRect(inside.left(), top, inside.width(), height)
        taken = round(paint_badge(painter, QRectF(line), self._theme, card.verdict or ""))
        painter.setFont(self._body)
        rest = line.adjusted(taken + 12 if taken else 0, 0, 0, 0)
        self._text(painter, rest, card.best, "secondary", _RIGHT if taken else _LEFT)
        line.translate(0, height + 4)
        painter.setFont(self._strong)
        self._text(painter, line, card.speed or no_speed(card))
        painter.setFont(self._small)
        small = painter.fontMetrics().height()
        below = QRect(inside.left(), line.bottom() + 9, inside.width(), 2 * small)
        self._two_lines(painter, below, words.sentences(card.why))

    def _two_lines(self, painter: QPainter, box: QRect, text: str) -> None:
        """A text in two lines, the second one cut where there is more."""
        metrics, width = painter.fontMetrics(), box.width()
        first = _fitting(text, metrics, width)
        height = metrics.height()
        line = QRect(box.left(), box.top(), width, height)
        self._text(painter, line, text[:first], "secondary")
        line.translate(0, height)
        self._text(painter, line, text[first:].lstrip(), "secondary")

    def _text(
        self,
        painter: QPainter,
        box: QRect,
        text: str,
        token: str = "text",
        side: Qt.AlignmentFlag = _LEFT,
    ) -> None:
        painter.setPen(self._theme.colour(token))
        shown = painter.fontMetrics().elidedText(text, _ELIDE, box.width())
        painter.drawText(box, int(side), shown)

    # --- hands ----------------------------------------------------------------------------------

    def currentChanged(self, current: Index, previous: Index) -> None:
        super().currentChanged(current, previous)
        self.viewport().update()
        if current.isValid():
            self.current_changed.emit(current.row())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        self._by_keyboard = True
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            if self.currentIndex().isValid():
                self.opened.emit(self.currentIndex().row())
            event.accept()
        elif event.key() == Qt.Key.Key_Escape:
            event.ignore()
        else:
            super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._by_keyboard = False
        super().mousePressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        super().mouseReleaseEvent(event)
        row = self.row_at(event.position().toPoint())
        if event.button() == Qt.MouseButton.LeftButton and row == self.currentIndex().row() >= 0:
            self.opened.emit(row)

    def row_at(self, place: QPoint) -> int:
        """The card that lies there, or -1."""
        cell = self.gridSize()
        if cell.isEmpty() or place.x() < 0:
            return -1
        column = place.x() // cell.width()
        line = (place.y() + self.verticalOffset()) // cell.height()
        row = line * self.columns() + column
        inside = column < self.columns() and 0 <= row < len(self._cards.cards)
        return row if inside and self._box(row).contains(place) else -1

    # Qt takes a card for as large as a line of text; these two tell it where it really is.

    def indexAt(self, p: QPoint) -> QModelIndex:
        row = self.row_at(p)
        return self._cards.index(row) if row >= 0 else QModelIndex()

    def visualRect(self, index: Index) -> QRect:
        return self._box(index.row()) if index.isValid() else QRect()

    def viewportEvent(self, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.MouseMove, QEvent.Type.HoverMove):
            self._hover(self.row_at(event.position().toPoint()))  # type: ignore[attr-defined]
        elif event.type() in (QEvent.Type.Leave, QEvent.Type.HoverLeave):
            self._hover(-1)
        return super().viewportEvent(event)

    def _hover(self, row: int) -> None:
        if row != self._hovered:
            before, self._hovered = self._hovered, row
            for each in (before, row):
                if each >= 0:
                    self.viewport().update(self._box(each))


def _fitting(text: str, metrics: QFontMetrics, width: int) -> int:
    """How many letters fit in a line, broken after a word; Japanese breaks anywhere."""
    if metrics.horizontalAdvance(text) <= width:
        return len(text)
    low, high = 0, len(text)
    while high - low > 1:
        middle = (low + high) // 2
        if metrics.horizontalAdvance(text[:middle]) <= width:
            low = middle
        else:
            high = middle
    place = low
    while place > 0 and not _may_break(text[place - 1], text[place]):
        place -= 1
    return place or low


def _may_break(before: str, after: str) -> bool:
    if after.isspace() or before.isspace():
        return True
    return (
        (not before.isascii() or not after.isascii()) and after not in "。、）%" and before != "（"
    )


def doubtful() -> str:
    return QCoreApplication.translate("Discover", "Rough figures")


def no_speed(card: Card) -> str:
    """What stands in place of a speed."""
    if card.candidate.embedding:
        return QCoreApplication.translate("Discover", "Gives vectors, no text")
    if card.verdict == "wont_fit":
        return ""
    return QCoreApplication.translate("Discover", "Speed not known yet")
