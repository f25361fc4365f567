"""Grouped bars with whiskers, lying down: room for a name before and a figure behind each bar.

Imports pyqtgraph, as `plot` does: import it in a task.
"""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRectF, Qt
from PySide6.QtGui import QFont, QFontMetricsF, QPainter, QPen, QResizeEvent, QTransform
from PySide6.QtWidgets import QGridLayout, QVBoxLayout, QWidget

from desktop.ui.charts.data import Bar, Panel, paint_bar
from desktop.ui.charts.plot import Axis, Painting, Plot
from desktop.ui.theme.theme import Theme
from desktop.ui.units import count
from desktop.ui.widgets.base import TIGHT, Text

_BAR_SHARE = 0.62  # of a slot's height
_GAP_SLOTS = 0.4  # between two groups
_NOTE_CLOSER = 0.2  # of a slot: a note stands closer to its name than a bar does
_LABEL_GAP = 6.0
_COLUMN_WIDTH = 290  # at least


class _FigureAxis(Axis):
    """An axis whose figures read 12,000, never 1.2e4 or 12 k."""

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:
        if spacing < 1:
            return [f"{value:,.1f}" for value in values]
        return [count(value) for value in values]

    def tickValues(
        self, minVal: float, maxVal: float, size: float
    ) -> list[tuple[float, list[float]]]:
        """No tick so near the end that its figure would be cut off."""
        metrics = QFontMetricsF(self.style["tickFont"] or QFont())
        kept = []
        for spacing, values in super().tickValues(minVal, maxVal, size):
            texts = self.tickStrings(values, 1.0, spacing)
            room = (maxVal - minVal) / max(1.0, size)  # of one pixel
            kept.append(
                (
                    spacing,
                    [
                        value
                        for value, text in zip(values, texts, strict=True)
                        if maxVal - value >= metrics.horizontalAdvance(text) / 2 * room
                    ],
                )
            )
        return kept


