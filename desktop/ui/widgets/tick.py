"""A box to tick, with a text of as many lines as it needs."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QEnterEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QAbstractButton, QSizePolicy

from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.base import GAP, TIGHT, KeyboardFocus

_WRAP = int(Qt.TextFlag.TextWordWrap | Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
_LEAST_LETTERS = 12


class Tick(KeyboardFocus, QAbstractButton):
    """As QCheckBox, but its text is wrapped."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.setCheckable(True)
        self.setFont(theme.font(tabular=True))
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        theme.changed.connect(self.update)

    def _side(self) -> int:
        return self._theme.icon_side(16)

    def _words(self, width: int) -> QRect:
        """Where the text stands."""
        left = self._side() + GAP
        room = QRect(left, TIGHT, max(1, width - left), 100_000)
        return self.fontMetrics().boundingRect(room, _WRAP, self.text())

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        return max(self._side(), self._words(width).height()) + 2 * TIGHT

    def sizeHint(self) -> QSize:
        width = self._side() + GAP + self.fontMetrics().horizontalAdvance(self.text()) + 2
        return QSize(width, self.heightForWidth(width))

    def minimumSizeHint(self) -> QSize:
        least = self._side() + GAP + _LEAST_LETTERS * self.fontMetrics().averageCharWidth()
        return QSize(min(least, self.sizeHint().width()), self.fontMetrics().height() + 2 * TIGHT)

    def enterEvent(self, event: QEnterEvent) -> None:
        super().enterEvent(event)
        self.update()

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, on = self._theme, self.isChecked()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        side, line = self._side(), self.fontMetrics().height()
        top = TIGHT + max(0, (line - side) // 2)
        box = QRectF(0.5, top + 0.5, side - 1, side - 1)
        enabled = self.isEnabled()
        edge = "disabled" if not enabled else "accent" if on else "secondary"
        painter.setPen(QPen(theme.colour(edge), 1))
        fill = "hover" if self.underMouse() and enabled else "surface"
        painter.setBrush(theme.colour("accent" if on and enabled else fill))
        painter.drawRoundedRect(box, 3, 3)
        if on:
            pen = QPen(theme.colour("on_accent" if enabled else "disabled"), side / 8)
            pen.setCapStyle(Qt.PenCapStyle.RoundCap)
            pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
            painter.setPen(pen)
            x, y, s = box.left(), box.top(), box.width()
            shape = ((0.24, 0.52), (0.43, 0.71), (0.77, 0.31))
            painter.drawPolyline(QPolygonF([QPointF(x + a * s, y + b * s) for a, b in shape]))
        if self.hasFocus() and self._by_keyboard:
            painter.setPen(QPen(theme.colour("accent"), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 4, 4)
        painter.setPen(theme.colour("text" if enabled else "disabled"))
        painter.setFont(self.font())
        painter.drawText(self._words(self.width()), _WRAP, self.text())
