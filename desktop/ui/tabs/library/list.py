"""The table of models with its totals below, and what stands there when it has no rows."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QItemSelectionModel, QModelIndex, QPoint, Qt, Signal
from PySide6.QtGui import QFontMetrics, QResizeEvent
from PySide6.QtWidgets import QHeaderView, QVBoxLayout, QWidget

from desktop.ui import units
from desktop.ui.i18n import Translated
from desktop.ui.tabs.library.cells import ActionCells, FitCells, NameCells, StateCells
from desktop.ui.tabs.library.columns import Column, loadable
from desktop.ui.tabs.library.filter import LibraryFilter
from desktop.ui.tabs.library.fits import VERDICTS
from desktop.ui.tabs.library.menu import ModelMenu
from desktop.ui.tabs.library.rows import (
    ACTION_ROLE,
    ENTRY_ROLE,
    LibraryRows,
)
from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.badge import badge_width
from desktop.ui.widgets.base import Surface, Text
from desktop.ui.widgets.parts import EmptyState
from desktop.ui.widgets.tables import PADDING, DataTable

Json = dict[str, Any]

# What goes first when the table gets narrow, and below which width, in widths of an "n".
_GOES_BELOW = (
    (Column.ADDED, 152),
    (Column.LAST_USED, 138),
    (Column.WHERE, 124),
    (Column.PARAMETERS, 112),
    (Column.CONTEXT, 98),
    (Column.FIT, 84),
    (Column.QUANT, 60),
    (Column.SIZE, 50),
)


class ModelList(Translated, QWidget):
    """Shows `rows`; says what is done to them.

    Signals:
        selected: the current entry changed to this one.
        opened: a row was clicked: its details are wanted.
        load_asked, unload_asked: id.
        menu_chosen: what was chosen in a row's menu (`ModelMenu.chosen`), and its entry.
        filter_cleared: the button of "nothing matches" was pressed.
    """

    selected = Signal(dict)
    opened = Signal()
    load_asked = Signal(str)
    unload_asked = Signal(str)
    menu_chosen = Signal(str, dict)
    filter_cleared = Signal()

    def __init__(self, theme: Theme, rows: LibraryRows) -> None:
        super().__init__()
        self._rows = rows
        self._words = ""
        self._kept = False
        self.filter = LibraryFilter(rows)
        self.table = DataTable(theme)
        self.table.setObjectName("library-table")
        self.table.setModel(self.filter)
        self.table.setSortingEnabled(True)
        self.table.sortByColumn(Column.NAME, Qt.SortOrder.AscendingOrder)
        self._actions = ActionCells(theme, self.table)
        self.table.setItemDelegateForColumn(Column.NAME, NameCells(theme, self.table))
        self.table.setItemDelegateForColumn(Column.FIT, FitCells(theme, self.table))
        self.table.setItemDelegateForColumn(Column.STATE, StateCells(theme, self.table))
        self.table.setItemDelegateForColumn(Column.ACTION, self._actions)
        self._nothing = EmptyState(theme, "search")
        self._nothing.pressed.connect(self.filter_cleared)
        self._nothing.hide()
        self.totals = Text(theme, role="caption", wrap=True)
        box = Surface(theme, padding=1)
        box.body.setContentsMargins(1, 4, 1, 4)
        box.body.setSpacing(0)
        box.body.addWidget(self.table, 1)
        box.body.addWidget(self._nothing, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(box, 1)
        layout.addWidget(self.totals)
        self.setFocusProxy(self.table)
        self._actions.pressed.connect(self._on_row_entered)
        self.table.row_entered.connect(self._on_row_entered)
        self.table.row_double_clicked.connect(self._on_row_double_clicked)
        self.table.row_clicked.connect(self._on_row_clicked)
        self.table.menu_asked.connect(self._on_menu_asked)
        self.table.selectionModel().currentRowChanged.connect(self._on_current_changed)
        theme.changed.connect(self._lay_out_columns)
        self._lay_out_columns()

    def retranslate(self) -> None:
        self.table.setAccessibleName(self.tr("Models"))
        self._rows.retranslate()
        self._lay_out_columns()
        self.show_totals()

    # --- content ------------------------------------------------------------------------------

    def set_words(self, words: str) -> None:
        """Show only rows that hold these words."""
        self._words = words.strip()
        self.filter.setFilterFixedString(self._words)
        self.show_totals()
        if not self.table.currentIndex().isValid() and self.filter.rowCount():
            self.select_row(0)

    def keep(self, kind: str, value: str) -> None:
        """Show only what has this "tag" or is this "app"'s; ("", "") shows all again."""
        self._kept = bool(kind)
        self.filter.keep(kind, value)
        self.show_totals()
        if not self.table.currentIndex().isValid() and self.filter.rowCount():
            self.select_row(0)

    def current(self) -> Json | None:
        entry: Json | None = self.table.currentIndex().data(ENTRY_ROLE)
        return entry

    def select(self, model: str) -> bool:
        """Make this the current row, where it is shown."""
        row = self._rows.row_of(model)
        index = self.filter.mapFromSource(self._rows.index(row, 0)) if row >= 0 else QModelIndex()
        if index.isValid():
            self.select_row(index.row())
        return index.isValid()

    def select_row(self, row: int) -> None:
        index = self.filter.index(row, 0)
        flags = QItemSelectionModel.SelectionFlag
        self.table.selectionModel().setCurrentIndex(index, flags.ClearAndSelect | flags.Rows)
        self.table.scrollTo(index)

    def show_totals(self) -> None:
        """Count anew: models, their size, what is broken, what the filter leaves."""
        entries = self._rows.entries()
        models = [entry for entry in entries if loadable(entry)]
        size = units.size(sum(entry["size_bytes"] for entry in entries))
        one = len(models) == 1
        text = (self.tr("1 model, {size}") if one else self.tr("{count} models, {size}")).format(
            count=f"{len(models):,}", size=size
        )
        broken = sum(1 for entry in entries if entry["broken"])
        if broken:
            text += " · " + self.tr("{count} cannot be read").format(count=broken)
        shown = self.filter.rowCount()
        if self._words or self._kept:
            text += " · " + self.tr("{shown} of {all} shown").format(
                shown=f"{shown:,}", all=f"{len(entries):,}"
            )
        self.totals.setText(text)
        nothing = bool(self._words) and bool(entries) and shown == 0
        self.table.setHidden(nothing)
        self._nothing.setVisible(nothing)
        self._nothing.tell(
            self.tr("Nothing matches “{words}”.").format(words=self._words),
            self.tr("Show all"),
        )

    def show_disk_use(self, use: Json) -> None:
        """Args: use: `Client.disk_use`'s: what each place takes, in the tooltip of the totals."""
        lines = []
        for place in use["places"]:
            words = (
                self.tr("{size} in {folder}")
                if place["free_bytes"] is None
                else self.tr("{size} in {folder} ({free} free there)")
            )
            size, free = units.size(place["disk_bytes"]), units.size(place["free_bytes"])
            lines.append(words.format(size=size, folder=place["folder"], free=free))
        self.totals.setToolTip("\n".join(lines))

    # --- columns ------------------------------------------------------------------------------

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._hide_columns()

    def _lay_out_columns(self) -> None:
        """Every column as wide as the longest thing it can say; the name takes what is left."""
        header = self.table.horizontalHeader()
        header.setMinimumSectionSize(40)
        header.setStretchLastSection(False)
        table, caption = self.table.fontMetrics(), QFontMetrics(header.font())
        samples = {
            Column.PARAMETERS: ["999.9 B"],
            Column.QUANT: ["IQ3_XXS", "Q4_K_M"],
            Column.SIZE: ["999.9 GiB"],
            Column.CONTEXT: ["1,048,576"],
            Column.LAST_USED: ["2026-11-27"],
            Column.ADDED: ["2026-11-27"],
            Column.FIT: ["–"],
            Column.WHERE: [self._rows.where({"source": s}) for s in ("hf_cache", "folder")],
            Column.STATE: [f"✕ {text}" for text in self._rows.state_texts()],
            Column.ACTION: [f" {text} " for text in self._rows.action_texts()],
        }
        for column in Column:
            if column is Column.NAME:
                header.setSectionResizeMode(column, QHeaderView.ResizeMode.Stretch)
                continue
            title = self._rows.headerData(column, Qt.Orientation.Horizontal)
            width = max(table.horizontalAdvance(text) for text in samples[column])
            width = max(width, caption.horizontalAdvance(f"{title} ↓"))
            if column is Column.FIT:
                width = max(width, *(badge_width(v, table) for v in VERDICTS if v))
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Fixed)
            header.resizeSection(column, width + 2 * PADDING + 2)
        self._hide_columns()

    def _hide_columns(self) -> None:
        unit = self.table.fontMetrics().horizontalAdvance("n")
        for column, widths in _GOES_BELOW:
            self.table.setColumnHidden(column, self.width() < widths * unit)

    # --- what is done to it -------------------------------------------------------------------

    def _on_current_changed(self, current: QModelIndex, before: QModelIndex) -> None:
        entry = current.data(ENTRY_ROLE)
        if entry is not None:
            self.selected.emit(entry)

    def _on_row_clicked(self, index: QModelIndex) -> None:
        if index.column() != Column.ACTION:
            self.opened.emit()

    def _on_row_entered(self, index: QModelIndex) -> None:
        entry, action = index.data(ENTRY_ROLE), index.data(ACTION_ROLE)
        if action == "load":
            self.load_asked.emit(entry["id"])
        elif action:
            self.unload_asked.emit(entry["id"])
        else:
            self.opened.emit()

    def _on_row_double_clicked(self, index: QModelIndex) -> None:
        if index.column() != Column.ACTION and index.data(ACTION_ROLE) == "load":
            self._on_row_entered(index)

    def _on_menu_asked(self, index: QModelIndex, place: QPoint) -> None:
        self.menu_of(index).popup(place)

    def menu_of(self, index: QModelIndex) -> ModelMenu:
        """The context menu of a row."""
        menu = ModelMenu(self, self._rows, index.data(ENTRY_ROLE))
        menu.chosen.connect(self.menu_chosen)
        return menu
