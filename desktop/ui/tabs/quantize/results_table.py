"""The table of results: sorted by its titles, with a menu on each row."""

from __future__ import annotations

import json

from PySide6.QtCore import (
    QItemSelectionModel,
    QModelIndex,
    QPoint,
    QPointF,
    QRect,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import (
    QAction,
    QFontMetrics,
    QGuiApplication,
    QKeyEvent,
    QKeySequence,
    QPainter,
    QResizeEvent,
)
from PySide6.QtWidgets import QHeaderView, QMenu, QStyleOptionViewItem, QWidget

from desktop.ui.charts.pareto_data import paint_mark
from desktop.ui.i18n import Translated
from desktop.ui.tabs.quantize.results_model import (
    EVALUATION,
    ROW_ROLE,
    Column,
    ResultsModel,
    text_of,
)
from desktop.ui.tabs.quantize.results_rows import Row
from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.base import GAP
from desktop.ui.widgets.tables import PADDING, Cells, DataTable

_ROWS_SHOWN = 12  # it scrolls beyond them
_MARK = 10  # pixels across a mark, at letters of the usual size
_NAME_LETTERS = 40  # of a name that somebody gave; the tooltip has all of it
_FILE_LETTERS = 14  # of a file's name stay readable; beyond that the table scrolls sideways


def mark_room(theme: Theme) -> int:
    """What a name's mark takes of its cell."""
    return theme.icon_side(_MARK) + GAP


class _ResultCells(Cells):
    """Before a name stands its point's shape; what kind of file it is stands behind, quieter."""

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex) -> QSize:  # type: ignore[override]
        size = super().sizeHint(option, index)
        return size + QSize(mark_room(self.theme), 0) if index.column() == Column.NAME else size

    def content(self, painter: QPainter, rect: QRect, index: QModelIndex) -> None:  # type: ignore[override]
        if index.column() != Column.NAME:
            super().content(painter, rect, index)
            return
        row: Row = index.data(ROW_ROLE)
        radius = self.theme.icon_side(_MARK) / 2
        middle = QPointF(rect.left() + radius + 1, rect.center().y() + 0.5)
        if row.kind != "base":  # it has no point
            paint_mark(painter, self.theme, middle, radius, row.series, other=row.kind == "foreign")
        rect = rect.adjusted(mark_room(self.theme), 0, 0, 0)
        taken = self.text(painter, rect, index, row.label)
        rest = rect.adjusted(taken + painter.fontMetrics().horizontalAdvance("  "), 0, 0, 0)
        if row.note and rest.width() > 0:
            painter.setPen(self.theme.colour("accent" if row.data["recommended"] else "secondary"))
            right = Qt.TextElideMode.ElideRight
            note = painter.fontMetrics().elidedText(row.note, right, rest.width())
            left = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
            painter.drawText(rest, int(left), note)


