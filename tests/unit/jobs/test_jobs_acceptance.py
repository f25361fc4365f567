"""The job that tries a new model: when it waits, when it leaves, and what comes out. The model is
scripted, behind a port of its own; the scheduler and the table are real."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken
from desktop.core.gguf.summary import ModelSummary
from desktop.core.hardware.usage import CpuUse
from desktop.core.jobs.handlers.acceptance import WAITING, AcceptanceKind, Prepared
from desktop.core.jobs.handlers.acceptance_asking import Asking
from desktop.core.jobs.idle import Idle
from desktop.core.jobs.scheduler import Scheduler
from desktop.core.jobs.table import JobState, JobTable
from desktop.core.library.acceptance import Acceptance
from desktop.core.library.acceptance_engine import Pace, TimedOut
from desktop.core.library.entry import ModelEntry
from tests.helpers.scripted_model import Scripted, ScriptedServer
from tests.unit.jobs.by_hand import Events, Hand

WONT_FIT = AppError(
    ErrorCode.LOAD_WONT_FIT, model="m", need="9 GiB", available="1 GiB", device="this machine"
)
DIED = AppError(ErrorCode.ENGINE_DIED, model="m", reason="It fell.")


def entry_of(model: str, mmproj: Path | None = None, **summary: Any) -> ModelEntry:
    path = Path("/models/m.gguf")
    facts = ModelSummary(**{"architecture": "llama", "chat_template": True, **summary})
    return ModelEntry(
        *(model, path, (path,), 5, "print", facts, None, "model", "folder", path.parent),
        mmproj=mmproj,
    )


class Host:
    """The service as the job sees it, and a machine that is idle when the test says so.

    Attributes:
        servers: what is loaded next; the last one again and again.
        refusals: raised by the next preparations; None lets one through.
        kept: what was stored.
    """

    def __init__(self, *servers: ScriptedServer) -> None:
        self.servers = list(servers)
        self.refusals: list[AppError | None] = []
        self.prepared: list[bool] = []
        self.kept: list[Acceptance] = []
        self.quiet, self.use = 1000.0, 0.0
        self.leave: CancelToken | None = None
        self.entry = entry_of("m")
        self.looks = 0
        self.clock = 0.0
        self.looked = threading.Event()

    def kind(self, patience_seconds: float = 1e9) -> AcceptanceKind:
        idle = Idle(self._quiet, new_use=lambda: CpuUse(self._times), clock=self._clock)
        return AcceptanceKind(
            resolve=self.resolve, idle=idle, host=self, patience_seconds=patience_seconds
        )

    def _quiet(self) -> float:
        return self.quiet

    def _times(self) -> tuple[float, float]:
        return self.looks * self.use, float(self.looks)

    def _clock(self) -> float:
        """Each look finds ten seconds gone."""
        self.looks += 1
        self.looked.set()
        return 10.0 * self.looks

    def resolve(self, name: str) -> ModelEntry:
        if name == "other":
            return entry_of("other")
        if name != self.entry.id:
            raise AppError(ErrorCode.MODEL_NOT_FOUND, model=name)
        return self.entry

    def prepare(self, entry: ModelEntry, projector: bool, cancel: CancelToken) -> Prepared:
        self.prepared.append(projector)
        cancel.raise_if_cancelled()
        refusal = self.refusals.pop(0) if self.refusals else None
        if refusal is not None:
            raise refusal
        server = self.servers.pop(0) if len(self.servers) > 1 else self.servers[0]
        return Prepared(lambda: server, Pace(1000.0, 100.0), "b1", 3)

    @contextlib.contextmanager
    def visit(self, leave: CancelToken) -> Iterator[None]:
        self.leave = leave
        yield

    def offers_projector(self, entry: ModelEntry) -> bool | None:
        return None

    def keep(self, entry: ModelEntry, acceptance: Acceptance) -> None:
        self.kept.append(acceptance)


@pytest.fixture(autouse=True)
def quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("desktop.core.jobs.idle.POLL_SECONDS", 0.01)
    monkeypatch.setattr("desktop.core.jobs.idle.WATCH_SECONDS", 0.01)


@contextlib.asynccontextmanager
async def scheduled(
    table: JobTable, kind: AcceptanceKind, *others: Hand
) -> AsyncIterator[tuple[Scheduler, Events]]:
    events = Events()
    kinds: dict[str, Any] = {kind.name: kind, **{each.name: each for each in others}}
    scheduler = Scheduler(table, kinds, events.publish)
    scheduler.start()
    try:
        yield scheduler, events
    finally:
        await scheduler.stop()


async def tried(table: JobTable, host: Host, **params: Any) -> dict[str, Any]:
    """The job's row when it has ended."""
    async with scheduled(table, host.kind(params.pop("patience", 1e9))) as (scheduler, events):
        job = await scheduler.submit("acceptance", {"model": "m", **params})
        return await events.ended(job)


