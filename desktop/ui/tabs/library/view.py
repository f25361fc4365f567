"""The Library page: the list, its details, adding files, and dropping them."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from desktop.core.errors import AppError
from desktop.core.fit.trial import Trial, held_bytes
from desktop.ui.context import Context
from desktop.ui.messages import message
from desktop.ui.shell.page import Page
from desktop.ui.tabs.library.actions import LibraryActions
from desktop.ui.tabs.library.columns import deletable, loadable
from desktop.ui.tabs.library.detail import DetailPanel
from desktop.ui.tabs.library.fits import FitPricer
from desktop.ui.tabs.library.header import EVERYTHING, LibraryTools
from desktop.ui.tabs.library.keeping import Keeper
from desktop.ui.tabs.library.list import ModelList
from desktop.ui.tabs.library.presenter import LibraryPresenter
from desktop.ui.tabs.library.pricing import EntryPricing
from desktop.ui.tabs.library.rows import LibraryRows
from desktop.ui.widgets.filedrop import FileDrop
from desktop.ui.widgets.parts import Banner, EmptyState
from desktop.ui.widgets.sidepanel import WithPanel

Json = dict[str, Any]


class LibraryPage(Page):
    """Shows what `LibraryPresenter` knows; hands on what is done."""

    name = "library"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        theme = context.theme
        self.presenter = LibraryPresenter(context, self)
        self.rows = LibraryRows(self)
        self.list = ModelList(theme, self.rows)
        self.detail = DetailPanel(theme, self.rows)
        self.keeper = Keeper(context, self)
        self.doing = LibraryActions(context, self.keeper, self)
        self.pricing = EntryPricing(context, self)
        self.fits = FitPricer(context, self)
        self.split = WithPanel(theme, self.list, self.detail)
        self._wanted: str | None = None  # an id to select when it is there
        self._read = False
        self._trouble: AppError | None = None
        self._dismissed = False  # the panel was closed by hand
        self._told: AppError | None = None  # the failure the panel was opened for
        self.bar = LibraryTools(theme)
        self.filter, self.rescan, self.add = self.bar.filter, self.bar.rescan, self.bar.add
        self.tools.addWidget(self.bar)
        self._add_shortcuts()
        self.banner = Banner(theme, "info")
        self.banner.hide()
        self.empty = EmptyState(theme, "library")
        self._stack = QStackedWidget()
        filled = QWidget()
        column = QVBoxLayout(filled)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(16)
        column.addWidget(self.banner)
        column.addWidget(self.split, 1)
        self._stack.addWidget(self.empty)
        self._stack.addWidget(filled)
        self.content.addWidget(self._stack)
        self.drop = FileDrop(theme, self)
        self._connect()
        self.retranslate()
        self.presenter.start()

    def _add_shortcuts(self) -> None:
        for keys, slot in (
            (QKeySequence(QKeySequence.StandardKey.Find), self._on_find),
            (QKeySequence("F6"), self._on_next_pane),
            (QKeySequence("Esc"), self._on_escape),
        ):
            shortcut = QShortcut(keys, self)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(slot)
        for keys, slot in (
            (QKeySequence("Space"), self._on_space),
            (QKeySequence(QKeySequence.StandardKey.Copy), self._on_copy_key),
            (QKeySequence("F2"), self._on_names_asked),
            (QKeySequence(QKeySequence.StandardKey.Delete), self._on_delete_key),
        ):
            shortcut = QShortcut(keys, self.list.table)
            shortcut.setContext(Qt.ShortcutContext.WidgetShortcut)
            shortcut.activated.connect(slot)

    def _connect(self) -> None:
        presenter, state = self.presenter, self.context.state
        presenter.models_read.connect(self._on_models_read)
        presenter.read_failed.connect(self._on_read_failed)
        presenter.disk_use_known.connect(self.list.show_disk_use)
        self.fits.priced.connect(self.rows.set_fits)
        self.rescan.clicked.connect(self.fits.forget)
        presenter.busy_changed.connect(self._on_busy_changed)
        presenter.loaded_changed.connect(self._on_loaded_changed)
        presenter.marks_changed.connect(self._on_marks_changed)
        presenter.added.connect(self._on_added)
        state.request_finished.connect(self._on_request_finished)
        state.online_changed.connect(self._show_frame)
        self.filter.textChanged.connect(self.list.set_words)
        self.filter.returnPressed.connect(self.list.setFocus)
        self.rescan.clicked.connect(presenter.rescan)
        self.add.clicked.connect(self._on_add_clicked)
        self.empty.pressed.connect(self._on_add_clicked)
        self.banner.pressed.connect(self._on_add_clicked)
        doing = self.doing
        doing.paths_chosen.connect(presenter.add)
        doing.taken_in.connect(self._on_taken_in)
        doing.hidden_toggled.connect(presenter.list_hidden)
        doing.names_asked.connect(self._on_names_asked)
        self.drop.paths_dropped.connect(presenter.add)
        self.list.selected.connect(self._on_selected)
        self.list.opened.connect(self._on_opened)
        self.list.load_asked.connect(self._on_load_asked)
        self.list.unload_asked.connect(presenter.unload)
        self.list.menu_chosen.connect(self._on_menu_chosen)
        self.list.filter_cleared.connect(self._on_filter_cleared)
        self.bar.kept_chosen.connect(self.list.keep)
        self.detail.load_asked.connect(presenter.load)
        self.detail.unload_asked.connect(presenter.unload)
        self.detail.folder_asked.connect(doing.open_folder)
        self.detail.menu_chosen.connect(self._on_menu_chosen)
        self.detail.marks.try_asked.connect(self._on_try_asked)
        self.detail.card.changed.connect(self._on_card_changed)
        state.jobs_changed.connect(self._show_jobs)
        self.detail.close_asked.connect(self._on_close_asked)
        self.detail.price_asked.connect(self.pricing.choose)
        self.pricing.opened.connect(self._on_trial_opened)
        self.pricing.priced.connect(self.detail.show_priced)
        self.pricing.failed.connect(self.detail.show_price_error)

    # --- Page ---------------------------------------------------------------------------------

    def title(self) -> str:
        return self.tr("Library")

    def retranslate(self) -> None:
        super().retranslate()
        self.doing.retranslate()
        self.list.retranslate()
        self._show_detail()
        self._show_frame()

    def tells_failure_of(self, model: str) -> bool:
        return True

    def shown(self) -> None:
        self.list.setFocus()
        self._price_list()
        self._show_state()

    def show_model(self, model: str) -> None:
        """Select it and open its details; one that was added just now, as soon as it is read."""
        self._on_filter_cleared()
        self._wanted = None if self.list.select(model) else model
        self._on_opened()

    def hidden(self) -> None:
        self.pricing.clear()
        self.fits.pause()

    def add_paths(self, paths: list[str]) -> None:
        """Files and folders that were dropped somewhere in the window."""
        self.presenter.add(paths)

    # --- what is shown ------------------------------------------------------------------------

    def _show_frame(self) -> None:
        """The table, or why there is none."""
        entries = self.rows.entries()
        usable = any(loadable(entry) for entry in entries)
        self._stack.setCurrentIndex(1 if entries else 0)
        self.banner.setVisible(bool(entries) and not usable)
        self.banner.tell(
            self.tr("None of these files can be loaded"),
            self.tr("Add a folder with GGUF models, or drop files anywhere in the window."),
            self.tr("Add…"),
        )
        if self._trouble is not None:
            self.empty.tell(message(self._trouble).title)
        elif not self.context.state.online:
            self.empty.tell(self.tr("Waiting for the service."))
        elif not self._read:
            self.empty.tell(self.tr("Reading the library…"))
        else:
            self.empty.tell(
                self.tr("No models yet. Add a folder, or drop a GGUF file anywhere."),
                self.tr("Add…"),
            )

    def _on_models_read(self, models: list[Json]) -> None:
        self._read, self._trouble = True, None
        before = self.list.current()
        self.rows.set_entries(models)
        self.bar.offer(*self.rows.kinds())
        self._price_list()
        self.list.show_totals()
        self._show_frame()
        if self._wanted is not None and self.list.select(self._wanted):
            self._wanted = None
        elif before is not None and self.list.select(before["id"]):
            pass
        elif self.list.filter.rowCount():
            ready = self.context.state.ready
            if not ready or not self.list.select(ready[0]["id"]):
                self.list.select_row(0)
        self._show_detail()

    def _price_list(self) -> None:
        if self.isVisible():
            self.fits.show(self.rows.entries(), held_bytes(self.context.state.models.values()))

    def _on_read_failed(self, error: AppError) -> None:
        self._trouble = error
        self._show_frame()

    def _on_busy_changed(self, busy: bool) -> None:
        self.rescan.setEnabled(not busy)

    def _on_loaded_changed(self) -> None:
        state = self.context.state
        self.rows.set_loaded(state.models, set(state.restarts))
        self._show_state()

    def _on_request_finished(self, request: Json) -> None:
        """Its model stays longer now."""
        model = request.get("model")
        if model in self.context.state.models:
            self.rows.touch(model)
            self._show_state()

    def _on_marks_changed(self) -> None:
        self.rows.set_marks(self.presenter.waiting, set(self.presenter.failures))
        self._show_state()

    def _on_selected(self, entry: Json) -> None:
        self._show_detail()
        if not self.split.narrow and not self._dismissed:
            self.split.open_panel()
            self._show_state()

    def _on_opened(self) -> None:
        self._dismissed = False
        self.split.open_panel()
        self._show_state()

    def _on_close_asked(self) -> None:
        self._dismissed = True
        self.split.close_panel()

    def _show_detail(self) -> None:
        entry = self.list.current()
        if entry is not None:
            self.detail.show_entry(entry, self.rows.chips(entry))
            self._show_jobs()
            self._show_state()

    def _show_jobs(self) -> None:
        """What is being checked of the model shown."""
        entry = self.detail.entry
        if entry is not None:
            jobs = {
                kind: self.keeper.job_of(entry["id"], kind) for kind in ("acceptance", "verify")
            }
            self.detail.show_jobs(jobs["acceptance"], jobs["verify"])

    def _show_state(self) -> None:
        entry = self.detail.entry
        if entry is not None:
            mine = self.context.state.models.get(entry["id"])
            failure = self.presenter.failure(entry["id"])
            state = self.rows.state(entry)
            self.detail.show_state(state, mine, failure)
            self._show_price(entry, state)
            if failure is not None and failure is not self._told:
                self._told = failure
                self.split.open_panel()

    def _show_price(self, entry: Json, state: str) -> None:
        if self.split.panel.isHidden() or not self.isVisible():
            return
        if not loadable(entry) or state not in ("", "failed", "ready"):
            self.pricing.clear()
        elif self.pricing.begin(entry, self.context.state.models.values()):
            self.detail.begin_price()
            self.pricing.go(self.detail.form.wishes())

    def _on_trial_opened(self, trial: Trial) -> None:
        there = bool(trial.place.gpus)
        layers = trial.file.n_layers if there else 0
        self.detail.set_layers(layers, has_experts=trial.file.has_experts)

    # --- what is done -------------------------------------------------------------------------

    def _on_load_asked(self, model: str) -> None:
        """From a row: with what is set in the panel when it shows this model."""
        self.list.select(model)
        self.presenter.load(model, self.detail.form.wishes())

    def _on_menu_chosen(self, what: str, entry: Json) -> None:
        if what == "load":
            self._on_load_asked(entry["id"])
        elif what in ("unload", "cancel"):
            self.presenter.unload(entry["id"])
        elif what in ("keep", "let_go"):
            self.presenter.keep(entry["id"], what == "keep")
        else:
            self.list.select(entry["id"])
            self.doing.do(what, entry)

    def _on_try_asked(self) -> None:
        if self.detail.entry is not None:
            self.keeper.try_once(self.detail.entry["id"])

    def _on_card_changed(self, changes: Json) -> None:
        if self.detail.entry is not None:
            self.keeper.change_card(self.detail.entry["id"], changes)

    def _on_names_asked(self) -> None:
        self._on_opened()
        self.detail.card.aliases.setFocus()
        self.detail.card.aliases.selectAll()

    def _on_taken_in(self, ids: list[str]) -> None:
        self._on_added(ids, [])
        self.presenter.read()

    def _on_copy_key(self) -> None:
        entry = self.list.current()
        if entry is not None:
            self.doing.copy(entry["id"])

    def _on_delete_key(self) -> None:
        entry = self.list.current()
        if entry is not None and not entry["bundled"]:
            self.doing.do("remove" if deletable(entry) else "hide", entry)

    def _on_filter_cleared(self) -> None:
        self.filter.clear()
        self.bar.choose(*EVERYTHING)

    def _on_find(self) -> None:
        self.filter.setFocus()
        self.filter.selectAll()

    def _on_next_pane(self) -> None:
        if self.list.table.hasFocus() and not self.split.panel.isHidden():
            self.detail.form.context.setFocus()
        elif self.filter.hasFocus():
            self.list.setFocus()
        else:
            self.filter.setFocus()

    def _on_escape(self) -> None:
        """One step back: the words of the filter, then the panel over the list."""
        if self.filter.hasFocus() and self.filter.text():
            self.filter.clear()
        elif self.split.narrow and not self.split.panel.isHidden():
            self.split.close_panel()
        else:
            self.list.setFocus()

    def _on_space(self) -> None:
        if self.split.panel.isHidden():
            self._on_opened()
        else:
            self._on_close_asked()

    def _on_add_clicked(self) -> None:
        self.doing.menu.popup(self.add.mapToGlobal(self.add.rect().bottomLeft()))

    def _on_added(self, ids: list[str], refused: list[str]) -> None:
        if ids:
            self._wanted = ids[0]
            self._on_filter_cleared()
            one = self.tr("{model} was added.").format(model=ids[0])
            many = self.tr("{count} models were added.").format(count=f"{len(ids):,}")
            self.context.toast(one if len(ids) == 1 else many, "check")
        elif not refused:
            self.context.toast(self.tr("Nothing new was found there."), "info")
        if refused:
            names = ", ".join(refused[:3]) + ("…" if len(refused) > 3 else "")
            self.context.toast(
                self.tr(
                    "{names}: not a GGUF model. Add files that end in .gguf, or folders."
                ).format(names=names),
                "warning",
            )
