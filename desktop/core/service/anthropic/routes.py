"""Anthropic's routes, the same on both faces."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from aiohttp import web

from desktop.core.service import generation, limits
from desktop.core.service.anthropic.asking import Asked, asked_of, model_name, prompt_of
from desktop.core.service.anthropic.checks import flag, required
from desktop.core.service.anthropic.events import PING, Answer, event, message_of
from desktop.core.service.anthropic.models import model_info, model_list
from desktop.core.service.calls import Call, Calls
from desktop.core.service.early import Early
from desktop.core.service.error_shapes import VERSION_HEADER, anthropic_event, name_request
from desktop.core.service.loaded import Loaded

MESSAGES = "/v1/messages"
COUNT = f"{MESSAGES}/count_tokens"
PING_SECONDS = 10.0
_CHAT = "/v1/chat/completions"
_COUNT = f"{_CHAT}/input_tokens"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


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
            problem = partial(anthropic_event, request_id=name_request(request))

            async def answer(loaded: Loaded) -> web.StreamResponse:
                limits.check(asked.body, loaded.slots)
                body = generation.prepared(generation.with_card(asked.body, entry), entry)
                if asked.stops:  # only then the engine says which of them ended the answer
                    body["verbose"] = True
                if call.record.stream:
                    events = self._stream(call, loaded, asked, body)
                    return await self._calls.send(call, events, problem=problem)
                return web.json_response(await self._whole(call, loaded, asked, body))

            early = Early(lambda standing: event(PING), problem) if call.record.stream else None
            return await self._calls.answer(call, answer, early=early)

    async def _stream(
        self, call: Call, loaded: Loaded, asked: Asked, body: dict[str, Any]
    ) -> AsyncGenerator[bytes]:
        answer = Answer(asked, str(call.body["model"]), lambda: call.usage)
        last = time.monotonic()
        async with contextlib.aclosing(self._calls.chunks(call, loaded, _CHAT, body)) as chunks:
            async for chunk in chunks:
                new = list(answer.feed(chunk))
                # Thoughts that nobody asked for are silence to the client.
                if not new and time.monotonic() - last > self._ping_seconds:
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
            name_request(request)

            async def answer(loaded: Loaded) -> web.Response:
                limits.check(prompt, loaded.slots)
                body = generation.prepared(generation.with_card(prompt, entry), entry)
                asked = await self._calls.asked(call, loaded, body)
                counted = await self._calls.ask(call, loaded, _COUNT, asked)
                return web.json_response({"input_tokens": counted["input_tokens"]})

            return await self._calls.aside(call, answer)

    # --- models -------------------------------------------------------------------------------

    def by_path(self) -> dict[str, Handler]:
        """What it answers on paths that OpenAI's API has as well."""
        return {"/v1/models": self.models, "/v1/models/{id:.+}": self.model}

    async def models(self, request: web.Request) -> web.Response:
        entries = await self._calls.models_for(request)
        loaded = {each.entry.id: each for each in self._calls.supervisor.models}
        return web.json_response(model_list(entries, loaded, request.query))

    async def model(self, request: web.Request) -> web.Response:
        name = model_name(request.match_info["id"])
        entry = await self._calls.find_for(request, name)
        generation.check_model(entry)
        loaded = self._calls.supervisor.loaded(entry.id)
        return web.json_response(model_info(entry, loaded, request.match_info["id"]))


def by_header(theirs: Mapping[str, Handler], routes: list[web.RouteDef]) -> list[web.RouteDef]:
    """Routes of which some are Anthropic's for whoever sends the header of its clients.

    Args:
        theirs: by path.
    """

    def either(route: web.RouteDef, handler: Handler) -> web.RouteDef:
        async def handle(request: web.Request) -> web.StreamResponse:
            if VERSION_HEADER in request.headers:
                return await handler(request)
            answer: web.StreamResponse = await route.handler(request)
            return answer

        return web.RouteDef(route.method, route.path, handle, route.kwargs)

    return [either(each, theirs[each.path]) if each.path in theirs else each for each in routes]
