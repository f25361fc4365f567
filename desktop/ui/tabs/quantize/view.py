"""The Quantize page: four cards from the source to the evaluation, the plan, the queue, results."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, QTimer, QUrl, Signal
from PySide6.QtGui import QDesktopServices, QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import QVBoxLayout, QWidget

from desktop.ui.context import Context
from desktop.ui.messages import message
from desktop.ui.shell.page import BAR_ROOM, Page, ScrollingColumn
from desktop.ui.tabs.quantize import words
from desktop.ui.tabs.quantize.cards import CardGrid
from desktop.ui.tabs.quantize.evaluate_card import EvaluateCard
from desktop.ui.tabs.quantize.matrix_card import MatrixCard
from desktop.ui.tabs.quantize.plan_pane import PlanPane
from desktop.ui.tabs.quantize.presenter import QuantizePresenter
from desktop.ui.tabs.quantize.queue_pane import EndedPane, QueuePane
from desktop.ui.tabs.quantize.results import ResultsPane
from desktop.ui.tabs.quantize.source_card import SourceCard
from desktop.ui.tabs.quantize.types_card import TypesCard
from desktop.ui.tabs.quantize.types_panel import TypesPanel
from desktop.ui.tabs.quantize.wish import Wish
from desktop.ui.widgets.base import GAP, MARGIN, Button, Text
from desktop.ui.widgets.filedrop import DropOverlay, FileDrop
from desktop.ui.widgets.parts import Banner
from desktop.ui.widgets.sidepanel import WithPanel

_TICK_MS = 1000
_START_KEYS = "Ctrl+Return"
_REASON_LETTERS = 42  # beside the button, in two lines


class _Area(ScrollingColumn):
    """Signals: resized: how wide what it scrolls can be."""

    resized = Signal(int)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.resized.emit(self.width() - BAR_ROOM)


class _Overlay(DropOverlay):
    def words(self) -> str:
        return self.tr("Drop a GGUF file or a checkpoint's folder to make files of it")


class _Column(QWidget):
    """The parts of the page below one another."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        theme = context.theme
        self.failure = Banner(theme, "error")
        self.queue = QueuePane(theme)
        self.source, self.matrix = SourceCard(theme), MatrixCard(theme)
        self.types, self.evaluate = TypesCard(theme), EvaluateCard(theme)
        self.cards = CardGrid((self.source, self.matrix, self.types, self.evaluate))
        self.plan = PlanPane(theme)
        self.ended = EndedPane(theme)
        self.results = ResultsPane(context)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(16)
        for widget in (self.failure, self.queue, self.cards, self.plan, self.ended):
            layout.addWidget(widget)
        layout.addWidget(self.results)
        for widget in (self.failure, self.queue, self.ended):
            widget.hide()
        layout.addStretch(1)


