"""A request's time as one bar: waiting, reading the prompt, answering."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QBrush, QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from desktop.ui import units
from desktop.ui.i18n import Translated
from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.base import TIGHT

Json = dict[str, Any]
_BAR = 14
_LEAST = 3  # pixels of a part that took any time at all
# Each part has a pattern of its own beside its colour.
_LOOKS = {
    "wait": ("line_strong", Qt.BrushStyle.BDiagPattern),
    "prefill": ("info", Qt.BrushStyle.Dense4Pattern),
    "decode": ("accent", Qt.BrushStyle.SolidPattern),
}


def parts(request: Json) -> list[tuple[str, float]]:
    """("wait" | "prefill" | "decode", seconds) as far as it came; they add up to the total."""
    total = float(request.get("total_seconds") or 0.0)
    wait, first = request.get("wait_seconds"), request.get("ttft_seconds")
    if wait is None and first is None:
        return [("wait", total)]
    granted = min(float(wait or 0.0), total)
    if first is None:
        return [("wait", granted), ("prefill", total - granted)]
    begun = min(max(float(first), granted), total)
    return [("wait", granted), ("prefill", begun - granted), ("decode", total - begun)]


def _time(seconds: float) -> str:
    """12 ms of what is short."""
    return f"{seconds * 1000:.0f} ms" if seconds < 0.1 else units.seconds(seconds)


class Timeline(Translated, QWidget):
    """Shows one request; its words stand below the bar, with the time of each part."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._parts: list[tuple[str, float]] = []
        self._names: dict[str, str] = {}
        self.setFont(theme.font(-1, tabular=True))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)
        self.retranslate()

    def retranslate(self) -> None:
        self._names = {
            "wait": self.tr("Waiting"),
            "prefill": self.tr("Reading the prompt"),
            "decode": self.tr("Answering"),
        }
        self._tell()

    def show_request(self, request: Json) -> None:
        self._parts = parts(request)
        self._tell()

    def words(self) -> list[str]:
        """Of each part: its name and time."""
        return [f"{self._names[name]} {_time(took)}" for name, took in self._parts]

    def _tell(self) -> None:
        self.setAccessibleName(", ".join(self.words()))
        self.setToolTip("\n".join(self.words()))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        line = self.fontMetrics().height() + TIGHT
        return QSize(200, _BAR + 2 * TIGHT + line * max(1, len(self._parts)))

    minimumSizeHint = sizeHint

    def boxes(self) -> list[tuple[str, QRectF]]:
        """Where each part of the bar stands."""
        width = self.width() - 1.0
        whole = sum(took for _, took in self._parts)
        some = [(name, took) for name, took in self._parts if took > 0]
        room = width - _LEAST * len(some)
        left, found = 0.0, []
        for name, took in some:
            wide = _LEAST + room * took / whole
            found.append((name, QRectF(left + 0.5, 0.5, wide, _BAR)))
            left += wide
        return found

    def _paint(self, painter: QPainter, name: str, box: QRectF) -> None:
        token, pattern = _LOOKS[name]
        colour = self._theme.colour(token)
        soft = QColor(colour)
        soft.setAlphaF(1.0 if pattern is Qt.BrushStyle.SolidPattern else 0.2)
        painter.fillRect(box, soft)
        painter.setPen(QPen(colour, 1))
        painter.setBrush(QBrush(colour, pattern))
        painter.drawRect(box)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        for name, box in self.boxes():
            self._paint(painter, name, box)
        metrics = self.fontMetrics()
        line, swatch = metrics.height() + TIGHT, metrics.height() * 0.6
        top = _BAR + 2.0 * TIGHT
        for (name, _), words in zip(self._parts, self.words(), strict=True):
            square = QRectF(0.5, round(top + (metrics.height() - swatch) / 2) + 0.5, swatch, swatch)
            self._paint(painter, name, square)
            painter.setPen(self._theme.colour("text"))
            place = QRectF(swatch + 8, top, self.width() - swatch - 8, metrics.height())
            painter.drawText(place, int(Qt.AlignmentFlag.AlignVCenter), words)
            top += line
