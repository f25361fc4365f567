"""Answers that are long in coming: the client is told that it is not forgotten.

Clients and proxies give up on a connection that says nothing. Until it is begun here, an answer
can still be a plain error with its real status.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web

from desktop.core.service.api_errors import ApiError

EARLY_SECONDS = 10.0
SSE = "text/event-stream; charset=utf-8"


def stream_response(content_type: str) -> web.StreamResponse:
    """The head of an answer that comes in pieces."""
    return web.StreamResponse(
        headers={
            "Content-Type": content_type,
            "Cache-Control": "no-cache",
            "X-Accel-Buffering": "no",
        }
    )


def comment(text: str) -> bytes:
    """A line that clients of event streams skip."""
    return f": {text}\n\n".encode()


@dataclass(frozen=True)
class Early:
    """How an API tells a client to go on waiting.

    Attributes:
        line: makes that line of a few words.
        problem: the stream's last block after an error.
    """

    line: Callable[[str], bytes] = comment
    problem: Callable[[ApiError], bytes] = ApiError.event
    content_type: str = SSE


class Waiting:
    """Begins the answer to a request after a while and says at intervals how it stands.

    Args:
        standing: how it stands, in a few words.
    """

    def __init__(
        self,
        request: web.Request,
        early: Early,
        standing: Callable[[], str],
        seconds: float = EARLY_SECONDS,
    ) -> None:
        self.early = early
        self._request = request
        self._standing = standing
        self._seconds = seconds
        self._response: web.StreamResponse | None = None
        self._ended = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        # Nearly all answers begin before; only for the others is there a task.
        self._timer = asyncio.get_running_loop().call_later(seconds, self._begin)

    def _begin(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def end(self) -> web.StreamResponse | None:
        """Say no more; returns the answer where it was begun."""
        self._timer.cancel()
        self._ended.set()
        if self._task is None:
            return None
        await asyncio.wait({self._task})
        response = self._response
        return response if response is not None and response.prepared else None

    async def _run(self) -> None:
        with contextlib.suppress(ConnectionError):  # the handler itself learns that
            while not self._ended.is_set():
                if self._response is None:
                    self._response = stream_response(self.early.content_type)
                    await self._response.prepare(self._request)
                await self._response.write(self.early.line(self._standing()))
                await self._end_within(self._seconds)

    async def _end_within(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._ended.wait()