def marks(found: Acceptance) -> dict[str, str]:
    return {check.name: check.code for check in found.checks}


# --- what comes out


async def test_a_good_model_is_tried_once_and_its_engine_is_gone(table: JobTable) -> None:
    server = ScriptedServer(Scripted(), lines=("srv init: chat template, thinking = 0",))
    host = Host(server)
    ended = await tried(table, host, asked=True)
    result = ended["result"]
    assert (result["model"], result["outcome"], result["code"]) == ("m", "tested", None)
    (kept,) = host.kept
    assert result["acceptance"] == kept.to_dict() and kept.build == "b1"
    assert marks(kept) == {
        "loads": "loads_ok",
        "template": "template_ok",
        "stops": "stops_ok",
        "tools": "tools_ok",
        "schema": "schema_ok",
        "thinking": "thinking_none",
        "embeddings": "embeddings_none",
        "vision": "vision_none",
    }
    assert server.stopped and server.stopped[0] > 0


async def test_the_engine_tells_of_thinking(table: JobTable) -> None:
    host = Host(ScriptedServer(Scripted(), lines=("chat template, thinking = 1",)))
    await tried(table, host, asked=True)
    assert marks(host.kept[0])["thinking"] == "thinking_always"


async def test_a_model_that_does_not_load_is_no_failure_of_the_job(table: JobTable) -> None:
    host = Host(ScriptedServer(Scripted(), refuses=DIED))
    host.entry = entry_of("m", architecture="qwen2vl")
    ended = await tried(table, host, asked=True)
    assert ended["state"] == "done" and ended["result"]["outcome"] == "tested"
    (kept,) = host.kept
    assert kept.checks[0].params["error"]["code"] == DIED.code
    assert marks(kept) | {"tools": ""} == {
        "loads": "loads_failed",
        **dict.fromkeys(("template", "stops", "schema", "thinking", "embeddings"), "not_loaded"),
        "tools": "",
        "vision": "vision_missing",
    }


async def test_a_template_that_keeps_a_model_from_loading_is_named(table: JobTable) -> None:
    lines = ("error: srv load_model: chat template parsing error: Expected 'endfor'",)
    host = Host(ScriptedServer(Scripted(), refuses=DIED, lines=lines))
    await tried(table, host, asked=True)
    loads, template = host.kept[0].checks[:2]
    assert (loads.code, template.code) == ("loads_template", "template_error")
    assert loads.params == template.params == {"reason": "Expected 'endfor'"}


async def test_what_cannot_even_be_planned_does_not_load(table: JobTable) -> None:
    host = Host(ScriptedServer(Scripted()))
    corrupt = AppError(ErrorCode.ENGINE_CORRUPT_MODEL, reason="Missing tensor.")
    host.refusals = [corrupt]
    await tried(table, host, asked=True)
    assert host.kept[0].checks[0].params["error"]["code"] == corrupt.code


async def test_what_would_not_fit_is_left_alone(table: JobTable) -> None:
    host = Host(ScriptedServer(Scripted()))
    host.refusals = [WONT_FIT]
    ended = await tried(table, host, asked=True)
    result = ended["result"]
    assert (ended["state"], result["outcome"], result["code"]) == ("done", "skipped", "wont_fit")
    assert result["error"]["code"] == ErrorCode.LOAD_WONT_FIT and result["acceptance"] is None
    assert host.kept == [] and not host.servers[0].stopped


async def test_an_engine_that_ends_in_the_midst_of_a_check(table: JobTable) -> None:
    engine = Scripted()
    server = ScriptedServer(engine)
    engine.answers["schema"] = server.crash
    host = Host(server)
    await tried(table, host, asked=True)
    found = marks(host.kept[0])
    assert (found["tools"], found["schema"], found["thinking"]) == (
        *("tools_ok", "engine_ended", "not_loaded"),
    )


async def test_an_answer_that_does_not_come(
    table: JobTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Pace, "seconds", lambda self, prompt_tokens, new_tokens: 0.05)
    engine = Scripted()
    server = ScriptedServer(engine)
    engine.answers["greet"] = server.hang
    host = Host(server)
    await tried(table, host, asked=True)
    assert marks(host.kept[0])["stops"] == "timed_out"


# --- projectors


async def test_a_projector_that_does_not_load_is_told_from_the_model(table: JobTable) -> None:
    engine = Scripted()
    host = Host(ScriptedServer(engine, refuses=DIED), ScriptedServer(engine))
    host.entry = entry_of("m", mmproj=Path("/models/mmproj.gguf"))
    await tried(table, host, asked=True)
    assert host.prepared == [True, False]
    found = {check.name: check for check in host.kept[0].checks}
    assert (found["loads"].mark, found["vision"].code) == ("passed", "vision_failed")
    assert found["vision"].params["error"]["code"] == DIED.code


