"""Streams that go from the engine's connection to the client's with no task in between."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import urlsplit

import pytest
from aiohttp import web

from desktop.core.service.calls import CLIENT_LEFT
from desktop.core.service.straight import Straight
from desktop.core.service.streams import chunks_of
from tests.helpers.scripted_engine import ScriptedEngine, Served, gateway, said

PIECES = 6000
LONG = "x" * 4000
MESSAGES = [{"role": "user", "content": "hi"}]
CHAT = {"model": "m", "messages": MESSAGES, "max_tokens": 100, "stream": True}


async def ask(
    served: Served, version: str = "1.1"
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Send a request and read the head of its answer."""
    place = urlsplit(served.url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port, limit=1 << 12)
    body = json.dumps(CHAT).encode()
    writer.write(
        f"POST /v1/chat/completions HTTP/{version}\r\nHost: localhost\r\nConnection: close\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        + body
    )
    head = await reader.readuntil(b"\r\n\r\n")
    assert b" 200 OK\r\n" in head and (b"chunked" in head) == (version == "1.1")
    return reader, writer


async def test_a_client_that_reads_slowly_holds_the_engine_up() -> None:
    engine, sent, still = ScriptedEngine(), 0, asyncio.Event()
    engine.script = lambda body: said(*[LONG] * PIECES)

    async def count() -> None:
        nonlocal sent
        sent += 1
        still.set()

    engine.pause = count
    async with gateway(engine) as served, asyncio.timeout(30):
        reader, writer = await ask(served, "1.0")
        try:
            while True:  # until the engine has not sent anything for a while
                still.clear()
                async with asyncio.timeout(0.5):
                    await still.wait()
        except TimeoutError:
            assert 1 < sent < PIECES
        events = await reader.read(-1)
        writer.close()
        texts = [c["choices"][0]["delta"].get("content") for c in chunks_of(events)]
        assert texts == [None, *[LONG] * PIECES, None]
        assert served.log.latest()[0]["status"] == 200


async def test_a_client_that_leaves_is_noticed() -> None:
    engine, ended = ScriptedEngine(), asyncio.Event()
    engine.script = lambda body: said(*["again"] * 100_000)

    async def slowly() -> None:
        try:
            await asyncio.sleep(0.001)
        except asyncio.CancelledError:
            ended.set()
            raise

    engine.pause = slowly
    async with gateway(engine) as served, asyncio.timeout(30):
        reader, writer = await ask(served)
        for _ in range(30):
            await reader.readuntil(b"again")
        writer.close()
        await ended.wait()
        while not served.log.latest():  # noqa: ASYNC110 - told by nobody
            await asyncio.sleep(0.01)
        assert served.log.latest()[0]["status"] == CLIENT_LEFT


async def test_an_engine_that_breaks_off_is_told_in_the_stream() -> None:
    engine, pieces = ScriptedEngine(), 0
    engine.script = lambda body: said(*["again"] * 100)

    async def then_gone() -> None:
        nonlocal pieces
        pieces += 1
        await asyncio.sleep(0.001)
        if pieces == 50:
            raise ConnectionError("the engine dies")

    engine.pause = then_gone
    async with gateway(engine) as served, asyncio.timeout(30):
        reader, writer = await ask(served)
        rest = await reader.read(-1)
        writer.close()
        assert b"upstream_failed" in rest and rest.endswith(b"0\r\n\r\n")
        assert rest.count(b"again") >= 45
        last = served.log.latest()[0]
        assert (last["status"], last["error_code"]) == (502, "upstream_failed")


async def test_a_client_that_left_just_now_is_one_that_left() -> None:
    request = cast(Any, SimpleNamespace(transport=None))
    with pytest.raises(ConnectionResetError):
        Straight(request, web.StreamResponse())
