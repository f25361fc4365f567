"""The Library page: the list, its details, adding files, and dropping them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QAction, QDesktopServices, QGuiApplication, QKeySequence, QShortcut
from PySide6.QtWidgets import QFileDialog, QLineEdit, QMenu, QStackedWidget, QVBoxLayout, QWidget

from desktop.core.errors import AppError
from desktop.core.fit.estimate import HOST
from desktop.core.fit.trial import Trial, held_bytes
from desktop.ui.context import Context
from desktop.ui.messages import message
from desktop.ui.price.presenter import Bench, PricePresenter
from desktop.ui.shell.page import Page
from desktop.ui.tabs.library.detail import DetailPanel
from desktop.ui.tabs.library.list import ModelList
from desktop.ui.tabs.library.presenter import LibraryPresenter
from desktop.ui.tabs.library.rows import LibraryRows, loadable
from desktop.ui.theme.icons import icon
from desktop.ui.widgets.base import Button, IconButton
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
        self.detail = DetailPanel(theme)
        self.pricing = PricePresenter(context, self)
        self._priced: tuple[str, object] | None = None  # the model that is priced, and its load
        self.split = WithPanel(theme, self.list, self.detail)
        self._dialog: QFileDialog | None = None
        self._wanted: str | None = None  # an id to select when it is there
        self._read = False
        self._trouble: AppError | None = None
        self._dismissed = False  # the panel was closed by hand
        self._told: AppError | None = None  # the failure the panel was opened for
        self._fill_header(context)
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

    def _fill_header(self, context: Context) -> None:
        theme = context.theme
        self.filter = QLineEdit()
        self.filter.setObjectName("library-filter")
        self.filter.setClearButtonEnabled(True)
        self.filter.setAcceptDrops(False)
        self.filter.setMinimumWidth(self.filter.fontMetrics().averageCharWidth() * 22)
        self.filter.addAction(icon(theme, "search"), QLineEdit.ActionPosition.LeadingPosition)
        self.rescan = IconButton(theme, "refresh", "", "F5")
        self.rescan.setObjectName("library-rescan")
        self.add = Button(theme, kind="primary", icon_name="add")
        self.add.setObjectName("library-add")
        self._add_menu = QMenu(self)
        self._add_folder = QAction(self)
        self._add_file = QAction(self)
        self._add_menu.addActions([self._add_folder, self._add_file])
        for widget in (self.filter, self.rescan, self.add):
            self.tools.addWidget(widget)
        for keys, slot in (
            (QKeySequence(QKeySequence.StandardKey.Find), self._on_find),
            (QKeySequence("F6"), self._on_next_pane),
            (QKeySequence("Esc"), self._on_escape),
        ):
            shortcut = QShortcut(keys, self)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(slot)
        details = QShortcut(QKeySequence("Space"), self.list.table)
        details.setContext(Qt.ShortcutContext.WidgetShortcut)
        details.activated.connect(self._on_space)

    def _connect(self) -> None:
        presenter, state = self.presenter, self.context.state
        presenter.models_read.connect(self._on_models_read)
        presenter.read_failed.connect(self._on_read_failed)
        presenter.busy_changed.connect(self._on_busy_changed)
        presenter.loaded_changed.connect(self._on_loaded_changed)
        presenter.marks_changed.connect(self._on_marks_changed)
        presenter.added.connect(self._on_added)
        state.online_changed.connect(self._show_frame)
        self.filter.textChanged.connect(self.list.set_words)
        self.filter.returnPressed.connect(self.list.setFocus)
        self.rescan.clicked.connect(presenter.rescan)
        self.add.clicked.connect(self._on_add_clicked)
        self.empty.pressed.connect(self._on_add_clicked)
        self.banner.pressed.connect(self._on_add_clicked)
        self._add_folder.triggered.connect(self._on_add_folder)
        self._add_file.triggered.connect(self._on_add_file)
        self.drop.paths_dropped.connect(presenter.add)
        self.list.selected.connect(self._on_selected)
        self.list.opened.connect(self._on_opened)
        self.list.load_asked.connect(self._on_load_asked)
        self.list.unload_asked.connect(presenter.unload)
        self.list.folder_asked.connect(self._on_folder_asked)
        self.list.copy_asked.connect(self._on_copy_asked)
        self.list.filter_cleared.connect(self.filter.clear)
        self.detail.load_asked.connect(presenter.load)
        self.detail.unload_asked.connect(presenter.unload)
        self.detail.folder_asked.connect(self._on_folder_asked)
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
        self.filter.setPlaceholderText(self.tr("Filter"))
        self.filter.setAccessibleName(self.tr("Filter the models"))
        self.rescan.set_name(self.tr("Look for models again"))
        self.add.setText(self.tr("Add…"))
        self.add.updateGeometry()
        self._add_folder.setText(self.tr("Add folder…"))
        self._add_file.setText(self.tr("Add file…"))
        self.list.retranslate()
        self._show_detail()
        self._show_frame()

    def tells_failure_of(self, model: str) -> bool:
        return True

    def shown(self) -> None:
        self.list.setFocus()
        self._show_state()

    def show_model(self, model: str) -> None:
        """Select it and open its details; one that was added just now, as soon as it is read."""
        self.filter.clear()
        self._wanted = None if self.list.select(model) else model
        self._on_opened()

    def hidden(self) -> None:
        self.pricing.clear()
        self._priced = None

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
        self.list.show_totals()
        self._show_frame()
        if self._wanted is not None and self.list.select(self._wanted):
            self._wanted = None
        elif before is not None and self.list.select(before["id"]):
            pass
        elif self.list.filter.rowCount():
            loaded = self.context.state.loaded
            if loaded is None or not self.list.select(loaded["id"]):
                self.list.select_row(0)
        self._show_detail()

    def _on_read_failed(self, error: AppError) -> None:
        self._trouble = error
        self._show_frame()

    def _on_busy_changed(self, busy: bool) -> None:
        self.rescan.setEnabled(not busy)

    def _on_loaded_changed(self, loaded: Json | None) -> None:
        self.rows.set_loaded(loaded)
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
            self._show_state()

    def _show_state(self) -> None:
        entry, loaded = self.detail.entry, self.context.state.loaded
        if entry is not None:
            mine = loaded if loaded is not None and loaded["id"] == entry["id"] else None
            failure = self.presenter.failure(entry["id"])
            state = self.rows.state(entry)
            self.detail.show_state(state, mine, failure)
            self._show_price(entry, state)
            if failure is not None and failure is not self._told:
                self._told = failure
                self.split.open_panel()

    def _show_price(self, entry: Json, state: str) -> None:
        """Price what the panel shows; anew when another model was loaded or taken out, which
        changes what is free."""
        if self.split.panel.isHidden() or not self.isVisible():
            return
        if not loadable(entry) or state not in ("", "failed", "ready"):
            self.pricing.clear()
            self._priced = None
            return
        loaded = self.context.state.loaded
        settled = loaded is not None and loaded["state"] == "ready"
        wanted = (entry["id"], str(loaded["memory"]) if settled and loaded else None)
        if wanted == self._priced or (loaded is not None and not settled):
            return
        self._priced = wanted
        held = held_bytes(loaded)
        paths, alone = self.context.paths, not any(name != HOST for name in held)

        def make() -> Bench:
            from desktop.core.service.trials import TrialSources  # not before it is needed

            return Bench(TrialSources(paths).local(entry, held), engine_may_plan=alone)

        self.detail.begin_price()
        self.pricing.show(make, self.detail.form.wishes())

    def _on_trial_opened(self, trial: Trial) -> None:
        there = bool(trial.place.gpus)
        layers = trial.file.n_layers if there else 0
        self.detail.set_layers(layers, has_experts=trial.file.has_experts)

    # --- what is done -------------------------------------------------------------------------

    def _on_load_asked(self, model: str) -> None:
        """From a row: with what is set in the panel when it shows this model."""
        self.list.select(model)
        self.presenter.load(model, self.detail.form.wishes())

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
        self._add_menu.popup(self.add.mapToGlobal(self.add.rect().bottomLeft()))

    def _on_add_folder(self) -> None:
        dialog = QFileDialog(self, self.tr("Add a folder with models"))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        self._open(dialog)

    def _on_add_file(self) -> None:
        dialog = QFileDialog(self, self.tr("Add model files"))
        dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)
        dialog.setNameFilter(self.tr("GGUF models (*.gguf)"))
        self._open(dialog)

    def _open(self, dialog: QFileDialog) -> None:
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.filesSelected.connect(self.presenter.add)
        self._dialog = dialog
        dialog.open()

    def _on_added(self, ids: list[str], refused: list[str]) -> None:
        if ids:
            self._wanted = ids[0]
            self.filter.clear()
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

    def _on_folder_asked(self, path: str) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(Path(path).parent)))

    def _on_copy_asked(self, text: str) -> None:
        QGuiApplication.clipboard().setText(text)
        self.context.toast(self.tr("Copied: {text}").format(text=text), "check")
