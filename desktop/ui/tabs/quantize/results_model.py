"""The results as a Qt model: what it is compared with on top, then the files in any order."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from html import escape
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from desktop.ui import units
from desktop.ui.tabs.quantize import results_words as words
from desktop.ui.tabs.quantize.results_rows import Row
from desktop.ui.widgets.tables import TOKEN_ROLE

Json = dict[str, Any]
Index = QModelIndex | QPersistentModelIndex
_NO_PARENT = QModelIndex()
ROW_ROLE = Qt.ItemDataRole.UserRole + 20
translate = words.translate


class Column(IntEnum):
    NAME = 0
    RESULT = 1
    SIZE = 2
    BITS = 3
    KLD = 4
    INTERVAL = 5
    WORST = 6
    SAME = 7
    DECODE = 8
    PREFILL = 9
    PERPLEXITY = 10
    RATIO = 11
    CHUNKS = 12
    FILE = 13


_WORDS = (Column.NAME, Column.RESULT, Column.FILE)
_QUIET = (Column.INTERVAL, Column.CHUNKS, Column.FILE)
# What a comparison with the whole model says; without one these columns say nothing.
EVALUATION = (
    Column.KLD,
    Column.INTERVAL,
    Column.WORST,
    Column.SAME,
    Column.PERPLEXITY,
    Column.RATIO,
    Column.DECODE,
    Column.PREFILL,
    Column.CHUNKS,
)
_FIGURES = {
    Column.SIZE: "size_bytes",
    Column.BITS: "bits_per_weight",
    Column.KLD: "kld_mean",
    Column.INTERVAL: "kld_high",
    Column.WORST: "kld_99",
    Column.SAME: "same_top_rate",
    Column.PERPLEXITY: "perplexity",
    Column.RATIO: "perplexity_ratio_log",
    Column.DECODE: "decode_tokens_per_second",
    Column.PREFILL: "prefill_tokens_per_second",
    Column.CHUNKS: "chunks",
}
# What is 0, 1 or 100 % of the whole model, because it is what is compared with.
_OF_FILES = (Column.KLD, Column.INTERVAL, Column.WORST, Column.SAME, Column.RATIO)


_TOLD: dict[Column, Callable[[Json], str]] = {
    Column.SIZE: lambda row: words.size(row["size_bytes"]),
    Column.BITS: lambda row: words.bits(row["bits_per_weight"]),
    Column.KLD: lambda row: words.kld(row["kld_mean"]),
    Column.INTERVAL: lambda row: words.interval(row["kld_low"], row["kld_high"], row["kld_mean"]),
    Column.WORST: lambda row: words.kld(row["kld_99"]),
    Column.SAME: lambda row: words.share(row["same_top_rate"]),
    Column.DECODE: lambda row: words.speed(row["decode_tokens_per_second"]),
    Column.PREFILL: lambda row: words.speed(row["prefill_tokens_per_second"]),
    Column.PERPLEXITY: lambda row: words.with_error(row["perplexity"], row["perplexity_error"]),
    Column.RATIO: lambda row: words.ratio(row["perplexity_ratio_log"]),
    Column.CHUNKS: lambda row: units.count(row["chunks"]),
}


def text_of(row: Row, column: Column) -> str:
    """What a cell says."""
    if column is Column.NAME:
        return f"{row.label}  {row.note}" if row.note else row.label
    if column is Column.RESULT:
        return row.title
    if column is Column.FILE:
        return words.file_name(row.path) if row.path else words.NONE
    return _TOLD[column](row.data)


def why_unknown(row: Row, column: Column) -> str:
    """Why a cell holds no figure."""
    if column is Column.FILE:
        return translate("QuantResults", "It was made to compare with; its file was not kept.")
    if row.kind == "base" and column in _OF_FILES:
        return translate("QuantResults", "This is what the files are compared with.")
    if not row.evaluated:
        return translate("QuantResults", "Not measured: the job was not asked to evaluate.")
    if column in (Column.DECODE, Column.PREFILL):
        return translate("QuantResults", "Its speed was not measured.")
    if column in (Column.WORST, Column.BITS):
        return translate("QuantResults", "The engine did not print this figure.")
    return translate("QuantResults", "Not measured.")


class ResultsModel(QAbstractTableModel):
    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.rows: list[Row] = []
        self._sorted = (Column.SIZE, Qt.SortOrder.DescendingOrder)

    def set_rows(self, rows: list[Row]) -> None:
        self.beginResetModel()
        self.rows = self._in_order(rows)
        self.endResetModel()

    def row_of(self, key: int) -> int:
        """The line in which a row stands; -1 where it does not."""
        return next((n for n, row in enumerate(self.rows) if row.key == key), -1)

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        self._sorted = (Column(column), order)
        self.layoutAboutToBeChanged.emit()
        before = self.persistentIndexList()
        kept = [(self.rows[index.row()].key, index.column()) for index in before]
        self.rows = self._in_order(self.rows)
        lines = {row.key: line for line, row in enumerate(self.rows)}
        self.changePersistentIndexList(before, [self.index(lines[k], c) for k, c in kept])
        self.layoutChanged.emit()

    def _in_order(self, rows: list[Row]) -> list[Row]:
        """Whole models stay on top; what is not known goes to the end either way."""
        column, order = self._sorted
        whole = [row for row in rows if row.kind == "base"]
        files = [row for row in rows if row.kind != "base"]
        known = [row for row in files if _key(row, column) is not None]
        down = order is Qt.SortOrder.DescendingOrder
        known.sort(key=lambda row: _key(row, column), reverse=down)
        return [*whole, *known, *(row for row in files if _key(row, column) is None)]

    def rowCount(self, parent: Index = _NO_PARENT) -> int:
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index = _NO_PARENT) -> int:
        return 0 if parent.isValid() else len(Column)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row, column = self.rows[index.row()], Column(index.column())
        if role == Qt.ItemDataRole.DisplayRole:
            return text_of(row, column)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _side(column)
        if role == ROW_ROLE:
            return row
        if role == TOKEN_ROLE:
            return "secondary" if column in _QUIET else "text"
        if role == Qt.ItemDataRole.ToolTipRole:
            return f"<span>{escape(self._tip(row, column))}</span>"  # names must not become markup
        return None

    def _tip(self, row: Row, column: Column) -> str:
        if column is Column.FILE and row.path:
            return row.path
        if column is Column.NAME:
            told = words.fallbacks(row.data["fallbacks"])
            return f"{text_of(row, column)}. {told}" if told else text_of(row, column)
        text = text_of(row, column)
        return why_unknown(row, column) if text == words.NONE else text

    def headerData(
        self,
        section: int,
        orientation: Qt.Orientation,
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> Any:
        if orientation is Qt.Orientation.Vertical:
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _side(Column(section))
        if role == Qt.ItemDataRole.ToolTipRole:
            return f"<span>{_explained()[section]}</span>" if _explained()[section] else None
        return _titles()[section] if role == Qt.ItemDataRole.DisplayRole else None


def _key(row: Row, column: Column) -> Any:
    """What a column is sorted by; None where it is not known."""
    if column in _FIGURES:
        return row.data[_FIGURES[column]]
    return text_of(row, column).casefold() if column is not Column.FILE or row.path else None


def _titles() -> tuple[str, ...]:
    return (
        translate("QuantResults", "Type or recipe"),
        translate("QuantResults", "Result"),
        translate("QuantResults", "Size"),
        translate("QuantResults", "Bits/weight"),
        translate("QuantResults", "KLD mean"),
        translate("QuantResults", "95 %"),
        translate("QuantResults", "KLD 99 %"),
        translate("QuantResults", "Same top"),
        translate("QuantResults", "Decode, tok/s"),
        translate("QuantResults", "Prefill, tok/s"),
        translate("QuantResults", "Perplexity"),
        translate("QuantResults", "PPL ratio"),
        translate("QuantResults", "Chunks"),
        translate("QuantResults", "File"),
    )


def _explained() -> tuple[str, ...]:
    return (
        "",
        "",
        "",
        translate("QuantResults", "How many bits a weight takes on average"),
        translate(
            "QuantResults",
            "How far its predictions are from the whole model's, on average: Kullback-Leibler "
            "divergence in nats for each token. Lower is better.",
        ),
        translate("QuantResults", "The 95 % confidence interval of the mean"),
        translate("QuantResults", "99 % of all tokens are nearer than this"),
        translate(
            "QuantResults", "How often it thinks the same token most likely as the whole model"
        ),
        translate("QuantResults", "Measured on this machine"),
        translate("QuantResults", "Measured on this machine"),
        translate("QuantResults", "How surprised it is by the text. Lower is better."),
        translate("QuantResults", "Its perplexity divided by the whole model's"),
        translate("QuantResults", "How many chunks of the text were compared"),
        "",
    )


def _side(column: Column) -> int:
    side = Qt.AlignmentFlag.AlignLeft if column in _WORDS else Qt.AlignmentFlag.AlignRight
    return int(side | Qt.AlignmentFlag.AlignVCenter)
