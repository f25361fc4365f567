"""One piece of work under way: what · bar · how far · time left · cancel."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from desktop.ui.i18n import Translated
from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.base import TIGHT, IconButton, Text, row


class Bar(QWidget):
    """A thin bar, filled as far as the work is; quiet where nobody knows how far."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._share: float | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)

    def set_share(self, share: float | None) -> None:
        """Args: share: 0..1, or None."""
        self._share = None if share is None else min(1.0, max(0.0, share))
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(120, 6)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(self._theme.colour("line"))
        painter.setBrush(self._theme.colour("line"))
        box = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.drawRoundedRect(box, 2.5, 2.5)
        if self._share:
            accent = self._theme.colour("accent")
            painter.setPen(accent)
            painter.setBrush(accent)
            box.setWidth(max(box.height(), box.width() * self._share))
            painter.drawRoundedRect(box, 2.5, 2.5)


class ProgressRow(Translated, QWidget):
    """What is going on, with a cancel that works.

    Signals:
        cancel_asked: the button at its end was pressed.
    """

    cancel_asked = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._what = Text(theme)
        self._figures = Text(theme, role="caption")
        self._bar = Bar(theme)
        self._cancel = IconButton(theme, "close", "")
        self._cancel.setObjectName("progress-cancel")
        self._cancel.clicked.connect(self.cancel_asked)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(TIGHT)
        layout.addLayout(row(self._what, 1, self._figures, self._cancel))
        layout.addWidget(self._bar)
        self.retranslate()

    def retranslate(self) -> None:
        self._cancel.set_name(self.tr("Cancel"))

    def show_progress(self, what: str, share: float | None, figures: str = "") -> None:
        """Args: figures: done of total, speed and time left, ready to be read."""
        self._what.setText(what)
        self._figures.setText(figures)
        self._bar.set_share(share)
        self.setAccessibleName(f"{what} {figures}".strip())

    def set_cancellable(self, can: bool) -> None:
        self._cancel.setVisible(can)
