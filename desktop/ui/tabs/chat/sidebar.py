"""The list of conversations: search on top, F2 renames, Delete puts aside."""

from __future__ import annotations

import time
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QDateTime,
    QLocale,
    QModelIndex,
    QPersistentModelIndex,
    QRect,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QFontMetrics, QKeyEvent, QPainter, QPalette
from PySide6.QtWidgets import (
    QFrame,
    QLineEdit,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from desktop.ui.i18n import Translated
from desktop.ui.theme.icons import icon
from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.base import GAP, RADIUS, Text

Json = dict[str, Any]
_ANY = QModelIndex | QPersistentModelIndex
CONVERSATION = Qt.ItemDataRole.UserRole


class ConversationsModel(QAbstractListModel):
    """The conversations as rows; a title that was edited is told, not set."""

    renamed = Signal(int, str)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.rows: list[Json] = []

    def set_rows(self, rows: list[Json]) -> None:
        if [row["id"] for row in rows] == [row["id"] for row in self.rows]:
            self.rows = list(rows)
            if rows:
                self.dataChanged.emit(self.index(0), self.index(len(rows) - 1))
            return
        self.beginResetModel()
        self.rows = list(rows)
        self.endResetModel()

    def row_of(self, conversation_id: int | None) -> int:
        return next((n for n, row in enumerate(self.rows) if row["id"] == conversation_id), -1)

    def rowCount(self, parent: _ANY = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.rows)

    def data(self, index: _ANY, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row = self.rows[index.row()]
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.EditRole):
            return row["title"]
        return row if role == CONVERSATION else None

    def flags(self, index: _ANY) -> Qt.ItemFlag:
        return super().flags(index) | Qt.ItemFlag.ItemIsEditable

    def setData(self, index: _ANY, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        row, title = self.rows[index.row()], " ".join(str(value).split())
        if not title or title == row["title"]:
            return False
        self.rows[index.row()] = {**row, "title": title}
        self.renamed.emit(row["id"], title)
        return True


class _Delegate(QStyledItemDelegate):
    """Title over the last words, and when."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme

    def _heights(self) -> tuple[int, int]:
        """Of the title's line and of the one below it, whatever letters they hold."""
        theme = self._theme
        return (
            QFontMetrics(theme.font(semibold=True)).height(),
            QFontMetrics(theme.font(-1)).height(),
        )

    def sizeHint(self, option: QStyleOptionViewItem, index: _ANY) -> QSize:
        return QSize(120, sum(self._heights()) + 22)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _ANY) -> None:
        theme, row = self._theme, index.data(CONVERSATION)
        state = option.state
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = option.rect.adjusted(0, 1, -4, -1)
        selected = bool(state & QStyle.StateFlag.State_Selected)
        if selected or state & QStyle.StateFlag.State_MouseOver:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.colour("tint" if selected else "hover"))
            painter.drawRoundedRect(box, RADIUS, RADIUS)
        if state & QStyle.StateFlag.State_HasFocus and selected:
            painter.setPen(theme.colour("accent"))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(box, RADIUS, RADIUS)
        inner = box.adjusted(12, 8, -12, -8)
        # A line with Japanese in it is taller than the font says: nothing is cut off.
        middle = int(Qt.AlignmentFlag.AlignVCenter) | int(Qt.TextFlag.TextDontClip)
        painter.setFont(theme.font(-1, tabular=True))
        small = painter.fontMetrics()
        when = _when(row["updated"])
        when_width = small.horizontalAdvance(when)
        painter.setPen(theme.colour("secondary"))
        title_height, small_height = self._heights()
        half = QRect(inner.left(), inner.top(), inner.width(), title_height)
        painter.drawText(half, middle | int(Qt.AlignmentFlag.AlignRight), when)
        lower = QRect(inner.left(), half.bottom() + 3, inner.width(), small_height)
        elide = Qt.TextElideMode.ElideRight
        preview = small.elidedText(row["preview"][:200], elide, lower.width())
        painter.drawText(lower, middle | int(Qt.AlignmentFlag.AlignLeft), preview)
        painter.setFont(theme.font(semibold=selected))
        painter.setPen(theme.colour("text"))
        title = painter.fontMetrics().elidedText(
            row["title"][:200], elide, half.width() - when_width - 8
        )
        painter.drawText(half, middle | int(Qt.AlignmentFlag.AlignLeft), title)
        painter.restore()


