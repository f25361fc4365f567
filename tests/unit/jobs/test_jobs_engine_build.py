"""The job that builds an engine, around a build that is not made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from desktop.core.db import Database
from desktop.core.engine.runtime import Runtime
from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken, Progress, Reporter
from desktop.core.jobs.handlers.engine_build import EngineBuildKind
from desktop.core.jobs.scheduler import Scheduler
from desktop.core.jobs.table import JobTable
from desktop.core.paths import Paths, paths
from tests.unit.bench import fakes


class Builder:
    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.missing: list[str] = []

    def build(
        self, name: str, backend: str, where: Paths, reporter: Reporter, cancel: CancelToken
    ) -> Runtime:
        cancel.raise_if_cancelled()
        self.asked.append((name, backend))
        reporter.progress(Progress("compiling", 3, 300, "steps"))
        return fakes.runtime()

    def kind(self, where: Paths) -> EngineBuildKind:
        return EngineBuildKind(where, build=self.build, missing=lambda *asked: self.missing)


async def test_the_runtime_that_was_built_is_the_result(tmp_path: Path) -> None:
    where, builder = paths().ensure(), Builder()
    database = Database(tmp_path / "p.db", tmp_path / "backups")
    events: list[tuple[str, dict[str, Any]]] = []
    kind = builder.kind(where)
    scheduler = Scheduler(
        JobTable(database), {kind.name: kind}, lambda name, data: events.append((name, data))
    )
    scheduler.start()
    job = await scheduler.submit("engine_build", {"backend": "vulkan"})
    running = scheduler._running[job.id]
    assert scheduler.running_needs() == {"cpu", "network"}
    assert running.task is not None
    await running.task
    ended = JobTable(database).get(job.id)
    await scheduler.stop()
    database.close()
    assert builder.asked == [("vulkan", "vulkan")]
    assert ended.result == fakes.runtime().to_dict()
    assert ended.steps == list(ended.done) == ["build"]
    told = [data["progress"]["what"] for name, data in events if name == "job.progress"]
    assert told == ["compiling"]


def test_what_cannot_be_built_is_no_job(tmp_path: Path) -> None:
    where, builder = paths().ensure(), Builder()
    kind = builder.kind(where)
    (where.runtimes / "mine").mkdir(parents=True)
    for params, code in (
        ({}, ErrorCode.SETTING_INVALID),
        ({"backend": "tpu"}, ErrorCode.SETTING_INVALID),
        ({"backend": ["cuda"]}, ErrorCode.SETTING_INVALID),
        ({"backend": "cuda", "name": 7}, ErrorCode.BAD_REQUEST),
        ({"backend": "cuda", "name": "../x"}, ErrorCode.BAD_REQUEST),
        ({"backend": "cuda", "name": "mine"}, ErrorCode.ENGINE_RUNTIME_EXISTS),
    ):
        with pytest.raises(AppError) as caught:
            kind.plan(params)
        assert caught.value.code is code, params
    assert kind.plan({"backend": "cuda", "name": "other"}) == ["build"]
    builder.missing = ["nvcc (NVIDIA's CUDA Toolkit)"]
    with pytest.raises(AppError) as caught:
        kind.plan({"backend": "cuda"})
    assert caught.value.code is ErrorCode.ENGINE_BUILD_FAILED
    assert "nvcc" in str(caught.value)
