"""The speed limit: one bucket that all connections of a download drink from."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

# How much may be saved up while nothing comes, and how often the limit is asked for.
_BURST_SECONDS = 0.25
_ASK_SECONDS = 0.5


class Bucket:
    """Lets bytes through at the rate that `bytes_per_second` gives when asked; None: all at once.

    Who takes more than there is waits until the debt is paid, so that the rate holds however large
    the pieces are that the network brings.
    """

    def __init__(
        self,
        bytes_per_second: Callable[[], float | None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ask = bytes_per_second
        self._clock = clock
        self._rate: float | None = None
        self._asked_at = float("-inf")
        self._filled_at = clock()
        self._level = 0.0

    @property
    def rate(self) -> float | None:
        """The limit, in bytes per second."""
        now = self._clock()
        if now - self._asked_at >= _ASK_SECONDS:
            asked = self._ask()
            self._rate = asked if asked and asked > 0 else None
            self._asked_at = now
        return self._rate

    def debt_seconds(self, count: int = 0) -> float:
        """Take `count` bytes; returns how long the debt takes to be paid at the rate of now."""
        rate, now = self.rate, self._clock()
        elapsed, self._filled_at = now - self._filled_at, now
        if rate is None:
            self._level = 0.0
            return 0.0
        self._level = min(self._level + elapsed * rate, rate * _BURST_SECONDS) - count
        return max(0.0, -self._level / rate)

    async def take(self, count: int) -> None:
        """Take `count` bytes that have come, and wait as long as that costs."""
        debt = self.debt_seconds(count)
        while debt > 0:
            await asyncio.sleep(min(debt, _ASK_SECONDS))
            debt = self.debt_seconds()
