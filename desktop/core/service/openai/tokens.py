"""Tokens of a model: of a text, back to a text, and how many a conversation is.

Paths and fields are llama-server's, with the model to ask. Where the model is loaded they need no
slot, so a busy model answers them at once.
"""

from __future__ import annotations

from typing import Any

from aiohttp import web

from desktop.core.service import generation, limits
from desktop.core.service.calls import Call, Calls
from desktop.core.service.loaded import Loaded
from desktop.core.service.openai import values
from desktop.core.service.openai.values import invalid

_CHAT = "/v1/chat/completions"
MOST_TOKENS = 1 << 20


class Tokens:
    """Counts, tokenizes and detokenizes as a model does."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def routes(self) -> list[web.RouteDef]:
        return [
            *(web.post(f"{base}/tokenize", self.tokenize) for base in ("", "/v1")),
            *(web.post(f"{base}/detokenize", self.detokenize) for base in ("", "/v1")),
            *(web.post(f"{base}/apply-template", self.apply_template) for base in ("", "/v1")),
            web.post(f"{_CHAT}/input_tokens", self.input_tokens),
        ]

    async def tokenize(self, request: web.Request) -> web.StreamResponse:
        async with self._calls.opened(request, "/v1/tokenize") as call:
            entry = await self._calls.model(call, call.body.get("model"))
            vocabulary = entry.summary.vocab_size if entry.summary else None
            asked = {
                "content": _content(call.body, vocabulary),
                "add_special": values.boolean(call.body, "add_special"),
                "parse_special": values.boolean(call.body, "parse_special", True),
                "with_pieces": values.boolean(call.body, "with_pieces"),
            }

            async def answer(loaded: Loaded) -> web.StreamResponse:
                found = await self._calls.ask(call, loaded, "/tokenize", asked)
                tokens = found["tokens"]
                return web.json_response(
                    {"model": entry.id, "count": len(tokens), "tokens": tokens}
                )

            return await self._calls.aside(call, answer)

    async def detokenize(self, request: web.Request) -> web.StreamResponse:
        async with self._calls.opened(request, "/v1/detokenize") as call:
            entry = await self._calls.model(call, call.body.get("model"))
            vocabulary = entry.summary.vocab_size if entry.summary else None
            tokens = call.body.get("tokens")
            if tokens is None:
                raise values.missing("tokens")
            if not isinstance(tokens, list):
                raise invalid("“tokens” must be a list of tokens' numbers.", "tokens")
            asked = {"tokens": [_token(each, "tokens", vocabulary) for each in _few(tokens)]}

            async def answer(loaded: Loaded) -> web.StreamResponse:
                found = await self._calls.ask(call, loaded, "/detokenize", asked)
                return web.json_response({"model": entry.id, "content": found["content"]})

            return await self._calls.aside(call, answer)

    async def apply_template(self, request: web.Request) -> web.StreamResponse:
        """The text that a conversation is to the model."""
        async with self._calls.opened(request, "/apply-template") as call:

            async def answer(loaded: Loaded) -> web.StreamResponse:
                asked = await self._conversation(call, loaded)
                found = await self._calls.ask(call, loaded, "/apply-template", asked)
                return web.json_response({"model": call.model.id, "prompt": found["prompt"]})

            await self._check(call)
            return await self._calls.aside(call, answer)

    async def input_tokens(self, request: web.Request) -> web.StreamResponse:
        """How many tokens the model would read for a conversation."""
        async with self._calls.opened(request, f"{_CHAT}/input_tokens") as call:

            async def answer(loaded: Loaded) -> web.StreamResponse:
                asked = await self._conversation(call, loaded)
                found = await self._calls.ask(call, loaded, f"{_CHAT}/input_tokens", asked)
                return web.json_response(
                    {"object": "response.input_tokens", "input_tokens": found["input_tokens"]}
                )

            await self._check(call)
            return await self._calls.aside(call, answer)

    async def _check(self, call: Call) -> None:
        entry = await self._calls.model(call, call.body.get("model"))
        generation.check_generative(entry)
        if "messages" not in call.body:
            raise values.missing("messages")

    async def _conversation(self, call: Call, loaded: Loaded) -> dict[str, Any]:
        """What the engine would get for an answer: the card's words are part of it."""
        limits.check(call.body, loaded.slots)
        body = generation.prepared(generation.with_card(call.body, call.model), call.model)
        return await self._calls.asked(call, loaded, body)


def _few(given: list[Any]) -> list[Any]:
    if len(given) > MOST_TOKENS:
        raise invalid(
            f"“tokens” has {len(given)} entries; {MOST_TOKENS} are allowed.", "tokens", "too_many"
        )
    return given


def _token(value: Any, name: str, vocabulary: int | None) -> int:
    most = (vocabulary or 2**31) - 1
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        raise invalid(f"A token in “{name}” must be a whole number from 0 to {most}.", name)
    return value


def _content(body: dict[str, Any], vocabulary: int | None) -> str | list[str | int]:
    """A text, or texts and tokens one after the other."""
    given = body.get("content")
    if given is None:
        raise values.missing("content")
    if isinstance(given, str):
        return given
    if not isinstance(given, list):
        raise invalid("“content” must be a text, or a list of texts and tokens.", "content")
    return [
        each if isinstance(each, str) else _token(each, "content", vocabulary)
        for each in _few(given)
    ]
