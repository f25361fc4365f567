"""The part file, its manifest, the hash that follows, and who fetches which stretch."""

from __future__ import annotations

import hashlib
import json
import os
import queue
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken
from desktop.core.hub.download import manifest as manifests
from desktop.core.hub.download.hashing import BLOCK_BYTES, Digests, Hasher, HashJob, sha256_of
from desktop.core.hub.download.item import Item, Segment
from desktop.core.hub.download.manifest import Manifest
from desktop.core.hub.download.names import layout
from desktop.core.hub.download.order import Order, WantedFile
from desktop.core.hub.download.part import PartFile
from desktop.core.hub.download.partial import Identity, open_partial
from desktop.core.hub.download.plan import LEAST_BYTES, MOST_BYTES, Plan
from desktop.core.hub.download.ranges import Ranges
from desktop.core.hub.download.space import allocated_bytes, check_space, reserve
from tests.helpers.hub import git_blob_id

MIB = 1 << 20
COMMIT = "c" * 40
ETAG = "e" * 64


def manifest(size: int = 100, **changes: Any) -> Manifest:
    made = Manifest("a/b", COMMIT, "x.gguf", ETAG, size, ETAG)
    for name, value in changes.items():
        setattr(made, name, value)
    return made


# Manifest


def test_a_manifest_comes_back_as_it_was(tmp_path: Path) -> None:
    place = tmp_path / "m.json"
    manifest(have=Ranges([(0, 10), (50, 60)]), durable=Ranges([(0, 5)])).save(place)
    read = manifests.load(place)
    assert read is not None
    assert (read.repo, read.commit, read.path, read.etag) == ("a/b", COMMIT, "x.gguf", ETAG)
    assert (read.size_bytes, read.sha256) == (100, ETAG)
    assert read.have.pairs() == [(0, 10), (50, 60)]
    assert read.durable.pairs() == [(0, 5)]
    assert [path.name for path in tmp_path.iterdir()] == ["m.json"]


def test_after_a_restart_of_the_machine_only_what_was_flushed_counts(tmp_path: Path) -> None:
    place = tmp_path / "m.json"
    manifest(have=Ranges([(0, 60)]), durable=Ranges([(0, 5)])).save(place)
    read = manifests.load(place, boot_now="another")
    assert read is not None
    assert read.have.pairs() == [(0, 5)]


def test_a_boot_time_may_be_off_by_seconds(tmp_path: Path) -> None:
    place = tmp_path / "m.json"
    manifest(have=Ranges([(0, 60)])).save(place)
    document = json.loads(place.read_bytes())
    document["boot"] = "1760000000"
    place.write_text(json.dumps(document), "utf-8")
    for boot, total in (("1760000003", 60), ("1760009999", 0)):
        read = manifests.load(place, boot_now=boot)
        assert read is not None
        assert read.have.total == total


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"size_bytes": -1},
        {"size_bytes": "100"},
        {"size_bytes": True},
        {"ranges": [[0, 101]]},
        {"ranges": None},
        {"durable": [[5, 1]]},
        {"etag": 7},
        {"sha256": 7},
        {"boot": None},
    ],
)
def test_a_manifest_that_makes_no_sense_is_none(tmp_path: Path, change: dict[str, Any]) -> None:
    place = tmp_path / "m.json"
    manifest().save(place)
    document = json.loads(place.read_bytes()) | change
    place.write_text(json.dumps(document), "utf-8")
    assert manifests.load(place) is None


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000])
def test_a_damaged_manifest_is_none(tmp_path: Path, content: bytes) -> None:
    place = tmp_path / "m.json"
    place.write_bytes(content)
    assert manifests.load(place) is None
    assert manifests.load(tmp_path / "not there") is None


# Part file


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3000), st.binary(min_size=1, max_size=900)), max_size=8))
def test_what_is_written_anywhere_is_read_back(
    tmp_path: Path, writes: list[tuple[int, bytes]]
) -> None:
    path, mirror = tmp_path / "part", bytearray(4000)
    path.unlink(missing_ok=True)
    part = PartFile(path)
    try:
        part.truncate(4000)
        for place, data in writes:
            part.write(place, data)
            mirror[place : place + len(data)] = data
        buffer = memoryview(bytearray(5000))
        assert part.read_into(0, buffer) == 4000
        assert bytes(buffer[:4000]) == bytes(mirror)
        assert part.read_into(3990, buffer) == 10
        assert part.read_into(4000, buffer) == 0
    finally:
        part.close()


