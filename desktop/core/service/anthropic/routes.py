"""Anthropic's routes, the same on both faces."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Mapping
from typing import Any, TypeVar

from aiohttp import web

from desktop.core.service import generation, limits
from desktop.core.service.anthropic.asking import Asked, asked_of, model_name, prompt_of
from desktop.core.service.anthropic.checks import flag, required
from desktop.core.service.anthropic.events import PING, Answer, event, message_of
from desktop.core.service.anthropic.models import model_info, model_list
from desktop.core.service.calls import Call, Calls
from desktop.core.service.error_shapes import anthropic_event
from desktop.core.service.loaded import Loaded

MESSAGES = "/v1/messages"
COUNT = f"{MESSAGES}/count_tokens"
# Read by the engine: a long prompt takes minutes, and clients give up on a silent server.
PING_SECONDS = 10.0
_CHAT = "/v1/chat/completions"
_COUNT = f"{_CHAT}/input_tokens"

_T = TypeVar("_T")


class Anthropic:
    """Messages, token counts and the list of models, over `Calls`."""

    def __init__(self, calls: Calls, *, ping_seconds: float = PING_SECONDS) -> None:
        self._calls = calls
        self._ping_seconds = ping_seconds

    def routes(self) -> list[web.RouteDef]:
        return [web.post(MESSAGES, self.messages), web.post(COUNT, self.count)]

    # --- messages -----------------------------------------------------------------------------

    async def messages(self, request: web.Request) -> web.StreamResponse:
        async with self._calls.opened(request, MESSAGES) as call:
            name = model_name(required(call.body, "model"))
            entry = await self._calls.model(call, name)
            generation.check_generative(entry)
            asked = asked_of(call.body)
            call.record.stream = flag(call.body.get("stream", False), "stream")

            async def answer(loaded: Loaded) -> web.StreamResponse:
                limits.check(asked.body, loaded.slots)
                body = generation.prepared(generation.with_card(asked.body, entry), entry)
                if call.record.stream:
                    events = self._stream(call, loaded, asked, body)
                    return await self._calls.send(call, events, problem=anthropic_event)
                return web.json_response(await self._whole(call, loaded, asked, body))

            return await self._calls.answer(call, answer)

    async def _stream(
        self, call: Call, loaded: Loaded, asked: Asked, body: dict[str, Any]
    ) -> AsyncGenerator[bytes]:
        answer = Answer(asked, str(call.body["model"]), lambda: call.usage)
        chunks = self._calls.chunks(call, loaded, _CHAT, body)
        last = time.monotonic()
        async with contextlib.aclosing(until_first(chunks, self._ping_seconds)) as heard:
            async for chunk in heard:
                new = list(answer.start() if chunk is None else answer.feed(chunk))
                # Thoughts that nobody asked for are silence, too.
                if chunk is None or (not new and time.monotonic() - last > self._ping_seconds):
                    new.append(PING)
                if new:
                    last = time.monotonic()
                    yield b"".join(event(each) for each in new)
        yield b"".join(event(each) for each in answer.end())

    async def _whole(
        self, call: Call, loaded: Loaded, asked: Asked, body: dict[str, Any]
    ) -> dict[str, Any]:
        answer = Answer(asked, str(call.body["model"]), lambda: call.usage)
        events: list[dict[str, Any]] = []
        async with contextlib.aclosing(self._calls.chunks(call, loaded, _CHAT, body)) as chunks:
            async for chunk in chunks:
                events += answer.feed(chunk)
        return message_of([*events, *answer.end()])

    async def count(self, request: web.Request) -> web.Response:
        """How many tokens a message would send the model, by its own template and vocabulary."""
        async with self._calls.opened(request, COUNT) as call:
            name = model_name(required(call.body, "model"))
            entry = await self._calls.model(call, name)
            generation.check_generative(entry)
            prompt = prompt_of(call.body)

            async def answer(loaded: Loaded) -> web.Response:
                limits.check(prompt, loaded.slots)
                body = {**generation.with_card(prompt, entry), "model": entry.id}
                counted = await self._calls.ask(call, loaded, _COUNT, body)
                return web.json_response({"input_tokens": counted["input_tokens"]})

            return await self._calls.answer(call, answer)

    # --- models -------------------------------------------------------------------------------

    async def models(self, request: web.Request) -> web.Response:
        entries = await self._calls.list_models()
        loaded = {each.entry.id: each for each in self._calls.supervisor.models}
        return web.json_response(model_list(entries, loaded, request.query))

    async def model(self, request: web.Request) -> web.Response:
        name = model_name(request.match_info["id"])
        entry = await self._calls.find(name)
        generation.check_model(entry)
        loaded = self._calls.supervisor.loaded(entry.id)
        return web.json_response(model_info(entry, loaded, request.match_info["id"]))


def by_header(
    header: str, theirs: Mapping[str, web.RouteDef], routes: list[web.RouteDef]
) -> list[web.RouteDef]:
    """Routes of which some are another API's for whoever sends its header.

    Args:
        theirs: path → that API's route.
    """

    def either(one: web.RouteDef, other: web.RouteDef) -> web.RouteDef:
        async def handle(request: web.Request) -> web.StreamResponse:
            return await (other if header in request.headers else one).handler(request)

        return web.RouteDef(one.method, one.path, handle, one.kwargs)

    return [either(each, theirs[each.path]) if each.path in theirs else each for each in routes]


async def until_first(source: AsyncGenerator[_T], seconds: float) -> AsyncGenerator[_T | None]:
    """What a source gives, and None each time its first word has kept one waiting for so long."""
    async with contextlib.aclosing(source):
        pending = asyncio.ensure_future(anext(source, None))
        try:
            while not (await asyncio.wait({pending}, timeout=seconds))[0]:
                yield None
        finally:
            if not pending.done():
                pending.cancel()
                await asyncio.wait({pending})
        first = pending.result()
        if first is None:
            return
        yield first
        async for each in source:
            yield each
