"""What jobs of the quant lab found: advice in words, the plot, every figure, and how to keep it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from desktop.core.quant_table import to_markdown
from desktop.ui.charts.importing import import_chart
from desktop.ui.context import Context
from desktop.ui.i18n import Translated
from desktop.ui.tabs.quantize import results_words as words
from desktop.ui.tabs.quantize.results_detail import ResultDetail
from desktop.ui.tabs.quantize.results_export import ExportButton, save
from desktop.ui.tabs.quantize.results_history import Entry, ResultsHistory
from desktop.ui.tabs.quantize.results_plot import ResultsPlot, import_plot
from desktop.ui.tabs.quantize.results_rows import Row, rows_of
from desktop.ui.tabs.quantize.results_table import ResultsTable
from desktop.ui.tabs.quantize.results_target import TargetBox
from desktop.ui.widgets.base import GAP, Surface, Text, column
from desktop.ui.widgets.parts import EmptyState, IconLabel

if TYPE_CHECKING:
    from desktop.ui.charts.pareto import ParetoPlot

Json = dict[str, Any]
_SIDE_BY_SIDE_FROM = 108  # widths of a letter: plot and detail, else below one another


class _Advice(Surface):
    """The recommendation, set off from what stands around it."""

    def __init__(self, context: Context) -> None:
        super().__init__(context.theme, token="tint", horizontal=True, padding=12)
        self.text = Text(context.theme, wrap=True)
        self.body.addWidget(
            IconLabel(context.theme, "check", "accent"), 0, Qt.AlignmentFlag.AlignTop
        )
        self.body.addWidget(self.text, 1)


class ResultsPane(Translated, QWidget):
    """Shows one result, and another beside it where a person wants to compare them.

    Signals:
        open_requested: the path of a file to show in the Library.
        folder_requested: the path of a file whose folder is to be opened.
        save_recipe_requested: a recipe (`Recipe.to_dict`) to save under a name.

    Attributes:
        history: the results of all jobs, to choose from.
    """

    open_requested = Signal(str)
    folder_requested = Signal(str)
    save_recipe_requested = Signal(dict)

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        theme = context.theme
        self._context = context
        self._result: Mapping[str, Any] | None = None
        self._name = ""
        self._plot_asked = False
        self._title = Text(theme, role="strong", wrap=True)
        self._measured = Text(theme, role="caption", wrap=True)
        self.history = ResultsHistory(theme)
        self.export = ExportButton(theme)
        self._advice = _Advice(context)
        self.target = TargetBox(theme)
        self.plot = ResultsPlot(theme)
        self.detail = ResultDetail(theme)
        self.table = ResultsTable(theme)
        self._empty = EmptyState(theme, "quantize")
        self._build()
        for signal, slot in (
            (self.history.changed, self._on_history_changed),
            (self.export.export_chosen, self._on_export_chosen),
            (self.export.copy_chosen, self._on_copy_chosen),
            (self.target.save_asked, self.save_recipe_requested),
            (self.plot.row_chosen, self._on_row_chosen),
            (self.plot.row_entered, self._on_point_entered),
            (self.table.row_chosen, self._on_row_chosen),
            (self.table.open_asked, self.open_requested),
            (self.table.folder_asked, self.folder_requested),
            (self.table.copied, self._on_copied),
            (self.detail.open_asked, self.open_requested),
            (self.detail.folder_asked, self.folder_requested),
        ):
            signal.connect(slot)
        self.retranslate()
        self._show()

    def _build(self) -> None:
        theme = self._context.theme
        self._content = QWidget()
        self._graphic = Surface(theme, padding=12)
        self._sides = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._sides.setSpacing(24)
        self._sides.addWidget(self.plot, 5)
        self._sides.addWidget(self.detail, 3)
        self._graphic.body.addLayout(self._sides)
        box = Surface(theme, padding=1)
        box.body.setContentsMargins(1, 4, 1, 4)
        box.body.addWidget(self.table)
        box.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        heading = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        heading.setSpacing(GAP)
        heading.addLayout(column(self._title, self._measured, spacing=0), 1)
        heading.addWidget(self.export, 0, Qt.AlignmentFlag.AlignTop)
        content = QVBoxLayout(self._content)
        content.setContentsMargins(0, 0, 0, 0)
        content.setSpacing(12)
        content.addLayout(heading)
        content.addWidget(self.history)
        for widget in (self._advice, self.target, self._graphic, box):
            content.addWidget(widget)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._content)
        layout.addWidget(self._empty, 1)

    def retranslate(self) -> None:
        self._empty.tell(
            self.tr("When a job has finished, what each file lost, its size and speed appear here.")
        )
        self._show_words()

    # --- what is shown ------------------------------------------------------------------------

    def set_result(self, result: Json | None, title: str) -> None:
        """Show one result by itself, or that there is none.

        Args:
            result: of a job "quantize" or "target".
            title: what it is of.
        """
        self._result, self._name = result, title
        self._show()

    def set_results(self, entries: list[Entry]) -> None:
        """What can be chosen from, the newest first; the newest is shown where none was chosen."""
        self.history.set_results(entries)

    def choose(self, job: int) -> None:
        """Show the result of one of these jobs."""
        self.history.choose(job)

    def _on_history_changed(self) -> None:
        entry = self.history.shown
        if entry is None:
            self.set_result(None, "")
        else:
            self.set_result(dict(entry[3]), entry[1])

    def _show(self) -> None:
        result = self._result
        self._content.setVisible(result is not None)
        self._empty.setVisible(result is None)
        if result is None:
            return
        shown = [(self._name, result)]
        other = self.history.other
        if other is not None:
            shown.append((other[1], other[3]))
        rows = rows_of(shown)
        self.table.set_rows(rows)
        self._graphic.setVisible(bool(rows))
        self.plot.setVisible(bool(self.plot.show_rows(rows)))
        target = result.get("target")
        self.target.setVisible(bool(target))
        if target:
            self.target.show_target(target)
        self._show_words()
        first = self._first(rows)
        if first is not None:
            self._on_row_chosen(first.key)

    @staticmethod
    def _first(rows: list[Row]) -> Row | None:
        """The row to look at first: the recommended one, else the first that was made."""
        for wanted in (
            [row for row in rows if row.data["recommended"]],
            [row for row in rows if row.kind == "made"],
            [row for row in rows if row.kind != "base"],
            rows,
        ):
            if wanted:
                return wanted[0]
        return None

    def _show_words(self) -> None:
        result = self._result
        if result is None:
            return
        advice = words.recommendation(result)
        self._advice.text.setText(advice)
        self._advice.setVisible(bool(advice))
        self._title.setText(self._name)
        self._measured.setText(words.measured_on(result.get("base")))

    def _on_row_chosen(self, key: int) -> None:
        """A person went to a row or to a point: the other follows, and so does the detail."""
        self.table.choose(key)
        if self.plot.chart is not None:
            self.plot.chart.choose(key)
        self.detail.show_row(self.table.current())

    def _on_point_entered(self, key: int) -> None:
        self.table.choose(key)
        row = self.table.current()
        if row is not None and row.path:
            self.open_requested.emit(row.path)

    # --- the plot's library -------------------------------------------------------------------

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if not self._plot_asked:
            self._plot_asked = True
            import_chart(
                self._context.tasks,
                import_plot,
                self._on_plot_imported,
                self._context.show_error,
            )

    def _on_plot_imported(self, make: type[ParetoPlot]) -> None:
        # Another turn of the event loop: building takes its time, too.
        self._make = QTimer(self)
        self._make.setSingleShot(True)
        self._make.timeout.connect(lambda: self._build_plot(make))
        self._make.start(0)

    def _build_plot(self, make: type[ParetoPlot]) -> None:
        self.plot.set_chart(make(self._context.theme))
        row = self.table.current()
        if row is not None:
            self._on_row_chosen(row.key)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        direction = QBoxLayout.Direction
        wide = self.width() >= _SIDE_BY_SIDE_FROM * self.fontMetrics().averageCharWidth()
        self._sides.setDirection(direction.LeftToRight if wide else direction.TopToBottom)

    # --- to files and the clipboard -----------------------------------------------------------

    def _on_export_chosen(self, path: str, form: str) -> None:
        result = self._result
        if result is None:
            return

        def work() -> Path:
            return save(result, Path(path), form)

        self._context.tasks.run(work, self._on_exported, self._context.show_error)

    def _on_exported(self, path: Path) -> None:
        self._context.toast(self.tr("Written to {path}").format(path=path), "check")

    def _on_copy_chosen(self) -> None:
        if self._result is not None:
            QGuiApplication.clipboard().setText(to_markdown(self._result))
            self._on_copied()

    def _on_copied(self) -> None:
        self._context.toast(self.tr("Copied."), "check")
