"""What a bar chart and its table twin show, and how the series of a chart are told apart."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QPainter, QPen

from desktop.ui.theme.theme import Theme

# Colour never says it alone: each series has its pattern too (and its name beside each bar).
_PATTERNS = (
    Qt.BrushStyle.SolidPattern,
    Qt.BrushStyle.BDiagPattern,
    Qt.BrushStyle.Dense5Pattern,
    Qt.BrushStyle.VerPattern,
    Qt.BrushStyle.FDiagPattern,
    Qt.BrushStyle.CrossPattern,
)
SERIES_LIMIT = len(_PATTERNS)
OTHERS = -1  # the series of what was not measured here: without a colour, an empty bar


@dataclass(frozen=True)
class Bar:
    """One bar; `error` is half of its whisker, `label` stands at its end, `tip` under the
    pointer."""

    series: int
    name: str
    value: float
    error: float | None
    label: str
    tip: str


@dataclass(frozen=True)
class Group:
    """Bars of the same test, under its name; `note` is a second, quieter line below the name."""

    name: str
    bars: tuple[Bar, ...]
    note: str = ""


@dataclass(frozen=True)
class Panel:
    """Groups on one scale."""

    title: str
    unit: str
    groups: tuple[Group, ...]


def series_colour(theme: Theme, series: int) -> QColor:
    if series == OTHERS:
        return theme.colour("secondary")
    colours = theme.tokens.series
    return QColor(colours[series % len(colours)])


def paint_bar(painter: QPainter, theme: Theme, box: QRectF, series: int) -> None:
    """A bar or a swatch of a series: its colour and pattern within a line of the same colour."""
    colour = series_colour(theme, series)
    soft = QColor(colour)
    none = Qt.BrushStyle.NoBrush
    pattern = none if series == OTHERS else _PATTERNS[series % SERIES_LIMIT]
    solid = pattern is Qt.BrushStyle.SolidPattern
    soft.setAlphaF(1.0 if solid else 0.18)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(soft)
    painter.drawRect(box)
    painter.setPen(QPen(colour, 1))
    painter.setBrush(QBrush(colour, pattern))
    painter.drawRect(box)
