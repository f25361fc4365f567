"""A part of a dialog that may be higher than the screen: as high as it is, or scrolled."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QFrame, QScrollArea, QWidget

_LEAST_LINES = 8


class Scrolled(QScrollArea):
    """Asks for the height of its content at a width, and is content with a few lines.

    Args:
        width: of the content, in pixels, without a scroll bar.
    """

    def __init__(self, inside: QWidget, width: int) -> None:
        super().__init__()
        self._inside, self._content_width = inside, width
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWidget(inside)
        for each in (self.viewport(), inside):
            each.setAutoFillBackground(False)

    def sizeHint(self) -> QSize:
        inside = self._inside
        layout = inside.layout()
        wraps = layout is not None and layout.hasHeightForWidth()
        height = (
            layout.totalHeightForWidth(self._content_width)
            if layout is not None and wraps
            else inside.sizeHint().height()
        )
        return QSize(self._content_width + self.verticalScrollBar().sizeHint().width(), height)

    def showEvent(self, event: QShowEvent) -> None:
        """Only now do texts know how high they are."""
        super().showEvent(event)
        if not event.spontaneous():
            self.updateGeometry()
            self.window().adjustSize()

    def minimumSizeHint(self) -> QSize:
        hint = self.sizeHint()
        least = self.fontMetrics().lineSpacing() * _LEAST_LINES
        return QSize(hint.width(), min(hint.height(), least))
