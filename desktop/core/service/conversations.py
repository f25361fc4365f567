"""The private face's routes for conversations and their messages."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Any

from aiohttp import web

from desktop.core.chat import export, rules
from desktop.core.chat.messages import Conversation
from desktop.core.errors import AppError, ErrorCode
from desktop.core.library.entry import ModelEntry
from desktop.core.service import limits
from desktop.core.service.turns import Turns

_ID = r"{id:\d{1,15}}"
_LARGEST_ID = 10**15


class Conversations:
    """Routes over the turns and their store.

    Args:
        find: the model of a name; raises MODEL_NOT_FOUND, MODEL_AMBIGUOUS.
    """

    def __init__(self, turns: Turns, find: Callable[[str], Awaitable[ModelEntry]]) -> None:
        self._turns = turns
        self._store = turns.store
        self._find = find

    def routes(self, prefix: str) -> list[web.RouteDef]:
        one, message = f"{prefix}/conversations/{_ID}", f"{prefix}/messages/{_ID}"
        return [
            web.get(f"{prefix}/conversations", self.list),
            web.post(f"{prefix}/conversations", self.create),
            web.get(one, self.get),
            web.post(one, self.change),
            web.post(f"{one}/delete", self.delete),
            web.post(f"{one}/restore", self.restore),
            web.post(f"{one}/turns", self.send),
            web.get(f"{one}/export", self.export),
            web.post(f"{message}/regenerate", self.regenerate),
            web.post(f"{message}/stop", self.stop),
            web.get(f"{message}/stream", self.stream),
        ]

    # --- conversations ------------------------------------------------------------------------

    async def create(self, request: web.Request) -> web.Response:
        body = await _body(request)
        model_id = await self._model_id(body.get("model"))

        async def work() -> Conversation:
            made = await asyncio.to_thread(
                self._store.create,
                body.get("title") or "",
                model_id,
                body.get("system") or "",
                body.get("sampling"),
            )
            self._turns.tell(made)
            return made

        return web.json_response((await self._turns.carry_through(work())).to_dict())

    async def get(self, request: web.Request) -> web.Response:
        """The conversation with the messages of all its branches."""
        number = _id(request)
        conversation = await asyncio.to_thread(self._store.get, number)
        messages = [message.to_dict() for message in await self._turns.messages(number)]
        return web.json_response({**conversation.to_dict(), "messages": messages})

    async def change(self, request: web.Request) -> web.Response:
        changes = await _body(request)
        if "model" in changes:
            changes["model_id"] = changes.pop("model")
        if "model_id" in changes:
            changes["model_id"] = await self._model_id(changes["model_id"])
        if "current" in changes:
            changes["current"] = _number(changes, "current")

        async def work() -> Conversation:
            changed = await asyncio.to_thread(self._store.change, _id(request), changes)
            self._turns.tell(changed)
            return changed

        return web.json_response((await self._turns.carry_through(work())).to_dict())

    async def delete(self, request: web.Request) -> web.Response:
        return web.json_response((await self._turns.delete(_id(request))).to_dict())

    async def restore(self, request: web.Request) -> web.Response:
        async def work() -> Conversation:
            restored = await asyncio.to_thread(self._store.restore, _id(request))
            self._turns.tell(restored)
            return restored

        return web.json_response((await self._turns.carry_through(work())).to_dict())

    async def export(self, request: web.Request) -> web.Response:
        """A file's name and text: what is stored, and what of an answer is there already."""
        number = _id(request)
        conversation = await asyncio.to_thread(self._store.get, number)
        messages = await self._turns.messages(number)
        form = request.query.get("form", "md")
        made = await asyncio.to_thread(export.export, conversation, messages, form)
        return web.json_response(made)

    async def _model_id(self, name: object) -> str | None:
        if name is None:
            return None
        if not isinstance(name, str) or not name:
            raise AppError(ErrorCode.BAD_REQUEST, reason="“model” must be a text.")
        return (await self._find(name)).id

    # --- messages -----------------------------------------------------------------------------

    async def send(self, request: web.Request) -> web.Response:
        body = await _body(request)
        content = rules.checked_message(body.get("content"))
        conversation, question, answer = await self._turns.send(
            _id(request), content, _number(body, "parent_id"), _model(body)
        )
        return web.json_response(
            {
                "conversation": conversation.to_dict(),
                "user": question.to_dict(),
                "assistant": answer.to_dict(),
            }
        )

    async def regenerate(self, request: web.Request) -> web.Response:
        model = _model(await _body(request))
        answer = await self._turns.regenerate(_id(request), model)
        return web.json_response({"assistant": answer.to_dict()})

    async def stop(self, request: web.Request) -> web.Response:
        """Returns the message as it was stored."""
        return web.json_response((await self._turns.stop(_id(request))).to_dict())

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """One JSON object a line, until the message has ended."""
        async with aclosing(self._turns.follow(_id(request))) as lines:
            return await _stream(request, lines)

    async def list(self, request: web.Request) -> web.Response:  # last: hides the builtin
        found = await asyncio.to_thread(self._store.list, request.query.get("query", ""))
        return web.json_response({"conversations": [each.to_dict() for each in found]})


async def _stream(request: web.Request, lines: AsyncIterator[dict[str, Any]]) -> web.StreamResponse:
    first = await anext(lines)  # an unknown message is a plain error
    response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
    await response.prepare(request)
    await response.write(_line(first))
    async for line in lines:
        await response.write(_line(line))
    await response.write_eof()
    return response


def _line(content: dict[str, Any]) -> bytes:
    return json.dumps(content).encode() + b"\n"


def _id(request: web.Request) -> int:
    return int(request.match_info["id"])


async def _body(request: web.Request) -> dict[str, Any]:
    return await limits.read(request) if request.can_read_body else {}


def _model(body: dict[str, Any]) -> str | None:
    model = body.get("model")
    if model is not None and not isinstance(model, str):
        raise AppError(ErrorCode.BAD_REQUEST, reason="“model” must be a text.")
    return model or None


def _number(body: dict[str, Any], name: str) -> int | None:
    value = body.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < _LARGEST_ID:
        raise AppError(ErrorCode.BAD_REQUEST, reason=f"“{name}” must be a message's number.")
    return value
