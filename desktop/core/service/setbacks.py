"""What went wrong with models lately, and what follows from it: a model that failed is left alone
for a while, and one that somebody wants to be there is brought back."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from desktop.core.errors import AppError, ErrorCode
from desktop.core.library.entry import ModelEntry
from desktop.core.service.load_request import LoadRequest
from desktop.core.service.loaded import Loaded
from desktop.core.service.roster import Roster

log = logging.getLogger(__name__)

COOL_DOWN_SECONDS = 15.0


class FailureRecord:
    """How often each model failed lately, and how long to wait before the next try."""

    WITHIN_SECONDS = 600.0
    MOST = 5  # within that time; then nobody brings it back but a person
    LONGEST_SECONDS = 60.0

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures: dict[str, list[float]] = {}

    def add(self, model_id: str) -> int:
        """Note a failure; returns how many there were within the time that counts."""
        now = self._clock()
        recent = [t for t in self._failures.get(model_id, ()) if now - t < self.WITHIN_SECONDS]
        self._failures[model_id] = [*recent, now]
        return len(recent) + 1

    def forget(self, model_id: str) -> None:
        self._failures.pop(model_id, None)

    def delay_seconds(self, failures: int) -> float:
        """Before the next try: 1, 2, 4 … seconds."""
        return min(self.LONGEST_SECONDS, 2.0 ** (failures - 1))


@dataclass(frozen=True)
class _Return:
    """A model that is to come back, as it was.

    Attributes:
        at: when it is tried, in seconds since 1970.
    """

    request: LoadRequest
    at: float
    task: asyncio.Task[None]


class Setbacks:
    """Lives on the service's event loop.

    Args:
        load: loads a model as asked, however many wait; raises AppError.
    """

    def __init__(
        self, roster: Roster, load: Callable[[ModelEntry, LoadRequest], Awaitable[object]]
    ) -> None:
        self._roster = roster
        self._load = load
        self._record = FailureRecord()
        self._cooling: dict[str, tuple[float, AppError]] = {}
        self._returns: dict[str, _Return] = {}
        self._closed = False

    # --- being left alone ---------------------------------------------------------------------

    def refusal(self, entry: ModelEntry) -> AppError | None:
        """What a request is told of a model that is left alone for now; None: it may have it."""
        until, error = self._cooling.get(entry.id, (0.0, None))
        left = until - time.monotonic()
        if left <= 0:
            return None
        return AppError(
            ErrorCode.LOAD_COOLING_DOWN, model=entry.id, reason=str(error), seconds=math.ceil(left)
        )

    def forgive(self, model_id: str) -> None:
        """Somebody asks for a load: what was before does not count."""
        self._cooling.pop(model_id, None)
        self._record.forget(model_id)

    # --- coming back --------------------------------------------------------------------------

    @property
    def returning(self) -> dict[str, float]:
        """The models that are brought back, and when, in seconds since 1970."""
        return {model_id: found.at for model_id, found in self._returns.items()}

    def wish(self, model_id: str) -> LoadRequest | None:
        """How a model is to be loaded that comes back; None: it does not."""
        found = self._returns.get(model_id)
        return None if found is None else found.request

    def give_up(self, model_id: str) -> None:
        """It is not to come back any more."""
        found = self._returns.pop(model_id, None)
        if found is not None:
            found.task.cancel()

    def close(self) -> None:
        self._closed = True
        for model_id in list(self._returns):
            self.give_up(model_id)

    def _bring_back(self, entry: ModelEntry, request: LoadRequest, failures: int) -> float | None:
        """Plan the next try; returns in how many seconds it comes, None: there is none."""
        self.give_up(entry.id)
        if self._closed or failures > FailureRecord.MOST:
            return None
        seconds = self._record.delay_seconds(failures)
        task = asyncio.create_task(self._return(entry, request, seconds))
        self._returns[entry.id] = _Return(request, time.time() + seconds, task)
        return seconds

    async def _return(self, entry: ModelEntry, request: LoadRequest, seconds: float) -> None:
        await asyncio.sleep(seconds)
        with contextlib.suppress(AppError):  # it was cancelled, which "model.failed" has told
            await self._load(entry, request)
        del self._returns[entry.id]  # where it failed or was given up, this task has been ended

    # --- what went wrong ----------------------------------------------------------------------

    def load_failed(self, loaded: Loaded, error: AppError) -> None:
        """Tell those who wait for the model; what was to come back is tried again."""
        entry, wish = loaded.entry, self.wish(loaded.entry.id)
        seconds = None
        if error.code is ErrorCode.CANCELLED:
            error = AppError(ErrorCode.LOAD_CANCELLED, model=entry.id)
        elif wish is not None and loaded.request.same_load(wish):
            failures = self._record.add(entry.id)
            seconds = self._bring_back(entry, wish, failures)
            self._cool(entry, self._record.delay_seconds(failures), error)
        elif not loaded.request.specific:  # else it failed by what only that one asked for
            self._cool(entry, COOL_DOWN_SECONDS, error)
        self._roster.forget(loaded)
        about = {"model": entry.id, "code": error.code.value, "restart_seconds": seconds}
        log.warning("load failed", extra=about)
        told = {"id": entry.id, "error": error.to_dict(), "restart_seconds": seconds}
        self._roster.publish("model.failed", told)
        self._roster.refuse(entry, error)

    def died(self, loaded: Loaded, death: AppError | None) -> None:
        """An engine ended by itself: bring it back where somebody wants it to be there."""
        entry = loaded.entry
        error = death or AppError(
            ErrorCode.ENGINE_DIED, model=entry.id, reason="It ended by itself."
        )
        deaths = self._record.add(entry.id)
        log.error("an engine died", extra={"model": entry.id, "why": str(error), "deaths": deaths})
        self._roster.forget(loaded)
        seconds = None
        if (loaded.asked or loaded.pinned) and loaded.leaving_at is None:
            minutes = -1.0 if loaded.keep_seconds is None else loaded.keep_seconds / 60
            as_it_was = replace(loaded.request, pinned=loaded.pinned, keep_minutes=minutes)
            seconds = self._bring_back(entry, as_it_was, deaths)
        told = {"id": entry.id, "error": error.to_dict(), "deaths": deaths}
        self._roster.publish("model.died", {**told, "restart_seconds": seconds})
        if deaths > 1:  # the first time the next request simply loads it again
            self._cool(entry, self._record.delay_seconds(deaths), error)
            if (refusal := self.refusal(entry)) is not None:
                self._roster.refuse(entry, refusal, loads=False)

    def _cool(self, entry: ModelEntry, seconds: float, error: AppError) -> None:
        self._cooling[entry.id] = (time.monotonic() + seconds, error)
