"""The stages of a load as a column, for a panel: done, alive, to come. (`Stages` is the line.)"""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, QTimer
from PySide6.QtGui import QColor, QHideEvent, QPainter, QPaintEvent, QPen, QShowEvent
from PySide6.QtWidgets import QStyle, QWidget

from desktop.ui.i18n import Translated
from desktop.ui.theme.theme import Theme

STAGES = ("checking memory", "reading file", "placing layers", "warming up", "ready")
_BEAT_MS = 60
_BEATS = 24  # of one breath


class StageColumn(Translated, QWidget):
    """The current stage breathes and shows how far it is, where that is known."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._names: list[str] = []
        self._current = -1
        self._progress: float | None = None
        self._beat = 0
        self._timer = QTimer(self)
        self._timer.setInterval(_BEAT_MS)
        self._timer.timeout.connect(self._on_beat)
        self.setFont(theme.font(tabular=True))
        theme.changed.connect(self.update)
        self.retranslate()

    def retranslate(self) -> None:
        self._names = [
            self.tr("Checking memory"),
            self.tr("Reading file"),
            self.tr("Placing layers"),
            self.tr("Warming up"),
            self.tr("Ready"),
        ]
        self.updateGeometry()
        self._tell()

    def show_stage(self, stage: str, progress: float | None = None) -> None:
        """Args: stage: as the service names it; progress: 0..1, None where nobody knows."""
        self._current = STAGES.index(stage) if stage in STAGES else -1
        self._progress = progress
        self._tell()
        self._start_or_stop()

    def current(self) -> str:
        return STAGES[self._current] if self._current >= 0 else ""

    def _tell(self) -> None:
        if self._current >= 0:
            share = "" if self._progress is None else f" {self._progress:.0%}"
            self.setAccessibleName(f"{self._names[self._current]}{share}")
        self.update()

    def _row_height(self) -> int:
        return max(24, self.fontMetrics().height() + 8)

    def sizeHint(self) -> QSize:
        widths = [self.fontMetrics().horizontalAdvance(name) for name in self._names]
        return QSize(max(widths) + 96, self._row_height() * len(self._names))

    minimumSizeHint = sizeHint

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._start_or_stop()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._timer.stop()

    def _start_or_stop(self) -> None:
        moving = self.style().styleHint(QStyle.StyleHint.SH_Widget_Animation_Duration) > 0
        if moving and self.isVisible() and self._current >= 0:
            self._timer.start()
        else:
            self._timer.stop()

    def _on_beat(self) -> None:
        self._beat = (self._beat + 1) % _BEATS
        height = self._row_height()
        self.update(0, self._current * height, height, height)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        height, theme = self._row_height(), self._theme
        for number, name in enumerate(self._names):
            middle = QPointF(10, number * height + height / 2)
            alive = number == self._current
            if number + 1 < len(self._names):
                painter.setPen(QPen(theme.colour("line_strong"), 1))
                painter.drawLine(middle + QPointF(0, 9), middle + QPointF(0, height - 9))
            if alive:
                self._paint_alive(painter, middle)
            elif number < self._current:
                self._paint_done(painter, middle)
            else:
                painter.setPen(QPen(theme.colour("line_strong"), 1.5))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawEllipse(middle, 4, 4)
            painter.setFont(theme.font(semibold=alive, tabular=True))
            painter.setPen(theme.colour("text" if alive else "secondary"))
            line = QRectF(28, number * height, self.width() - 28, height)
            painter.drawText(line, int(Qt.AlignmentFlag.AlignVCenter), name)
            if alive and self._progress is not None:
                side = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
                painter.drawText(line, int(side), f"{self._progress:.0%}")

    def _paint_done(self, painter: QPainter, middle: QPointF) -> None:
        painter.setPen(QPen(self._theme.colour("accent"), 2))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPolyline(
            [middle + QPointF(-5, 0), middle + QPointF(-1.5, 3.5), middle + QPointF(5, -4)]
        )

    def _paint_alive(self, painter: QPainter, middle: QPointF) -> None:
        accent = self._theme.colour("accent")
        breath = abs(self._beat / _BEATS * 2 - 1)  # 1 → 0 → 1
        halo = QColor(accent)
        halo.setAlphaF(0.15 + 0.25 * breath)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(halo)
        painter.drawEllipse(middle, 5 + 4 * breath, 5 + 4 * breath)
        painter.setBrush(accent)
        painter.drawEllipse(middle, 4.5, 4.5)
