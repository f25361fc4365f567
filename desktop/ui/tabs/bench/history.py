"""The table of all runs; its selection is what is compared."""

from __future__ import annotations

from html import escape
from typing import Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QRect,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QStyleOptionViewItem, QWidget

from desktop.ui.charts.data import paint_bar
from desktop.ui.tabs.bench.figures import Run
from desktop.ui.tabs.bench.words import translated
from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.tables import TOKEN_ROLE, Cells, DataTable

Index = QModelIndex | QPersistentModelIndex
_NO_PARENT = QModelIndex()
SERIES_ROLE = Qt.ItemDataRole.UserRole + 20
NUMBER, WHEN, MODEL, PREFILL, DECODE, ENGINE, NOTE = range(7)
_FIGURES = (NUMBER, PREFILL, DECODE)
_SWATCH = 12


class HistoryModel(QAbstractTableModel):
    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.runs: list[Run] = []
        self._series: dict[int, int] = {}

    def set_runs(self, runs: list[Run]) -> None:
        self.beginResetModel()
        self.runs = runs
        self.endResetModel()

    def set_series(self, series: dict[int, int]) -> None:
        """Args: series: number of the run → its series in the chart."""
        self._series = series
        if self.runs:
            last = self.index(len(self.runs) - 1, NUMBER)
            self.dataChanged.emit(self.index(0, NUMBER), last, [SERIES_ROLE])

    def rowCount(self, parent: Index = _NO_PARENT) -> int:
        return 0 if parent.isValid() else len(self.runs)

    def columnCount(self, parent: Index = _NO_PARENT) -> int:
        return 0 if parent.isValid() else NOTE + 1

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        run, column = self.runs[index.row()], index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(run, column)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _side(column)
        if role == SERIES_ROLE:
            return self._series.get(run.number) if column == NUMBER else None
        if role == TOKEN_ROLE:
            if column == NOTE:
                return "warning"
            return "secondary" if column in (WHEN, ENGINE) else "text"
        if role == Qt.ItemDataRole.ToolTipRole:
            shown = run.engine if column == ENGINE else run.name
            return f"<span>{escape(shown)}</span>"  # a name of a file must not become markup
        return None

    def _text(self, run: Run, column: int) -> str:
        note = ""
        if run.disturbed:
            note = translated("disturbed")
        elif run.doubtful:
            note = translated("with notes")
        texts = (
            str(run.number), run.when, run.model, run.prefill, run.decode, run.engine, note,
        )  # fmt: skip
        return texts[column]

    def headerData(
        self,
        section: int,
        orientation: Qt.Orientation,
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> Any:
        if orientation is Qt.Orientation.Vertical:
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _side(section)
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        return (
            translated("Run"),
            translated("When"),
            translated("Model"),
            translated("Prefill, tok/s"),
            translated("Decode, tok/s"),
            translated("Engine build"),
            translated("Note"),
        )[section]


class _HistoryCells(Cells):
    """Before a chosen run's number stands the swatch of its bars."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        size = super().sizeHint(option, index)
        return size + QSize(_SWATCH + 8, 0) if index.column() == NUMBER else size

    def content(self, painter: QPainter, rect: QRect, index: Index) -> None:
        series = index.data(SERIES_ROLE)
        if series is not None:
            top = rect.center().y() - _SWATCH / 2
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
            paint_bar(painter, self.theme, QRectF(rect.left(), top, _SWATCH, _SWATCH), series)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        super().content(painter, rect, index)


class HistoryTable(DataTable):
    """Signals: numbers_chosen: the runs a person selected."""

    numbers_chosen = Signal(tuple)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, parent)
        self.history = HistoryModel(self)
        self.setModel(self.history)
        self.setItemDelegate(_HistoryCells(theme, self))
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        header = self.horizontalHeader()
        header.setSectionsClickable(False)
        header.setMinimumSectionSize(40)
        for column in range(NOTE + 1):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(MODEL, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(ENGINE, QHeaderView.ResizeMode.Stretch)
        height = self.verticalHeader().defaultSectionSize()
        self.setMinimumHeight(header.height() + 3 * height + 2)
        self._telling = False
        self.selectionModel().selectionChanged.connect(self._on_selection_changed)

    def set_runs(self, runs: list[Run]) -> None:
        self._telling = True
        self.history.set_runs(runs)
        self._telling = False

    def select_numbers(self, numbers: tuple[int, ...]) -> None:
        """Show these runs as selected; says nothing."""
        self._telling = True
        wanted = QItemSelection()
        first = QModelIndex()
        for row, run in enumerate(self.history.runs):
            if run.number in numbers:
                left = self.history.index(row, 0)
                wanted.select(left, self.history.index(row, NOTE))
                first = first if first.isValid() else left
        flags = QItemSelectionModel.SelectionFlag
        selection = self.selectionModel()
        if first.isValid() and not selection.currentIndex().isValid():
            selection.setCurrentIndex(first, flags.NoUpdate)
        selection.select(wanted, flags.ClearAndSelect)
        self._telling = False

    def selected_numbers(self) -> tuple[int, ...]:
        rows = sorted(index.row() for index in self.selectionModel().selectedRows())
        return tuple(self.history.runs[row].number for row in rows)

    def _on_selection_changed(self) -> None:
        if not self._telling:
            self.numbers_chosen.emit(self.selected_numbers())


def _side(column: int) -> int:
    right = Qt.AlignmentFlag.AlignRight if column in _FIGURES else Qt.AlignmentFlag.AlignLeft
    return int(right | Qt.AlignmentFlag.AlignVCenter)
