"""A figure over time as steps: one value for each slice of time, the area below it filled.

Imports pyqtgraph, as `bars` does: import it in a task.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence

os.environ["PYQTGRAPH_QT_LIB"] = "PySide6"  # read when pyqtgraph is imported

import pyqtgraph as pg  # type: ignore[import-untyped]
from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, Qt
from PySide6.QtGui import (
    QColor,
    QFontMetricsF,
    QHelpEvent,
    QPainter,
    QPen,
    QPolygonF,
    QWheelEvent,
)
from PySide6.QtWidgets import QToolTip, QWidget

from desktop.ui.charts.data import series_colour
from desktop.ui.theme.theme import Theme
from desktop.ui.units import count

_LINES = 4.5  # heights of a letter that the plot is high, without its axis


class _Clock(pg.AxisItem):  # type: ignore[misc]
    """Times of the day, here."""

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:
        return [time.strftime("%H:%M", time.localtime(value)) for value in values]


class _Area(pg.GraphicsObject):  # type: ignore[misc]
    """The steps, painted in pixels."""

    def __init__(self, theme: Theme, series: int) -> None:
        super().__init__()
        self._theme, self._series = theme, series
        self._values: Sequence[float] = ()
        self._begin, self._width, self._top = 0.0, 1.0, 1.0

    def set_content(self, begin: float, width: float, values: Sequence[float], top: float) -> None:
        self.prepareGeometryChange()
        self._begin, self._width, self._values, self._top = begin, width, values, top
        self.update()

    def boundingRect(self) -> QRectF:
        return QRectF(self._begin, 0, self._width * max(1, len(self._values)), self._top)

    def paint(self, painter: QPainter, *args: object) -> None:
        if not any(self._values):
            return
        to_pixels = painter.worldTransform()
        painter.save()
        painter.resetTransform()
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
        painter.restore()


class StepPlot(pg.PlotWidget):  # type: ignore[misc]
    """One figure over time; nothing to zoom, nothing to drag."""

    def __init__(self, theme: Theme, series: int, parent: QWidget | None = None) -> None:
        super().__init__(parent, background=None, axisItems={"bottom": _Clock("bottom")})
        self._theme = theme
        self._area = _Area(theme, series)
        self._begin, self._width = 0.0, 1.0
        self._values: Sequence[float] = ()
        self._unit = ""
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setMouseEnabled(False, False)
        self.setMenuEnabled(False)
        self.hideButtons()
        # WORKAROUND(pyqtgraph makes a menu without a parent for each plot; drop when it does not)
        menu = self.getPlotItem().ctrlMenu
        menu.setParent(self, menu.windowFlags())
        self.getViewBox().setDefaultPadding(0)
        self.addItem(self._area, ignoreBounds=True)
        theme.changed.connect(self._on_theme_changed)
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
        small = self._theme.font(-1, tabular=True)
        metrics = QFontMetricsF(small)
        self.setBackground(self._theme.colour("surface"))
        for name in ("left", "bottom"):
            axis = self.getAxis(name)
            axis.enableAutoSIPrefix(False)
            axis.setStyle(tickFont=small, tickLength=-4, maxTickLevel=0)
            axis.setPen(self._theme.colour("line_strong"))
            axis.setTextPen(self._theme.colour("secondary"))
        self.getAxis("left").setWidth(metrics.horizontalAdvance("00,000") + 10)
        self.getAxis("bottom").setHeight(metrics.height() + 8)
        self.setFixedHeight(int((_LINES + 1) * metrics.height() + 12))
        self.viewport().update()

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()  # the page scrolls

    def viewportEvent(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            QToolTip.showText(event.globalPos(), self.tip_at(event.pos()), self)
            return True
        return bool(super().viewportEvent(event))

    def tip_at(self, position: QPoint) -> str:
        """The slice under a place of this widget: its time and its value."""
        at = self.getViewBox().mapSceneToView(self.mapToScene(position)).x()
        number = int((at - self._begin) // self._width)
        if not 0 <= number < len(self._values):
            return ""
        when = time.strftime("%H:%M:%S", time.localtime(self._begin + number * self._width))
        return f"{when}  {self._values[number]:,.1f} {self._unit}"
