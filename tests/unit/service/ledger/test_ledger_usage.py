"""Prices, shares of the machine's time, reports, days, and files for table programs."""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.core.db import Database
from desktop.core.errors import AppError
from desktop.core.exports import csv_lines
from desktop.core.paths import resources
from desktop.core.service.ledger import usage
from desktop.core.service.ledger.periods import day_of, end_of, moment_of, month_of, start_of_month
from desktop.core.service.ledger.prices import Prices, known_prices, price_at
from desktop.core.service.ledger.store import Entry, Filter, LedgerStore
from desktop.core.service.requests import BusyMeter, RequestLog, RequestRecord
from desktop.core.service.streams import StreamFilter, Usage
from desktop.core.settings import PriceSettings
from tests.unit.service.ledger.records import ended

NOON = time.mktime((2026, 11, 27, 12, 0, 0, 0, 0, -1))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LedgerStore]:
    Database(tmp_path / "paddock.db", tmp_path / "backups").close()
    store = LedgerStore(tmp_path / "paddock.db")
    yield store
    store.close()


# --- what a request cost --------------------------------------------------------------------------


def test_the_machines_own_cost() -> None:
    prices = Prices(PriceSettings(electricity_per_kwh=0.30, busy_watts=400, hardware_per_hour=1.2))
    record = ended(busy=90.0)
    prices.put_on(record)
    assert record.electricity_cost == pytest.approx(90 * 400 / 3.6e6 * 0.30)
    assert record.hardware_cost == pytest.approx(0.03)
    assert record.cost == pytest.approx(0.033) and record.hosted_cost is None


def test_what_the_hosted_model_would_have_cost() -> None:
    hosted = {"m": [10.0, 30.0, 1.0], "*": [2.0, 4.0]}
    prices = Prices(PriceSettings(hosted=hosted, count_as="hosted", hardware_per_hour=1))
    record = ended(model="m", prompt=1_000_000, cached=400_000, completion=100_000, busy=3600.0)
    prices.put_on(record)
    assert record.hosted_cost == pytest.approx(6.0 + 0.4 + 3.0)
    assert record.cost == record.hosted_cost and record.hardware_cost == pytest.approx(1.0)
    other = ended(model="n", prompt=1_000_000, cached=400_000, completion=500_000)
    prices.put_on(other)
    assert other.hosted_cost == pytest.approx(4.0), "its cached tokens cost as all others"
    repeat = ended(model="m", prompt=1_000_000, completion=0)
    Prices(PriceSettings(hosted=hosted, hardware_per_hour=1)).put_on(repeat)
    assert repeat.cost == 0, "no machine worked for it"


def test_without_prices_there_is_no_cost() -> None:
    record = ended(busy=10.0)
    Prices(PriceSettings(electricity_per_kwh=1.0)).put_on(record)
    assert record.cost is None and record.electricity_cost is None


def test_published_prices_have_a_date_and_sources() -> None:
    raw = json.loads((resources() / "known" / "hosted_prices.json").read_text("utf-8"))
    time.strptime(raw["as_of"], "%Y-%m-%d")
    assert raw["sources"] and all(each.startswith("https://") for each in raw["sources"])
    for each in known_prices().values():
        assert 0 < each.price.cached <= each.price.into <= each.price.out
        assert each.name == each.name.lower() and each.as_of == raw["as_of"]


def test_a_price_to_compare_with() -> None:
    assert price_at("2.5, 10", "EUR").price.cost(1e6, 1e6, 1e6) == 12.5
    assert price_at("2.5,10,1", "EUR").price.cost(1e6, 1e6, 1e6) == 11.0
    assert price_at("GPT-4o", "EUR").currency == "USD"
    for bad in ("", "1", "1,2,3,4", "x,y", "-1,2", "nan,1", "inf,1"):
        with pytest.raises(AppError, match="no price"):
            price_at(bad, "EUR")


# --- shares of time -------------------------------------------------------------------------------


def test_answers_at_the_same_time_share_it() -> None:
    now = [0.0]
    meter = BusyMeter(lambda: now[0])
    first = meter.enter()
    now[0] = 2.0
    second = meter.enter()
    now[0] = 6.0
    assert meter.leave(first) == pytest.approx(2 + 4 / 2)
    now[0] = 7.0
    assert meter.leave(second) == pytest.approx(4 / 2 + 1)
    now[0] = 100.0
    third = meter.enter()
    now[0] = 101.0
    assert meter.leave(third) == pytest.approx(1.0), "nobody pays for the pause"


