"""Budgets of keys: counted, warned of once a period, stopped, and remembered."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import web

from desktop.core.service.api_errors import ApiError
from desktop.core.service.key_policy import Budget, KeyPolicy
from desktop.core.service.ledger.budgets import BudgetGate, Budgets
from desktop.core.service.ledger.store import Warned
from desktop.core.service.ledger.webhook import Webhook
from tests.unit.service.ledger.records import ended

NOON = time.mktime((2026, 11, 27, 12, 0, 0, 0, 0, -1))
DAY = 86400.0


class Rig:
    """Budgets with a clock by hand."""

    def __init__(self, budget: Budget | None) -> None:
        self.now = NOON
        self.request: dict[Any, Any] = {}
        self.policy = KeyPolicy(budget=budget)
        self.kept: list[Warned] = []
        self.told: list[dict[str, Any]] = []
        self.budgets = Budgets(
            lambda key: self.policy if key == "k" else KeyPolicy(),
            currency=lambda: "EUR",
            keep=self.kept.append,
            tell=self.told.append,
            clock=lambda: self.now,
        )

    def use(self, tokens: int = 0, cost: float | None = None, key: str | None = "k") -> None:
        record = ended(self.now, key=key, prompt=tokens, completion=0)
        record.cost = cost
        self.budgets.note(record)

    async def is_in(self, key: str | None = "k") -> bool:
        caller = SimpleNamespace(key=key, inside=False)
        call: Any = SimpleNamespace(caller=caller, request=self.request)
        try:
            async with BudgetGate(self.budgets).admit(call):
                return True
        except ApiError as error:
            self.refusal = error
            return False


TOKENS = Budget(1000, period="day", unit="tokens")


async def test_it_warns_twice_and_then_stops_until_the_next_day() -> None:
    rig = Rig(TOKENS)
    rig.budgets.remember([], [])
    rig.use(790)
    assert rig.told == [] and await rig.is_in()
    rig.use(20)
    rig.use(20)
    assert [each["level"] for each in rig.told] == [80], "once"
    assert rig.told[0] == {
        "key": "k",
        "per": "day",
        "period": "2026-11-27",
        "unit": "tokens",
        "used": 810,
        "amount": 1000,
        "percent": 81.0,
        "warn_percent": 80.0,
        "stop": True,
        "currency": None,
        "level": 80,
    }
    assert await rig.is_in()
    rig.use(170)
    assert [each["level"] for each in rig.told] == [80, 100]
    assert not await rig.is_in()
    assert rig.refusal.status == 429
    assert list(rig.request.values()) == [{"x-should-retry": "false"}]
    said = rig.refusal.body()["error"]
    assert said["type"] == said["code"] == "insufficient_quota"
    assert "1,000 of its 1,000 tokens today" in said["message"]
    assert rig.refusal.retry_after_seconds == 12 * 3600
    assert await rig.is_in("another") and await rig.is_in(None)
    rig.now += DAY
    assert await rig.is_in(), "a new day"
    rig.use(1200)
    assert [each["level"] for each in rig.told] == [80, 100, 100], "80 % is no news any more"


async def test_a_budget_of_money_that_only_warns() -> None:
    rig = Rig(Budget(2.0, period="month", warn_percent=50, stop=False))
    rig.budgets.remember([], [])
    rig.use(10, 0.9)
    rig.use(10, 0.2)
    rig.now += 3 * DAY  # still November
    rig.use(10, 1.0)
    assert [(each["level"], each["currency"]) for each in rig.told] == [(50, "EUR"), (100, "EUR")]
    assert await rig.is_in()
    rig.policy = replace(rig.policy, budget=Budget(2.0, period="month"))
    assert not await rig.is_in(), "now it stops"
    assert "2.1 of its 2 EUR this month" in rig.refusal.message
    rig.now += DAY
    assert await rig.is_in(), "December"


async def test_a_budget_that_never_begins_anew() -> None:
    rig = Rig(Budget(100, period="total", unit="tokens"))
    rig.budgets.remember([("k", "2024-02-03", 99, 0.0)], [])
    assert await rig.is_in()
    rig.use(1)
    rig.now += 1000 * DAY
    assert not await rig.is_in() and rig.refusal.retry_after_seconds is None
    assert "wait" not in rig.refusal.message


async def test_what_was_used_before_a_restart_counts_and_is_not_told_again() -> None:
    rig = Rig(TOKENS)
    rig.use(100)  # before the ledger was read
    waiting = asyncio.create_task(rig.is_in())
    await asyncio.sleep(0)
    assert not waiting.done(), "nobody is let in before it is known"
    before = [("k", "2026-11-27", 850, 0.0), ("k", "2026-11-26", 5000, 0.0)]
    rig.budgets.remember(before, [Warned("k", "2026-11-27", "tokens", 80, NOON)])
    assert await waiting
    assert rig.told == [], "its first mark was told before"
    rig.use(60)
    assert [each["level"] for each in rig.told] == [100]
    assert [each.percent for each in rig.kept] == [100]


async def test_a_mark_that_was_passed_at_the_end_of_the_last_run_is_told() -> None:
    rig = Rig(TOKENS)
    rig.budgets.remember([("k", "2026-11-27", 900, 0.0)], [])
    assert [each["level"] for each in rig.told] == [80]


async def test_a_clock_that_goes_back_finds_what_was_used() -> None:
    rig = Rig(TOKENS)
    rig.budgets.remember([], [])
    rig.use(1000)
    rig.now += 40 * DAY
    assert await rig.is_in()
    rig.now -= 40 * DAY
    assert not await rig.is_in()


async def test_requests_without_a_key_or_a_token_count_for_nobody() -> None:
    rig = Rig(TOKENS)
    rig.budgets.remember([], [])
    rig.use(5000, key=None)
    rig.budgets.note(ended(NOON, key="k", prompt=None, completion=None, status=429))
    standing = rig.budgets.of("k")
    assert standing is not None and standing.used == 0 and rig.budgets.of("x") is None


async def test_old_periods_leave_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("desktop.core.service.ledger.budgets._MOST_PERIODS", 50)
    rig = Rig(TOKENS)
    rig.budgets.remember([("k", f"2020-01-{n:02}", 1, 0.0) for n in range(1, 32)], [])
    for _ in range(30):
        rig.use(10)
        rig.now += DAY
    rig.now -= DAY
    standing = rig.budgets.of("k")
    assert standing is not None and standing.used == 10
    assert len(rig.budgets._spent) < 60


# --- the webhook ----------------------------------------------------------------------------------


class Hook:
    """What an address of the person's was told; `answers` are its statuses, then 200."""

    def __init__(self, *answers: int) -> None:
        self.answers = list(answers)
        self.asked = 0
        self.told: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def answer(self, request: web.Request) -> web.Response:
        self.asked += 1
        status = self.answers.pop(0) if self.answers else 200
        if status >= 300:
            return web.Response(status=status, headers={"Location": "/elsewhere"})
        self.told.put_nowait(await request.json())
        return web.Response(status=status)


