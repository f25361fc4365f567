"""Which connection fetches what: from the front, in stretches that get shorter towards the end.

From the front, because the hash follows from there. A stretch is a share of what is left (guided
self-scheduling, Polychronopoulos and Kuck 1987), so that all connections end at about the same
time. Who finds nothing left takes over half of what a slow connection still has to do.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from desktop.core.hub.download.item import Item, Segment

LEAST_BYTES = 8 << 20
MOST_BYTES = 64 << 20
# Taking over cuts the other's answer off, and what is on its way then is lost: only for what would
# take a while.
_TAKE_OVER_SECONDS = 4.0
_TAKE_OVER_BYTES = 1 << 20
# A connection that is silent for so long loses all it has left to do.
_SILENT_SECONDS = 3.0
_UNKNOWN_END = 1 << 62


class Plan:
    """The stretches of all files that can be fetched now."""

    def __init__(self, items: Sequence[Item]) -> None:
        self._items = items
        self._changed = asyncio.Event()

    def take(self, connections: int) -> Segment | None:
        """What a free connection should fetch; None when there is nothing for it just now."""
        for item in self._items:
            if item.wants_more and (found := _next_of(item, max(1, connections))) is not None:
                return _started(found)
        return self._take_over()

    def give_back(self, segment: Segment) -> None:
        """A connection is done with this, whether it came to the end or not."""
        if segment in segment.item.segments:
            segment.item.segments.remove(segment)
        self.changed()

    def changed(self) -> None:
        """There may be something to take now."""
        self._changed.set()

    async def wait(self) -> None:
        """Until there may be something to take."""
        self._changed.clear()
        await self._changed.wait()

    def _take_over(self) -> Segment | None:
        """The later half of what the slowest connection has to do; all of a silent one's."""
        now = time.monotonic()
        slowest, longest = None, _TAKE_OVER_SECONDS
        for item in self._items:
            for segment in item.segments:
                if segment.whole or segment.finished:
                    continue
                if now - segment.moved > _SILENT_SECONDS:
                    return _split(segment, segment.pos)
                rate = segment.got_bytes / max(1e-3, now - segment.begun)
                seconds = segment.left / max(1.0, rate)
                if seconds > longest and segment.left >= 2 * _TAKE_OVER_BYTES:
                    slowest, longest = segment, seconds
        if slowest is None or now - slowest.begun < 1.0:
            return None
        return _split(slowest, slowest.pos + slowest.left // 2)


def _split(segment: Segment, place: int) -> Segment:
    """Another connection does what lies behind `place`."""
    taken = Segment(segment.item, place, segment.end)
    segment.end = place
    return _started(taken)


def _started(segment: Segment) -> Segment:
    segment.begun = segment.moved = time.monotonic()
    segment.item.segments.append(segment)
    return segment


def _next_of(item: Item, connections: int) -> Segment | None:
    if any(segment.whole for segment in item.segments):
        return None  # it brings all there is
    size = item.size_bytes
    if size is None:
        return Segment(item, 0, _UNKNOWN_END, whole=True) if not item.segments else None
    taken = item.have.copy()
    for segment in item.segments:
        taken.add(segment.pos, segment.end)
    left = size - taken.total
    share = min(MOST_BYTES, max(LEAST_BYTES, left // (2 * connections)))
    for start, end in taken.gaps(0, size):
        whole_rest = end - start < share + LEAST_BYTES // 2  # no request for a crumb
        return Segment(item, start, end if whole_rest else start + share)
    return None
