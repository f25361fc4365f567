"""The gateway over an engine that answers from a script, both in the test's own process.

`ScriptedEngine` is a small server with llama-server's routes and shapes; `gateway` puts the real
routes, errors and streams of the service before it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
from aiohttp import web

from desktop.core.engine.flags import Adapter, LoadSettings
from desktop.core.gguf.summary import ModelSummary
from desktop.core.library.entry import ModelEntry
from desktop.core.service import faces, request_ids
from desktop.core.service.asking.asker import Asker
from desktop.core.service.asking.fetch import Fetcher
from desktop.core.service.calls import CALLER, Caller, Calls
from desktop.core.service.engine_stream import EngineStreams
from desktop.core.service.gateway import Gateway
from desktop.core.service.key_policy import KeyPolicy
from desktop.core.service.load_request import LoadRequest
from desktop.core.service.loaded import Loaded, ModelState, Prepared
from desktop.core.service.requests import RequestLog

Json = dict[str, Any]
Script = Callable[[Json], Sequence[Json]]
_HEAD = {"created": 1, "id": "chatcmpl-1", "model": "m", "system_fingerprint": "b1"}
TOOLS = {"supports_tools": True, "supports_tool_calls": True}


def delta(index: int = 0, finish: str | None = None, **said: Any) -> Json:
    """A piece of a chat's answer."""
    return {"choices": [{"finish_reason": finish, "index": index, "delta": said}]}


def call(name: str | None, arguments: str, number: int = 0, **more: Any) -> Json:
    """A piece of a tool call."""
    function = {"name": name} if name else {}
    return {"index": number, **more, "function": {**function, "arguments": arguments}}


def said(*texts: str, finish: str = "stop") -> list[Json]:
    """A whole answer: who speaks, its pieces, its end."""
    pieces = [delta(content=text) for text in texts]
    return [delta(role="assistant", content=None), *pieces, delta(finish=finish)]


def text_piece(text: str, index: int = 0, finish: str | None = None, **more: Any) -> Json:
    """A piece of a text completion."""
    choice = {"text": text, "index": index, "logprobs": None, "finish_reason": finish, **more}
    return {"choices": [choice]}


def usage(prompt: int = 9, completion: int = 4, cached: int = 3) -> Json:
    details = {"cached_tokens": cached}
    found = {"completion_tokens": completion, "prompt_tokens": prompt}
    return {"choices": [], "usage": {**found, "prompt_tokens_details": details}}


class Refusal(Exception):
    """The engine's answer with another status than 200."""

    def __init__(self, status: int, kind: str, message: str = "no", **more: Any) -> None:
        super().__init__(message)
        self.status = status
        self.error = {"code": status, "message": message, "type": kind, **more}


class ScriptedEngine:
    """A llama-server that says what it is told to.

    Attributes:
        script: makes the chunks of a stream from its request; usage and end follow by themselves.
        plain: what it answers on its other routes, by path.
        props: what it can do.
        asked: the path and body of every POST.
        pause: before each chunk of a stream.
        begins: its streams wait for it; None: they do not.
    """

    def __init__(self) -> None:
        self.script: Script = lambda body: said("Hello", " there")
        self.props: Json = {"chat_template": "{{ x }}", "chat_template_caps": TOOLS}
        self.plain: dict[str, Callable[[Json], Json]] = {"/props": lambda body: self.props}
        self.asked: list[tuple[str, Json]] = []
        self.pause: Callable[[], Any] | None = None
        self.begins: asyncio.Event | None = None

    @property
    def last(self) -> Json:
        """What was asked of it last."""
        return self.asked[-1][1]

    async def answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.json() if request.method == "POST" else {}
        if request.method == "POST":
            self.asked.append((request.path, body))
        try:
            if request.path in self.plain:
                return web.json_response(self.plain[request.path](body))
            chunks = self.script(body)
        except Refusal as refusal:
            return web.json_response({"error": refusal.error}, status=refusal.status)
        if self.begins is not None:
            await self.begins.wait()
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        ends = [usage()] * int(body.get("n", 1)) if request.path != "/infill" else []
        for chunk in [*chunks, *ends]:
            if self.pause is not None:
                await self.pause()
            event = {"object": "chat.completion.chunk"} if "messages" in body else {}
            await response.write(_event({**chunk, **_HEAD, **event}))
        if request.path != "/infill":
            await response.write(b"data: [DONE]\n\n")
        return response


def _event(chunk: Json) -> bytes:
    return b"data: " + json.dumps(chunk, separators=(",", ":")).encode() + b"\n\n"


def entry(name: str = "m", **summary: Any) -> ModelEntry:
    path = Path(f"/models/{name}.gguf")
    known = {"vocab_size": 100, "context_tokens": 4096, "chat_template": True, **summary}
    return ModelEntry(
        id=name,
        path=path,
        shard_paths=(path,),
        size_bytes=1,
        fingerprint=f"quick-{name}",
        summary=ModelSummary(**known),
        error=None,
        kind="model",
        source="folder",
        root=path.parent,
    )


