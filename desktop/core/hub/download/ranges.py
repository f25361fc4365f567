"""Which bytes of a file are there: sorted half-open ranges that never touch."""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Iterator
from typing import Any


class Ranges:
    """A set of bytes. Adding at the end of a range, as a download does, costs a few comparisons."""

    def __init__(self, pairs: Iterable[tuple[int, int]] = ()) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        self.total = 0
        for start, end in pairs:
            self.add(start, end)

    def add(self, start: int, end: int) -> int:
        """Put bytes `start` to `end` (exclusive) in; returns how many of them are new."""
        if start >= end:
            return 0
        starts, ends = self._starts, self._ends
        first = bisect.bisect_left(ends, start)  # the first range that touches or follows
        last = bisect.bisect_right(starts, end)  # the first that begins behind
        held = 0
        if first < last:
            held = sum(ends[at] - starts[at] for at in range(first, last))
            start, end = min(start, starts[first]), max(end, ends[last - 1])
        starts[first:last], ends[first:last] = [start], [end]
        fresh = end - start - held
        self.total += fresh
        return fresh

    def gaps(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """What is missing between `start` and `end`, in order."""
        for at in range(bisect.bisect_right(self._ends, start), len(self._starts)):
            if start >= end:
                return
            if self._starts[at] > start:
                yield start, min(self._starts[at], end)
            start = max(start, self._ends[at])
        if start < end:
            yield start, end

    @property
    def prefix(self) -> int:
        """How many bytes are there from the first one on without a gap."""
        return self._ends[0] if self._starts and self._starts[0] == 0 else 0

    def pairs(self) -> list[tuple[int, int]]:
        return list(zip(self._starts, self._ends, strict=True))

    def clipped(self, size_bytes: int) -> Ranges:
        """What of it lies before `size_bytes`."""
        return Ranges((start, min(end, size_bytes)) for start, end in self.pairs())

    def copy(self) -> Ranges:
        made = Ranges()
        made._starts, made._ends, made.total = self._starts[:], self._ends[:], self.total
        return made

    @classmethod
    def parse(cls, value: Any, size_bytes: int) -> Ranges:
        """The ranges of a document.

        Raises:
            ValueError: when they are none of a file of this size.
        """
        if not isinstance(value, list):
            raise ValueError("no list of ranges")
        made = cls()
        for pair in value:
            if not (
                isinstance(pair, list) and len(pair) == 2 and all(type(n) is int for n in pair)
            ):
                raise ValueError("no range")
            start, end = pair
            if not 0 <= start < end <= size_bytes:
                raise ValueError("a range outside of the file")
            made.add(start, end)
        return made

    def __repr__(self) -> str:
        return f"Ranges({self.pairs()})"
