"""OpenAI's responses: made from chat completions, kept for a while, and gone on from."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Hashable
from contextlib import aclosing
from typing import Any

from aiohttp import web

from desktop.core.service import generation, limits
from desktop.core.service.api_errors import ApiError
from desktop.core.service.calls import CALLER, Call, Caller, Calls
from desktop.core.service.early import Early
from desktop.core.service.loaded import Loaded
from desktop.core.service.openai.items import Item, messages_of
from desktop.core.service.openai.response_request import ResponseRequest
from desktop.core.service.openai.response_store import Kept, ResponseStore
from desktop.core.service.openai.response_writer import ResponseWriter, encoded
from desktop.core.service.openai.values import invalid

ROUTE = "/v1/responses"
_CHAT = "/v1/chat/completions"
_PAGE, _MOST = 20, 100


class Responses:
    """Makes responses, and answers questions about those that are kept.

    Args:
        store: where they are kept.
    """

    def __init__(self, calls: Calls, store: ResponseStore | None = None) -> None:
        self._calls = calls
        self._store = store or ResponseStore()

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post(ROUTE, self.create),
            web.post(f"{ROUTE}/input_tokens", self.input_tokens),
            web.get(f"{ROUTE}/{{id}}", self.retrieve, allow_head=False),
            web.delete(f"{ROUTE}/{{id}}", self.delete),
            web.post(f"{ROUTE}/{{id}}/cancel", self.cancel),
            web.get(f"{ROUTE}/{{id}}/input_items", self.input_items, allow_head=False),
        ]

    # --- making one ---------------------------------------------------------------------------

    async def create(self, request: web.Request) -> web.StreamResponse:
        async with self._calls.opened(request, ROUTE) as call:
            entry = await self._calls.model(call, call.body.get("model"))
            generation.check_generative(entry)
            asked, items = self._asked(call)
            messages = messages_of(items, asked.instructions)
            call.record.stream = asked.stream
            call.drop_oldest = asked.shown["truncation"] == "auto"

            def begun() -> ResponseWriter:
                return ResponseWriter(
                    entry.id,
                    asked.shown,
                    store=asked.store,
                    summary=asked.summary,
                    logprobs=asked.logprobs,
                )

            async def answer(loaded: Loaded) -> web.StreamResponse:
                body = self._chat(call, asked, messages, loaded)
                writer = begun()
                events = self._events(call, loaded, body, writer, items)
                if asked.stream:
                    return await self._calls.send(call, events, problem=writer.problem)
                async with aclosing(events):
                    async for _ in events:
                        pass
                return web.json_response(writer.body)

            early = Early(problem=lambda error: begun().problem(error)) if asked.stream else None
            return await self._calls.answer(call, answer, early=early)

    def _asked(self, call: Call) -> tuple[ResponseRequest, tuple[Item, ...]]:
        """The checked request, and the whole conversation it is about."""
        owner = _owner(call.caller)
        asked = ResponseRequest.read(call.body, self._store.finder(owner))
        if asked.previous is None:
            return asked, asked.items
        previous = self._store.get(owner, asked.previous)
        if previous is None:
            raise invalid(
                f"Previous response with id '{asked.previous[:200]}' not found.",
                "previous_response_id",
                "previous_response_not_found",
            )
        return asked, (*previous.conversation, *asked.items)

    def _chat(
        self,
        call: Call,
        asked: ResponseRequest,
        messages: list[dict[str, Any]],
        loaded: Loaded,
    ) -> dict[str, Any]:
        """The chat completion that makes this response."""
        body = {**asked.chat, "messages": messages}
        limits.check(body, loaded.slots)
        return generation.prepared(generation.with_card(body, call.model), call.model)

    async def _events(
        self,
        call: Call,
        loaded: Loaded,
        body: dict[str, Any],
        writer: ResponseWriter,
        items: tuple[Item, ...],
    ) -> AsyncGenerator[bytes]:
        """The response's events; when the last one comes, it is kept."""
        begun = False
        async with aclosing(self._calls.chunks(call, loaded, _CHAT, body)) as chunks:
            async for chunk in chunks:
                if not begun:  # an error before it is a plain answer
                    begun = True
                    yield encoded(*writer.begin())
                block = encoded(*writer.feed(chunk))
                if block:
                    yield block
        last = list(writer.end())
        if writer.body["store"]:
            kept = self._store.add(_owner(call.caller), writer.body, items)
            writer.body["store"] = kept
        yield encoded(*last)

    async def input_tokens(self, request: web.Request) -> web.StreamResponse:
        """How many tokens the model would read for a response."""
        async with self._calls.opened(request, f"{ROUTE}/input_tokens") as call:
            entry = await self._calls.model(call, call.body.get("model"))
            generation.check_generative(entry)
            asked, items = self._asked(call)
            messages = messages_of(items, asked.instructions)

            async def answer(loaded: Loaded) -> web.StreamResponse:
                body = self._chat(call, asked, messages, loaded)
                body = await self._calls.asked(call, loaded, body)
                counted = await self._calls.ask(call, loaded, f"{_CHAT}/input_tokens", body)
                return web.json_response(
                    {"object": "response.input_tokens", "input_tokens": counted["input_tokens"]}
                )

            return await self._calls.aside(call, answer)

    # --- those that are kept ------------------------------------------------------------------

    def _kept(self, request: web.Request) -> Kept:
        name = request.match_info["id"]
        kept = self._store.get(_owner(request.get(CALLER, Caller())), name)
        if kept is None:
            raise _not_found(name)
        return kept

    async def retrieve(self, request: web.Request) -> web.Response:
        kept = self._kept(request)
        if request.query.get("stream") == "true":
            raise invalid(
                "A response that is whole cannot be streamed again.", "stream", "unsupported"
            )
        return web.json_response(kept.body)

    async def delete(self, request: web.Request) -> web.Response:
        name = self._kept(request).body["id"]
        self._store.delete(_owner(request.get(CALLER, Caller())), name)
        return web.json_response({"id": name, "object": "response", "deleted": True})

    async def cancel(self, request: web.Request) -> web.Response:
        self._kept(request)
        raise ApiError(
            400,
            "Only a response made in the background can be cancelled. To stop one, close its "
            "connection.",
            code="unsupported",
        )

    async def input_items(self, request: web.Request) -> web.Response:
        """What a response was made from, the latest first unless asked otherwise."""
        items = list(self._kept(request).items)
        order = request.query.get("order", "desc")
        if order not in ("asc", "desc"):
            raise invalid("“order” must be asc or desc.", "order")
        if order == "desc":
            items.reverse()
        after = request.query.get("after")
        if after is not None:
            ids = [item["id"] for item in items]
            if after not in ids:
                raise invalid(f"There is no item “{after[:200]}” in this response.", "after")
            items = items[ids.index(after) + 1 :]
        limit = request.query.get("limit", str(_PAGE))
        if not (limit.isascii() and limit.isdigit() and 1 <= int(limit[:9]) <= _MOST):
            raise invalid(f"“limit” must be a whole number from 1 to {_MOST}.", "limit")
        page = items[: int(limit)]
        return web.json_response(
            {
                "object": "list",
                "data": page,
                "first_id": page[0]["id"] if page else None,
                "last_id": page[-1]["id"] if page else None,
                "has_more": len(items) > len(page),
            }
        )


def _owner(caller: Caller) -> Hashable:
    return caller.inside, caller.key


def _not_found(name: str) -> ApiError:
    return ApiError(404, f"Response with id '{name[:200]}' not found.", code="response_not_found")
