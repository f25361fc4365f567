"""The job table and its scheduler, on a real database and with handlers the test holds by hand."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import Progress
from desktop.core.jobs.kinds import JobContext
from desktop.core.jobs.scheduler import Scheduler
from desktop.core.jobs.table import Job, JobState, JobTable
from tests.unit.jobs.by_hand import PATIENCE_SECONDS, Events, Hand, running


async def test_a_job_runs_and_its_result_is_kept(table: JobTable) -> None:
    kind = Hand("k", set(), lambda context: context.params["n"] * 2)
    async with running(table, kind) as (scheduler, events):
        job = await scheduler.submit("k", {"n": 21})
        assert job.state is JobState.QUEUED
        ended = await events.ended(job)
    assert ended["result"] == {"made": 42}
    assert not scheduler.busy
    stored = table.get(job.id)
    assert stored.state is JobState.DONE and stored.result == {"made": 42}
    assert stored.started is not None and stored.finished is not None
    assert stored.finished >= stored.started >= stored.created


async def test_jobs_that_need_the_same_run_in_order_one_at_a_time(table: JobTable) -> None:
    together: list[int] = []
    most = 0
    lock = threading.Lock()

    def work(context: JobContext) -> None:
        nonlocal most
        with lock:
            together.append(context.job.id)
            most = max(most, len(together))
        with lock:
            together.remove(context.job.id)

    kind = Hand("k", {"cpu"}, work)
    async with running(table, kind) as (scheduler, events):
        jobs = [await scheduler.submit("k", {}) for _ in range(6)]
        for job in jobs:
            await events.ended(job)
    assert kind.started == [job.id for job in jobs]
    assert most == 1


async def test_different_needs_run_side_by_side(table: JobTable) -> None:
    bench, pull = Hand("bench", {"cpu"}), Hand("pull", {"network"})
    async with running(table, bench, pull) as (scheduler, events):
        first = await scheduler.submit("bench", {})
        second = await scheduler.submit("pull", {})
        await events.state(first, JobState.RUNNING)
        await events.state(second, JobState.RUNNING)
        assert scheduler.running_needs() == {"cpu", "network"}
        bench.free.set()
        pull.free.set()
        await events.ended(first)
        await events.ended(second)


async def test_an_older_jobs_needs_come_first(table: JobTable) -> None:
    """A job that needs two things is not overtaken for ever by jobs that need one of them."""
    cpu, network = Hand("cpu", {"cpu"}), Hand("network", {"network"})
    both = Hand("both", {"cpu", "network"})
    async with running(table, cpu, network, both) as (scheduler, events):
        first = await scheduler.submit("cpu", {})
        await events.state(first, JobState.RUNNING)
        second = await scheduler.submit("both", {})
        third = await scheduler.submit("network", {})  # the network is free, but second waits
        assert table.get(second.id).state is table.get(third.id).state is JobState.QUEUED
        assert scheduler.running_needs() == {"cpu"}
        cpu.free.set()
        await events.state(second, JobState.RUNNING)
        assert table.get(third.id).state is JobState.QUEUED
        both.free.set()
        network.free.set()
        await events.ended(third)
    assert [*cpu.started, *both.started, *network.started] == [first.id, second.id, third.id]


async def test_bad_parameters_and_unknown_kinds_make_no_job(table: JobTable) -> None:
    async with running(table, Hand("k", set())) as (scheduler, _):
        with pytest.raises(AppError) as bad:
            await scheduler.submit("k", {"bad": True})
        with pytest.raises(AppError) as unknown:
            await scheduler.submit("nothing", {})
    assert bad.value.code is ErrorCode.SETTING_INVALID
    assert unknown.value.code is ErrorCode.JOB_KIND_UNKNOWN
    assert table.latest() == []


async def test_a_queued_job_is_cancelled_at_once_and_frees_those_behind_it(
    table: JobTable,
) -> None:
    cpu, network = Hand("cpu", {"cpu"}), Hand("network", {"network"})
    both = Hand("both", {"cpu", "network"})
    async with running(table, cpu, network, both) as (scheduler, events):
        first = await scheduler.submit("cpu", {})
        second = await scheduler.submit("both", {})
        third = await scheduler.submit("network", {})
        cancelled = await scheduler.cancel(second.id)
        assert cancelled.state is JobState.CANCELLED
        await events.state(third, JobState.RUNNING)  # while the first still runs
        assert table.get(first.id).state is JobState.RUNNING
        network.free.set()
        cpu.free.set()
        await events.ended(first)
        await events.ended(third)
    assert both.started == []


async def test_a_running_job_ends_soon_after_it_is_cancelled(table: JobTable) -> None:
    kind = Hand("k", {"cpu"})
    async with running(table, kind) as (scheduler, events):
        job = await scheduler.submit("k", {})
        await events.state(job, JobState.RUNNING)
        await scheduler.cancel(job.id)
        ended = await events.ended(job)
        assert ended["state"] == "cancelled" and ended["error"] is None
        with pytest.raises(AppError) as twice:
            await scheduler.cancel(job.id)
        with pytest.raises(AppError) as missing:
            await scheduler.cancel(999)
    assert twice.value.code is ErrorCode.JOB_FINISHED
    assert missing.value.code is ErrorCode.JOB_NOT_FOUND


async def test_what_a_cancelled_tool_says_is_not_a_failure(table: JobTable) -> None:
    def work(context: JobContext) -> None:
        stopped = threading.Event()
        context.cancel.on_cancel(stopped.set)
        assert stopped.wait(PATIENCE_SECONDS)
        raise AppError(ErrorCode.ENGINE_TOOL_FAILED, tool="t", reason="ended by SIGTERM")

    async with running(table, Hand("k", set(), work)) as (scheduler, events):
        job = await scheduler.submit("k", {})
        await events.state(job, JobState.RUNNING)
        await scheduler.cancel(job.id)
        assert (await events.ended(job))["state"] == "cancelled"


async def test_a_job_cancelled_while_it_is_submitted_does_not_run(
    table: JobTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = Hand("k", set(), lambda context: 1)
    add = table.add

    def add_and_cancel(name: str, params: dict[str, Any], steps: list[str]) -> Job:
        job = add(name, params, steps)  # its row is there, but it is in no queue yet
        table.finish(job.id, JobState.CANCELLED)
        return job

    monkeypatch.setattr(table, "add", add_and_cancel)
    async with running(table, kind) as (scheduler, events):
        await events.ended(await scheduler.submit("k", {}))
    assert kind.started == []
    assert table.latest()[0].state is JobState.CANCELLED


async def test_failures_are_kept_with_their_words(table: JobTable) -> None:
    def refuse(context: JobContext) -> None:
        raise AppError(ErrorCode.ENGINE_TOOL_FAILED, tool="llama-bench", reason="exit code 1")

    def break_down(context: JobContext) -> None:
        raise ZeroDivisionError("oops")

    def no_json(context: JobContext) -> Any:
        return object()

    kinds = [Hand("a", set(), refuse), Hand("b", {"cpu"}, break_down), Hand("c", {"cpu"}, no_json)]
    ends = []
    async with running(table, *kinds) as (scheduler, events):
        for kind in kinds:
            ends.append(await events.ended(await scheduler.submit(kind.name, {})))
        after = await scheduler.submit("a", {})  # the scheduler goes on as before
        await events.ended(after)
        assert not scheduler.busy
    errors = [AppError.from_dict(end["error"]) for end in ends]
    assert [end["state"] for end in ends] == ["failed"] * 3
    assert [error.code for error in errors] == [
        ErrorCode.ENGINE_TOOL_FAILED,
        ErrorCode.INTERNAL,
        ErrorCode.INTERNAL,
    ]
    assert "ZeroDivisionError: oops" in errors[1].cause
    assert errors[0].params == {"tool": "llama-bench", "reason": "exit code 1"}


async def test_a_handler_that_gives_itself_up_is_cancelled_not_queued_for_ever(
    table: JobTable,
) -> None:
    def work(context: JobContext) -> None:
        raise AppError(ErrorCode.CANCELLED)

    async with running(table, Hand("k", set(), work)) as (scheduler, events):
        ended = await events.ended(await scheduler.submit("k", {}))
    assert ended["state"] == "cancelled"


async def test_a_restart_goes_on_after_the_last_whole_step(table: JobTable) -> None:
    ran: list[str] = []

    def step(name: str) -> Callable[[], str]:
        def work() -> str:
            ran.append(name)
            return name.upper()

        return work

    def stops_in_two(context: JobContext) -> Any:
        context.step("one", step("one"))

        def two() -> str:
            ran.append("two, unfinished")
            stopped = threading.Event()
            context.cancel.on_cancel(stopped.set)
            assert stopped.wait(PATIENCE_SECONDS)
            context.cancel.raise_if_cancelled()
            return "never"

        context.step("two", two)

    def whole(context: JobContext) -> list[str]:
        return [context.step(name, step(name)) for name in context.job.steps]

    events = Events()
    first = Scheduler(table, {"k": Hand("k", {"cpu"}, stops_in_two)}, events.publish)
    first.start()
    job = await first.submit("k", {"steps": ["one", "two", "three"]})
    waiting = await first.submit("k", {"steps": []})
    await events.until(lambda name, data: data.get("steps_done") == ["one"])
    await first.stop()
    assert table.get(job.id).state is JobState.QUEUED
    assert table.get(job.id).done == {"one": "ONE"}
    with pytest.raises(AppError) as stopping:
        await first.submit("k", {})
    assert stopping.value.code is ErrorCode.SERVICE_STOPPING

    kind = Hand("k", {"cpu"}, whole)
    async with running(table, kind) as (_, events):
        ended = await events.ended(job)
        await events.ended(waiting)
    assert ended["result"] == {"made": ["ONE", "TWO", "THREE"]}
    assert ended["steps_done"] == ["one", "two", "three"]
    assert ran == ["one", "two, unfinished", "two", "three"]
    assert kind.started == [job.id, waiting.id]


async def test_after_a_kill_a_running_job_is_taken_up(table: JobTable) -> None:
    job = table.add("k", {}, ["one", "two"])
    table.set_running(job.id)
    table.finish_step(job.id, "one", {"n": 1})
    kind = Hand("k", set(), lambda context: dict(context.done))
    async with running(table, kind) as (_, events):
        ended = await events.ended(job)
    assert ended["result"] == {"made": {"one": {"n": 1}}}


async def test_a_job_of_a_kind_that_is_gone_fails_and_holds_nobody_up(table: JobTable) -> None:
    old = table.add("a_kind_of_an_older_version", {}, [])
    kind = Hand("k", {"cpu"}, lambda context: 1)
    async with running(table, kind) as (scheduler, events):
        job = await scheduler.submit("k", {})
        ended = await events.ended(old)
        await events.ended(job)
    assert ended["error"]["code"] == "job_kind_unknown"


async def test_stopping_reaches_jobs_that_no_thread_has_taken_yet(table: JobTable) -> None:
    """More jobs than threads: none of them starts while the service stops."""
    kind = Hand("k", set())
    async with running(table, kind) as (scheduler, events):
        jobs = [await scheduler.submit("k", {}) for _ in range(12)]
        await events.state(jobs[0], JobState.RUNNING)
    assert {table.get(job.id).state for job in jobs} == {JobState.QUEUED}
    assert len(kind.started) <= 8


async def test_progress_is_told_at_most_ten_times_a_second_and_at_the_end(
    table: JobTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [1000.0]
    monkeypatch.setattr(
        "desktop.core.jobs.scheduler.time", SimpleNamespace(monotonic=lambda: clock[0])
    )

    def work(context: JobContext) -> None:
        for done in range(1, 101):
            clock[0] += 0.011
            context.reporter.progress(Progress("prefill 512", done, 100, "tests"))
        context.reporter.progress(Progress("decode 128", 0, 100, "tests"))  # at once: it is new
        context.reporter.log("a line")

    async with running(table, Hand("k", set(), work)) as (scheduler, events):
        job = await scheduler.submit("k", {})
        await events.ended(job)
        told = [data["progress"]["done"] for data in events.of("job.progress")]
        assert scheduler.describe(table.get(job.id))["progress"] is None
    assert told == [1, *range(11, 100, 10), 100, 0]
    assert events.of("job.progress")[0] == {
        "id": job.id,
        "progress": {"what": "prefill 512", "done": 1, "total": 100, "unit": "tests"},
    }
    assert events.of("job.log") == [{"id": job.id, "line": "a line"}]


async def test_the_progress_of_the_moment_is_part_of_a_running_job(table: JobTable) -> None:
    kind = Hand("k", set())

    def work(context: JobContext) -> None:
        context.reporter.progress(Progress("decode 128", 1, 2, "tests"))
        assert kind.free.wait(PATIENCE_SECONDS)

    kind.work = work
    async with running(table, kind) as (scheduler, events):
        job = await scheduler.submit("k", {})
        await events.until(lambda name, data: name == "job.progress")
        shown = scheduler.describe(table.get(job.id))
        kind.free.set()
        await events.ended(job)
    assert shown["progress"] == {"what": "decode 128", "done": 1, "total": 2, "unit": "tests"}


def test_unfinished_jobs_come_oldest_first_and_the_latest_newest_first(table: JobTable) -> None:
    jobs = [table.add("k", {"n": n}, []) for n in range(5)]
    table.finish(jobs[1].id, JobState.DONE, result={})
    assert [job.params["n"] for job in table.unfinished()] == [0, 2, 3, 4]
    assert [job.params["n"] for job in table.latest(2)] == [4, 3]
