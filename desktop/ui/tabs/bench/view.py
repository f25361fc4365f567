"""The benchmark page: what to measure on top, then the chosen runs, then all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFileDialog, QFrame, QMenu, QScrollArea, QVBoxLayout, QWidget

from desktop.ui.context import Context
from desktop.ui.messages import message
from desktop.ui.shell.page import Page
from desktop.ui.tabs.bench.comparison import ComparisonView
from desktop.ui.tabs.bench.history import HistoryTable
from desktop.ui.tabs.bench.presenter import BenchPresenter
from desktop.ui.tabs.bench.runbar import RunBar, preset
from desktop.ui.widgets.base import GAP, MARGIN, Button, Surface, Text, column, row
from desktop.ui.widgets.parts import Banner, EmptyState
from desktop.ui.widgets.progressrow import ProgressRow

if TYPE_CHECKING:
    from desktop.ui.charts.bars import BarChart

_TICK_MS = 1000
_BAR_ROOM = 16  # of the margin on the right; the scroll bar stands in it
_RUN_KEYS = "Ctrl+Return"
_FORMATS = ("json", "csv", "md")


def _import_charts() -> type[BarChart]:
    """In a task: pyqtgraph takes half a second."""
    from desktop.ui.charts.bars import BarChart

    return BarChart


class BenchPage(Page):
    """Shows what `BenchPresenter` has; emits nothing, calls its methods."""

    name = "bench"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        theme = context.theme
        self._presenter = presenter = BenchPresenter(context, self)
        self._import, self._export = Button(theme), Button(theme, icon_name="export")
        self._run = Button(theme, kind="primary", icon_name="play")
        self._import.clicked.connect(self._on_import_clicked)
        self._export.clicked.connect(self._on_export_clicked)
        self._run.clicked.connect(self._on_run_clicked)
        self._run.setObjectName("bench-run")
        for button in (self._import, self._export, self._run):
            self.tools.addWidget(button)
        self.tools.addSpacing(_BAR_ROOM)
        self._bar = RunBar(theme)
        self._bar.changed.connect(self._check)
        self._progress = ProgressRow(theme)
        self._progress.cancel_asked.connect(presenter.stop)
        self._progress_box = Surface(theme, padding=12)
        self._progress_box.body.addWidget(self._progress)
        self._failure = Banner(theme, "error")
        self._failure.pressed.connect(presenter.dismiss_failure)
        self._doubts = Banner(theme, "warning")
        self._comparison = ComparisonView(theme)
        self._history_title = Text(theme, role="strong")
        self._history_hint = Text(theme, role="caption", wrap=True)
        self._history = HistoryTable(theme)
        self._history.setObjectName("bench-history")
        self._history.numbers_chosen.connect(presenter.choose)
        self._history_box = Surface(theme, padding=8)
        self._history_box.body.addWidget(self._history)
        self._empty = EmptyState(theme, "bench")
        self._empty.pressed.connect(self._on_empty_pressed)
        self._reading = Text(theme, token="secondary")
        self._build()
        self._tick = QTimer(self)
        self._tick.setInterval(_TICK_MS)
        self._tick.timeout.connect(self._show_progress)
        self._export_menu = QMenu(self)
        self._export_form = "json"
        self._charts_asked = False
        for signal, slot in (
            (presenter.runs_changed, self._on_runs_changed),
            (presenter.chosen_changed, self._on_chosen_changed),
            (presenter.shown_changed, self._on_shown_changed),
            (presenter.models_changed, self._on_models_changed),
            (presenter.job_changed, self._on_job_changed),
            (presenter.failure_changed, self._on_failure_changed),
        ):
            signal.connect(slot)
        self._on_shown_changed()
        self._on_runs_changed()

    def _build(self) -> None:
        self._inner = QWidget()
        history = column(spacing=GAP)
        heading = row(self._history_title)
        heading.addWidget(self._history_hint, 1)
        history.addLayout(heading)
        history.addWidget(self._history_box, 1)
        self._results = QWidget()
        results = QVBoxLayout(self._results)
        results.setContentsMargins(0, 0, 0, 0)
        results.setSpacing(16)
        results.addWidget(self._doubts)
        results.addWidget(self._comparison)
        results.addLayout(history, 1)
        layout = QVBoxLayout(self._inner)
        layout.setSpacing(16)
        layout.addWidget(self._bar)
        for widget in (self._progress_box, self._failure, self._reading):
            layout.addWidget(widget)
            widget.hide()
        layout.addWidget(self._results, 1)
        layout.addWidget(self._empty, 1)
        area = QScrollArea()
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setWidget(self._inner)
        self._scroll = area.verticalScrollBar()
        self._scroll.rangeChanged.connect(self._on_scroll_range_changed)
        self._on_scroll_range_changed(0, 0)
        frame = self.layout()
        assert frame is not None
        margins = frame.contentsMargins()
        margins.setRight(margins.right() - _BAR_ROOM)
        frame.setContentsMargins(margins)
        area.viewport().setAutoFillBackground(False)
        self._inner.setAutoFillBackground(False)
        self.content.addWidget(area, 1)

    def _on_scroll_range_changed(self, low: int, high: int) -> None:
        """The content is as wide with a scroll bar as without."""
        taken = self._scroll.sizeHint().width() if high > low else 0
        layout = self._inner.layout()
        assert layout is not None
        layout.setContentsMargins(0, 0, max(0, _BAR_ROOM - taken), 0)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._bar.set_room(self.width() - 2 * MARGIN)

    def title(self) -> str:
        return self.tr("Benchmark")

    def retranslate(self) -> None:
        super().retranslate()
        self._import.setText(self.tr("Import"))
        self._import.setToolTip(self.tr("Take over runs from a file that Paddock exported"))
        self._export.setText(self.tr("Export"))
        self._export.setToolTip(self.tr("Write the chosen runs to a file"))
        self._history_title.setText(self.tr("All runs"))
        self._history_hint.setText(self.tr("Choose several with Ctrl or Shift to compare them."))
        self._history.setAccessibleName(self.tr("All runs"))
        self._history.setAccessibleDescription(self._history_hint.text())
        self._reading.setText(self.tr("Reading the results."))
        self._export_menu.clear()
        for form, words in zip(
            _FORMATS, ("JSON", self.tr("CSV for spreadsheets"), "Markdown"), strict=True
        ):
            action = self._export_menu.addAction(words)
            action.setData(form)
            action.triggered.connect(self._on_export_triggered)
        self._presenter.retell()
        self._check()

    def shown(self) -> None:
        self._presenter.read_models()
        if not self._charts_asked:
            self._charts_asked = True
            self._presenter.read()
            self.context.tasks.run(
                _import_charts, self._on_charts_imported, self.context.show_error
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
        self._history.set_runs(runs or [])
        self._reading.setVisible(runs is None)
        self._results.setVisible(bool(runs))
        self._empty.setVisible(runs is not None and not runs)
        self._history.select_numbers(self._presenter.chosen)
        self._tell_empty()

    def _on_chosen_changed(self) -> None:
        self._history.select_numbers(self._presenter.chosen)

    def _on_shown_changed(self) -> None:
        shown = self._presenter.shown
        self._comparison.show_runs(shown)
        self._history.history.set_series(shown.series if shown else {})
        self._export.setEnabled(shown is not None)
        self._doubts.setVisible(bool(shown and shown.warnings))
        if shown and shown.warnings:
            title = self.tr("Run {number} may not show what this machine can do")
            if shown.disturbed:
                title = self.tr("Run {number} was disturbed")
            text = "\n".join(shown.warnings[:4])
            self._doubts.tell(title.format(number=shown.numbers[0]), text)

    def _on_models_changed(self) -> None:
        self._bar.set_models(self._presenter.models or [], self._presenter.default_model())
        self._tell_empty()

    def _on_job_changed(self) -> None:
        busy = self._presenter.busy
        self._run.setText(self.tr("Stop") if busy else self.tr("Run"))
        self._run.set_icon("stop" if busy else "play")
        self._run.setShortcut(_RUN_KEYS)  # a new text takes the keys away
        self._run.updateGeometry()
        self._bar.set_locked(busy)
        self._import.setEnabled(self.context.state.online)
        self._show_progress()
        if busy and self.isVisible():
            self._tick.start()
        else:
            self._tick.stop()
        self._check()
        self._tell_empty()

    def _on_failure_changed(self) -> None:
        error = self._presenter.failure
        self._failure.setVisible(error is not None)
        if error is not None:
            words = message(error)
            self._failure.tell(words.title, words.text, self.tr("Close"))

    def _show_progress(self) -> None:
        progress = self._presenter.progress()
        self._progress_box.setVisible(progress is not None)
        if progress is not None:
            self._progress.show_progress(progress.what, progress.share, progress.figures)
            self._progress.set_cancellable(not progress.stopping)

    def _check(self) -> None:
        """Tell what would be run, and whether Run can be pressed."""
        presenter, model = self._presenter, self._bar.model
        if presenter.models is None:
            self._run.setEnabled(False)
            return
        text, fine = presenter.check(
            self._bar.params(), embedding=model is not None and model.embedding
        )
        if model is None:
            text, fine = self.tr("There is no model to measure. Add one in the Library."), False
        self._bar.show_note(text, fine)
        if presenter.busy:
            progress = presenter.progress()
            self._run.setEnabled(progress is not None and not progress.stopping)
            return
        self._run.setEnabled(fine and model is not None and self.context.state.online)

    def _tell_empty(self) -> None:
        default = self._presenter.default_model()
        if self._presenter.busy:
            self._empty.tell(self.tr("The figures of the first run appear here."))
        elif default is None:
            self._empty.tell(self.tr("No runs yet, and no model to measure."))
        else:
            text = self.tr("No runs yet. Measure {model} to see its speed here.")
            self._empty.tell(text.format(model=default.id), self.tr("Run the quick benchmark"))

    # --- what a person does -------------------------------------------------------------------

    def _on_run_clicked(self) -> None:
        if self._presenter.busy:
            self._presenter.stop()
        else:
            self._presenter.run(self._bar.params())

    def _on_empty_pressed(self) -> None:
        model = self._presenter.default_model()
        if model is not None:
            self._presenter.run({**preset("quick", model), "model": model.id})

    def _on_export_clicked(self) -> None:
        self._export_menu.popup(self._export.mapToGlobal(self._export.rect().bottomLeft()))

    def _on_export_triggered(self) -> None:
        self._export_form = self.sender().data()  # type: ignore[attr-defined]
        dialog = QFileDialog(self, self.tr("Export the chosen runs"))
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix(self._export_form)
        dialog.setNameFilter(f"*.{self._export_form}")
        dialog.selectFile(f"paddock-runs.{self._export_form}")
        dialog.fileSelected.connect(self._on_export_selected)
        self._open(dialog)

    def _on_export_selected(self, path: str) -> None:
        self._presenter.export(path, self._export_form)  # type: ignore[arg-type]

    def _on_import_clicked(self) -> None:
        dialog = QFileDialog(self, self.tr("Import runs"))
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.setNameFilter("*.json")
        dialog.fileSelected.connect(self._presenter.import_file)
        self._open(dialog)

    def _open(self, dialog: QFileDialog) -> None:
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()