class ResultsTable(Translated, DataTable):
    """Signals:
    row_chosen: the key of the row a person went to.
    open_asked: the path of a file to show in the Library.
    folder_asked: the path of a file whose folder is to be opened.
    copied: something was put on the clipboard.
    """

    row_chosen = Signal(int)
    open_asked = Signal(str)
    folder_asked = Signal(str)
    copied = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, parent)
        self.setObjectName("quantize-results")
        self.results = ResultsModel(self)
        self.setModel(self.results)
        self.setItemDelegate(_ResultCells(theme, self))
        header = self.horizontalHeader()
        header.setMinimumSectionSize(40)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        self.sortByColumn(Column.SIZE, Qt.SortOrder.DescendingOrder)
        self.setSortingEnabled(True)
        self._telling = False
        self._widths: dict[Column, int] = {}
        self.menu = QMenu(self)
        self._actions = {name: QAction(self) for name in ("open", "folder", "row", "recipe", "sha")}
        for name, action in self._actions.items():
            action.setObjectName(f"result-{name}")
            action.triggered.connect(self._on_action_triggered)
            self.menu.addAction(action)
        self.menu.insertSeparator(self._actions["row"])
        # The table itself obeys the keys; the menu only says them.
        self._actions["row"].setShortcut(QKeySequence(QKeySequence.StandardKey.Copy))
        self._actions["row"].setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        self.menu_asked.connect(self._on_menu_asked)
        self.row_entered.connect(self._on_row_entered)
        self.row_double_clicked.connect(self._on_row_entered)
        self.selectionModel().currentRowChanged.connect(self._on_current_changed)
        self.retranslate()

    def retranslate(self) -> None:
        self.setAccessibleName(self.tr("Results of each file"))
        self._actions["open"].setText(self.tr("Show in the Library"))
        self._actions["folder"].setText(self.tr("Open folder"))
        self._actions["row"].setText(self.tr("Copy row"))
        self._actions["recipe"].setText(self.tr("Copy recipe"))
        self._actions["sha"].setText(self.tr("Copy SHA-256"))
        self.viewport().update()
        self._measure()

    def set_rows(self, rows: list[Row]) -> None:
        """Args: rows: the first of them becomes the current one where none was chosen before."""
        self._telling = True
        self.results.set_rows(rows)
        self._telling = False
        evaluated = any(row.evaluated for row in rows)
        for column in EVALUATION:
            self.setColumnHidden(column, not evaluated)
        self.setColumnHidden(Column.RESULT, all(row.series == 0 for row in rows))
        self._measure()

    def current(self) -> Row | None:
        found: Row | None = self.currentIndex().data(ROW_ROLE)
        return found

    def choose(self, key: int) -> None:
        """Make this row the current one; says nothing."""
        line = self.results.row_of(key)
        if line < 0:
            return
        self._telling = True
        index, flags = self.results.index(line, Column.NAME), QItemSelectionModel.SelectionFlag
        self.selectionModel().setCurrentIndex(index, flags.ClearAndSelect | flags.Rows)
        bar = self.horizontalScrollBar()
        across = bar.value()
        self.scrollTo(index)
        bar.setValue(across)
        self._telling = False

    def _on_current_changed(self, current: QModelIndex, before: QModelIndex) -> None:
        row: Row | None = current.data(ROW_ROLE)
        if row is not None and not self._telling:
            self.row_chosen.emit(row.key)

    # --- columns ------------------------------------------------------------------------------

    def _measure(self) -> None:
        """How wide each column's longest text is, which for figures is the one with most signs."""
        header, rows = self.horizontalHeader(), self.results.rows
        metrics, caption = self.fontMetrics(), QFontMetrics(header.font())
        most = metrics.averageCharWidth() * _NAME_LETTERS
        self._widths = {}
        for column in Column:
            if self.isColumnHidden(column):
                continue
            texts = [text_of(row, column) for row in rows]
            if column not in (Column.NAME, Column.RESULT, Column.FILE):
                texts = [max(texts, key=len, default="")]
            widest = max((metrics.horizontalAdvance(text) for text in texts), default=0)
            if column in (Column.NAME, Column.RESULT):
                widest = min(widest, most)
            widest += mark_room(self._theme) if column is Column.NAME else 0
            title = str(self.results.headerData(column, Qt.Orientation.Horizontal))
            widest = max(widest, caption.horizontalAdvance(f"{title} ↓"))
            self._widths[column] = widest + 2 * PADDING + 4
        lines = min(max(1, len(rows)), _ROWS_SHOWN) * self.verticalHeader().defaultSectionSize()
        bar = self.horizontalScrollBar().sizeHint().height()
        self.setFixedHeight(header.height() + lines + bar + 2)
        self._fit_columns()

    def _fit_columns(self) -> None:
        """Each as wide as what it holds; files' names take what is left, or give way."""
        widths = dict(self._widths)
        if not widths:
            return
        least = self.fontMetrics().horizontalAdvance("n" * _FILE_LETTERS) + 2 * PADDING
        left = self.viewport().width() - sum(widths.values())
        widths[Column.FILE] = max(min(least, widths[Column.FILE]), widths[Column.FILE] + left)
        for column, width in widths.items():
            self.horizontalHeader().resizeSection(column, width)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_columns()

    # --- hands --------------------------------------------------------------------------------

    def _on_row_entered(self, index: QModelIndex) -> None:
        row: Row = index.data(ROW_ROLE)
        if row.path:
            self.open_asked.emit(row.path)

    def _on_menu_asked(self, index: QModelIndex, place: QPoint) -> None:
        row: Row = index.data(ROW_ROLE)
        for name in ("open", "folder"):
            self._actions[name].setEnabled(bool(row.path))
        self._actions["recipe"].setVisible(row.recipe is not None)
        self._actions["sha"].setVisible(row.sha256 is not None)
        self.menu.popup(place)

    def _on_action_triggered(self) -> None:
        row = self.current()
        if row is None:
            return
        name = next(name for name, action in self._actions.items() if action is self.sender())
        if name == "open" and row.path:
            self.open_asked.emit(row.path)
        elif name == "folder" and row.path:
            self.folder_asked.emit(row.path)
        elif name == "row":
            self.copy_row()
        elif name == "recipe":
            self._copy(json.dumps(row.recipe, ensure_ascii=False))
        elif name == "sha":
            self._copy(row.sha256 or "")

    def copy_row(self) -> None:
        """The current row with its columns' titles, tab-separated, as spreadsheets take it."""
        row = self.current()
        if row is None:
            return
        shown = [column for column in Column if not self.isColumnHidden(column)]
        titles = [str(self.results.headerData(c, Qt.Orientation.Horizontal)) for c in shown]
        lines = (titles, [text_of(row, column) for column in shown])
        self._copy("\n".join("\t".join(line) for line in lines) + "\n")

    def _copy(self, text: str) -> None:
        QGuiApplication.clipboard().setText(text)
        self.copied.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy_row()
            event.accept()
        else:
            super().keyPressEvent(event)
