"""The straight way to a client, past everything that is done with a response once."""

from __future__ import annotations

from aiohttp import web

# With more than that waiting for it a client is slow, and the engine waits for it too.
_SLOW_BYTES = 1 << 16


class Straight:
    """Writes blocks into a response that has begun, from wherever they come.

    aiohttp's own way is a chain of coroutines, which only a task can walk.

    Raises:
        ConnectionResetError: the client has left.
    """

    def __init__(self, request: web.Request, response: web.StreamResponse) -> None:
        if request.transport is None:
            raise ConnectionResetError("The client has left.")
        self._transport = request.transport
        self._writer = request.writer
        self._chunked = response.headers.get("Transfer-Encoding") == "chunked"

    def write(self, block: bytes) -> bool:
        """Send a block; returns whether the client takes more at once.

        Raises:
            ConnectionResetError: it has left.
        """
        transport = self._transport
        if transport.is_closing():
            raise ConnectionResetError("The client has left.")
        transport.write(b"%x\r\n%b\r\n" % (len(block), block) if self._chunked else block)
        return transport.get_write_buffer_size() < _SLOW_BYTES

    async def drain(self) -> None:
        """Return when it takes more."""
        await self._writer.drain()
