"""Cost against loss: bubbles with error bars, and the line of those that no other beats.

Imports pyqtgraph, as `plot` does: import it in a task.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from PySide6.QtCore import QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QFocusEvent,
    QFontMetricsF,
    QKeyEvent,
    QMouseEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import QWidget

from desktop.ui.charts.pareto_data import Point, Reference, bubble_radius
from desktop.ui.charts.pareto_paint import Points
from desktop.ui.charts.plot import Plot
from desktop.ui.charts.scales import figure, log_ticks, ticks
from desktop.ui.theme.theme import Theme

_LINES, _MOST_LINES = 20, 36  # heights of a letter that the plot is high, with its axis
_BUBBLE = 0.6  # heights of a letter: the largest radius
_UNCROWDED = 30  # of more points each is smaller
_REACH = 8.0  # so far around a point a pointer finds it
_NEAR = 1.35  # a reference costs more than that times the dearest point: it is named at the edge
_FLOOR = 3.0  # an error bar may stretch the scale by so many times its point's loss
_LEAST, _MOST = 1e-9, 1e9  # losses beyond them stand at the edge


class ParetoPlot(Plot):
    """Points by cost and loss. The arrow keys move along them.

    Signals:
        chosen: the key of the point a person chose, by a click or a key.
        entered: Enter or a double click on a point: its key.
    """

    chosen = Signal(int)
    entered = Signal(int)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        points = Points(theme)
        super().__init__(theme, points, {}, parent)
        self._points = points
        self._unit = ""
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._on_theme_changed()

    def sizeHint(self) -> QSize:
        return QSize(2 * self.minimumHeight(), self.minimumHeight())

    @property
    def points(self) -> Sequence[Point]:
        return self._points.points

    @property
    def current(self) -> int | None:
        """The key of the chosen point."""
        return self._points.chosen

    def show_points(
        self, points: Sequence[Point], references: Sequence[Reference], unit: str
    ) -> None:
        """Args: unit: what costs are told in, below the axis."""
        self._points.points, self._points.references = points, references
        self._unit = unit
        if self._point_of(self._points.chosen) is None:
            self._points.chosen = None
        self._on_theme_changed()

    def choose(self, key: int | None) -> None:
        """Set a point off, or none; says nothing."""
        self._points.chosen = key if self._point_of(key) is not None else None
        self.setAccessibleDescription(self.told())
        self.viewport().update()

    def told(self) -> str:
        """The figures of the chosen point in words."""
        point = self._point_of(self._points.chosen)
        return point.tip if point is not None else ""

    def _point_of(self, key: int | None) -> Point | None:
        return next((point for point in self._points.points if point.key == key), None)

    # --- scales -------------------------------------------------------------------------------

    def _on_theme_changed(self) -> None:
        super()._on_theme_changed()
        theme = self._theme
        height = QFontMetricsF(theme.font(-1, tabular=True)).height()
        bottom = self.getAxis("bottom")
        bottom.setLabel(self._unit, color=theme.tokens.secondary)
        bottom.label.setFont(theme.font(-1))
        bottom.setHeight(2 * height + 6)
        for side in ("left", "bottom"):
            self.getAxis(side).setStyle(hideOverlappingLabels=False)
        self.setMinimumHeight(int(_LINES * height))
        self.setMaximumHeight(int(_MOST_LINES * height))
        self._fit()
        bottom.resizeEvent()  # the label's place, with its font

    def _fit(self) -> None:
        """Scale so that every point, its bar and the start of its name are seen."""
        metrics = QFontMetricsF(self._theme.font(-1, tabular=True))
        points = self._points.points
        crowd = min(1.0, math.sqrt(_UNCROWDED / max(1, len(points))))
        most = metrics.height() * _BUBBLE * crowd
        heaviest = max((point.weight or 0.0 for point in points), default=0.0)
        self._points.radii = {
            point.key: bubble_radius(point.weight, heaviest, most / 4, most) for point in points
        }
        low, high = _losses(points)
        across = self._costs()
        room = QRectF(self.rect())
        tall = max(40.0, room.height() - 2 * metrics.height() - 8)
        bottom, top = _padded(math.log10(low), math.log10(high), tall, most + metrics.height() / 2)
        lines = max(2, int(tall / (2.2 * metrics.height())))
        near = metrics.height() / 2 * (top - bottom) / tall  # a figure there would be cut
        losses = log_ticks(10 ** (bottom + near), 10 ** (top - near), lines)
        texts = [figure(value) for value in losses]
        left = self.getAxis("left")
        left.setTicks([[(math.log10(v), text) for v, text in zip(losses, texts, strict=True)]])
        wide = max((metrics.horizontalAdvance(text) for text in texts), default=10) + 12
        left.setWidth(wide)
        wide = max(80.0, room.width() - wide - 4)
        begin, end = _padded(*across, wide, most + 3 * metrics.averageCharWidth())
        columns = max(2, int(wide / (8 * metrics.averageCharWidth())))
        near = 3 * metrics.averageCharWidth() * (end - begin) / wide
        costs = [value for value in ticks(begin, end - near, columns) if value >= 0]
        self.getAxis("bottom").setTicks([[(value, figure(value)) for value in costs]])
        self._points.grid = [math.log10(value) for value in losses]
        self._points.set_box(QRectF(begin, bottom, end - begin, top - bottom))
        self.setXRange(begin, end, padding=0)
        self.setYRange(bottom, top, padding=0)

    def _costs(self) -> tuple[float, float]:
        """The cheapest and the dearest, with the references that are not far away."""
        found = [point.cost for point in self._points.points] or [0.0, 1.0]
        dearest = max(found)
        found += [r.cost for r in self._points.references if r.cost <= _NEAR * dearest]
        return min(found), max(found)

    # --- hands --------------------------------------------------------------------------------

    def _place(self, point: Point) -> QPointF:
        """Where a point is, in this widget's pixels."""
        scene = self.getViewBox().mapViewToScene(
            QPointF(point.cost, self._points.height_of(point.loss))
        )
        return QPointF(self.mapFromScene(scene))

    def point_at(self, position: QPoint) -> Point | None:
        """The point under a place of this widget, or the nearest beside it."""
        near: list[tuple[float, Point]] = []
        for point in self._points.points:
            at = self._place(point) - QPointF(position)
            far = math.hypot(at.x(), at.y())
            if far <= self._points.radii[point.key] + _REACH:
                near.append((far, point))
        return min(near, key=lambda each: each[0])[1] if near else None

    def _choose_by_hand(self, point: Point | None) -> None:
        if point is not None:
            self.choose(point.key)
            self.chosen.emit(point.key)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, current = event.key(), self._point_of(self._points.chosen)
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and current is not None:
            self.entered.emit(current.key)
            event.accept()
            return
        upright = key in (Qt.Key.Key_Up, Qt.Key.Key_Down)
        ordered = sorted(
            self._points.points,
            key=lambda p: (p.loss, p.cost) if upright else (p.cost, p.loss),
        )
        forward = (Qt.Key.Key_Right, Qt.Key.Key_Up)
        back = (Qt.Key.Key_Left, Qt.Key.Key_Down)
        known = (*forward, *back, Qt.Key.Key_Home, Qt.Key.Key_End)
        if key not in known or not ordered:
            event.ignore()  # the page's own
            return
        if key in (Qt.Key.Key_Home, Qt.Key.Key_End) or current is None:
            place = -1 if key == Qt.Key.Key_End else 0
        else:
            step = 1 if key in forward else -1
            place = min(max(0, ordered.index(current) + step), len(ordered) - 1)
        self._choose_by_hand(ordered[place])
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._choose_by_hand(self.point_at(event.position().toPoint()))
        event.accept()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        point = self.point_at(event.position().toPoint())
        if point is not None and event.button() == Qt.MouseButton.LeftButton:
            self.entered.emit(point.key)
        event.accept()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        over = self.point_at(event.position().toPoint()) is not None
        shape = Qt.CursorShape.PointingHandCursor if over else Qt.CursorShape.ArrowCursor
        self.viewport().setCursor(shape)
        event.accept()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        event.accept()

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self._points.focused = event.reason() in (
            Qt.FocusReason.TabFocusReason,
            Qt.FocusReason.BacktabFocusReason,
            Qt.FocusReason.ShortcutFocusReason,
        )
        self.viewport().update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self._points.focused = False
        self.viewport().update()

    def tip_at(self, position: QPoint) -> str:
        """The figures of the point there."""
        point = self.point_at(position)  # names of files must not become markup
        return f"<span>{escape(point.tip)}</span>" if point is not None else ""

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if getattr(self, "_points", None):
            self._fit()


def _losses(points: Sequence[Point]) -> tuple[float, float]:
    """The range of losses above zero, error bars included as far as they do not stretch it."""
    known = [point for point in points if point.loss > 0]
    if not known:
        return 1e-4, 1.0
    low = min(max(p.low or 0.0, p.loss / _FLOOR) if p.low is not None else p.loss for p in known)
    high = max(min(p.high, p.loss * _FLOOR) if p.high is not None else p.loss for p in known)
    if any(point.loss <= 0 for point in points):
        low /= _FLOOR  # they stand below the others
    low = min(max(low, _LEAST), _MOST / 2)
    return low, min(max(high, low * 1.2), _MOST)


def _padded(low: float, high: float, pixels: float, pad: float) -> tuple[float, float]:
    """A range with `pad` pixels more at each end."""
    span = high - low or abs(high) * 0.2 or 1.0
    middle = (low + high) / 2
    half = span / 2 * pixels / max(pixels - 2 * pad, pixels / 4)
    return middle - half, middle + half