@pytest.mark.skipif(os.name == "nt", reason="links need a right there")
@pytest.mark.parametrize("kind", ["symbolic", "hard", "dangling"])
def test_a_planted_link_is_replaced_not_followed(tmp_path: Path, kind: str) -> None:
    outside, path = tmp_path / "outside", tmp_path / "part"
    outside.write_bytes(b"precious")
    if kind == "hard":
        path.hardlink_to(outside)
    else:
        path.symlink_to(outside if kind == "symbolic" else tmp_path / "nothing")
    part = PartFile(path)
    part.write(0, b"overwritten")
    part.close()
    assert outside.read_bytes() == b"precious"
    assert path.read_bytes() == b"overwritten"
    assert not path.is_symlink()
    assert not (tmp_path / "nothing").exists()


def test_space_is_reserved_where_the_disk_can(tmp_path: Path) -> None:
    part = PartFile(tmp_path / "part")
    try:
        if not reserve(part.handle, 8 * MIB):
            pytest.skip("this file system reserves nothing")
        assert part.size_bytes == 8 * MIB
        assert allocated_bytes(tmp_path / "part") >= 8 * MIB
    finally:
        part.close()


def test_what_does_not_fit_is_told_with_both_numbers(tmp_path: Path) -> None:
    check_space(tmp_path / "not" / "there", 1)
    with pytest.raises(AppError) as caught:
        check_space(tmp_path / "not" / "there", 1 << 60)
    assert caught.value.code is ErrorCode.DISK_FULL
    assert caught.value.params["needed_bytes"] == 1 << 60
    assert 0 < caught.value.params["free_bytes"] < 1 << 60
    assert "1,073,741,824.0 GiB" in str(caught.value)


def identity(size: int | None = 3 * MIB) -> Identity:
    return Identity(ETAG, ETAG, size, ETAG)


def test_a_partial_goes_on_where_it_was(tmp_path: Path) -> None:
    place = layout(tmp_path, "a/b", COMMIT, "main")
    first = open_partial(place, "x.gguf", identity())
    piece = os.urandom(1000)
    assert first.write(5000, piece, 5000, 6000) == 1000
    assert first.write(5500, piece, 5500, 6500) == 500  # half of it was there
    first.save()
    first.close()
    second = open_partial(place, "x.gguf", identity())
    assert second.have.pairs() == [(5000, 6500)]
    second.close()
    part = place.part(ETAG).read_bytes()
    assert part[5000:6500] == piece + piece[500:]
    # another size: it cannot be the same content
    third = open_partial(place, "x.gguf", identity(2 * MIB))
    assert third.have.total == 0
    third.close()


def test_a_part_file_that_was_cut_counts_only_as_far_as_it_goes(tmp_path: Path) -> None:
    place = layout(tmp_path, "a/b", COMMIT, "main")
    first = open_partial(place, "x.gguf", identity())
    first.write(0, b"x" * 9000, 0, 9000)
    first.save()
    first.close()
    os.truncate(place.part(ETAG), 4000)
    second = open_partial(place, "x.gguf", identity())
    assert second.have.pairs() == [(0, 4000)]
    second.close()
    place.part(ETAG).unlink()
    third = open_partial(place, "x.gguf", identity())
    assert third.have.total == 0
    third.close()


def test_a_part_file_without_its_manifest_is_not_trusted(tmp_path: Path) -> None:
    place = layout(tmp_path, "a/b", COMMIT, "main")
    place.blobs.mkdir(parents=True)
    place.part(ETAG).write_bytes(b"who knows" * 1000)
    left = place.blobs / f"{ETAG}.paddock-part.json.abcd.tmp"
    left.write_bytes(b"{")
    partial = open_partial(place, "x.gguf", identity())
    assert partial.have.total == 0
    partial.close()
    assert b"who" not in place.part(ETAG).read_bytes()
    assert not left.exists()


async def test_a_flush_is_what_a_power_loss_leaves(tmp_path: Path) -> None:
    place = layout(tmp_path, "a/b", COMMIT, "main")
    partial = open_partial(place, "x.gguf", identity())
    partial.write(0, b"a" * 700, 0, 700)
    await partial.flush()
    partial.write(700, b"b" * 700, 700, 1400)
    partial.save()
    partial.close()
    same, another = (manifests.load(place.manifest(ETAG), boot) for boot in (None, "another"))
    assert same is not None and another is not None
    assert same.have.pairs() == [(0, 1400)]
    assert another.have.pairs() == [(0, 700)]


