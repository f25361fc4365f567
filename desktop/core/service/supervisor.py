"""The one place that starts and stops engines: as many models as fit, on demand.

One load at a time; requests for models that are there go on meanwhile. A load that needs room
takes out idle models, those that are cheapest to bring back first. A busy model is never taken
away: it gets no new requests, answers those it has and those that came before, and then leaves, so
that nobody waits for ever. A pinned one stays.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from dataclasses import replace
from typing import Any

from desktop.core.engine.serverstate import ServerState, ServerStatus
from desktop.core.errors import AppError, ErrorCode
from desktop.core.files import disk_full
from desktop.core.library.entry import ModelEntry
from desktop.core.service.admission import standing
from desktop.core.service.load_request import LoadRequest
from desktop.core.service.loaded import (
    DeathRecord,
    Loaded,
    Loader,
    ModelState,
    Prepared,
    Standing,
    Ticket,
)
from desktop.core.service.queue import FairQueue

log = logging.getLogger(__name__)

Publish = Callable[[str, dict[str, Any]], None]
COOL_DOWN_SECONDS = 15.0
DRAIN_SECONDS = 10.0
# How often a load looks for room before it gives up: others may have taken what it made.
_MOST_ROUNDS = 6


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
        self._loader = loader
        self._publish = publish
        self._queue_limit = queue_limit
        self._grace_seconds = grace_seconds
        self._keep_seconds = keep_seconds
        self._queue = FairQueue()
        self._models: dict[str, Loaded] = {}
        self._change: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()  # something changed that a load may wait for
        self._failed: dict[str, tuple[float, AppError]] = {}
        self._deaths = DeathRecord()
        self._errands: set[asyncio.Task[Any]] = set()
        self._returning: dict[str, asyncio.Task[None]] = {}  # after a crash, by model
        self._active = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._closing = False
        self.staying: Counter[str] = Counter()  # ids that make no room for others for now
        self._last_use = time.monotonic()
        self.served = 0
        self.evictions = 0
        self.loads = 0

    # --- what others read ---------------------------------------------------------------------

    @property
    def models(self) -> tuple[Loaded, ...]:
        """In the engines, or on their way in or out; the latest last."""
        return tuple(self._models.values())

    def loaded(self, model_id: str | None) -> Loaded | None:
        return self._models.get(model_id or "")

    @property
    def waiting(self) -> int:
        return len(self._queue)

    @property
    def active(self) -> int:
        """Answers in progress, of all models."""
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
        return {ticket.entry.id for ticket in self._queue} | set(self._models)

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
        self, entry: ModelEntry, *, key: str | None = None, keep_seconds: float | None = None
    ) -> AsyncIterator[Loaded]:
        """One slot of the model, loaded on demand, for as long as the block runs.

        Args:
            key: whose request it is; keys share the slots evenly.
            keep_seconds: how long the model stays after it, 0: it leaves at once; negative: for
                ever; None: as long as was said before.

        Raises:
            AppError: QUEUE_FULL, LOAD_COOLING_DOWN, SERVICE_STOPPING, or why the load failed.
        """
        if entry.id in self._failed and self._failed[entry.id][0] > time.monotonic():
            raise self._cooling(entry)
        ticket = Ticket(entry, None, self._future(), key, keep_seconds)
        loaded = await self._wait(ticket)
        try:
            yield loaded
        finally:
            self.served += 1
            self._end(loaded, keep_seconds)
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
        self._failed.pop(entry.id, None)
        self._deaths.forget(entry.id)
        ticket = Ticket(entry, request, self._future(), None, keep_seconds)
        ticket.for_now = for_now
        return await self._wait(ticket)

    async def unload(self, model_id: str) -> None:
        """Take a model out, its answers in progress first given DRAIN_SECONDS to end."""
        returning = self._returning.pop(model_id, None)
        if returning is not None:
            returning.cancel()
        loaded = self._models.get(model_id)
        if loaded is None:
            return
        if loaded.state is ModelState.LOADING:
            loaded.cancel.cancel()
            self._wake.set()
            if self._change is not None:
                await asyncio.wait({self._change})
        if self._models.get(model_id) is loaded:
            await self._take_out(loaded, DRAIN_SECONDS)

    async def wait_idle(self) -> None:
        """Return when no answer is in progress."""
        await self._idle.wait()

    async def close(self) -> None:
        """Refuse what waits, end what runs, and leave no engine behind."""
        self._closing = True
        for ticket in self._queue.clear():
            if not ticket.granted.done():
                ticket.granted.set_exception(AppError(ErrorCode.SERVICE_STOPPING))
        for task in list(self._errands):
            task.cancel()
        await asyncio.gather(*(self.unload(each.entry.id) for each in self.models))
        if self._change is not None:
            await asyncio.wait({self._change})

    @staticmethod
    def _future() -> asyncio.Future[Loaded]:
        return asyncio.get_running_loop().create_future()

    async def _wait(self, ticket: Ticket) -> Loaded:
        if self._closing:
            raise AppError(ErrorCode.SERVICE_STOPPING)
        waiting = len(self._queue)
        if waiting >= self._queue_limit() and not self._at_once(ticket):
            raise AppError(ErrorCode.QUEUE_FULL, waiting=waiting, seconds=5)
        self._queue.push(ticket)
        self._pump()
        try:
            return await ticket.granted
        except asyncio.CancelledError:
            if ticket in self._queue:
                self._queue.remove(ticket)
                self._wake.set()
            elif ticket.request is None and ticket.was_granted:
                self._end(ticket.granted.result(), None)  # granted and abandoned in one moment
            self._pump()
            raise

    def _at_once(self, ticket: Ticket) -> bool:
        """Whether it is granted without waiting: its model is there with a free slot, and nobody
        waits for one."""
        loaded = self._models.get(ticket.entry.id)
        if loaded is None or loaded.leaving_at is not None or not loaded.serves(ticket):
            return False
        others = any(each.entry.id == ticket.entry.id for each in self._queue)
        return ticket.request is not None or (loaded.active < loaded.slots and not others)

    def _cooling(self, entry: ModelEntry) -> AppError:
        """What a request is told of a model that is left alone for a while."""
        until, error = self._failed[entry.id]
        seconds = max(1, math.ceil(until - time.monotonic()))
        return AppError(
            ErrorCode.LOAD_COOLING_DOWN, model=entry.id, reason=str(error), seconds=seconds
        )

    # --- deciding -----------------------------------------------------------------------------

    def _pump(self) -> None:
        """Grant what can be granted; begin the change the first in line needs."""
        self._wake.set()
        if self._closing:
            return
        for ticket in self._queue:
            loaded = self._models.get(ticket.entry.id)
            if ticket.granted.done():
                self._queue.remove(ticket)
            elif loaded is not None and loaded.serves(ticket):
                self._grant(loaded, ticket)
            elif self._change is None and (loaded is None or loaded.state is ModelState.READY):
                self._change = asyncio.create_task(self._bring(ticket))

    def _grant(self, loaded: Loaded, ticket: Ticket) -> None:
        if ticket.request is None:
            if loaded.active >= loaded.slots:
                return
            self._begin(loaded)
        elif ticket.for_now:
            loaded.used()
            self._keep(loaded, None)
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
        self._keep(loaded, keep_seconds)
        self._tell(loaded)

    def _begin(self, loaded: Loaded) -> None:
        loaded.active += 1
        loaded.used()
        loaded.stop_clock()
        self._active += 1
        self._idle.clear()

    def _end(self, loaded: Loaded, keep_seconds: float | None) -> None:
        loaded.active -= 1
        loaded.used()
        self._active -= 1
        self._last_use = time.monotonic()
        if self._active == 0:
            self._idle.set()
        self._keep(loaded, keep_seconds)

    def _is_idle(self, loaded: Loaded) -> bool:
        """Whether nobody uses it or is to be served by it before it may leave."""
        return not loaded.active and not any(
            ticket.request is None and ticket.entry.id == loaded.entry.id and loaded.serves(ticket)
            for ticket in self._queue
        )

    # --- time to live -------------------------------------------------------------------------

    def _keep(self, loaded: Loaded, keep_seconds: float | None) -> None:
        """Set how long a model stays, and the clock for it."""
        if keep_seconds is not None:
            loaded.keep_seconds = keep_seconds if keep_seconds >= 0 else None
        loaded.stop_clock()
        seconds = loaded.keep_seconds
        if seconds is None or loaded.pinned or loaded.active or loaded.gone.is_set():
            return
        loop = asyncio.get_running_loop()
        left = max(0.0, loaded.last_use + seconds - time.monotonic())
        loaded.timer = loop.call_later(left, self._expire, loaded)

    def _expire(self, loaded: Loaded) -> None:
        loaded.timer = None
        if loaded.state is ModelState.READY and self._is_idle(loaded):
            log.info("a model was not used any more", extra={"model": loaded.entry.id})
            self._errand(self._take_out(loaded, 0.0, "idle"))

    def _errand(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)
        return task

    # --- one load -----------------------------------------------------------------------------

    async def _bring(self, ticket: Ticket) -> None:
        asked = ticket.request is not None and not ticket.for_now
        loaded = Loaded(ticket.entry, ticket.request or LoadRequest(), asked)
        loaded.keep_seconds = None if asked else self._keep_seconds()
        try:
            await asyncio.to_thread(self._loader.check, loaded.entry, loaded.request)
            before = self._models.get(loaded.entry.id)
            if before is not None:  # there with other settings
                await self._vacate([before], ticket)
            if self._closing:
                raise AppError(ErrorCode.CANCELLED)
            self._models[loaded.entry.id] = loaded
            self._tell(loaded)
            await self._bring_in(loaded, ticket)
        except AppError as error:
            self._load_failed(loaded, error)
        except Exception as error:
            log.exception("a load failed", extra={"model": loaded.entry.id})
            full = disk_full(error, "") if isinstance(error, OSError) else None
            reason = f"{type(error).__name__}: {error}"
            self._load_failed(loaded, full or AppError(ErrorCode.INTERNAL, reason=reason))
        self._last_use = time.monotonic()
        self._change = None
        self._pump()

    async def _bring_in(self, loaded: Loaded, ticket: Ticket) -> None:
        started = time.monotonic()
        prepared = await self._make_room(loaded, ticket)
        while True:
            try:
                await self._run(loaded, prepared)
                break
            except AppError as error:
                if error.code is not ErrorCode.ENGINE_OUT_OF_MEMORY:
                    raise
                lighter = await asyncio.to_thread(self._loader.lighter, loaded.entry, prepared)
                if lighter is None:
                    raise
                prepared = lighter
                told = prepared.notices[-1]
                log.warning(told.text, extra={"model": loaded.entry.id, "code": told.code})
        self.loads += 1
        loaded.load_seconds = round(time.monotonic() - started, 3)
        loaded.state, loaded.stage, loaded.progress = ModelState.READY, "ready", 1.0
        self._failed.pop(loaded.entry.id, None)
        loaded.pinned = bool(prepared.request.pinned)
        minutes = prepared.request.keep_minutes
        if minutes is not None:
            loaded.keep_seconds = minutes * 60 if minutes >= 0 else None
        loaded.used()
        for waiting in self._queue:
            waiting.boarded |= waiting.entry.id == loaded.entry.id
        self._tell(loaded)
        server = loaded.server
        assert server is not None
        if server.state is ServerState.ENDED:  # its end came before it counted as ready
            self._died(loaded, server.death)
            return
        try:
            await asyncio.to_thread(self._loader.loaded, loaded.entry, prepared, server)
        except Exception:  # a full disk, say: nothing is learned from this load
            log.exception("a load was not written down", extra={"model": loaded.entry.id})
        self._keep(loaded, None)  # the clock runs from the moment in which who waits is served

    async def _make_room(self, loaded: Loaded, ticket: Ticket) -> Prepared:
        """Decide the load, and take out what stands in its way."""
        expected = None
        for _ in range(_MOST_ROUNDS):
            await self._wait_for_leaving(loaded)
            prepared = await asyncio.to_thread(
                self._loader.prepare,
                loaded.entry,
                loaded.request,
                loaded.cancel,
                self._standing(loaded),
                expected,
            )
            loaded.prepared = prepared
            loaded.cancel.raise_if_cancelled()
            leaving = [self._models[each] for each in prepared.victims if each in self._models]
            if not leaving:
                return prepared
            loaded.stage = "making room"
            self._tell(loaded)
            await self._vacate(leaving, ticket, loaded)
            for each in leaving:
                self.evictions += 1
                log.info(
                    "a model made room",
                    extra={"model": each.entry.id, "for": loaded.entry.id},
                )
            expected = prepared.settings
        return replace(prepared, victims=())

    async def _wait_for_leaving(self, loaded: Loaded) -> None:
        """Models on their way out still hold their memory: a load is priced when they have gone."""
        for each in self.models:
            if each is not loaded and each.exit is not None:
                await asyncio.wait({each.exit})

    def _standing(self, loaded: Loaded) -> tuple[Standing, ...]:
        return tuple(
            replace(
                standing(each, idle=self._is_idle(each)),
                pinned=each.pinned or self.staying[each.entry.id] > 0,
            )
            for each in self.models
            if each is not loaded and each.state is ModelState.READY
        )

    async def _run(self, loaded: Loaded, prepared: Prepared) -> None:
        """Start the engine and wait until it serves."""
        loop = asyncio.get_running_loop()

        def changed(status: ServerStatus) -> None:  # called by the engine's reader thread
            with contextlib.suppress(RuntimeError):  # the loop is closed: the service has ended
                loop.call_soon_threadsafe(self._engine_changed, loaded, server, status)

        loaded.prepared = prepared
        loaded.server = server = prepared.new_server(changed)
        try:
            await asyncio.to_thread(server.start)
            await asyncio.to_thread(server.wait_ready, None, loaded.cancel)
        except AppError:
            await asyncio.to_thread(server.stop, self._grace_seconds)
            raise

    def _load_failed(self, loaded: Loaded, error: AppError) -> None:
        if error.code is ErrorCode.CANCELLED:
            error = AppError(ErrorCode.LOAD_CANCELLED, model=loaded.entry.id)
        elif not loaded.request.specific:  # else it failed by what only that one asked for
            self._failed[loaded.entry.id] = (time.monotonic() + COOL_DOWN_SECONDS, error)
        self._forget(loaded)
        log.warning("load failed", extra={"model": loaded.entry.id, "code": error.code.value})
        self._publish("model.failed", {"id": loaded.entry.id, "error": error.to_dict()})
        self._refuse(loaded.entry, error)

    def _refuse(self, entry: ModelEntry, error: AppError, *, loads: bool = True) -> None:
        """Tell those who wait for a model (without `loads`: for a slot of it) that it is not to be
        had."""
        for ticket in self._queue:
            if ticket.entry.id == entry.id and (loads or ticket.request is None):
                self._queue.remove(ticket)
                if not ticket.granted.done():
                    ticket.granted.set_exception(error)

    # --- leaving ------------------------------------------------------------------------------

    async def _vacate(
        self, leaving: Iterable[Loaded], ticket: Ticket, loaded: Loaded | None = None
    ) -> None:
        """Take models out as soon as those that came before `ticket` have been answered.

        Raises:
            AppError: CANCELLED, where the load was cancelled or nobody waits for it any more.
        """
        going = list(leaving)
        for each in going:
            each.leaving_at = ticket.place
        try:
            for each in going:
                while not (each.gone.is_set() or each.exit or self._is_idle(each)):
                    if loaded is not None:
                        loaded.cancel.raise_if_cancelled()
                    if not any(one.entry.id == ticket.entry.id for one in self._queue):
                        raise AppError(ErrorCode.CANCELLED)
                    self._wake.clear()
                    await self._wake.wait()
                await self._take_out(each, 0.0, "room")
        finally:
            for each in going:
                each.leaving_at = None

    async def _take_out(self, loaded: Loaded, drain_seconds: float, reason: str = "asked") -> None:
        """Stop a model's engine, once: who asks again waits for the same end."""
        if loaded.exit is None:
            if loaded.gone.is_set():  # it died meanwhile
                return
            loaded.state, loaded.stage = ModelState.STOPPING, "stopping"
            loaded.exit = asyncio.create_task(self._exit(loaded, drain_seconds, reason))
        await asyncio.shield(loaded.exit)

    async def _exit(self, loaded: Loaded, drain_seconds: float, reason: str) -> None:
        self._tell(loaded)
        if drain_seconds:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(drain_seconds):
                    while loaded.active:
                        self._wake.clear()
                        await self._wake.wait()
        try:
            if loaded.server is not None:
                await asyncio.to_thread(loaded.server.stop, self._grace_seconds)
        finally:
            self._forget(loaded)
            self._publish("model.unloaded", {"id": loaded.entry.id, "reason": reason})
            self._pump()

    def _engine_changed(self, loaded: Loaded, server: object, status: ServerStatus) -> None:
        if self._models.get(loaded.entry.id) is not loaded or loaded.server is not server:
            return
        if loaded.state is ModelState.LOADING and status.stage is not None:
            loaded.stage, loaded.progress = status.stage.value, status.value
            self._tell(loaded)
        if loaded.state is ModelState.READY and status.state is ServerState.ENDED:
            self._died(loaded, status.death)

    def _died(self, loaded: Loaded, death: AppError | None) -> None:
        """An engine ended by itself: bring it back where somebody wants it to be there."""
        entry = loaded.entry
        error = death or AppError(
            ErrorCode.ENGINE_DIED, model=entry.id, reason="It ended by itself."
        )
        deaths = self._deaths.add(entry.id)
        delay = self._deaths.delay_seconds(deaths)
        wanted = (loaded.asked or loaded.pinned) and loaded.leaving_at is None
        again = wanted and deaths <= DeathRecord.MOST and not self._closing
        log.error("an engine died", extra={"model": entry.id, "why": str(error), "deaths": deaths})
        self._forget(loaded)
        self._publish(
            "model.died",
            {
                "id": entry.id,
                "error": error.to_dict(),
                "deaths": deaths,
                "restart_seconds": delay if again else None,
            },
        )
        if again:
            self._returning[entry.id] = self._errand(self._restart(loaded, delay))
        if deaths > 1:  # the first time the next request simply loads it again
            self._failed[entry.id] = (time.monotonic() + delay, error)
            self._refuse(entry, self._cooling(entry), loads=False)
        self._pump()

    async def _restart(self, loaded: Loaded, delay: float) -> None:
        await asyncio.sleep(delay)
        self._returning.pop(loaded.entry.id, None)
        if self._models.get(loaded.entry.id) is None:
            request = replace(loaded.request, pinned=loaded.pinned)
            ticket = Ticket(loaded.entry, request, self._future())
            ticket.keep_seconds = -1.0 if loaded.keep_seconds is None else loaded.keep_seconds
            with contextlib.suppress(AppError):  # told by "model.failed"
                await self._wait(ticket)

    def _forget(self, loaded: Loaded) -> None:
        loaded.gone.set()
        loaded.stop_clock()
        if self._models.get(loaded.entry.id) is loaded:
            del self._models[loaded.entry.id]

    def _tell(self, loaded: Loaded) -> None:
        self._publish("model.changed", loaded.to_dict())