@asynccontextmanager
async def listening(hook: Hook) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_post("/budget", hook.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/budget"
    finally:
        await runner.cleanup()


async def test_the_webhook_is_told_although_it_fails_at_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")  # not for this machine
    monkeypatch.delenv("NO_PROXY", raising=False)
    hook = Hook(500, 302)
    async with listening(hook) as url, asyncio.timeout(10):
        webhook = Webhook(lambda: url, pauses_seconds=(0.01, 0.01, 0.01))
        webhook.tell({"event": "budget.warning", "level": 80})
        assert await hook.told.get() == {"event": "budget.warning", "level": 80}
        assert hook.asked == 3
        await webhook.close()


async def test_a_refusal_of_the_webhook_is_final(caplog: pytest.LogCaptureFixture) -> None:
    hook = Hook(410)
    async with listening(hook) as url, asyncio.timeout(10):
        webhook = Webhook(lambda: url, pauses_seconds=(0.01, 0.01))
        webhook.tell({})
        await asyncio.gather(*webhook._tasks)
        assert hook.asked == 1 and "refused" in caplog.text


async def test_a_webhook_that_is_not_there_holds_nobody_up() -> None:
    webhook = Webhook(lambda: "http://127.0.0.1:9/nothing", pauses_seconds=(60.0,))
    webhook.tell({})
    Webhook(lambda: None).tell({})
    async with asyncio.timeout(10):
        await webhook.close()
    assert not webhook._tasks
