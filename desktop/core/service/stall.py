"""Clients that stop reading."""

from __future__ import annotations

import asyncio
import logging

from aiohttp import web

log = logging.getLogger(__name__)

# A reader that takes nothing for this long holds a slot others wait for: it is cut off.
STALL_SECONDS = 60.0


class StallWatch:
    """Cuts a client off that has taken nothing for `seconds` although there is something to take.

    It looks from time to time and costs the stream itself nothing.
    """

    def __init__(self, request: web.Request, seconds: float) -> None:
        self._request = request
        self._seconds = seconds
        self._loop = asyncio.get_running_loop()
        self._waiting_bytes = 0
        self._since = self._loop.time()
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> StallWatch:
        self._timer = self._loop.call_later(self._seconds / 4, self._look)
        return self

    def __exit__(self, *_: object) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        transport = self._request.transport
        if transport is None:
            return
        waiting_bytes = transport.get_write_buffer_size()
        if not waiting_bytes or waiting_bytes != self._waiting_bytes:
            self._waiting_bytes, self._since = waiting_bytes, self._loop.time()
        elif self._loop.time() - self._since >= self._seconds:
            log.info("a client stopped reading and was cut off")
            transport.abort()
            return
        self._timer = self._loop.call_later(self._seconds / 4, self._look)
