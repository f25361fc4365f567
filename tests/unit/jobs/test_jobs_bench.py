"""The benchmark job: with tools that can be held, and once with the real ones."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from desktop.core.bench.results import ResultStore
from desktop.core.bench.schema import validate
from desktop.core.db import Database
from desktop.core.engine.runtime import environment_folder, read_runtime
from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken
from desktop.core.fit.speed_book import SpeedStore
from desktop.core.jobs.handlers import Tools, all_kinds
from desktop.core.jobs.handlers.bench import BenchKind
from desktop.core.jobs.scheduler import Scheduler
from desktop.core.jobs.table import FINISHED, JobState, JobTable
from desktop.core.library.entry import ModelEntry
from desktop.core.paths import Paths, paths
from tests.helpers.gguf_files import write_tiny_llama
from tests.unit.bench import fakes

PATIENCE_SECONDS = 60.0


class Service:
    """What the job uses of the service, as the test wants it."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.table, self.results = JobTable(database), ResultStore(database)
        self.tools = fakes.FakeTools()
        self.entry = fakes.entry()
        self.runtime = fakes.runtime()
        self.served = 0
        self.waits = 0
        self.idle: Callable[[CancelToken], None] = lambda cancel: None
        self.events: list[tuple[str, dict[str, Any]]] = []

    def wait_idle(self, cancel: CancelToken) -> None:
        self.waits += 1
        self.idle(cancel)

    def resolve(self, name: str) -> ModelEntry:
        if name != self.entry.id:
            raise AppError(ErrorCode.MODEL_NOT_FOUND, model=name)
        return self.entry

    def kind(self) -> BenchKind:
        return BenchKind(
            resolve=self.resolve,
            current_runtime=lambda: self.runtime,
            hardware=lambda: fakes.MACHINE,
            results=self.results,
            wait_idle=self.wait_idle,
            requests_served=lambda: self.served,
            llama_bench=self.tools.llama_bench,
            batched_bench=self.tools.batched_bench,
        )

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Scheduler]:
        scheduler = Scheduler(self.table, {"bench": self.kind()}, self.publish)
        scheduler.start()
        try:
            yield scheduler
        finally:
            await scheduler.stop()

    def publish(self, name: str, data: dict[str, Any]) -> None:
        self.events.append((name, data))

    async def bench(self, **params: Any) -> dict[str, Any]:
        """Run a job to its end and return it."""
        async with self.running() as scheduler:
            job = await scheduler.submit("bench", {"model": "tiny:f16", **params})
            return await self.ended(scheduler, job.id)

    async def ended(self, scheduler: Scheduler, job_id: int) -> dict[str, Any]:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (job := self.table.get(job_id)).state not in FINISHED:
                await asyncio.wait([r.task for r in scheduler._running.values() if r.task])
        return job.to_dict()


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    database = Database(tmp_path / "p.db", tmp_path / "backups")
    yield Service(database)
    database.close()


