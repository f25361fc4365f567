"""The plot of the results with its legend; its library is imported while the page is shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QVBoxLayout, QWidget

from desktop.ui.charts.data import series_colour
from desktop.ui.charts.pareto_data import Point, paint_mark
from desktop.ui.i18n import Translated
from desktop.ui.tabs.quantize.results_rows import Row, points_of
from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.base import TIGHT, Text
from desktop.ui.widgets.flow import FlowLayout

if TYPE_CHECKING:
    from desktop.ui.charts.pareto import ParetoPlot

_KEY_GAP = 12  # behind an entry of the legend
_TITLE_LETTERS = 32  # of a compared result's name


def import_plot() -> type[ParetoPlot]:
    """In a task: pyqtgraph takes half a second."""
    from desktop.ui.charts.pareto import ParetoPlot

    return ParetoPlot


class _Key(QWidget):
    """One entry of the legend: a mark or the line of the best, and what it stands for."""

    def __init__(self, theme: Theme, series: int, *, other: bool = False, line: bool = False):
        super().__init__()
        self._theme, self._series, self._other, self._line = theme, series, other, line
        self._text = ""
        self.setFont(theme.font(-1))
        theme.changed.connect(self.update)

    def set_text(self, text: str) -> None:
        self._text = text
        self.setAccessibleName(text)
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        metrics = self.fontMetrics()
        width = self._room() + metrics.horizontalAdvance(self._text) + _KEY_GAP
        return QSize(width, metrics.height() + 2)

    minimumSizeHint = sizeHint

    def _room(self) -> int:
        return self._theme.icon_side(16) + TIGHT

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        side, middle = self._theme.icon_side(16), self.height() / 2
        if self._line:
            painter.setPen(QPen(series_colour(self._theme, self._series), 1.5))
            painter.drawLine(QPointF(0, middle), QPointF(side, middle))
        else:
            centre = QPointF(side / 2, middle)
            paint_mark(painter, self._theme, centre, side / 3, self._series, other=self._other)
        painter.setPen(self._theme.colour("secondary"))
        painter.setFont(self.font())
        base = (self.height() + self.fontMetrics().ascent() - self.fontMetrics().descent()) / 2
        painter.drawText(QPointF(self._room(), base), self._text)


class ResultsPlot(Translated, QWidget):
    """Size against what was lost.

    Signals:
        row_chosen: the key of the row whose point a person chose.
        row_entered: Enter or a double click on a point: the key of its row.
    """

    row_chosen = Signal(int)
    row_entered = Signal(int)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: Sequence[Row] = ()
        self.chart: ParetoPlot | None = None
        self._title = Text(theme, role="strong")
        self._loss = Text(theme, role="caption", wrap=True)
        self._made, self._foreign = _Key(theme, 0), _Key(theme, 0, other=True)
        self._compared, self._best = _Key(theme, 1), _Key(theme, 0, line=True)
        self._legend = QWidget()
        keys = FlowLayout(self._legend, TIGHT)
        for key in (self._made, self._compared, self._foreign, self._best):
            keys.addWidget(key)
        self._waiting = Text(theme, token="secondary", wrap=True)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(TIGHT)
        for widget in (self._title, self._legend, self._loss, self._waiting):
            self._layout.addWidget(widget)
        self.retranslate()

    def retranslate(self) -> None:
        self._title.setText(self.tr("Size and loss"))
        self._made.set_text(self.tr("made here"))
        self._foreign.set_text(self.tr("not made here"))
        self._best.set_text(self.tr("best for its size"))
        self._loss.setText(
            self.tr(
                "KL divergence, log scale; the larger a point, the faster it is. Bars are 95 %."
            )
        )
        self._waiting.setText(self.tr("The chart is being prepared."))
        if self.chart is not None:
            self.chart.setAccessibleName(
                self.tr("Size against KL divergence; the table below has the same figures")
            )
        self._write()

    def set_chart(self, chart: ParetoPlot) -> None:
        self.chart = chart
        chart.chosen.connect(self.row_chosen)
        chart.entered.connect(self.row_entered)
        self._layout.insertWidget(3, chart, 1)
        self._waiting.hide()
        self.retranslate()

    def show_rows(self, rows: Sequence[Row]) -> int:
        """Returns: how many points it has."""
        self._rows = rows
        return len(self._write())

    def _write(self) -> list[Point]:
        points, references, unit = points_of(self._rows)
        titles = {row.series: row.title for row in self._rows}
        name, middle = titles.get(1, ""), Qt.TextElideMode.ElideMiddle
        most = _TITLE_LETTERS * self.fontMetrics().averageCharWidth()
        self._compared.set_text(self.fontMetrics().elidedText(name, middle, most))
        self._compared.setVisible(1 in titles)
        self._foreign.setVisible(any(point.other for point in points))
        if self.chart is not None:
            text = self.tr("Size, {unit}").format(unit=unit)
            self.chart.show_points(points, references, text)
        self._legend.updateGeometry()
        return points
