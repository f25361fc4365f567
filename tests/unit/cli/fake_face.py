"""A private face that answers what the real one was recorded to answer, and can be told to hang."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "token-of-the-test"
PATIENCE_SECONDS = 60.0  # what comes at once comes late on a machine that is busy
Json = dict[str, Any]


def model(model_id: str = "tiny-llama:f16", **other: Any) -> Json:
    """An entry of `/models`."""
    return {
        "id": model_id,
        "path": f"/models/{model_id}.gguf",
        "size_bytes": 2_680_320,
        "architecture": "llama",
        "quant_type": "F16",
        "context_tokens": 2048,
        "bundled": False,
        "broken": False,
        "error": None,
        "kind": "model",
        **other,
    }


def loaded(model_id: str = "tiny-llama:f16", state: str = "ready", **other: Any) -> Json:
    """A loaded model as `/load` and `/state` describe it."""
    return {
        "id": model_id,
        "state": state,
        "stage": "ready",
        "progress": 1.0,
        "memory_bytes": 17 << 20,
        "settings": {"context_tokens": 2048, "slots": 4},
        "active_requests": 0,
        "slots": 4,
        **other,
    }


def chunk(text: str, **other: Any) -> Json:
    return {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}], **other}


LAST_CHUNK: Json = {
    "choices": [],
    "usage": {"prompt_tokens": 5, "completion_tokens": 20, "total_tokens": 25},
    "timings": {"predicted_n": 20, "predicted_ms": 400.0},
}
END: Json = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}


class AppErrorReply(Exception):
    """Answer 409 with one of our errors."""

    def __init__(self, error: Json) -> None:
        self.error = error


class FakeFace:
    """`routes` overrides what a path answers; `calls` is what came in.

    `chunks` is what a chat answers; with `hang` it then waits until the client has left.
    `on_follow` is called when somebody begins to follow the events.
    """

    def __init__(self, home: Path, pid: int | None = None) -> None:
        self.home = home
        self.pid = pid or os.getpid()
        self.calls: list[tuple[str, Json]] = []
        self.state: Json = {
            "version": "0.1.0",
            "pid": self.pid,
            "epoch": "e1",
            "seq": 0,
            "started": 0.0,
            "admin_url": "",
            "public": {"on": False, "url": None, "host": "127.0.0.1", "port": 8484},
            "models": [],
            "waiting": 0,
            "jobs": [],
            "notices": [],
            "runtime": {"id": "environment"},
        }
        self.models: list[Json] = [model()]
        self.jobs: dict[int, Json] = {}
        self.chunks: list[Json] = [chunk("It is "), chunk("a quant type."), END, LAST_CHUNK]
        self.chat_error: Json | None = None
        self.hang: Callable[[], None] | None = None
        self.client_left = threading.Event()
        self.sent = threading.Event()  # set whenever every event so far has gone to a follower
        self.followed = threading.Event()
        self.on_follow: Callable[[], None] = lambda: None
        self.routes: dict[str, Callable[[Json], Json]] = {}
        self._events: list[Json] = []
        self._changed = threading.Condition()
        self._closing = False
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def __enter__(self) -> FakeFace:
        self._thread.start()
        run = self.home / "run"
        run.mkdir(parents=True)
        endpoint = {"host": "127.0.0.1", "port": self.port, "token": TOKEN, "pid": self.pid}
        (run / "service.json").write_text(json.dumps(endpoint), "utf-8")
        return self

    def close_streams(self) -> None:
        """End every event stream, as a service does that ends."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()

    def __exit__(self, *_: object) -> None:
        self.close_streams()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def publish(self, kind: str, data: Json) -> None:
        with self._changed:
            self.sent.clear()
            event = {"epoch": "e1", "seq": len(self._events) + 1, "type": kind}
            self._events.append({**event, "time": 0.0, "data": data})
            self._changed.notify_all()

    def next_event(self, after: int) -> Json | None:
        """The first event after a number; None when the face closes."""
        with self._changed:
            self._changed.wait_for(lambda: self._closing or len(self._events) > after)
            return None if self._closing else self._events[after]

    def note_sent(self, count: int) -> None:
        with self._changed:
            if count == len(self._events):
                self.sent.set()

    def called(self, path: str) -> list[Json]:
        return [body for where, body in self.calls if where == path]

    def answer(self, path: str, body: Json) -> Json:
        if path in self.routes:
            return self.routes[path](body)
        if path == "/hello":
            return {"name": "paddock", "version": "0.1.0", "admin_api": 1, "pid": self.pid}
        if path == "/state":
            return {**self.state, "seq": len(self._events)}
        if path == "/models":
            return {"models": self.models}
        if path == "/models/disk":
            place = {"folder": "/models", "app": None, "bundled": False, "models": 1}
            return {
                "total_bytes": 2_682_880,
                "places": [{**place, "disk_bytes": 2_682_880, "free_bytes": 1 << 36}],
            }
        if path == "/load":
            return loaded(body["model"])
        if path == "/unload":
            return {"id": body["model"], "was_loaded": True}
        if path.startswith("/jobs/") and not path.endswith("/cancel"):
            return self.jobs[int(path.split("/")[2])]
        raise KeyError(path)


def _handler(face: FakeFace) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"  # chunked streams on open connections, as aiohttp sends them

        def log_message(self, format: str, *args: Any) -> None:
            return None

        def _body(self) -> Json:
            length = int(self.headers.get("Content-Length") or 0)
            body: Json = json.loads(self.rfile.read(length) or b"{}")
            return body

        def _reply(self, status: int, document: Json) -> None:
            raw = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def _begin_stream(self) -> None:
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()

        def _send(self, raw: bytes) -> None:
            self.wfile.write(f"{len(raw):x}\r\n".encode() + raw + b"\r\n")

        def do_GET(self) -> None:
            self.do_POST()

        def do_PUT(self) -> None:
            self.do_POST()

        def do_DELETE(self) -> None:
            self.do_POST()

        def do_POST(self) -> None:
            assert self.headers["Authorization"] == f"Bearer {TOKEN}"
            where = urlsplit(self.path)
            body = self._body()
            path = where.path.removeprefix("/admin/v1")
            face.calls.append((path, body))
            try:
                if path == "/events":
                    self._stream_events(int(parse_qs(where.query)["after"][0]))
                elif path == "/v1/chat/completions":
                    self._chat()
                else:
                    self._reply(200, face.answer(path, body))
            except AppErrorReply as error:
                self._reply(409, {"error": error.error})
            except OSError:
                face.client_left.set()

        def _stream_events(self, after: int) -> None:
            self._begin_stream()
            face.followed.set()
            face.on_follow()
            while (event := face.next_event(after)) is not None:
                self._send(json.dumps(event).encode() + b"\n")
                after += 1
                face.note_sent(after)
            self._send(b"")

        def _chat(self) -> None:
            if face.chat_error is not None:
                self._reply(400, {"error": face.chat_error})
                return
            self._begin_stream()
            for each in face.chunks:
                self._send(b"data: " + json.dumps(each).encode() + b"\n\n")
            if face.hang is not None:
                face.hang()
                self.connection.recv(1)  # returns when the client has left
                face.client_left.set()
                return
            self._send(b"data: [DONE]\n\n")
            self._send(b"")

    return Handler
