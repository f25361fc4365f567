"""The OpenAI-compatible routes, the same on both faces."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import aiohttp
from aiohttp import web

from desktop.core.errors import AppError
from desktop.core.library.entry import ModelEntry
from desktop.core.service import generation, limits, upstream
from desktop.core.service.api_errors import ApiError, from_app_error
from desktop.core.service.requests import RequestLog, RequestRecord
from desktop.core.service.streams import Assembler, StreamFilter, Usage
from desktop.core.service.supervisor import Loaded, Supervisor

log = logging.getLogger(__name__)

# A reader that takes nothing for this long holds a slot others wait for: it is cut off.
STALL_SECONDS = 60.0
# The status of a request whose client left before the end (nginx's number for it).
CLIENT_LEFT = 499

KEY_NAME: web.RequestKey[str] = web.RequestKey("key_name", str)


class Gateway:
    """Answers requests with whichever engine the supervisor provides.

    Args:
        find: the model of a name; raises MODEL_NOT_FOUND, MODEL_AMBIGUOUS.
    """

    def __init__(
        self,
        supervisor: Supervisor,
        session: aiohttp.ClientSession,
        requests: RequestLog,
        *,
        find: Callable[[str], Awaitable[ModelEntry]],
        list_models: Callable[[], Awaitable[list[ModelEntry]]],
        stall_seconds: float = STALL_SECONDS,
    ) -> None:
        self._supervisor = supervisor
        self._session = session
        self._requests = requests
        self._find = find
        self._list_models = list_models
        self._stall_seconds = stall_seconds
        self.stopping = False

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/health", self.health),
            web.get("/ready", self.ready),
            web.get("/v1/models", self.models),
            web.get("/v1/models/{id:.+}", self.model),
            web.post("/v1/chat/completions", self.chat),
            web.post("/v1/completions", self.completions),
            web.post("/v1/embeddings", self.embeddings),
        ]

    # --- state --------------------------------------------------------------------------------

    async def health(self, request: web.Request) -> web.Response:
        """The gateway answers; says nothing of models."""
        return web.json_response({"status": "ok"})

    async def ready(self, request: web.Request) -> web.Response:
        """Whether a request sent now would begin without waiting for a load."""
        current = self._supervisor.current
        is_ready = not self.stopping and (current is None or current.state.value == "ready")
        return web.json_response(
            {
                "status": "ready" if is_ready else "stopping" if self.stopping else "loading",
                "model": current.entry.id if current else None,
            },
            status=200 if is_ready else 503,
        )

    async def models(self, request: web.Request) -> web.Response:
        entries = [entry for entry in await self._list_models() if _usable(entry)]
        data = []
        for entry in entries:
            about = _model_card(entry, self._supervisor.current)
            # A client that offers what is listed offers the names people gave, too.
            data += [about, *({**about, "id": name, "root": entry.id} for name in entry.aliases)]
        return web.json_response({"object": "list", "data": data})

    async def model(self, request: web.Request) -> web.Response:
        entry = await self._entry(request.match_info["id"])
        return web.json_response(_model_card(entry, self._supervisor.current))

    async def _entry(self, name: Any) -> ModelEntry:
        if not isinstance(name, str) or not name:
            raise ApiError(
                400, "The request must name a model.", param="model", code="missing_parameter"
            )
        entry = await self._find(name)
        generation.check_model(entry)
        return entry

    # --- generation ---------------------------------------------------------------------------

    async def chat(self, request: web.Request) -> web.StreamResponse:
        return await self._generate(request, "/v1/chat/completions", "messages", chat=True)

    async def completions(self, request: web.Request) -> web.StreamResponse:
        return await self._generate(request, "/v1/completions", "prompt", chat=False)

    async def _generate(
        self, request: web.Request, route: str, needed: str, chat: bool
    ) -> web.StreamResponse:
        record = RequestRecord(route, key=request.get(KEY_NAME))
        with self._recorded(record):
            body = await limits.read(request)
            entry = await self._entry(body.get("model"))
            record.model = entry.id
            if needed not in body:
                raise ApiError(
                    400, f"“{needed}” is missing.", param=needed, code="missing_parameter"
                )
            generation.check_generative(entry)
            record.stream = _boolean(body, "stream")
            wants_usage = _wants_usage(body)

            async def answer(loaded: Loaded) -> web.StreamResponse:
                limits.check(body, loaded.slots)
                asked = generation.prepared(generation.with_card(body, entry), entry)
                if record.stream:
                    return await self._stream(
                        request, loaded, route, asked, wants_usage=wants_usage, record=record
                    )
                return await self._plain(loaded, route, asked, chat, record)

            return await generation.with_engine(self._supervisor, entry, record, answer)

    async def _stream(
        self,
        request: web.Request,
        loaded: Loaded,
        route: str,
        body: dict[str, Any],
        *,
        wants_usage: bool,
        record: RequestRecord,
    ) -> web.StreamResponse:
        server = loaded.server
        assert server is not None
        async with upstream.post(self._session, server, route, body) as reply:
            events = StreamFilter(wants_usage)
            response = web.StreamResponse(
                headers={
                    "Content-Type": "text/event-stream; charset=utf-8",
                    "Cache-Control": "no-cache",
                    "X-Accel-Buffering": "no",
                }
            )
            await response.prepare(request)
            problem: ApiError | None = None
            with StallWatch(request, self._stall_seconds):
                try:
                    async for block in reply.content.iter_any():
                        out = events.feed(block)
                        if out:
                            if record.ttft_seconds is None:
                                record.first_event()
                            await response.write(out)
                except aiohttp.ClientPayloadError as error:
                    problem = await upstream.broke_off(server, str(error))
                except (asyncio.CancelledError, ConnectionError) as error:
                    # Gone after its last event is not gone in the middle.
                    whole = events.finished
                    why = None if whole else "the client left"
                    self._finished(record, events.usage, 200 if whole else CLIENT_LEFT, why)
                    if isinstance(error, ConnectionError):
                        return response
                    raise
                problem = problem or await generation.stream_problem(events, server)
                if problem is not None:
                    await response.write(problem.event())
            self._finished(
                record,
                events.usage,
                problem.status if problem else 200,
                problem.message if problem else None,
            )
            with contextlib.suppress(ConnectionError):
                await response.write_eof()
            return response

    async def _plain(
        self,
        loaded: Loaded,
        route: str,
        body: dict[str, Any],
        chat: bool,
        record: RequestRecord,
    ) -> web.Response:
        server = loaded.server
        assert server is not None
        events, assembler = StreamFilter(client_wants_usage=True), Assembler(chat)
        async with upstream.post(self._session, server, route, body) as reply:
            async for block in reply.content.iter_any():
                out = events.feed(block)
                if out:
                    record.first_event()
                    assembler.feed(out)
        problem = await generation.stream_problem(events, server)
        if problem is not None:
            raise problem
        self._finished(record, events.usage)
        return web.json_response(assembler.reply())

    # --- embeddings ---------------------------------------------------------------------------

    async def embeddings(self, request: web.Request) -> web.StreamResponse:
        record = RequestRecord("/v1/embeddings", key=request.get(KEY_NAME))
        with self._recorded(record):
            body = await limits.read(request)
            entry = await self._entry(body.get("model"))
            record.model = entry.id
            _check_embedding_input(body)
            if entry.summary is None or not entry.summary.is_embedding:
                raise ApiError(
                    400,
                    f"“{entry.id}” does not make embeddings. Choose an embedding model.",
                    param="model",
                    code="model_not_embedding",
                )

            async def answer(loaded: Loaded) -> web.StreamResponse:
                limits.check(body, loaded.slots)
                body["model"] = entry.id
                assert loaded.server is not None
                path = "/v1/embeddings"
                async with upstream.post(self._session, loaded.server, path, body) as reply:
                    vectors = json.loads(await reply.read())
                usage = Usage()
                usage.read(vectors)
                self._finished(record, usage)
                return web.json_response(vectors)

            return await generation.with_engine(self._supervisor, entry, record, answer)

    @contextlib.contextmanager
    def _recorded(self, record: RequestRecord) -> Iterator[None]:
        """Note how a request failed; one that succeeded has been noted by who answered it."""
        try:
            yield
        except (ApiError, AppError) as error:
            failure = error if isinstance(error, ApiError) else from_app_error(error)
            self._finished(record, None, failure.status, failure.message)
            raise failure from error
        except asyncio.CancelledError:
            self._finished(record, None, CLIENT_LEFT, "the client left")
            raise

    def _finished(
        self,
        record: RequestRecord,
        usage: Usage | None,
        status: int = 200,
        error: str | None = None,
    ) -> None:
        if record.total_seconds is None:  # the first word counts: who knew most said it
            record.finish(usage, status, error)
            self._requests.add(record)


class StallWatch:
    """Cuts a client off that has taken nothing for `seconds` although there is something to take.

    It looks from time to time and costs the stream itself nothing.
    """

    def __init__(self, request: web.Request, seconds: float) -> None:
        self._request = request
        self._seconds = seconds
        self._loop = asyncio.get_running_loop()
        self._waiting_bytes = 0
        self._since = self._loop.time()
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> StallWatch:
        self._timer = self._loop.call_later(self._seconds / 4, self._look)
        return self

    def __exit__(self, *_: object) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        transport = self._request.transport
        if transport is None:
            return
        waiting_bytes = transport.get_write_buffer_size()
        if not waiting_bytes or waiting_bytes != self._waiting_bytes:
            self._waiting_bytes, self._since = waiting_bytes, self._loop.time()
        elif self._loop.time() - self._since >= self._seconds:
            log.info("a client stopped reading and was cut off")
            transport.abort()
            return
        self._timer = self._loop.call_later(self._seconds / 4, self._look)


def _usable(entry: ModelEntry) -> bool:
    return entry.error is None and entry.kind == "model"


def _model_card(entry: ModelEntry, current: Loaded | None) -> dict[str, Any]:
    """The model as API clients see it; of a loaded one also what it was given, and why not more."""
    summary = entry.summary
    loaded = current if current is not None and current.entry.id == entry.id else None
    prepared = loaded.prepared if loaded is not None else None
    return {
        "id": entry.id,
        "object": "model",
        "created": int(_mtime(entry)),
        "owned_by": entry.repo.split("/")[0] if entry.repo else "paddock",
        "context_length": summary.context_tokens if summary else None,
        "size_bytes": entry.size_bytes,
        "quant_type": summary.quant_type if summary else None,
        "state": loaded.state.value if loaded else "not_loaded",
        "loaded_context_length": prepared.settings.context_tokens if prepared else None,
        "notices": [vars(notice) for notice in prepared.notices] if prepared else [],
    }


def _mtime(entry: ModelEntry) -> float:
    try:
        return entry.path.stat().st_mtime
    except OSError:
        return time.time()


def _boolean(body: dict[str, Any], name: str) -> bool:
    value = body.get(name)
    if value is not None and not isinstance(value, bool):
        raise ApiError(400, f"“{name}” must be true or false.", param=name, code="invalid_value")
    return bool(value)


def _wants_usage(body: dict[str, Any]) -> bool:
    options = body.get("stream_options")
    if options is None:
        return False
    if not isinstance(options, dict):
        raise ApiError(400, "“stream_options” must be an object.", param="stream_options")
    return _boolean(options, "include_usage")


def _check_embedding_input(body: dict[str, Any]) -> None:
    inputs = body.get("input")
    if inputs is None:
        raise ApiError(400, "“input” is missing.", param="input", code="missing_parameter")
    if isinstance(inputs, list) and len(inputs) > limits.INPUTS:
        raise ApiError(
            400,
            f"“input” has {len(inputs)} entries; {limits.INPUTS} are allowed.",
            param="input",
            code="too_many",
        )
