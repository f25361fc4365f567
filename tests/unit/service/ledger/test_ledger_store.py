"""Rows of the ledger: pages, filters, sums, pruning, and what never gets into it."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.core.db import Database
from desktop.core.service.ledger.ledger import Ledger
from desktop.core.service.ledger.rows import safe_error
from desktop.core.service.ledger.store import Entry, Filter, LedgerStore, Warned
from desktop.core.service.requests import RequestRecord, Texts
from desktop.core.settings import Settings
from tests.unit.service.ledger.records import ended

DAY = 86400.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "paddock.db"
    Database(path, tmp_path / "backups").close()
    return path


@pytest.fixture
def store(path: Path) -> Iterator[LedgerStore]:
    store = LedgerStore(path)
    yield store
    store.close()


def write(store: LedgerStore, *records: RequestRecord) -> None:
    store.write([Entry(record, "USD") for record in records])


def pages(store: LedgerStore, wanted: Filter, limit: int) -> list[list[dict[str, Any]]]:
    found = []
    after: str | None = None
    while True:
        rows, after = store.page(wanted, after, limit)
        found.append(rows)
        if after is None:
            return found


def test_a_row_has_the_records_figures_under_their_names(store: LedgerStore) -> None:
    record = ended(model="m", key="k", stream=True, client_id="c", busy=1.5)
    write(store, record)
    row = store.page(Filter())[0][0]
    said = record.to_dict()
    assert {name: row[name] for name in said} == said
    assert row["number"] == 1 and row["currency"] is None


def test_the_same_row_is_stored_once(store: LedgerStore) -> None:
    record = ended()
    write(store, record)
    write(store, record, ended())
    assert len(store.page(Filter())[0]) == 2


def test_pages_follow_one_another_without_a_gap(store: LedgerStore) -> None:
    """Also where many requests arrived in the same moment, and where the clock went back."""
    records = [ended(1000.0 + n // 7 - (50 if n % 11 == 0 else 0)) for n in range(60)]
    write(store, *records)
    found = [row["id"] for page in pages(store, Filter(), 8) for row in page]
    assert len(found) == 60 and set(found) == {record.id for record in records}
    moments = [row["arrived"] for page in pages(store, Filter(), 8) for row in page]
    assert moments == sorted(moments, reverse=True)
    assert [len(page) for page in pages(store, Filter(), 60)] == [60]


def test_rows_that_come_meanwhile_do_not_move_the_pages(store: LedgerStore) -> None:
    write(store, *(ended(1000.0 + n) for n in range(10)))
    first, after = store.page(Filter(), None, 5)
    write(store, ended(2000.0), ended(999.0))
    second, _ = store.page(Filter(), after, 5)
    assert [row["arrived"] for row in first + second] == [1009.0 - n for n in range(10)]


@pytest.mark.parametrize("after", ["x", "1", "1_x", "_"])
def test_a_page_after_nothing_of_ours(store: LedgerStore, after: str) -> None:
    with pytest.raises(ValueError):
        store.page(Filter(), after)


def test_filters(store: LedgerStore) -> None:
    write(
        store,
        ended(1.0, key="a", model="m"),
        ended(2.0, key="b", model="m", status=404, error="no", code="model_not_found"),
        ended(3.0, model="n", status=499, error="left", code="client_left"),
        ended(4.0, route="/v1/messages", model="n"),
        ended(5.0, route="/api/chat", model="n"),
        ended(6.0, route="chat", model="n"),
    )

    def moments(**wanted: Any) -> list[float]:
        return [row["arrived"] for row in store.page(Filter(**wanted))[0]]

    assert moments(key="a") == [1.0]
    assert moments(key="") == [6.0, 5.0, 4.0, 3.0]
    assert moments(model="m") == [2.0, 1.0]
    assert moments(status="error") == [3.0, 2.0]
    assert moments(status="404") == [2.0]
    assert moments(status="ok") == [6.0, 5.0, 4.0, 1.0]
    assert moments(since=2.0, until=4.0) == [3.0, 2.0]
    assert [moments(api=each) for each in ("anthropic", "ollama", "chat")] == [[4.0], [5.0], [6.0]]
    assert moments(key="a", model="m", status="ok", since=0.5) == [1.0]


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        (Filter(), "ledger_by_created"),
        (Filter(key="k"), "ledger_by_key"),
        (Filter(model="m"), "ledger_by_model"),
        (Filter(status="error"), "ledger_failed"),
        (Filter(status="404"), "ledger_failed"),
        (Filter(since=1.0, until=2.0), "ledger_by_created"),
    ],
)
def test_a_page_reads_no_more_than_it_shows(path: Path, wanted: Filter, index: str) -> None:
    """By an index in the wanted order: with 100,000 rows it is as quick as with 100."""
    where, values = wanted.where()
    with closing(sqlite3.connect(path)) as connection:
        plan = connection.execute(
            f"EXPLAIN QUERY PLAN SELECT * FROM ledger WHERE {where} "
            "AND created <= ? AND (created < ? OR number < ?) "
            "ORDER BY created DESC, number DESC LIMIT 100",
            [*values, 9.0, 9.0, 9],
        ).fetchall()
    text = " ".join(str(step) for step in plan)
    assert index in text and "TEMP B-TREE" not in text


def test_sums(store: LedgerStore) -> None:
    noon = time.mktime((2026, 11, 27, 12, 0, 0, 0, 0, -1))
    first = ended(noon, key="a", model="m", prompt=100, cached=40, completion=10, busy=2.0)
    first.cost = first.hosted_cost = 0.5
    second = ended(noon + DAY, key="a", model="n", prompt=1, completion=2, busy=1.0)
    second.cached_answer = True
    left = ended(noon, model="m", status=499, error="left", code="client_left", completion=3)
    write(store, first, second, left, ended(noon, status=500, error="x", code="internal"))
    by_key = {row["name"]: row for row in store.sums("key", Filter(), "USD")}
    assert by_key["a"]["requests"] == 2 and by_key["a"]["prompt_tokens"] == 101
    assert by_key["a"]["cached_tokens"] == 40 and by_key["a"]["busy_seconds"] == 3.0
    assert by_key["a"]["cost"] == 0.5 and by_key["a"]["unpriced"] == 1
    assert by_key["a"]["cached_answers"] == 1
    assert by_key[None]["errors"] == 1 and by_key[None]["aborted"] == 1
    by_day = {row["name"]: row["requests"] for row in store.sums("day", Filter(), "USD")}
    assert by_day == {"2026-11-27": 3, "2026-11-28": 1}
    assert store.sums("key", Filter(key="a"), "EUR")[0]["cost"] == 0, "another currency"
    assert store.sums("model", Filter(since=noon + 9 * DAY), "USD") == []


def test_what_keys_spent(store: LedgerStore) -> None:
    noon = time.mktime((2026, 11, 27, 12, 0, 0, 0, 0, -1))
    record = ended(noon, key="a", prompt=7, completion=5)
    record.cost = 0.25
    write(store, record, ended(noon + DAY, key="a", prompt=1, completion=1), ended(noon))
    assert store.spent(9, "USD") == [("a", "2026-11-27", 12, 0.25), ("a", "2026-11-28", 2, 0.0)]
    assert store.spent(1, "USD") == [("a", "2026-11-27", 12, 0.25)], "up to the first row"
    warned = Warned("a", "2026-11", "cost", 80, 5.0)
    store.write([warned, warned])
    assert store.warned() == [warned]


def test_no_prompt_gets_in_by_an_error(store: LedgerStore) -> None:
    prompt = "my doctor told me that I should not tell anybody of it"
    record = ended(
        status=400, error=f'Unknown field in "{prompt}" at 3, and “{prompt}”', code="bad_request"
    )
    engine = ended(status=400, error=f"parse error near {prompt}")
    half = ended(status=404, error="There is no model “\ud800”.", code="model_not_found")
    write(store, record, engine, half)
    rows = {row["id"]: row for row in store.page(Filter())[0]}
    assert rows[record.id]["error"] == 'Unknown field in "…" at 3, and “…”'
    assert rows[engine.id]["error"] is None and rows[engine.id]["error_code"] == "unknown"
    assert rows[half.id]["error"] == "There is no model “?”."


@given(st.text())
def test_an_errors_text_can_always_be_stored(text: str) -> None:
    found = safe_error("code", text)
    assert found is not None and len(found) <= 300
    found.encode()


def test_texts_stand_apart_and_are_forgotten(store: LedgerStore) -> None:
    record = ended()
    texts = Texts('{"messages": "\ud800"}')
    for chunk in (
        b'data: {"choices":[{"delta":{"reasoning_content":"hm"}}]}\n\n',
        b'data: {"choices":[{"delta":{"content":"It is "}},{"text":"so."}]}\n\ndata: [DONE]\n\n',
    ):
        texts.add(chunk)
    record._texts = texts
    write(store, record)
    found = store.one(record.id)
    assert found is not None and found["request"] == '{"messages": "?"}'
    assert found["answer"] == "<think>hm</think>\nIt is so."
    assert "request" not in store.page(Filter())[0][0]
    store.forget_texts()
    again = store.one(record.id)
    assert again is not None and again["answer"] is None
    assert store.one("req_0") is None


def test_texts_are_bounded() -> None:
    texts = Texts()
    for _ in range(20):
        texts.add(b"x" * (1 << 18))
    assert sum(map(len, texts.blocks)) <= (1 << 20) + (1 << 18)


def test_pruning_goes_piece_by_piece(store: LedgerStore) -> None:
    write(store, *(ended(float(n)) for n in range(1100)))
    assert store.prune("ledger", 1050.0) and store.prune("ledger", 1050.0)
    assert not store.prune("ledger", 1050.0)
    assert [row["arrived"] for row in store.each(Filter())] == [float(n) for n in range(1050, 1100)]


def test_a_long_file_is_read_by_several_threads(store: LedgerStore) -> None:
    write(store, *(ended(float(n)) for n in range(50)))
    rows = store.each(Filter())
    found = [next(rows)["arrived"]]
    with ThreadPoolExecutor(1) as other:
        found += other.submit(lambda: [row["arrived"] for row in rows]).result()
    assert found == [float(n) for n in range(50)]


class Clock:
    """The two clocks, as a test sets them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.wall, self.passed = time.time(), time.monotonic()
        monkeypatch.setattr("desktop.core.service.ledger.ledger.time", self)

    def time(self) -> float:
        return self.wall

    def monotonic(self) -> float:
        return self.passed

    def passes(self, seconds: float) -> None:
        self.wall += seconds
        self.passed += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def tend(ledger: Ledger) -> None:
    """All that is due."""
    while ledger._tend() < 1.0:
        pass


