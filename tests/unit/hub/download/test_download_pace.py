"""How fast, over how many connections, and how long to wait, on a clock of the test's."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import NullReporter
from desktop.core.hub.download.limit import Bucket
from desktop.core.hub.download.notes import Notes
from desktop.core.hub.download.progress import Meter
from desktop.core.hub.download.retry import Health, Patience, is_refusal, worth_a_try
from desktop.core.hub.download.source import Stale
from desktop.core.hub.download.tuner import FIRST_CONNECTIONS, Tuner

MB = 1_000_000


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


# Connections


def settle(tuner: Tuner, line: float, each: float, seconds: float = 60.0) -> set[int]:
    """Let it measure a line where every connection gets at most `each`, and all of them `line`."""
    now, seen = 0.0, set()
    while now < seconds:
        seen.add(tuner.target)
        tuner.measured(min(line, each * tuner.target), now)
        now += 0.5
    return seen


def test_few_connections_at_first_and_more_where_each_gets_its_share() -> None:
    tuner = Tuner(8)
    assert tuner.target == FIRST_CONNECTIONS == 2
    settle(tuner, line=1e12, each=50 * MB, seconds=4)
    assert tuner.target == 8


def test_a_line_that_is_full_is_not_given_more() -> None:
    tuner = Tuner(8)
    seen = settle(tuner, line=12 * MB, each=50 * MB, seconds=19)
    assert seen == {2, 3}  # it tried once
    assert tuner.target == 2


def test_it_stops_where_more_brings_nothing() -> None:
    tuner = Tuner(8)
    settle(tuner, line=150 * MB, each=50 * MB, seconds=10)
    assert tuner.target == 3


def test_it_tries_again_after_a_while() -> None:
    tuner = Tuner(8)
    settle(tuner, line=12 * MB, each=50 * MB, seconds=10)
    for now in range(100, 110):
        tuner.measured(tuner.target * 10.0 * MB, float(now))
    assert tuner.target == 8


def test_a_refusal_halves_them_and_faults_in_a_row_take_one_each() -> None:
    tuner = Tuner(8)
    settle(tuner, line=1e12, each=50 * MB, seconds=6)
    tuner.failed(10.0)
    tuner.failed(20.0)
    assert tuner.target == 8
    tuner.failed(21.0)
    assert tuner.target == 7
    tuner.refused(22.0)
    assert tuner.target == 3
    tuner.measured(500 * MB, 23.0)
    assert tuner.target == 3  # it holds still
    tuner.refused(24.0)
    tuner.refused(24.0)
    assert tuner.target == 1
    tuner.measured(1.0 * MB, 200.0)
    assert tuner.target == 2


def test_a_speed_limit_needs_few_connections() -> None:
    tuner = Tuner(8)
    settle(tuner, line=1e12, each=50 * MB, seconds=6)
    tuner.cap(1e6)
    assert tuner.target == 1
    tuner.cap(None)
    assert settle(tuner, line=1e12, each=50 * MB) >= {1, 8}


@given(st.integers(-3, 20), st.lists(st.tuples(st.integers(0, 3), st.floats(0, 1e10))))
def test_there_is_always_a_connection_and_never_too_many(
    most: int, events: list[tuple[int, float]]
) -> None:
    tuner = Tuner(most)
    for number, (kind, value) in enumerate(events):
        if kind == 0:
            tuner.measured(value, number / 2)
        elif kind == 1:
            tuner.failed(number / 2)
        elif kind == 2:
            tuner.refused(number / 2)
        else:
            tuner.cap(value or None)
        assert 1 <= tuner.target <= max(1, most)


# Speed limit


@given(st.lists(st.integers(1, 5_000_000), min_size=5, max_size=60))
def test_the_limit_holds_however_large_the_pieces_are(pieces: list[int]) -> None:
    clock, rate = Clock(), 2.0 * MB
    bucket = Bucket(lambda: rate, clock)
    began = clock.now
    for piece in pieces:
        clock.now += bucket.debt_seconds(piece)
    elapsed = clock.now - began
    assert elapsed == pytest.approx(sum(pieces) / rate, abs=0.3)


def test_idle_time_is_not_saved_up() -> None:
    clock = Clock()
    bucket = Bucket(lambda: 1.0 * MB, clock)
    bucket.debt_seconds(1)
    clock.now += 3600
    assert bucket.debt_seconds(2 * MB) == pytest.approx(1.75)  # a quarter of a second's worth


def test_a_limit_that_is_lifted_frees_at_once_who_waits() -> None:
    clock, limit = Clock(), [1000.0]
    bucket = Bucket(lambda: limit[0] or None, clock)
    assert bucket.debt_seconds(1_000_000) > 900
    limit[0] = 0.0
    clock.now += 0.6  # it asks twice a second
    assert bucket.debt_seconds() == 0


async def test_taking_waits() -> None:
    bucket = Bucket(lambda: 1.0 * MB)
    loop = asyncio.get_running_loop()
    began = loop.time()
    for _ in range(4):
        await bucket.take(100_000)
    assert loop.time() - began >= 0.39


# Trying again


def failure(code: ErrorCode = ErrorCode.REMOTE_UNREACHABLE, **params: object) -> AppError:
    return AppError(code, **{"url": "u", "reason": "r", **params})


def test_what_is_worth_another_try() -> None:
    assert worth_a_try(failure())
    assert worth_a_try(Stale())
    assert worth_a_try(failure(ErrorCode.REMOTE_BUSY, seconds=1))
    assert worth_a_try(failure(ErrorCode.REMOTE_FAILED, status=503))
    assert worth_a_try(failure(ErrorCode.REMOTE_FAILED, status=408))
    assert worth_a_try(failure(ErrorCode.REMOTE_FAILED))
    assert not worth_a_try(failure(ErrorCode.REMOTE_FAILED, status=400))
    assert not worth_a_try(failure(ErrorCode.REMOTE_DENIED, status=403))
    assert not worth_a_try(failure(ErrorCode.REMOTE_NOT_FOUND, status=404))
    assert not worth_a_try(failure(ErrorCode.DISK_FULL, path="p"))
    assert not worth_a_try(RuntimeError())
    assert is_refusal(failure(ErrorCode.REMOTE_BUSY, seconds=1))
    assert is_refusal(failure(ErrorCode.REMOTE_FAILED, status=502))
    assert not is_refusal(failure())


class Slept:
    """Stands for `asyncio.sleep`: moves the clock."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.waits: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.clock.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def slept(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Slept:
    sleep = Slept(clock)
    monkeypatch.setattr("desktop.core.hub.download.retry.asyncio.sleep", sleep)
    return sleep


