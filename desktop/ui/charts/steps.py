"""A figure over time as steps: one value for each slice of time, the area below it filled.

Imports pyqtgraph, as `plot` does: import it in a task.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from PySide6.QtCore import QPoint, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen, QPolygonF, QTransform
from PySide6.QtWidgets import QWidget

from desktop.ui.charts.data import series_colour
from desktop.ui.charts.plot import Axis, Painting, Plot
from desktop.ui.theme.theme import Theme
from desktop.ui.units import count

_LINES = 4.5  # heights of a letter that the plot is high, without its axis


class _Clock(Axis):
    """Times of the day, here."""

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:
        return [time.strftime("%H:%M", time.localtime(value)) for value in values]


class _Area(Painting):
    """The steps."""

    def __init__(self, theme: Theme, series: int) -> None:
        super().__init__(theme)
        self._series = series
        self._values: Sequence[float] = ()
        self._begin, self._width = 0.0, 1.0

    def set_content(self, begin: float, width: float, values: Sequence[float], top: float) -> None:
        self._begin, self._width, self._values = begin, width, values
        self.set_box(QRectF(begin, 0, width * max(1, len(values)), top))

    def draw(self, painter: QPainter, to_pixels: QTransform) -> None:
        if not any(self._values):
            return
        outline = []
        for number, value in enumerate(self._values):
            left = self._begin + number * self._width
            outline += [QPointF(left, value), QPointF(left + self._width, value)]
        points = [to_pixels.map(point) for point in outline]
        ground = to_pixels.map(QPointF(self._begin, 0)).y()
        colour = series_colour(self._theme, self._series)
        soft = QColor(colour)
        soft.setAlphaF(0.22)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(soft)
        ends = [QPointF(points[-1].x(), ground), QPointF(points[0].x(), ground)]
        painter.drawPolygon(QPolygonF([*points, *ends]))
        painter.setPen(QPen(colour, 1.5))
        painter.drawPolyline(QPolygonF(points))


class StepPlot(Plot):
    """One figure over time."""

    def __init__(self, theme: Theme, series: int, parent: QWidget | None = None) -> None:
        self._area = _Area(theme, series)
        super().__init__(theme, self._area, {"bottom": _Clock("bottom")}, parent)
        self._begin, self._width = 0.0, 1.0
        self._values: Sequence[float] = ()
        self._unit = ""
        self._on_theme_changed()

    def show_values(self, begin: float, width: float, values: Sequence[float], unit: str) -> None:
        """Args: begin: of the first slice, in seconds since 1970; width: of each, in seconds."""
        self._begin, self._width, self._values, self._unit = begin, width, values, unit
        most = max(values, default=0.0)
        top = most * 1.08 if most > 0 else 1.0
        self._area.set_content(begin, width, values, top)
        self.setXRange(begin, begin + width * max(1, len(values)), padding=0)
        self.setYRange(0, top, padding=0)
        left = self.getAxis("left")
        left.setTicks([[(most, count(most) if most >= 10 else f"{most:.1f}")]] if most else [[]])
        self.viewport().update()

    def _on_theme_changed(self) -> None:
        super()._on_theme_changed()
        metrics = QFontMetricsF(self._theme.font(-1, tabular=True))
        self.getAxis("left").setWidth(metrics.horizontalAdvance("00,000") + 10)
        self.getAxis("bottom").setHeight(metrics.height() + 8)
        self.setFixedHeight(int((_LINES + 1) * metrics.height() + 12))

    def tip_at(self, position: QPoint) -> str:
        """The slice there: its time and its value."""
        at = self.getViewBox().mapSceneToView(self.mapToScene(position)).x()
        number = int((at - self._begin) // self._width)
        if not 0 <= number < len(self._values):
            return ""
        when = time.strftime("%H:%M:%S", time.localtime(self._begin + number * self._width))
        return f"{when}  {self._values[number]:,.1f} {self._unit}"
