"""A model in an engine, and what the supervisor of models asks of whoever prepares its load."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from desktop.core.engine.flags import Adapter, LoadSettings
from desktop.core.engine.server import EngineServer
from desktop.core.engine.serverstate import ServerStatus
from desktop.core.errors import AppError
from desktop.core.events import CancelToken, Notice
from desktop.core.fit.estimate import Estimate
from desktop.core.fit.report import predicted_and_real
from desktop.core.library.entry import ModelEntry
from desktop.core.service.load_request import LoadRequest


class ModelState(StrEnum):
    LOADING = "loading"
    READY = "ready"
    STOPPING = "stopping"


@dataclass(frozen=True)
class Standing:
    """A loaded model as seen by a load that looks for room.

    Attributes:
        devices: bytes it holds by device, the host's under `estimate.HOST`.
        mapped_bytes: of the host's, pages of its file: the system counts them as memory that can
            be had, and taking it would slow every answer.
        idle: nobody has an answer of it in progress, and nobody waits for one.
        pinned: it is never taken out for another one.
        cost_seconds: what it took to bring it in.
    """

    id: str
    devices: Mapping[str, int]
    mapped_bytes: int = 0
    idle: bool = True
    pinned: bool = False
    cost_seconds: float = 0.0


@dataclass(frozen=True)
class Prepared:
    """A load that was decided: settings, its price, and the engine that will run it.

    Attributes:
        notices: what was decided otherwise than one would expect, such as a smaller context.
        request: what was asked, with what is saved for the model.
        victims: ids of models that have to go before it fits.
    """

    settings: LoadSettings
    estimate: Estimate | None
    new_server: Callable[[Callable[[ServerStatus], None]], EngineServer]
    notices: tuple[Notice, ...] = ()
    request: LoadRequest = field(default_factory=LoadRequest)
    victims: tuple[str, ...] = ()


class Loader(Protocol):
    """Decides how a model is loaded and learns from it; called in worker threads."""

    def check(self, entry: ModelEntry, request: LoadRequest) -> None:
        """Raises AppError for what is wrong whatever the memory; nothing is taken out for it."""

    def prepare(
        self,
        entry: ModelEntry,
        request: LoadRequest,
        cancel: CancelToken,
        others: Sequence[Standing] = (),
        expected: LoadSettings | None = None,
    ) -> Prepared:
        """Decide a load beside, or in the place of, `others`.

        Args:
            expected: settings that fit once memory of models just taken out is really back, which
                is waited for.

        Raises:
            AppError: where it cannot be loaded, LOAD_WONT_FIT among others.
        """

    def lighter(self, entry: ModelEntry, prepared: Prepared) -> Prepared | None:
        """The same load with the next thing less, after its engine ran out of memory; None where
        nothing more can be given up."""

    def loaded(self, entry: ModelEntry, prepared: Prepared, server: EngineServer) -> None:
        """A load succeeded: what the engine reports can be kept beside what was predicted."""


@dataclass(eq=False)
class Loaded:
    """A model in the engine, or on its way in or out.

    Attributes:
        pinned: it never makes room for another one, and does not leave by itself.
        keep_seconds: how long it stays after its last use; None: for ever.
        asked: somebody loaded it by name (not merely a request for an answer).
        leaving_at: the place in the queue of the load it makes room for; None: it stays.
        active: requests that are being answered.
        taken: slots they take: one for each answer.
        gone: set when its engine has ended.
    """

    entry: ModelEntry
    request: LoadRequest
    asked: bool = False
    state: ModelState = ModelState.LOADING
    stage: str = "checking memory"
    progress: float | None = None
    prepared: Prepared | None = None
    server: EngineServer | None = None
    active: int = 0
    taken: int = 0
    pinned: bool = False
    keep_seconds: float | None = None
    load_seconds: float | None = None
    leaving_at: tuple[float, int] | None = None
    since: float = field(default_factory=time.time)
    last_used: float = field(default_factory=time.time)
    last_use: float = field(default_factory=time.monotonic)
    cancel: CancelToken = field(default_factory=CancelToken)
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    exit: asyncio.Task[None] | None = None
    timer: asyncio.TimerHandle | None = None

    @property
    def slots(self) -> int:
        return self.prepared.settings.slots if self.prepared else 0

    @property
    def adapters(self) -> tuple[Adapter, ...]:
        return self.prepared.settings.adapters if self.prepared else ()

    @property
    def build(self) -> str | None:
        """The version of its engine, where it runs."""
        return self.server.runtime.version.text if self.server else None

    @property
    def expires(self) -> float | None:
        """When it leaves if nobody uses it until then, in seconds since 1970."""
        if self.pinned or self.keep_seconds is None or self.state is not ModelState.READY:
            return None
        left = max(0.0, self.last_use + self.keep_seconds - time.monotonic())
        return time.time() + left if not self.active else None

    def used(self) -> None:
        """Note that somebody uses it now."""
        self.last_used, self.last_use = time.time(), time.monotonic()

    def stop_clock(self) -> None:
        """It does not leave by itself for now."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

    def begin(self, ticket: Ticket) -> None:
        """Somebody's answers begin."""
        self.active += 1
        self.taken += self._share(ticket)
        self.used()
        self.stop_clock()

    def end(self, ticket: Ticket) -> None:
        self.active -= 1
        self.taken -= self._share(ticket)
        self.used()

    def has_room(self, ticket: Ticket) -> bool:
        """Whether so many slots are free as the ticket is for."""
        return self.taken + self._share(ticket) <= self.slots

    def _share(self, ticket: Ticket) -> int:
        return min(ticket.answers, self.slots)

    def serves(self, ticket: Ticket) -> bool:
        """Whether the ticket may be granted as soon as a slot is free."""
        wanted = ticket.request
        if self.state is not ModelState.READY or self.gone.is_set():
            return False
        if wanted is not None and wanted.specific and not wanted.same_load(self.request):
            return False
        return self.leaving_at is None or ticket.boarded or ticket.place < self.leaving_at

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
            "pinned": self.pinned,
            "keep_seconds": self.keep_seconds,
            "expires": self.expires,
            "load_seconds": self.load_seconds,
            "pid": self.server.pid if self.server else None,
            "since": self.since,
            "last_used": self.last_used,
        }


@dataclass(eq=False)
class Ticket:
    """A request for a slot, or (with `request`) for a load, that waits for its turn.

    Attributes:
        answers: how many slots it is for.
        place: where it stands in the queue; smaller is earlier.
        boarded: it waited when its model came in, and goes before a load that takes its place.
        for_now: of a load: it says nothing of how long the model is to stay.
    """

    entry: ModelEntry
    request: LoadRequest | None
    granted: asyncio.Future[Loaded]
    key: str | None = None
    keep_seconds: float | None = None
    answers: int = 1
    since: float = field(default_factory=time.monotonic)
    place: tuple[float, int] = (0.0, 0)
    boarded: bool = False
    for_now: bool = False

    @property
    def was_granted(self) -> bool:
        granted = self.granted
        return granted.done() and not granted.cancelled() and granted.exception() is None

    def refuse(self, error: AppError) -> None:
        if not self.granted.done():
            self.granted.set_exception(error)
