"""Responses that can be gone on from, read again and deleted: in memory only, and bounded.

Each belongs to the key that made it; nobody else sees it. They are gone when the service ends: what
people say to a model is never written to a disk unless they ask for it.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any

from desktop.core.service.openai.items import Item

KEEP_SECONDS = 24 * 3600.0
MOST_PER_OWNER = 500
BYTES_PER_OWNER = 32 << 20
BYTES = 128 << 20
_OBJECT_BYTES = 64  # of a number, a key, or an empty list, roughly


@dataclass(frozen=True)
class Kept:
    """A response and all that it was made from.

    Attributes:
        body: as it was answered.
        items: the whole conversation before it, oldest first.
        size_bytes: of all of it; what it shares with others is counted in each.
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


@dataclass
class _Shelf:
    kept: OrderedDict[str, None] = field(default_factory=OrderedDict)
    size_bytes: int = 0


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
        self._shelves: dict[Hashable, _Shelf] = {}
        self._size_bytes = 0

    def add(self, owner: Hashable, body: dict[str, Any], items: tuple[Item, ...]) -> bool:
        """Keep a response; what is older makes room. False where it is too large by itself."""
        size = _size([body, *items])
        if size > min(self._bytes_per_owner, self._most_bytes):
            return False
        self._forget_old()
        shelf = self._shelves.setdefault(owner, _Shelf())
        while shelf.kept and (
            len(shelf.kept) >= self._most_per_owner
            or shelf.size_bytes + size > self._bytes_per_owner
        ):
            self._drop(next(iter(shelf.kept)))
        while self._kept and self._size_bytes + size > self._most_bytes:
            self._drop(next(iter(self._kept)))
        shelf = self._shelves.setdefault(owner, shelf)
        self._kept[body["id"]] = Kept(owner, body, items, size, self._clock())
        shelf.kept[body["id"]] = None
        shelf.size_bytes += size
        self._size_bytes += size
        return True

    def _drop(self, response_id: str) -> None:
        kept = self._kept.pop(response_id)
        self._size_bytes -= kept.size_bytes
        shelf = self._shelves[kept.owner]
        shelf.size_bytes -= kept.size_bytes
        del shelf.kept[response_id]
        if not shelf.kept:
            del self._shelves[kept.owner]

    def _forget_old(self) -> None:
        end = self._clock() - self._keep_seconds
        while self._kept and next(iter(self._kept.values())).made < end:
            self._drop(next(iter(self._kept)))

    def get(self, owner: Hashable, response_id: str) -> Kept | None:
        """The response, where it is this owner's and still kept."""
        self._forget_old()
        kept = self._kept.get(response_id)
        return kept if kept is not None and kept.owner == owner else None

    def delete(self, owner: Hashable, response_id: str) -> bool:
        if self.get(owner, response_id) is None:
            return False
        self._drop(response_id)
        return True

    def finder(self, owner: Hashable) -> Callable[[str], Item | None]:
        """Finds an item by its id in the owner's conversations; looks through them once."""
        found: dict[str, Item] = {}

        def find(item_id: str) -> Item | None:
            if not found:
                self._forget_old()
                shelf = self._shelves.get(owner, _Shelf())
                for response_id in shelf.kept:
                    for item in self._kept[response_id].conversation:
                        found[item["id"]] = item
            return found.get(item_id)

        return find


def _size(value: Any) -> int:
    total, waiting = 0, [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, str):
            total += len(each)
        elif isinstance(each, dict):
            waiting.extend(each.values())
            total += _OBJECT_BYTES * len(each)
        elif isinstance(each, list | tuple):
            waiting.extend(each)
        total += _OBJECT_BYTES
    return total
