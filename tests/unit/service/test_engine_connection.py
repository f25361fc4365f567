"""An engine's reply: whole however it is cut, and said to be broken where it is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.core.service.engine_connection import BrokenOff, EngineReply
from desktop.core.service.straight import Straight

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
IN_CHUNKS = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
PARTS = [b"data: 1\n\n", b"d", b"data: \r\n5\r\n\n\n" * 40, b"\r\n", b"data: [DONE]\n\n"]


def chunk(part: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(part), part)


STREAM = IN_CHUNKS + b"".join(map(chunk, PARTS)) + b"0\r\n\r\n"
COUNTED = HEAD + b"content-length: %d\r\n\r\n%b" % (len(PARTS[2]), PARTS[2])
TO_THE_END = HEAD + b"Connection: close\r\n\r\n" + PARTS[2]


class Transport:
    """A connection that notes what is done with it."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.reading = True
        self.aborted = False
        self.waiting_bytes = 0

    def write(self, data: bytes) -> None:
        self.sent.append(data)

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def abort(self) -> None:
        self.aborted = True

    def is_closing(self) -> bool:
        return self.aborted

    def get_write_buffer_size(self) -> int:
        return self.waiting_bytes


def connected(request: bytes = b"GET /") -> tuple[EngineReply, Transport]:
    reply, transport = EngineReply(request), Transport()
    reply.connection_made(transport)  # type: ignore[arg-type]
    assert transport.sent == [request]
    return reply, transport


def cut(stream: bytes, cuts: list[int]) -> list[bytes]:
    bounds = sorted({0, len(stream), *(at % len(stream) for at in cuts)})
    return [stream[a:b] for a, b in pairwise(bounds)]


async def told(pieces: list[bytes], error: Exception | None = None) -> tuple[int, bytes]:
    """Status and body of what comes in pieces before the connection is lost."""
    reply, _ = connected()
    for piece in pieces:
        reply.data_received(piece)
    reply.connection_lost(error)
    await reply.begun()
    return reply.status, await reply.read()


@given(st.lists(st.integers(0, 10_000), max_size=30))
def test_however_it_is_cut(cuts: list[int]) -> None:
    for stream in (STREAM, COUNTED, TO_THE_END):
        body = b"".join(PARTS) if stream is STREAM else PARTS[2]
        assert asyncio.run(told(cut(stream, cuts))) == (200, body)


async def test_a_chunk_at_a_time_is_passed_on_at_once() -> None:
    reply, _ = connected()
    got: list[bytes] = []

    def take(block: bytes) -> bool:
        got.append(block)
        return True

    reply.data_received(IN_CHUNKS + chunk(b"first"))
    handing_on = asyncio.create_task(reply.hand_on(take))
    await asyncio.sleep(0)
    for part in PARTS:
        reply.data_received(chunk(part))
        assert got[-1] == part  # without a turn of the loop
    reply.data_received(b"0\r\n\r\n")
    async with asyncio.timeout(5):
        assert await handing_on
    assert got == [b"first", *PARTS] and await reply.readany() == b""


async def test_who_takes_no_more_gets_the_rest_later() -> None:
    reply, transport = connected()
    got: list[bytes] = []

    def take(block: bytes) -> bool:
        got.append(block)
        return len(got) != 1

    reply.data_received(IN_CHUNKS)
    handing_on = asyncio.create_task(reply.hand_on(take))
    await asyncio.sleep(0)
    reply.data_received(chunk(b"one"))
    reply.data_received(chunk(b"two"))
    async with asyncio.timeout(5):
        assert not await handing_on
    assert got == [b"one"]
    large = bytes(1 << 17)
    for _ in range(3):  # nobody reads: the engine has to wait
        reply.data_received(chunk(large))
    assert not transport.reading
    handing_on = asyncio.create_task(reply.hand_on(take))
    await asyncio.sleep(0)
    assert transport.reading and got == [b"one", b"two" + 3 * large]
    reply.data_received(b"0\r\n\r\n")
    async with asyncio.timeout(5):
        assert await handing_on


async def test_what_the_taker_raises_is_raised_by_whoever_waits() -> None:
    reply, transport = connected()

    def take(block: bytes) -> bool:
        raise ConnectionResetError("gone")

    reply.data_received(IN_CHUNKS)
    handing_on = asyncio.create_task(reply.hand_on(take))
    await asyncio.sleep(0)
    reply.data_received(chunk(b"one"))
    with pytest.raises(ConnectionResetError):
        await handing_on
    assert transport.aborted


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"HTTP/1.1 200",
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 x\r\n\r\n",
        b"x" * 100_000,
        IN_CHUNKS + b"5\r\nab",
        IN_CHUNKS + b"2\r\nab\r\n",
        IN_CHUNKS + b"nonsense\r\nab\r\n",
        IN_CHUNKS + b"-2\r\nab\r\n",
        IN_CHUNKS + b"1" * 5000,
        HEAD + b"Content-Length: 5\r\n\r\nab",
    ],
)
async def test_what_breaks_off_is_told(said: bytes) -> None:
    with pytest.raises(BrokenOff):
        await told([said] if said else [])


async def test_a_body_without_a_length_breaks_off_with_its_connection() -> None:
    with pytest.raises(BrokenOff):
        await told([TO_THE_END], OSError("reset"))


async def test_closing_it_wakes_who_reads() -> None:
    reply, transport = connected()
    reply.data_received(IN_CHUNKS)
    reading = asyncio.create_task(reply.readany())
    await asyncio.sleep(0)
    reply.close()
    assert transport.aborted
    reply.connection_lost(None)
    with pytest.raises(BrokenOff):
        await reading


@pytest.mark.parametrize(
    ("fields", "sent"), [({"Transfer-Encoding": "chunked"}, b"3\r\nabc\r\n"), ({}, b"abc")]
)
async def test_the_straight_way(fields: dict[str, str], sent: bytes) -> None:
    transport, drained = Transport(), asyncio.Event()

    async def drain() -> None:
        drained.set()

    writer = SimpleNamespace(drain=drain)
    made: Callable[..., Straight] = Straight
    request: Any = SimpleNamespace(transport=transport, writer=writer)
    straight = made(request, SimpleNamespace(headers=fields))
    assert straight.write(b"abc") and transport.sent == [sent]
    transport.waiting_bytes = 1 << 17
    assert not straight.write(b"abc")  # the client is slow
    await straight.drain()
    assert drained.is_set()
    transport.abort()
    with pytest.raises(ConnectionResetError):
        straight.write(b"abc")
