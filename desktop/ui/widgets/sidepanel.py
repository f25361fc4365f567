"""A list and its details: side by side in a wide window, the details over the list in a narrow."""

from __future__ import annotations

from PySide6.QtCore import QEasingCurve, QPoint, QPropertyAnimation, QRect, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent, QPen, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QFrame, QScrollArea, QStyle, QVBoxLayout, QWidget

from desktop.ui.theme.theme import Theme

_OVERLAY_BELOW = 1200  # of the window's width, and in widths of a letter
_OVERLAY_BELOW_LETTERS = 150
_MOTION_MS = 150
_GAP = 24


def lies_over(widget: QWidget) -> bool:
    """Whether the window is too narrow for a list and its details side by side."""
    letters = _OVERLAY_BELOW_LETTERS * widget.fontMetrics().averageCharWidth()
    return widget.window().width() < max(_OVERLAY_BELOW, letters)


class SidePanel(QFrame):
    """The ground of the details: a scrolling column.

    Signals:
        close_asked: Esc was pressed in it.
    """

    close_asked = Signal()

    def __init__(self, theme: Theme, inside: QWidget, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme
        self.setObjectName("side-panel")
        scroll = QScrollArea()
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.viewport().setAutoFillBackground(False)
        inside.setAutoFillBackground(False)
        scroll.setWidget(inside)
        inside.setAutoFillBackground(False)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(1, 4, 1, 4)
        layout.addWidget(scroll)
        theme.changed.connect(self.update)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.close_asked.emit()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        line = "line_strong" if lies_over(self) else "line"
        painter.setPen(QPen(self._theme.colour(line), 1))
        painter.setBrush(self._theme.colour("surface"))
        painter.drawRoundedRect(self.rect().adjusted(0, 0, -1, -1), 8, 8)


class WithPanel(QWidget):
    """Places a main widget and a panel.

    In a wide window an open panel stands beside the main widget; in a narrow one it slides over its
    right part.

    Args:
        room: how much of the right is the page's margin, where the main widget's scroll bar stands.
        share: of the width in percent that the panel takes; narrowest, widest: in pixels.
        letters: the panel is at least as wide as so many letters.
    """

    def __init__(
        self,
        theme: Theme,
        main: QWidget,
        inside: QWidget,
        *,
        room: int = 0,
        share: int = 36,
        narrowest: int = 360,
        widest: int = 440,
        letters: int = 50,
    ) -> None:
        super().__init__()
        self._letters = letters
        self._share, self._narrowest, self._widest = share, narrowest, widest
        self._room = room
        self._main = main
        main.setParent(self)
        self.panel = SidePanel(theme, inside, self)
        self.panel.hide()
        self.panel.close_asked.connect(self.close_panel)
        self._motion = QPropertyAnimation(self.panel, b"pos", self)
        self._motion.setDuration(_MOTION_MS)
        self._motion.setEasingCurve(QEasingCurve.Type.OutCubic)

    @property
    def narrow(self) -> bool:
        """Whether the panel lies over the main widget."""
        return lies_over(self)

    def open_panel(self) -> None:
        if not self.panel.isHidden():
            return
        self.panel.show()
        self.panel.raise_()
        self._place()
        moving = self.style().styleHint(QStyle.StyleHint.SH_Widget_Animation_Duration) > 0
        if self.narrow and moving and self.isVisible():
            place = self.panel.pos()
            self._motion.setStartValue(QPoint(self.width(), place.y()))
            self._motion.setEndValue(place)
            self._motion.start()

    def close_panel(self) -> None:
        self._motion.stop()
        self.panel.hide()
        self._place()
        self._main.setFocus()

    def _panel_width(self) -> int:
        least = self.fontMetrics().averageCharWidth() * self._letters
        wanted = max(self._narrowest, least, min(self._widest, self.width() * self._share // 100))
        return min(wanted, self.width())

    def _place(self) -> None:
        width, height = self.width(), self.height()
        side = self._panel_width()
        open_beside = not self.panel.isHidden() and not self.narrow
        self._main.setGeometry(0, 0, width - side - _GAP if open_beside else width, height)
        if self._motion.state() is not QPropertyAnimation.State.Running:
            self.panel.setGeometry(QRect(width - side - self._room, 0, side, height))

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._motion.stop()
        self._place()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._place()
