"""The messages of a branch in a column. What is out of sight is made when one scrolls near it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QApplication, QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from desktop.ui.i18n import Translated
from desktop.ui.messages import Message
from desktop.ui.tabs.chat.branches import Shown
from desktop.ui.tabs.chat.message import AnswerMessage, MessageView, UserMessage
from desktop.ui.theme.theme import Theme

Json = dict[str, Any]
COLUMN_WIDTH = 760
_BUDGET_SECONDS = 0.012
_FIRST_MOST = 12  # made at once at the end; the rest follows
_NEAR_BOTTOM = 24


class Thread(Translated, QScrollArea):
    """Args: words: what a person reads of a message's error."""

    branch_asked = Signal(int)
    regenerate_asked = Signal(int)
    resend_asked = Signal(int, str)
    cancel_load_asked = Signal()

    def __init__(self, theme: Theme, words: Callable[[Json], Message]) -> None:
        super().__init__()
        self._theme, self._words = theme, words
        self._branch: list[Shown] = []
        self._views: list[MessageView] = []  # of the end of the branch
        self._stick = True
        self._moving = False
        self._above = False  # messages are being added above what is seen
        self._load: tuple[str, str, float | None] | None = None
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        inner = QWidget()
        inner.setAutoFillBackground(False)
        self._column = QVBoxLayout()
        self._column.setSpacing(16)
        self._column.addStretch(1)
        side = QHBoxLayout(inner)
        side.setContentsMargins(8, 8, 16, 8)
        middle = QWidget()
        middle.setMaximumWidth(COLUMN_WIDTH)
        middle.setLayout(self._column)
        self._column.setContentsMargins(0, 0, 0, 0)
        side.addStretch(1)
        side.addWidget(middle, 1000)
        side.addStretch(1)
        self.setWidget(inner)
        self.viewport().setAutoFillBackground(False)
        inner.setAutoFillBackground(False)
        self._bar = self.verticalScrollBar()
        self._bar.rangeChanged.connect(self._on_range_changed)
        self._bar.valueChanged.connect(self._on_value_changed)
        self._from_bottom = 0
        self._filler = QTimer(self)
        self._filler.setSingleShot(True)
        self._filler.setInterval(0)
        self._filler.timeout.connect(self._fill)
        self._calm = QTimer(self)
        self._calm.setSingleShot(True)
        self._calm.setInterval(40)
        self._calm.timeout.connect(self._on_calm)
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
        self._branch = branch
        places = {shown.message["id"]: index for index, shown in enumerate(branch)}
        keep = 0
        first = places.get(self._views[0].message["id"]) if self._views and not fresh else None
        if first is not None:
            ids = [shown.message["id"] for shown in branch[first:]]
            for view, wanted in zip(self._views, ids, strict=False):
                if view.message["id"] != wanted:
                    break
                keep += 1
        self._drop(keep)
        if keep == 0:
            first = max(0, len(branch) - _FIRST_MOST)
            self._stick = True
        assert first is not None
        for index in range(first, first + keep):
            self._refresh(self._views[index - first], branch[index])
        for shown in branch[first + keep :]:
            self._add(shown, len(self._views))
        self._mark_last()
        self._apply_load()
        self._filler.start()

    def to_bottom(self) -> None:
        """Stay at the end from now on."""
        self._stick = True
        self._bar.setValue(self._bar.maximum())

    def update_message(self, branch: list[Shown], message: Json) -> None:
        """One message is another; what is around it stays as it is."""
        self._branch = branch
        view = self._view_of(message["id"])
        shown = next((s for s in branch if s.message["id"] == message["id"]), None)
        if view is not None and shown is not None:
            self._refresh(view, shown)
            self._apply_load()

    def grow(self, message_id: int, text: str, reasoning: str) -> None:
        view = self._view_of(message_id)
        if isinstance(view, AnswerMessage):
            view.grow(text, reasoning)

    def show_load(self, load: tuple[str, str, float | None] | None) -> None:
        """Args: load: model, stage and progress of a load that goes on."""
        self._load = load
        self._apply_load()

    def _apply_load(self) -> None:
        view = self._views[-1] if self._views else None
        if isinstance(view, AnswerMessage) and view.message["state"] == "waiting":
            mine = self._load is not None and self._load[0] == view.message["model_id"]
            if mine and self._load is not None:
                view.show_load(self._load[1], self._load[2])
            else:
                view.show_load(None, None)

    def edit_last(self) -> None:
        """Change the newest message of the person (arrow up in an empty composer)."""
        for view in reversed(self._views):
            if isinstance(view, UserMessage):
                view.edit()
                return

    def _view_of(self, message_id: int) -> MessageView | None:
        found = (view for view in reversed(self._views) if view.message["id"] == message_id)
        return next(found, None)

    def _refresh(self, view: MessageView, shown: Shown) -> None:
        if isinstance(view, AnswerMessage):
            error = shown.message.get("error")
            view.set_message(shown, self._words(error) if error else None)
        else:
            view.shown = shown
            view.show_actions()

    def _add(self, shown: Shown, index: int) -> None:
        user = shown.message["role"] == "user"
        view: MessageView = (UserMessage if user else AnswerMessage)(self._theme, shown)
        view.branch_asked.connect(self.branch_asked)
        view.regenerate_asked.connect(self.regenerate_asked)
        view.resend_asked.connect(self.resend_asked)
        view.cancel_load_asked.connect(self.cancel_load_asked)
        if shown.message.get("error"):
            self._refresh(view, shown)
        self._views.insert(index, view)
        self._column.insertWidget(index, view)

    def _drop(self, first: int) -> None:
        for view in self._views[first:]:
            self._column.removeWidget(view)
            view.hide()
            view.deleteLater()
        del self._views[first:]

    def _mark_last(self) -> None:
        for view in self._views[-4:]:
            view.set_last(view is self._views[-1])

    # --- scrolling ----------------------------------------------------------------------------

    def _fill(self) -> None:
        """Make messages above while the end of what is made is near."""
        missing = len(self._branch) - len(self._views)
        near = self._bar.value() < self.viewport().height() * 2
        if missing <= 0 or not near:
            return
        self._above = True
        self._from_bottom = self._bar.maximum() - self._bar.value()
        end = time.monotonic() + _BUDGET_SECONDS
        while missing > 0 and time.monotonic() < end:
            missing -= 1
            self._add(self._branch[missing], 0)
        self._calm.start()

    def _on_calm(self) -> None:
        self._above = False
        self._filler.start()

    def _on_range_changed(self, low: int, high: int) -> None:
        if self._stick or self._above:
            self._moving = True
            self._bar.setValue(high if self._stick else high - self._from_bottom)
            self._moving = False

    def _on_value_changed(self, value: int) -> None:
        if self._moving:
            return
        self._stick = value >= self._bar.maximum() - _NEAR_BOTTOM
        self._from_bottom = self._bar.maximum() - value
        if not self._above:
            self._filler.start()

    def _on_focus_changed(self, old: QWidget | None, new: QWidget | None) -> None:
        for view in self._views:
            if view in (old, new) or any(
                each is not None and view.isAncestorOf(each) for each in (old, new)
            ):
                view.show_actions()
