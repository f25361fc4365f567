"""Sums of the ledger as a table: by key, by model or by day."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from desktop.ui import units
from desktop.ui.widgets.tables import TOKEN_ROLE

Json = dict[str, Any]
Index = QModelIndex | QPersistentModelIndex
_NO_PARENT = QModelIndex()

NAME, REQUESTS, FAILED, INPUT, CACHED, OUTPUT, BUSY, COST, AT = range(9)


def money(value: float | None) -> str:
    """Two digits behind the point; of less than a hundredth, as many as tell something."""
    if value is None:
        return "–"
    if value == 0 or abs(value) >= 0.01:
        return f"{value:,.2f}"
    return f"{value:.2g}" if abs(value) >= 1e-4 else f"{value:.1e}"


def hours(seconds: float | None) -> str:
    """12.3 h of what takes long, else minutes or seconds."""
    if not seconds:
        return "–"
    return f"{seconds / 3600:,.1f} h" if seconds >= 36_000 else units.duration(seconds)


class UsageModel(QAbstractTableModel):
    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: list[Json] = []
        self._titles = [""] * 9
        self._nameless = ""

    def set_texts(self, titles: list[str], nameless: str) -> None:
        """Args: nameless: what requests without a key or a model are called."""
        self._titles, self._nameless = titles, nameless
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, len(titles) - 1)
        if self._rows:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self._rows) - 1, AT))

    def show_rows(self, rows: list[Json]) -> None:
        self.beginResetModel()
        self._rows = rows
        self.endResetModel()

    def rowCount(self, parent: Index = _NO_PARENT) -> int:
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = _NO_PARENT) -> int:
        return 0 if parent.isValid() else len(self._titles)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:
        if orientation is not Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self._titles[section]
        return _side(section) if role == Qt.ItemDataRole.TextAlignmentRole else None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row, column = self._rows[index.row()], index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(row, column)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _side(column)
        if role == TOKEN_ROLE:
            if column == FAILED and row["errors"]:
                return "error"
            return "text" if column in (NAME, INPUT, OUTPUT, COST, AT) else "secondary"
        if role == Qt.ItemDataRole.ToolTipRole and column == NAME:
            return self._text(row, column).replace("<", "‹")
        return None

    def _text(self, row: Json, column: int) -> str:
        if column == NAME:
            return str(row["name"] or self._nameless)
        if column == REQUESTS:
            return units.count(row["requests"])
        if column == FAILED:
            return units.count(row["errors"]) if row["errors"] else "–"
        if column == INPUT:
            return units.count(row["prompt_tokens"])
        if column == CACHED:
            whole = row["prompt_tokens"]
            return f"{row['cached_tokens'] / whole:.0%}" if whole else "–"
        if column == OUTPUT:
            return units.count(row["completion_tokens"])
        if column == BUSY:
            return hours(row["busy_seconds"])
        return money(row["cost" if column == COST else "at_cost"])


def _side(column: int) -> int:
    side = Qt.AlignmentFlag.AlignLeft if column == NAME else Qt.AlignmentFlag.AlignRight
    return int(side | Qt.AlignmentFlag.AlignVCenter)
