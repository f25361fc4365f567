"""The chart of what was answered when, and the same as a table."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QGridLayout, QWidget

from desktop.core.errors import AppError
from desktop.ui.charts.importing import import_chart
from desktop.ui.charts.tabletwin import Sheet, TableTwin
from desktop.ui.context import Context
from desktop.ui.i18n import Translated
from desktop.ui.tabs.server.throughput import SPANS, Slice
from desktop.ui.widgets.base import Button, Surface, Text, row
from desktop.ui.widgets.segments import Segments

if TYPE_CHECKING:
    from desktop.ui.charts.steps import StepPlot

_ROWS_SHOWN = 4  # of the table; it scrolls


def _import_plot() -> type[StepPlot]:
    """In a task: pyqtgraph takes half a second."""
    from desktop.ui.charts.steps import StepPlot

    return StepPlot


class ThroughputCard(Translated, Surface):
    """Signals:
    span_chosen: one of `throughput.SPANS`.
    """

    span_chosen = Signal(str)

    def __init__(self, context: Context) -> None:
        super().__init__(context.theme, padding=12)
        theme = self._theme
        self._context = context
        self._slices: list[Slice] = []
        self._asked = False
        self.plots: list[StepPlot] = []
        self._title = Text(theme, role="strong")
        self.choice = Segments(theme, tuple(SPANS))
        self.choice.choose("quarter")
        self.choice.chosen.connect(self.span_chosen)
        self.as_table = Button(theme, kind="quiet")
        self.as_table.setCheckable(True)
        self.as_table.toggled.connect(self._on_as_table_toggled)
        self._names = [Text(theme, role="caption") for _ in range(2)]
        self._charts = QWidget()
        self._grid = QGridLayout(self._charts)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(16)
        self._grid.setVerticalSpacing(0)
        for number, name in enumerate(self._names):
            self._grid.addWidget(name, 0, number)
            self._grid.setColumnStretch(number, 1)
        self.table = TableTwin(theme)
        self.table.hide()
        self.body.addLayout(row(self._title, 1, self.as_table, self.choice))
        self.body.addWidget(self._charts)
        self.body.addWidget(self.table)
        self.retranslate()

    def retranslate(self) -> None:
        self._title.setText(self.tr("Throughput"))
        self.choice.set_words(
            {
                "quarter": self.tr("15 minutes"),
                "hour": self.tr("1 hour"),
                "day": self.tr("24 hours"),
            }
        )
        self.choice.setAccessibleName(self.tr("Time shown"))
        charts, table = self.tr("As a chart"), self.tr("As a table")
        self.as_table.setText(charts if self.as_table.isChecked() else table)
        self.as_table.updateGeometry()
        self.table.setAccessibleName(self.tr("Throughput"))
        self._show()

    def load(self) -> None:
        """Have the plots made, once."""
        if not self._asked:
            self._asked = True
            import_chart(
                self._context.tasks, _import_plot, self._on_imported, self._on_not_imported
            )

    def _on_imported(self, plot: type[StepPlot]) -> None:
        # Another turn of the event loop: building takes its time, too.
        self._make = QTimer(self)
        self._make.setSingleShot(True)
        self._make.timeout.connect(lambda: self._build(plot))
        self._make.start(0)

    def _on_not_imported(self, error: AppError) -> None:
        self.as_table.setChecked(True)
        self._context.show_error(error)

    def _build(self, plot: type[StepPlot]) -> None:
        for number in range(2):
            made = plot(self._theme, number)
            self.plots.append(made)
            self._grid.addWidget(made, 1, number)
        self._show()

    def show_slices(self, slices: list[Slice]) -> None:
        self._slices = slices
        self._show()

    def _show(self) -> None:
        slices = self._slices
        tokens = [each.tokens_per_second for each in slices]
        requests = [float(each.requests) for each in slices]
        width = slices[1].begin - slices[0].begin if len(slices) > 1 else 1.0
        minutes = width / 60
        rates = [value / minutes for value in requests]
        speed, rate = self.tr("Tokens per second"), self.tr("Requests per minute")
        for label, text in zip(self._names, (speed, rate), strict=True):
            label.setText(text)
        units = ("tok/s", self.tr("per minute"))
        for plot, values, unit, name in zip(
            self.plots, (tokens, rates), units, (speed, rate), strict=False
        ):
            plot.show_values(slices[0].begin if slices else 0.0, width, values, unit)
            plot.setAccessibleName(name)
            most = max(values, default=0.0)
            plot.setAccessibleDescription(self.tr("At most {value}").format(value=f"{most:,.1f}"))
        if self.as_table.isChecked():
            self._show_sheet()

    def _show_sheet(self) -> None:
        columns = (
            self.tr("From"),
            self.tr("Tokens per second"),
            self.tr("Requests"),
            self.tr("Failed"),
        )
        rows = tuple(
            (
                time.strftime("%H:%M:%S", time.localtime(each.begin)),
                f"{each.tokens_per_second:,.1f}",
                f"{each.requests:,}",
                f"{each.failed:,}",
            )
            for each in reversed(self._slices)
            if each.requests or each.tokens_per_second
        )
        self.table.show_sheet(Sheet(columns, rows))
        height = self.table.verticalHeader().defaultSectionSize()
        shown = max(1, min(_ROWS_SHOWN, len(rows)))
        self.table.setFixedHeight(self.table.horizontalHeader().height() + shown * height + 4)

    def _on_as_table_toggled(self, on: bool) -> None:
        self._charts.setVisible(not on)
        self.table.setVisible(on)
        self.retranslate()
