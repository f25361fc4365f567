"""One load, from its decision to an engine that answers."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from dataclasses import replace

from desktop.core.engine.server import EngineServer
from desktop.core.engine.serverstate import ServerState, ServerStatus
from desktop.core.errors import AppError, ErrorCode
from desktop.core.service.admission import standing
from desktop.core.service.exits import Exits
from desktop.core.service.loaded import Loaded, Loader, ModelState, Prepared, Standing, Ticket
from desktop.core.service.roster import Roster

log = logging.getLogger(__name__)

# How often a load looks for room before it gives up: others may have taken what it made.
_MOST_ROUNDS = 6


class Loads:
    """Brings models in. There is one load at a time, which whoever calls it sees to.

    Args:
        died: called when an engine that answered has ended by itself.
    """

    def __init__(
        self,
        roster: Roster,
        loader: Loader,
        exits: Exits,
        grace_seconds: float,
        died: Callable[[Loaded, AppError | None], None],
    ) -> None:
        self._roster = roster
        self._loader = loader
        self._exits = exits
        self._grace_seconds = grace_seconds
        self._died = died

    async def bring_in(self, loaded: Loaded, ticket: Ticket) -> None:
        """Load a model for a ticket; returns when its engine answers.

        Raises:
            AppError: why it could not be loaded; CANCELLED among others.
        """
        await asyncio.to_thread(self._loader.check, loaded.entry, loaded.request)
        before = self._roster.find(loaded.entry.id)
        if before is not None:  # there with other settings
            await self._exits.vacate([before], ticket)
        loaded.cancel.raise_if_cancelled()
        self._roster.add(loaded)
        begun = time.monotonic()
        prepared = await self._make_room(loaded, ticket)
        server = await self._start(loaded, prepared)
        self._is_ready(loaded, time.monotonic() - begun)
        if server.state is ServerState.ENDED:  # its end came before it counted as ready
            self._died(loaded, server.death)
            return
        assert loaded.prepared is not None
        try:
            await asyncio.to_thread(self._loader.loaded, loaded.entry, loaded.prepared, server)
        except Exception:  # a full disk, say: nothing is learned from this load
            log.exception("a load was not written down", extra={"model": loaded.entry.id})
        self._exits.keep(loaded)  # the clock runs from the moment in which who waits is served

    # --- room ---------------------------------------------------------------------------------

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
                self._others(loaded),
                expected,
            )
            loaded.prepared = prepared
            loaded.cancel.raise_if_cancelled()
            found = [self._roster.find(each) for each in prepared.victims]
            leaving = [each for each in found if each is not None]
            if not leaving:
                return prepared
            loaded.stage = "making room"
            self._roster.tell(loaded)
            await self._exits.vacate(leaving, ticket, loaded)
            for each in leaving:
                about = {"model": each.entry.id, "for": loaded.entry.id}
                log.info("a model made room", extra=about)
            expected = prepared.settings
        return replace(prepared, victims=())

    async def _wait_for_leaving(self, loaded: Loaded) -> None:
        """Models on their way out still hold their memory: a load is priced when they have gone."""
        for each in self._roster.models:
            if each is not loaded and each.exit is not None:
                await asyncio.wait({each.exit})

    def _others(self, loaded: Loaded) -> tuple[Standing, ...]:
        roster = self._roster
        return tuple(
            replace(
                standing(each, idle=roster.is_idle(each)),
                pinned=each.pinned or roster.staying[each.entry.id] > 0,
            )
            for each in roster.models
            if each is not loaded and each.state is ModelState.READY
        )

    # --- the engine ---------------------------------------------------------------------------

    async def _start(self, loaded: Loaded, prepared: Prepared) -> EngineServer:
        """Start the engine, with less where its memory does not do, and wait until it answers."""
        while True:
            try:
                return await self._try(loaded, prepared)
            except AppError as error:
                if error.code is not ErrorCode.ENGINE_OUT_OF_MEMORY:
                    raise
                lighter = await asyncio.to_thread(self._loader.lighter, loaded.entry, prepared)
                if lighter is None:
                    raise
            prepared = lighter
            told = prepared.notices[-1]
            log.warning(told.text, extra={"model": loaded.entry.id, "code": told.code})

    async def _try(self, loaded: Loaded, prepared: Prepared) -> EngineServer:
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
        return server

    def _engine_changed(self, loaded: Loaded, server: EngineServer, status: ServerStatus) -> None:
        if self._roster.find(loaded.entry.id) is not loaded or loaded.server is not server:
            return
        if loaded.state is ModelState.LOADING and status.stage is not None:
            loaded.stage, loaded.progress = status.stage.value, status.value
            self._roster.tell(loaded)
        if loaded.state is ModelState.READY and status.state is ServerState.ENDED:
            self._died(loaded, status.death)

    def _is_ready(self, loaded: Loaded, seconds: float) -> None:
        assert loaded.prepared is not None
        request = loaded.prepared.request
        loaded.state, loaded.stage, loaded.progress = ModelState.READY, "ready", 1.0
        loaded.load_seconds = round(seconds, 3)
        loaded.pinned = bool(request.pinned)
        if (minutes := request.keep_minutes) is not None:
            loaded.keep_seconds = minutes * 60 if minutes >= 0 else None
        loaded.used()
        for waiting in self._roster.queue:
            waiting.boarded |= waiting.entry.id == loaded.entry.id
        self._roster.tell(loaded)
