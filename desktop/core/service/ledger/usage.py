"""Who used how much, and what it cost: sums over the ledger."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from desktop.core.service.ledger.prices import KnownPrice, Prices
from desktop.core.service.ledger.store import Filter, LedgerStore

GROUPS = ("key", "model", "day")
# The columns of a CSV file; those of requests are the ledger's own.
SUM_COLUMNS = (
    "name",
    "requests",
    "errors",
    "aborted",
    "cached_answers",
    "prompt_tokens",
    "cached_tokens",
    "completion_tokens",
    "busy_seconds",
    "cost",
    "electricity_cost",
    "hardware_cost",
    "hosted_cost",
    "at_cost",
    "unpriced",
)
REQUEST_COLUMNS = (
    "time",
    "id",
    "client_id",
    "api",
    "route",
    "key",
    "model",
    "stream",
    "status",
    "error_code",
    "finish_reason",
    "prompt_tokens",
    "cached_tokens",
    "completion_tokens",
    "wait_seconds",
    "ttft_seconds",
    "tpot_seconds",
    "prefill_seconds",
    "decode_seconds",
    "total_seconds",
    "busy_seconds",
    "cached_answer",
    "currency",
    "cost",
    "electricity_cost",
    "hardware_cost",
    "hosted_cost",
)
_WHOLE = (
    "requests",
    "errors",
    "aborted",
    "cached_answers",
    "prompt_tokens",
    "cached_tokens",
    "completion_tokens",
)
_COSTS = ("cost", "electricity_cost", "hardware_cost", "hosted_cost")


def report(
    store: LedgerStore, by: str, wanted: Filter, prices: Prices, at: KnownPrice | None = None
) -> dict[str, Any]:
    """Sums by key, model or local day, the largest (of days: the newest) first, and all of it.

    Args:
        at: adds what it would have cost at this price.
    """
    currency = prices.settings.currency
    rows = [_row(each, at) for each in store.sums(by, wanted, currency)]
    if by == "day":
        rows.sort(key=lambda row: str(row["name"]), reverse=True)
    else:
        rows.sort(key=lambda row: (-row["prompt_tokens"] - row["completion_tokens"], row["name"]))
    total = _total(rows)
    return {
        "by": by,
        "since": wanted.since,
        "until": wanted.until,
        "currency": currency,
        "rows": rows,
        "total": {**total, "idle_cost": _idle(total, wanted, prices)},
        "at": at.to_dict() if at else None,
    }


def _row(sums: Mapping[str, Any], at: KnownPrice | None) -> dict[str, Any]:
    row = {**sums, **{name: int(sums[name]) for name in _WHOLE}}
    row["name"] = "" if row["name"] is None else str(row["name"])
    if row["unpriced"] == row["requests"]:
        row |= dict.fromkeys(_COSTS)
    row["at_cost"] = None
    if at is not None:
        row["at_cost"] = at.price.cost(
            row["prompt_tokens"], row["cached_tokens"], row["completion_tokens"]
        )
    return row


def _total(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """All rows together; of what none of them knows, nothing is known."""
    total: dict[str, Any] = {
        name: sum(row[name] for row in rows) for name in (*_WHOLE, "busy_seconds", "unpriced")
    }
    for name in (*_COSTS, "at_cost"):
        known = [row[name] for row in rows if row[name] is not None]
        total[name] = sum(known) if known else None
    total["first"] = min((row["first"] for row in rows), default=None)
    total["last"] = max((row["last"] for row in rows), default=None)
    return total


def _idle(total: Mapping[str, Any], wanted: Filter, prices: Prices) -> float | None:
    """What the machine cost between its answers, as if it was on all the time from the first."""
    first = total.get("first")
    if not first or not prices.idle_cost_per_second():
        return None
    begin = max(first, wanted.since or 0.0)
    end = min(time.time(), wanted.until or time.time())
    seconds = float(end - begin - total["busy_seconds"])
    return max(0.0, seconds) * prices.idle_cost_per_second()


# --- CSV ------------------------------------------------------------------------------------------


def request_rows(rows: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Requests with their time as people and table programs read it."""
    for row in rows:
        moment = time.localtime(row["arrived"])
        yield {**row, "time": time.strftime("%Y-%m-%d %H:%M:%S", moment)}