async def test_a_job_measures_every_test_and_keeps_the_result(service: Service) -> None:
    job = await service.bench(prompt=[64], gen=[16], depth=[0, 32], concurrency=[1, 4], repeat=3)
    assert job["state"] == "done", job["error"]
    result = job["result"]
    assert (
        job["steps"]
        == job["steps_done"]
        == [
            "prefill 64 @ 0",
            "prefill 64 @ 32",
            "decode 16 @ 0",
            "decode 16 @ 32",
            "load 64+16 x 1",
            "load 64+16 x 4",
        ]
    )
    assert [
        (each["test"], each["tokens"], each["depth"], each["concurrency"])
        for each in result["results"]
    ] == [
        ("prefill", 64, 0, 1),
        ("prefill", 64, 32, 1),
        ("decode", 16, 0, 1),
        ("decode", 16, 32, 1),
        ("load", 16, 0, 1),
        ("load", 16, 0, 4),
    ]
    load = result["results"][-1]
    assert load["samples"] == [164.0, 165.0, 166.0]  # three measurements, not one three times
    assert load["tokens_per_second"] == load["median_tokens_per_second"] == 165.0
    assert load["stddev"] == 1.0
    assert (load["prompt_tokens"], load["prefill_tokens_per_second"]) == (64, 900.0)
    assert result["disturbed"] is None and result["warnings"] == []
    assert result["model"] == {
        "id": "tiny:f16",
        "file": "Tiny-F16.gguf",
        "fingerprint": "quick-1",
        "sha256": None,
        "size_bytes": 2_671_616,
        "architecture": "llama",
        "quant_type": "F16",
        "parameters": 1_334_528,
    }
    stored = service.results.get(result["result_id"])
    assert {"result_id": stored["id"], **stored} == result
    assert validate(stored)
    asked = [question.get("concurrency") for question in service.tools.asked]
    assert asked == [None] * 4 + [(1,)] * 3 + [(4,)] * 3


async def test_its_progress_counts_tests(service: Service) -> None:
    await service.bench(prompt=64, gen=16)
    told = [data["progress"] for name, data in service.events if name == "job.progress"]
    assert ("prefill 64 @ 0", 0, 2) in [(p["what"], p["done"], p["total"]) for p in told]
    assert ("decode 16 @ 0", 1, 2) in [(p["what"], p["done"], p["total"]) for p in told]
    assert {p["unit"] for p in told} == {"tests"}
    assert [p["done"] for p in told] == sorted(p["done"] for p in told)
    assert told[-1]["done"] == told[-1]["total"] == 2


async def test_a_request_answered_meanwhile_is_never_passed_over(service: Service) -> None:
    def during(question: dict[str, Any]) -> None:
        if question.get("gens"):
            service.served += 2

    service.tools.during = during
    result = (await service.bench(prompt=64, gen=16))["result"]
    assert result["disturbed"] == {"requests": 2}
    assert [each["disturbed_requests"] for each in result["results"]] == [0, 2]
    assert "2 requests were answered during decode 16" in result["warnings"][0]


async def test_an_answer_still_in_progress_at_the_end_of_a_test_counts(service: Service) -> None:
    busy = False

    def during(question: dict[str, Any]) -> None:
        nonlocal busy
        busy = True  # an answer has begun; it ends only after the test

    def idle(cancel: CancelToken) -> None:
        nonlocal busy
        if busy:
            service.served += 1
            busy = False

    service.tools.during, service.idle = during, idle
    result = (await service.bench(prompt=64, gen=0))["result"]
    assert result["disturbed"] == {"requests": 1}


async def test_answers_before_a_test_do_not_disturb_it(service: Service) -> None:
    def idle(cancel: CancelToken) -> None:
        if service.waits % 2 == 1:  # the wait before a test
            service.served += 5

    service.idle = idle
    result = (await service.bench())["result"]
    assert result["disturbed"] is None
    assert service.waits == 4


async def test_a_restart_goes_on_after_the_last_whole_test(service: Service) -> None:
    reached = threading.Event()

    def during(question: dict[str, Any]) -> None:
        if question["gens"]:
            stopped = threading.Event()
            question["cancel"].on_cancel(stopped.set)
            reached.set()
            assert stopped.wait(PATIENCE_SECONDS)
            question["cancel"].raise_if_cancelled()

    service.tools.during = during
    async with service.running() as scheduler:
        job = await scheduler.submit("bench", {"model": "tiny:f16"})
        assert await asyncio.to_thread(reached.wait, PATIENCE_SECONDS)
    assert service.table.get(job.id).state is JobState.QUEUED
    assert list(service.table.get(job.id).done) == ["prefill 512 @ 0"]

    service.tools = fakes.FakeTools()
    async with service.running() as scheduler:
        ended = await service.ended(scheduler, job.id)
    assert ended["state"] == "done"
    assert [question["gens"] for question in service.tools.asked] == [(128,)]
    assert [each["test"] for each in ended["result"]["results"]] == ["prefill", "decode"]


