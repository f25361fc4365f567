"""What a conversation is made of."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class MessageState(StrEnum):
    """How far a message is. One of a person is always DONE."""

    DONE = "done"
    WAITING = "waiting"  # for the model to be loaded, or for its turn
    STREAMING = "streaming"
    STOPPED = "stopped"  # by a person
    FAILED = "failed"
    INTERRUPTED = "interrupted"  # by the end of the service


UNFINISHED = frozenset({MessageState.WAITING, MessageState.STREAMING})


@dataclass(frozen=True)
class Message:
    """One message of a branch.

    Attributes:
        parent_id: the message it follows; None for the first of a branch.
        reasoning: what the model thought before it answered, where it shows that.
        model_id: who wrote it; None for a person.
        figures: how fast it came; times in seconds.
        error: why it failed, as `AppError.to_dict`.
        created: seconds since the epoch.
    """

    id: int
    conversation_id: int
    parent_id: int | None
    role: str
    content: str
    reasoning: str
    state: MessageState
    model_id: str | None
    figures: dict[str, Any] | None
    error: dict[str, Any] | None
    created: float

    @classmethod
    def of_row(cls, row: sqlite3.Row) -> Message:
        return cls(
            id=row["id"],
            conversation_id=row["conversation_id"],
            parent_id=row["parent_id"],
            role=row["role"],
            content=row["content"],
            reasoning=row["reasoning"],
            state=MessageState(row["state"]),
            model_id=row["model_id"],
            figures=json.loads(row["figures"]) if row["figures"] else None,
            error=json.loads(row["error"]) if row["error"] else None,
            created=row["created"],
        )

    def to_dict(self) -> dict[str, Any]:
        return {**vars(self), "state": self.state.value}


@dataclass(frozen=True)
class Conversation:
    """A conversation without its messages.

    Attributes:
        model_id: who answers; None while nobody was chosen.
        sampling: see `rules.SAMPLING`.
        current: the last message of the branch that is shown.
        updated: when the last message came; what the list is sorted by.
        deleted: when it was deleted; None while it is there.
        preview: the beginning of the current branch's last words.
        message_count: of all branches.
    """

    id: int
    title: str
    model_id: str | None
    system: str
    sampling: dict[str, Any]
    current: int | None
    created: float
    updated: float
    deleted: float | None
    preview: str
    message_count: int

    def to_dict(self) -> dict[str, Any]:
        return dict(vars(self))


def path_to(messages: Iterable[Message], leaf: int | None) -> list[Message]:
    """The branch that ends with the message `leaf`, from its first message on."""
    by_id = {message.id: message for message in messages}
    path: list[Message] = []
    while leaf is not None and leaf in by_id:
        message = by_id.pop(leaf)  # taken out: a damaged table cannot lead in circles
        path.append(message)
        leaf = message.parent_id
    return path[::-1]


def leaf_below(messages: Iterable[Message], message_id: int) -> int:
    """The newest message that follows this one, however far; itself where nothing does."""
    below = {message_id}
    for message in sorted(messages, key=lambda each: each.id):  # children come after their parents
        if message.parent_id in below:
            below.add(message.id)
    return max(below)


def prompt(
    system: str, path: Iterable[Message], first: Iterable[Mapping[str, str]] = ()
) -> list[dict[str, str]]:
    """A branch as the engine reads it.

    Args:
        first: messages a model begins every conversation with.

    Answers without a word (they failed) are left out, and what the person wrote before and after
    them becomes one message: many templates refuse two messages of one role in a row.
    """
    turns = [{"role": "system", "content": system}] if system else []
    said = [(each["role"], each["content"]) for each in first]
    said += [(message.role, message.content) for message in path]
    for role, content in said:
        if role == "assistant" and not content:
            continue
        if turns and turns[-1]["role"] == role:
            turns[-1]["content"] += f"\n\n{content}"
        else:
            turns.append({"role": role, "content": content})
    return turns
