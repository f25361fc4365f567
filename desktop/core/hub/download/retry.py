"""When something fails: what is worth another try, how long to wait before it, when to give up."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from desktop.core.errors import AppError, ErrorCode
from desktop.core.hub.download.notes import Notes
from desktop.core.hub.download.source import Stale

T = TypeVar("T")

_AGAIN = frozenset({ErrorCode.REMOTE_UNREACHABLE, ErrorCode.REMOTE_BUSY})
_AGAIN_STATUS = frozenset({408, 425})
# A network that redirects to a page of its own until somebody logs in looks like a broken hub.
_MOST_ODD_ANSWERS = 8
_SPREAD_SECONDS = 0.25
_SAID_AFTER_SECONDS = 3.0


@dataclass(frozen=True)
class Patience:
    """How long a download puts up with what.

    Attributes:
        give_up_seconds: so long without a byte ends it; all that was fetched is kept.
        first_pause_seconds, longest_pause_seconds: between two tries of one connection.
        longest_busy_seconds: a pause that a server may ask for; more ends the download.
        other_program_seconds: so long is waited for another program's download that stands still.
    """

    give_up_seconds: float = 1800.0
    first_pause_seconds: float = 0.5
    longest_pause_seconds: float = 30.0
    longest_busy_seconds: float = 1800.0
    other_program_seconds: float = 600.0


def worth_a_try(error: Exception) -> bool:
    """Whether the same request may well succeed later."""
    if isinstance(error, Stale):
        return True
    if not isinstance(error, AppError):
        return False
    if error.code is ErrorCode.REMOTE_FAILED:
        status = error.params.get("status")
        return status is None or int(status) >= 500 or int(status) in _AGAIN_STATUS
    return error.code in _AGAIN


def is_refusal(error: Exception) -> bool:
    """Whether the server asks for less: 429 or a status of its own trouble."""
    return isinstance(error, AppError) and (
        error.code is ErrorCode.REMOTE_BUSY or int(error.params.get("status") or 0) >= 500
    )


def _is_odd(error: Exception) -> bool:
    """An answer that a hub does not give."""
    return (
        isinstance(error, AppError)
        and error.code is ErrorCode.REMOTE_FAILED
        and error.params.get("status") is None
    )


class Health:
    """Shared by all connections of a download: when the last byte came, and pauses asked for."""

    def __init__(
        self, patience: Patience, notes: Notes, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.patience = patience
        self._notes = notes
        self._clock = clock
        self._last_good = clock()
        self._paused_until = float("-inf")
        self._busy_since: float | None = None
        self._said = False

    def good(self) -> None:
        """Bytes have come."""
        self._last_good = self._clock()
        self._busy_since = None
        if self._said:
            self._said = False
            self._notes.add("network_back")

    async def gate(self) -> None:
        """Wait until a pause that the server asked for is over."""
        left = self._paused_until - self._clock()
        if left > 0:  # not all at the same moment
            await asyncio.sleep(left + random.uniform(0.0, _SPREAD_SECONDS))
            await self.gate()

    async def recover(self, error: Exception, streak: int) -> None:
        """Wait before the next try, the `streak`th in a row of this connection.

        Raises:
            the error itself, when it is final or patience has ended.
        """
        if not worth_a_try(error):
            raise error
        asked = error.params.get("seconds") if isinstance(error, AppError) else None
        if asked is not None:
            self._pause(error, float(asked))
            await self.gate()
            return
        now = self._clock()
        too_long = now - self._last_good > self.patience.give_up_seconds
        if too_long or (_is_odd(error) and streak >= _MOST_ODD_ANSWERS):
            raise _final(error)
        if now - self._last_good > _SAID_AFTER_SECONDS and not self._said:
            self._said = True
            self._notes.add("waits_network", reason=_reason(error))
        await asyncio.sleep(self._backoff(streak))

    def _backoff(self, streak: int) -> float:
        longest = self.patience.longest_pause_seconds
        pause = min(longest, self.patience.first_pause_seconds * 2.0 ** min(streak, 16))
        return pause * random.uniform(0.5, 1.0)

    def _pause(self, error: Exception, seconds: float) -> None:
        now = self._clock()
        self._busy_since = self._busy_since or now
        patience = self.patience
        if (
            seconds > patience.longest_busy_seconds
            or now - self._busy_since > 2 * patience.longest_busy_seconds
        ):
            raise error
        if now + seconds > self._paused_until:
            self._paused_until = now + seconds
            self._last_good = max(self._last_good, self._paused_until)
            self._notes.add("waits_busy", seconds=round(seconds))


async def keep_trying(work: Callable[[], Awaitable[T]], health: Health) -> T:
    """What `work` returns, however many tries that takes.

    Raises:
        AppError: what is final, or the last failure when patience has ended.
    """
    streak = 0
    while True:
        await health.gate()
        try:
            return await work()
        except (AppError, Stale) as error:
            await health.recover(error, streak)
            streak += 1


def _final(error: Exception) -> Exception:
    """A refused address is told as what it was refused with."""
    cause = error.__cause__
    return cause if isinstance(error, Stale) and isinstance(cause, AppError) else error


def _reason(error: Exception) -> str:
    told = _final(error)
    return told.cause if isinstance(told, AppError) else "The address has expired."