@pytest.mark.parametrize("what", ["engine", "model"])
async def test_figures_of_two_engines_or_models_are_never_one_result(
    service: Service, what: str
) -> None:
    first = await service.bench()
    job = service.table.add("bench", {"model": "tiny:f16"}, ["prefill 512 @ 0", "decode 128 @ 0"])
    step = service.table.get(first["id"]).done["prefill 512 @ 0"]
    service.table.finish_step(job.id, "prefill 512 @ 0", step)
    service.tools.asked.clear()
    if what == "engine":
        service.runtime = fakes.runtime(commit="feedbee")
    else:
        service.entry = replace(service.entry, fingerprint="quick-2")
    async with service.running() as scheduler:
        ended = await service.ended(scheduler, job.id)
    assert ended["state"] == "done"
    assert len(service.tools.asked) == 2  # both tests, although one was measured before
    told = [data["line"] for name, data in service.events if name == "job.log"]
    assert any("prefill 512 @ 0: the engine or the model changed" in line for line in told)


async def test_a_result_stored_before_a_kill_is_not_stored_twice(service: Service) -> None:
    first = await service.bench()
    service.table.requeue(first["id"])  # killed after the result was stored, before the job ended
    async with service.running() as scheduler:
        again = await service.ended(scheduler, first["id"])
    assert again["result"] == first["result"]
    assert len(service.results.list()) == 1


async def test_cancelling_while_it_waits_for_answers(service: Service) -> None:
    reached = threading.Event()

    def idle(cancel: CancelToken) -> None:
        reached.set()
        cancel.wait(PATIENCE_SECONDS)
        cancel.raise_if_cancelled()

    service.idle = idle
    async with service.running() as scheduler:
        job = await scheduler.submit("bench", {"model": "tiny:f16"})
        assert await asyncio.to_thread(reached.wait, PATIENCE_SECONDS)
        await scheduler.cancel(job.id)
        assert (await service.ended(scheduler, job.id))["state"] == "cancelled"
    assert service.tools.asked == [] and service.results.list() == []


async def test_a_long_wait_for_answers_is_told(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("desktop.core.jobs.handlers.bench._PATIENCE_SECONDS", 0.0)
    told = threading.Event()
    publish = service.publish

    def watch(name: str, data: dict[str, Any]) -> None:
        publish(name, data)
        if name == "job.progress" and "waiting" in data["progress"]["what"]:
            told.set()

    def idle(cancel: CancelToken) -> None:
        assert told.wait(PATIENCE_SECONDS)

    monkeypatch.setattr(service, "publish", watch)
    service.idle = idle
    assert (await service.bench(gen=0))["state"] == "done"
    whats = [data["progress"]["what"] for name, data in service.events if name == "job.progress"]
    assert whats[:2] == ["waiting for answers in progress", "prefill 512 @ 0"]


async def test_an_embedding_model_is_only_read_with(service: Service) -> None:
    service.entry = fakes.embedding_entry()
    job = await service.bench(model="embed:f16", prompt=700, gen=16)
    assert job["steps"] == ["prefill 700 @ 0"]
    assert service.tools.asked[0]["settings"].ubatch == 700
    assert "embedding" in job["result"]["warnings"][0]


async def test_a_tool_that_fails_fails_the_job_and_leaves_no_result(service: Service) -> None:
    def during(question: dict[str, Any]) -> None:
        raise AppError(ErrorCode.ENGINE_OUT_OF_MEMORY, model="tiny", reason="no")

    service.tools.during = during
    job = await service.bench()
    assert (job["state"], job["error"]["code"]) == ("failed", "engine_out_of_memory")
    assert service.results.list() == []


async def test_names_can_be_given(service: Service) -> None:
    assert (await service.bench(name="before"))["result"]["name"] == "before"
    assert (await service.bench(name="before"))["result"]["name"] == "before (2)"
    assert (await service.bench())["result"]["name"].startswith("tiny:f16, 20")


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({}, ErrorCode.BAD_REQUEST),
        ({"model": 7}, ErrorCode.BAD_REQUEST),
        ({"model": "nothing"}, ErrorCode.MODEL_NOT_FOUND),
        ({"model": "tiny:f16", "repeat": 0}, ErrorCode.SETTING_INVALID),
    ],
)
def test_what_cannot_be_measured_is_no_job(
    service: Service, params: dict[str, Any], code: ErrorCode
) -> None:
    with pytest.raises(AppError) as caught:
        service.kind().plan(params)
    assert caught.value.code is code


