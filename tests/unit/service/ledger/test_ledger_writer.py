"""The thread that stores: in batches, again after a failure, and nothing twice."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from desktop.core.db import Database
from desktop.core.service.ledger.store import Entry, Filter, Item, LedgerStore
from desktop.core.service.ledger.writer import LedgerWriter
from tests.helpers.disk import fill, small_disk
from tests.helpers.service import wait_for
from tests.unit.service.ledger.records import ended


class Sink:
    """A store that can be made to fail."""

    def __init__(self) -> None:
        self.batches: list[list[Item]] = []
        self.failure: Exception | None = None
        self.bad: Item | None = None
        self.tries = 0
        self.hold: threading.Event | None = None

    def store(self, items: Sequence[Item]) -> None:
        self.tries += 1
        if self.hold is not None:
            assert self.hold.wait(10)
        if self.failure is not None:
            raise self.failure
        if self.bad in items:
            raise UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed")
        self.batches.append(list(items))

    @property
    def ids(self) -> list[str]:
        return [each.record.id for batch in self.batches for each in batch]  # type: ignore[union-attr]


@pytest.fixture
def sink() -> Sink:
    return Sink()


@pytest.fixture
def told() -> list[str | None]:
    return []


@pytest.fixture
def writer(sink: Sink, told: list[str | None]) -> Iterator[LedgerWriter]:
    made = LedgerWriter(sink.store, told=told.append, delay_seconds=0.05, most=300)
    yield made
    sink.hold = None
    made.close()


def entry(**fields: Any) -> Entry:
    return Entry(ended(**fields), "USD")


def test_rows_are_stored_soon_and_together(writer: LedgerWriter, sink: Sink) -> None:
    rows = [entry() for _ in range(20)]
    for each in rows:
        writer.add(each)
    wait_for(lambda: len(sink.ids) == 20, "they are stored")
    assert sink.ids == [each.record.id for each in rows]
    assert len(sink.batches) == 1, "in one transaction"
    assert writer.waiting == 0 and writer.problem is None


def test_many_rows_do_not_wait(sink: Sink) -> None:
    patient = LedgerWriter(sink.store, delay_seconds=60)
    for _ in range(200):
        patient.add(entry())
    wait_for(lambda: len(sink.ids) == 200, "a full batch is stored at once")
    patient.add(entry())
    assert patient.flush() and len(sink.ids) == 201
    patient.add(entry())
    patient.close()
    assert len(sink.ids) == 202, "what waits is stored at the end"
    patient.close()


def test_more_than_fits_into_a_batch_is_flushed(sink: Sink) -> None:
    writer = LedgerWriter(sink.store, delay_seconds=60)
    rows = [entry() for _ in range(4500)]
    for each in rows:
        writer.add(each)
    assert writer.flush()
    assert sink.ids == [each.record.id for each in rows]
    writer.close()


def test_a_full_disk_loses_nothing_and_is_told_once(
    writer: LedgerWriter, sink: Sink, told: list[str | None]
) -> None:
    sink.failure = sqlite3.OperationalError("database or disk is full")
    first = entry()
    writer.add(first)
    wait_for(lambda: writer.problem is not None, "the failure is known")
    second = entry()
    writer.add(second)
    assert not writer.flush() and writer.waiting == 2
    assert sink.tries >= 2
    sink.failure = None
    assert writer.flush()
    assert sink.ids == [first.record.id, second.record.id]
    assert told == ["database or disk is full", None]
    assert writer.problem is None and writer.dropped == 0


def test_it_tries_again_by_itself(writer: LedgerWriter, sink: Sink) -> None:
    sink.failure = sqlite3.OperationalError("database is locked")
    writer.add(entry())
    wait_for(lambda: writer.problem is not None, "the failure is known")
    sink.failure = None
    wait_for(lambda: len(sink.ids) == 1, "it is stored later")


def test_memory_is_bounded_and_what_is_lost_is_counted(writer: LedgerWriter, sink: Sink) -> None:
    sink.failure = sqlite3.OperationalError("database or disk is full")
    rows = [entry() for _ in range(350)]
    for each in rows[:250]:
        writer.add(each)
    wait_for(lambda: writer.problem is not None, "the failure is known")
    for each in rows[250:]:
        writer.add(each)
    assert writer.waiting == 300 and writer.dropped == 50
    sink.failure = None
    assert writer.flush()
    assert sink.ids == [each.record.id for each in rows[50:]], "the oldest were given up"


def test_a_row_that_is_being_stored_is_not_given_up(writer: LedgerWriter, sink: Sink) -> None:
    sink.hold = threading.Event()
    first = entry()
    writer.add(first)
    wait_for(lambda: sink.tries == 1, "it is being stored")
    for _ in range(300):
        writer.add(entry())
    assert writer.dropped == 1
    sink.hold.set()
    assert writer.flush()
    assert sink.ids[0] == first.record.id and len(sink.ids) == 300


def test_a_row_that_cannot_be_stored_stops_no_other(writer: LedgerWriter, sink: Sink) -> None:
    rows = [entry() for _ in range(3)]
    sink.bad = rows[1]
    for each in rows:
        writer.add(each)
    assert writer.flush()
    assert sink.ids == [rows[0].record.id, rows[2].record.id] and writer.dropped == 1
    writer.add(entry())
    assert writer.flush() and len(sink.ids) == 3


def test_it_ends_although_nothing_can_be_stored(sink: Sink) -> None:
    sink.failure = sqlite3.OperationalError("database is locked")
    writer = LedgerWriter(sink.store, delay_seconds=0.01)
    writer.add(entry())
    wait_for(lambda: writer.problem is not None, "the failure is known")
    writer.close()
    assert writer.waiting == 1


def test_a_process_without_a_loop_stores_its_last_row(tmp_path: Path) -> None:
    """Nobody calls `close`: the interpreter's end does."""
    path = tmp_path / "paddock.db"
    Database(path, tmp_path / "backups").close()
    code = (
        "import sys\nfrom pathlib import Path\n"
        "from desktop.core.service.ledger.store import Entry, LedgerStore\n"
        "from desktop.core.service.ledger.writer import LedgerWriter\n"
        "from tests.unit.service.ledger.records import ended\n"
        "writer = LedgerWriter(LedgerStore(Path(sys.argv[1])).write, delay_seconds=60)\n"
        "writer.add(Entry(ended(model='last'), 'USD'))\n"
    )
    subprocess.run([sys.executable, "-c", code, str(path)], check=True, timeout=60)
    assert LedgerStore(path).page(Filter())[0][0]["model"] == "last"


