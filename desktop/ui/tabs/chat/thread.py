"""The messages of a branch in a column that scrolls and stays where the reader is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QApplication, QFrame, QScrollArea, QWidget

from desktop.ui.i18n import Translated
from desktop.ui.messages import Message
from desktop.ui.tabs.chat.branches import Shown
from desktop.ui.tabs.chat.message import FIRST_CHARS, AnswerMessage, MessageView, UserMessage
from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.column import Anchor, Column

Json = dict[str, Any]
COLUMN_WIDTH = 760
_NEAR_BOTTOM = 24
_TOP, _LEFT, _RIGHT = 8, 8, 16


class Messages(Column):
    """The column: a view of each message near what is seen."""

    branch_asked = Signal(int)
    regenerate_asked = Signal(int)
    resend_asked = Signal(int, str)
    cancel_load_asked = Signal()

    def __init__(self, theme: Theme, words: Callable[[Json], Message], parent: QWidget) -> None:
        super().__init__(16, parent)
        self._theme, self._words = theme, words
        self._branch: list[Shown] = []
        self._opened: dict[int, int] = {}  # of each message, what its last view had opened
        self._load: tuple[str, str, float | None] | None = None

    def show_branch(self, branch: list[Shown], *, fresh: bool) -> None:
        """Messages that stay are not made again."""
        before, self._branch = self._branch, branch
        if fresh:
            self._opened.clear()
        ids = [shown.message["id"] for shown in branch]
        keep = 0
        while not fresh and keep < min(len(before), len(ids)):
            if before[keep].message["id"] != ids[keep]:
                break
            keep += 1
        for index in range(keep):
            self._refresh(index)
        self.set_count(len(branch), keep)
        self._mark_last()

    def update_message(self, branch: list[Shown], message_id: int) -> None:
        self._branch = branch
        for index in reversed(range(len(branch))):
            if branch[index].message["id"] == message_id:
                self._refresh(index)
                return

    def show_load(self, load: tuple[str, str, float | None] | None) -> None:
        self._load = load
        if self.count:
            self._apply_load(self.count - 1)

    def last_of_person(self) -> int | None:
        """The place of the newest message that a person wrote."""
        places = reversed(range(len(self._branch)))
        return next((i for i in places if self._branch[i].message["role"] == "user"), None)

    def view_of(self, message_id: int) -> MessageView | None:
        """The view of a message, while there is one."""
        for view in reversed(self.views()):
            if view.message["id"] == message_id:
                return view
        return None

    def views(self) -> list[MessageView]:
        """Those that exist now, from the top."""
        return [view for view in self.widgets() if isinstance(view, MessageView)]

    # --- the column's own questions -----------------------------------------------------------

    def make(self, index: int) -> QWidget:
        shown = self._branch[index]
        user = shown.message["role"] == "user"
        view: MessageView = (UserMessage if user else AnswerMessage)(self._theme, shown)
        view.branch_asked.connect(self.branch_asked)
        view.regenerate_asked.connect(self.regenerate_asked)
        view.resend_asked.connect(self.resend_asked)
        view.cancel_load_asked.connect(self.cancel_load_asked)
        self._show(view, shown)
        view.open_up(self._opened.get(shown.message["id"], 0))
        view.set_last(index == len(self._branch) - 1)
        if view.is_last:
            self._apply_load_to(view)
        return view

    def estimate(self, index: int, width: int) -> int:
        message = self._branch[index].message
        chars = len(message["content"])
        if message["role"] == "user":
            chars = min(chars, FIRST_CHARS)
        return 72 + 22 * (chars * 7 // max(width, 70))

    def may_let_go(self, index: int, widget: QWidget) -> bool:
        assert isinstance(widget, MessageView)
        if widget.in_hand or widget.is_last:
            return False
        self._opened[widget.message["id"]] = widget.opened
        return True

    # --- views --------------------------------------------------------------------------------

    def _refresh(self, index: int) -> None:
        view = self.widget(index)
        if isinstance(view, MessageView):
            self._show(view, self._branch[index])
            self._apply_load_to(view)

    def _show(self, view: MessageView, shown: Shown) -> None:
        if isinstance(view, AnswerMessage):
            error = shown.message.get("error")
            view.set_message(shown, self._words(error) if error else None)
        else:
            view.shown = shown
            view.show_actions()

    def _mark_last(self) -> None:
        for view in self.views():
            last = view.message["id"] == self._branch[-1].message["id"]
            if last != view.is_last:
                view.set_last(last)

    def _apply_load(self, index: int) -> None:
        view = self.widget(index)
        if isinstance(view, MessageView):
            self._apply_load_to(view)

    def _apply_load_to(self, view: MessageView) -> None:
        if isinstance(view, AnswerMessage) and view.message["state"] == "waiting":
            if self._load is not None and self._load[0] == view.message["model_id"]:
                view.show_load(self._load[1], self._load[2])
            else:
                view.show_load(None, None)


class Thread(Translated, QScrollArea):
    """Args: words: what a person reads of a message's error."""

    branch_asked = Signal(int)
    regenerate_asked = Signal(int)
    resend_asked = Signal(int, str)
    cancel_load_asked = Signal()

    def __init__(self, theme: Theme, words: Callable[[Json], Message]) -> None:
        super().__init__()
        self._stick = True
        self._moving = False
        self._anchor: Anchor = (0, 0)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._inner = QWidget()
        self.messages = Messages(theme, words, self._inner)
        self.messages.branch_asked.connect(self.branch_asked)
        self.messages.regenerate_asked.connect(self.regenerate_asked)
        self.messages.resend_asked.connect(self.resend_asked)
        self.messages.cancel_load_asked.connect(self.cancel_load_asked)
        self.messages.moved.connect(self._on_moved)
        self.setWidget(self._inner)
        self._inner.setAutoFillBackground(False)
        self.viewport().setAutoFillBackground(False)
        self._bar = self.verticalScrollBar()
        self._bar.valueChanged.connect(self._on_value_changed)
        self._bar.rangeChanged.connect(self._on_range_changed)
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        application.focusChanged.connect(self._on_focus_changed)
        self.retranslate()

    def retranslate(self) -> None:
        self.setAccessibleName(self.tr("Messages"))

    # --- what is shown ------------------------------------------------------------------------

    def show_branch(self, branch: list[Shown], *, fresh: bool) -> None:
        """Show a branch; messages that stay are not made again.

        Args:
            fresh: it is another conversation: begin at its end.
        """
        if fresh:
            self._stick = True
        self.messages.show_branch(branch, fresh=fresh)

    def to_bottom(self) -> None:
        """Stay at the end from now on."""
        self._stick = True
        self._bar.setValue(self._bar.maximum())

    def update_message(self, branch: list[Shown], message: Json) -> None:
        """One message is another; what is around it stays as it is."""
        self.messages.update_message(branch, message["id"])

    def grow(self, message_id: int, text: str, reasoning: str) -> None:
        view = self.messages.view_of(message_id)
        if isinstance(view, AnswerMessage):
            view.grow(text, reasoning)

    def show_load(self, load: tuple[str, str, float | None] | None) -> None:
        """Args: load: model, stage and progress of a load that goes on."""
        self.messages.show_load(load)

    def edit_last(self) -> None:
        """Change the newest message of the person (arrow up in an empty composer)."""
        index = self.messages.last_of_person()
        if index is None:
            return
        if self.messages.widget(index) is None:
            self._bar.setValue(self.messages.place((index, 0)))
        view = self.messages.widget(index)
        if isinstance(view, UserMessage):
            view.edit()

    # --- scrolling ----------------------------------------------------------------------------

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        room = self.viewport().width() - _LEFT - _RIGHT
        width = max(1, min(COLUMN_WIDTH, room))
        left = _LEFT + (room - width) // 2
        self.messages.setGeometry(left, _TOP, width, self.messages.heightForWidth(width))
        self._on_moved()

    def _on_moved(self) -> None:
        """Heights changed: what the reader sees stays where it is."""
        view, messages = self.viewport(), self.messages
        total = messages.heightForWidth(messages.width())
        messages.resize(messages.width(), total)
        self._moving = True
        self._inner.resize(view.width(), total + 2 * _TOP)
        self._moving = False
        self._stay()

    def _on_range_changed(self) -> None:
        if not self._moving:
            self._stay()

    def _stay(self) -> None:
        self._moving = True
        place = self.messages.place(self._anchor) + _TOP
        self._bar.setValue(self._bar.maximum() if self._stick else place)
        self._moving = False
        self._look()

    def _on_value_changed(self, value: int) -> None:
        if not self._moving:
            self._stick = value >= self._bar.maximum() - _NEAR_BOTTOM
            self._look()

    def _look(self) -> None:
        top = self._bar.value() - _TOP
        self._anchor = self.messages.anchor(top)  # what is made now may move it
        self.messages.look(top, top + self.viewport().height())
        self._anchor = self.messages.anchor(self._bar.value() - _TOP)

    def _on_focus_changed(self, old: QWidget | None, new: QWidget | None) -> None:
        for view in self.messages.views():
            if view in (old, new) or any(
                each is not None and view.isAncestorOf(each) for each in (old, new)
            ):
                view.show_actions()
