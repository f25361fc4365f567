"""The files of one model: quant and size, whether it fits and how fast, what it loses, and how far
each is on its way here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QCoreApplication,
    QModelIndex,
    QObject,
    QRect,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QFontMetrics, QPainter, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QStyleOptionViewItem

from desktop.core.fit.candidates import FileOption
from desktop.core.fit.trial import Price
from desktop.ui import units
from desktop.ui.downloads.words import percent
from desktop.ui.price import words
from desktop.ui.tabs.discover.getting import Way
from desktop.ui.theme.icons import icon
from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.badge import badge_width, badge_word, paint_badge
from desktop.ui.widgets.tables import PADDING, Cells, DataTable, Index

_COLUMNS = 4
GET_COLUMN = 3
_NARROW = 6  # pixels beside what stands in it
_LINES_GAP = 3
LINES_ROLE = Qt.ItemDataRole.UserRole + 7  # both lines of a cell
VERDICT_ROLE = Qt.ItemDataRole.UserRole + 8
ICON_ROLE = Qt.ItemDataRole.UserRole + 9


class FilesModel(QAbstractTableModel):
    """One row a file; each cell has two lines."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._options: tuple[FileOption, ...] = ()
        self._prices: Mapping[str, Price] = {}
        self._vectors = False
        self._way: Callable[[str], Way] = lambda quant: Way("elsewhere")

    def set_files(
        self, options: tuple[FileOption, ...], *, vectors: bool, way: Callable[[str], Way]
    ) -> None:
        """Args: vectors: the model gives no text; way: how far a file is, by its quant."""
        self.beginResetModel()
        self._options, self._prices, self._vectors, self._way = options, {}, vectors, way
        self.endResetModel()

    def update_ways(self) -> None:
        """Some file is elsewhere on its way than before."""
        if self._options:
            last = self.index(len(self._options) - 1, _COLUMNS - 1)
            self.dataChanged.emit(self.index(0, 0), last)

    def way(self, row: int) -> Way:
        return self._way(self._options[row].quant_type)

    def set_prices(self, prices: Mapping[str, Price]) -> None:
        self._prices = prices
        last = self.index(len(self._options) - 1, _COLUMNS - 1)
        self.dataChanged.emit(self.index(0, 0), last)

    def option(self, row: int) -> FileOption:
        return self._options[row]

    def row_of(self, quant: str) -> int:
        return next((n for n, each in enumerate(self._options) if each.quant_type == quant), -1)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        return 0 if parent.isValid() else len(self._options)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return _COLUMNS

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return (
                QCoreApplication.translate("Discover", "File"),
                QCoreApplication.translate("Discover", "Here, tok/s"),
                QCoreApplication.translate("Discover", "Quality lost"),
                "",
            )[section]
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        option, column = self._options[index.row()], index.column()
        if role == LINES_ROLE:
            return self._lines(option, column)
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return ", ".join(part for part in self._lines(option, column) if part)
        if role == VERDICT_ROLE and column == 1:
            price = self._prices.get(option.quant_type)
            return "" if price is None else price.verdict or ""
        if role == ICON_ROLE and column == GET_COLUMN:
            return _ICONS.get(self.way(index.row()).kind, "")
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._tip(option, column)
        return None

    def _lines(self, option: FileOption, column: int) -> tuple[str, str]:
        price = self._prices.get(option.quant_type)
        if column == 0:
            mark = "~" if option.size.predicted else ""
            here = "✓ " if self._way(option.quant_type).is_here else ""
            return f"{here}{option.quant_type}", f"{mark}{units.size(option.size.value)}"
        if column == 1:
            if price is None:
                return "…", ""
            speed = price.speed.decode
            shown = speed is not None and price.verdict != "wont_fit"
            rate = words.rate(speed) if shown and speed is not None else ""
            if price.verdict is None:
                return QCoreApplication.translate("Discover", "Not known"), ""
            return badge_word(price.verdict), rate
        if column == GET_COLUMN:
            return _how_far(self._way(option.quant_type)), ""
        if option.loss is None or self._vectors:
            return "–", ""
        return words.loss_word(option.loss), words.loss_figure(option.loss)

    def _tip(self, option: FileOption, column: int) -> str:
        price = self._prices.get(option.quant_type)
        if column == 1 and price is not None:
            return words.binding(price)
        if column == GET_COLUMN:
            return _tip(self._way(option.quant_type), option)
        if column == 2 and option.loss is not None and not self._vectors:
            return words.loss_source(option.loss)
        return ", ".join(part for part in self._lines(option, column) if part)


_ICONS = {"remote": "download", "failed": "refresh"}


def _how_far(way: Way) -> str:
    """What stands in the last column where no icon does."""
    if way.kind == "asked":
        return "…"
    if way.download is None or way.kind != "under_way":
        return ""
    share = way.download.share
    return "…" if share is None else percent(share)


def _tip(way: Way, option: FileOption) -> str:
    translate = QCoreApplication.translate
    if way.kind == "remote":
        mark = "~" if option.size.predicted else ""
        text = translate("Discover", "Get {quant} · {size}")
        size = f"{mark}{units.size(option.size.value)}"
        return text.format(quant=option.quant_type, size=size)
    if way.kind == "failed":
        return translate("Discover", "Try again")
    if way.is_coming:
        return translate("Discover", "On its way here")
    return translate("Discover", "In your library") if way.is_here else ""