def test_a_disk_that_is_really_full(tmp_path: Path) -> None:
    """Rows wait in memory until there is room; those before them are unharmed."""
    with small_disk(tmp_path) as place:
        path = place / "paddock.db"
        Database(path, place / "backups").close()
        store = LedgerStore(path)
        writer = LedgerWriter(store.write, delay_seconds=0.01)
        writer.add(entry(model="before"))
        assert writer.flush()
        ballast = fill(place)
        for n in range(200):
            writer.add(entry(model=f"during {n}", error="e" * 300, code="internal", status=500))
        assert not writer.flush()
        assert writer.problem is not None and writer.waiting == 200
        ballast.unlink()
        assert writer.flush()
        writer.close()
        found = store.page(Filter(), limit=500)[0]
        assert {each["model"] for each in found} == {"before", *(f"during {n}" for n in range(200))}
        store.close()


def test_a_locked_database_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "paddock.db"
    Database(path, tmp_path / "backups").close()
    store = LedgerStore(path, wait_seconds=0.05)
    writer = LedgerWriter(store.write, delay_seconds=0.01)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    writer.add(entry())
    wait_for(lambda: writer.problem is not None, "it is known to be locked")
    assert store.page(Filter())[0] == [], "reading does not wait"
    other.execute("COMMIT")
    other.close()
    wait_for(lambda: writer.waiting == 0, "it is stored")
    assert len(store.page(Filter())[0]) == 1
    writer.close()
    store.close()
