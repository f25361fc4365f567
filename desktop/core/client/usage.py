"""Calls about requests that have ended: who used how much, what it cost, and each of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from desktop.core.client.transport import Json, Transport, answer
from desktop.core.errors import AppError, ErrorCode

_PIECE_BYTES = 1 << 16


class UsageCalls(Transport):
    """The part of the client that reads the ledger.

    Times are given as `paddock usage` takes them: a day, a time, "7d", or seconds since 1970.
    """

    def usage(
        self,
        by: str = "model",
        *,
        since: str | float | None = None,
        until: str | float | None = None,
        key: str | None = None,
        model: str | None = None,
        at: str | None = None,
    ) -> Json:
        """Sums by "key", "model" or "day".

        Args:
            key: of this key alone; "" means requests without one.
            at: what it would have cost at this price: "IN,OUT", "IN,OUT,CACHED" or a known model.
        """
        query = _query(by=by, since=since, until=until, key=key, model=model, at=at)
        return self.call("GET", f"/usage{query}", None, 120)

    def usage_csv(self, by: str = "model", **wanted: Any) -> Iterator[bytes]:
        """The same as a CSV file, in pieces; by="request" has a line for each request.

        Args:
            wanted: as of `usage`.
        """
        path = f"/admin/v1/usage.csv{_query(by=by, **wanted)}"
        connection, reply = self._open("GET", path, None, 120)
        try:
            if reply.status != 200:
                answer(reply.status, reply.read())
            while piece := reply.read(_PIECE_BYTES):
                yield piece
        except OSError as error:
            raise AppError(ErrorCode.SERVICE_UNREACHABLE, reason=str(error)) from error
        finally:
            reply.close()
            connection.close()

    def ledger(
        self,
        after: str | None = None,
        limit: int = 100,
        *,
        key: str | None = None,
        model: str | None = None,
        api: str | None = None,
        status: str | None = None,
        since: str | float | None = None,
        until: str | float | None = None,
    ) -> Json:
        """A page of requests, the newest first: {"requests", "next", "held", "dropped", "problem"}.

        Args:
            after: "next" of the page before.
            status: "ok", "error" or a number.
        """
        query = _query(
            after=after,
            limit=limit,
            key=key,
            model=model,
            api=api,
            status=status,
            since=since,
            until=until,
        )
        return self.call("GET", f"/ledger{query}")

    def ledger_request(self, request_id: str) -> Json:
        """One request, with its texts where they are kept."""
        return self.call("GET", f"/ledger/{request_id}")

    def hosted_prices(self) -> list[Json]:
        """Published prices that can be named: {"name", "into", "out", "cached", "as_of", …}."""
        found: list[Json] = self.call("GET", "/usage/prices")["prices"]
        return found

    def budgets(self) -> list[Json]:
        """How much of each key's budget is used."""
        found: list[Json] = self.call("GET", "/usage/budgets")["budgets"]
        return found

    def forget_texts(self) -> None:
        """Delete what was kept of prompts and answers."""
        self._post("/usage/forget-texts", {})

    def forget_answers(self) -> None:
        """Delete the answers that are kept for repeats."""
        self._post("/usage/forget-answers", {})


def _query(**values: Any) -> str:
    given = {name: value for name, value in values.items() if value is not None}
    return f"?{urlencode(given)}" if given else ""
