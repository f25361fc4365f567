"""The benchmark page: what to measure on top, then the chosen runs, then all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from desktop.ui.charts.importing import import_chart
from desktop.ui.context import Context
from desktop.ui.messages import message
from desktop.ui.shell.page import BAR_ROOM, Page, ScrollingColumn
from desktop.ui.tabs.bench.chooser import Chooser
from desktop.ui.tabs.bench.comparison import ComparisonView
from desktop.ui.tabs.bench.historypane import HistoryPane
from desktop.ui.tabs.bench.presenter import BenchPresenter
from desktop.ui.tabs.bench.runbar import RunBar, preset
from desktop.ui.tabs.bench.transfer import Transfer
from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.base import Button, Surface, Text
from desktop.ui.widgets.parts import Banner, EmptyState
from desktop.ui.widgets.progressrow import ProgressRow
from desktop.ui.widgets.sidepanel import WithPanel

if TYPE_CHECKING:
    from desktop.ui.charts.bars import BarChart

_TICK_MS = 1000
_RUN_KEYS = "Ctrl+Return"


def _import_charts() -> type[BarChart]:
    """In a task: pyqtgraph takes half a second."""
    from desktop.ui.charts.bars import BarChart

    return BarChart


class _Area(ScrollingColumn):
    """Signals: resized: how wide what it scrolls can be."""

    resized = Signal(int)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.resized.emit(self.width() - BAR_ROOM)


class _Column(QWidget):
    """The parts of the page below one another."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.bar = RunBar(theme)
        self.progress = ProgressRow(theme)
        self.progress_box = Surface(theme, padding=12)
        self.progress_box.body.addWidget(self.progress)
        self.failure = Banner(theme, "error")
        self.reading = Text(theme, token="secondary")
        self.doubts = Banner(theme, "warning")
        self.comparison = ComparisonView(theme)
        self.history = HistoryPane(theme)
        self.empty = EmptyState(theme, "bench")
        self.results = QWidget()
        results = QVBoxLayout(self.results)
        results.setContentsMargins(0, 0, 0, 0)
        results.setSpacing(16)
        results.addWidget(self.doubts)
        results.addWidget(self.comparison)
        results.addWidget(self.history, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(16)
        layout.addWidget(self.bar)
        for widget in (self.progress_box, self.failure, self.reading):
            layout.addWidget(widget)
            widget.hide()
        layout.addWidget(self.results, 1)
        layout.addWidget(self.empty, 1)


class BenchPage(Page):
    """Shows what `BenchPresenter` has; emits nothing, calls its methods."""

    name = "bench"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        theme = context.theme
        self._presenter = presenter = BenchPresenter(context, self)
        self._transfer = Transfer(theme)
        self._transfer.export_chosen.connect(presenter.export)
        self._transfer.import_chosen.connect(presenter.stored.import_file)
        self._run = Button(theme, kind="primary", icon_name="play")
        self._run.clicked.connect(self._on_run_clicked)
        self._run.setObjectName("bench-run")
        self.tools.addWidget(self._transfer)
        self.tools.addWidget(self._run)
        self.tools.addSpacing(BAR_ROOM)
        self._parts = parts = _Column(theme)
        self._comparison = parts.comparison
        self._chooser = Chooser(theme)
        self._build()
        self._tick = QTimer(self)
        self._tick.setInterval(_TICK_MS)
        self._tick.timeout.connect(self._show_progress)
        self._charts_asked = False
        table = parts.history.table
        for signal, slot in (
            (parts.bar.changed, self._check),
            (parts.progress.cancel_asked, presenter.running.stop),
            (parts.failure.pressed, presenter.dismiss_failure),
            (parts.empty.pressed, self._on_empty_pressed),
            (self._comparison.published_asked, self._on_published_asked),
            (parts.history.export_asked, self._transfer.ask_format),
            (table.numbers_chosen, presenter.choose),
            (table.renamed, presenter.stored.rename),
            (table.delete_asked, presenter.delete),
            (self._chooser.toggled, presenter.toggle_published),
            (self._chooser.cleared, presenter.clear_published),
            (self._chooser.close_asked, self._with_panel.close_panel),
            (presenter.runs_changed, self._on_runs_changed),
            (presenter.chosen_changed, self._on_chosen_changed),
            (presenter.shown_changed, self._on_shown_changed),
            (presenter.published_changed, self._on_published_changed),
            (presenter.choices.changed, self._on_models_changed),
            (presenter.running.changed, self._on_job_changed),
            (presenter.failure_changed, self._on_failure_changed),
        ):
            signal.connect(slot)
        self._on_shown_changed()
        self._on_runs_changed()

    def _build(self) -> None:
        area = _Area(self._parts)
        area.resized.connect(self._parts.bar.set_room)
        frame = self.layout()
        assert frame is not None
        margins = frame.contentsMargins()  # as `add_scrolled` does; the panel stands in between
        margins.setRight(margins.right() - BAR_ROOM)
        frame.setContentsMargins(margins)
        self._with_panel = WithPanel(self.context.theme, area, self._chooser, room=BAR_ROOM)
        self.content.addWidget(self._with_panel, 1)

    def title(self) -> str:
        return self.tr("Benchmark")

    def retranslate(self) -> None:
        super().retranslate()
        self._parts.reading.setText(self.tr("Reading the results."))
        self._presenter.retell()
        self._check()

    def shown(self) -> None:
        self._presenter.choices.read()
        if not self._charts_asked:
            self._charts_asked = True
            self._presenter.stored.read()
            import_chart(
                self.context.tasks,
                _import_charts,
                self._on_charts_imported,
                self.context.show_error,
            )
        self._on_job_changed()

    def hidden(self) -> None:
        self._tick.stop()

    # --- what the presenter says --------------------------------------------------------------

    def _on_charts_imported(self, make_chart: type[BarChart]) -> None:
        self._comparison.set_chart(make_chart(self.context.theme))
        self._check()

    def _on_runs_changed(self) -> None:
        runs = self._presenter.runs
        self._parts.history.table.set_runs(runs or [])
        self._parts.reading.setVisible(runs is None)
        self._parts.results.setVisible(bool(runs))
        self._parts.empty.setVisible(runs is not None and not runs)
        self._parts.history.table.select_numbers(self._presenter.chosen)
        self._tell_empty()

    def _on_chosen_changed(self) -> None:
        self._parts.history.table.select_numbers(self._presenter.chosen)

    def _on_shown_changed(self) -> None:
        shown = self._presenter.shown
        self._comparison.show_runs(shown)
        self._parts.history.table.history.set_series(shown.series if shown else {})
        self._transfer.export_button.setEnabled(shown is not None)
        self._parts.doubts.setVisible(bool(shown and shown.warnings))
        if shown and shown.warnings:
            title = self.tr("Run {number} may not show what this machine can do")
            if shown.disturbed:
                title = self.tr("Run {number} was disturbed")
            text = "\n".join(shown.warnings[:4])
            self._parts.doubts.tell(title.format(number=shown.numbers[0]), text)

    def _on_published_changed(self) -> None:
        presenter = self._presenter
        collected = presenter.known.collected.isoformat() if presenter.known else ""
        self._chooser.show_speeds(
            presenter.offered, presenter.published, presenter.newest, collected
        )

    def _on_models_changed(self) -> None:
        self._parts.bar.set_models(
            self._presenter.choices.models or [], self._presenter.choices.default()
        )
        self._tell_empty()

    def _on_job_changed(self) -> None:
        busy = self._presenter.running.busy
        self._run.setText(self.tr("Stop") if busy else self.tr("Run"))
        self._run.set_icon("stop" if busy else "play")
        self._run.setShortcut(_RUN_KEYS)  # a new text takes the keys away
        self._run.updateGeometry()
        self._parts.bar.set_locked(busy)
        self._transfer.import_button.setEnabled(self.context.state.online)
        self._show_progress()
        if busy and self.isVisible():
            self._tick.start()
        else:
            self._tick.stop()
        self._check()
        self._tell_empty()

    def _on_failure_changed(self) -> None:
        error = self._presenter.failure
        self._parts.failure.setVisible(error is not None)
        if error is not None:
            words = message(error)
            self._parts.failure.tell(words.title, words.text, self.tr("Close"))

    def _show_progress(self) -> None:
        progress = self._presenter.running.progress()
        self._parts.progress_box.setVisible(progress is not None)
        if progress is not None:
            self._parts.progress.show_progress(progress.what, progress.share, progress.figures)
            self._parts.progress.set_cancellable(not progress.stopping)

    def _check(self) -> None:
        """Tell what would be run, and whether Run can be pressed."""
        presenter, model = self._presenter, self._parts.bar.model
        if presenter.choices.models is None:
            self._run.setEnabled(False)
            return
        text, fine = presenter.running.check(
            self._parts.bar.params(), embedding=model is not None and model.embedding
        )
        if model is None:
            text, fine = self.tr("There is no model to measure. Add one in the Library."), False
        self._parts.bar.show_note(text, fine)
        if presenter.running.busy:
            progress = presenter.running.progress()
            self._run.setEnabled(progress is not None and not progress.stopping)
            return
        self._run.setEnabled(fine and model is not None and self.context.state.online)

    def _tell_empty(self) -> None:
        default = self._presenter.choices.default()
        if self._presenter.running.busy:
            self._parts.empty.tell(self.tr("The figures of the first run appear here."))
        elif default is None:
            self._parts.empty.tell(self.tr("No runs yet, and no model to measure."))
        else:
            text = self.tr("No runs yet. Measure {model} to see its speed here.")
            self._parts.empty.tell(
                text.format(model=default.id), self.tr("Run the quick benchmark")
            )

    # --- what a person does -------------------------------------------------------------------

    def _on_run_clicked(self) -> None:
        if self._presenter.running.busy:
            self._presenter.running.stop()
        else:
            self._presenter.run(self._parts.bar.params())

    def _on_empty_pressed(self) -> None:
        model = self._presenter.choices.default()
        if model is not None:
            self._presenter.run({**preset("quick", model), "model": model.id})

    def _on_published_asked(self) -> None:
        self._presenter.offer_published()
        self._with_panel.open_panel()
        self._chooser.search.setFocus()
