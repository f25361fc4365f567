"""The private face's routes for stored benchmarks; they are read from the database itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from aiohttp import web

from desktop.core.bench.results import ResultStore
from desktop.core.bench.schema import Document
from desktop.core.errors import AppError, ErrorCode
from desktop.core.service.bodies import read_body

_MANY = 10_000
_LARGEST = (1 << 63) - 1  # what SQLite takes for a number


class Results:
    """Routes over the store.

    Args:
        publish: tells everyone that the stored results are others now.
    """

    def __init__(self, store: ResultStore, publish: Callable[[str, dict[str, Any]], None]) -> None:
        self._store = store
        self._publish = publish

    def routes(self, prefix: str) -> list[web.RouteDef]:
        return [
            web.post(f"{prefix}/results/import", self.take_over),
            web.post(f"{prefix}/results/rename", self.rename),
            web.post(f"{prefix}/results/delete", self.delete),
            web.post(f"{prefix}/results/restore", self.restore),
        ]

    async def take_over(self, request: web.Request) -> web.Response:
        documents = (await read_body(request)).get("results")
        added = await asyncio.to_thread(self._store.add_documents, documents)
        if added:
            self._publish("results.changed", {})
        return web.json_response({"added": added})

    async def rename(self, request: web.Request) -> web.Response:
        body = await read_body(request)
        wanted, name = _names([body.get("result")])[0], body.get("name")
        if not isinstance(name, str):
            raise AppError(ErrorCode.BAD_REQUEST, reason="“name” must be a text.")
        renamed = await asyncio.to_thread(self._store.rename, wanted, name)
        self._publish("results.changed", {})
        return web.json_response(_brief(renamed))

    async def delete(self, request: web.Request) -> web.Response:
        wanted = _names((await read_body(request)).get("results"))
        deleted = await asyncio.to_thread(self._store.delete, wanted)
        self._publish("results.changed", {})
        return web.json_response({"deleted": [_brief(each) for each in deleted]})

    async def restore(self, request: web.Request) -> web.Response:
        wanted = _names((await read_body(request)).get("results"))
        numbers = [each for each in wanted if isinstance(each, int)]
        if len(numbers) != len(wanted):
            raise AppError(ErrorCode.BAD_REQUEST, reason="“results” must be numbers.")
        restored = await asyncio.to_thread(self._store.restore, numbers)
        self._publish("results.changed", {})
        return web.json_response({"restored": [_brief(each) for each in restored]})


def _brief(document: Document) -> dict[str, Any]:
    return {"id": document["id"], "name": document["name"]}


def _names(wanted: object) -> list[int | str]:
    """The numbers and names a request speaks of."""
    if (
        not isinstance(wanted, list)
        or not 0 < len(wanted) <= _MANY
        or not all(_is_name(each) for each in wanted)
    ):
        raise AppError(
            ErrorCode.BAD_REQUEST, reason=f"It must name 1 to {_MANY} results by number or name."
        )
    return wanted


def _is_name(value: object) -> bool:
    if isinstance(value, int):
        return not isinstance(value, bool) and 0 < value <= _LARGEST
    return isinstance(value, str)