def test_old_requests_are_forgotten_once_a_day(path: Path, clock: Clock) -> None:
    settings = Settings.model_validate({"ledger": {"keep_days": 100, "prompt_days": 2}})
    ledger = Ledger(path, lambda: settings, lambda kind, data: None)
    old, kept = ended(clock.wall - 101 * DAY), ended(clock.wall - 99 * DAY)
    recent = ended(clock.wall - 3 * DAY)
    recent._texts = Texts("what was asked")
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executemany(
            "INSERT INTO exact_cache VALUES (?, ?, 0, 1, '')",
            [(b"old", clock.wall - 31 * DAY), (b"new", clock.wall - 29 * DAY)],
        )
    for record in (old, kept, recent):
        ledger.note(record)
    assert ledger.flush()
    tend(ledger)
    assert ledger.store.one(old.id) is not None, "not while the service starts"
    clock.passes(700)
    tend(ledger)
    found = ledger.store.one(recent.id)
    assert ledger.store.one(old.id) is None and ledger.store.one(kept.id) is not None
    assert found is not None and found["request"] is None
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT hash FROM exact_cache").fetchall() == [(b"new",)]
    clock.passes(2 * DAY)
    tend(ledger)
    assert ledger.store.one(kept.id) is None
    ledger.close()


def test_a_clock_that_was_set_deletes_nothing(path: Path, clock: Clock) -> None:
    ledger = Ledger(path, Settings, lambda kind, data: None)
    record = ended(clock.wall)
    ledger.note(record)
    assert ledger.flush()
    clock.passes(700)
    clock.wall += 1000 * DAY
    tend(ledger)
    assert ledger.store.one(record.id) is not None
    ledger.close()


def test_this_month_is_kept_for_the_budgets(path: Path, clock: Clock) -> None:
    settings = Settings.model_validate({"ledger": {"keep_days": 0.001}})
    clock.wall = time.mktime((2026, 11, 27, 12, 0, 0, 0, 0, -1))
    ledger = Ledger(path, lambda: settings, lambda kind, data: None)
    this, last = ended(clock.wall - 20 * DAY), ended(clock.wall - 40 * DAY)
    ledger.note(this)
    ledger.note(last)
    assert ledger.flush()
    clock.passes(700)
    tend(ledger)
    assert ledger.store.one(this.id) is not None and ledger.store.one(last.id) is None
    ledger.close()
