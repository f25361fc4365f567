"""Pausing, resuming, moving and cancelling jobs, and what of it survives a restart."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import Any

import pytest

from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import Progress
from desktop.core.jobs.kinds import JobContext
from desktop.core.jobs.table import JobState, JobTable
from tests.unit.jobs.by_hand import PATIENCE_SECONDS, Events, Hand, running

HALF = {"what": "half", "done": 1, "total": 2, "unit": "bytes"}


class Fetching:
    """A kind like a download: each run goes on until the test lets its job end, or interrupts it;
    what it leaves lies in `traces` until it is cancelled."""

    name = "fetch"
    needs = frozenset({"download"})
    gives_way = True

    def __init__(self) -> None:
        self.started: list[int] = []
        self.seen: list[tuple[int, dict[str, Any], dict[str, Any]]] = []
        self.removed: list[tuple[dict[str, Any], dict[str, Any]]] = []
        self.contexts: dict[int, JobContext] = {}
        self._ends: dict[int, threading.Event] = {}
        self._lock = threading.Lock()

    def plan(self, params: dict[str, Any]) -> list[str]:
        return ["resolve", "fetch"]

    def key(self, params: dict[str, Any]) -> str:
        return str(params["model"]).lower()

    def cancelled(self, params: dict[str, Any], done: dict[str, Any]) -> None:
        self.removed.append((params, done))
        if params.get("stuck"):
            raise OSError("it cannot be removed")

    def end(self, job_id: int) -> None:
        self._end_of(job_id).set()

    def _end_of(self, job_id: int) -> threading.Event:
        with self._lock:
            return self._ends.setdefault(job_id, threading.Event())

    def run(self, context: JobContext) -> dict[str, Any]:
        number = context.job.id
        self.contexts[number] = context
        self.seen.append((number, dict(context.params), dict(context.done)))
        self.started.append(number)
        context.step("resolve", lambda: {"commit": f"c{number}"})
        context.reporter.progress(Progress("half", 1, 2, "bytes"))
        if context.params.get("fails"):
            raise AppError(ErrorCode.REMOTE_UNREACHABLE, url="hub", reason="down")
        ended = threading.Event()
        undo = context.cancel.on_cancel(ended.set)
        own = self._end_of(number)
        while not own.is_set() and not ended.wait(0.005):
            continue
        undo()
        context.cancel.raise_if_cancelled()
        return {"model": context.params["model"]}


def order(table: JobTable) -> list[int]:
    return [job.id for job in table.unfinished()]


async def begun(events: Events, job_id: int, times: int = 1) -> None:
    """The job has reported how far it is that many times, once a run: it is in the middle of it."""

    def fits(name: str, data: dict[str, Any]) -> bool:
        told = [data for data in events.of("job.progress") if data["id"] == job_id]
        return len(told) >= times

    await events.until(fits)


async def test_a_paused_job_keeps_its_steps_and_progress_and_goes_on_when_resumed(
    table: JobTable,
) -> None:
    kind = Fetching()
    async with running(table, kind) as (scheduler, events):
        job = await scheduler.submit("fetch", {"model": "m"})
        await begun(events, job.id)
        await scheduler.pause(job.id)
        paused = await events.state(job, JobState.PAUSED)
        assert paused["progress"] == HALF and paused["finished"] is None
        assert paused["steps_done"] == ["resolve"]
        assert not scheduler.busy, "nothing happens until somebody resumes it"
        assert (await scheduler.pause(job.id)).state is JobState.PAUSED
        await scheduler.resume(job.id)
        kind.end(job.id)
        ended = await events.ended(job)
    assert ended["state"] == "done" and ended["progress"] is None
    assert kind.seen == [
        (job.id, {"model": "m"}, {}),
        (job.id, {"model": "m"}, {"resolve": {"commit": f"c{job.id}"}}),
    ]
    assert kind.removed == [], "a pause removes nothing"


async def test_a_paused_job_holds_nobody_back(table: JobTable) -> None:
    kind = Fetching()
    async with running(table, kind) as (scheduler, events):
        first = await scheduler.submit("fetch", {"model": "1"})
        second = await scheduler.submit("fetch", {"model": "2"})
        third = await scheduler.submit("fetch", {"model": "3"})
        await begun(events, first.id)
        await scheduler.pause(second.id)  # while it waits
        await scheduler.pause(first.id)  # while it runs
        await begun(events, third.id)
        assert table.get(second.id).state is JobState.PAUSED
        await scheduler.resume(first.id)
        assert table.get(first.id).state is JobState.QUEUED, "one at a time"
        kind.end(third.id)
        await begun(events, first.id, 2)
        kind.end(first.id)
        await events.ended(first)
        assert not scheduler.busy
    assert kind.started == [first.id, third.id, first.id]


async def test_resumed_before_it_has_stopped_it_goes_on_all_the_same(table: JobTable) -> None:
    entered, free = threading.Event(), threading.Event()
    runs: list[int] = []

    def work(context: JobContext) -> str:
        runs.append(context.job.id)
        if len(runs) == 1:
            entered.set()
            assert free.wait(PATIENCE_SECONDS)  # deaf for a while
            context.cancel.raise_if_cancelled()
        return "whole"

    async with running(table, Hand("k", set(), work)) as (scheduler, events):
        job = await scheduler.submit("k", {})
        await asyncio.to_thread(entered.wait, PATIENCE_SECONDS)
        await scheduler.pause(job.id)
        await scheduler.resume(job.id)
        free.set()
        ended = await events.ended(job)
    assert ended["state"] == "done" and runs == [job.id, job.id]
    states = [data["state"] for data in events.of("job.changed")]
    assert "paused" not in states


@pytest.mark.parametrize("when", ["queued", "running", "paused"])
async def test_cancelling_removes_what_was_left(table: JobTable, when: str) -> None:
    kind = Fetching()
    async with running(table, kind) as (scheduler, events):
        first = await scheduler.submit("fetch", {"model": "1"})
        job = await scheduler.submit("fetch", {"model": "2"}) if when == "queued" else first
        await begun(events, first.id)
        if when == "paused":
            await scheduler.pause(job.id)
            await events.state(job, JobState.PAUSED)
        await scheduler.cancel(job.id)
        ended = await events.ended(job)
        assert ended["state"] == "cancelled" and ended["progress"] is None
        with pytest.raises(AppError) as again:
            await scheduler.resume(job.id)
    assert again.value.code is ErrorCode.JOB_FINISHED
    done = {} if when == "queued" else {"resolve": {"commit": f"c{job.id}"}}
    assert kind.removed == [(job.params, done)]


async def test_a_cancelled_job_is_cancelled_even_if_its_traces_cannot_be_removed(
    table: JobTable,
) -> None:
    async with running(table, Fetching()) as (scheduler, events):
        job = await scheduler.submit("fetch", {"model": "m", "stuck": True})
        await begun(events, job.id)
        await scheduler.cancel(job.id)
        assert (await events.ended(job))["state"] == "cancelled"
        told = [data["line"] for data in events.of("job.log")]
    assert told == ["it cannot be removed"]


async def test_a_failed_job_can_be_tried_again_or_given_up(table: JobTable) -> None:
    kind = Fetching()
    async with running(table, kind) as (scheduler, events):
        job = await scheduler.submit("fetch", {"model": "m", "fails": True})
        failed = await events.state(job, JobState.FAILED)
        assert failed["error"]["code"] == "remote_unreachable"
        again = await scheduler.resume(job.id)
        assert again.state is JobState.QUEUED and again.error is None and again.finished is None
        await begun(events, job.id, 2)
        await events.until(
            lambda name, data: (
                len([1 for n, d in events.all if n == "job.changed" and d["state"] == "failed"])
                == 2
            )
        )
        assert kind.removed == []
        assert (await scheduler.cancel(job.id)).state is JobState.CANCELLED
    assert len(kind.removed) == 1
    assert kind.seen[1][2] == {"resolve": {"commit": f"c{job.id}"}}, "its steps had stayed"


async def test_what_leaves_no_traces_cannot_be_cancelled_after_its_failure(
    table: JobTable,
) -> None:
    def fail(context: JobContext) -> None:
        raise AppError(ErrorCode.ENGINE_TOOL_FAILED, tool="t", reason="r")

    async with running(table, Hand("k", set(), fail)) as (scheduler, events):
        job = await scheduler.submit("k", {})
        await events.ended(job)
        with pytest.raises(AppError) as refused:
            await scheduler.cancel(job.id)
    assert refused.value.code is ErrorCode.JOB_FINISHED


async def test_jobs_run_in_the_order_they_were_moved_to(table: JobTable) -> None:
    kind = Fetching()
    async with running(table, kind) as (scheduler, events):
        jobs = [await scheduler.submit("fetch", {"model": str(n)}) for n in range(5)]
        a, b, c, d, e = (job.id for job in jobs)
        await begun(events, a)
        assert [job.position for job in jobs] == sorted(job.position for job in jobs)
        await scheduler.move(e, b)
        await scheduler.move(b, None)
        assert order(table) == [a, e, c, d, b]
        moved = await scheduler.move(c, c)
        assert order(table) == [a, e, c, d, b] and moved.id == c
        f = (await scheduler.submit("fetch", {"model": "new"})).id  # to the end
        await scheduler.move(d, a)  # in front of what runs: that goes on
        assert order(table) == [d, a, e, c, b, f]
        for number in (a, d, e, c, b, f):
            await begun(events, number)
            kind.end(number)
        await events.ended(table.get(f))
    assert kind.started == [a, d, e, c, b, f]
    places = [data["position"] for data in events.of("job.changed") if data["id"] == e]
    assert places[0] > places[1], "followers are told the new place"


async def test_only_what_waits_can_be_moved(table: JobTable) -> None:
    kind = Hand("k", set(), lambda context: 1)
    fetch = Fetching()
    async with running(table, kind, fetch) as (scheduler, events):
        done = await scheduler.submit("k", {})
        await events.ended(done)
        job = await scheduler.submit("fetch", {"model": "m"})
        codes = []
        for number, before in ((done.id, None), (job.id, done.id), (99, None), (job.id, 99)):
            with pytest.raises(AppError) as refused:
                await scheduler.move(number, before)
            codes.append(refused.value.code)
        for change in (scheduler.pause, scheduler.resume):
            with pytest.raises(AppError) as refused:
                await change(done.id)
            codes.append(refused.value.code)
    over, unknown = ErrorCode.JOB_FINISHED, ErrorCode.JOB_NOT_FOUND
    assert codes == [over, over, unknown, unknown, over, over]


async def test_places_and_pauses_survive_a_restart(table: JobTable) -> None:
    first = Fetching()
    async with running(table, first) as (scheduler, events):
        jobs = [(await scheduler.submit("fetch", {"model": str(n)})).id for n in range(4)]
        await begun(events, jobs[0])
        await scheduler.pause(jobs[1])
        await scheduler.move(jobs[3], jobs[2])
    assert [table.get(number).state for number in jobs] == [
        JobState.QUEUED,
        JobState.PAUSED,
        JobState.QUEUED,
        JobState.QUEUED,
    ]
    assert table.get(jobs[0]).progress == HALF, "how far it was is known before it runs again"

    second = Fetching()
    async with running(table, second) as (scheduler, events):
        for number in (jobs[0], jobs[3], jobs[2]):
            await begun(events, number)
            second.end(number)
        await events.ended(table.get(jobs[2]))
        assert table.get(jobs[1]).state is JobState.PAUSED and not scheduler.busy
        await scheduler.resume(jobs[1])
        await begun(events, jobs[1])
        second.end(jobs[1])
        await events.ended(table.get(jobs[1]))
    assert second.started == [jobs[0], jobs[3], jobs[2], jobs[1]]


async def test_after_a_kill_what_ran_goes_on_and_what_was_paused_does_not(
    table: JobTable,
) -> None:
    killed = table.add("fetch", {"model": "1"}, ["resolve", "fetch"])
    paused = table.add("fetch", {"model": "2"}, ["resolve", "fetch"])
    table.set_running(killed.id)
    table.finish_step(killed.id, "resolve", {"commit": "abc"})
    table.pause(paused.id, HALF)
    kind = Fetching()
    async with running(table, kind) as (scheduler, events):
        await begun(events, killed.id)
        kind.end(killed.id)
        await events.ended(killed)
        shown = scheduler.describe(table.get(paused.id))
    assert kind.seen == [(killed.id, {"model": "1"}, {"resolve": {"commit": "abc"}})]
    assert shown["state"] == "paused" and shown["progress"] == HALF


async def test_the_same_download_asked_for_again_is_the_first_one(table: JobTable) -> None:
    kind = Fetching()
    async with running(table, kind) as (scheduler, events):
        first = await scheduler.submit("fetch", {"model": "A/m"})
        other = await scheduler.submit("fetch", {"model": "b/m"})
        await begun(events, first.id)
        both = await asyncio.gather(
            scheduler.submit("fetch", {"model": "a/M", "limit": 3}),
            scheduler.submit("fetch", {"model": "b/M"}),
        )
        assert [job.id for job in both] == [first.id, other.id]
        assert kind.contexts[first.id].params["limit"] == 3, "what runs goes by the newest wish"
        await scheduler.pause(first.id)
        await events.state(first, JobState.PAUSED)
        assert (await scheduler.submit("fetch", {"model": "a/m"})).id == first.id
        for number in (other.id, first.id):
            kind.end(number)
            await events.ended(table.get(number))
        third = await scheduler.submit("fetch", {"model": "a/m"})
        assert third.id not in (first.id, other.id), "one that has ended is not meant"
    assert len(table.latest()) == 3


async def test_many_at_once_ask_for_the_same_and_one_job_is_made(table: JobTable) -> None:
    kind = Fetching()
    async with running(table, kind) as (scheduler, events):
        asked = [scheduler.submit("fetch", {"model": "m"}) for _ in range(20)]
        numbers = {job.id for job in await asyncio.gather(*asked)}
        (number,) = numbers
        kind.end(number)
        await events.ended(table.get(number))
    assert len(table.latest()) == 1


async def test_a_service_that_makes_room_interrupts_what_loses_nothing(table: JobTable) -> None:
    fetch, bench = Fetching(), Hand("bench", {"cpu"})
    async with running(table, fetch, bench) as (scheduler, events):
        download = await scheduler.submit("fetch", {"model": "m"})
        measured = await scheduler.submit("bench", {})
        await begun(events, download.id)
        await events.state(measured, JobState.RUNNING)
        scheduler.hold()
        await events.until(
            lambda name, data: (
                name == "job.changed"
                and (data["id"], data["state"], data["progress"]) == (download.id, "queued", HALF)
            )
        )
        assert scheduler.running, "a benchmark is not broken off"
        bench.free.set()
        await events.ended(measured)
        assert not scheduler.running
    assert fetch.started == [download.id]


async def test_a_job_that_stands_back_lets_those_go_first_that_wait_for_it(
    table: JobTable,
) -> None:
    ran: list[int] = []
    entered = threading.Event()

    def work(context: JobContext) -> str:
        ran.append(context.job.id)
        if context.params.get("patient") and len(ran) == 1:
            entered.set()
            while not context.cancel.wait(0.005):
                context.stand_back()
        return "whole"

    async with running(table, Hand("k", {"cpu"}, work)) as (scheduler, events):
        patient = await scheduler.submit("k", {"patient": True})
        await asyncio.to_thread(entered.wait, PATIENCE_SECONDS)
        hurried = await scheduler.submit("k", {})
        ended = await events.ended(patient)
        assert ended["state"] == "done"
    assert ran == [patient.id, hurried.id, patient.id]
    assert table.get(hurried.id).state is JobState.DONE


async def test_a_job_stands_back_for_the_next_service(table: JobTable) -> None:
    entered = threading.Event()

    def work(context: JobContext) -> None:
        entered.set()
        while not context.cancel.wait(0.005):
            context.stand_back()

    async with running(table, Hand("k", {"cpu"}, work)) as (scheduler, events):
        job = await scheduler.submit("k", {})
        await asyncio.to_thread(entered.wait, PATIENCE_SECONDS)
        scheduler.hold()
        await events.until(lambda name, data: name == "job.changed" and not scheduler.running)
    assert table.get(job.id).state is JobState.QUEUED


async def test_pausing_cancelling_and_resuming_at_once_leave_no_job_between_states(
    table: JobTable,
) -> None:
    kind = Fetching()
    async with running(table, kind) as (scheduler, events):
        jobs = [await scheduler.submit("fetch", {"model": str(n)}) for n in range(6)]
        await begun(events, jobs[0].id)
        changes = []
        for number in (job.id for job in jobs):
            changes += [scheduler.pause(number), scheduler.resume(number), scheduler.pause(number)]
        await asyncio.gather(*changes)
        await events.state(jobs[0], JobState.PAUSED)
        assert {table.get(job.id).state for job in jobs} == {JobState.PAUSED}
        assert not scheduler.busy
        with contextlib.suppress(AppError):
            await asyncio.gather(*(scheduler.cancel(job.id) for job in jobs))
        assert {table.get(job.id).state for job in jobs} == {JobState.CANCELLED}
    assert len(kind.removed) == 6
