"""The list of conversations: what is in it, in which order, and what is done to one of them."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from desktop.core.client.client import Client
from desktop.core.files import write_atomic
from desktop.ui.context import Context

Json = dict[str, Any]
_SEARCH_MS = 200


class Listing(QObject):
    """Signals:
    changed: the conversations in the list are others, or in another order.
    conversation_changed: one of them, as it is now.
    deleted: id and title of a conversation that was put aside.
    """

    changed = Signal()
    conversation_changed = Signal(dict)
    deleted = Signal(int, str)

    def __init__(self, context: Context, parent: QObject) -> None:
        super().__init__(parent)
        self._context = context
        self.conversations: list[Json] = []
        self.read = False
        self._query = ""
        self._asked = 0  # counts, so that a late answer to an earlier question is dropped
        self._typing = QTimer(self)
        self._typing.setSingleShot(True)
        self._typing.setInterval(_SEARCH_MS)
        self._typing.timeout.connect(self.refresh)
        context.state.conversations_changed.connect(self.take)

    @property
    def query(self) -> str:
        return self._query.strip()

    def search(self, query: str) -> None:
        self._query = query
        self._typing.start()

    def hide(self) -> None:
        self._typing.stop()

    def refresh(self) -> None:
        query = self._query
        self._asked += 1
        done = functools.partial(self._on_listed, self._asked)
        self._context.ask(lambda client: client.conversations(query), done)

    def _on_listed(self, number: int, found: list[Json]) -> None:
        if number == self._asked:
            self.read = True
            self.conversations = found
            self.changed.emit()

    def take(self, fresh: Json) -> None:
        """A conversation as it is now, by an event or as the answer to a call."""
        found = [each for each in self.conversations if each["id"] != fresh["id"]]
        was_there = len(found) < len(self.conversations)
        if fresh.get("deleted") is None and (was_there or not self.query):
            found.append(fresh)
            found.sort(key=lambda each: (each["updated"], each["id"]), reverse=True)
        self.conversations = found
        self.changed.emit()
        self.conversation_changed.emit(fresh)

    def rename(self, conversation_id: int, title: str) -> None:
        self._context.ask(lambda client: client.change_conversation(conversation_id, title=title))

    def delete(self, conversation_id: int) -> None:
        def done(conversation: Json) -> None:
            self.take(conversation)
            self.deleted.emit(conversation_id, conversation.get("title", ""))

        self._context.ask(lambda client: client.delete_conversation(conversation_id), done)

    def restore(self, conversation_id: int) -> None:
        self._context.ask(lambda client: client.restore_conversation(conversation_id), self.take)

    def export(self, conversation_id: int, path: str) -> None:
        """Write a conversation to a file; its ending says the form."""
        target = Path(path)
        form = "json" if target.suffix.lower() == ".json" else "md"

        def work(client: Client) -> None:
            text = client.export_conversation(conversation_id, form)["text"]
            write_atomic(target, text.encode())

        self._context.ask(work)
