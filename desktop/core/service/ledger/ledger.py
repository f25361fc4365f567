"""The ledger as the service has it: takes every request that has ended, prices it, stores it."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from desktop.core.service.ledger.periods import start_of_month
from desktop.core.service.ledger.prices import Prices
from desktop.core.service.ledger.store import Entry, LedgerStore, Warned
from desktop.core.service.ledger.writer import DELAY_SECONDS, LedgerWriter
from desktop.core.service.requests import RequestRecord
from desktop.core.settings import Settings

log = logging.getLogger(__name__)

_DAY_SECONDS = 86400.0
_FIRST_PRUNING_SECONDS = 600.0  # not while everything starts
_BETWEEN_PIECES_SECONDS = 0.1


class Ledger:
    """Made and told of requests on the event loop; stores in a thread of its own.

    Args:
        settings: read anew whenever they matter.
        publish: tells events, from any thread.

    Attributes:
        store: for reading.
    """

    def __init__(
        self,
        database: Path,
        settings: Callable[[], Settings],
        publish: Callable[[str, dict[str, Any]], None],
        *,
        delay_seconds: float = DELAY_SECONDS,
    ) -> None:
        self._settings = settings
        self._publish = publish
        self.store = LedgerStore(database)
        self._known = self.store.last_number()
        # How far the wall clock went while time passed: a clock that was set is not trusted with
        # the deletion of anything.
        self._clocks = time.time(), time.monotonic()
        self._prune_at = time.monotonic() + _FIRST_PRUNING_SECONDS
        self._writer = LedgerWriter(
            self.store.write, tend=self._tend, told=self._told, delay_seconds=delay_seconds
        )

    @property
    def prices(self) -> Prices:
        return Prices(self._settings().prices)

    def note(self, record: RequestRecord) -> None:
        """A request has ended: price it, and store it within a second."""
        prices = self.prices
        prices.put_on(record)
        self._writer.add(Entry(record, prices.settings.currency))

    def keep_warning(self, warned: Warned) -> None:
        self._writer.add(warned)

    def flush(self, timeout_seconds: float = 5.0) -> bool:
        """Store what waits; whoever reads the ledger sees it then. Blocks."""
        return self._writer.flush(timeout_seconds)

    def close(self) -> None:
        """Store what waits and end. Blocks."""
        self._writer.close()
        self.store.close()

    def describe(self) -> dict[str, Any]:
        """How the storing goes: what waits in memory, what was lost, and why it waits."""
        writer = self._writer
        return {"held": writer.waiting, "dropped": writer.dropped, "problem": writer.problem}

    def spent(self) -> tuple[list[tuple[str, str, int, float]], list[Warned]]:
        """What each key used on each day before this run, and the warnings given. Blocks."""
        try:
            spent = self.store.spent(self._known, self._settings().prices.currency)
            return spent, self.store.warned()
        except sqlite3.Error as error:  # budgets begin anew: no reason not to start
            log.error("the ledger could not be read", extra={"why": str(error)})
            return [], []

    def _told(self, problem: str | None) -> None:
        document = self.describe()
        if problem is not None:
            log.warning("requests cannot be stored and are kept in memory", extra=document)
        else:
            log.info("requests are stored again", extra=document)
        self._publish("ledger.changed", document)

    # --- tidying ------------------------------------------------------------------------------

    def _tend(self) -> float:
        """Delete a piece of what is too old; returns in how many seconds the next one is due."""
        left = self._prune_at - time.monotonic()
        if left > 0:
            return left
        if self._clock_was_set():
            self._prune_at = time.monotonic() + _DAY_SECONDS
            return _DAY_SECONDS
        for table, before in self._too_old():
            if self.store.prune(table, before):
                return _BETWEEN_PIECES_SECONDS
        self._prune_at = time.monotonic() + _DAY_SECONDS
        return _DAY_SECONDS

    def _too_old(self) -> list[tuple[str, float]]:
        """Which tables to prune, and of when what is deleted."""
        settings, now = self._settings().ledger, time.time()
        answers = self._settings().server.exact_cache_days
        month = start_of_month(now)
        found = [
            ("budget_warnings", month - 400 * _DAY_SECONDS),
            ("ledger_texts", now - settings.prompt_days * _DAY_SECONDS),
            ("exact_cache", now - answers * _DAY_SECONDS),
        ]
        if settings.keep_days:
            # Budgets of this month are counted from it.
            found.append(("ledger", min(month, now - settings.keep_days * _DAY_SECONDS)))
        return found

    def _clock_was_set(self) -> bool:
        wall, passed = self._clocks
        drift = (time.time() - wall) - (time.monotonic() - passed)
        return abs(drift) > _DAY_SECONDS
