"""The chat's presenter: the open conversation, its answers, and what is sent."""

from __future__ import annotations

import functools
from typing import Any

from PySide6.QtCore import QCoreApplication, QObject, Signal

from desktop.core.client.client import Client
from desktop.core.errors import AppError
from desktop.ui.context import Context
from desktop.ui.messages import Message, message
from desktop.ui.tabs.chat.branches import UNFINISHED, Shown, Tree, context_used
from desktop.ui.tabs.chat.choice import ModelChoice
from desktop.ui.tabs.chat.follow import Follower
from desktop.ui.tabs.chat.listing import Listing

Json = dict[str, Any]
ROOT = 0  # send_turn's parent of a first message


class ChatPresenter(QObject):
    """One conversation at a time is open; `current` is None while a new one is being written.

    Attributes:
        listing: the conversations there are.
        choice: the models there are, and the one that answers next.

    Signals:
        opened: another conversation is shown, or a new one.
        branch_changed: messages were added, or another branch is shown.
        message_changed: one message's state or whole content changed.
        message_grown: id, text and reasoning that came.
        sent: the service took the message (its words may leave the composer).
    """

    opened = Signal()
    branch_changed = Signal()
    message_changed = Signal(dict)
    message_grown = Signal(int, str, str)
    sent = Signal()
    busy_changed = Signal()
    options_changed = Signal()

    def __init__(self, context: Context, parent: QObject) -> None:
        super().__init__(parent)
        self._context = context
        self.listing = Listing(context, self)
        self.choice = ModelChoice(context, self)
        self.current: Json | None = None
        self.branch: list[Shown] = []
        self.sending = False
        self.system, self.sampling = "", dict[str, Any]()
        self._tree = Tree()
        self._opening = 0  # counts, so that a late answer to an earlier wish is dropped
        self._front = False
        self._follower = Follower(self)
        self._follower.snapshot.connect(self._on_message)
        self._follower.grown.connect(self._on_grown)
        self._follower.ended.connect(self._on_message)
        self._follower.broke_off.connect(self._on_broke_off)
        self.listing.conversation_changed.connect(self._on_conversation_changed)
        state = context.state
        state.online_changed.connect(self._on_online_changed)
        state.library_changed.connect(self._on_library_changed)
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
        self.listing.hide()
        self._follower.close()

    def _on_online_changed(self) -> None:
        if self._context.state.online and self._front:
            self.listing.refresh()
            self.choice.refresh()
            if self.current is not None:
                self.open(self.current["id"])

    def _on_library_changed(self) -> None:
        if self._front:
            self.choice.refresh()

    def _on_conversation_changed(self, changed: Json) -> None:
        if self.current is None or self.current["id"] != changed["id"]:
            return
        if changed.get("deleted") is not None:
            self.new()
            return
        other_branch = changed["current"] != self.current["current"]
        self.current = {**self.current, **changed}
        if other_branch and not self.sending and self._front:
            self.open(changed["id"])  # another window went on with it

    def export(self, path: str) -> None:
        """Write the open conversation to a file."""
        if self.current is not None:
            self.listing.export(self.current["id"], path)

    # --- the open conversation ----------------------------------------------------------------

    def new(self) -> None:
        """Begin a conversation; it is made when its first message is sent."""
        self._opening += 1
        self._follower.close()
        self.current, self._tree, self.branch = None, Tree(), []
        self.system, self.sampling = "", {}
        self._set_free()
        self.choice.choose_default()
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
        self._set_free()
        if not same:
            answered = [s.message["model_id"] for s in self.branch if s.message["model_id"]]
            model = answered[-1] if answered else found["model_id"] or self.choice.model_id
            self.opened.emit()
            if model is not None:
                self.choice.choose(model)
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
        if self.sending or self.answering or self.choice.model_id is None:
            return
        self._set_sending(True)
        model, system, sampling = self.choice.model_id, self.system, dict(self.sampling)
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
        self._set_free()
        self.listing.take(conversation)
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
        model = self.choice.model_id
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
        self._set_free()
        self.busy_changed.emit()

    def _set_free(self) -> None:
        self.choice.free = self.current is None and not self.sending

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

    # --- options ------------------------------------------------------------------------------

    def context_meter(self) -> tuple[int | None, int | None]:
        """Tokens used, and how many there are for one request."""
        return context_used(self.branch), self.choice.context_tokens()

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
        last = self.last
        model = last and last["model_id"]
        if last is None or not model or not self.answering:
            return
        number = last["id"]
        coming = self._context.state.models.get(model, {}).get("state") == "loading"

        def work(client: Client) -> None:
            client.stop_message(number)
            if coming:
                client.unload(model)

        self._context.ask(work)

    def words(self, error: Json) -> Message:
        """What a person reads of a message's error."""
        return message(AppError.from_dict(error))
