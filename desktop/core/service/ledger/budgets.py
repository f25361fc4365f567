"""Budgets of keys: how much of each is used, warnings on the way and at its end, and a stop.

What was used is kept in memory and read from the ledger at the start. A request is counted when it
ends: those in progress can carry a key a little over its budget, none that comes later is let in.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

from desktop.core.service import key_policy, request_ids
from desktop.core.service.api_errors import ApiError
from desktop.core.service.calls import Call
from desktop.core.service.key_policy import KeyPolicy
from desktop.core.service.ledger.periods import day_of, end_of, month_of
from desktop.core.service.ledger.store import Warned
from desktop.core.service.requests import RequestRecord

log = logging.getLogger(__name__)

EVER = ""  # the period of a budget that never begins anew
_MOST_PERIODS = 20_000
_SAID = {"day": "today", "month": "this month", "total": "altogether"}


@dataclass
class _Spent:
    tokens: int = 0
    cost: float = 0.0


@dataclass(frozen=True)
class Standing:
    """A key's budget and how much of it is used.

    Attributes:
        period: the local day ("2026-11-27"), the month ("2026-11"), or `EVER`.
        used: in the budget's unit.
    """

    key: str
    period: str
    used: float
    budget: key_policy.Budget

    @property
    def percent(self) -> float:
        return 100.0 * self.used / self.budget.amount

    def to_dict(self, currency: str) -> dict[str, Any]:
        budget = self.budget
        return {
            "key": self.key,
            "per": budget.period,
            "period": self.period,
            "unit": budget.unit,
            "used": self.used,
            "amount": budget.amount,
            "percent": round(self.percent, 1),
            "warn_percent": budget.warn_percent,
            "stop": budget.stop,
            "currency": currency if budget.unit == "cost" else None,
        }


class Budgets:
    """Lives on the service's event loop; all of it is in memory.

    Args:
        policy: of a key.
        currency: of costs.
        keep: stores that a warning was given.
        tell: is told of each warning, once a period.
        clock: the wall clock.

    Attributes:
        ready: what was used before is known.
    """

    def __init__(
        self,
        policy: Callable[[str | None], KeyPolicy],
        *,
        currency: Callable[[], str],
        keep: Callable[[Warned], None],
        tell: Callable[[dict[str, Any]], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._policy = policy
        self._currency = currency
        self._keep = keep
        self._tell = tell
        self._clock = clock
        self._spent: dict[tuple[str, str], _Spent] = {}
        self._warned: set[tuple[str, str, str, int]] = set()
        self.ready = asyncio.Event()

    def remember(
        self, spent: Iterable[tuple[str, str, int, float]], warned: Iterable[Warned]
    ) -> None:
        """What the ledger knows: (key, day, tokens, cost) of each day, and what was told."""
        for key, day, tokens, cost in spent:
            self._count(key, day, tokens, cost)
        self._warned |= {(each.key, each.period, each.unit, each.percent) for each in warned}
        self.ready.set()
        for key in {key for key, _ in self._spent}:
            self._warn(key)

    def _count(self, key: str, day: str, tokens: int, cost: float) -> None:
        for period in (day, day[:7], EVER):
            spent = self._spent.setdefault((key, period), _Spent())
            spent.tokens += tokens
            spent.cost += cost

    def note(self, record: RequestRecord) -> None:
        """Count a request that has ended, and warn where it used up a budget."""
        if record.key is None:
            return
        tokens = (record.prompt_tokens or 0) + (record.completion_tokens or 0)
        if not tokens and not record.cost:
            return
        self._count(record.key, day_of(record.arrived), tokens, record.cost or 0.0)
        if self.ready.is_set():
            self._warn(record.key)
        if len(self._spent) > _MOST_PERIODS:
            self._forget_old()

    def of(self, key: str) -> Standing | None:
        """The key's budget as it stands now; None where it has none."""
        budget = self._policy(key).budget
        if budget is None:
            return None
        period = _period(budget, self._clock())
        used = getattr(self._spent.get((key, period), _Spent()), budget.unit)
        return Standing(key, period, used, budget)

    def _warn(self, key: str) -> None:
        standing = self.of(key)
        if standing is None:
            return
        levels = sorted({round(standing.budget.warn_percent), 100})
        passed = [level for level in levels if standing.percent >= level]
        marks = [(standing.key, standing.period, standing.budget.unit, each) for each in passed]
        if not marks or marks[-1] in self._warned:
            return
        # Past its end at one stroke: that it was past the first mark as well is no news.
        for mark in marks:
            if mark not in self._warned:
                self._warned.add(mark)
                self._keep(Warned(*mark, created=self._clock()))
        document = {**standing.to_dict(self._currency()), "level": passed[-1]}
        log.warning("a budget runs out", extra=document)
        self._tell(document)

    def _forget_old(self) -> None:
        month = month_of(self._clock())
        self._spent = {at: s for at, s in self._spent.items() if at[1][:7] in (month, EVER)}

    async def check(self, key: str) -> None:
        """Raises ApiError, in OpenAI's words for it, where a budget with a stop is used up."""
        if self._policy(key).budget is None:
            return
        await self.ready.wait()
        standing = self.of(key)
        if standing is None or not standing.budget.stop or standing.percent < 100:
            return
        budget = standing.budget
        unit = "tokens" if budget.unit == "tokens" else self._currency()
        left = end_of(standing.period) - self._clock() if standing.period else None
        wait = ", or wait until it begins anew" if left else ""
        raise ApiError(
            429,
            f"You exceeded your current quota: the key “{key}” has used {standing.used:,.10g} of "
            f"its {budget.amount:,.10g} {unit} {_SAID[budget.period]}. Ask whoever runs this "
            f"server to raise the budget of the key{wait}.",
            error_type="insufficient_quota",
            code="insufficient_quota",
            retry_after_seconds=max(1, round(left)) if left else None,
        )


def _period(budget: key_policy.Budget, now: float) -> str:
    if budget.period == "day":
        return day_of(now)
    return month_of(now) if budget.period == "month" else EVER


class BudgetGate:
    """Lets no request in whose key has used up its budget."""

    def __init__(self, budgets: Budgets) -> None:
        self._budgets = budgets

    def admit(self, call: Call) -> AbstractAsyncContextManager[None]:
        key = call.caller.key
        return contextlib.nullcontext() if key is None else self._admit(call, key)

    @contextlib.asynccontextmanager
    async def _admit(self, call: Call, key: str) -> AsyncIterator[None]:
        try:
            await self._budgets.check(key)
        except ApiError:
            # OpenAI's own clients would send it again twice, in vain.
            request_ids.say(call.request, "x-should-retry", "false")
            raise
        yield
