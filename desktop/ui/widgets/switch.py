"""A large on/off switch: track and knob, with the word beside it."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, QVariantAnimation, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QStyle, QWidget

from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.base import GAP

_TRACK = QSize(48, 26)
_MOTION_MS = 150


class Switch(QAbstractButton):
    """Shows what is, and asks for what is wanted: it moves when `set_on` says so.

    Signals:
        asked: on (True) or off (False) is wanted; by click, Space, Enter or an arrow key.
    """

    asked = Signal(bool)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._place = 0.0
        self._words: tuple[str, ...] = ()
        self.setFont(theme.font(1, semibold=True))
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self._motion = QVariantAnimation(self)
        self._motion.setDuration(_MOTION_MS)
        self._motion.valueChanged.connect(self._on_moved)
        self.clicked.connect(self._on_clicked)
        self._on = self._busy = False
        theme.changed.connect(self.update)

    @property
    def on(self) -> bool:
        return self._on

    def set_on(self, on: bool) -> None:
        if on == self._on:
            return
        self._on = on
        self._motion.stop()
        goal = float(on)
        if (
            self.isVisible()
            and self.style().styleHint(QStyle.StyleHint.SH_Widget_Animation_Duration) > 0
        ):
            self._motion.setStartValue(self._place)
            self._motion.setEndValue(goal)
            self._motion.start()
        else:
            self._on_moved(goal)

    @property
    def busy(self) -> bool:
        return self._busy

    def set_busy(self, busy: bool) -> None:
        """Ask for nothing while a change is under way. It keeps the keyboard, which a widget that
        is switched off would hand to the next one."""
        self._busy = busy
        self.update()

    def set_word(self, word: str, others: tuple[str, ...] = ()) -> None:
        """Args: others: words it may show later, so that its width stays what it is."""
        self._words = (word, *others)
        self.setText(word)
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        metrics = self.fontMetrics()
        word = max((metrics.horizontalAdvance(each) for each in self._words), default=0)
        height = max(_TRACK.height(), metrics.height()) + 10
        return QSize(_TRACK.width() + GAP + 2 + word + 14, height)

    minimumSizeHint = sizeHint

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = event.key()
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.click()
        elif (key == Qt.Key.Key_Right and not self._on) or (key == Qt.Key.Key_Left and self._on):
            self._on_clicked()
        else:
            super().keyPressEvent(event)

    def _on_clicked(self) -> None:
        if not self._busy:
            self.asked.emit(not self._on)

    def _on_moved(self, place: float) -> None:
        self._place = place
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        theme = self._theme
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        left = self.width() - _TRACK.width() - 5
        track = QRectF(
            left, (self.height() - _TRACK.height()) / 2, _TRACK.width(), _TRACK.height()
        ).adjusted(0.5, 0.5, -0.5, -0.5)
        radius = track.height() / 2
        enabled, full = self.isEnabled() and not self._busy, self._place > 0.5
        fill = theme.colour("accent" if full else "line") if enabled else theme.colour("line")
        edge = theme.colour("accent" if full else "secondary") if enabled else fill
        if enabled and self.underMouse():
            fill = fill.lighter(108) if full else theme.colour("line_strong")
        painter.setPen(QPen(edge, 1))
        painter.setBrush(fill)
        painter.drawRoundedRect(track, radius, radius)
        size = track.height() - 6
        knob = QRectF(
            track.left() + 3 + self._place * (track.width() - size - 6), track.top() + 3, size, size
        )
        colour = theme.colour("on_accent" if full else "secondary") if enabled else edge.darker(115)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        painter.drawEllipse(knob)
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(theme.colour("accent"), 2))
            painter.drawRoundedRect(track.adjusted(-3, -3, 3, 3), radius + 3, radius + 3)
        painter.setFont(self.font())
        painter.setPen(theme.colour(("accent" if full else "text") if enabled else "secondary"))
        box = QRectF(0, 0, left - GAP - 2, self.height())
        side = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(box, int(side), self.text())
