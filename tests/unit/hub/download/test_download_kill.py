"""Killed processes, and several programs at one file."""

from __future__ import annotations

import hashlib
import os
import time
from dataclasses import replace
from pathlib import Path

import pytest
from huggingface_hub import scan_cache_dir

from desktop.core.errors import ErrorCode
from desktop.core.hub.download import manifest as manifests
from desktop.core.hub.download.fetch import discard, partial_bytes
from desktop.core.hub.download.lock import FileLock
from desktop.core.hub.download.names import layout
from desktop.core.hub.download.order import Limits, Order
from tests.unit.hub.download.child import Child
from tests.unit.hub.download.desk import FILE, MIB, QUICK, REPO, Desk

SIZE = 64 * MIB


@pytest.fixture
def data() -> bytes:
    return os.urandom(SIZE)


@pytest.fixture
def order(desk: Desk, data: bytes) -> Order:
    desk.hub.add_repo(REPO, {FILE: data})
    return desk.order()


def part_of(desk: Desk, order: Order) -> Path:
    place = layout(desk.cache, order.repo, order.commit, order.revision)
    return place.part(str(order.files[0].etag))


def test_kills_cost_next_to_nothing(desk: Desk, order: Order, data: bytes) -> None:
    desk.hub.faults.bytes_per_second = 10.0 * MIB
    for number in range(5):
        before = partial_bytes(order, desk.cache)
        with Child(desk.hub.url, desk.cache, order) as child:
            assert child.until(before + 6 * MIB)
        # what is written down is there
        known = manifests.load(Path(f"{part_of(desk, order)}.json"))
        assert known is not None and known.have.total >= before, number
        part = part_of(desk, order).read_bytes()
        for start, end in known.have.pairs():
            assert part[start:end] == data[start:end]
        assert not scan_cache_dir(desk.cache).warnings
    fetched = desk.get(order)
    assert fetched.files[0].path.read_bytes() == data
    assert desk.hub.sent_bytes - SIZE < 5 * 4 * MIB  # per kill, however large the file is
    assert not scan_cache_dir(desk.cache).warnings
    names = [path.name for path in fetched.files[0].blob.parent.iterdir()]
    assert names == [hashlib.sha256(data).hexdigest()]


def test_bytes_that_were_not_written_down_are_not_trusted(
    desk: Desk, order: Order, data: bytes
) -> None:
    with Child(desk.hub.url, desk.cache, order, bytes_per_second=16.0 * MIB) as child:
        assert child.until(8 * MIB)
    known = manifests.load(Path(f"{part_of(desk, order)}.json"))
    assert known is not None
    with part_of(desk, order).open("r+b") as stream:
        for start, end in known.have.gaps(0, SIZE):
            stream.seek(start)
            stream.write(b"\xff" * min(end - start, 100_000))
    fetched = desk.get(order)
    assert fetched.files[0].path.read_bytes() == data
    assert "hash_wrong" not in desk.heard.notes


def restart_machine(desk: Desk, order: Order) -> None:
    """As far as a manifest can see."""
    manifest = Path(f"{part_of(desk, order)}.json")
    text = manifest.read_text("utf-8")
    assert manifests.boot() in text
    manifest.write_text(text.replace(manifests.boot(), "the boot before"), "utf-8")


def test_after_a_power_loss_what_was_flushed_counts(desk: Desk, order: Order, data: bytes) -> None:
    with Child(desk.hub.url, desk.cache, order, bytes_per_second=16.0 * MIB) as child:
        assert child.until(8 * MIB)
    assert partial_bytes(order, desk.cache) > 0
    restart_machine(desk, order)
    assert partial_bytes(order, desk.cache) == 0
    os.truncate(part_of(desk, order), 0)
    assert desk.get(order).files[0].path.read_bytes() == data


def test_a_pause_survives_a_restart_of_the_machine(desk: Desk, order: Order) -> None:
    desk.interrupted_at(8 * MIB, order, limits=Limits(bytes_per_second=lambda: 16.0 * MIB))
    kept = partial_bytes(order, desk.cache)
    restart_machine(desk, order)
    assert partial_bytes(order, desk.cache) == kept >= 8 * MIB