class _Server:
    """What is used of `EngineServer`."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self.api_key = "k"
        self.death = None
        self.memory = ()
        self.runtime = SimpleNamespace(version=SimpleNamespace(text="b1"))

    def wait_ended(self, seconds: float) -> bool:
        return True


class _Supervisor:
    """Has one model loaded; `ready` makes its slots wait.

    Attributes:
        taken: how many slots each request took.
        other: the model on its way in that requests have to wait for.
    """

    def __init__(self, loaded: Loaded) -> None:
        self._loaded = loaded
        self.ready = asyncio.Event()
        self.ready.set()
        self.fails: Exception | None = None
        self.taken: list[int] = []
        self.other: Loaded | None = None

    def waits_for(self, _: str) -> Loaded | None:
        return self.other

    @property
    def models(self) -> tuple[Loaded, ...]:
        return (self._loaded,)

    def loaded(self, model_id: str | None) -> Loaded:
        return self._loaded

    @contextlib.asynccontextmanager
    async def slot(self, entry: ModelEntry, *, answers: int = 1, **_: Any) -> AsyncIterator[Loaded]:
        self.taken.append(answers)
        await self.ready.wait()
        if self.fails is not None:
            raise self.fails
        self._loaded.active += 1
        try:
            yield self._loaded
        finally:
            self._loaded.active -= 1


class Served:
    """A gateway that runs.

    Attributes:
        policy: of whoever asks.
    """

    def __init__(self, engine: ScriptedEngine, model: ModelEntry) -> None:
        self.engine = engine
        self.model = model
        self.policy = KeyPolicy()
        self.log = RequestLog(lambda kind, data: None)
        self.url = ""
        self.loaded: Loaded
        self.calls: Calls
        self.supervisor: _Supervisor
        self.session: aiohttp.ClientSession

    async def post(self, path: str, body: Json) -> tuple[int, Any, aiohttp.ClientResponse]:
        """Status, JSON or (of a stream) the chunks, and the response."""
        async with self.session.post(self.url + path, json={"model": "m", **body}) as reply:
            raw = await reply.read()
            if reply.content_type == "application/json":
                return reply.status, json.loads(raw), reply
            return reply.status, events_of(raw), reply

    async def chat(self, **body: Any) -> Any:
        """The reply, or the chunks, of a chat that is answered."""
        given = {"messages": [{"role": "user", "content": "Hi"}], **body}
        status, found, _ = await self.post("/v1/chat/completions", given)
        assert status == 200, found
        return found

    async def refused(self, path: str = "/v1/chat/completions", **body: Any) -> Json:
        """The error of a request, with its status."""
        given = body if "messages" in body or path != "/v1/chat/completions" else {**HI, **body}
        status, found, _ = await self.post(path, given)
        assert status >= 400, found
        return {**found["error"], "status": status}


HI: Json = {"messages": [{"role": "user", "content": "Hi"}]}


def events_of(raw: bytes) -> list[Any]:
    """A stream's chunks; its comments as texts."""
    found: list[Any] = []
    for event in raw.decode().split("\n\n"):
        if event.startswith(":"):
            found.append(event)
        elif event.startswith("data: {"):
            found.append(json.loads(event[6:]))
    return found


@contextlib.asynccontextmanager
async def gateway(
    engine: ScriptedEngine | None = None,
    *,
    model: ModelEntry | None = None,
    adapters: Sequence[Adapter] = (),
    may_fetch: Callable[[], bool] = lambda: True,
    fetcher: Fetcher | None = None,
    silent_seconds: float = 60.0,
    look_seconds: float = 0.02,
    early_seconds: float = 60.0,
) -> AsyncIterator[Served]:
    """OpenAI's routes over a scripted engine."""
    engine = engine or ScriptedEngine()
    served = Served(engine, model or entry())
    upstream = web.Application(client_max_size=1 << 28)
    upstream.router.add_route("*", "/{path:.*}", engine.answer)

    @web.middleware
    async def guard(request: web.Request, handler: Any) -> web.StreamResponse:
        request[CALLER] = Caller("anna", policy=served.policy)
        response: web.StreamResponse = await handler(request)
        return response

    async with contextlib.AsyncExitStack() as entered:
        server: Any = _Server(await entered.enter_async_context(listening(upstream)))
        served.loaded = Loaded(served.model, LoadRequest(), state=ModelState.READY, server=server)
        settings = LoadSettings(slots=4, context_tokens=2048, adapters=tuple(adapters))
        nothing: Any = None
        served.loaded.prepared = Prepared(settings, None, nothing)
        served.supervisor = _Supervisor(served.loaded)
        supervisor: Any = served.supervisor

        async def find(name: str) -> ModelEntry:
            return served.model

        async def listed() -> list[ModelEntry]:
            return [served.model]

        asker = Asker(may_fetch=may_fetch, fetcher=fetcher)
        served.calls = Calls(
            supervisor,
            served.log,
            find=find,
            list_models=listed,
            asker=asker,
            streams=EngineStreams(asker, silent_seconds=silent_seconds, look_seconds=look_seconds),
            early_seconds=early_seconds,
        )
        app = web.Application(
            middlewares=[faces.error_shape, guard, faces.json_only], client_max_size=32 << 20
        )
        app.on_response_prepare.append(request_ids.mark)
        app.add_routes(Gateway(served.calls).routes())
        served.url = await entered.enter_async_context(listening(app))
        served.session = await entered.enter_async_context(aiohttp.ClientSession())
        yield served


@contextlib.asynccontextmanager
async def listening(app: web.Application) -> AsyncIterator[str]:
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
