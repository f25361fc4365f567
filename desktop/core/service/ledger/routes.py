"""The private face's routes over the ledger: pages of requests, usage, CSV, budgets."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice
from typing import Any, TypeVar

from aiohttp import web

from desktop.core.errors import AppError, ErrorCode
from desktop.core.exports import csv_lines
from desktop.core.service.exact_cache import ExactCache
from desktop.core.service.ledger import usage
from desktop.core.service.ledger.budgets import Budgets
from desktop.core.service.ledger.ledger import Ledger
from desktop.core.service.ledger.periods import moment_of
from desktop.core.service.ledger.prices import known_prices, price_at
from desktop.core.service.ledger.store import Filter

_MOST_ROWS = 1000
_LINES_AT_ONCE = 500
_MIME = "text/csv; charset=utf-8"

_T = TypeVar("_T")


class LedgerRoutes:
    """Read only: whoever reads sees every request that has ended.

    Args:
        keys: the names of all keys.
    """

    def __init__(
        self,
        ledger: Ledger,
        budgets: Budgets,
        cache: ExactCache,
        keys: Callable[[], Iterable[str]],
    ) -> None:
        self._ledger = ledger
        self._budgets = budgets
        self._cache = cache
        self._keys = keys

    def routes(self, prefix: str) -> list[web.RouteDef]:
        return [
            web.get(f"{prefix}/ledger", self.page),
            web.get(f"{prefix}/ledger/{{id:req_[0-9a-f]+}}", self.one),
            web.get(f"{prefix}/usage", self.usage),
            web.get(f"{prefix}/usage.csv", self.usage_csv),
            web.get(f"{prefix}/usage/prices", self.prices),
            web.get(f"{prefix}/usage/budgets", self.budgets),
            web.post(f"{prefix}/usage/forget-texts", self.forget_texts),
            web.post(f"{prefix}/usage/forget-answers", self.forget_answers),
        ]

    async def page(self, request: web.Request) -> web.Response:
        """The newest requests; "next" is the `after` of the following page."""
        query = request.query
        limit = query.get("limit", "100")
        if not limit.isdigit() or not 1 <= int(limit) <= _MOST_ROWS:
            raise _bad(f"“limit” must be a number from 1 to {_MOST_ROWS}.")
        read = partial(self._ledger.store.page, _filter(request), query.get("after"), int(limit))
        try:
            rows, following = await self._read(read)
        except (ValueError, OverflowError):
            raise _bad("“after” is not the end of a page.") from None
        state = self._ledger.describe()
        return web.json_response({"requests": rows, "next": following, **state})

    async def one(self, request: web.Request) -> web.Response:
        """A request, with what was asked and answered where that is kept."""
        request_id = request.match_info["id"]
        found = await self._read(partial(self._ledger.store.one, request_id))
        if found is None:
            raise _bad(f"There is no request {request_id} in the ledger.")
        return web.json_response(found)

    async def usage(self, request: web.Request) -> web.Response:
        document = await self._report(request)
        hits, misses = self._cache.hits, self._cache.misses
        cache = {
            "hits": hits,
            "misses": misses,
            "hit_rate": hits / (hits + misses) if hits + misses else None,
        }
        return web.json_response({**document, "cache": cache, **self._ledger.describe()})

    async def usage_csv(self, request: web.Request) -> web.StreamResponse:
        """The same as a file; with by=request, a line for each of them."""
        if request.query.get("by") == "request":
            rows = usage.request_rows(self._ledger.store.each(_filter(request)))
            return await self._send(request, csv_lines(usage.REQUEST_COLUMNS, rows))
        document = await self._report(request)
        lines = csv_lines(usage.SUM_COLUMNS, document["rows"])
        return await self._send(request, lines)

    async def _report(self, request: web.Request) -> dict[str, Any]:
        by = request.query.get("by", "model")
        if by not in usage.GROUPS:
            raise _bad(f"“by” must be one of {', '.join(usage.GROUPS)}.")
        prices = self._ledger.prices
        named = request.query.get("at")
        at = price_at(named, prices.settings.currency) if named else None
        read = partial(usage.report, self._ledger.store, by, _filter(request), prices, at)
        return await self._read(read)

    async def _send(self, request: web.Request, lines: Iterator[str]) -> web.StreamResponse:
        """A file of any length, made while it is sent."""
        await self._read(lambda: None)
        response = web.StreamResponse(headers={"Content-Type": _MIME})
        response.headers["Content-Disposition"] = 'attachment; filename="paddock-usage.csv"'
        await response.prepare(request)

        def piece() -> bytes:
            return "".join(islice(lines, _LINES_AT_ONCE)).encode()

        while block := await asyncio.to_thread(piece):
            await response.write(block)
        await response.write_eof()
        return response

    async def prices(self, request: web.Request) -> web.Response:
        """The published prices that can be named in `at`."""
        return web.json_response({"prices": [each.to_dict() for each in known_prices().values()]})

    async def budgets(self, request: web.Request) -> web.Response:
        """How much of each key's budget is used."""
        currency = self._ledger.prices.settings.currency
        names = await asyncio.to_thread(lambda: list(self._keys()))
        found = [standing for name in names if (standing := self._budgets.of(name)) is not None]
        return web.json_response({"budgets": [each.to_dict(currency) for each in found]})

    async def forget_texts(self, request: web.Request) -> web.Response:
        """Delete what was kept of prompts and answers."""
        await self._read(self._ledger.store.forget_texts)
        return web.json_response({"forgotten": True})

    async def forget_answers(self, request: web.Request) -> web.Response:
        """Delete the answers that are kept for repeats."""
        await self._cache.clear()
        return web.json_response({"forgotten": True})

    async def _read(self, work: Callable[[], _T]) -> _T:
        """Raises: AppError: DATABASE_BUSY, DISK_FULL, where the database does not answer."""

        def read() -> _T:
            self._ledger.flush()
            return work()

        return await asyncio.to_thread(read)


def _filter(request: web.Request) -> Filter:
    query = request.query
    status = query.get("status") or None
    if status is not None and status not in ("ok", "error") and not status.isdigit():
        raise _bad("“status” must be ok, error or a number.")
    return Filter(
        key=query.get("key"),
        model=query.get("model") or None,
        api=query.get("api") or None,
        status=status,
        since=moment_of(query["since"]) if query.get("since") else None,
        until=moment_of(query["until"], end=True) if query.get("until") else None,
    )


def _bad(reason: str) -> AppError:
    return AppError(ErrorCode.BAD_REQUEST, reason=reason)
