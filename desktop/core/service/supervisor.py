"""The one place that starts and stops engines: one model at a time, on demand, first come first.

Requests and explicit loads wait in one line. A busy model is never taken away: a request for
another model waits until the answers in progress have ended, and those that come after it wait
behind it, so that nobody waits for ever.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from desktop.core.engine.flags import LoadSettings
from desktop.core.engine.server import EngineServer
from desktop.core.engine.serverstate import ServerState, ServerStatus
from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken, Notice
from desktop.core.files import disk_full
from desktop.core.fit.estimate import Estimate
from desktop.core.fit.report import predicted_and_real
from desktop.core.library.entry import ModelEntry
from desktop.core.service.load_request import LoadRequest

log = logging.getLogger(__name__)

Publish = Callable[[str, dict[str, Any]], None]
COOL_DOWN_SECONDS = 15.0
DRAIN_SECONDS = 10.0


class ModelState(StrEnum):
    LOADING = "loading"
    READY = "ready"
    STOPPING = "stopping"


@dataclass(frozen=True)
class Prepared:
    """A load that was decided: settings, its price, and the engine that will run it.

    Attributes:
        notices: what was decided otherwise than one would expect, such as a smaller context.
    """

    settings: LoadSettings
    estimate: Estimate | None
    new_server: Callable[[Callable[[ServerStatus], None]], EngineServer]
    notices: tuple[Notice, ...] = ()


class Loader(Protocol):
    """Decides how a model is loaded and learns from it; called in worker threads."""

    def check(self, entry: ModelEntry, request: LoadRequest) -> None:
        """Raises AppError for what is wrong whatever the memory; nothing is taken out for it."""

    def prepare(self, entry: ModelEntry, request: LoadRequest, cancel: CancelToken) -> Prepared:
        """Raises AppError where it cannot be loaded, LOAD_WONT_FIT among others."""

    def loaded(self, entry: ModelEntry, prepared: Prepared, server: EngineServer) -> None:
        """A load succeeded: what the engine reports can be kept beside what was predicted."""


@dataclass
class Loaded:
    """The model in the engine, or on its way in or out."""

    entry: ModelEntry
    request: LoadRequest
    state: ModelState = ModelState.LOADING
    stage: str = "checking memory"
    progress: float | None = None
    prepared: Prepared | None = None
    server: EngineServer | None = None
    active: int = 0
    since: float = field(default_factory=time.time)
    last_used: float = field(default_factory=time.time)
    cancel: CancelToken = field(default_factory=CancelToken)
    gone: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def slots(self) -> int:
        return self.prepared.settings.slots if self.prepared else 0

    def to_dict(self) -> dict[str, Any]:
        memory = self.server.memory if self.server else ()
        prepared = self.prepared
        estimate = prepared.estimate if prepared else None
        # While it loads the engine has reported a part of its buffers: no figure to compare with.
        reported = memory if self.state is ModelState.READY else ()
        return {
            "id": self.entry.id,
            "state": self.state.value,
            "stage": self.stage,
            "progress": self.progress,
            "memory_bytes": sum(device.total_bytes for device in memory) if memory else None,
            "memory": [device.to_dict() for device in memory],
            "estimate": estimate.to_dict() if estimate else None,
            "parts": predicted_and_real(estimate, reported),
            "notices": [vars(notice) for notice in prepared.notices] if prepared else [],
            "settings": prepared.settings.to_dict() if prepared else None,
            "active_requests": self.active,
            "slots": self.slots,
            "pid": self.server.pid if self.server else None,
            "since": self.since,
            "last_used": self.last_used,
        }


@dataclass
class _Ticket:
    entry: ModelEntry
    request: LoadRequest | None  # None: any loaded state will do, and a slot is wanted
    granted: asyncio.Future[Loaded]


class Supervisor:
    """Lives on the service's event loop; all its state changes there."""

    def __init__(
        self, loader: Loader, publish: Publish, queue_limit: int, grace_seconds: float
    ) -> None:
        self._loader = loader
        self._publish = publish
        self._queue_limit = queue_limit
        self._grace_seconds = grace_seconds
        self._tickets: deque[_Ticket] = deque()
        self._change: asyncio.Task[None] | None = None
        self._failed: dict[str, tuple[float, AppError]] = {}
        self._active = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._closing = False
        self._last_use = time.monotonic()
        self.current: Loaded | None = None
        self.served = 0

    @property
    def waiting(self) -> int:
        return len(self._tickets)

    @property
    def quiet_seconds(self) -> float:
        """For how long nobody has asked for an answer or a load; 0 while one is in progress. May
        be read from any thread."""
        if self._active or self._tickets or self._change is not None:
            return 0.0
        return time.monotonic() - self._last_use

    @property
    def wanted(self) -> set[str]:
        """The ids of the models that are in the engine, on their way, or waited for."""
        waiting = {ticket.entry.id for ticket in self._tickets}
        return waiting | ({self.current.entry.id} if self.current else set())

    def describe(self) -> list[dict[str, Any]]:
        return [self.current.to_dict()] if self.current else []

    # --- asking -------------------------------------------------------------------------------

    @contextlib.asynccontextmanager
    async def slot(self, entry: ModelEntry) -> AsyncIterator[Loaded]:
        """One slot of the model, loaded on demand, for as long as the block runs.

        Raises:
            AppError: QUEUE_FULL, LOAD_COOLING_DOWN, SERVICE_STOPPING, or why the load failed.
        """
        self._check_cool_down(entry)
        loaded = await self._wait(_Ticket(entry, None, self._future()))
        try:
            yield loaded
        finally:
            self.served += 1
            self._end(loaded)
            self._pump()

    async def load(self, entry: ModelEntry, request: LoadRequest) -> Loaded:
        """Load a model as asked, after the answers in progress; returns when it is ready."""
        self._failed.pop(entry.id, None)
        return await self._wait(_Ticket(entry, request, self._future()))

    async def unload(self, model_id: str) -> None:
        """Take a model out, its answers in progress first given DRAIN_SECONDS to end."""
        current = self.current
        if current is None or current.entry.id != model_id:
            return
        if current.state is ModelState.LOADING:
            current.cancel.cancel()
        if self._change is not None:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.shield(self._change)
        if self.current is current:
            self._change = asyncio.create_task(self._take_out(current, DRAIN_SECONDS))
            await asyncio.shield(self._change)

    async def wait_idle(self) -> None:
        """Return when no answer is in progress."""
        await self._idle.wait()

    async def close(self) -> None:
        """Refuse what waits, end what runs, and leave no engine behind."""
        self._closing = True
        for ticket in self._tickets:
            if not ticket.granted.done():
                ticket.granted.set_exception(AppError(ErrorCode.SERVICE_STOPPING))
        self._tickets.clear()
        if self.current is not None:
            await self.unload(self.current.entry.id)

    @staticmethod
    def _future() -> asyncio.Future[Loaded]:
        return asyncio.get_running_loop().create_future()

    async def _wait(self, ticket: _Ticket) -> Loaded:
        if self._closing:
            raise AppError(ErrorCode.SERVICE_STOPPING)
        if len(self._tickets) >= self._queue_limit:
            raise AppError(ErrorCode.QUEUE_FULL, waiting=len(self._tickets), seconds=5)
        self._tickets.append(ticket)
        self._pump()
        try:
            return await ticket.granted
        except asyncio.CancelledError:
            if ticket in self._tickets:
                self._tickets.remove(ticket)
            elif ticket.request is None and _was_granted(ticket):
                self._end(ticket.granted.result())  # granted and abandoned in the same moment
            self._pump()
            raise

    def _check_cool_down(self, entry: ModelEntry) -> None:
        until, error = self._failed.get(entry.id, (0.0, None))
        left = until - time.monotonic()
        if error is not None and left > 0:
            raise AppError(
                ErrorCode.LOAD_COOLING_DOWN,
                model=entry.id,
                reason=str(error),
                seconds=max(1, round(left)),
            )

    def _begin(self, loaded: Loaded) -> None:
        loaded.active += 1
        loaded.last_used = time.time()
        self._active += 1
        self._idle.clear()

    def _end(self, loaded: Loaded) -> None:
        loaded.active -= 1
        loaded.last_used = time.time()
        self._active -= 1
        self._last_use = time.monotonic()
        if self._active == 0:
            self._idle.set()

    # --- deciding -----------------------------------------------------------------------------

    def _pump(self) -> None:
        """Grant what can be granted; begin the change the first in line needs."""
        while self._tickets and self._change is None:
            ticket = self._tickets[0]
            if ticket.granted.done():
                self._tickets.popleft()
                continue
            current = self.current
            if current is not None and self._serves(current, ticket):
                if ticket.request is None:
                    if current.active >= current.slots:
                        return
                    self._begin(current)
                self._tickets.popleft()
                ticket.granted.set_result(current)
                continue
            if current is not None and current.active > 0:
                return
            self._change = asyncio.create_task(self._switch(ticket))

    @staticmethod
    def _serves(current: Loaded, ticket: _Ticket) -> bool:
        if current.state is not ModelState.READY or current.entry.id != ticket.entry.id:
            return False
        wanted = ticket.request
        return wanted is None or not wanted.specific or wanted == current.request

    async def _switch(self, ticket: _Ticket) -> None:
        loaded = Loaded(ticket.entry, ticket.request or LoadRequest())
        try:
            await asyncio.to_thread(self._loader.check, loaded.entry, loaded.request)
            if self.current is not None:
                await self._take_out(self.current, 0.0, last=False)
            self.current = loaded
            self._tell(loaded)
            await self._bring_in(loaded)
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

    async def _bring_in(self, loaded: Loaded) -> None:
        loop = asyncio.get_running_loop()
        entry = loaded.entry
        prepared = await asyncio.to_thread(
            self._loader.prepare, entry, loaded.request, loaded.cancel
        )
        loaded.prepared = prepared
        loaded.cancel.raise_if_cancelled()

        def changed(status: ServerStatus) -> None:  # called by the engine's reader thread
            with contextlib.suppress(RuntimeError):  # the loop is closed: the service has ended
                loop.call_soon_threadsafe(self._engine_changed, loaded, status)

        loaded.server = server = prepared.new_server(changed)
        try:
            await asyncio.to_thread(server.start)
            await asyncio.to_thread(server.wait_ready, None, loaded.cancel)
        except AppError:
            await asyncio.to_thread(server.stop, self._grace_seconds)
            raise
        loaded.state, loaded.stage, loaded.progress = ModelState.READY, "ready", 1.0
        self._failed.pop(entry.id, None)
        self._tell(loaded)
        await asyncio.to_thread(self._loader.loaded, entry, prepared, loaded.server)

    def _load_failed(self, loaded: Loaded, error: AppError) -> None:
        if error.code is ErrorCode.CANCELLED:
            error = AppError(ErrorCode.LOAD_CANCELLED, model=loaded.entry.id)
        elif not loaded.request.specific:  # else it failed by what only that one asked for
            self._failed[loaded.entry.id] = (time.monotonic() + COOL_DOWN_SECONDS, error)
        self._forget(loaded)
        log.warning("load failed", extra={"model": loaded.entry.id, "code": error.code.value})
        self._publish("model.failed", {"id": loaded.entry.id, "error": error.to_dict()})
        for ticket in [t for t in self._tickets if t.entry.id == loaded.entry.id]:
            self._tickets.remove(ticket)
            if not ticket.granted.done():
                ticket.granted.set_exception(error)

    async def _take_out(self, loaded: Loaded, drain_seconds: float, last: bool = True) -> None:
        loaded.state, loaded.stage = ModelState.STOPPING, "stopping"
        self._tell(loaded)
        if loaded.active and drain_seconds:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(drain_seconds):
                    await self._idle.wait()
        if loaded.server is not None:
            await asyncio.to_thread(loaded.server.stop, self._grace_seconds)
        self._forget(loaded)
        self._publish("model.unloaded", {"id": loaded.entry.id})
        if last:
            self._change = None
            self._pump()

    def _engine_changed(self, loaded: Loaded, status: ServerStatus) -> None:
        if self.current is not loaded:
            return
        if loaded.state is ModelState.LOADING and status.stage is not None:
            loaded.stage, loaded.progress = status.stage.value, status.value
            self._tell(loaded)
        if loaded.state is ModelState.READY and status.state is ServerState.ENDED:
            error = status.death or AppError(
                ErrorCode.ENGINE_DIED, model=loaded.entry.id, reason="It ended by itself."
            )
            log.error("an engine died", extra={"model": loaded.entry.id, "why": str(error)})
            self._forget(loaded)
            self._publish("model.died", {"id": loaded.entry.id, "error": error.to_dict()})
            self._pump()

    def _forget(self, loaded: Loaded) -> None:
        loaded.gone.set()
        if self.current is loaded:
            self.current = None

    def _tell(self, loaded: Loaded) -> None:
        self._publish("model.changed", loaded.to_dict())


def _was_granted(ticket: _Ticket) -> bool:
    granted = ticket.granted
    return granted.done() and not granted.cancelled() and granted.exception() is None