class QuantizePage(Page):
    """Shows what `QuantizePresenter` has; tells it what is wanted."""

    name = "quantize"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        theme = context.theme
        self.presenter = QuantizePresenter(context, self)
        self.start = Button(theme, kind="primary", icon_name="play")
        self.start.setObjectName("quantize-start")
        self.start.clicked.connect(self._on_start_clicked)
        self.reason = Text(theme, role="caption", wrap=True)
        self.reason.setObjectName("quantize-reason")
        self.reason.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.tools.addWidget(self.reason)
        self.tools.addWidget(self.start)
        self.tools.addSpacing(BAR_ROOM)
        self.parts = _Column(context)
        self.panel = TypesPanel(theme)
        self.area = _Area(self.parts)
        self.area.resized.connect(self.parts.cards.set_room)
        frame = self.layout()
        assert frame is not None
        margins = frame.contentsMargins()  # as `add_scrolled` does; the panel stands in between
        margins.setRight(margins.right() - BAR_ROOM)
        frame.setContentsMargins(margins)
        self.split = WithPanel(theme, self.area, self.panel, room=BAR_ROOM)
        self.content.addWidget(self.split, 1)
        self.drop = FileDrop(theme, self, _Overlay(theme, self))
        self.drop.paths_dropped.connect(self._on_paths_dropped)
        escape = QShortcut(QKeySequence("Esc"), self)
        escape.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        escape.activated.connect(self._on_escape)
        self._tick = QTimer(self)
        self._tick.setInterval(_TICK_MS)
        self._tick.timeout.connect(self._show_queue)
        self._wanted_model = ""
        self._connect()
        self._on_changed()
        self._on_jobs_changed()

    def _connect(self) -> None:
        parts, presenter, panel = self.parts, self.presenter, self.panel
        board = presenter.board
        for signal, slot in (
            (parts.source.changed, self._on_changed),
            (parts.matrix.changed, self._on_changed),
            (parts.types.changed, self._on_types_changed),
            (parts.types.more_asked, self._on_more_asked),
            (parts.evaluate.changed, self._on_changed),
            (parts.plan.changed, self._on_changed),
            (parts.failure.pressed, self._on_failure_pressed),
            (parts.queue.cancel_asked, board.cancel),
            (parts.queue.hold_asked, board.hold),
            (parts.queue.log_opened, self._on_log_opened),
            (parts.ended.again_asked, board.resume),
            (parts.ended.opened, self._on_result_asked),
            (presenter.made.results_asked, self._on_result_asked),
            (parts.results.open_requested, presenter.made.open_model),
            (parts.results.folder_requested, self._on_folder_requested),
            (parts.results.save_recipe_requested, self._on_recipe_offered),
            (panel.toggled, parts.types.choose),
            (panel.overridden, parts.types.override),
            (panel.save_asked, presenter.save_recipe),
            (panel.remove_asked, presenter.remove_recipe),
            (panel.close_asked, self.split.close_panel),
            (presenter.models_changed, self._on_models_changed),
            (presenter.types_changed, self._on_types_read),
            (presenter.recipes_changed, self._on_recipes_changed),
            (presenter.plan_changed, self._on_plan_changed),
            (presenter.failure_changed, self._on_failure_changed),
            (board.changed, self._on_jobs_changed),
            (board.logged, self._on_logged),
        ):
            signal.connect(slot)

    # --- Page -----------------------------------------------------------------------------------

    def title(self) -> str:
        return self.tr("Quantize")

    def retranslate(self) -> None:
        super().retranslate()
        self.start.setText(self.tr("Start"))
        self.start.setShortcut(_START_KEYS)  # a new text takes the keys away
        self.start.updateGeometry()
        self._on_plan_changed()
        self._on_failure_changed()
        self._show_queue()

    def panes(self) -> list[QWidget]:
        return [self.area, self.split.panel]

    def shown(self) -> None:
        self.presenter.read()
        self._on_jobs_changed()

    def hidden(self) -> None:
        self._tick.stop()

    def show_model(self, model: str) -> None:
        self._wanted_model = model
        if self.presenter.models is not None:
            self._on_models_changed()

    # --- what the presenter says ----------------------------------------------------------------

    def _on_models_changed(self) -> None:
        self.parts.source.show_models(self.presenter.models or [])
        if self._wanted_model:
            self.parts.source.choose_model(self._wanted_model)
            self._wanted_model = ""
        self._show_offers()

    def _on_types_read(self) -> None:
        self.parts.types.show_types(self.presenter.types or [])

    def _on_recipes_changed(self) -> None:
        self.parts.types.show_recipes(self.presenter.recipes)
        self.panel.show_recipes(self.presenter.recipes)

    def _on_plan_changed(self) -> None:
        presenter, parts = self.presenter, self.parts
        plan = presenter.plan
        missing = presenter.missing()
        reason = words.missing(*missing) if missing is not None else ""
        self.start.setEnabled(missing is None)
        self._tell_reason(reason)
        self.start.setToolTip(reason or self.tr("Start (Ctrl+Enter)"))
        self.start.setAccessibleDescription(reason)
        facts = plan.get("source") if plan is not None and not presenter.planning else None
        parts.source.show_plan(facts, presenter.quantized, presenter.pickled)
        needing = [each["name"] for each in presenter.types or () if each["needs_imatrix"]]
        searching = presenter.wish.types.target is not None
        parts.matrix.show_types(needing, [] if searching else presenter.needing_matrix)
        problem = None if presenter.pickled else presenter.problem
        parts.plan.show_plan(plan, problem, presenter.existing, presenter.wish.types.target)

    def _tell_reason(self, reason: str) -> None:
        """Why Start cannot be pressed: beside it, or above the plan where there is no room."""
        metrics = self.reason.fontMetrics()
        wide = metrics.horizontalAdvance(reason) + 2
        wide = min(wide, _REASON_LETTERS * metrics.averageCharWidth())
        taken = self.heading.sizeHint().width() + self.start.sizeHint().width()
        beside = self.width() - taken - 2 * MARGIN - BAR_ROOM - 3 * GAP >= wide
        self.reason.setMinimumWidth(wide if beside else 0)
        self.reason.setText(reason if beside else "")
        self.parts.plan.show_reason("" if beside else reason)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._tell_reason(self.start.accessibleDescription())

    def _on_failure_changed(self) -> None:
        error = self.presenter.failure
        self.parts.failure.setVisible(error is not None)
        if error is not None:
            said = message(error)
            self.parts.failure.tell(said.title, said.text, self.tr("Close"))

    def _on_jobs_changed(self) -> None:
        self._show_queue()
        board = self.presenter.board
        self.parts.ended.show_jobs(board.ended_lately())
        self.parts.results.set_results(board.results())
        if board.jobs and self.isVisible():
            if not self._tick.isActive():
                self._tick.start()
        else:
            self._tick.stop()

    def _show_queue(self) -> None:
        self.parts.queue.show_lines(self.presenter.board.lines())

    def _on_logged(self, job_id: int, line: str) -> None:
        row = self.parts.queue.rows.get(job_id)
        if row is not None:
            row.log.add_line(line, lambda: self.presenter.board.log(job_id))

    def _on_log_opened(self, job_id: int) -> None:
        self.parts.queue.rows[job_id].log.set_lines(self.presenter.board.log(job_id))

    # --- what a person does ---------------------------------------------------------------------

    def _on_changed(self) -> None:
        """Hand on what all cards say now."""
        parts = self.parts
        parts.evaluate.set_searching(parts.types.mode.current == "target")
        source = parts.source.wish()
        parts.plan.show_default(self.presenter.default_folder(source))
        steps = (parts.matrix.wish(), parts.types.wish(), parts.evaluate.wish())
        self.presenter.want(Wish(source, *steps, parts.plan.wish()))
        self._show_offers()

    def _on_types_changed(self) -> None:
        self._fill_panel()
        self._on_changed()

    def _fill_panel(self) -> None:
        """Only while it is open: its many chips take a moment."""
        if not self.split.panel.isHidden():
            self.panel.show_types(self.presenter.types or [], self.parts.types.names)

    def _show_offers(self) -> None:
        self.parts.evaluate.show_offers(self.presenter.kin())

    def _on_more_asked(self) -> None:
        self.split.open_panel()
        self._fill_panel()
        self.panel.close_button.setFocus(Qt.FocusReason.OtherFocusReason)

    def _on_start_clicked(self) -> None:
        self.presenter.start()
        self.area.verticalScrollBar().setValue(0)  # where the job appears

    def _on_result_asked(self, job_id: int) -> None:
        if not self.isVisible():
            self.context.go_to(self.name)
        self.parts.results.choose(job_id)
        layout = self.parts.layout()
        assert layout is not None
        layout.activate()  # else it is where it was before there was anything to show
        self.area.verticalScrollBar().setValue(self.parts.results.y())

    def _on_folder_requested(self, path: str) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(Path(path).parent)))

    def _on_recipe_offered(self, recipe: dict[str, Any]) -> None:
        """A recipe that a target found: it is given a name in the panel."""
        self.split.open_panel()
        self._fill_panel()
        self.panel.offer(recipe)
        self.panel.name.setFocus(Qt.FocusReason.OtherFocusReason)

    def _on_failure_pressed(self) -> None:
        self.presenter.set_failure(None)

    def _on_paths_dropped(self, paths: list[str]) -> None:
        if not any(self.parts.source.choose_path(path) for path in paths[:1]):
            text = self.tr("A GGUF file or a checkpoint's folder is needed here.")
            self.context.toast(text, "info")

    def _on_escape(self) -> None:
        if not self.split.panel.isHidden():
            self.split.close_panel()
        else:
            self.setFocus()
