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
    """What is going on, with a cancel that works; of work that can wait, with a pause before it.

    Signals:
        cancel_asked: the button at its end was pressed.
        hold_asked: the work is to pause, or to go on where it is paused.
    """

    cancel_asked = Signal()
    hold_asked = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._what = Text(theme, wrap=True)
        self._figures = Text(theme, role="caption")
        self._bar = Bar(theme)
        self._paused = False
        self._hold = IconButton(theme, "pause", "")
        self._hold.setObjectName("progress-hold")
        self._hold.clicked.connect(self.hold_asked)
        self._hold.hide()
        self._cancel = IconButton(theme, "close", "")
        self._cancel.setObjectName("progress-cancel")
        self._cancel.clicked.connect(self.cancel_asked)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(TIGHT)
        line = row(self._what, self._figures, self._hold, self._cancel)
        line.setStretchFactor(self._what, 1)
        layout.addLayout(line)
        layout.addWidget(self._bar)
        self.retranslate()

    def retranslate(self) -> None:
        self._cancel.set_name(self.tr("Cancel"))
        self._hold.set_name(self.tr("Go on") if self._paused else self.tr("Pause"))

    def show_progress(self, what: str, share: float | None, figures: str = "") -> None:
        """Args: figures: done of total, speed and time left, ready to be read."""
        self._what.setText(what)
        self._figures.setText(figures)
        self._bar.set_share(share)
        self.setAccessibleName(f"{what} {figures}".strip())

    def set_cancellable(self, can: bool) -> None:
        self._cancel.setVisible(can)

    def set_holdable(self, can: bool, *, paused: bool = False) -> None:
        """Args: paused: the button lets it go on."""
        self._hold.setVisible(can)
        if paused != self._paused:
            self._paused = paused
            self._hold.set_icon("play" if paused else "pause")
            self.retranslate()