# Several programs


def test_two_downloads_of_the_same_file_end_well(desk: Desk, order: Order, data: bytes) -> None:
    desk.hub.faults.bytes_per_second = 10.0 * MIB
    with Child(desk.hub.url, desk.cache, order) as one:
        assert one.until(1)
        with Child(desk.hub.url, desk.cache, order) as other:
            assert other.until_note("waits_other")
            assert one.result()["present"] == [False]
            assert other.result()["present"] == [True]
    assert desk.hub.sent_bytes < 1.02 * SIZE
    path = part_of(desk, order).with_name(hashlib.sha256(data).hexdigest())
    assert path.read_bytes() == data


def test_who_waits_goes_on_for_one_that_was_killed(desk: Desk, order: Order, data: bytes) -> None:
    desk.hub.faults.bytes_per_second = 10.0 * MIB
    with Child(desk.hub.url, desk.cache, order) as one:
        assert one.until(1)
        with Child(desk.hub.url, desk.cache, order) as other:
            assert other.until_note("waits_other")
            assert one.until(16 * MIB)
            one.kill()
            result = other.result()
    assert result["present"] == [False]
    assert result["fetched"] < SIZE - 8 * MIB
    assert desk.hub.sent_bytes < 1.1 * SIZE


def test_other_files_do_not_wait(desk: Desk, data: bytes) -> None:
    desk.hub.add_repo(REPO, {FILE: data, "other.gguf": data[: 9 * MIB]})
    desk.hub.faults.bytes_per_second = 10.0 * MIB
    both, first = desk.order(), desk.order(REPO, FILE)
    with Child(desk.hub.url, desk.cache, first) as one:
        assert one.until(1)
        with Child(desk.hub.url, desk.cache, both) as other:
            assert other.until(9 * MIB)
            assert one.until(0)  # it still runs
            assert other.result()["present"] == [True, False]


def test_the_official_library_waits_for_ours(desk: Desk, order: Order, data: bytes) -> None:
    desk.hub.faults.bytes_per_second = 10.0 * MIB
    with Child(desk.hub.url, desk.cache, order) as ours:
        assert ours.until(1)
        with Child(desk.hub.url, desk.cache, order, official=FILE) as theirs:
            assert ours.result()["present"] == [False]
            path = Path(theirs.result()["path"])
    assert path.read_bytes() == data
    assert desk.hub.sent_bytes < 1.02 * SIZE


def test_ours_waits_for_the_official_library(desk: Desk, order: Order, data: bytes) -> None:
    desk.hub.faults.bytes_per_second = 20.0 * MIB
    blobs = part_of(desk, order).parent
    with Child(desk.hub.url, desk.cache, order, official=FILE) as theirs:
        deadline = time.monotonic() + 30
        while not list(blobs.glob("*.incomplete")):
            assert time.monotonic() < deadline
            assert theirs.process.poll() is None
        with Child(desk.hub.url, desk.cache, order) as ours:
            assert ours.until_note("waits_other")
            assert ours.result()["present"] == [True]
    assert desk.hub.sent_bytes < 1.02 * SIZE


def test_a_program_that_holds_a_file_and_does_nothing(desk: Desk, order: Order) -> None:
    place = layout(desk.cache, order.repo, order.commit, order.revision)
    lock = FileLock(place.lock(str(order.files[0].etag)))
    assert lock.take()
    try:
        patience = replace(QUICK, other_program_seconds=1.0)
        error = desk.failure(order, patience=patience)
        assert error.code is ErrorCode.HUB_DOWNLOAD_BUSY
        assert "waits_other" in desk.heard.notes
        assert discard(order, desk.cache) == 0
    finally:
        lock.release()
    assert desk.get(order).files[0].size_bytes == SIZE


def test_what_another_program_fetches_is_not_discarded(desk: Desk, order: Order) -> None:
    with Child(desk.hub.url, desk.cache, order, bytes_per_second=16.0 * MIB) as child:
        assert child.until(8 * MIB)
        assert discard(order, desk.cache) == 0
        assert part_of(desk, order).exists()
    assert discard(order, desk.cache) >= 8 * MIB
    assert not part_of(desk, order).exists()
