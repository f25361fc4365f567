"""Which rows of the library are shown."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QSortFilterProxyModel, Qt

from desktop.ui.tabs.library.columns import Column
from desktop.ui.tabs.library.rows import FILTER_ROLE, LibraryRows

Index = QModelIndex | QPersistentModelIndex


class LibraryFilter(QSortFilterProxyModel):
    """The rows whose names, tags, architecture, repo or path hold the words of the filter box, and
    which have the tag or are the program's that was chosen."""

    def __init__(self, rows: LibraryRows) -> None:
        super().__init__(rows)
        self.setFilterRole(FILTER_ROLE)
        self.setFilterKeyColumn(Column.NAME)
        self.setFilterCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.setDynamicSortFilter(True)
        self.setSourceModel(rows)
        self._rows = rows
        self._kept = ("", "")

    def keep(self, kind: str, value: str) -> None:
        """Show only what has this "tag" or is this "app"'s; ("", "") shows all again."""
        self.beginFilterChange()
        self._kept = (kind, value)
        self.endFilterChange(QSortFilterProxyModel.Direction.Rows)

    def filterAcceptsRow(self, source_row: int, source_parent: Index) -> bool:
        kind, value = self._kept
        if kind:
            entry = self._rows.entries()[source_row]
            if value not in (entry["tags"] if kind == "tag" else [entry["app"]]):
                return False
        return super().filterAcceptsRow(source_row, source_parent)

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        if column >= 0:
            self.sourceModel().sort(column, order)