class _Bars(Painting):
    """All bars of a panel."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme)
        self._names: list[tuple[float, str, bool]] = []  # as in BarPanel
        self._bars: list[tuple[float, Bar]] = []

    def set_content(
        self, names: list[tuple[float, str, bool]], bars: list[tuple[float, Bar]], box: QRectF
    ) -> None:
        self._names, self._bars = names, bars
        self.set_box(box)

    def draw(self, painter: QPainter, to_pixels: QTransform) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        for top, name, quiet in self._names:
            place = to_pixels.mapRect(QRectF(0, top, self._box.width(), 1))
            self._paint_name(painter, place, name, "secondary" if quiet else "text")
        for top, bar in self._bars:
            slot = QRectF(0, top + (1 - _BAR_SHARE) / 2, bar.value, _BAR_SHARE)
            reach = (bar.error or 0.0) * to_pixels.m11()  # in pixels; the range has room for it
            self._paint_bar(painter, to_pixels.mapRect(slot), bar, reach)

    def _paint_name(self, painter: QPainter, box: QRectF, name: str, token: str) -> None:
        painter.setFont(self._theme.font(-1, tabular=True))
        painter.setPen(self._theme.colour(token))
        text = painter.fontMetrics().elidedText(
            name, Qt.TextElideMode.ElideMiddle, int(box.width()) - 2
        )
        painter.drawText(box.adjusted(2, 0, 0, 0), int(Qt.AlignmentFlag.AlignVCenter), text)

    def _paint_bar(self, painter: QPainter, box: QRectF, bar: Bar, reach: float) -> None:
        theme = self._theme
        whole = QRectF(box.toAlignedRect())
        paint_bar(painter, theme, whole.adjusted(0, 0, -1, -1), bar.series)
        end = whole.right()
        if reach >= 1:
            low, high, middle = whole.right() - reach, whole.right() + reach, whole.center().y()
            painter.setPen(QPen(theme.colour("text"), 1))
            painter.drawLine(int(max(low, whole.left())), int(middle), int(high), int(middle))
            for x in (low, high):
                if x >= whole.left():
                    painter.drawLine(int(x), int(middle - 3), int(x), int(middle + 3))
            end = high
        painter.setFont(theme.font(-1, tabular=True))
        painter.setPen(theme.colour("text"))
        label = QRectF(end + _LABEL_GAP, whole.top() - 4, 10_000, whole.height() + 8)
        painter.drawText(label, int(Qt.AlignmentFlag.AlignVCenter), bar.label)


class BarPanel(Plot):
    """The bars of one scale. As high as its content."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        self._bottom = _FigureAxis("bottom")
        self._bars = _Bars(theme)
        super().__init__(theme, self._bars, {"bottom": self._bottom}, parent)
        self._panel = Panel("", "", ())
        self._places: list[tuple[float, Bar]] = []  # (top of the slot, its bar)
        self._names: list[tuple[float, str, bool]] = []  # (top of the slot, words, quieter)
        self._slots = 1.0
        self.getViewBox().invertY(True)

    def show_panel(self, panel: Panel) -> None:
        self._panel = panel
        names: list[tuple[float, str, bool]] = []
        self._places = []
        top = 0.0
        for group in panel.groups:
            names.append((top, group.name, not group.note))
            top += 1
            if group.note:
                names.append((top - _NOTE_CLOSER, group.note, True))
                top += 1 - _NOTE_CLOSER
            for bar in group.bars:
                self._places.append((top, bar))
                top += 1
            top += _GAP_SLOTS
        self._slots = max(1.0, top)
        self._names = names
        self._on_theme_changed()

    def _on_theme_changed(self) -> None:
        super()._on_theme_changed()
        theme = self._theme
        metrics = QFontMetricsF(theme.font(-1, tabular=True))
        self._bottom.setLabel(self._panel.unit, color=theme.tokens.secondary)
        self._bottom.label.setFont(theme.font(-1))
        self._bottom.setStyle(hideOverlappingLabels=False)
        left = self.getAxis("left")
        left.setTicks([[(top + 0.5, bar.name) for top, bar in self._places]])
        left.setStyle(tickLength=0, tickTextOffset=6)
        left.setTextPen(theme.colour("text"))
        widest = max((metrics.horizontalAdvance(bar.name) for _, bar in self._places), default=10)
        left.setWidth(widest + 14)
        self._bottom.setHeight(2 * metrics.height() + 6)
        slot = round(metrics.height() + 5)
        self.setFixedHeight(int(self._slots * slot + 2 * metrics.height() + 10))
        self._fit()
        self._bottom.resizeEvent()  # the label's place, with its font

    def _fit(self) -> None:
        """Scale so that the longest bar, its whisker and its figure just fit."""
        metrics = QFontMetricsF(self._theme.font(-1, tabular=True))
        room = max(80.0, self.width() - self.getAxis("left").width() - 8)
        reach = 0.0
        for _, bar in self._places:
            behind = metrics.horizontalAdvance(bar.label) + 2 * _LABEL_GAP
            share = max(0.2, (room - behind) / room)
            reach = max(reach, (bar.value + (bar.error or 0.0)) / share)
        reach = reach or 1.0
        self.setXRange(0, reach, padding=0)
        self.setYRange(0, self._slots, padding=0)
        self._bars.set_content(self._names, self._places, QRectF(0, 0, reach, self._slots))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if getattr(self, "_places", None):
            self._fit()

    def tip_at(self, position: QPoint) -> str:
        """What the bar there says, or the whole of a name that may be cut."""
        at = self.getViewBox().mapSceneToView(self.mapToScene(position)).y()
        texts = [(top, bar.tip) for top, bar in self._places]
        texts += [(top, name) for top, name, _ in self._names]
        return next((text for top, text in texts if top <= at < top + 1), "")


class BarChart(QWidget):
    """Panels side by side, or below one another where there is no room."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._cells: list[QWidget] = []
        self._panels: list[BarPanel] = []
        self._columns = 0
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(24)
        self._grid.setVerticalSpacing(8)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)

    def show_panels(self, panels: tuple[Panel, ...], summary: str) -> None:
        """Args: summary: the chart in words, for people who do not see it."""
        while len(self._cells) > len(panels):
            cell = self._cells.pop()
            self._panels.pop()
            self._grid.removeWidget(cell)
            cell.hide()
            cell.deleteLater()
        while len(self._cells) < len(panels):
            self._add_cell()
        for cell, plot, panel in zip(self._cells, self._panels, panels, strict=True):
            title = cell.findChild(Text)
            assert title is not None
            title.setText(panel.title)
            plot.show_panel(panel)
            plot.setAccessibleName(panel.title)
        self.setAccessibleDescription(summary)
        self._columns = 0
        self._arrange()

    @property
    def panels(self) -> list[BarPanel]:
        return list(self._panels)

    def _add_cell(self) -> None:
        cell = QWidget()
        layout = QVBoxLayout(cell)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(TIGHT)
        plot = BarPanel(self._theme)
        layout.addWidget(Text(self._theme, role="strong"))
        layout.addWidget(plot)
        self._cells.append(cell)
        self._panels.append(plot)

    def _arrange(self) -> None:
        columns = max(1, min(len(self._cells), self.width() // _COLUMN_WIDTH))
        if columns == self._columns:
            return
        self._columns = columns
        for number, cell in enumerate(self._cells):
            top = Qt.AlignmentFlag.AlignTop
            self._grid.addWidget(cell, number // columns, number % columns, top)
        for column in range(self._grid.columnCount()):
            self._grid.setColumnStretch(column, 1 if column < columns else 0)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()
