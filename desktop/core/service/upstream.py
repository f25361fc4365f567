"""Talking to an engine: one new connection per request, event streams only.

Kept-alive connections of llama-server close after 5 s or 100 requests; a new one costs 0.3 ms and
can never turn out to be dead (SERVER.md).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

from desktop.core.engine.server import EngineServer
from desktop.core.service.api_errors import ApiError, from_upstream
from desktop.core.service.engine_connection import BrokenOff, EngineReply

# The parameters that hold what a model reads, on the engine's routes.
_PROMPTS = ("messages", "input", "documents", "prompt")
# A dead engine's connection fails at once; why it died is known when its output has been read.
DEATH_SECONDS = 5.0
_CONNECT_SECONDS = 5.0
_LARGE = 1 << 19
_DEPTH = 6  # pictures and texts of a message lie above that


@asynccontextmanager
async def post(
    server: EngineServer,
    route: str,
    body: dict[str, Any],
    *,
    silent_seconds: float | None = None,
) -> AsyncIterator[EngineReply]:
    """The engine's answer to `body`, its status known to be 200.

    Args:
        silent_seconds: after so long without a word the engine is given up.

    Raises:
        EngineSilent: the connection failed before anything was answered.
        ApiError: what the engine said instead, 502 where it broke off or said nothing.
    """
    reply = EngineReply(_request(server, "POST", route, await _data(body)))
    try:
        await _begin(reply, server, silent_seconds)
        if reply.status != 200:
            prompt = next((name for name in _PROMPTS if name in body), "prompt")
            raise from_upstream(reply.status, await reply.read(), prompt)
        yield reply
    except BrokenOff as error:
        raise await broke_off(server, str(error)) from error
    finally:
        reply.close()


async def _begin(reply: EngineReply, server: EngineServer, silent_seconds: float | None) -> None:
    """Send the request and wait for the head of the answer.

    Raises:
        EngineSilent: there was none.
        ApiError: 502 where that took too long.
    """
    place = urlsplit(server.base_url)
    assert place.hostname is not None and place.port is not None
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(_CONNECT_SECONDS):
            await loop.create_connection(lambda: reply, place.hostname, place.port)
    except (OSError, TimeoutError) as error:
        raise EngineSilent(str(error)) from error
    try:
        async with asyncio.timeout(silent_seconds):
            await reply.begun()
    except BrokenOff as error:
        raise EngineSilent(str(error)) from error
    except TimeoutError:
        raise said_nothing(silent_seconds or 0) from None


def _request(server: EngineServer, method: str, route: str, data: bytes = b"") -> bytes:
    """As it is sent."""
    fields = (
        f"{method} {route} HTTP/1.1",
        f"Host: {urlsplit(server.base_url).netloc}",
        f"Authorization: Bearer {server.api_key}",
        "Content-Type: application/json",
        f"Content-Length: {len(data)}",
        "Connection: close",
    )
    return "\r\n".join((*fields, "", "")).encode() + data


async def _data(body: dict[str, Any]) -> bytes:
    """The body as it is sent; a large one, with pictures, is written in a thread, since every other
    stream would wait for it."""
    if _is_large(body):
        return await asyncio.to_thread(lambda: json.dumps(body).encode())
    return json.dumps(body).encode()


def _is_large(body: dict[str, Any]) -> bool:
    level: list[Any] = [body]
    for _ in range(_DEPTH):
        inner: list[Any] = []
        for value in level:
            if isinstance(value, str):
                if len(value) > _LARGE:
                    return True
            elif isinstance(value, dict | list):
                if len(value) > _LARGE >> 4:
                    return True
                inner += value.values() if isinstance(value, dict) else value
        level = inner
    return False


def said_nothing(seconds: float) -> ApiError:
    return ApiError(
        502,
        f"The engine said nothing for {seconds:g} s and was given up.",
        error_type="server_error",
        code="engine_silent",
    )


async def ask(server: EngineServer, route: str, body: dict[str, Any]) -> dict[str, Any]:
    """The engine's plain JSON answer; raises as `post` does."""
    async with post(server, route, body) as reply:
        raw = await reply.read()
    # Parsing a large answer would hold up every other stream.
    found = await asyncio.to_thread(json.loads, raw) if len(raw) > 1 << 20 else json.loads(raw)
    return found if isinstance(found, dict) else {"data": found}


async def get(server: EngineServer, route: str) -> dict[str, Any]:
    """What the engine says of itself; raises as `post` does."""
    reply = EngineReply(_request(server, "GET", route))
    try:
        await _begin(reply, server, None)
        raw = await reply.read()
    except BrokenOff as error:
        raise EngineSilent(str(error)) from error
    finally:
        reply.close()
    if reply.status != 200:
        raise from_upstream(reply.status, raw)
    found = json.loads(raw)
    return found if isinstance(found, dict) else {}


class EngineSilent(Exception):
    """The engine was gone before it answered anything: the request can be sent again."""


async def broke_off(server: EngineServer, reason: str) -> ApiError:
    """The error for an engine that ended in the middle of an answer: why it ended, where that
    becomes known within `DEATH_SECONDS`."""
    await asyncio.to_thread(server.wait_ended, DEATH_SECONDS)
    why = str(server.death) if server.death is not None else reason or "The connection was closed."
    return ApiError(
        502,
        f"The model stopped in the middle of the answer. {why} Send the request again: the model "
        "is loaded anew.",
        error_type="server_error",
        code="upstream_failed",
        cause=why,
    )
