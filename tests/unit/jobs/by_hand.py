"""A scheduler whose jobs the test holds by hand, and what it publishes."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any

from desktop.core.errors import AppError, ErrorCode
from desktop.core.jobs.kinds import JobContext, Kind
from desktop.core.jobs.scheduler import Scheduler
from desktop.core.jobs.table import Job, JobState, JobTable

PATIENCE_SECONDS = 20.0
Work = Callable[[JobContext], Any]


class Hand:
    """A kind of job whose every run waits until the test lets it go on, or cancels it."""

    def __init__(self, name: str, needs: set[str], work: Work | None = None) -> None:
        self.name, self.needs = name, frozenset(needs)
        self.work = work
        self.started: list[int] = []
        self.free = threading.Event()

    def plan(self, params: dict[str, Any]) -> list[str]:
        if params.get("bad"):
            raise AppError(ErrorCode.SETTING_INVALID, name="bad", value="true", reason="no")
        return list(params.get("steps", []))

    def run(self, context: JobContext) -> dict[str, Any]:
        self.started.append(context.job.id)
        if self.work is not None:
            return {"made": self.work(context)}
        undo = context.cancel.on_cancel(self.free.set)
        assert self.free.wait(PATIENCE_SECONDS)
        undo()
        context.cancel.raise_if_cancelled()
        return {"job": context.job.id}


class Events:
    """What the scheduler publishes; `until` waits for one that fits, without a sleep."""

    def __init__(self) -> None:
        self.all: list[tuple[str, dict[str, Any]]] = []
        self._loop = asyncio.get_running_loop()
        self._changed = asyncio.Event()

    def publish(self, name: str, data: dict[str, Any]) -> None:
        self.all.append((name, data))
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._changed.set)

    async def until(self, fits: Callable[[str, dict[str, Any]], bool]) -> dict[str, Any]:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                for name, data in list(self.all):
                    if fits(name, data):
                        return data
                self._changed.clear()
                await self._changed.wait()

    async def state(self, job: Job, state: JobState) -> dict[str, Any]:
        return await self.until(
            lambda name, data: (
                name == "job.changed" and data["id"] == job.id and data["state"] == state
            )
        )

    async def ended(self, job: Job) -> dict[str, Any]:
        ends = (JobState.DONE, JobState.FAILED, JobState.CANCELLED)
        return await self.until(
            lambda name, data: (
                name == "job.changed" and data["id"] == job.id and data["state"] in ends
            )
        )

    def of(self, name: str) -> list[dict[str, Any]]:
        return [data for given, data in self.all if given == name]


@contextlib.asynccontextmanager
async def running(table: JobTable, *kinds: Kind) -> AsyncIterator[tuple[Scheduler, Events]]:
    events = Events()
    scheduler = Scheduler(table, {kind.name: kind for kind in kinds}, events.publish)
    scheduler.start()
    try:
        yield scheduler, events
    finally:
        await scheduler.stop()
