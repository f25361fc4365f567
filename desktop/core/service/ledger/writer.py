"""A thread that stores what the event loop hands it, a batch at a time.

Handing over costs a lock and an append. What cannot be stored now (a full disk, a locked database)
stays in memory, as much as is allowed, and is stored later; whoever should know is told once.
"""

from __future__ import annotations

import atexit
import logging
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from itertools import islice

from desktop.core.service.ledger.store import Item

log = logging.getLogger(__name__)

# A request is stored this long after its end at the latest, so that little is lost with us.
DELAY_SECONDS = 0.25
BATCH = 200
MOST = 20_000
_AT_ONCE = 2000
_FIRST_RETRY_SECONDS = 0.5
_LAST_RETRY_SECONDS = 10.0
_TEND_SECONDS = 0.05  # between two pieces of what can wait


class LedgerWriter:
    """Stores items in the order in which they came.

    Args:
        store: stores all of them or none; raises sqlite3.Error.
        tend: does a piece of work that can wait; returns in how many seconds the next one is due.
        told: called with the reason when nothing can be stored, and with None when it can again.

    Attributes:
        dropped: items that were given up because too many waited.
    """

    def __init__(
        self,
        store: Callable[[Sequence[Item]], None],
        *,
        tend: Callable[[], float] | None = None,
        told: Callable[[str | None], None] = lambda reason: None,
        delay_seconds: float = DELAY_SECONDS,
        most: int = MOST,
    ) -> None:
        self._store = store
        self._tend = tend
        self._told = told
        self._delay_seconds = delay_seconds
        self._most = most
        self._waiting: deque[Item] = deque()
        self._in_hand = 0  # the first of the waiting ones are being stored
        self._changed = threading.Condition()
        self._hurry = False
        self._closing = False
        self._tries = 0
        self._passed = 0  # how many were stored or given up
        self._retry_seconds = 0.0
        self._tend_at = time.monotonic() + 60.0
        self.dropped = 0
        self.problem: str | None = None
        self._thread = threading.Thread(target=self._run, name="ledger", daemon=True)
        self._thread.start()
        # The last words of a process whose event loop is gone already.
        atexit.register(self.close)

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def add(self, item: Item) -> None:
        with self._changed:
            if len(self._waiting) >= self._most:
                self.dropped += 1
                if self._in_hand >= len(self._waiting):
                    return
                del self._waiting[self._in_hand]  # the oldest that is not being stored
                self._passed += 1
            self._waiting.append(item)
            if len(self._waiting) in (1, BATCH):
                self._changed.notify_all()

    def flush(self, timeout_seconds: float = 5.0) -> bool:
        """Store what waits now; returns whether all of it was."""
        with self._changed:
            all_of_it = self._passed + len(self._waiting)
            tries = self._tries + (2 if self._in_hand else 1)
            self._hurry = True
            self._changed.notify_all()

            def over() -> bool:
                failed = self._tries >= tries and self.problem is not None
                return self._passed >= all_of_it or failed or not self._thread.is_alive()

            self._changed.wait_for(over, timeout_seconds)
            return self._passed >= all_of_it

    def close(self, timeout_seconds: float = 10.0) -> None:
        """Store what waits and end; it may be called again."""
        atexit.unregister(self.close)
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join(timeout_seconds)

    # --- the thread ---------------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            batch, tend = self._next()
            if tend:
                self._do_tend()
            elif batch:
                self._try(batch)
                if self._closing and self.problem is not None:
                    log.error("requests were not stored", extra={"count": len(self._waiting)})
                    return
            elif self._closing:
                return

    def _next(self) -> tuple[list[Item], bool]:
        """What is to be stored now, and whether something that could wait is due instead."""
        with self._changed:
            left = None if self._tend is None else max(0.0, self._tend_at - time.monotonic())
            if left == 0 and self.problem is None and not self._closing:
                return [], True
            if not self._waiting and not self._closing:
                self._hurry = False
                self._changed.wait(left)
            if self._waiting and self.problem is None:
                self._changed.wait_for(
                    lambda: len(self._waiting) >= BATCH or self._hurry or self._closing,
                    self._delay_seconds,
                )
            elif self._waiting:
                self._changed.wait_for(lambda: self._hurry or self._closing, self._retry_seconds)
            batch = list(islice(self._waiting, _AT_ONCE))
            self._in_hand = len(batch)
            return batch, False

    def _try(self, batch: list[Item]) -> None:
        problem: str | None = None
        try:
            self._store(batch)
        except Exception as error:
            problem = str(error) if _passes(error) else self._one_by_one(batch)
        with self._changed:
            if problem is None:
                for _ in batch:
                    self._waiting.popleft()
                self._passed += len(batch)
            self._in_hand = 0
            self._tries += 1
            self._hurry = self._hurry and problem is None and bool(self._waiting)
            before, self.problem = self.problem, problem
            longer = min(self._retry_seconds * 2, _LAST_RETRY_SECONDS)
            self._retry_seconds = max(longer, _FIRST_RETRY_SECONDS) if problem else 0.0
            self._changed.notify_all()
        if (before is None) != (problem is None):
            self._told(problem)

    def _one_by_one(self, batch: list[Item]) -> str | None:
        """Store all but those that cannot be stored at all; returns why it has to be tried again.

        What was stored may be handed over again: the store knows it.
        """
        for item in batch:
            try:
                self._store([item])
            except Exception as error:
                if _passes(error):
                    return str(error)
                self.dropped += 1
                log.exception("a request could not be stored")
        return None

    def _do_tend(self) -> None:
        assert self._tend is not None
        try:
            pause = self._tend()
        except (sqlite3.Error, OSError) as error:
            log.warning("the ledger was not tidied", extra={"why": str(error)})
            pause = 60.0
        self._tend_at = time.monotonic() + max(pause, _TEND_SECONDS)


def _passes(error: Exception) -> bool:
    """Whether the same may succeed later: the disk or the database, and not what is stored."""
    damaged = type(error) is sqlite3.DatabaseError
    return damaged or isinstance(error, sqlite3.OperationalError | OSError)
