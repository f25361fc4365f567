"""A chart's figures as a table: for the keyboard, for screen readers, and for copying."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtGui import QGuiApplication, QKeyEvent, QKeySequence, QResizeEvent
from PySide6.QtWidgets import QWidget

from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.tables import DataTable

Index = QModelIndex | QPersistentModelIndex
_NO_PARENT = QModelIndex()
_WIDEST_CHARACTERS = 72  # of a column; the tooltip has all of its text


@dataclass(frozen=True)
class Sheet:
    """Texts in rows; the columns in `words` stand on the left, figures on the right."""

    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    words: tuple[int, ...] = (0,)


class SheetModel(QAbstractTableModel):
    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.sheet = Sheet()

    def show_sheet(self, sheet: Sheet) -> None:
        self.beginResetModel()
        self.sheet = sheet
        self.endResetModel()

    def rowCount(self, parent: Index = _NO_PARENT) -> int:
        return 0 if parent.isValid() else len(self.sheet.rows)

    def columnCount(self, parent: Index = _NO_PARENT) -> int:
        return 0 if parent.isValid() else len(self.sheet.columns)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return self.sheet.rows[index.row()][index.column()]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return self._side(index.column())
        return None

    def headerData(
        self,
        section: int,
        orientation: Qt.Orientation,
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> Any:
        if orientation is Qt.Orientation.Vertical or section >= len(self.sheet.columns):
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self.sheet.columns[section]
        return self._side(section) if role == Qt.ItemDataRole.TextAlignmentRole else None

    def _side(self, column: int) -> int:
        left = column in self.sheet.words
        side = Qt.AlignmentFlag.AlignLeft if left else Qt.AlignmentFlag.AlignRight
        return int(side | Qt.AlignmentFlag.AlignVCenter)


class TableTwin(DataTable):
    """The table beside a chart. Ctrl+C copies it, tab-separated, as spreadsheets take it."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, parent)
        self._sheet = SheetModel(self)
        self.setModel(self._sheet)
        self.setTabKeyNavigation(False)

    def show_sheet(self, sheet: Sheet) -> None:
        self._sheet.show_sheet(sheet)
        rows = min(len(sheet.rows), 12)
        height = self.verticalHeader().defaultSectionSize()
        header, bar = self.horizontalHeader(), self.horizontalScrollBar()
        self.setMinimumHeight(header.height() + rows * height + 2 + bar.sizeHint().height())
        self._fit_columns()

    def _fit_columns(self) -> None:
        """Each as wide as its content, up to a limit; the first takes what is left."""
        header = self.horizontalHeader()
        widest = self.fontMetrics().averageCharWidth() * _WIDEST_CHARACTERS
        widths = [
            min(max(self.sizeHintForColumn(column), header.sectionSizeHint(column)), widest)
            for column in range(len(self._sheet.sheet.columns))
        ]
        for column, width in enumerate(widths):
            left = self.viewport().width() - sum(widths) if column == 0 else 0
            header.resizeSection(column, width + max(0, left))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_columns()

    def text(self) -> str:
        """All of it, with its column titles."""
        sheet = self._sheet.sheet
        return "\n".join("\t".join(row) for row in (sheet.columns, *sheet.rows)) + "\n"

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Copy):
            QGuiApplication.clipboard().setText(self.text())
            event.accept()
        else:
            super().keyPressEvent(event)
