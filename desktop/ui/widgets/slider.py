"""A horizontal slider over a few steps: a thin line, filled up to a round handle, and its steps."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSlider, QWidget

from desktop.ui.theme.theme import Theme

_HANDLE = 16
_MOST_MARKS = 24


class StepSlider(QSlider):
    """Drawn by us; clicks and drags go to the nearest step, keys do as in any slider."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self._theme = theme
        self.setPageStep(1)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        theme.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        return QSize(120, _HANDLE + 8)

    minimumSizeHint = sizeHint

    def _x(self, value: int) -> float:
        span = max(1, self.maximum() - self.minimum())
        room = self.width() - _HANDLE
        return _HANDLE / 2 + room * (value - self.minimum()) / span

    def paintEvent(self, event: QPaintEvent) -> None:
        theme = self._theme
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        middle = self.height() / 2
        here = self._x(self.sliderPosition())
        accent = theme.colour("accent" if self.isEnabled() else "disabled")
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour("line_strong"))
        painter.drawRoundedRect(QRectF(0, middle - 2, self.width(), 4), 2, 2)
        painter.setBrush(accent)
        painter.drawRoundedRect(QRectF(0, middle - 2, here, 4), 2, 2)
        if self.maximum() - self.minimum() <= _MOST_MARKS:
            painter.setBrush(theme.colour("surface"))
            for value in range(self.minimum() + 1, self.maximum()):
                painter.drawEllipse(QPointF(self._x(value), middle), 1.2, 1.2)
        if self.hasFocus():
            painter.setBrush(theme.colour("tint"))
            painter.setPen(QPen(accent, 1))
            painter.drawEllipse(QPointF(here, middle), _HANDLE / 2 + 2, _HANDLE / 2 + 2)
        painter.setPen(QPen(accent, 2))
        painter.setBrush(theme.colour("surface"))
        painter.drawEllipse(QPointF(here, middle), _HANDLE / 2 - 1, _HANDLE / 2 - 1)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.setSliderDown(True)
            self._go(event)
        else:
            event.ignore()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self.isSliderDown():
            self._go(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self.setSliderDown(False)

    def _go(self, event: QMouseEvent) -> None:
        room = max(1, self.width() - _HANDLE)
        share = (event.position().x() - _HANDLE / 2) / room
        span = self.maximum() - self.minimum()
        self.setValue(self.minimum() + round(max(0.0, min(1.0, share)) * span))
