"""Responses that can be gone on from, read again and deleted: in memory only, and bounded.

Each belongs to the key that made it; nobody else sees it. They are gone when the service ends: what
people say to a model is never written to a disk unless they ask for it.
"""

from __future__ import annotations

import json
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

from desktop.core.service.openai.items import Item

KEEP_SECONDS = 24 * 3600.0
MOST_PER_OWNER = 500
BYTES_PER_OWNER = 32 << 20
BYTES = 128 << 20


@dataclass(frozen=True)
class Kept:
    """A response and all that it was made from.

    Attributes:
        body: as it was answered.
        items: the whole conversation before it, oldest first.
        size_bytes: of all of it as JSON; what it shares with others is counted in each.
    """

    owner: Hashable
    body: dict[str, Any]
    items: tuple[Item, ...]
    size_bytes: int
    made: float

    @property
    def conversation(self) -> tuple[Item, ...]:
        """What a response that goes on from this one is made from."""
        return (*self.items, *self.body["output"])


class ResponseStore:
    """Keeps responses for their owners, the latest longest."""

    def __init__(
        self,
        *,
        keep_seconds: float = KEEP_SECONDS,
        most_per_owner: int = MOST_PER_OWNER,
        bytes_per_owner: int = BYTES_PER_OWNER,
        most_bytes: int = BYTES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._keep_seconds = keep_seconds
        self._most_per_owner = most_per_owner
        self._bytes_per_owner = bytes_per_owner
        self._most_bytes = most_bytes
        self._clock = clock
        self._kept: OrderedDict[str, Kept] = OrderedDict()  # the oldest first

    def add(self, owner: Hashable, body: dict[str, Any], items: tuple[Item, ...]) -> bool:
        """Keep a response; what is older makes room. False where it is too large by itself."""
        size = len(json.dumps([body, items]))
        if size > min(self._bytes_per_owner, self._most_bytes):
            return False
        self._forget_old()
        self._kept[body["id"]] = Kept(owner, body, items, size, self._clock())
        own = [kept for kept in self._kept.values() if kept.owner == owner]
        self._shrink(own, self._bytes_per_owner, self._most_per_owner)
        self._shrink(list(self._kept.values()), self._most_bytes, len(self._kept))
        return True

    def _shrink(self, among: list[Kept], most_bytes: int, most: int) -> None:
        total = sum(kept.size_bytes for kept in among)
        for number, kept in enumerate(among):
            if total <= most_bytes and len(among) - number <= most:
                return
            del self._kept[kept.body["id"]]
            total -= kept.size_bytes

    def _forget_old(self) -> None:
        end = self._clock() - self._keep_seconds
        while self._kept and next(iter(self._kept.values())).made < end:
            self._kept.popitem(last=False)

    def get(self, owner: Hashable, response_id: str) -> Kept | None:
        """The response, where it is this owner's and still kept."""
        self._forget_old()
        kept = self._kept.get(response_id)
        return kept if kept is not None and kept.owner == owner else None

    def delete(self, owner: Hashable, response_id: str) -> bool:
        if self.get(owner, response_id) is None:
            return False
        del self._kept[response_id]
        return True

    def item(self, owner: Hashable, item_id: str) -> Item | None:
        """The item of that id in any of the owner's conversations, the latest first."""
        self._forget_old()
        for kept in reversed(self._kept.values()):
            if kept.owner == owner:
                for item in kept.conversation:
                    if item["id"] == item_id:
                        return item
        return None
