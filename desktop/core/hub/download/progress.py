"""What a download tells of itself while it runs."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from desktop.core.events import Progress
from desktop.core.hub.download.item import Item
from desktop.core.hub.download.notes import Notes

REPORT_SECONDS = 0.3
_WINDOW_SECONDS = 5.0
_STEP_SECONDS = 0.25


class Meter:
    """Counts bytes, and how many came per second of late."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.total = 0
        self._clock = clock
        self._marks: deque[tuple[float, int]] = deque([(clock(), 0)])

    def add(self, count: int) -> None:
        self.total += count

    def rate(self) -> float | None:
        """Bytes per second over the last five seconds; None at the beginning."""
        now = self._clock()
        if now - self._marks[-1][0] >= _STEP_SECONDS:
            self._marks.append((now, self.total))
        while len(self._marks) > 2 and now - self._marks[1][0] >= _WINDOW_SECONDS:
            self._marks.popleft()
        began, before = self._marks[0]
        if now - began < _STEP_SECONDS:
            return None
        return (self.total - before) / (now - began)


def progress_of(
    repo: str, items: Sequence[Item], meter: Meter, connections: int, notes: Notes
) -> Progress:
    """How far all of it is, in bytes; each file in the detail."""
    sizes = [item.size_bytes for item in items]
    total = None if None in sizes else sum(size for size in sizes if size is not None)
    done = sum(item.done_bytes for item in items)
    rate = meter.rate()
    left = None
    if rate and total is not None:
        left = max(0.0, (total - done) / rate)
    detail: dict[str, Any] = {
        "files": [
            {
                "path": item.path,
                "size_bytes": item.size_bytes,
                "done_bytes": item.done_bytes,
                "verified_bytes": item.verified_bytes,
                "state": item.state,
            }
            for item in items
        ],
        "bytes_per_second": rate,
        "seconds_left": left,
        "connections": connections,
        "verified_bytes": sum(item.verified_bytes for item in items),
        "notes": notes.listed(),
    }
    return Progress(f"downloading {repo}", done, total, "bytes", detail)
