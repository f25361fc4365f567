"""A small web server on loopback for files that are mostly hole, with faults on request.

It counts what it sends and remembers what it was asked, so that a test can say how much of a file
was read. It is also a proxy: for plain requests it serves the path itself, for CONNECT it tunnels.
"""

from __future__ import annotations

import contextlib
import json
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_PIECE = 1 << 16


@dataclass
class Served:
    """One file and how it is served. `size` beyond `head` is zeros.

    Attributes:
        on_request: called before each answer, with the number of the request (from 1); may change
            everything here.
        ignore_range: answer every Range with the whole file.
        most: the longest range it gives.
        break_after: close the connection after so many bytes of the body.
        stall: answer nothing.
    """

    head: bytes = b""
    size: int | None = None
    etag: str | None = '"one"'
    modified: str | None = None
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    token: str | None = None
    on_request: Callable[[Served, int], None] | None = None
    ignore_range: bool = False
    hide_length: bool = False
    most: int | None = None
    break_after: int | None = None
    stall: bool = False
    asked: int = 0

    @property
    def total(self) -> int:
        return len(self.head) if self.size is None else self.size

    def data(self, start: int, end: int) -> Iterator[bytes]:
        while start < end:
            stop = min(end, start + _PIECE)
            yield self.head[start:stop].ljust(stop - start, b"\0")
            start = stop


@dataclass(frozen=True)
class Asked:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    proxied: bool = False


class FileServer:
    """Serves `files` by path; use it as a context manager."""

    def __init__(self, tls: tuple[str, str] | None = None) -> None:
        self.files: dict[str, Served] = {}
        self.asked: list[Asked] = []
        self.bytes_sent = 0
        self.closing = threading.Event()
        self.lock = threading.Lock()
        self._scheme = "http" if tls is None else "https"
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        if tls is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.01,), name="file-server", daemon=True
        )

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self._server.server_port}"

    def add(self, path: str, head: bytes = b"", **options: Any) -> Served:
        self.files[path] = Served(head, **options)
        return self.files[path]

    def add_listing(self, repo: str, files: dict[str, Any], commit: str = "c" * 40) -> None:
        """A repository as the hub's API describes it: file name → size, or the entry itself."""
        siblings = [
            {"rfilename": name, **(entry if isinstance(entry, dict) else {"size": entry})}
            for name, entry in files.items()
        ]
        document = {"id": repo, "sha": commit, "siblings": siblings}
        self.add(f"/api/models/{repo}", json.dumps(document).encode())

    def of(self, path: str) -> list[Asked]:
        return [asked for asked in self.asked if asked.path == path]

    def __enter__(self) -> FileServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _handler(server: FileServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            # What lies in the system's buffers has been sent, but was not read.
            self.request.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _PIECE)
            super().setup()

        def log_message(self, format: str, *args: Any) -> None:
            return None

        def do_GET(self) -> None:
            self.close_connection = True
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                self._answer()

        def do_CONNECT(self) -> None:
            self.close_connection = True
            host, _, port = self.path.partition(":")
            with server.lock:
                server.asked.append(Asked(self.path, dict(self.headers), proxied=True))
            with socket.create_connection((host, int(port))) as far:
                self.send_response(200)
                self.end_headers()
                back = threading.Thread(target=_pump, args=(far, self.connection), daemon=True)
                back.start()
                _pump(self.connection, far)
                back.join()

        def _answer(self) -> None:
            proxied = self.path.startswith("http://")
            path = re.sub(r"^http://[^/]+", "", self.path).partition("?")[0]
            file = server.files.get(path)
            with server.lock:
                server.asked.append(Asked(path, dict(self.headers), proxied))
                if file is not None:
                    file.asked += 1
                    if file.on_request is not None:
                        file.on_request(file, file.asked)
            if file is None:
                return self._plain(404)
            if file.stall:
                server.closing.wait()
                return None
            wanted = f"Bearer {file.token}" if file.token else None
            if wanted is not None and self.headers.get("Authorization") != wanted:
                return self._plain(401)
            if file.status is not None:
                return self._plain(file.status, file)
            if file.etag is not None and self.headers.get("If-None-Match") == file.etag:
                return self._plain(304, file)
            self._send(file)

        def _plain(self, status: int, file: Served | None = None) -> None:
            self.send_response(status)
            self._state(file or Served(etag=None))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def _state(self, file: Served) -> None:
            if file.etag is not None:
                self.send_header("ETag", file.etag)
            if file.modified is not None:
                self.send_header("Last-Modified", file.modified)
            for name, value in file.headers.items():
                self.send_header(name, value)

        def _send(self, file: Served) -> None:
            asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
            start, end = 0, file.total
            if asked is not None and not file.ignore_range:
                start, end = int(asked[1]), min(int(asked[2]) + 1, file.total)
                if file.most is not None:
                    end = min(end, start + file.most)
                if start >= file.total:
                    self.send_response(416)
                    self.send_header("Content-Range", f"bytes */{file.total}")
                    self.send_header("Content-Length", "0")
                    return self.end_headers()
                self.send_response(206)
                self.send_header("Content-Range", f"bytes {start}-{end - 1}/{file.total}")
            else:
                self.send_response(200)
            if not file.hide_length:
                self.send_header("Content-Length", str(end - start))
            self._state(file)
            self.end_headers()
            if file.break_after is not None:
                end = min(end, start + file.break_after)
            for piece in file.data(start, end):
                self.wfile.write(piece)
                with server.lock:
                    server.bytes_sent += len(piece)

    return Handler


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(_PIECE):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
