"""How a Pareto plot is painted: bubbles, error bars, names, the line of the best.

Imports pyqtgraph, as `plot` does: import it in a task.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPen, QPolygonF, QTransform

from desktop.ui.charts.data import series_colour
from desktop.ui.charts.names import Box, place_names
from desktop.ui.charts.pareto_data import Point, Reference, front, paint_mark
from desktop.ui.charts.plot import Painting
from desktop.ui.theme.theme import Theme

_NAMES_LIMIT = 60  # beyond that they would only cover one another
_NAME_GAP = 6.0  # pixels between a point and its name
_CAP = 3.0  # pixels of an error bar's end to each side


class Points(Painting):
    """Attributes:
    grid: heights of the lines behind the points.
    radii: of the points, by their keys, in pixels.
    chosen: the key of the point that is set off.
    focused: whether keys move in the plot.
    """

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme)
        self.points: Sequence[Point] = ()
        self.references: Sequence[Reference] = ()
        self.grid: Sequence[float] = ()
        self.radii: dict[int, float] = {}
        self.chosen: int | None = None
        self.focused = False
        self._names: tuple[object, list[tuple[Point, Box]]] = (None, [])

    def set_box(self, box: QRectF) -> None:
        super().set_box(box)
        self._names = (None, [])

    def place(self, point: Point, to_pixels: QTransform) -> QPointF:
        return to_pixels.map(QPointF(point.cost, self.height_of(point.loss)))

    def height_of(self, loss: float) -> float:
        """On the axis; what is not above zero stands on the ground."""
        ground, roof = self._box.top(), self._box.bottom()  # of a view that counts upwards
        return min(max(ground, math.log10(loss)), roof) if loss > 0 else ground

    def draw(self, painter: QPainter, to_pixels: QTransform) -> None:
        room = to_pixels.mapRect(self._box)
        painter.setClipRect(room)
        painter.setPen(QPen(self._theme.colour("line"), 1))
        for value in self.grid:
            y = round(to_pixels.map(QPointF(0, value)).y()) + 0.5
            painter.drawLine(QPointF(room.left(), y), QPointF(room.right(), y))
        taken = self._paint_references(painter, to_pixels, room)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for series in sorted({point.series for point in self.points}):
            self._paint_front(painter, to_pixels, series)
        for point in self.points:
            self._paint_point(painter, to_pixels, point)
        for point, box in self._named(painter, to_pixels, room, taken):
            self._paint_name(painter, point, box)
        if self.focused:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(self._theme.colour("accent"), 2))
            painter.drawRect(room.adjusted(1, 1, -1, -1))

    def _paint_references(
        self, painter: QPainter, to_pixels: QTransform, room: QRectF
    ) -> list[Box]:
        """A dashed line where there is room for it, else its name at the edge; what it covers.

        Names stand on top, on the right: what is dear and bad is seldom made.
        """
        painter.setFont(self._theme.font(-1, tabular=True))
        metrics = QFontMetricsF(painter.font())
        taken: list[Box] = []
        top = room.top() + 2
        for reference in self.references:
            inside = reference.cost <= self._box.right()
            name = reference.name if inside else f"{reference.name} →"
            width = metrics.horizontalAdvance(name) + 4
            x = to_pixels.map(QPointF(reference.cost, 0)).x() if inside else room.right() - 4
            if inside:
                painter.setPen(QPen(self._theme.colour("secondary"), 1, Qt.PenStyle.DashLine))
                painter.drawLine(QPointF(x, room.top()), QPointF(x, room.bottom()))
                taken.append((x - 1, room.top(), x + 1, room.bottom()))
            left = x - width if inside or x + width > room.right() else x + 4
            box = QRectF(left, top, width, metrics.height())
            painter.setPen(self._theme.colour("secondary"))
            painter.drawText(box, int(Qt.AlignmentFlag.AlignCenter), name)
            taken.append((box.left(), box.top(), box.right(), box.bottom()))
            top += metrics.height()
        return taken

    def _paint_front(self, painter: QPainter, to_pixels: QTransform, series: int) -> None:
        best = front(self._of(series))
        style = Qt.PenStyle.SolidLine if series == 0 else Qt.PenStyle.DashLine
        painter.setPen(QPen(series_colour(self._theme, series), 1.5, style))
        painter.drawPolyline(QPolygonF([self.place(point, to_pixels) for point in best]))

    def _paint_point(self, painter: QPainter, to_pixels: QTransform, point: Point) -> None:
        theme, at = self._theme, self.place(point, to_pixels)
        radius = self.radii[point.key]
        if point.low is not None and point.high is not None:
            painter.setPen(QPen(theme.colour("text"), 1))
            ends = [
                to_pixels.map(QPointF(0, self.height_of(end))).y()
                for end in (point.low, point.high)
            ]
            painter.drawLine(QPointF(at.x(), ends[0]), QPointF(at.x(), ends[1]))
            for y, end in zip(ends, (point.low, point.high), strict=True):
                if end > 0:  # else it goes on below what a log scale can show
                    painter.drawLine(QPointF(at.x() - _CAP, y), QPointF(at.x() + _CAP, y))
        paint_mark(painter, theme, at, radius, point.series, other=point.other)
        if point.key == self.chosen:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(theme.colour("text"), 2))
            painter.drawEllipse(at, radius + 4, radius + 4)

    def _named(
        self, painter: QPainter, to_pixels: QTransform, room: QRectF, taken: list[Box]
    ) -> list[tuple[Point, Box]]:
        """Where names stand; reckoned anew only when something moved."""
        scale = (to_pixels.m11(), to_pixels.m22(), to_pixels.dx(), to_pixels.dy())
        if self._names[0] == scale:
            return self._names[1]
        best = {p.key for s in {p.series for p in self.points} for p in front(self._of(s))}
        ordered = sorted(self.points, key=lambda p: (not p.strong, p.key not in best, p.cost))
        every = max(1, -(-len(ordered) // _NAMES_LIMIT))  # of a crowd some are named, all along it
        first = [p for n, p in enumerate(ordered) if p.strong or n % every == 0]
        keys = {p.key for p in first}
        ordered = [*first, *(p for p in ordered if p.key not in keys)]
        places, sizes = [], []
        for point in ordered:
            at = self.place(point, to_pixels)
            places.append((at.x(), at.y(), self.radii[point.key]))
        for point in ordered[:_NAMES_LIMIT]:
            metrics = QFontMetricsF(self._font(point))
            sizes.append((metrics.horizontalAdvance(point.name) + 2, metrics.height()))
        edges = (room.left(), room.top(), room.right(), room.bottom())
        found = place_names(places, sizes, [*taken, *self._whiskers(to_pixels)], edges, _NAME_GAP)
        named = [(p, box) for p, box in zip(ordered, found, strict=False) if box is not None]
        self._names = (scale, named)
        return named

    def _of(self, series: int) -> list[Point]:
        return [point for point in self.points if point.series == series]

    def _whiskers(self, to_pixels: QTransform) -> list[Box]:
        found = []
        for point in self.points:
            if point.low is not None and point.high is not None:
                at = self.place(point, to_pixels).x()
                low = to_pixels.map(QPointF(0, self.height_of(point.low))).y()
                high = to_pixels.map(QPointF(0, self.height_of(point.high))).y()
                found.append((at - _CAP, high, at + _CAP, low))
        return found

    def _font(self, point: Point) -> QFont:
        return self._theme.font(-1, semibold=point.strong, tabular=True)

    def _paint_name(self, painter: QPainter, point: Point, box: Box) -> None:
        rect = QRectF(box[0], box[1], box[2] - box[0], box[3] - box[1])
        ground = QColor(self._theme.colour("surface"))
        ground.setAlphaF(0.8)  # the line of the best may pass below
        painter.fillRect(rect, ground)
        painter.setFont(self._font(point))
        painter.setPen(self._theme.colour("text"))
        painter.drawText(rect, int(Qt.AlignmentFlag.AlignCenter), point.name)