class _FileCells(Cells):
    """Two lines; in the second column the first one is the badge; in the last one an icon."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        metrics = self.table.fontMetrics()
        bold = QFontMetrics(self.theme.font(semibold=True, tabular=True))
        first, second = index.data(LINES_ROLE)
        verdict = index.data(VERDICT_ROLE)
        if index.column() == GET_COLUMN:
            wide = max(bold.horizontalAdvance("99 %"), self.theme.icon_side(18))
            return QSize(wide + 2 * _NARROW, 2 * metrics.height() + _LINES_GAP + 14)
        wide = badge_width(verdict, bold) if verdict else bold.horizontalAdvance(first)
        wide = max(wide, metrics.horizontalAdvance(second))
        return QSize(wide + 2 * PADDING + 2, 2 * metrics.height() + _LINES_GAP + 14)

    def content(self, painter: QPainter, rect: QRect, index: Index) -> None:
        if index.column() == GET_COLUMN:
            rect = rect.adjusted(_NARROW - PADDING, 0, PADDING - _NARROW, 0)
        if name := index.data(ICON_ROLE):
            side = self.theme.icon_side(18)
            left = rect.left() + (rect.width() - side) // 2
            top = rect.top() + (rect.height() - side) // 2
            icon(self.theme, name, "accent").paint(painter, left, top, side, side)
            return
        first, second = index.data(LINES_ROLE)
        if index.column() == GET_COLUMN:
            painter.setFont(self.theme.font(semibold=True, tabular=True))
            painter.setPen(self.theme.colour("accent"))
            painter.drawText(rect, int(Qt.AlignmentFlag.AlignCenter), first)
            return
        metrics = self.table.fontMetrics()
        height = metrics.height()
        whole = 2 * height + _LINES_GAP
        line = QRect(rect.left(), rect.top() + (rect.height() - whole) // 2, rect.width(), height)
        painter.setFont(self.theme.font(semibold=index.column() < 2, tabular=True))
        if verdict := index.data(VERDICT_ROLE):
            paint_badge(painter, QRectF(line), self.theme, verdict)
        else:
            self.text(painter, line, index, first)
        line.translate(0, height + _LINES_GAP)
        painter.setFont(self.table.font())
        painter.setPen(self.theme.colour("secondary"))
        side = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        shown = painter.fontMetrics().elidedText(second, Qt.TextElideMode.ElideRight, line.width())
        painter.drawText(line, side, shown)


class FilesTable(DataTable):
    """All files in sight: the panel scrolls, not the table.

    Signals:
        file_chosen: the quant type of the row that became the current one.
        get_asked: the quant type of a file to be downloaded: a click on its icon, or Enter.
    """

    file_chosen = Signal(str)
    get_asked = Signal(str)

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme)
        self._files = FilesModel(self)
        self.setObjectName("discover-files")
        self.setModel(self._files)
        self.setItemDelegate(_FileCells(theme, self))
        self.verticalHeader().setDefaultSectionSize(
            2 * self.fontMetrics().height() + _LINES_GAP + 14
        )
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.horizontalHeader().setSectionsClickable(False)
        self.selectionModel().currentRowChanged.connect(self._on_current_changed)
        self.row_clicked.connect(self._on_row_clicked)
        self.row_entered.connect(self._ask)
        self._files.modelReset.connect(self._fit)
        self._files.dataChanged.connect(self._fit)

    @property
    def files(self) -> FilesModel:
        return self._files

    def choose(self, quant: str) -> None:
        """Make this file the current one; tells it."""
        row = self._files.row_of(quant)
        if row >= 0:
            self.selectRow(row)

    def _on_current_changed(self, current: QModelIndex, before: QModelIndex) -> None:
        if current.isValid():
            self.file_chosen.emit(self._files.option(current.row()).quant_type)

    def _on_row_clicked(self, index: QModelIndex) -> None:
        if index.column() == GET_COLUMN:
            self._ask(index)

    def _ask(self, index: QModelIndex) -> None:
        if self._files.way(index.row()).kind in ("remote", "failed"):
            self.get_asked.emit(self._files.option(index.row()).quant_type)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """As high as its rows; columns as wide as they need, the rest to the second."""
        rows, header = self._files.rowCount(), self.horizontalHeader()
        height = rows * self.verticalHeader().defaultSectionSize() + header.height() + 2
        if height != self.height():
            self.setFixedHeight(height)
        option, delegate = QStyleOptionViewItem(), self.itemDelegate()
        widths = [header.sectionSizeHint(column) for column in range(_COLUMNS)]
        for column in range(_COLUMNS):
            for each in range(rows):
                hint = delegate.sizeHint(option, self._files.index(each, column))
                widths[column] = max(widths[column], hint.width())
        spare = self.viewport().width() - sum(widths)
        widths[1] = max(min(widths[1], 80), widths[1] + spare)
        for column, width in enumerate(widths):
            self.setColumnWidth(column, width)
