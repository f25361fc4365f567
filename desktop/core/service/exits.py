"""How models leave: when their time is over, to make room, or because somebody says so."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Sequence

from desktop.core.errors import AppError, ErrorCode
from desktop.core.service.loaded import Loaded, ModelState, Ticket
from desktop.core.service.roster import Roster

log = logging.getLogger(__name__)


class Exits:
    """Stops engines, and keeps the clocks of those that leave by themselves.

    Args:
        left: called after a model has gone.
    """

    def __init__(self, roster: Roster, grace_seconds: float, left: Callable[[], None]) -> None:
        self._roster = roster
        self._grace_seconds = grace_seconds
        self._left = left

    def keep(self, loaded: Loaded, keep_seconds: float | None = None) -> None:
        """Set the clock of a model.

        Args:
            keep_seconds: how long it stays after its last use from now on; negative: for ever;
                None: as long as was said before.
        """
        if keep_seconds is not None:
            loaded.keep_seconds = keep_seconds if keep_seconds >= 0 else None
        loaded.stop_clock()
        seconds = loaded.keep_seconds
        if seconds is None or loaded.pinned or loaded.active or loaded.gone.is_set():
            return
        left = max(0.0, loaded.last_use + seconds - time.monotonic())
        loaded.timer = asyncio.get_running_loop().call_later(left, self._expire, loaded)

    def _expire(self, loaded: Loaded) -> None:
        loaded.timer = None
        if loaded.state is ModelState.READY and self._roster.is_idle(loaded):
            log.info("a model was not used any more", extra={"model": loaded.entry.id})
            self._begin(loaded, 0.0, "idle")

    async def vacate(
        self, going: Sequence[Loaded], ticket: Ticket, loaded: Loaded | None = None
    ) -> None:
        """Take models out as soon as those that came before `ticket` have been answered.

        Args:
            loaded: the model on its way in that they make room for.

        Raises:
            AppError: CANCELLED, where the load was cancelled or nobody waits for it any more.
        """
        for each in going:
            each.leaving_at = ticket.place
        try:
            for each in going:
                while not (each.gone.is_set() or each.exit or self._roster.is_idle(each)):
                    if loaded is not None:
                        loaded.cancel.raise_if_cancelled()
                    if not self._roster.is_waited_for(ticket.entry.id):
                        raise AppError(ErrorCode.CANCELLED)
                    await self._roster.change()
                await self.take_out(each, 0.0, "room")
        finally:
            for each in going:
                each.leaving_at = None

    async def take_out(self, loaded: Loaded, drain_seconds: float, reason: str) -> None:
        """Stop a model's engine, once: who asks again waits for the same end.

        Args:
            drain_seconds: what its answers in progress are given to end.
        """
        if not loaded.gone.is_set():  # else it died meanwhile
            await asyncio.shield(self._begin(loaded, drain_seconds, reason))

    def _begin(self, loaded: Loaded, drain_seconds: float, reason: str) -> asyncio.Task[None]:
        if loaded.exit is None:
            loaded.state, loaded.stage = ModelState.STOPPING, "stopping"
            loaded.exit = asyncio.create_task(self._exit(loaded, drain_seconds, reason))
        return loaded.exit

    async def _exit(self, loaded: Loaded, drain_seconds: float, reason: str) -> None:
        self._roster.tell(loaded)
        if drain_seconds:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(drain_seconds):
                    while loaded.active:
                        await self._roster.change()
        try:
            if loaded.server is not None:
                await asyncio.to_thread(loaded.server.stop, self._grace_seconds)
        finally:
            self._roster.forget(loaded)
            self._roster.publish("model.unloaded", {"id": loaded.entry.id, "reason": reason})
            self._left()
