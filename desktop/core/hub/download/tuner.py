"""How many connections: few at first, more while that makes it faster, fewer when a server objects.

A home line is full with two, and every further one takes from others; a hub that gives each
connection its share is left unused by two. Only trying tells.
"""

from __future__ import annotations

FIRST_CONNECTIONS = 2
WINDOW_SECONDS = 0.5
# More connections are kept when they bring at least so much more.
_WORTH = 1.10
_HOLD_SECONDS = 20.0
_HOLD_AFTER_FAULT_SECONDS = 5.0
_IN_A_ROW_SECONDS = 2.0
_HOLD_AFTER_REFUSAL_SECONDS = 60.0
# With a speed limit, further connections would only fill the system's buffers.
_BYTES_PER_SECOND_EACH = 2 << 20


class Tuner:
    """Decides `target`, the number of connections, from the speed measured at each.

    Args:
        most: never more than so many.
    """

    def __init__(self, most: int) -> None:
        self._most = max(1, most)
        self._limit = self._most
        self.target = min(FIRST_CONNECTIONS, self._most)
        self._tried_from: int | None = None
        self._best = 0.0
        self._hold_until = float("-inf")
        self._failed_at = float("-inf")

    def cap(self, bytes_per_second: float | None) -> None:
        """A speed limit holds from now on, or none."""
        self._limit = self._most
        if bytes_per_second is not None:
            wanted = int(bytes_per_second / _BYTES_PER_SECOND_EACH)
            self._limit = min(self._most, max(1, wanted))
        self.target = min(self.target, self._limit)

    def measured(self, bytes_per_second: float, now: float) -> None:
        """All `target` connections ran for a whole window, at this speed together."""
        if self._tried_from is not None:
            before, self._tried_from = self._tried_from, None
            if bytes_per_second < self._best * _WORTH:
                self.target = min(before, self._limit)
                self._hold_until = now + _HOLD_SECONDS
                return
        if now < self._hold_until or self.target >= self._limit:
            return
        self._best = bytes_per_second
        self._tried_from = self.target
        self.target = min(self._limit, self.target + max(1, self.target // 2))

    def refused(self, now: float) -> None:
        """The server said that it is asked too much (429, 5xx)."""
        self._back_to(max(1, self.target // 2), now + _HOLD_AFTER_REFUSAL_SECONDS)

    def failed(self, now: float) -> None:
        """A connection broke or stood still; one of many may, several in a row mean something."""
        again = now - self._failed_at < _IN_A_ROW_SECONDS
        self._failed_at = now
        count = max(1, self.target - 1) if again else self.target
        self._back_to(count, now + _HOLD_AFTER_FAULT_SECONDS)

    def _back_to(self, count: int, hold_until: float) -> None:
        self.target = min(self.target, count)
        self._tried_from = None
        self._hold_until = max(self._hold_until, hold_until)