def test_broken_files_and_parts_of_models_are_refused(service: Service) -> None:
    for change, code in (
        ({"error": AppError(ErrorCode.GGUF_EMPTY, path="x")}, ErrorCode.MODEL_BROKEN),
        ({"kind": "projector"}, ErrorCode.BAD_REQUEST),
    ):
        service.entry = replace(fakes.entry(), **change)
        with pytest.raises(AppError) as caught:
            service.kind().plan({"model": "tiny:f16"})
        assert caught.value.code is code


async def test_the_real_tools_on_a_tiny_model(service: Service, tmp_path: Path) -> None:
    """llama-bench and llama-batched-bench, through everything the service uses."""
    where: Paths = paths().ensure()
    model = write_tiny_llama(tmp_path / "tiny" / "tiny-f16.gguf")
    service.entry = replace(
        fakes.entry(model), size_bytes=model.stat().st_size, fingerprint="quick-real"
    )
    folder = environment_folder()
    assert folder is not None
    own = read_runtime("environment", folder, where.cache)
    unused: Any = object()  # what other kinds of jobs need
    tools = Tools(
        paths=where,
        resolve=service.resolve,
        current_runtime=lambda: own,
        results=service.results,
        speeds=SpeedStore(service.database),
        wait_idle=lambda cancel: None,
        requests_served=lambda: 0,
        quiet_seconds=lambda: 0.0,
        acceptances=unused,
        downloads=unused,
        library=unused,
        measured=unused,
    )
    scheduler = Scheduler(service.table, all_kinds(tools), service.publish)
    scheduler.start()
    try:
        # llama-batched-bench may end before its last rows are written; rounds that take a few
        # milliseconds, as all of a real model do, lose one at most, and bench_tool asks again.
        params = {"prompt": 64, "gen": 64, "depth": 8, "concurrency": [1, 2], "repeat": 2}
        job = await scheduler.submit("bench", {"model": "tiny:f16", **params})
        ended = await service.ended(scheduler, job.id)
    finally:
        await scheduler.stop()
    assert ended["state"] == "done", ended["error"]
    document = validate(service.results.get(ended["result"]["result_id"]))
    assert [(each["test"], each["depth"], each["concurrency"]) for each in document["results"]] == [
        ("prefill", 8, 1),
        ("decode", 8, 1),
        ("load", 0, 1),
        ("load", 0, 2),
    ]
    for each in document["results"]:
        assert len(each["samples"]) == 2
        assert min(each["samples"]) > 0
        assert min(each["samples"]) <= each["tokens_per_second"] <= max(each["samples"]) * 1.001
    for each in document["results"][-2:]:  # each repeat was measured: no figure stands there twice
        assert len(set(zip(each["samples"], each["prefill_samples"], strict=True))) == 2
    used = document["fingerprint"]
    assert used["runtime"]["commit"] == own.version.commit
    assert used["runtime"]["backends_used"]
    assert used["settings"]["threads"] >= 1
    assert used["settings"]["kv_type_k"] == "f16"
    assert used["machine"]["cpu"]
    assert str(tmp_path) not in str(document)  # a result that is shared names no folder
