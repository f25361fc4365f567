"""What a Pareto plot shows, and which of its points no other beats."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QPainter, QPen, QPolygonF

from desktop.ui.charts.data import series_colour
from desktop.ui.theme.theme import Theme


@dataclass(frozen=True)
class Point:
    """Something that has a cost (to the right) and a loss (upwards, on a log scale).

    Attributes:
        key: what it is known by outside of the plot.
        low, high: the ends of its error bar; None where they are not known.
        weight: what its area stands for; None where that is not known.
        other: it is of another kind than the rest of its series and has another shape.
        strong: its name is set off.
        tip: all its figures in words.
    """

    key: int
    series: int
    name: str
    cost: float
    loss: float
    low: float | None = None
    high: float | None = None
    weight: float | None = None
    other: bool = False
    strong: bool = False
    tip: str = ""


@dataclass(frozen=True)
class Reference:
    """What the points are measured against: it has a cost and, by definition, no loss."""

    cost: float
    name: str


def front(points: Sequence[Point]) -> list[Point]:
    """Those to which no other is both cheaper (or the same) and better, the cheapest first."""
    found: list[Point] = []
    for point in sorted(points, key=lambda each: (each.cost, each.loss)):
        if not found or point.loss < found[-1].loss:
            found.append(point)
    return found


def bubble_radius(weight: float | None, heaviest: float, least: float, most: float) -> float:
    """Areas go with weights; what has none, or too little to be seen, is as small as can be."""
    if not weight or heaviest <= 0:
        return least
    return max(least, most * math.sqrt(weight / heaviest))


def paint_mark(
    painter: QPainter,
    theme: Theme,
    centre: QPointF,
    radius: float,
    series: int,
    *,
    other: bool = False,
) -> None:
    """A point's shape: a disc, of the second series a square, of another kind a diamond.

    Colour never says it alone: shapes differ too.
    """
    colour = series_colour(theme, series)
    fill = series_colour(theme, series)
    fill.setAlphaF(0.35)
    painter.setPen(QPen(colour, 1.5))
    painter.setBrush(fill)
    if other:
        reach = radius * 1.25  # as large an area as the disc's
        corners = ((0.0, -reach), (reach, 0.0), (0.0, reach), (-reach, 0.0))
        painter.drawPolygon(QPolygonF([centre + QPointF(x, y) for x, y in corners]))
    elif series == 0:
        painter.drawEllipse(centre, radius, radius)
    else:
        half = radius * 0.886  # as large an area as the disc's
        painter.drawRect(QRectF(centre.x() - half, centre.y() - half, 2 * half, 2 * half))