def _when(seconds: float) -> str:
    """The time of today, the day of this year, else the date."""
    locale, moment = QLocale(), QDateTime.fromSecsSinceEpoch(int(seconds))
    now = time.localtime()
    if moment.date().toPython() == QDateTime.currentDateTime().date().toPython():
        return moment.toString("HH:mm")
    if moment.date().year() == now.tm_year:
        return moment.toString("MM-dd")
    return locale.toString(moment.date(), QLocale.FormatType.ShortFormat)


class _List(QListView):
    delete_pressed = Signal()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Delete and self.currentIndex().isValid():
            self.delete_pressed.emit()
        else:
            super().keyPressEvent(event)


class Sidebar(Translated, QWidget):
    """Emits what is wanted; shows `set_rows`."""

    searched = Signal(str)
    chosen = Signal(int)
    renamed = Signal(int, str)
    delete_asked = Signal(int)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._current: int | None = None
        self.search = QLineEdit()
        self.search.setClearButtonEnabled(True)
        self._find = self.search.addAction(
            icon(theme, "search"), QLineEdit.ActionPosition.LeadingPosition
        )
        self.search.textChanged.connect(self.searched)
        self.model = ConversationsModel(self)
        self.model.renamed.connect(self.renamed)
        self.list = _List()
        self.list.setModel(self.model)
        self.list.setItemDelegate(_Delegate(theme, self.list))
        self.list.setFrameShape(QFrame.Shape.NoFrame)
        self.list.setUniformItemSizes(True)
        self.list.setMouseTracking(True)
        self.list.setEditTriggers(
            QListView.EditTrigger.DoubleClicked | QListView.EditTrigger.EditKeyPressed
        )
        self.list.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.list.clicked.connect(self._on_list_clicked)
        self.list.activated.connect(self._on_list_clicked)
        self.list.delete_pressed.connect(self._on_delete_pressed)
        self._empty = Text(theme, role="caption", wrap=True)
        self._empty.setContentsMargins(4, 4, 4, 4)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GAP)
        layout.addWidget(self.search)
        layout.addWidget(self._empty)
        layout.addWidget(self.list, 1)
        theme.changed.connect(self._on_theme_changed)
        self._on_theme_changed()
        self._empty.hide()
        self.retranslate()

    def retranslate(self) -> None:
        self.search.setPlaceholderText(self.tr("Search conversations"))
        self.search.setAccessibleName(self.tr("Search conversations"))
        self.list.setAccessibleName(self.tr("Conversations"))
        self._set_empty_text()

    def _on_theme_changed(self) -> None:
        palette = self.list.palette()
        palette.setColor(QPalette.ColorRole.Base, self._theme.colour("window"))
        self.list.setPalette(palette)

    def set_rows(self, rows: list[Json]) -> None:
        self.model.set_rows(rows)
        self._empty.setVisible(not rows)
        self._set_empty_text()
        self.set_current(self._current)

    def _set_empty_text(self) -> None:
        searching = bool(self.search.text().strip())
        self._empty.setText(
            self.tr("Nothing holds these words.")
            if searching
            else self.tr("Conversations are kept here.")
        )

    def set_current(self, conversation_id: int | None) -> None:
        self._current = conversation_id
        row = self.model.row_of(conversation_id)
        index = self.model.index(row) if row >= 0 else QModelIndex()
        if index != self.list.currentIndex():
            self.list.setCurrentIndex(index)
        if row < 0:
            self.list.clearSelection()

    def _on_list_clicked(self, index: QModelIndex) -> None:
        conversation = index.data(CONVERSATION)
        if conversation is not None and conversation["id"] != self._current:
            self.chosen.emit(conversation["id"])

    def _on_delete_pressed(self) -> None:
        self.delete_asked.emit(self.list.currentIndex().data(CONVERSATION)["id"])
