"""The chat's presenter: asks the service, keeps what is shown, tells the view what changed."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

from PySide6.QtCore import QCoreApplication, QObject, QTimer, Signal

from desktop.core.client.client import Client
from desktop.core.errors import AppError
from desktop.core.files import write_atomic
from desktop.ui.context import Context
from desktop.ui.messages import Message, message
from desktop.ui.tabs.chat.branches import UNFINISHED, Shown, Tree, context_used
from desktop.ui.tabs.chat.follow import Follower

Json = dict[str, Any]
_SEARCH_MS = 200
ROOT = 0  # send_turn's parent of a first message


class ChatPresenter(QObject):
    """One conversation at a time is open; `current` is None while a new one is being written.

    Signals:
        list_changed: the conversations in the list are others, or in another order.
        opened: another conversation is shown, or a new one.
        branch_changed: messages were added, or another branch is shown.
        message_changed: one message's state or whole content changed.
        message_grown: id, text and reasoning that came.
        models_changed: models that can be chosen, or the one that is.
        sent: the service took the message (its words may leave the composer).
        deleted: id and title of a conversation that was put aside.
    """

    list_changed = Signal()
    opened = Signal()
    branch_changed = Signal()
    message_changed = Signal(dict)
    message_grown = Signal(int, str, str)
    models_changed = Signal()
    sent = Signal()
    busy_changed = Signal()
    options_changed = Signal()
    deleted = Signal(int, str)

    def __init__(self, context: Context, parent: QObject) -> None:
        super().__init__(parent)
        self._context = context
        self.conversations: list[Json] = []
        self.models: list[Json] = []
        self.current: Json | None = None
        self.branch: list[Shown] = []
        self.model_id: str | None = None
        self.sending = False
        self.listed = self.models_read = False
        self.system, self.sampling = "", dict[str, Any]()
        self._tree = Tree()
        self._query = ""
        self._opening = 0  # counts, so that a late answer to an earlier wish is dropped
        self._listing = 0
        self._front = False
        self._search = QTimer(self)
        self._search.setSingleShot(True)
        self._search.setInterval(_SEARCH_MS)
        self._search.timeout.connect(self.refresh)
        self._follower = Follower(self)
        self._follower.snapshot.connect(self._on_message)
        self._follower.grown.connect(self._on_grown)
        self._follower.ended.connect(self._on_message)
        self._follower.broke_off.connect(self._on_broke_off)
        state = context.state
        state.conversations_changed.connect(self._on_conversation_changed)
        state.online_changed.connect(self._on_online_changed)
        state.library_changed.connect(self._read_models)
        state.loaded_changed.connect(self._on_loaded_changed)
        application = QCoreApplication.instance()
        assert application is not None
        application.aboutToQuit.connect(self._follower.close)

    # --- coming and going ---------------------------------------------------------------------

    def show(self) -> None:
        """The page came to the front: read what may have changed, go on following."""
        self._front = True
        if self._context.state.online:
            self._on_online_changed()

    def hide(self) -> None:
        self._front = False
        self._search.stop()
        self._follower.close()

    def _on_online_changed(self) -> None:
        if self._context.state.online and self._front:
            self.refresh()
            self._read_models()
            if self.current is not None:
                self.open(self.current["id"])

    # --- the list -----------------------------------------------------------------------------

    def search(self, query: str) -> None:
        self._query = query
        self._search.start()

    @property
    def query(self) -> str:
        return self._query.strip()

    def refresh(self) -> None:
        query = self._query
        self._listing += 1
        done = functools.partial(self._on_listed, self._listing)
        self._context.ask(lambda client: client.conversations(query), done)

    def _on_listed(self, number: int, found: list[Json]) -> None:
        if number == self._listing:
            self.listed = True
            self.conversations = found
            self.list_changed.emit()

    def _on_conversation_changed(self, changed: Json) -> None:
        found = [each for each in self.conversations if each["id"] != changed["id"]]
        was_there = len(found) < len(self.conversations)
        if changed.get("deleted") is None and (was_there or not self.query):
            found.append(changed)
            found.sort(key=lambda each: (each["updated"], each["id"]), reverse=True)
        self.conversations = found
        self.list_changed.emit()
        if self.current is not None and self.current["id"] == changed["id"]:
            if changed.get("deleted") is not None:
                self.new()
                return
            other_branch = changed["current"] != self.current["current"]
            self.current = {**self.current, **changed}
            if other_branch and not self.sending and self._front:
                self.open(changed["id"])  # another window went on with it

    def rename(self, conversation_id: int, title: str) -> None:
        self._context.ask(lambda client: client.change_conversation(conversation_id, title=title))

    def delete(self, conversation_id: int) -> None:
        def done(conversation: Json) -> None:
            self._on_conversation_changed(conversation)
            self.deleted.emit(conversation_id, conversation.get("title", ""))

        self._context.ask(lambda client: client.delete_conversation(conversation_id), done)

    def restore(self, conversation_id: int) -> None:
        self._context.ask(
            lambda client: client.restore_conversation(conversation_id),
            self._on_conversation_changed,
        )

    def export(self, path: str) -> None:
        """Write the open conversation to a file; its ending says the form."""
        if self.current is None:
            return
        number = self.current["id"]
        target = Path(path)
        form = "json" if target.suffix.lower() == ".json" else "md"

        def work(client: Client) -> None:
            text = client.export_conversation(number, form)["text"]
            write_atomic(target, text.encode())

        self._context.ask(work)

    # --- the open conversation ----------------------------------------------------------------

    def new(self) -> None:
        """Begin a conversation; it is made when its first message is sent."""
        self._opening += 1
        self._follower.close()
        self.current, self._tree, self.branch = None, Tree(), []
        self.system, self.sampling = "", {}
        self._choose_default_model()
        self.opened.emit()

    def open(self, conversation_id: int) -> None:
        self._opening += 1
        done = functools.partial(self._on_opened, self._opening)
        self._context.ask(lambda client: client.conversation(conversation_id), done)

    def _on_opened(self, number: int, found: Json) -> None:
        if number != self._opening:
            return
        same = self.current is not None and self.current["id"] == found["id"]
        messages = found.pop("messages")
        self._follower.close()
        self.current, self._tree = found, Tree(messages)
        self.branch = self._tree.branch(found["current"])
        self.system, self.sampling = found["system"], dict(found["sampling"])
        if not same:
            answered = [s.message["model_id"] for s in self.branch if s.message["model_id"]]
            self.model_id = answered[-1] if answered else found["model_id"] or self.model_id
            self.opened.emit()
            self.models_changed.emit()
        else:
            self.branch_changed.emit()
        self._follow_last()

    @property
    def last(self) -> Json | None:
        return self.branch[-1].message if self.branch else None

    @property
    def answering(self) -> bool:
        """Whether an answer is being written in the open conversation."""
        return self.last is not None and self.last["state"] in UNFINISHED

    def _follow_last(self) -> None:
        last = self.last
        if last is not None and last["state"] in UNFINISHED and self._front:
            try:
                self._follower.follow(self._context.link.client, last["id"])
            except AppError as error:
                self._on_broke_off(last["id"], error)
        self.busy_changed.emit()

    def _on_message(self, fresh: Json) -> None:
        if self._tree.get(fresh["id"]) is None:
            return
        self._put(fresh)
        self.message_changed.emit(fresh)
        self.busy_changed.emit()

    def _put(self, fresh: Json) -> None:
        self._tree.put(fresh)
        self.branch = [
            Shown(fresh, shown.siblings) if shown.message["id"] == fresh["id"] else shown
            for shown in self.branch
        ]

    def _on_grown(self, message_id: int, text: str, reasoning: str) -> None:
        known = self._tree.get(message_id)
        if known is None:
            return
        began = known["state"] != "streaming"
        known["content"] += text
        known["reasoning"] += reasoning
        known["state"] = "streaming"
        if began:
            self.message_changed.emit(known)
        else:
            self.message_grown.emit(message_id, text, reasoning)

    def _on_broke_off(self, message_id: int, error: AppError) -> None:
        """The service is gone, most likely: it is read again when it is back."""
        known = self._tree.get(message_id)
        if known is not None:
            self._on_message({**known, "state": "failed", "error": error.to_dict()})

    # --- sending ------------------------------------------------------------------------------

    def send(self, content: str, parent_id: int | None = None) -> None:
        """Send a message; in a new conversation it makes it."""
        if self.sending or self.answering or self.model_id is None:
            return
        self._set_sending(True)
        model, system, sampling = self.model_id, self.system, dict(self.sampling)
        number = self.current["id"] if self.current else None

        def work(client: Client) -> Json:
            if number is not None:
                return client.send_turn(number, content, parent_id, model)
            made = client.create_conversation(model=model, system=system, sampling=sampling)
            try:
                return client.send_turn(made["id"], content, parent_id, model)
            except AppError:
                client.delete_conversation(made["id"])  # nothing empty is left behind
                raise

        self._context.ask(work, functools.partial(self._on_sent, number), self._on_refused)

    def resend(self, message_id: int, content: str) -> None:
        """Send a changed message in the place of an earlier one: a branch of its own."""
        old = self._tree.get(message_id)
        if old is not None:
            self.send(content, old["parent_id"] or ROOT)

    def _on_sent(self, number: int | None, reply: Json) -> None:
        self._set_sending(False)
        conversation = reply["conversation"]
        fresh = self.current is None
        mine = (self.current["id"] if self.current else None) == number
        if mine:
            self.current = conversation
        self._on_conversation_changed(conversation)
        if not mine:
            return  # another one was opened in the meantime
        self._tree.put(reply["user"], reply["assistant"])
        self.branch = self._tree.branch(reply["assistant"]["id"])
        self.sent.emit()
        if fresh:
            self.opened.emit()
        else:
            self.branch_changed.emit()
        self._follow_last()

    def regenerate(self, message_id: int) -> None:
        if self.sending or self.answering:
            return
        self._set_sending(True)
        model = self.model_id
        self._context.ask(
            lambda client: client.regenerate(message_id, model),
            self._on_regenerated,
            self._on_refused,
        )

    def _on_regenerated(self, reply: Json) -> None:
        self._set_sending(False)
        answer = reply["assistant"]
        if self.current is None or self.current["id"] != answer["conversation_id"]:
            return
        self.current = {**self.current, "current": answer["id"]}
        self._tree.put(answer)
        self.branch = self._tree.branch(answer["id"])
        self.branch_changed.emit()
        self._follow_last()

    def _on_refused(self, error: AppError) -> None:
        self._set_sending(False)
        self._context.show_error(error)

    def _set_sending(self, sending: bool) -> None:
        self.sending = sending
        self.busy_changed.emit()

    def stop(self) -> None:
        last = self.last
        if last is not None and last["state"] in UNFINISHED:
            number = last["id"]
            self._context.ask(lambda client: client.stop_message(number))

    def show_branch(self, message_id: int) -> None:
        """Show the newest branch through a message."""
        if self.current is None or self.answering:
            return
        number = self.current["id"]
        leaf = self._tree.newest_below(message_id)
        self.current = {**self.current, "current": leaf}
        self.branch = self._tree.branch(leaf)
        self.branch_changed.emit()
        self._context.ask(lambda client: client.change_conversation(number, current=message_id))

    # --- models and options -------------------------------------------------------------------

    def _read_models(self) -> None:
        if self._front:
            self._context.ask(Client.models, self._on_models)

    def _on_models(self, found: list[Json]) -> None:
        usable = [
            model
            for model in found
            if model["kind"] == "model" and not model["broken"] and not model["embedding"]
        ]
        self.models_read = True
        loaded = self.loaded_id
        self.models = sorted(usable, key=lambda m: (m["id"] != loaded, m["bundled"], m["id"]))
        if self.current is None and self.model_id not in [m["id"] for m in usable]:
            self._choose_default_model()
        self.models_changed.emit()

    def _on_loaded_changed(self) -> None:
        loaded = self.loaded_id
        self.models.sort(key=lambda m: (m["id"] != loaded, m["bundled"], m["id"]))
        if self.current is None and not self.sending and loaded in [m["id"] for m in self.models]:
            self.model_id = loaded
        self.models_changed.emit()

    @property
    def loaded_id(self) -> str | None:
        loaded = self._context.state.loaded
        return str(loaded["id"]) if loaded else None

    def _choose_default_model(self) -> None:
        ids = [model["id"] for model in self.models]
        if self.model_id not in ids or self.loaded_id in ids:
            self.model_id = self.loaded_id if self.loaded_id in ids else ids[0] if ids else None
        self.models_changed.emit()

    def choose_model(self, model_id: str) -> None:
        """Use it from the next message on; nothing is loaded before."""
        self.model_id = model_id
        self.models_changed.emit()

    @property
    def model(self) -> Json | None:
        return next((model for model in self.models if model["id"] == self.model_id), None)

    def context_meter(self) -> tuple[int | None, int | None]:
        """Tokens used, and how many there are for one request."""
        loaded = self._context.state.loaded
        if loaded is not None and loaded["id"] == self.model_id and loaded.get("settings"):
            return context_used(self.branch), loaded["settings"]["context_tokens"]
        return context_used(self.branch), (self.model or {}).get("context_tokens")

    def set_options(self, system: str, sampling: Json) -> None:
        """The system prompt and how tokens are chosen, from the next answer on."""
        self.system, self.sampling = system, sampling
        if self.current is not None:
            number = self.current["id"]
            self._context.ask(
                lambda client: client.change_conversation(number, system=system, sampling=sampling)
            )
        self.options_changed.emit()

    def cancel_load(self) -> None:
        """Give up the answer and the load it waits for."""
        model, last = self.loaded_id, self.last
        if model is None or last is None or not self.answering:
            return
        number = last["id"]

        def work(client: Client) -> None:
            client.stop_message(number)
            client.unload(model)

        self._context.ask(work)

    def words(self, error: Json) -> Message:
        """What a person reads of a message's error."""
        return message(AppError.from_dict(error))