async def test_a_flush_that_ends_late_writes_nothing_down_any_more(tmp_path: Path) -> None:
    place = layout(tmp_path, "a/b", COMMIT, "main")
    partial = open_partial(place, "x.gguf", identity())
    partial.write(0, b"a" * 700, 0, 700)
    flush, close_first = partial.part.flusher, threading.Event()

    def late() -> Any:
        inner = flush()

        def work() -> None:
            assert close_first.wait(10)
            inner()

        return work

    partial.part.flusher = late  # type: ignore[method-assign]
    import asyncio

    task = asyncio.create_task(partial.flush())
    await asyncio.sleep(0)
    partial.close()
    place.manifest(ETAG).unlink()
    close_first.set()
    await task
    assert not place.manifest(ETAG).exists()


# Hash


@pytest.mark.parametrize("size", [0, 1, BLOCK_BYTES - 1, BLOCK_BYTES, 3 * BLOCK_BYTES + 17])
def test_the_hash_follows_what_has_come(tmp_path: Path, size: int) -> None:
    data = os.urandom(size)
    part, results = PartFile(tmp_path / "part"), queue.Queue[Digests | OSError]()
    hasher = Hasher()
    try:
        job = HashJob(part, size, git=True, finished=results.put)
        hasher.add(job)
        for end in [*range(0, size, 777_777), size]:
            part.write(job.available, data[job.available : end])
            hasher.advance(job, end)
        found = results.get(timeout=20)
    finally:
        hasher.close()
        part.close()
    assert found == Digests(hashlib.sha256(data).hexdigest(), git_blob_id(data))
    assert job.position == size
    assert results.empty()


def test_one_hash_does_not_wait_for_another(tmp_path: Path) -> None:
    parts = [PartFile(tmp_path / name) for name in ("slow", "quick")]
    results = queue.Queue[Digests | OSError]()
    hasher = Hasher()
    try:
        slow = HashJob(parts[0], 10, git=False, finished=results.put)
        hasher.add(slow)
        parts[1].write(0, b"quick")
        quick = HashJob(parts[1], 5, git=False, finished=results.put)
        hasher.add(quick)
        hasher.advance(quick, 5)
        assert results.get(timeout=20) == Digests(hashlib.sha256(b"quick").hexdigest(), None)
        hasher.drop(slow)
    finally:
        hasher.close()
        for part in parts:
            part.close()
    assert results.empty()


def test_a_file_that_cannot_be_read_back_is_told(tmp_path: Path) -> None:
    part, results = PartFile(tmp_path / "part"), queue.Queue[Digests | OSError]()
    hasher = Hasher()
    try:
        job = HashJob(part, 100, git=False, finished=results.put)
        hasher.add(job)
        hasher.advance(job, 100)  # nothing was written
        assert isinstance(results.get(timeout=20), OSError)
    finally:
        hasher.close()
        part.close()


def test_hashing_a_file_can_be_cancelled(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"abc" * 1000)
    assert sha256_of(path, CancelToken()) == hashlib.sha256(b"abc" * 1000).hexdigest()
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(AppError) as caught:
        sha256_of(path, cancel)
    assert caught.value.code is ErrorCode.CANCELLED


# Plan


class FakeItem:
    """What the plan asks of an item."""

    def __init__(self, size: int | None) -> None:
        self.size_bytes = size
        self.have = Ranges()
        self.segments: list[Segment] = []

    @property
    def wants_more(self) -> bool:
        return self.size_bytes is None or self.have.total < self.size_bytes


def plan_of(*sizes: int | None) -> tuple[Plan, list[Any]]:
    items: list[Any] = [FakeItem(size) for size in sizes]
    return Plan(items), items


def finish(plan: Plan, segment: Segment) -> None:
    segment.item.have.add(segment.pos, segment.end)
    segment.pos = segment.end
    plan.give_back(segment)


