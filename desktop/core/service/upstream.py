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

import aiohttp

from desktop.core.engine.server import EngineServer
from desktop.core.service.api_errors import ApiError, from_upstream

# A dead engine's connection fails at once; why it died is known when its output has been read.
DEATH_SECONDS = 5.0


def new_session() -> aiohttp.ClientSession:
    """The client for all engines. Times are bounded by the engine's life, not by the clock."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, force_close=True),
        timeout=aiohttp.ClientTimeout(total=None, sock_read=None, sock_connect=5),
        auto_decompress=False,
        trust_env=False,
        cookie_jar=aiohttp.DummyCookieJar(),
    )


@asynccontextmanager
async def post(
    session: aiohttp.ClientSession, server: EngineServer, route: str, body: dict[str, Any]
) -> AsyncIterator[aiohttp.ClientResponse]:
    """The engine's answer to `body`, its status known to be 200.

    Raises:
        EngineSilent: the connection failed before anything was answered.
        ApiError: what the engine said instead, or 502 where it broke off.
    """
    answered = False
    try:
        async with session.post(
            server.base_url + route,
            data=json.dumps(body).encode(),
            headers={
                "Content-Type": "application/json",
                "Authorization": f"Bearer {server.api_key}",
            },
        ) as reply:
            answered = True
            if reply.status != 200:
                prompt = "messages" if "messages" in body else "prompt"
                raise from_upstream(reply.status, await reply.read(), prompt)
            yield reply
    except aiohttp.ClientError as error:
        if not answered:
            raise EngineSilent(str(error)) from error
        raise await broke_off(server, str(error)) from error


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