async def test_a_projector_for_which_there_is_no_room(table: JobTable) -> None:
    host = Host(ScriptedServer(Scripted()))
    host.entry = entry_of("m", mmproj=Path("/models/mmproj.gguf"))
    host.refusals = [WONT_FIT, None]
    await tried(table, host, asked=True)
    assert marks(host.kept[0])["vision"] == "vision_no_room"


async def test_with_its_projector_it_loads_once(table: JobTable) -> None:
    engine = Scripted()
    engine.props["modalities"] = {"vision": True}
    host = Host(ScriptedServer(engine))
    host.entry = entry_of("m", mmproj=Path("/models/mmproj.gguf"))
    await tried(table, host, asked=True)
    assert host.prepared == [True] and marks(host.kept[0])["vision"] == "vision_ok"


# --- waiting


async def test_it_waits_for_an_idle_machine_and_says_so(table: JobTable) -> None:
    host = Host(ScriptedServer(Scripted()))
    host.use = 0.9
    async with scheduled(table, host.kind()) as (scheduler, events):
        job = await scheduler.submit("acceptance", {"model": "m", "asked": False})
        told = await events.until(lambda name, data: name == "job.progress")
        assert told["progress"]["what"] == WAITING and host.prepared == []
        host.use = 0.1
        ended = await events.ended(job)
    assert ended["result"]["outcome"] == "tested"
    said = [data["progress"]["what"] for data in events.of("job.progress")]
    assert said.count(WAITING) == 1 and len(said) > 5


async def test_an_answer_a_short_while_ago_is_waited_out_too(table: JobTable) -> None:
    host = Host(ScriptedServer(Scripted()))
    host.quiet = 3.0
    async with scheduled(table, host.kind()) as (scheduler, events):
        job = await scheduler.submit("acceptance", {"model": "m"})
        await events.until(lambda name, data: name == "job.progress")
        assert host.prepared == []
        host.quiet = 30.0
        assert (await events.ended(job))["result"]["outcome"] == "tested"


async def test_asked_for_by_a_person_it_waits_for_answers_alone(table: JobTable) -> None:
    host = Host(ScriptedServer(Scripted()))
    host.use, host.quiet = 0.9, 0.0
    async with scheduled(table, host.kind()) as (scheduler, events):
        job = await scheduler.submit("acceptance", {"model": "m", "asked": True})
        await events.until(lambda name, data: name == "job.progress")
        assert host.prepared == []
        host.quiet = 0.1
        assert (await events.ended(job))["result"]["outcome"] == "tested"


async def test_a_waiting_test_begins_when_a_person_asks_for_it(table: JobTable) -> None:
    host = Host(ScriptedServer(Scripted()))
    host.use = 0.9
    async with scheduled(table, host.kind()) as (scheduler, events):
        job = await scheduler.submit("acceptance", {"model": "m", "asked": False})
        await events.until(lambda name, data: name == "job.progress")
        again = await scheduler.submit("acceptance", {"model": "m", "asked": True})
        assert again.id == job.id
        assert (await events.ended(job))["result"]["outcome"] == "tested"


async def test_its_patience_ends(table: JobTable) -> None:
    host = Host(ScriptedServer(Scripted()))
    host.use = 0.9
    ended = await tried(table, host, patience=200.0)
    assert (ended["state"], ended["result"]["code"]) == ("done", "busy")
    assert host.prepared == [] and host.kept == []


async def test_a_waiting_test_is_cancelled_at_once(table: JobTable) -> None:
    host = Host(ScriptedServer(Scripted()))
    host.use = 0.9
    async with scheduled(table, host.kind()) as (scheduler, events):
        job = await scheduler.submit("acceptance", {"model": "m"})
        await events.until(lambda name, data: name == "job.progress")
        await scheduler.cancel(job.id)
        assert (await events.ended(job))["state"] == "cancelled"


async def test_a_benchmark_goes_first(table: JobTable) -> None:
    host = Host(ScriptedServer(Scripted()))
    host.use = 0.9
    bench = Hand("bench", {"cpu"})
    async with scheduled(table, host.kind(), bench) as (scheduler, events):
        test = await scheduler.submit("acceptance", {"model": "m"})
        await events.until(lambda name, data: name == "job.progress")
        first = await scheduler.submit("bench", {})
        await events.state(first, JobState.RUNNING)
        assert table.get(test.id).state is JobState.QUEUED
        host.use = 0.0
        bench.free.set()
        await events.ended(first)
        assert (await events.ended(test))["result"]["outcome"] == "tested"


