"""The messages of a conversation as a tree, and the branch of it that is shown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]
UNFINISHED = ("waiting", "streaming")


@dataclass(frozen=True)
class Shown:
    """A message of the branch, with those that could stand in its place (itself among them)."""

    message: Json
    siblings: tuple[int, ...]

    @property
    def position(self) -> int:
        """From 1, as people count."""
        return self.siblings.index(self.message["id"]) + 1

    def beside(self, step: int) -> int | None:
        """The id `step` places on, or None at the end."""
        place = self.position - 1 + step
        return self.siblings[place] if 0 <= place < len(self.siblings) else None


class Tree:
    """All messages of a conversation by id."""

    def __init__(self, messages: Iterable[Json] = ()) -> None:
        self._messages = {message["id"]: message for message in messages}

    def get(self, message_id: int) -> Json | None:
        return self._messages.get(message_id)

    def put(self, *messages: Json) -> None:
        for message in messages:
            self._messages[message["id"]] = message

    def branch(self, leaf: int | None) -> list[Shown]:
        """From the first message to `leaf`."""
        children: dict[int | None, list[int]] = {}
        for message in self._messages.values():
            children.setdefault(message["parent_id"], []).append(message["id"])
        shown: list[Shown] = []
        seen: set[int] = set()
        while leaf is not None and leaf in self._messages and leaf not in seen:
            seen.add(leaf)
            message = self._messages[leaf]
            shown.append(Shown(message, tuple(sorted(children[message["parent_id"]]))))
            leaf = message["parent_id"]
        return shown[::-1]

    def newest_below(self, message_id: int) -> int:
        """The end of the newest branch through a message."""
        while below := [m["id"] for m in self._messages.values() if m["parent_id"] == message_id]:
            newest = max(below)
            if newest <= message_id:
                break
            message_id = newest
        return message_id


def context_used(branch: Sequence[Shown]) -> int | None:
    """Tokens of the context that the branch takes, as the last answer measured it."""
    for shown in reversed(branch):
        figures = shown.message.get("figures") or {}
        prompt, answer = figures.get("prompt_tokens"), figures.get("completion_tokens")
        if prompt is not None:
            return int(prompt) + int(answer or 0)
    return None
