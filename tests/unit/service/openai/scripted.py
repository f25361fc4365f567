"""The routes of this package over an engine that answers from a script."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from aiohttp import web

from desktop.core.engine.flags import LoadSettings
from desktop.core.gguf.summary import ModelSummary
from desktop.core.library.entry import ModelEntry
from desktop.core.service import faces, request_ids
from desktop.core.service.access import PublicPolicy, public_guard
from desktop.core.service.api_errors import ApiError
from desktop.core.service.calls import Calls
from desktop.core.service.cors import cors_headers
from desktop.core.service.keys import KeyStore
from desktop.core.service.load_request import LoadRequest
from desktop.core.service.loaded import Loaded, ModelState, Prepared
from desktop.core.service.requests import RequestLog

Json = dict[str, Any]
USAGE = {"prompt_tokens": 9, "completion_tokens": 4, "prompt_tokens_details": {"cached_tokens": 3}}


def delta(finish: str | None = None, **said: Any) -> Json:
    """A chunk of a chat completion."""
    logprobs = said.pop("logprobs", None)
    choice = {"index": 0, "delta": said, "finish_reason": finish}
    return {"choices": [choice if logprobs is None else {**choice, "logprobs": logprobs}]}


def called(index: int, name: str = "", arguments: str = "", call_id: str = "") -> Json:
    """A chunk with a piece of a tool call."""
    function: Json = {"name": name} if name else {}
    call: Json = {"index": index, "function": {**function, "arguments": arguments}}
    return delta(tool_calls=[{**call, "id": call_id} if call_id else call])


def said(*texts: str, finish: str = "stop") -> list[Json]:
    """A whole answer."""
    return [*(delta(content=text) for text in texts), delta(finish)]


class Engine:
    """A llama-server that says what it is told to.

    Attributes:
        chunks: of the next chat completions; the usage chunk and the end follow by themselves.
        breaks_off: its streams end without an end.
        refuses: the status and error it answers with instead.
        refuses_chat: the same for some chat completions only, by their bodies.
        plain: what it answers on its other routes, by path.
        props: what it can do.
        asked: the path and body of every POST.
    """

    def __init__(self) -> None:
        self.chunks: list[Json] = said("Hello", " there")
        self.usage: Json = USAGE
        self.breaks_off = False
        self.refuses: tuple[int, Json] | None = None
        self.refuses_chat: Callable[[Json], tuple[int, Json] | None] = lambda body: None
        self.plain: dict[str, Callable[[Json], Any]] = {"/props": lambda body: self.props}
        self.props: Json = {
            "chat_template_caps": {"supports_tools": True, "supports_tool_calls": True},
            "modalities": {"vision": True, "audio": True},
        }
        self.asked: list[tuple[str, Json]] = []

    @property
    def last(self) -> Json:
        return self.asked[-1][1]

    async def answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.json() if request.method == "POST" else {}
        if request.method == "POST":
            self.asked.append((request.path, body))
        refused = self.refuses
        if request.path == "/v1/chat/completions":
            refused = refused or self.refuses_chat(body)
        if refused is not None:
            status, error = refused
            return web.json_response({"error": error}, status=status)
        if request.path in self.plain:
            return web.json_response(self.plain[request.path](body))
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        usage: Json = {"choices": [], "usage": self.usage}
        head = {"id": "chatcmpl-1", "created": 1, "model": "m", "object": "chat.completion.chunk"}
        for chunk in [*self.chunks, *([] if self.breaks_off else [usage])]:
            await response.write(f"data: {json.dumps({**head, **chunk})}\n\n".encode())
        if not self.breaks_off:
            await response.write(b"data: [DONE]\n\n")
        return response


def entry(name: str = "m", *, mmproj: str | None = None, **summary: Any) -> ModelEntry:
    path = Path(f"/models/{name}.gguf")
    return ModelEntry(
        id=name,
        path=path,
        shard_paths=(path,),
        size_bytes=1,
        fingerprint=f"quick-{name}",
        summary=ModelSummary(**{"vocab_size": 100, "context_tokens": 4096, **summary}),
        error=None,
        kind="model",
        source="folder",
        root=path.parent,
        mmproj=None if mmproj is None else Path(mmproj),
    )


class Supervisor:
    """Has the first model loaded, and gives as many slots of any as are asked for."""

    def __init__(self, loaded: Any) -> None:
        self._loaded = loaded
        self.slots_given = 0

    @property
    def models(self) -> tuple[Any, ...]:
        return (self._loaded,)

    def loaded(self, model_id: str | None) -> Any:
        return self._loaded if model_id == self._loaded.entry.id else None

    @contextlib.asynccontextmanager
    async def slot(self, entry: ModelEntry, **_: Any) -> AsyncIterator[Any]:
        self.slots_given += 1
        yield self._loaded


class Gateway:
    """An application over a scripted engine, at `url`.

    Attributes:
        keys: where they are given, one is needed.
    """

    def __init__(self, models: Sequence[ModelEntry], keys: KeyStore | None = None) -> None:
        self.engine = Engine()
        self.models = {model.id: model for model in models}
        self.keys = keys
        self.log = RequestLog(lambda kind, data: None)
        self.url = ""

    async def _find(self, name: str) -> ModelEntry:
        if name not in self.models:
            raise ApiError(404, f"There is no model {name}.", code="model_not_found")
        return self.models[name]

    async def _list(self) -> list[ModelEntry]:
        return list(self.models.values())

    @contextlib.asynccontextmanager
    async def running(self, routes: Callable[[Calls], list[web.RouteDef]]) -> AsyncIterator[None]:
        upstream = web.Application(client_max_size=1 << 28)
        upstream.router.add_route("*", "/{path:.*}", self.engine.answer)
        async with contextlib.AsyncExitStack() as entered:
            server: Any = Server(await entered.enter_async_context(listening(upstream)))
            model = next(iter(self.models.values()))
            nothing: Any = None
            loaded = Loaded(model, LoadRequest(), state=ModelState.READY, server=server)
            loaded.prepared = Prepared(LoadSettings(slots=4), None, nothing)
            self.supervisor = Supervisor(loaded)
            supervisor: Any = self.supervisor
            calls = Calls(supervisor, self.log, find=self._find, list_models=self._list)
            policy = PublicPolicy("127.0.0.1", self.keys is not None, [], ["https://app.example"])
            app = self.application(policy, routes(calls))
            self.url = await entered.enter_async_context(listening(app))
            yield

    def application(self, policy: PublicPolicy, routes: list[web.RouteDef]) -> web.Application:
        keys: Any = self.keys or SimpleNamespace(check=lambda key: None)
        app = web.Application(
            middlewares=[
                faces.error_shape,
                public_guard(policy, keys),
                faces.json_only,
            ],
            client_max_size=32 << 20,
        )
        app.on_response_prepare.append(request_ids.mark)
        app.on_response_prepare.append(cors_headers(policy))
        app.add_routes(routes)
        return app


class Server:
    """What is used of `EngineServer`."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self.api_key = "k"
        self.death = None
        self.memory = ()
        self.runtime = SimpleNamespace(version=SimpleNamespace(text="b1"))

    def wait_ended(self, seconds: float) -> bool:
        return True


@contextlib.asynccontextmanager
async def listening(app: web.Application) -> AsyncIterator[str]:
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
