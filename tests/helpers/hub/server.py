"""The hub's sockets: two origins (the hub and its CDN), a thread for each connection.

Threads and a blocking sendfile, not an event loop: the bytes never come near Python, so that a
client in the same process is not slowed down by its server.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer, ThreadingMixIn
from typing import Any, BinaryIO

# What is counted at once: small enough that little is counted wrongly when a client dies.
_SLICE_BYTES = 1 << 18
_FAST_SLICE_BYTES = 1 << 20
# A limited connection must not hold much in the system's buffers: it has been "sent" but is still
# here, and is lost with the client.
_LIMITED_BUFFER_BYTES = 1 << 17


@dataclass
class Request:
    """One request as it came and how it was answered.

    Attributes:
        host: "hub" or "cdn".
        path: without the query; `file` is the file's path in its repository.
        range: the Range header as it came.
        status: None where the connection was closed without an answer.
        sent_bytes: bytes of the body.
        authorized: whether a token was sent, right or wrong.
        fault: the kind of blow it got.
        seconds: when it came, by `time.monotonic`.
    """

    method: str
    host: str
    path: str
    query: str = ""
    range: str | None = None
    if_range: str | None = None
    status: int | None = None
    sent_bytes: int = 0
    authorized: bool = False
    fault: str | None = None
    file: str | None = None
    user_agent: str = ""
    seconds: float = field(default_factory=time.monotonic)


class Log:
    """The requests so far and the bytes of file contents sent; safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: list[Request] = []
        self._sent = 0
        self.errors: list[str] = []

    def add(self, request: Request) -> None:
        with self._lock:
            self._requests.append(request)

    def count(self, request: Request, size: int) -> None:
        with self._lock:
            request.sent_bytes += size
            self._sent += size

    def all(self) -> list[Request]:
        with self._lock:
            return [replace(request) for request in self._requests]

    @property
    def sent_bytes(self) -> int:
        with self._lock:
            return self._sent

    def clear(self) -> None:
        with self._lock:
            self._requests.clear()
            self._sent = 0


class Cut(Exception):
    """The connection is to be closed without another word."""


class Answered(Exception):
    """The request has its answer; the connection goes on."""


