"""The one place that starts and stops engines: as many models as fit, on demand.

One load at a time; requests for models that are there go on meanwhile. A load that needs room
takes out idle models, those that are cheapest to bring back first. A busy model is never taken
away: it gets no new requests, answers those it has and those that came before, and then leaves, so
that nobody waits for ever. A pinned one stays.

Here is decided who gets what and when; `Loads` brings models in, `Exits` takes them out, `Setbacks`
knows what went wrong, and all of them share a `Roster`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

from desktop.core.errors import AppError, ErrorCode
from desktop.core.files import disk_full
from desktop.core.library.entry import ModelEntry
from desktop.core.service.exits import Exits
from desktop.core.service.load_request import LoadRequest
from desktop.core.service.loaded import Loaded, Loader, ModelState, Ticket
from desktop.core.service.loads import Loads
from desktop.core.service.roster import Publish, Roster
from desktop.core.service.setbacks import Setbacks

log = logging.getLogger(__name__)

DRAIN_SECONDS = 10.0


class Supervisor:
    """Lives on the service's event loop; all its state changes there.

    Args:
        queue_limit: how many may wait; asked anew each time.
        keep_seconds: how long a model that was loaded for a request stays after its last use;
            None: for ever. Asked anew at each load.
    """

    def __init__(
        self,
        loader: Loader,
        publish: Publish,
        queue_limit: Callable[[], int],
        grace_seconds: float,
        keep_seconds: Callable[[], float | None] = lambda: None,
    ) -> None:
        self._queue_limit = queue_limit
        self._keep_seconds = keep_seconds
        self._roster = Roster(publish)
        self._queue = self._roster.queue
        self._exits = Exits(self._roster, grace_seconds, left=self._pump)
        self._loads = Loads(self._roster, loader, self._exits, grace_seconds, died=self._died)
        self._setbacks = Setbacks(self._roster, self._load)
        self._coming: Loaded | None = None  # the one load there is
        self._change: asyncio.Task[None] | None = None  # and its task
        self._active = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._closing = False
        self._last_use = time.monotonic()
        self.staying = self._roster.staying
        self.served = 0

    # --- what others read ---------------------------------------------------------------------

    @property
    def models(self) -> tuple[Loaded, ...]:
        """In the engines, or on their way in or out; the latest last."""
        return self._roster.models

    def loaded(self, model_id: str | None) -> Loaded | None:
        return self._roster.find(model_id or "")

    def waits_for(self, model_id: str) -> Loaded | None:
        """The model on its way in for which requests of this one have to wait; None: for none."""
        loaded, coming = self._roster.find(model_id), self._coming
        here = loaded is not None and loaded.exit is None and loaded.leaving_at is None
        return None if here or coming is None or coming.entry.id == model_id else coming

    @property
    def waiting(self) -> int:
        return len(self._queue)

    @property
    def active(self) -> int:
        """Requests that are being answered, of all models."""
        return self._active

    @property
    def quiet_seconds(self) -> float:
        """For how long nobody has asked for an answer or a load; 0 while one is in progress. May
        be read from any thread."""
        if self._active or len(self._queue) or self._change is not None:
            return 0.0
        return time.monotonic() - self._last_use

    @property
    def wanted(self) -> set[str]:
        """The ids of the models that are in an engine, on their way, or waited for."""
        return {each.entry.id for each in (*self._queue, *self._roster.models)}

    @property
    def returning(self) -> dict[str, float]:
        """The models that are brought back after a failure, and when, in seconds since 1970."""
        return self._setbacks.returning

    def describe(self) -> list[dict[str, Any]]:
        return [loaded.to_dict() for loaded in self.models]

    def line(self) -> list[dict[str, Any]]:
        """Who waits, the first first."""
        now = time.monotonic()
        return [
            {"model": each.entry.id, "key": each.key, "waiting_seconds": round(now - each.since, 3)}
            for each in self._queue
        ]

    # --- asking -------------------------------------------------------------------------------

    @contextlib.asynccontextmanager
    async def slot(
        self,
        entry: ModelEntry,
        *,
        key: str | None = None,
        keep_seconds: float | None = None,
        answers: int = 1,
    ) -> AsyncIterator[Loaded]:
        """The model, loaded on demand, with a slot for each answer, for as long as the block runs.

        Args:
            key: whose request it is; keys share the slots evenly.
            keep_seconds: how long the model stays after it, 0: it leaves at once; negative: for
                ever; None: as long as was said before.
            answers: how many are written at the same time; at most, all slots of the model.

        Raises:
            AppError: QUEUE_FULL, LOAD_COOLING_DOWN, SERVICE_STOPPING, or why the load failed.
        """
        refusal = self._setbacks.refusal(entry)
        if refusal is not None and self._roster.find(entry.id) is None:
            raise refusal
        ticket = Ticket(entry, None, self._future(), key, keep_seconds, answers)
        self._check_line(ticket)
        loaded = await self._wait(ticket)
        try:
            yield loaded
        finally:
            self.served += 1
            self._end(loaded, ticket, keep_seconds)
            self._pump()

    async def load(
        self,
        entry: ModelEntry,
        request: LoadRequest,
        *,
        keep_seconds: float | None = None,
        for_now: bool = False,
    ) -> Loaded:
        """Load a model as asked; returns when it is ready. It stays until it is unloaded or makes
        room for another one, unless `keep_seconds` or what is saved for it says otherwise.

        Args:
            for_now: it is only to answer something now: it stays as long as a model that was
                loaded for a request, and one that is there already as long as was said before.
        """
        self._setbacks.forgive(entry.id)
        if not for_now:
            self._setbacks.give_up(entry.id)  # it is to be as it is asked for now
        ticket = Ticket(entry, request, self._future(), None, keep_seconds)
        ticket.for_now = for_now
        self._check_line(ticket)
        return await self._wait(ticket)

    async def unload(self, model_id: str) -> None:
        """Take a model out, its answers in progress first given DRAIN_SECONDS to end."""
        self._setbacks.give_up(model_id)
        loaded = self._roster.find(model_id)
        if loaded is None:
            return
        if loaded.state is ModelState.LOADING:
            loaded.cancel.cancel()
            self._roster.wake()
            if self._change is not None:
                await asyncio.wait({self._change})
        if self._roster.find(model_id) is loaded:
            await self._exits.take_out(loaded, DRAIN_SECONDS, "asked")

    async def wait_idle(self) -> None:
        """Return when no answer is in progress."""
        await self._idle.wait()

    async def close(self) -> None:
        """Refuse what waits, end what runs, and leave no engine behind."""
        self._closing = True
        self._setbacks.close()
        for ticket in self._queue.clear():
            ticket.refuse(AppError(ErrorCode.SERVICE_STOPPING))
        if self._coming is not None:
            self._coming.cancel.cancel()
        await asyncio.gather(*(self.unload(each.entry.id) for each in self.models))
        if self._change is not None:
            await asyncio.wait({self._change})

    @staticmethod
    def _future() -> asyncio.Future[Loaded]:
        return asyncio.get_running_loop().create_future()

    def _check_line(self, ticket: Ticket) -> None:
        """Raises AppError SERVICE_STOPPING, or QUEUE_FULL for one that would have to wait."""
        if self._closing:
            raise AppError(ErrorCode.SERVICE_STOPPING)
        waiting = len(self._queue)
        if waiting >= self._queue_limit() and not self._at_once(ticket):
            raise AppError(ErrorCode.QUEUE_FULL, waiting=waiting, seconds=5)

    def _at_once(self, ticket: Ticket) -> bool:
        """Whether it is granted without waiting: its model is there with slots that are free, and
        nobody waits for one."""
        loaded = self._roster.find(ticket.entry.id)
        if loaded is None or loaded.leaving_at is not None or not loaded.serves(ticket):
            return False
        others = self._roster.is_waited_for(ticket.entry.id)
        return ticket.request is not None or (loaded.has_room(ticket) and not others)

    async def _wait(self, ticket: Ticket) -> Loaded:
        self._queue.push(ticket)
        self._pump()
        try:
            return await ticket.granted
        except asyncio.CancelledError:
            if ticket in self._queue:
                self._queue.remove(ticket)
                self._roster.wake()
            elif ticket.request is None and ticket.was_granted:
                # Granted and abandoned in one moment.
                self._end(ticket.granted.result(), ticket, None)
            self._pump()
            raise

    async def _load(self, entry: ModelEntry, request: LoadRequest) -> None:
        """Bring a model back; it waits however long the line is."""
        await self._wait(Ticket(entry, request, self._future()))

    # --- deciding -----------------------------------------------------------------------------

    def _pump(self) -> None:
        """Grant what can be granted; begin the load the first in line needs."""
        self._roster.wake()
        if self._closing:
            return
        full: set[str] = set()  # nobody overtakes one that waits for several slots
        for ticket in self._queue:
            loaded = self._roster.find(ticket.entry.id)
            if ticket.granted.done():
                self._queue.remove(ticket)
            elif loaded is not None and loaded.serves(ticket):
                if ticket.request is None and (
                    ticket.entry.id in full or not loaded.has_room(ticket)
                ):
                    full.add(ticket.entry.id)
                else:
                    self._grant(loaded, ticket)
            elif self._change is None and (loaded is None or loaded.state is ModelState.READY):
                self._change = asyncio.create_task(self._bring(ticket))

    def _grant(self, loaded: Loaded, ticket: Ticket) -> None:
        if ticket.request is None:
            self._begin(loaded, ticket)
        elif ticket.for_now:
            loaded.used()
            self._exits.keep(loaded)
        else:
            self._asked(loaded, ticket.request, ticket.keep_seconds)
        self._queue.serve(ticket)
        ticket.granted.set_result(loaded)

    def _asked(self, loaded: Loaded, request: LoadRequest, keep_seconds: float | None) -> None:
        """Somebody wants this model by name: it stays unless they say otherwise."""
        loaded.asked = True
        if request.pinned is not None:
            loaded.pinned = request.pinned
        minutes = loaded.prepared.request.keep_minutes if loaded.prepared else None
        if request.keep_minutes is not None:
            minutes = request.keep_minutes
        if keep_seconds is None:
            keep_seconds = -1.0 if minutes is None else minutes * 60
        self._exits.keep(loaded, keep_seconds)
        self._roster.tell(loaded)

    def _begin(self, loaded: Loaded, ticket: Ticket) -> None:
        loaded.begin(ticket)
        self._active += 1
        self._idle.clear()

    def _end(self, loaded: Loaded, ticket: Ticket, keep_seconds: float | None) -> None:
        loaded.end(ticket)
        self._active -= 1
        self._last_use = time.monotonic()
        if self._active == 0:
            self._idle.set()
        self._exits.keep(loaded, keep_seconds)

    async def _bring(self, ticket: Ticket) -> None:
        """Load the model a ticket waits for; what comes of it is told to all who wait for it."""
        entry = ticket.entry
        wish = self._setbacks.wish(entry.id)
        asked = not ticket.for_now if ticket.request is not None else wish is not None
        loaded = Loaded(entry, ticket.request or wish or LoadRequest(), asked)
        loaded.keep_seconds = None if asked else self._keep_seconds()
        self._coming = loaded
        try:
            await self._loads.bring_in(loaded, ticket)
        except AppError as error:
            self._setbacks.load_failed(loaded, error)
        except Exception as error:
            log.exception("a load failed", extra={"model": entry.id})
            full = disk_full(error, "") if isinstance(error, OSError) else None
            reason = f"{type(error).__name__}: {error}"
            self._setbacks.load_failed(loaded, full or AppError(ErrorCode.INTERNAL, reason=reason))
        self._last_use = time.monotonic()
        self._coming = self._change = None
        self._pump()

    def _died(self, loaded: Loaded, death: AppError | None) -> None:
        self._setbacks.died(loaded, death)
        self._pump()
