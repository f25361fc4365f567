"""Ollama's routes that ask models and list them, the same on all faces."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, Callable
from functools import partial
from typing import Any

from aiohttp import web

from desktop.core.engine.flags import DEFAULT_CONTEXT
from desktop.core.errors import AppError, ErrorCode
from desktop.core.gguf.reader import HeaderReader
from desktop.core.library.entry import ModelEntry
from desktop.core.service import generation, limits
from desktop.core.service.api_errors import ApiError
from desktop.core.service.calls import Call, Calls, caller_of
from desktop.core.service.early import Early
from desktop.core.service.error_shapes import ollama_line
from desktop.core.service.load_request import LoadRequest
from desktop.core.service.loaded import Loaded, ModelState
from desktop.core.service.models import Models
from desktop.core.service.ollama import cards, embedding
from desktop.core.service.ollama.answers import Answer, line, whole
from desktop.core.service.ollama.asking import Asked, chat_of, generate_of
from desktop.core.service.ollama.durations import keep_seconds, nanoseconds
from desktop.core.service.ollama.finding import find, model, named
from desktop.core.service.ollama.manage import NDJSON
from desktop.core.service.ollama.modelfile import shown_modelfile
from desktop.core.settings import Settings
from desktop.core.version import VERSION

Json = dict[str, Any]

# The version of Ollama whose API this is (docs/api.md, api/types.go): clients compare it with what
# they need.
API_VERSION = "0.13.5"


class Ollama:
    """Args:
    default_keep: how long a model stays that was loaded for a request; None: for ever.
    """

    def __init__(
        self,
        calls: Calls,
        models: Models,
        reader: HeaderReader,
        *,
        settings: Callable[[], Settings],
    ) -> None:
        self._calls = calls
        self._models = models
        self._reader = reader
        self._settings = settings

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/api/version", self.version),
            web.get("/api/tags", self.tags),
            web.get("/api/ps", self.ps),
            web.post("/api/show", self.show),
            web.post("/api/chat", self.chat),
            web.post("/api/generate", self.generate),
            web.post("/api/embed", self.embed),
            web.post("/api/embeddings", self.embeddings),
        ]

    # --- lists --------------------------------------------------------------------------------

    async def version(self, request: web.Request) -> web.Response:
        return web.json_response({"version": API_VERSION, "paddock": VERSION})

    async def tags(self, request: web.Request) -> web.Response:
        return web.json_response(cards.tag_list(await self._calls.models_for(request)))

    async def ps(self, request: web.Request) -> web.Response:
        policy = caller_of(request).policy
        models = self._calls.supervisor.models
        seen = [each for each in models if policy.allows_model(each.entry)]
        return web.json_response(cards.process_list(seen))

    async def show(self, request: web.Request) -> web.Response:
        body = await limits.read(request)
        entry = await find(self._calls, request, named(body))
        generation.check_model(entry)
        loaded = self._calls.supervisor.loaded(entry.id)
        abilities = None
        if loaded is not None and loaded.state is ModelState.READY:
            abilities = await self._calls.abilities(loaded)
        values = await asyncio.to_thread(self._values, entry)
        saved = await asyncio.to_thread(self._models.saved.read, entry.fingerprint)
        modelfile = shown_modelfile(entry, saved, caller_of(request).inside)
        verbose = body.get("verbose") is True
        return web.json_response(cards.show(entry, values, abilities, modelfile, verbose))

    def _values(self, entry: ModelEntry) -> Json:
        """A header's; raises AppError MODEL_BROKEN where it cannot be read any more."""
        try:
            return self._reader.read_values(entry.path)
        except AppError as error:
            reason = str(error)
            raise AppError(ErrorCode.MODEL_BROKEN, model=entry.id, reason=reason) from error

    # --- answers ------------------------------------------------------------------------------

    async def chat(self, request: web.Request) -> web.StreamResponse:
        return await self._answer(request, "/api/chat", chat_of)

    async def generate(self, request: web.Request) -> web.StreamResponse:
        return await self._answer(request, "/api/generate", generate_of)

    async def _answer(
        self, request: web.Request, route: str, read: Callable[[Json], Asked]
    ) -> web.StreamResponse:
        async with self._calls.opened(request, route) as call:
            entry = await model(self._calls, call)
            asked = read(call.body)
            answer = Answer(named(call.body), chat=route == "/api/chat")
            if asked.body is None:
                return await self._bring(call, asked, answer)
            generation.check_generative(entry)
            call.record.stream = asked.stream
            await self._give_context(entry, asked)

            async def work(loaded: Loaded) -> web.StreamResponse:
                assert asked.body is not None
                limits.check(asked.body, loaded.slots)
                if asked.thinks and (await self._calls.abilities(loaded)).thinking is False:
                    raise ApiError(400, f'"{named(call.body)}" does not support thinking')
                body = generation.prepared(generation.with_card(asked.body, entry), entry)
                lines = self._lines(call, loaded, asked.route, body, answer)
                if not asked.stream:
                    return web.json_response(whole([each async for each in lines]))
                return await self._calls.send(
                    call, _written(lines), problem=ollama_line, content_type=NDJSON
                )

            early = Early(lambda standing: line(answer.piece("")), ollama_line, NDJSON)
            return await self._calls.answer(
                call,
                work,
                keep_seconds=asked.keep_seconds,
                early=early if asked.stream else None,
            )

    async def _lines(
        self, call: Call, loaded: Loaded, route: str, body: Json, answer: Answer
    ) -> AsyncGenerator[Json]:
        async with contextlib.aclosing(self._calls.chunks(call, loaded, route, body)) as chunks:
            async for chunk in chunks:
                for each in answer.feed(chunk):
                    yield each
        for each in answer.end(call.usage, call.record):
            yield each

    async def _bring(self, call: Call, asked: Asked, answer: Answer) -> web.Response:
        """Nothing is asked: the model is loaded, or, with a time to stay of 0, leaves."""
        leaves = asked.keep_seconds == 0
        loaded = self._calls.supervisor.loaded(call.model.id)
        if not leaves:
            await self._give_context(call.model, asked)
        if loaded is not None or not leaves:

            async def nothing(loaded: Loaded) -> None:
                return None

            await self._calls.answer(call, nothing, keep_seconds=asked.keep_seconds)
        return web.json_response(answer.last("unload" if leaves else "load"))

    async def _give_context(self, entry: ModelEntry, asked: Asked) -> None:
        """Load the model with the context that was asked for, where it has less.

        It is never loaded with less than it would have had: others use it, too.
        """
        wanted = asked.context_tokens
        if wanted is None:
            return
        trained = entry.summary.context_tokens if entry.summary is not None else None
        wanted = min(wanted, trained or wanted)
        loaded = self._calls.supervisor.loaded(entry.id)
        if loaded is None or loaded.prepared is None:
            usual = self._settings().load.context_tokens or DEFAULT_CONTEXT
            saved = await asyncio.to_thread(self._models.saved.request, entry.fingerprint)
            there = saved.context_tokens or usual
        else:
            there = loaded.prepared.settings.context_tokens
        if wanted <= there:
            return
        minutes = self._settings().server.keep_minutes
        keep = asked.keep_seconds if asked.keep_seconds is not None else minutes * 60
        request = LoadRequest(context_tokens=wanted)
        await self._calls.supervisor.load(entry, request, keep_seconds=keep)

    # --- embeddings ---------------------------------------------------------------------------

    async def embed(self, request: web.Request) -> web.Response:
        async with self._calls.opened(request, "/api/embed") as call:
            await model(self._calls, call)
            texts = embedding.inputs_of(call.body)
            dimensions = embedding.dimensions_of(call.body)
            cut = call.body.get("truncate") is not False
            vectors = await self._vectors(call, texts, cut, {})
            found = await asyncio.to_thread(embedding.vectors_of, vectors, dimensions)
            record = call.record
            reply = {
                "model": named(call.body),
                "embeddings": found,
                "total_duration": nanoseconds(record.elapsed()),
                "load_duration": nanoseconds(record.wait_seconds),
                "prompt_eval_count": call.usage.prompt_tokens or 0,
            }
            text = await asyncio.to_thread(json.dumps, reply)
            return web.Response(text=text, content_type="application/json")

    async def embeddings(self, request: web.Request) -> web.Response:
        """The older route: one text, and its vector as the model makes it."""
        async with self._calls.opened(request, "/api/embeddings") as call:
            await model(self._calls, call)
            prompt = call.body.get("prompt") or ""
            if not isinstance(prompt, str):
                raise ApiError(400, "“prompt” must be a text.", param="prompt")
            vectors = await self._vectors(
                call, [prompt] if prompt else [], True, {"embd_normalize": -1}
            )
            found = embedding.vectors_of(vectors, None)
            return web.json_response({"embedding": found[0] if found else []})

    async def _vectors(self, call: Call, texts: list[str], cut: bool, more: Json) -> Json:
        """The engine's answer; of no text at all none, but the model is there."""
        entry = call.model
        if entry.summary is None or not entry.summary.is_embedding:
            raise ApiError(400, f'"{named(call.body)}" does not support embeddings', param="model")
        if any(not text for text in texts):
            raise ApiError(400, "A text of “input” is empty.", param="input")

        async def work(loaded: Loaded) -> Json:
            if not texts:
                return {"data": []}
            ask = partial(self._calls.ask, call, loaded)
            inputs = await embedding.shortened(texts, loaded, ask) if cut else list(texts)
            body = {"model": entry.id, "input": inputs, "encoding_format": "float", **more}
            return await ask("/v1/embeddings", body)

        keep = keep_seconds(call.body.get("keep_alive"))
        vectors = await self._calls.answer(call, work, keep_seconds=keep)
        call.usage.read(vectors)
        return vectors


async def _written(lines: AsyncGenerator[Json]) -> AsyncGenerator[bytes]:
    async with contextlib.aclosing(lines):
        async for each in lines:
            yield line(each)