def health(clock: Clock, **patience: float) -> tuple[Health, Notes]:
    notes = Notes(NullReporter())
    return Health(Patience(**patience), notes, clock), notes


async def test_pauses_grow_with_jitter_until_patience_ends(clock: Clock, slept: Slept) -> None:
    made, notes = health(clock, give_up_seconds=300)
    error, streak = failure(), 0
    with pytest.raises(AppError) as caught:
        while True:
            await made.recover(error, streak)
            streak += 1
    assert caught.value is error
    assert 0.25 <= slept.waits[0] <= 0.5
    assert 1.0 <= slept.waits[2] <= 2.0
    assert max(slept.waits) <= 30
    assert len({round(wait, 6) for wait in slept.waits}) == len(slept.waits)
    assert 300 < clock.now - 1000 < 331
    assert [note["code"] for note in notes.listed()] == ["waits_network"]


async def test_a_byte_restores_patience(clock: Clock, slept: Slept) -> None:
    made, notes = health(clock, give_up_seconds=10)
    for _ in range(20):
        await made.recover(failure(), 4)
        made.good()
    assert clock.now > 1040
    assert {note["code"] for note in notes.listed()} <= {"waits_network", "network_back"}


async def test_a_pause_that_is_asked_for_is_kept_by_all(clock: Clock, slept: Slept) -> None:
    made, notes = health(clock, give_up_seconds=60)
    busy = failure(ErrorCode.REMOTE_BUSY, seconds=300)
    await made.recover(busy, 0)
    assert 300 <= clock.now - 1000 < 301
    await made.recover(failure(), 0)  # the pause does not count as silence
    assert [note["code"] for note in notes.listed()] == ["waits_busy"]
    assert notes.listed()[0]["params"] == {"seconds": 300}


async def test_a_pause_of_a_day_is_told_at_once(clock: Clock, slept: Slept) -> None:
    made, _ = health(clock)
    with pytest.raises(AppError) as caught:
        await made.recover(failure(ErrorCode.REMOTE_BUSY, seconds=86400), 0)
    assert caught.value.code is ErrorCode.REMOTE_BUSY
    assert not slept.waits


async def test_a_server_that_is_always_busy_is_given_up(clock: Clock, slept: Slept) -> None:
    made, _ = health(clock, longest_busy_seconds=100)
    with pytest.raises(AppError) as caught:
        for _ in range(1000):
            await made.recover(failure(ErrorCode.REMOTE_BUSY, seconds=5), 0)
    assert caught.value.code is ErrorCode.REMOTE_BUSY
    assert 200 < clock.now - 1000 < 300


async def test_odd_answers_end_it_sooner(clock: Clock, slept: Slept) -> None:
    made, _ = health(clock)
    streak = 0
    with pytest.raises(AppError):
        while True:
            await made.recover(failure(ErrorCode.REMOTE_FAILED), streak)
            streak += 1
    assert 4 < streak < 20


async def test_an_address_that_stays_refused_is_told_as_refused(clock: Clock, slept: Slept) -> None:
    made, _ = health(clock, give_up_seconds=5)
    stale = Stale()
    stale.__cause__ = failure(ErrorCode.REMOTE_DENIED, status=403)
    with pytest.raises(AppError) as caught:
        for streak in range(100):
            await made.recover(stale, streak)
    assert caught.value.code is ErrorCode.REMOTE_DENIED


# Speed


def test_the_meter_shows_the_last_seconds() -> None:
    clock = Clock()
    meter = Meter(clock)
    assert meter.rate() is None
    for _ in range(40):
        clock.now += 0.25
        meter.add(100_000)
        meter.rate()
    assert meter.rate() == pytest.approx(400_000, rel=0.1)
    clock.now += 0.25
    for _ in range(30):
        clock.now += 0.25
        meter.rate()
    assert meter.rate() == 0
    assert meter.total == 4_000_000
