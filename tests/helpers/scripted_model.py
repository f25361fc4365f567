"""A model whose answers are scripted: as an object, and as the server of an engine.

`Scripted` answers the checks of a new model as llama-server does, by default without a fault;
`ScriptedServer` is one behind a port, with the methods of `EngineServer`.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from desktop.core.engine.enginelog import EngineLog
from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken
from desktop.core.library.acceptance_engine import Reply

Json = dict[str, Any]
CAPS = {"supports_tools": True, "supports_tool_calls": True, "supports_system_role": True}
CALL: Json = {
    "id": "c1",
    "type": "function",
    "function": {"name": "get_temperature", "arguments": '{"city": "Kyoto"}'},
}
PERSON = '{"name": "Anna", "age": 31}'


def said(text: str = "", finish: str = "stop", **message: Any) -> Reply:
    """A chat completion as llama-server answers it."""
    choice = {"finish_reason": finish, "message": {"role": "assistant", "content": text, **message}}
    return Reply(200, {"choices": [choice], "usage": {"completion_tokens": 7}})


def refusal(message: str, kind: str = "server_error", status: int = 500) -> Reply:
    return Reply(status, {"error": {"code": status, "message": message, "type": kind}})


class Scripted:
    """An engine whose answers are scripted; by default those of a model without a fault.

    Attributes:
        asked: every request: path, body, and how long it was given.
    """

    def __init__(self, **answers: Callable[[Json], Reply]) -> None:
        self.answers = answers
        self.props: Json = {
            "chat_template": "{{ messages }}",
            "chat_template_caps": CAPS,
            "modalities": {"vision": False, "audio": False},
            "bos_token": "<s>",
            "eos_token": "</s>",
        }
        self.asked: list[tuple[str, Json, float]] = []

    def ask(self, path: str, body: Json | None, timeout_seconds: float) -> Reply:
        self.asked.append((path, json.loads(json.dumps(body or {})), timeout_seconds))
        if path == "/props":
            return Reply(200, self.props)
        name = {"/apply-template": "render", "/v1/embeddings": "embed"}.get(path) or kind_of(body)
        answer: Callable[[Json], Reply] = self.answers.get(name) or getattr(self, f"_{name}")
        return answer(body or {})

    def _render(self, body: Json) -> Reply:
        return rendered(body)

    def _greet(self, body: Json) -> Reply:
        return said("Hello!")

    def _call(self, body: Json) -> Reply:
        return said("", "tool_calls", tool_calls=[CALL])

    def _result(self, body: Json) -> Reply:
        return said("It is 21.5 degrees.")

    def _schema(self, body: Json) -> Reply:
        return said(PERSON)

    def _think(self, body: Json) -> Reply:
        return said("12.", reasoning_content="7 and 5 make 12.")

    def _quiet(self, body: Json) -> Reply:
        return said("12.")

    def _embed(self, body: Json) -> Reply:
        vectors = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
        return embedded(vectors)


def kind_of(body: Json | None) -> str:
    """Which of the checks' questions it is."""
    assert body is not None
    if body["messages"][-1]["role"] == "tool":
        return "result"
    if "tools" in body:
        return "call"
    if "response_format" in body:
        return "schema"
    if "thinking_budget_tokens" in body and "7 + 5" in body["messages"][0]["content"]:
        return "think"
    return "quiet" if "7 + 5" in body["messages"][0]["content"] else "greet"


def rendered(body: Json, *, switch: bool = False, without: tuple[str, ...] = ()) -> Reply:
    """A conversation as a template puts it."""
    turns = [
        f"<|{each['role']}|>{each['content']}"
        for each in body["messages"]
        if each["role"] not in without
    ]
    if switch and body.get("chat_template_kwargs", {}).get("enable_thinking") is False:
        turns.append("<think></think>")
    return Reply(200, {"prompt": "".join(turns)})


def thinking_template(body: Json) -> Reply:
    return rendered(body, switch=True)


def embedded(vectors: list[list[Any]]) -> Reply:
    return Reply(200, {"data": [{"embedding": vector} for vector in vectors]})


class ScriptedServer:
    """What the test of a new model uses of `EngineServer`, over a `Scripted`.

    Args:
        refuses: why it does not load.
        lines: of its log.

    Attributes:
        stopped: with which grace it was stopped.
        asked_for: set when a request begins.
    """

    def __init__(
        self, engine: Scripted, *, refuses: AppError | None = None, lines: tuple[str, ...] = ()
    ) -> None:
        self.engine = engine
        self.model_id, self.api_key = "scripted", "a key"
        self.log = EngineLog(None)
        for line in lines:
            self.log.add(line)
        self.death: AppError | None = None
        self.stopped: list[float] = []
        self.asked_for = threading.Event()
        self._refuses = refuses
        self._gone = threading.Event()
        self.port = 0
        self._http: ThreadingHTTPServer | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._http.daemon_threads = True
        self.port = self._http.server_address[1]
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def wait_ready(
        self, timeout_seconds: float | None = None, cancel: CancelToken | None = None
    ) -> None:
        if cancel is not None:
            cancel.raise_if_cancelled()
        if self._refuses is not None:
            raise self._refuses

    def stop(self, grace_seconds: float = 5.0) -> None:
        self.stopped.append(grace_seconds)
        self._gone.set()
        assert self._http is not None and self._thread is not None
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def wait_ended(self, timeout_seconds: float | None = None) -> bool:
        return self.death is not None

    def hang(self, body: Json) -> Reply:
        """An answer that does not come before the server is stopped."""
        assert self._gone.wait(20)
        return Reply(500, {})

    def crash(self, body: Json) -> Reply:
        """The end of the engine in the midst of an answer."""
        self.death = AppError(ErrorCode.ENGINE_DIED, model=self.model_id, reason="GGML_ASSERT.")
        raise ConnectionAbortedError

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(None)

            def do_POST(self) -> None:
                self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

            def _answer(self, body: Json | None) -> None:
                assert self.headers["Authorization"] == f"Bearer {server.api_key}"
                server.asked_for.set()
                try:
                    reply = server.engine.ask(self.path, body, 0.0)
                except ConnectionAbortedError:
                    self.close_connection = True
                    return
                content = json.dumps(reply.body).encode()
                self.send_response(reply.status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: Any) -> None:
                return None

        return Handler