@given(st.lists(st.tuples(st.integers(0, 4), st.floats(0.01, 10)), max_size=40))
def test_the_shares_add_up_to_the_time_in_which_anybody_was_answered(
    steps: list[tuple[int, float]],
) -> None:
    now = [0.0]
    meter = BusyMeter(lambda: now[0])
    running: dict[int, float] = {}
    shares = busy = 0.0
    for who, seconds in steps:
        if who in running:
            shares += meter.leave(running.pop(who))
        else:
            running[who] = meter.enter()
        now[0] += seconds
        busy += seconds if running else 0.0
    shares += sum(meter.leave(each) for each in running.values())
    assert shares == pytest.approx(busy)


def test_a_record_measures_its_share_once() -> None:
    log = RequestLog(lambda kind, data: None)
    record = log.begin(RequestRecord("/v1/completions"))
    record.slot_granted("build 1")
    record.slot_granted()  # a second try, with another engine
    record.finish(Usage(received=3), 499, "left", "client_left")
    assert record.busy_seconds is not None and record.busy_seconds <= record.total_seconds  # type: ignore[operator]
    assert record.engine == "build 1" and record.completion_tokens == 3
    assert log.meter._running == 0
    waited = log.begin(RequestRecord("/v1/completions"))
    waited.finish(None, 429, "full", "queue_full")
    assert waited.busy_seconds is None and log.meter._running == 0


def test_a_broken_answer_counts_what_came() -> None:
    record = RequestRecord("/v1/chat/completions")
    record.finish(Usage(5, 0, 10, received=25), 502, "died", "upstream_failed")
    assert record.completion_tokens == 25, "a second choice was under way"
    whole = RequestRecord("/v1/chat/completions")
    whole.finish(Usage(5, 0, 10, received=12))
    assert whole.completion_tokens == 10, "the engine's own figure"


def test_whose_api_a_route_is() -> None:
    said = {route: RequestRecord(route).api for route in ("/v1/messages", "/api/chat", "chat")}
    assert said == {"/v1/messages": "anthropic", "/api/chat": "ollama", "chat": "chat"}
    assert RequestRecord("/v1/embeddings").api == "openai"


def test_texts_are_kept_when_that_is_on_and_never_of_conversations() -> None:
    on = RequestLog(lambda kind, data: None, keep_texts=lambda: True)
    kept = on.begin(RequestRecord("/v1/completions"))
    assert kept.texts is not None and "texts" not in kept.to_dict()
    assert on.begin(RequestRecord("chat")).texts is None
    off = RequestLog(lambda kind, data: None)
    assert off.begin(RequestRecord("/v1/completions")).texts is None


# --- days and times -------------------------------------------------------------------------------


def test_times_as_people_give_them() -> None:
    day = moment_of("2026-11-27")
    assert day == NOON - 12 * 3600 and moment_of("2026-11-27", end=True) == day + 86400
    assert moment_of("2026-11-27T12:00") == NOON and moment_of("2026-11-27 12:00") == NOON
    assert moment_of("2026-11-27T12:00:00+00:00") == moment_of("2026-11-27T14:00:00+02:00")
    assert moment_of("36h", now=NOON) == NOON - 36 * 3600
    assert moment_of("1.5d", now=NOON) == moment_of("36h", now=NOON)
    assert moment_of("2w", now=NOON) == NOON - 14 * 86400
    assert moment_of("12.5") == 12.5
    for bad in ("yesterday", "2026-13-01", "", "7x", "2026-11-27T99"):
        with pytest.raises(AppError, match="no time"):
            moment_of(bad)


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="the time zone cannot be set")
def test_days_are_the_persons_also_where_the_clock_changes(
    monkeypatch: pytest.MonkeyPatch, store: LedgerStore
) -> None:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        # 2026-10-25 has 25 hours there.
        begin = moment_of("2026-10-25")
        assert moment_of("2026-10-25", end=True) - begin == 25 * 3600
        assert end_of("2026-10-25") - begin == 25 * 3600
        assert day_of(begin) == "2026-10-25" and day_of(begin - 1) == "2026-10-24"
        assert month_of(begin) == "2026-10" and start_of_month(begin) == moment_of("2026-10-01")
        assert end_of("2026-10") == moment_of("2026-11-01")
        assert end_of("2026-12") == moment_of("2027-01-01")
        store.write([Entry(ended(begin + hours * 3600), "USD") for hours in (-1, 0, 24, 25)])
        rows = usage.report(store, "day", Filter(), Prices(PriceSettings()))["rows"]
        assert [(row["name"], row["requests"]) for row in rows] == [
            ("2026-10-26", 1),
            ("2026-10-25", 2),
            ("2026-10-24", 1),
        ]
    finally:
        monkeypatch.undo()
        time.tzset()


