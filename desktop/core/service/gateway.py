"""The OpenAI-compatible routes, the same on both faces."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from functools import partial
from typing import Any

from aiohttp import web

from desktop.core.library.entry import ModelEntry
from desktop.core.service import generation, limits
from desktop.core.service.api_errors import ApiError
from desktop.core.service.asking import embedding
from desktop.core.service.calls import Calls, caller_of
from desktop.core.service.early import Early
from desktop.core.service.exact_cache import EMBEDDINGS, ExactCache, Repeat, sent_again
from desktop.core.service.loaded import Loaded
from desktop.core.service.openai import values
from desktop.core.service.streams import Assembler


class Gateway:
    """OpenAI's models, chat, completions and embeddings, over `Calls`."""

    def __init__(self, calls: Calls, repeats: ExactCache | None = None) -> None:
        self._calls = calls
        self._repeats = repeats

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
        """Whether the server takes requests and no model is on its way in or out."""
        loaded, stopping = self._calls.supervisor.models, self._calls.stopping
        is_ready = not stopping and all(each.state.value == "ready" for each in loaded)
        told: dict[str, Any] = {
            "status": "ready" if is_ready else "stopping" if stopping else "loading"
        }
        caller = caller_of(request)
        if not caller.stranger:
            ids = [each.entry.id for each in loaded if caller.policy.allows_model(each.entry)]
            told |= {"model": ids[-1] if ids else None, "models": ids}
        return web.json_response(told, status=200 if is_ready else 503)

    async def models(self, request: web.Request) -> web.Response:
        entries = [entry for entry in await self._calls.models_for(request) if _usable(entry)]
        data = []
        for entry in entries:
            about = await self._calls.card(entry)
            # A client that offers what is listed offers the names people gave, too.
            data += [about, *({**about, "id": name, "root": entry.id} for name in entry.aliases)]
        return web.json_response({"object": "list", "data": data})

    async def model(self, request: web.Request) -> web.Response:
        entry = await self._calls.find_for(request, request.match_info["id"])
        generation.check_model(entry)
        return web.json_response(await self._calls.card(entry))

    # --- generation ---------------------------------------------------------------------------

    async def chat(self, request: web.Request) -> web.StreamResponse:
        return await self._generate(request, "/v1/chat/completions", "messages", chat=True)

    async def completions(self, request: web.Request) -> web.StreamResponse:
        return await self._generate(request, "/v1/completions", "prompt", chat=False)

    async def _generate(
        self, request: web.Request, route: str, needed: str, chat: bool
    ) -> web.StreamResponse:
        async with self._calls.opened(request, route) as call:
            body = call.body
            entry = await self._calls.model(call, body.get("model"))
            if needed not in body:
                raise ApiError(
                    400, f"“{needed}” is missing.", param=needed, code="missing_parameter"
                )
            generation.check_generative(entry)
            call.record.stream = values.boolean(body, "stream")
            usage = _wants_usage(body)
            # What makes no sense neither waits nor loads a model.
            there = self._calls.supervisor.loaded(entry.id)
            slots = (there.slots if there is not None else 0) or limits.SLOTS
            limits.check(body, slots)
            call.answers = body.get("n") or 1

            stream = call.record.stream

            def asked() -> dict[str, Any]:
                return generation.prepared(generation.with_card(body, entry), entry)

            repeat = Repeat(self._repeats, call, route, asked)

            async def again(loaded: Loaded | None) -> web.StreamResponse | None:
                reply = await repeat.find(loaded)
                if reply is None or not stream:
                    return web.json_response(reply) if reply is not None else None
                return await self._calls.send(call, sent_again(reply, chat, usage))

            async def answer(loaded: Loaded) -> web.StreamResponse:
                if loaded.slots != slots:
                    limits.check(body, loaded.slots)
                if (found := await again(loaded)) is not None:
                    return found
                wanted = usage or not stream
                events = self._calls.events(call, loaded, route, asked(), usage=wanted)
                if repeat.on:
                    events = repeat.kept(events, chat)
                if not stream:
                    return await _plain(events, chat)
                return await self._calls.send(call, events, straight=not repeat.on)

            early = Early() if stream else None
            first = partial(again, self._calls.supervisor.loaded(entry.id))
            return await self._calls.answer(call, answer, early=early, first=first)

    # --- embeddings ---------------------------------------------------------------------------

    async def embeddings(self, request: web.Request) -> web.StreamResponse:
        async with self._calls.opened(request, "/v1/embeddings") as call:
            entry = await self._calls.model(call, call.body.get("model"))
            summary = entry.summary
            embedding.check(call.body, summary.vocab_size if summary else None)
            ranks = summary is not None and summary.pooling_type == "rank"
            if summary is None or not summary.is_embedding or ranks:
                raise ApiError(
                    400,
                    f"“{entry.id}” does not make embeddings. Choose an embedding model.",
                    param="model",
                    code="model_not_embedding",
                )

            async def answer(loaded: Loaded) -> web.StreamResponse:
                limits.check(call.body, loaded.slots)
                if (found := await again(loaded)) is not None:
                    return found
                repeat.miss()
                vectors = await self._calls.ask(call, loaded, EMBEDDINGS, asked())
                call.usage.read(vectors)
                repeat.keep(vectors)
                return await _shaped(vectors, call.body)

            def asked() -> dict[str, Any]:
                return embedding.asked(call.body, entry.id)

            repeat = Repeat(self._repeats, call, EMBEDDINGS, asked)

            async def again(loaded: Loaded | None) -> web.StreamResponse | None:
                reply = await repeat.find(loaded)
                return None if reply is None else await _shaped(reply, call.body)

            first = partial(again, self._calls.supervisor.loaded(entry.id))
            return await self._calls.answer(call, answer, first=first)


def _usable(entry: ModelEntry) -> bool:
    return entry.error is None and entry.kind == "model"


async def _plain(events: AsyncGenerator[bytes], chat: bool) -> web.Response:
    assembler = Assembler(chat)
    async for block in events:
        assembler.feed(block)
    return web.json_response(assembler.reply())


async def _shaped(vectors: dict[str, Any], body: dict[str, Any]) -> web.Response:
    # Thousands of vectors take their time; every stream would wait for them.
    text = await asyncio.to_thread(_vectors, vectors, body)
    return web.Response(text=text, content_type="application/json")


def _vectors(reply: dict[str, Any], body: dict[str, Any]) -> str:
    return json.dumps(embedding.shaped(reply, body))


def _wants_usage(body: dict[str, Any]) -> bool:
    return values.boolean(values.mapping(body, "stream_options"), "include_usage")
