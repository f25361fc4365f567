"""Everything a network and a server can do wrong: the file arrives, or the error says why not."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

import pytest
from huggingface_hub import scan_cache_dir

from desktop.core.errors import ErrorCode
from desktop.core.events import Progress
from desktop.core.hub.download.fetch import partial_bytes
from desktop.core.hub.download.order import Limits, Order, WantedFile
from desktop.core.hub.download.retry import Patience
from tests.helpers.file_server import FileServer, Served
from tests.helpers.hub import EVIL_NAMES
from tests.unit.hub.download.desk import FILE, MIB, QUICK, REPO, SMALL, Desk

LASTING = replace(QUICK, give_up_seconds=60.0)


def the_file(desk: Desk) -> Order:
    return desk.order(REPO, FILE)


def overhead(desk: Desk, data: bytes) -> float:
    return desk.hub.sent_bytes / len(data)


# Faults that pass


Plan = Callable[[Any], None]


@pytest.mark.parametrize(
    "plan",
    [
        pytest.param(lambda faults: faults.server_error(6, status=503), id="503"),
        pytest.param(lambda faults: faults.server_error(4, status=500), id="500"),
        pytest.param(
            lambda faults: faults.server_error(1, status=503, retry_after=1), id="503-retry-after"
        ),
        pytest.param(lambda faults: faults.server_error(3, where="resolve"), id="503-at-the-hub"),
        pytest.param(lambda faults: faults.truncate(6, after_bytes=700_000), id="truncated"),
        pytest.param(lambda faults: faults.truncate(4, after_bytes=0), id="truncated-at-once"),
        pytest.param(lambda faults: faults.reset(6, after_bytes=700_000), id="reset"),
        pytest.param(lambda faults: faults.reset(4), id="reset-at-once"),
        pytest.param(lambda faults: faults.reset(2, where="resolve"), id="reset-at-the-hub"),
        pytest.param(lambda faults: faults.stall(2, after_bytes=700_000), id="stalled"),
        pytest.param(lambda faults: faults.stall(1), id="stalled-at-once"),
        pytest.param(lambda faults: faults.expire(3), id="expired"),
        pytest.param(lambda faults: faults.rate_limit(2, retry_after=1), id="429"),
        pytest.param(
            lambda faults: faults.rate_limit(1, retry_after=1, where="resolve"), id="429h"
        ),
    ],
)
def test_a_fault_costs_no_more_than_its_moment(stocked: Desk, big: bytes, plan: Plan) -> None:
    order = the_file(stocked)
    plan(stocked.hub.faults)
    fetched = stocked.get(order, patience=LASTING)
    assert fetched.files[0].path.read_bytes() == big
    assert stocked.hub.faults.left == 0  # all of them fell
    assert overhead(stocked, big) < 1.1


def test_many_faults_of_all_kinds(stocked: Desk, big: bytes) -> None:
    order = the_file(stocked)
    faults = stocked.hub.faults
    for number in range(5):
        faults.reset(1, after_bytes=300_000 * number, skip=number % 3)
        faults.truncate(1, after_bytes=200_000 * number, skip=1)
        faults.server_error(1, status=502)
        faults.expire(1)
    fetched = stocked.get(order, patience=LASTING)
    assert fetched.files[0].path.read_bytes() == big
    assert faults.left == 0
    assert overhead(stocked, big) < 1.1


def test_a_pause_that_the_server_asks_for_is_kept_and_told(stocked: Desk, big: bytes) -> None:
    order = the_file(stocked)
    stocked.hub.faults.rate_limit(1, retry_after=2, skip=2)
    stocked.get(order)
    asked = [request.seconds for request in stocked.hub.requests]
    refused = next(request for request in stocked.hub.requests if request.status == 429)
    after = [seconds for seconds in asked if seconds > refused.seconds + 0.2]
    assert min(after) - refused.seconds >= 1.9
    assert "waits_busy" in stocked.heard.notes
    assert any("2 seconds" in line for line in stocked.heard.lines)


def test_a_server_that_wants_a_day(stocked: Desk) -> None:
    order = the_file(stocked)
    stocked.hub.faults.rate_limit(1, retry_after=86400)
    error = stocked.failure(order)
    assert error.code is ErrorCode.REMOTE_BUSY
    assert error.params["seconds"] == 86400


def test_addresses_that_are_good_for_a_moment_only(stocked: Desk, big: bytes) -> None:
    order = the_file(stocked)
    stocked.hub.faults.signed_url_seconds = 0.4
    stocked.hub.faults.bytes_per_second = 6.0 * MIB
    fetched = stocked.get(order, limits=Limits(connections=2))
    assert fetched.files[0].path.read_bytes() == big
    statuses = [request.status for request in stocked.hub.requests if request.host == "cdn"]
    assert 403 in statuses
    assert overhead(stocked, big) < 1.02


def test_an_address_that_is_never_good_is_told_as_refused(stocked: Desk) -> None:
    order = the_file(stocked)
    stocked.hub.faults.signed_url_seconds = -5.0
    assert stocked.failure(order).code is ErrorCode.REMOTE_DENIED


def test_a_silent_connection_does_not_hold_up_the_others(desk: Desk) -> None:
    data = os.urandom(40 * MIB)
    desk.hub.add_repo(REPO, {FILE: data})
    desk.hub.faults.stall(1, after_bytes=100_000, skip=1)
    desk.hub.faults.bytes_per_second = 10.0 * MIB
    order = the_file(desk)
    began = time.monotonic()
    fetched = desk.get(order, idle_seconds=30.0)
    assert fetched.files[0].path.read_bytes() == data
    assert time.monotonic() - began < 25  # half of its work was taken over, again and again


class Trickle(BaseHTTPRequestHandler):
    """One byte now and then: never silent, and never done."""

    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        return None

    def do_GET(self) -> None:
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers["Range"])
        assert asked is not None
        start, end = int(asked[1]), int(asked[2]) + 1
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {start}-{end - 1}/{MIB}")
        self.send_header("Content-Length", str(end - start))
        self.send_header("ETag", f'"{"a" * 64}"')
        self.end_headers()
        with contextlib.suppress(OSError):
            for _ in range(start, end):
                self.wfile.write(b"x")
                if cast(TrickleServer, self.server).closing.wait(0.02):
                    return


class TrickleServer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        self.closing = threading.Event()
        super().__init__(("127.0.0.1", 0), Trickle)


def test_a_trickle_is_no_connection(desk: Desk) -> None:
    server = TrickleServer()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        desk.settings = replace(
            desk.settings, endpoint=f"http://127.0.0.1:{server.server_port}", idle_seconds=0.5
        )
        order = Order("maker/x", "main", "d" * 40, (WantedFile("x.gguf", MIB, None, "a" * 64),))
        error = desk.failure(order, patience=replace(QUICK, give_up_seconds=-1.0))
    finally:
        server.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()
    assert error.code is ErrorCode.REMOTE_UNREACHABLE
    assert "Next to nothing" in str(error)
    assert partial_bytes(order, desk.cache) > 5


# No network


@pytest.mark.parametrize("kind", ["refused", "closed"])
def test_without_network_it_waits_says_so_and_goes_on(stocked: Desk, big: bytes, kind: Any) -> None:
    order = the_file(stocked)
    stocked.interrupted_at(6 * MIB, order, limits=Limits(bytes_per_second=lambda: 12.0 * MIB))
    kept = partial_bytes(order, stocked.cache)
    stocked.hub.faults.down = kind
    stocked.hub.clear_log()
    told = threading.Event()

    def look(progress: Progress) -> None:
        if "waits_network" in stocked.heard.notes:
            told.set()

    def mend() -> None:
        assert told.wait(20)
        stocked.hub.faults.down = False

    stocked.heard.on_progress = look
    thread = threading.Thread(target=mend)
    thread.start()
    fetched = stocked.get(order, patience=LASTING)
    thread.join()
    assert fetched.files[0].path.read_bytes() == big
    assert "network_back" in stocked.heard.notes
    assert stocked.hub.sent_bytes <= len(big) - kept + 1


def test_without_network_it_gives_up_in_the_end_and_keeps_all(stocked: Desk, big: bytes) -> None:
    order = the_file(stocked)
    stocked.interrupted_at(6 * MIB, order, limits=Limits(bytes_per_second=lambda: 12.0 * MIB))
    kept = partial_bytes(order, stocked.cache)
    stocked.hub.faults.down = True
    error = stocked.failure(order, patience=replace(QUICK, give_up_seconds=1.0))
    assert error.code is ErrorCode.REMOTE_UNREACHABLE
    assert partial_bytes(order, stocked.cache) == kept
    stocked.hub.faults.down = False
    assert stocked.get(order).files[0].path.read_bytes() == big


def test_waiting_for_the_network_can_be_cancelled_at_once(stocked: Desk) -> None:
    order = the_file(stocked)
    stocked.hub.faults.down = True
    cancelled_at: list[float] = []

    def stop() -> None:
        cancelled_at.append(time.monotonic())
        stocked.cancel.cancel()

    timer = threading.Timer(0.5, stop)
    timer.start()
    slow = Patience(first_pause_seconds=60.0, longest_pause_seconds=60.0)
    assert stocked.failure(order, patience=slow).code is ErrorCode.CANCELLED
    assert time.monotonic() - cancelled_at[0] < 2.0
    timer.join()


@pytest.mark.parametrize(
    "plan", [lambda f: f.stall(1, after_bytes=5_000_000, skip=1), lambda f: None]
)
def test_cancelling_while_it_runs_is_quick(stocked: Desk, plan: Plan) -> None:
    order = the_file(stocked)
    plan(stocked.hub.faults)
    stocked.hub.faults.bytes_per_second = 3.0 * MIB
    stocked.stop_after(3 * MIB)
    began: list[float] = []
    inner = stocked.cancel.on_cancel(lambda: began.append(time.monotonic()))
    assert stocked.failure(order, idle_seconds=60.0).code is ErrorCode.CANCELLED
    assert time.monotonic() - began[0] < 2.0
    inner()
    assert partial_bytes(order, stocked.cache) >= 3 * MIB


# Ranges that are none


def test_a_server_that_ignores_ranges(stocked: Desk, big: bytes) -> None:
    order = the_file(stocked)
    stocked.hub.faults.ignore_range = True
    fetched = stocked.get(order)
    assert fetched.files[0].path.read_bytes() == big
    assert "range_ignored" in stocked.heard.notes
    assert overhead(stocked, big) < 1.7  # a second connection was cut off, but for its buffers


def test_what_is_there_is_kept_when_ranges_are_ignored(stocked: Desk, big: bytes) -> None:
    order = the_file(stocked)
    stocked.interrupted_at(6 * MIB, order, limits=Limits(bytes_per_second=lambda: 12.0 * MIB))
    kept = partial_bytes(order, stocked.cache)
    stocked.hub.faults.ignore_range = True
    stocked.hub.faults.truncate(1, after_bytes=2 * MIB, skip=5)
    fetched = stocked.get(order)
    assert fetched.files[0].path.read_bytes() == big
    assert fetched.fetched_bytes >= len(big)  # it had to come once more
    assert kept >= 6 * MIB


def test_ranges_that_are_ignored_for_a_moment_cost_little(stocked: Desk, big: bytes) -> None:
    order = the_file(stocked)
    stocked.interrupted_at(6 * MIB, order, limits=Limits(bytes_per_second=lambda: 12.0 * MIB))
    stocked.hub.faults.ignore_range = True
    stocked.hub.clear_log()
    ignored = threading.Event()

    def mend() -> None:
        while not any(request.status == 200 for request in stocked.hub.requests):
            if ignored.wait(0.005):
                return
        stocked.hub.faults.ignore_range = False

    thread = threading.Thread(target=mend)
    thread.start()
    patience = replace(QUICK, first_pause_seconds=0.5, longest_pause_seconds=0.5)
    fetched = stocked.get(order, patience=patience)
    ignored.set()
    thread.join()
    assert fetched.files[0].path.read_bytes() == big
    assert "range_ignored" not in stocked.heard.notes
    assert fetched.fetched_bytes < len(big)


def test_a_server_that_refuses_ranges(stocked: Desk, big: bytes) -> None:
    order = the_file(stocked)
    stocked.hub.faults.refuse_range = True
    fetched = stocked.get(order)
    assert fetched.files[0].path.read_bytes() == big
    assert overhead(stocked, big) < 1.7


# Contents that are wrong


def test_a_wrong_hash_is_tried_once_more(stocked: Desk, big: bytes) -> None:
    order = the_file(stocked)
    stocked.hub.faults.corrupt(1, skip=1)
    fetched = stocked.get(order)
    assert fetched.files[0].path.read_bytes() == big
    assert "hash_wrong" in stocked.heard.notes
    assert 1.9 < overhead(stocked, big) < 2.1


def test_a_hash_that_never_matches(stocked: Desk, big: bytes) -> None:
    order = stocked.order()
    small = stocked.get(stocked.order(REPO, SMALL)).files[0]
    stocked.hub.faults.wrong_bytes = True
    stocked.hub.clear_log()
    error = stocked.failure(order)
    assert error.code is ErrorCode.HUB_HASH_WRONG
    assert error.params["path"] == FILE
    assert error.params["expected"] == hashlib.sha256(big).hexdigest()
    assert len(error.params["found"]) == 64
    assert overhead(stocked, big) == pytest.approx(2, abs=0.1)  # twice, and no more
    assert small.path.exists()
    blobs = small.blob.parent
    assert [path.name for path in blobs.iterdir()] == [small.etag]  # the rest is gone
    assert not scan_cache_dir(stocked.cache).warnings


def test_a_small_file_is_checked_by_gits_name_of_it(stocked: Desk) -> None:
    order = stocked.order(REPO, SMALL)
    assert order.files[0].sha256 is None
    stocked.hub.faults.wrong_bytes = True
    assert stocked.failure(order).code is ErrorCode.HUB_HASH_WRONG


def test_a_part_that_was_damaged_on_the_disk(stocked: Desk, big: bytes) -> None:
    order = stocked.order()
    stocked.interrupted_at(6 * MIB, order, limits=Limits(bytes_per_second=lambda: 12.0 * MIB))
    part = next(stocked.cache.rglob(f"{hashlib.sha256(big).hexdigest()}.paddock-part"))
    with part.open("r+b") as stream:
        stream.seek(1000)
        stream.write(b"damage")
    fetched = stocked.get(order)
    assert max(fetched.files, key=lambda file: file.size_bytes).path.read_bytes() == big
    assert "hash_wrong" in stocked.heard.notes


def test_a_file_that_is_replaced_meanwhile_starts_anew(stocked: Desk, big: bytes) -> None:
    order = stocked.order()
    newer = os.urandom(20 * MIB)
    stocked.hub.faults.etag_changed(FILE, newer, after=2)
    slow = Limits(bytes_per_second=lambda: 40.0 * MIB)
    fetched = stocked.get(order, limits=slow, patience=LASTING, idle_seconds=20.0)
    large, small = sorted(fetched.files, key=lambda file: -file.size_bytes)
    assert large.path.read_bytes() == newer
    assert large.sha256 == large.etag == hashlib.sha256(newer).hexdigest()
    assert small.path.exists()
    assert "file_changed" in stocked.heard.notes
    assert sorted(path.name for path in large.blob.parent.iterdir()) == sorted(
        [large.etag, small.etag]
    )


def test_a_file_that_was_replaced_since_the_last_time(stocked: Desk, big: bytes) -> None:
    order = stocked.order()
    stocked.interrupted_at(6 * MIB, order, limits=Limits(bytes_per_second=lambda: 12.0 * MIB))
    newer = os.urandom(20 * MIB)
    stocked.hub.replace_file(REPO, FILE, newer)
    fetched = stocked.get(order)
    large = max(fetched.files, key=lambda file: file.size_bytes)
    assert large.path.read_bytes() == newer
    assert "file_changed" in stocked.heard.notes
    assert not list(large.blob.parent.glob("*paddock*"))


def test_a_file_that_changes_all_the_time(stocked: Desk) -> None:
    order = the_file(stocked)
    for number in range(10):
        newer = os.urandom(16 * MIB)
        stocked.hub.faults.etag_changed(FILE, newer, after=1 if number else 2)
    error = stocked.failure(order)
    assert error.code is ErrorCode.REMOTE_CHANGED


@pytest.mark.parametrize(("claimed", "headers"), [(1000, True), (1000, False), (1 << 40, True)])
def test_a_size_that_is_a_lie(stocked: Desk, big: bytes, claimed: int, headers: bool) -> None:
    if claimed > 1000 and not stocked_free(stocked) > claimed:
        claimed = 1 << 30
    stocked.hub.faults.claimed_size(FILE, claimed, headers)
    order = the_file(stocked)
    assert order.files[0].size_bytes == claimed
    error = stocked.failure(order)
    assert error.code is ErrorCode.HUB_SIZE_WRONG
    assert error.params["claimed_bytes"] == claimed
    assert error.params["sent_bytes"] == len(big)
    assert stocked.hub.sent_bytes < 1000
    written = sum(path.stat().st_size for path in stocked.cache.rglob("*") if path.is_file())
    assert written < 10_000  # nothing of it was written or reserved


def stocked_free(desk: Desk) -> int:
    from desktop.core.hub.download.space import free_bytes

    return free_bytes(desk.cache)


# Names


@pytest.mark.parametrize("name", [name for name in EVIL_NAMES if name != ".git/config"])
def test_no_name_leads_out_of_the_folder(stocked: Desk, name: str) -> None:
    before = stocked.outside()
    commit = stocked.order().commit
    stocked.hub.faults.evil_names = (name,)
    order = Order(REPO, "main", commit, (WantedFile(SMALL), WantedFile(name, 4)))
    error = stocked.failure(order)
    assert error.code is ErrorCode.HUB_NAME_UNSAFE
    assert stocked.outside() == before
    assert not stocked.cache.exists()


# Servers that are no hub


@pytest.fixture
def plain(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with FileServer() as server:
        yield server


def plain_order(
    desk: Desk, server: FileServer, data: bytes, **options: Any
) -> tuple[Order, Served]:
    commit = "d" * 40
    served = server.add(f"/maker/x/resolve/{commit}/x.gguf", data, **options)
    desk.settings = replace(desk.settings, endpoint=server.url)
    digest = hashlib.sha256(data).hexdigest()
    return Order("maker/x", "main", commit, (WantedFile("x.gguf", None, digest, digest),)), served


def test_a_file_whose_size_nobody_tells(desk: Desk, plain: FileServer) -> None:
    data = os.urandom(3 * MIB)
    order, served = plain_order(desk, plain, data, ignore_range=True, hide_length=True)
    served.etag = None
    fetched = desk.get(order)
    assert fetched.files[0].path.read_bytes() == data
    assert fetched.files[0].size_bytes == len(data)
    assert "size_unknown" in desk.heard.notes


def test_a_file_of_unknown_size_that_breaks_off_is_found_out(desk: Desk, plain: FileServer) -> None:
    data = os.urandom(3 * MIB)
    order, served = plain_order(desk, plain, data, ignore_range=True, hide_length=True)

    def cut_first(file: Served, number: int) -> None:
        file.break_after = MIB if number == 2 else None

    served.on_request = cut_first
    fetched = desk.get(order)
    assert fetched.files[0].path.read_bytes() == data


def test_a_server_that_gives_less_than_was_asked_for(desk: Desk, plain: FileServer) -> None:
    data = os.urandom(3 * MIB)
    order, _ = plain_order(desk, plain, data, most=300_000)
    fetched = desk.get(order)
    assert fetched.files[0].path.read_bytes() == data
    assert fetched.fetched_bytes == len(data)


def test_a_mirror_with_etags_of_its_own(desk: Desk, plain: FileServer) -> None:
    data = os.urandom(9 * MIB)
    order, _ = plain_order(desk, plain, data, etag='W/"mirror-1234567"')
    fetched = desk.get(order)
    assert fetched.files[0].path.read_bytes() == data
    assert fetched.files[0].etag == hashlib.sha256(data).hexdigest()
    assert "file_changed" not in desk.heard.notes


def test_a_content_without_a_hash_is_told_as_unchecked(desk: Desk, plain: FileServer) -> None:
    data = os.urandom(MIB)
    order, _ = plain_order(desk, plain, data, etag='"mirror-1234567"')
    order = replace(order, files=(WantedFile("x.gguf"),))
    fetched = desk.get(order)
    assert fetched.files[0].etag == "mirror-1234567"
    assert "unverified" in desk.heard.notes


@pytest.mark.parametrize(
    "etag", ['"../../../etc/passwd"', None, '"x.paddock-part"', '"con.1234567"']
)
def test_an_etag_that_is_no_name_is_refused(
    desk: Desk, plain: FileServer, etag: str | None
) -> None:
    order, _ = plain_order(desk, plain, b"x" * 1000, etag=etag)
    order = replace(order, files=(WantedFile("x.gguf"),))
    before = desk.outside()
    error = desk.failure(order)
    assert error.code is ErrorCode.REMOTE_FAILED
    assert desk.outside() == before


def test_a_page_that_wants_a_login_is_not_taken_for_the_file(desk: Desk, plain: FileServer) -> None:
    """As a hotel's network shows it, until somebody logs in."""
    data = os.urandom(3 * MIB)
    order, served = plain_order(desk, plain, data, etag=f'"{hashlib.sha256(data).hexdigest()}"')
    order = replace(order, files=(replace(order.files[0], size_bytes=len(data)),))

    def portal(file: Served, number: int) -> None:
        shown = number in (1, 2, 4)
        file.head = b"<html>Welcome!</html>" if shown else data
        file.etag = None if shown else f'"{hashlib.sha256(data).hexdigest()}"'
        file.ignore_range = shown

    served.on_request = portal
    fetched = desk.get(order)
    assert fetched.files[0].path.read_bytes() == data
    assert "file_changed" not in desk.heard.notes


def test_an_answer_that_makes_no_sense_ends_it_soon(desk: Desk, plain: FileServer) -> None:
    order, _ = plain_order(
        desk, plain, b"x" * 1000, headers={"Content-Encoding": "gzip"}, etag='"mirror-1234567"'
    )
    error = desk.failure(order, patience=LASTING)
    assert error.code is ErrorCode.REMOTE_FAILED
    assert len(plain.asked) < 15
