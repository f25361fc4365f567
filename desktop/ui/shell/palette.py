"""The command palette: Ctrl+K, a few letters, Enter."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QEvent,
    QModelIndex,
    QObject,
    QRect,
    QSize,
    Qt,
    QTimer,
)
from PySide6.QtGui import QKeyEvent, QKeySequence, QPainter, QPalette
from PySide6.QtWidgets import (
    QFrame,
    QLineEdit,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from desktop.core.client.client import Client
from desktop.ui.context import Context
from desktop.ui.i18n import Translated
from desktop.ui.shell.commands import Command, Commands, matching
from desktop.ui.theme.icons import icon
from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.base import GAP, RADIUS, Surface, Text
from desktop.ui.widgets.tables import Index

_WIDTH, _FROM_TOP, _MOST_ROWS = 560, 72, 9
_SEARCH_MS = 150
_COMMAND = Qt.ItemDataRole.UserRole


class _Model(QAbstractListModel):
    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.commands: list[Command] = []

    def show(self, commands: list[Command]) -> None:
        self.beginResetModel()
        self.commands = commands
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.commands)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        command = self.commands[index.row()]
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return command.title
        return command if role == _COMMAND else None


class _Delegate(QStyledItemDelegate):
    """Icon, title, and the hint on the right."""

    def __init__(self, theme: Theme, parent: QObject) -> None:
        super().__init__(parent)
        self._theme = theme

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(120, max(36, option.fontMetrics.height() + 16))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        theme, command = self._theme, index.data(_COMMAND)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        if selected or option.state & QStyle.StateFlag.State_MouseOver:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.colour("tint" if selected else "hover"))
            painter.drawRoundedRect(option.rect, RADIUS, RADIUS)
        side = theme.icon_side(16)
        inner = option.rect.adjusted(12, 0, -12, 0)
        top = inner.top() + (inner.height() - side) // 2
        icon(theme, command.icon, "accent" if selected else "secondary").paint(
            painter, inner.left(), top, side, side
        )
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.setFont(theme.font(-1))
        painter.setPen(theme.colour("secondary"))
        hint = QKeySequence(command.hint).toString(QKeySequence.SequenceFormat.NativeText)
        hint = hint or command.hint
        hint_width = painter.fontMetrics().horizontalAdvance(hint)
        painter.drawText(inner, int(middle | Qt.AlignmentFlag.AlignRight), hint)
        painter.setFont(theme.font())
        painter.setPen(theme.colour("text"))
        room = QRect(inner)
        room.setLeft(inner.left() + side + 12)
        room.setRight(inner.right() - hint_width - 16)
        title = painter.fontMetrics().elidedText(
            command.title, Qt.TextElideMode.ElideRight, room.width()
        )
        painter.drawText(room, int(middle | Qt.AlignmentFlag.AlignLeft), title)
        painter.restore()


class Palette(Translated, Surface):
    """Lies over the window while it is open; what had the keyboard before gets it back."""

    def __init__(self, context: Context, commands: Commands, over: QWidget) -> None:
        super().__init__(context.theme, token="raised", line="line_strong", padding=8, parent=over)
        self._context, self._commands, self._over = context, commands, over
        self._models: list[dict[str, Any]] = []
        self._conversations: list[Command] = []
        self._asked = 0
        self._before: QWidget | None = None
        self._filled = ""  # the query whose lines are shown
        self.field = QLineEdit()
        self.field.setFrame(False)
        self.field.textEdited.connect(self._on_edited)
        self.field.returnPressed.connect(self._on_return)
        self.field.installEventFilter(self)
        self._model = _Model(self)
        self.list = QListView()
        self.list.setFrameShape(QFrame.Shape.NoFrame)
        self.list.setModel(self._model)
        self.list.setItemDelegate(_Delegate(context.theme, self))
        self.list.setMouseTracking(True)
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setUniformItemSizes(True)
        self.list.clicked.connect(self._on_return)
        self._nothing = Text(context.theme, token="secondary")
        self._nothing.setContentsMargins(12, GAP, 12, GAP)
        for each in (self.field, self._nothing, self.list):
            self.body.addWidget(each)
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(_SEARCH_MS)
        self._later.timeout.connect(self._search)
        over.installEventFilter(self)
        context.theme.changed.connect(self._style)
        self._style()
        self.hide()
        self.retranslate()

    def retranslate(self) -> None:
        self.setAccessibleName(self.tr("Commands"))
        self.field.setPlaceholderText(self.tr("Go to, load, search conversations…"))
        self.field.setAccessibleName(self.tr("Search commands and conversations"))
        self.list.setAccessibleName(self.tr("Commands"))
        self._nothing.setText(self.tr("Nothing found"))
        if self.isVisible():
            self._fill()

    def _style(self) -> None:
        theme = self._context.theme
        self.field.setFont(theme.font(1))
        for widget in (self.field, self.list):
            palette = widget.palette()
            palette.setColor(QPalette.ColorRole.Base, theme.colour("raised"))
            palette.setColor(QPalette.ColorRole.PlaceholderText, theme.colour("secondary"))
            widget.setPalette(palette)

    # --- opening and closing ------------------------------------------------------------------

    def toggle(self) -> None:
        if self.isVisible():
            self.close_up()
        else:
            self.open_up()

    def open_up(self) -> None:
        self._before = self.window().focusWidget()
        self._conversations = []
        self.field.clear()
        self._fill()
        self.show()
        self.raise_()
        self.field.setFocus(Qt.FocusReason.ShortcutFocusReason)
        if self._context.state.online:
            self._context.ask(Client.models, self._on_models, self._on_silence)

    def close_up(self) -> None:
        self._later.stop()
        self._asked += 1
        had_focus = self.field.hasFocus()
        self.hide()
        if had_focus and self._before is not None:
            self._before.setFocus(Qt.FocusReason.OtherFocusReason)
        self._before = None

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        kind = event.type()
        if watched is self.field:
            if isinstance(event, QKeyEvent) and kind == QEvent.Type.KeyPress:
                return self._take_key(event)
            if kind == QEvent.Type.FocusOut and self.isVisible():
                self.close_up()
        elif watched is self._over and kind == QEvent.Type.Resize and self.isVisible():
            self._place()
        return False

    def _take_key(self, event: QKeyEvent) -> bool:
        steps = {
            Qt.Key.Key_Down: 1,
            Qt.Key.Key_Up: -1,
            Qt.Key.Key_PageDown: _MOST_ROWS,
            Qt.Key.Key_PageUp: -_MOST_ROWS,
        }
        key = Qt.Key(event.key())
        if key == Qt.Key.Key_Escape:
            self.close_up()
        elif key in steps and self._model.commands:
            last = len(self._model.commands) - 1
            row = self.list.currentIndex().row() + steps[key]
            self.list.setCurrentIndex(self._model.index(min(last, max(0, row))))
        else:
            return False
        return True

    # --- what is found ------------------------------------------------------------------------

    def _on_models(self, found: list[dict[str, Any]]) -> None:
        self._models = found
        if self.isVisible():
            self._fill()

    def _on_silence(self, error: object) -> None:
        """Without the service its models are not offered; the window says so elsewhere."""

    def _on_edited(self) -> None:
        self._fill()
        self._later.start()

    def _search(self) -> None:
        query = self.field.text().strip()
        self._asked += 1
        if not query or not self._context.state.online:
            self._on_found(self._asked, [])
            return
        done: Callable[[list[dict[str, Any]]], None] = functools.partial(
            self._on_found, self._asked
        )
        self._context.ask(lambda client: client.conversations(query), done, self._on_silence)

    def _on_found(self, number: int, found: list[dict[str, Any]]) -> None:
        if number == self._asked:
            self._conversations = self._commands.of_conversations(found[:20])
            self._fill()

    def _fill(self) -> None:
        query = self.field.text()
        chosen = self.list.currentIndex().row() if query == self._filled else 0
        self._filled = query
        found = matching(self._commands.now(self._models), query)
        # The service has looked into the messages too: not every title holds the words.
        self._model.show([*found, *(self._conversations if query.strip() else [])])
        rows = len(self._model.commands)
        self.list.setCurrentIndex(self._model.index(min(max(chosen, 0), rows - 1)))
        self.list.setVisible(rows > 0)
        self._nothing.setVisible(rows == 0)
        self._place()

    def _place(self) -> None:
        rows = min(_MOST_ROWS, max(1, len(self._model.commands)))
        self.list.setFixedHeight(rows * max(36, self.list.fontMetrics().height() + 16) + 2)
        width = min(_WIDTH, self._over.width() - 48)
        self.setFixedWidth(width)
        self.adjustSize()
        self.move((self._over.width() - width) // 2, _FROM_TOP)

    def _on_return(self) -> None:
        index = self.list.currentIndex()
        if index.isValid():
            command: Command = index.data(_COMMAND)
            self.close_up()
            command.run()
