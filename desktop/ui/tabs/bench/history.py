"""The table of all runs: its selection is what is compared; F2 names a run, Delete removes."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QKeyEvent, QKeySequence, QPainter, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QStyleOptionViewItem, QWidget

from desktop.ui.charts.data import paint_bar
from desktop.ui.tabs.bench.figures import Run, day, moment, short_device, speed
from desktop.ui.tabs.bench.words import translated
from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.tables import PADDING, TOKEN_ROLE, Cells, DataTable

Index = QModelIndex | QPersistentModelIndex
_NO_PARENT = QModelIndex()
SERIES_ROLE = Qt.ItemDataRole.UserRole + 20
NUMBER, WHEN, LABEL, MODEL, QUANT, PREFILL, DECODE, DEVICE, ENGINE, NOTE = range(10)
_FIGURES = (NUMBER, PREFILL, DECODE)
_SWATCH = 12
# Cut where there is no room for all of them: these hold names of any length.
_ELASTIC = (LABEL, MODEL, DEVICE, ENGINE)
_LEAST_CHARACTERS = 14  # of them stay readable; beyond that the table scrolls sideways

# What a column is sorted by; None goes to the end either way.
_KEYS: dict[int, Callable[[Run], Any]] = {
    NUMBER: lambda run: run.number,
    WHEN: lambda run: (run.created, run.number),
    LABEL: lambda run: run.label.casefold() or None,
    MODEL: lambda run: run.model.casefold(),
    QUANT: lambda run: run.quant,
    PREFILL: lambda run: run.prefill,
    DECODE: lambda run: run.decode,
    DEVICE: lambda run: run.device.casefold(),
    ENGINE: lambda run: run.engine.casefold(),
    NOTE: lambda run: (run.disturbed, run.doubtful),
}


class HistoryModel(QAbstractTableModel):
    """Signals: renamed: a run's number and the name a person typed."""

    renamed = Signal(int, str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.runs: list[Run] = []
        self._series: dict[int, int] = {}
        self._sorted = (WHEN, Qt.SortOrder.DescendingOrder)

    def set_runs(self, runs: list[Run]) -> None:
        self.beginResetModel()
        self.runs = self._in_order(runs)
        self.endResetModel()

    def set_series(self, series: dict[int, int]) -> None:
        """Args: series: number of the run → its series in the chart."""
        self._series = series
        if self.runs:
            last = self.index(len(self.runs) - 1, NUMBER)
            self.dataChanged.emit(self.index(0, NUMBER), last, [SERIES_ROLE])

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        self._sorted = (column, order)
        self.layoutAboutToBeChanged.emit()
        before = self.persistentIndexList()
        kept = [(self.runs[index.row()].number, index.column()) for index in before]
        self.runs = self._in_order(self.runs)
        rows = {run.number: row for row, run in enumerate(self.runs)}
        self.changePersistentIndexList(before, [self.index(rows[n], c) for n, c in kept])
        self.layoutChanged.emit()

    def _in_order(self, runs: list[Run]) -> list[Run]:
        column, order = self._sorted
        key, down = _KEYS[column], order is Qt.SortOrder.DescendingOrder
        known = [run for run in runs if key(run) is not None]
        return sorted(known, key=key, reverse=down) + [run for run in runs if key(run) is None]

    def rowCount(self, parent: Index = _NO_PARENT) -> int:
        return 0 if parent.isValid() else len(self.runs)

    def columnCount(self, parent: Index = _NO_PARENT) -> int:
        return 0 if parent.isValid() else NOTE + 1

    def flags(self, index: Index) -> Qt.ItemFlag:
        flags = super().flags(index)
        return flags | Qt.ItemFlag.ItemIsEditable if index.column() == LABEL else flags

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        run, column = self.runs[index.row()], index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(run, column)
        if role == Qt.ItemDataRole.EditRole:
            return run.name
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _side(column)
        if role == SERIES_ROLE:
            return self._series.get(run.number) if column == NUMBER else None
        if role == TOKEN_ROLE:
            if column == NOTE:
                return "warning"
            return "secondary" if column in (WHEN, DEVICE, ENGINE) else "text"
        if role == Qt.ItemDataRole.ToolTipRole:
            shown = {WHEN: moment(run.created), DEVICE: run.device, ENGINE: run.engine}.get(
                column, run.name
            )
            return f"<span>{escape(shown)}</span>"  # a name of a file must not become markup
        return None

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        """The name is shown when the service has taken it."""
        run, name = self.runs[index.row()], " ".join(str(value).split())
        if name and name != run.name:
            self.renamed.emit(run.number, name)
        return False

    def _text(self, run: Run, column: int) -> str:
        note = ""
        if run.disturbed:
            note = translated("disturbed")
        elif run.doubtful:
            note = translated("with notes")
        texts = (
            str(run.number), day(run.created), run.label, run.model, run.quant,
            speed(run.prefill), speed(run.decode), short_device(run.device), run.engine, note,
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
            translated("Label"),
            translated("Model"),
            translated("Quant"),
            translated("Prefill, tok/s"),
            translated("Decode, tok/s"),
            translated("Device"),
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
    """Signals:
    numbers_chosen: the runs a person selected.
    renamed: a run's number and its new name.
    delete_asked: the runs to delete.
    """

    numbers_chosen = Signal(tuple)
    renamed = Signal(int, str)
    delete_asked = Signal(tuple)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, parent)
        self.history = HistoryModel(self)
        self.history.renamed.connect(self.renamed)
        self.setModel(self.history)
        self.setItemDelegate(_HistoryCells(theme, self))
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        header = self.horizontalHeader()
        header.setMinimumSectionSize(40)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        self.sortByColumn(WHEN, Qt.SortOrder.DescendingOrder)
        self.setSortingEnabled(True)
        height = self.verticalHeader().defaultSectionSize()
        self.setMinimumHeight(header.height() + 3 * height + 2)
        self._telling = False
        self.selectionModel().selectionChanged.connect(self._on_selection_changed)

    def set_runs(self, runs: list[Run]) -> None:
        self._telling = True
        self.history.set_runs(runs)
        self._telling = False
        self.setColumnHidden(LABEL, not any(run.label for run in runs))
        self.setColumnHidden(NOTE, not any(run.disturbed or run.doubtful for run in runs))
        self.fit_columns()

    def fit_columns(self) -> None:
        """Each column as wide as its content; where that is too much, names give way."""
        header = self.horizontalHeader()
        wanted = {
            column: max(self.sizeHintForColumn(column), header.sectionSizeHint(column))
            for column in range(NOTE + 1)
            if not self.isColumnHidden(column)
        }
        least = self.fontMetrics().horizontalAdvance("n" * _LEAST_CHARACTERS) + 2 * PADDING
        left = self.viewport().width() - sum(wanted.values())
        elastic = [column for column in _ELASTIC if column in wanted]
        if left >= 0:
            wanted[DEVICE] += left
        else:
            given = {column: max(0, wanted[column] - least) for column in elastic}
            share = min(1.0, -left / max(1, sum(given.values())))
            for column in elastic:
                wanted[column] -= round(given[column] * share)
        for column, width in wanted.items():
            header.resizeSection(column, width)

    def rename(self, row: int) -> None:
        """Let a person type a run's name."""
        self.setColumnHidden(LABEL, False)
        self.fit_columns()
        index = self.history.index(row, LABEL)
        self.scrollTo(index)
        self.edit(index)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        numbers = self.selected_numbers()
        if event.matches(QKeySequence.StandardKey.Delete) and numbers:
            self.delete_asked.emit(numbers)
        elif event.key() == Qt.Key.Key_F2 and self.currentIndex().isValid():
            self.rename(self.currentIndex().row())
        else:
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.fit_columns()

    def _on_menu_requested(self, position: QPoint) -> None:
        """As the base class does, but a menu on one of several chosen runs is about all of them."""
        index, flags = self.indexAt(position), QItemSelectionModel.SelectionFlag
        if not index.isValid():
            return
        alone = flags.ClearAndSelect | flags.Rows
        inside = self.selectionModel().isSelected(index)
        self.selectionModel().setCurrentIndex(index, flags.NoUpdate if inside else alone)
        self.menu_asked.emit(index, self.viewport().mapToGlobal(position))

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