@given(
    st.lists(st.integers(1, 400 * MIB), min_size=1, max_size=4),
    st.integers(1, 8),
    st.randoms(use_true_random=False),
)
def test_every_byte_is_fetched_once_and_from_the_front(
    sizes: list[int], connections: int, random: Any
) -> None:
    plan, items = plan_of(*sizes)
    running: list[Segment] = []
    fetched = 0
    while True:
        while len(running) < connections and (segment := plan.take(connections)) is not None:
            for item in items[: items.index(segment.item)]:
                # nothing of an earlier file is left over
                taken = item.have.copy()
                for other in item.segments:
                    taken.add(other.pos, other.end)
                assert taken.total == item.size_bytes
            assert 0 < segment.left < MOST_BYTES + LEAST_BYTES // 2
            running.append(segment)
        if not running:
            break
        segment = running.pop(random.randrange(len(running)))
        fetched += segment.left
        if random.random() < 0.2 and segment.left > 1:  # it breaks off half-way
            middle = segment.pos + segment.left // 2
            fetched -= segment.end - middle
            segment.item.have.add(segment.pos, middle)
            plan.give_back(segment)
        else:
            finish(plan, segment)
    assert fetched == sum(sizes)
    assert all(not item.wants_more and not item.segments for item in items)


def test_stretches_get_shorter_towards_the_end() -> None:
    plan, _ = plan_of(300 * MIB)
    lengths = []
    while (segment := plan.take(4)) is not None:
        lengths.append(segment.left)
        finish(plan, segment)
    assert lengths[0] == 300 * MIB // 8
    assert lengths == sorted(lengths, reverse=True)
    assert LEAST_BYTES in lengths
    assert lengths[-1] >= LEAST_BYTES // 2


def test_a_small_file_takes_one_connection() -> None:
    plan, _ = plan_of(5 * MIB, 6 * MIB)
    first, second = plan.take(8), plan.take(8)
    assert first is not None and second is not None
    assert (first.left, second.left) == (5 * MIB, 6 * MIB)
    assert plan.take(8) is None


def test_half_of_what_a_slow_connection_has_left_is_taken_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [100.0]
    monkeypatch.setattr("desktop.core.hub.download.plan.time.monotonic", lambda: now[0])
    plan, (item,) = plan_of(40 * MIB)
    slow = plan.take(1)
    assert slow is not None
    while (other := plan.take(1)) is not None:
        finish(plan, other)
    now[0] += 2
    slow.pos += 2 * MIB
    item.have.add(0, 2 * MIB)
    slow.got_bytes = 2 * MIB  # 1 MiB/s: it would take as many seconds as MiB are left
    slow.moved = now[0]
    left, end = slow.left, slow.end
    helper = plan.take(2)
    assert helper is not None
    assert (helper.pos, helper.end) == (slow.end, end)
    assert slow.left + helper.left == left
    assert abs(slow.left - helper.left) <= 1
    now[0] += 2
    for segment in (slow, helper):
        segment.got_bytes, segment.moved = 1 << 40, now[0]
    assert plan.take(3) is None  # both will be done in a moment


def test_all_that_a_silent_connection_has_left_is_taken_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [100.0]
    monkeypatch.setattr("desktop.core.hub.download.plan.time.monotonic", lambda: now[0])
    plan, _ = plan_of(MIB)
    silent = plan.take(1)
    assert silent is not None
    now[0] += 2
    assert plan.take(2) is None
    now[0] += 2
    helper = plan.take(2)
    assert helper is not None
    assert (helper.pos, helper.end) == (0, MIB)
    assert silent.finished
    assert plan.take(2) is None  # there is nothing left to take from it


def test_a_file_of_unknown_size_has_one_stretch() -> None:
    plan, items = plan_of(None)
    whole = plan.take(4)
    assert whole is not None and whole.whole
    assert plan.take(4) is None
    plan.give_back(whole)
    assert plan.take(4) is not None
    assert len(items[0].segments) == 1


# Order


def test_an_order_survives_being_stored() -> None:
    order = Order(
        "a/b", "main", COMMIT, (WantedFile("x", 5, ETAG, ETAG), WantedFile("y", None, None, None))
    )
    assert Order.from_dict(json.loads(json.dumps(order.to_dict()))) == order
    stored = order.to_dict()
    bad = [
        {**stored, "repo": 5},
        {**stored, "files": [{**stored["files"][0], "size_bytes": -1}]},
        {**stored, "files": [{**stored["files"][0], "sha256": "x"}]},
        {**stored, "files": [{**stored["files"][0], "path": None}]},
        {**stored, "files": None},
        {},
    ]
    for data in bad:
        with pytest.raises(AppError) as caught:
            Order.from_dict(data)
        assert caught.value.code is ErrorCode.BAD_REQUEST


def test_an_item_says_nothing_of_what_it_has_not() -> None:
    item = Item(WantedFile("x", 5), None, None, Hasher())  # type: ignore[arg-type]
    assert (item.done_bytes, item.verified_bytes, item.size_bytes) == (0, 0, 5)
    assert not item.wants_more and not item.complete
