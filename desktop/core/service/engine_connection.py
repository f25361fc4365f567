"""One request to an engine over a connection of its own, and its reply as it comes.

No client library stands between. While an engine computes, its weights drive everything else out of
the processor's caches, and each function on the way of an event costs several times of what it
costs otherwise.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

_LINE = b"\r\n"
_HEAD_BYTES = 1 << 16
_SIZE_BYTES = 1 << 10  # of the line before a chunk
# So much waits for a reader before the engine has to wait.
_HELD_BYTES = 1 << 18


class BrokenOff(Exception):
    """The connection ended before the reply did, or what came was no reply."""


class EngineReply(asyncio.Protocol):
    """What an engine answers to a request, which is sent as soon as there is a connection.

    Attributes:
        status: of HTTP; 0 until it is known.
    """

    def __init__(self, request: bytes) -> None:
        self.status = 0
        self._request = request
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._rest = b""  # of a line that has not come to its end
        self._chunked = False
        self._left: int | None = None  # of this chunk or of the body; None: nobody said
        self._skip = 0  # of what ends a chunk
        self._blocks: list[bytes] = []
        self._held_bytes = 0
        self._paused = False
        self._take: Callable[[bytes], bool] | None = None
        self._enough = False  # for whoever took something last
        self._waiter: asyncio.Future[None] | None = None
        self._ended = False
        self._problem: Exception | None = None

    # --- the connection -----------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are no subclass of it
        self._transport.write(self._request)
        self._request = b""

    def data_received(self, data: bytes) -> None:
        try:
            block = self._chunks(data) if self._chunked else self._other(data)
            if self._take is None or not block:
                self._hold(block)
            elif not self._take(block):
                self._enough = True
                self._wake()
            elif self._ended:
                self._wake()
        except Exception as error:  # whoever reads is told
            self._problem = self._problem or error
            self._wake()
            self.close()

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        if self.status and not self._chunked and self._left is None and error is None:
            self._ended = True
        self._problem = self._problem or BrokenOff(str(error or "The connection was closed."))
        self._wake()

    def close(self) -> None:
        """End the connection, whatever is still to come."""
        if self._transport is not None:
            self._transport.abort()

    # --- what comes ---------------------------------------------------------------------------

    def _chunks(self, data: bytes) -> bytes:
        """The content of chunks, and of parts of them."""
        if not (self._left or self._skip or self._rest):  # nearly all of a stream: one whole chunk
            end = data.find(_LINE)
            if end > 0 and len(data) == end + 4 + (size := _chunk_size(data[:end])) and size:
                return data[end + 2 : -2]
        if self._rest:
            data, self._rest = self._rest + data, b""
        parts: list[bytes] = []
        at, size, left, skip = 0, len(data), self._left or 0, self._skip
        while at < size and not self._ended:
            if left:
                part = data[at : at + left]
                parts.append(part)
                at += len(part)
                left -= len(part)
                skip = 0 if left else len(_LINE)
            elif skip:
                at, skip = at + 1, skip - 1
            elif (end := data.find(_LINE, at)) >= 0:
                left, at = _chunk_size(data[at:end]), end + len(_LINE)
                self._ended = not left
            else:
                self._rest = _short(data[at:], _SIZE_BYTES)
                break
        self._left, self._skip = left, skip
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _other(self, data: bytes) -> bytes:
        """Of what comes otherwise the part that belongs to the body."""
        if not self.status:
            return self._head(data)
        if self._left is not None:
            data = data[: self._left]
            self._left -= len(data)
            self._ended = not self._left
        return data

    def _head(self, data: bytes) -> bytes:
        head, end, body = (self._rest + data).partition(_LINE + _LINE)
        if not end:
            self._rest = _short(head, _HEAD_BYTES)
            return b""
        self._rest = b""
        first, *lines = head.decode("latin-1").split("\r\n")
        if not first.startswith("HTTP/1.") or not first[9:12].isdecimal():
            raise BrokenOff("What the engine answered is not HTTP.")
        parts = (line.partition(":") for line in lines)
        fields = {name.lower(): value.strip() for name, _, value in parts}
        length = fields.get("content-length", "")
        self._chunked = fields.get("transfer-encoding", "").lower() == "chunked"
        self._left = int(length) if length.isdecimal() and not self._chunked else None
        self._ended = self._left == 0
        self.status = int(first[9:12])
        self._wake()
        return self._chunks(body) if self._chunked else self._other(body)

    # --- who reads it -------------------------------------------------------------------------

    def _hold(self, block: bytes) -> None:
        if block:
            self._blocks.append(block)
            self._held_bytes += len(block)
            if self._held_bytes > _HELD_BYTES and not self._paused and self._transport is not None:
                self._transport.pause_reading()
                self._paused = True
        if block or self._ended:
            self._wake()

    def _wake(self) -> None:
        self._take = None
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def _wait(self) -> None:
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = self._take = None

    def _held(self) -> bytes:
        """What came while nobody took it."""
        blocks, self._blocks, self._held_bytes = self._blocks, [], 0
        if self._paused and self._transport is not None:
            self._transport.resume_reading()
        self._paused = False
        return blocks[0] if len(blocks) == 1 else b"".join(blocks)

    async def begun(self) -> None:
        """Return when its status is known.

        Raises:
            BrokenOff.
        """
        while not self.status:
            if self._problem is not None:
                raise self._problem
            await self._wait()

    async def readany(self) -> bytes:
        """What has come of the body, at least a byte; nothing at its end.

        Raises:
            BrokenOff.
        """
        while not self._blocks:
            if self._ended:
                return b""
            if self._problem is not None:
                raise self._problem
            await self._wait()
        return self._held()

    async def read(self) -> bytes:
        """All of the body; raises as `readany` does."""
        blocks = []
        while block := await self.readany():
            blocks.append(block)
        return b"".join(blocks)

    async def hand_on(self, take: Callable[[bytes], bool]) -> bool:
        """Give `take` what comes in the moment in which it comes, with no task in between.

        Args:
            take: returns whether it takes more at once.

        Returns: whether that was all of it; False: `take` wants no more for now.

        Raises:
            BrokenOff, and whatever `take` raises.
        """
        self._enough = False
        while not self._enough:
            if self._blocks:
                self._enough = not take(self._held())
            elif self._ended:
                return True
            elif self._problem is not None:
                raise self._problem
            else:
                self._take = take
                await self._wait()
        return False


def _chunk_size(line: bytes) -> int:
    """Raises BrokenOff for what says no size."""
    try:
        size = int(line.partition(b";")[0], 16)
    except ValueError:
        size = -1
    if size < 0:
        raise BrokenOff("The engine's answer is not in chunks, as it said.")
    return size


def _short(line: bytes, most: int) -> bytes:
    """Raises BrokenOff for one that goes on and on."""
    if len(line) > most:
        raise BrokenOff("The engine's answer has a line without end.")
    return line
