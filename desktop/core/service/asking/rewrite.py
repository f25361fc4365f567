"""Changes in an answer's events, between the engine and the client."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import Any

from desktop.core.service.streams import event_of

_END = b"\n\n"
_DATA = b"data: {"

Chunk = dict[str, Any]


class Rewriter(ABC):
    """Looks at whole events and changes some; the others go through unread.

    Attributes:
        marks: an event without any of them is not looked at; none: all are.
        part: which of several prompts the answer belongs to.
    """

    marks: tuple[bytes, ...] = ()
    part: int = 0

    @abstractmethod
    def chunk(self, chunk: Chunk) -> Iterable[Chunk]:
        """What goes to the client in the place of a chunk.

        Raises:
            ApiError: the answer cannot go on.
        """

    def feed(self, block: bytes) -> bytes:
        """Whole events, changed."""
        if self.marks and not any(mark in block for mark in self.marks):
            return block
        return b"".join(self._events(block))

    def _events(self, block: bytes) -> Iterator[bytes]:
        for event in block.split(_END):
            if not event:
                continue
            if not event.startswith(_DATA) or not self._meant(event):
                yield event + _END
                continue
            for chunk in self.chunk(json.loads(event[6:])):
                yield event_of(chunk)

    def _meant(self, event: bytes) -> bool:
        return not self.marks or any(mark in event for mark in self.marks)


class Renumbered(Rewriter):
    """The answers to several prompts, which the engine gives one after the other.

    Args:
        answers: to each prompt.
    """

    def __init__(self, answers: int) -> None:
        self._answers = answers
        self._id: str | None = None

    def chunk(self, chunk: Chunk) -> Iterable[Chunk]:
        if "id" in chunk:
            self._id = chunk["id"] = self._id or chunk["id"]
        for choice in chunk.get("choices") or ():
            choice["index"] = int(choice.get("index", 0)) + self.part * self._answers
        return (chunk,)


class WithoutReasoning(Rewriter):
    """What the model thought is left out."""

    marks = (b'"reasoning_content"',)

    def chunk(self, chunk: Chunk) -> Iterable[Chunk]:
        for choice in chunk.get("choices") or ():
            delta = choice.get("delta")
            if isinstance(delta, dict):
                delta.pop("reasoning_content", None)
                if not delta and not choice.get("finish_reason"):
                    return ()
        return (chunk,)
