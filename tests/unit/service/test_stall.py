"""A client that never reads is cut off; a slow one is not."""

import asyncio
from types import SimpleNamespace
from typing import Any

from desktop.core.service.stall import StallWatch


class Transport:
    """A connection whose unsent bytes the test decides."""

    def __init__(self) -> None:
        self.waiting_bytes = 0
        self.aborted = asyncio.Event()
        self.looks = 0
        self.on_look: Any = lambda: None

    def get_write_buffer_size(self) -> int:
        self.looks += 1
        self.on_look()
        return self.waiting_bytes

    def abort(self) -> None:
        self.aborted.set()


async def test_a_client_that_takes_nothing_is_cut_off() -> None:
    transport = Transport()
    transport.waiting_bytes = 70_000
    with StallWatch(SimpleNamespace(transport=transport), 0.05):  # type: ignore[arg-type]
        async with asyncio.timeout(5):
            await transport.aborted.wait()
    assert transport.looks >= 4


async def test_slow_and_silent_streams_go_on() -> None:
    for change in (0, -1):  # nothing to send for a long time; a reader that takes a little
        transport = Transport()
        transport.waiting_bytes = 1000 if change else 0
        enough = asyncio.Event()

        def look(t: Transport = transport, change: int = change, done: Any = enough) -> None:
            t.waiting_bytes += change
            if t.looks > 12:
                done.set()

        transport.on_look = look
        with StallWatch(SimpleNamespace(transport=transport), 0.04):  # type: ignore[arg-type]
            async with asyncio.timeout(5):
                await enough.wait()
        assert not transport.aborted.is_set()