async def test_tests_that_wait_do_not_push_each_other_aside(table: JobTable) -> None:
    host = Host(ScriptedServer(Scripted()))
    host.use = 0.9
    async with scheduled(table, host.kind()) as (scheduler, _):
        first = await scheduler.submit("acceptance", {"model": "m"})
        second = await scheduler.submit("acceptance", {"model": "other"})
        await asyncio.to_thread(look_on, host, host.looks + 20)
        assert table.get(first.id).state is JobState.RUNNING
        assert table.get(second.id).state is JobState.QUEUED


def look_on(host: Host, count: int) -> None:
    """Until the job has looked at the machine so many times."""
    while host.looks < count:
        host.looked.clear()
        assert host.looked.wait(20)


# --- leaving


async def test_it_leaves_when_somebody_asks_for_an_answer_and_comes_back(table: JobTable) -> None:
    engine = Scripted()
    first, second = ScriptedServer(engine), ScriptedServer(Scripted())
    engine.answers["greet"] = first.hang
    host = Host(first, second)
    async with scheduled(table, host.kind()) as (scheduler, events):
        job = await scheduler.submit("acceptance", {"model": "m", "asked": True})
        assert await asyncio.to_thread(first.asked_for.wait, 20)
        host.quiet = 0.0  # somebody asks
        await events.until(lambda name, data: name == "job.log")
        assert first.stopped == [0.0] and host.kept == []
        host.quiet = 1.0
        assert (await events.ended(job))["result"]["outcome"] == "tested"
    assert second.stopped and len(host.kept) == 1


async def test_it_leaves_when_a_load_needs_the_room(table: JobTable) -> None:
    engine = Scripted()
    first, second = ScriptedServer(engine), ScriptedServer(Scripted())
    engine.answers["schema"] = first.hang
    host = Host(first, second)
    async with scheduled(table, host.kind()) as (scheduler, events):
        job = await scheduler.submit("acceptance", {"model": "m", "asked": True})
        await events.until(
            lambda name, data: name == "job.progress" and "JSON" in str(data["progress"]["what"])
        )
        assert host.leave is not None
        host.leave.cancel()
        assert (await events.ended(job))["result"]["outcome"] == "tested"
    assert first.stopped == [0.0]


async def test_a_cancel_in_the_midst_of_an_answer_ends_the_engine(table: JobTable) -> None:
    engine = Scripted()
    server = ScriptedServer(engine)
    engine.answers["greet"] = server.hang
    host = Host(server)
    async with scheduled(table, host.kind()) as (scheduler, events):
        job = await scheduler.submit("acceptance", {"model": "m", "asked": True})
        assert await asyncio.to_thread(server.asked_for.wait, 20)
        await scheduler.cancel(job.id)
        assert (await events.ended(job))["state"] == "cancelled"
    assert server.stopped == [0.0] and host.kept == []


async def test_a_service_that_makes_room_leaves_it_to_the_next(table: JobTable) -> None:
    host = Host(ScriptedServer(Scripted()))
    host.use = 0.9
    async with scheduled(table, host.kind()) as (scheduler, events):
        job = await scheduler.submit("acceptance", {"model": "m"})
        await events.until(lambda name, data: name == "job.progress")
        scheduler.hold()
        await events.until(
            lambda name, data: (
                name == "job.changed" and data["state"] == "queued" and data["started"] is not None
            )
        )
        assert not scheduler.running and table.get(job.id).state is JobState.QUEUED


# --- what it asks with


def test_a_reply_that_breaks_off_leaves_no_connection_open() -> None:
    server = ScriptedServer(Scripted())
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as pool:
        server.port = listener.getsockname()[1]
        asked = pool.submit(Asking(server, CancelToken()).ask, "/props", None, 0.2)
        line, _ = listener.accept()
        with line:
            line.recv(65536)
            line.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: 100\r\n\r\n{")
            error = asked.exception(20)
            assert isinstance(error, TimedOut)
            line.settimeout(5)
            assert line.recv(1) == b""  # it has hung up, though the error lives


# --- bad parameters


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({}, ErrorCode.BAD_REQUEST),
        ({"model": 5}, ErrorCode.BAD_REQUEST),
        ({"model": "nobody"}, ErrorCode.MODEL_NOT_FOUND),
    ],
)
def test_parameters_without_sense(params: dict[str, Any], code: ErrorCode) -> None:
    with pytest.raises(AppError) as caught:
        Host().kind().plan(params)
    assert caught.value.code is code


def test_what_is_no_model_of_its_own() -> None:
    host = Host()
    path = Path("/models/mmproj.gguf")
    host.entry = ModelEntry(
        *("m", path, (path,), 5, "print", ModelSummary(), None, "projector", "folder", path.parent)
    )
    with pytest.raises(AppError) as caught:
        host.kind().plan({"model": "m"})
    assert caught.value.code is ErrorCode.BAD_REQUEST
