"""Runs jobs: oldest first, side by side where they do not need the same thing."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken, Progress
from desktop.core.jobs.kinds import JobContext, Kind
from desktop.core.jobs.table import FINISHED, Job, JobState, JobTable

log = logging.getLogger(__name__)

Publish = Callable[[str, dict[str, Any]], None]
_PROGRESS_INTERVAL_SECONDS = 0.1


@dataclass
class _Running:
    job: Job
    cancel: CancelToken
    task: asyncio.Task[None] | None = None
    by_user: bool = False
    progress: dict[str, Any] | None = field(default=None)


class _JobReporter:
    """Hands a job's progress to the event stream: at once when it is about something else or at
    its end, otherwise at most ten times a second."""

    def __init__(self, running: _Running, publish: Publish) -> None:
        self._running = running
        self._publish = publish
        self._last = 0.0
        self._what: str | None = None

    def progress(self, progress: Progress) -> None:
        self._running.progress = {
            "what": progress.what,
            "done": progress.done,
            "total": progress.total,
            "unit": progress.unit,
            **({} if progress.detail is None else {"detail": progress.detail}),
        }
        now = time.monotonic()
        finished = progress.total is not None and progress.done >= progress.total
        new = progress.what != self._what
        if new or finished or now - self._last >= _PROGRESS_INTERVAL_SECONDS:
            self._last, self._what = now, progress.what
            self._publish(
                "job.progress", {"id": self._running.job.id, "progress": self._running.progress}
            )

    def log(self, line: str) -> None:
        self._publish("job.log", {"id": self._running.job.id, "line": line})


class Scheduler:
    """The one place that starts jobs. Lives on the service's event loop.

    Args:
        publish: receives "job.changed", "job.progress" and "job.log"; called from any thread.
    """

    def __init__(self, table: JobTable, kinds: Mapping[str, Kind], publish: Publish) -> None:
        self._table = table
        self._kinds = kinds
        self._publish = publish
        self._queue: list[Job] = []
        self._running: dict[int, _Running] = {}
        self._stopping = False
        self._held = False
        self._pool = ThreadPoolExecutor(max_workers=8, thread_name_prefix="job")

    def start(self) -> None:
        """Take up what an earlier run left: a running job goes on after its last whole step."""
        for job in self._table.unfinished():
            self._queue.append(self._table.requeue(job.id))
        self._pump()

    def hold(self) -> None:
        """Begin no job any more; what runs goes on."""
        self._held = True

    @property
    def running(self) -> bool:
        return bool(self._running)

    @property
    def busy(self) -> bool:
        return bool(self._queue or self._running)

    def running_needs(self) -> set[str]:
        return {need for r in self._running.values() for need in self._needs(r.job)}

    def _needs(self, job: Job) -> frozenset[str]:
        """What a job needs; nothing for one of a kind we do not know, which is about to fail."""
        kind = self._kinds.get(job.kind)
        return kind.needs if kind else frozenset()

    def _kind(self, name: str) -> Kind:
        try:
            return self._kinds[name]
        except KeyError:
            known = ", ".join(sorted(self._kinds))
            raise AppError(ErrorCode.JOB_KIND_UNKNOWN, kind=name, known=known) from None

    async def submit(self, kind: str, params: dict[str, Any]) -> Job:
        if self._stopping:
            raise AppError(ErrorCode.SERVICE_STOPPING)
        steps = await asyncio.to_thread(self._kind(kind).plan, params)
        job = await asyncio.to_thread(self._table.add, kind, params, steps)
        self._queue.append(job)
        self._queue.sort(key=lambda queued: queued.id)  # two that came at once may overtake
        self._publish("job.changed", self.describe(job))
        self._pump()
        return job

    async def cancel(self, job_id: int) -> Job:
        """Stop a job. A running one ends soon after; a finished one raises JOB_FINISHED."""
        running = self._running.get(job_id)
        if running is not None:
            running.by_user = True
            running.cancel.cancel()
            return running.job
        # Out of the queue before anything is awaited: in between it could be started.
        self._queue = [queued for queued in self._queue if queued.id != job_id]
        job = await asyncio.to_thread(self._table.get, job_id)
        if job.state in FINISHED:
            raise AppError(ErrorCode.JOB_FINISHED, job=job_id, state=job.state.value)
        job = await asyncio.to_thread(self._table.finish, job_id, JobState.CANCELLED)
        self._publish("job.changed", self.describe(job))
        self._pump()  # younger jobs may have waited behind it
        return job

    def describe(self, job: Job) -> dict[str, Any]:
        """The job as JSON, with the progress of the moment."""
        running = self._running.get(job.id)
        return {**job.to_dict(), "progress": running.progress if running else None}

    def _pump(self) -> None:
        """Start every queued job whose needs are free; an older job's needs come first."""
        if self._stopping or self._held:
            return
        taken = self.running_needs()
        waiting: list[Job] = []
        for job in self._queue:
            needs = self._needs(job)
            if needs & taken:
                waiting.append(job)
            else:
                running = _Running(job, CancelToken())
                self._running[job.id] = running
                running.task = asyncio.create_task(self._run(running), name=f"job-{job.id}")
            taken |= needs
        self._queue = waiting

    async def _run(self, running: _Running) -> None:
        loop = asyncio.get_running_loop()
        job_id = running.job.id
        try:
            finished = await loop.run_in_executor(self._pool, self._work, running)
        except Exception:  # the table itself cannot be written: the row stays "running"
            log.exception("a job's state could not be stored", extra={"job": job_id})
            finished = running.job
        del self._running[job_id]
        self._publish("job.changed", self.describe(finished))
        self._pump()

    def _work(self, running: _Running) -> Job:
        """Runs in a worker thread; returns the job as it stands afterwards."""
        job_id = running.job.id
        if running.cancel.cancelled:  # stopped before a thread was free for it
            return self._interrupted(running)
        running.job = self._table.set_running(job_id)
        if running.job.state is not JobState.RUNNING:  # cancelled in the moment it was submitted
            return running.job
        self._publish("job.changed", self.describe(running.job))

        def finish_step(step: str, result: Any) -> None:
            running.job = self._table.finish_step(job_id, step, result)
            self._publish("job.changed", self.describe(running.job))

        context = JobContext(
            running.job, _JobReporter(running, self._publish), running.cancel, finish_step
        )
        try:
            result = self._kind(running.job.kind).run(context)
            return self._table.finish(job_id, JobState.DONE, result=result)
        except AppError as error:
            failure = error
        except Exception as error:  # also a result that is no JSON
            log.exception("a job failed", extra={"job": job_id, "kind": running.job.kind})
            failure = AppError(ErrorCode.INTERNAL, reason=f"{type(error).__name__}: {error}")
        if running.cancel.cancelled:  # whatever it says: it was interrupted (a killed tool, say)
            return self._interrupted(running)
        if failure.code is ErrorCode.CANCELLED:
            return self._table.finish(job_id, JobState.CANCELLED)
        return self._table.finish(job_id, JobState.FAILED, error=failure)

    def _interrupted(self, running: _Running) -> Job:
        if running.by_user:
            return self._table.finish(running.job.id, JobState.CANCELLED)
        return self._table.requeue(running.job.id)  # the next service goes on from here

    async def stop(self) -> None:
        """Interrupt what runs; it goes on with the next start of the service."""
        self._stopping = True
        tasks = []
        for running in list(self._running.values()):
            running.cancel.cancel()
            if running.task is not None:
                tasks.append(running.task)
        if tasks:
            await asyncio.wait(tasks, timeout=15)
        self._pool.shutdown(wait=False, cancel_futures=True)