# --- reports --------------------------------------------------------------------------------------


def report(store: LedgerStore, by: str, **more: Any) -> dict[str, Any]:
    return usage.report(store, by, Filter(), Prices(PriceSettings(currency="EUR")), **more)


def test_a_report(store: LedgerStore) -> None:
    rows = [
        ended(NOON + n, key="a", model="m", prompt=100, cached=50, completion=10) for n in range(3)
    ]
    rows[0].cost = 0.25
    rows.append(ended(NOON + 9, model="n", prompt=1000, completion=1, busy=2.0))
    store.write([Entry(row, "EUR") for row in rows])
    found = report(store, "key", at=price_at("10,20,1", "EUR"))
    assert [row["name"] for row in found["rows"]] == ["", "a"], "the largest first"
    mine = found["rows"][1]
    assert mine["requests"] == 3 and mine["cost"] == 0.25 and mine["unpriced"] == 2
    assert mine["at_cost"] == pytest.approx((150 * 10 + 150 * 1 + 30 * 20) / 1e6)
    assert found["rows"][0]["cost"] is None, "there were no prices"
    assert found["total"]["requests"] == 4 and found["total"]["busy_seconds"] == 2.0
    assert found["at"]["into"] == 10 and found["currency"] == "EUR"
    assert [row["name"] for row in report(store, "model")["rows"]] == ["n", "m"]


def test_a_report_of_nothing(store: LedgerStore) -> None:
    found = report(store, "model")
    assert found["rows"] == [] and found["total"]["requests"] == 0
    assert found["total"]["cost"] is None and found["total"]["idle_cost"] is None


def test_what_waiting_costs(store: LedgerStore) -> None:
    prices = Prices(PriceSettings(electricity_per_kwh=0.36, idle_watts=100))
    store.write([Entry(ended(time.time() - 36000, busy=0.0), "USD")])
    found = usage.report(store, "day", Filter(), prices)["total"]["idle_cost"]
    assert found == pytest.approx(0.36, rel=0.01), "a kilowatt-hour in ten hours"


def test_no_cell_is_a_formula() -> None:
    names = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1", 'plain, "quoted"', "x=1"]
    text = "".join(csv_lines(("name", "requests"), ({"name": n, "requests": -3} for n in names)))
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert rows[0] == ["name", "requests"] and {row[1] for row in rows[1:]} == {"-3"}
    assert [row[0] for row in rows[1:]] == [*(f"'{n}" for n in names[:7]), *names[7:]]


def test_requests_as_a_file(store: LedgerStore) -> None:
    record = ended(NOON, key="=cmd", stream=True)
    store.write([Entry(record, "USD")])
    lines = csv_lines(usage.REQUEST_COLUMNS, usage.request_rows(store.each(Filter())))
    row = next(csv.DictReader(io.StringIO("".join(lines), newline="")))
    assert row["time"] == "2026-11-27 12:00:00" and row["key"] == "'=cmd" and row["stream"] == "1"
    assert row["completion_tokens"] == "10" and row["error_code"] == ""


# --- what a stream that broke off had said --------------------------------------------------------


def event(delta: dict[str, Any] | None = None, **more: Any) -> bytes:
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": None}]
    chunk = {"choices": choices, **more}
    return b"data: " + json.dumps(chunk, separators=(",", ":")).encode() + b"\n\n"


@given(st.lists(st.integers(1, 400)))
def test_pieces_are_counted_however_they_arrive(cuts: list[int]) -> None:
    progress = {"total": 90, "cache": 30, "processed": 60, "time_ms": 5}
    whole = event({}, prompt_progress=progress) + event({"role": "assistant", "content": None})
    whole += b"".join(event({"content": f"an error {n}"}) for n in range(3))
    whole += b"".join(event({"content": f"word {n}"}) for n in range(4))
    filtered = StreamFilter(False)
    for cut in [*cuts, len(whole)]:
        if whole:
            filtered.feed(whole[:cut])
            whole = whole[cut:]
    found = filtered.usage
    assert found.received == 7
    assert (found.prompt_tokens, found.cached_tokens) == (90, 30)