class Origin(ThreadingMixIn, TCPServer):
    """One address on loopback. `answer` is called for each request, in a connection's thread."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, name: str, log: Log, answer: Callable[[Connection], None]) -> None:
        super().__init__(("127.0.0.1", 0), Connection, bind_and_activate=True)
        self.name = name
        self.log = log
        self.answer = answer
        self.closing = threading.Event()
        self.closed_door = False
        self._address = self.server_address
        self._open: dict[socket.socket, threading.Thread] = {}
        self._open_lock = threading.Lock()
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._address[1]}"

    def open(self) -> None:
        """Listen and serve; again after `refuse`."""
        if self._thread is not None:
            return
        if self.socket.fileno() < 0:
            self.socket = socket.socket(self.address_family, self.socket_type)
            self.server_bind()
            self.server_activate()
        self._thread = threading.Thread(
            target=self.serve_forever, args=(0.01,), name=f"local-{self.name}", daemon=True
        )
        self._thread.start()

    def server_bind(self) -> None:
        if hasattr(self, "_address"):
            self.server_address = self._address
        super().server_bind()

    def refuse(self) -> None:
        """Stop listening and cut every connection: the next one is refused."""
        if self._thread is not None:
            self.shutdown()
            self._thread.join()
            self._thread = None
            self.socket.close()
        self.cut()

    def cut(self) -> None:
        """Shut every connection down and wait for their threads."""
        with self._open_lock:
            threads = list(self._open.values())
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            if thread is not threading.current_thread():
                thread.join()

    def close(self) -> None:
        self.closing.set()
        self.refuse()
        self.server_close()

    def verify_request(self, request: Any, client_address: Any) -> bool:
        return not self.closed_door

    def process_request(self, request: Any, client_address: Any) -> None:
        thread = threading.Thread(
            target=self.process_request_thread, args=(request, client_address), daemon=True
        )
        with self._open_lock:
            self._open[request] = thread
        thread.start()

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._open_lock:
                self._open.pop(request, None)

    def handle_error(self, request: Any, client_address: Any) -> None:
        self.log.errors.append(repr(sys.exc_info()[1]))


class Connection(BaseHTTPRequestHandler):
    """One connection; the requests on it come one after the other."""

    protocol_version = "HTTP/1.1"
    server_version = "LocalHub"
    # The head goes out in one packet with the beginning of the body.
    wbufsize = 1 << 16
    server: Origin
    record: Request
    body: bytes
    cut_after: int | None

    def setup(self) -> None:
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().setup()

    def handle(self) -> None:
        with contextlib.suppress(ConnectionError, Cut):
            super().handle()

    def finish(self) -> None:
        for end in (self.wfile, self.rfile):
            with contextlib.suppress(OSError):
                end.close()

    def log_message(self, format: str, *args: Any) -> None:
        return None

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        token = self.headers.get("Authorization", "")
        self.record = Request(
            self.command,
            self.server.name,
            path,
            query,
            range=self.headers.get("Range"),
            if_range=self.headers.get("If-Range"),
            authorized=bool(token),
            user_agent=self.headers.get("User-Agent", ""),
        )
        self.server.log.add(self.record)
        self.body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.cut_after = None
        with contextlib.suppress(Answered):
            self.server.answer(self)
        self.wfile.flush()

    do_HEAD = do_POST = do_GET

    @property
    def token(self) -> str | None:
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        return token.strip() if scheme.lower() == "bearer" else None

    def head(self, status: int, headers: dict[str, str]) -> None:
        """Send the status and the headers (they wait in a buffer for what follows)."""
        self.record.status = status
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def text(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        """A whole small answer, or its beginning where `cut_after` says so."""
        self.head(status, {"Content-Length": str(len(body)), **(headers or {})})
        if self.command == "HEAD":
            return
        if self.cut_after is not None:
            self.wfile.write(body[: min(self.cut_after, len(body) - 1)])
            raise Cut
        self.wfile.write(body)

    def json(self, document: Any, headers: dict[str, str] | None = None) -> None:
        kind = {"Content-Type": "application/json; charset=utf-8"}
        self.text(200, json.dumps(document).encode(), {**kind, **(headers or {})})

    def send_file(
        self, file: BinaryIO, start: int, end: int, limit: float | None, flipped: int | None
    ) -> None:
        """Send bytes `start` to `end` of an open file, counting them before they leave.

        Args:
            limit: bytes per second; None: as fast as it goes, by sendfile.
            flipped: the offset of a byte to falsify.
        """
        self.wfile.flush()
        connection: socket.socket = self.request
        slice_bytes = _FAST_SLICE_BYTES if limit is None else _SLICE_BYTES
        if limit is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _LIMITED_BUFFER_BYTES)
            slice_bytes = max(4096, min(_SLICE_BYTES, int(limit / 50)))
        begun, sent = time.monotonic(), 0
        while start < end:
            size = min(slice_bytes, end - start)
            self.server.log.count(self.record, size)
            done = 0
            try:
                if flipped is not None and start <= flipped < start + size:
                    data = bytearray(_read(file, start, size))
                    data[flipped - start] ^= 0xFF
                    connection.sendall(data)
                    done = size
                else:
                    done = _send_slice(connection, file, start, size)
            finally:
                if done != size:
                    self.server.log.count(self.record, done - size)
            if done == 0:
                raise Cut  # the file is shorter than it was
            start += done
            sent += done
            if limit is not None:
                self.wait_until(begun + sent / limit)

    def wait_until(self, moment: float) -> None:
        if self.server.closing.wait(max(0.0, moment - time.monotonic())):
            raise Cut

    def reset(self) -> None:
        """Close so that the other side gets "connection reset"."""
        self.wfile.flush()
        linger = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)
        self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.request.close()
        raise Cut

    def stall(self) -> None:
        """Say nothing until the other side gives up or the hub closes."""
        self.wfile.flush()
        # Readable at its end only: a client sends nothing while it waits for an answer.
        select.select([self.request], [], [])
        raise Cut


def _read(file: BinaryIO, start: int, size: int) -> bytes:
    file.seek(start)
    return file.read(size)


def _send_slice(connection: socket.socket, file: BinaryIO, start: int, size: int) -> int:
    if hasattr(os, "sendfile"):
        return os.sendfile(connection.fileno(), file.fileno(), start, size)
    data = _read(file, start, size)
    connection.sendall(data)
    return len(data)
