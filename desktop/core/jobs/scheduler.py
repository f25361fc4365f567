"""Runs jobs: in the queue's order, side by side where they do not need the same thing."""

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
from desktop.core.jobs.kinds import (
    GivesWay,
    JobContext,
    Kind,
    LeavesTraces,
    NeedsMoreLater,
    OneOfAKind,
    Postponed,
    Prepared,
)
from desktop.core.jobs.table import FINISHED, Job, JobState, JobTable

log = logging.getLogger(__name__)

Publish = Callable[[str, dict[str, Any]], None]
_PROGRESS_INTERVAL_SECONDS = 0.1


@dataclass
class _Running:
    """A job that runs.

    Attributes:
        needs: what it holds.
        then: what it becomes when it is interrupted.
        stood_back: it goes to the end of the queue, for others to come first.
    """

    job: Job
    cancel: CancelToken
    needs: frozenset[str]
    task: asyncio.Task[None] | None = None
    context: JobContext | None = None
    then: JobState = JobState.QUEUED
    stood_back: bool = False
    progress: dict[str, Any] | None = field(default=None)

    def interrupt(self, then: JobState) -> None:
        if self.then is not JobState.CANCELLED:
            self.then = then
        self.cancel.cancel()


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
        self._changing = asyncio.Lock()  # a job's state is changed by one at a time
        self._stopping = False
        self._held = False
        self._pool = ThreadPoolExecutor(max_workers=8, thread_name_prefix="job")

    def start(self) -> None:
        """Take up what an earlier run left: a running job goes on after its last whole step, a
        paused one stays so."""
        for job in self._table.unfinished():
            if job.state is not JobState.PAUSED:
                self._enqueue(self._table.requeue(job.id))
        self._pump()

    def hold(self) -> None:
        """Begin no job any more. What runs goes on, except what loses nothing by a pause: that is
        left to the next service."""
        self._held = True
        for running in self._running.values():
            if isinstance(self._kinds.get(running.job.kind), GivesWay):
                running.cancel.cancel()

    @property
    def running(self) -> bool:
        return bool(self._running)

    @property
    def busy(self) -> bool:
        """Whether there is something to do. Paused jobs are not: somebody must resume them."""
        return bool(self._queue or self._running)

    def running_needs(self) -> set[str]:
        """What the running jobs need. May be asked from any thread."""
        return {need for running in list(self._running.values()) for need in running.needs}

    def _needs(self, job: Job) -> frozenset[str]:
        """What a job needs to go on; nothing for one of a kind we do not know, which is about to
        fail."""
        kind = self._kinds.get(job.kind)
        if isinstance(kind, NeedsMoreLater):
            return kind.needs_after(job.params, job.done)
        return kind.needs if kind else frozenset()

    def _kind(self, name: str) -> Kind:
        try:
            return self._kinds[name]
        except KeyError:
            known = ", ".join(sorted(self._kinds))
            raise AppError(ErrorCode.JOB_KIND_UNKNOWN, kind=name, known=known) from None

    async def submit(self, kind: str, params: dict[str, Any]) -> Job:
        """A new job at the end of the queue; an unfinished one where nobody wants it twice."""
        if self._stopping:
            raise AppError(ErrorCode.SERVICE_STOPPING)
        known = self._kind(kind)
        steps = await asyncio.to_thread(known.plan, params)
        async with self._changing:
            job = await self._asked_again(known, params)
            if job is None:
                job = await asyncio.to_thread(self._table.add, kind, params, steps)
                self._enqueue(job)
        self._publish("job.changed", self.describe(job))
        self._pump()
        return job

    async def _asked_again(self, kind: Kind, params: dict[str, Any]) -> Job | None:
        """The unfinished job that does the same, as it is wanted now; a paused one goes on."""
        if not isinstance(kind, OneOfAKind):
            return None
        key = kind.key(params)
        for job in await asyncio.to_thread(self._table.unfinished):
            running = self._running.get(job.id)
            ends = running is not None and running.then is JobState.CANCELLED
            if job.kind == kind.name and not ends and kind.key(job.params) == key:
                return await self._resume(await self._with_params(job, params))
        return None

    async def _with_params(self, job: Job, params: dict[str, Any]) -> Job:
        if job.params == params:
            return job
        changed = await asyncio.to_thread(self._table.set_params, job.id, params)
        self._queue = [changed if queued.id == job.id else queued for queued in self._queue]
        running = self._running.get(job.id)
        if running is not None and running.context is not None:
            running.context.params = params
        return changed

    async def cancel(self, job_id: int) -> Job:
        """Stop a job for good; what it left lying is removed. A running one ends soon after.

        Raises:
            AppError: JOB_NOT_FOUND, JOB_FINISHED.
        """
        async with self._changing:
            if (job := self._interrupted_running(job_id, JobState.CANCELLED)) is not None:
                return job
            job = await self._taken_out(job_id)
            kind = self._kinds.get(job.kind)
            failed = job.state is JobState.FAILED and isinstance(kind, LeavesTraces)
            if job.state in FINISHED and not failed:
                raise AppError(ErrorCode.JOB_FINISHED, job=job_id, state=job.state.value)
            job = await asyncio.to_thread(self._finish_cancelled, job)
        self._publish("job.changed", self.describe(job))
        self._pump()  # others may have waited behind it
        return job

    async def pause(self, job_id: int) -> Job:
        """Keep a job from running until it is resumed; it loses no more than its step.

        Raises:
            AppError: JOB_NOT_FOUND, JOB_FINISHED.
        """
        async with self._changing:
            if (job := self._interrupted_running(job_id, JobState.PAUSED)) is not None:
                return job
            job = await self._taken_out(job_id)
            if job.state in FINISHED:
                raise AppError(ErrorCode.JOB_FINISHED, job=job_id, state=job.state.value)
            job = await asyncio.to_thread(self._table.pause, job_id)
        self._publish("job.changed", self.describe(job))
        self._pump()  # a paused job holds nobody back
        return job

    async def resume(self, job_id: int) -> Job:
        """Put a paused job back into the queue, or one that failed, to be tried again.

        Raises:
            AppError: JOB_NOT_FOUND, JOB_FINISHED where it is done or was cancelled.
        """
        async with self._changing:
            job = await asyncio.to_thread(self._table.get, job_id)
            if job.state in (JobState.DONE, JobState.CANCELLED):
                raise AppError(ErrorCode.JOB_FINISHED, job=job_id, state=job.state.value)
            job = await self._resume(job)
        self._publish("job.changed", self.describe(job))
        self._pump()
        return job

    async def _resume(self, job: Job) -> Job:
        running = self._running.get(job.id)
        if running is not None and running.then is JobState.PAUSED:
            running.then = JobState.QUEUED  # it has not stopped yet, and will be put back
        elif job.state in (JobState.PAUSED, JobState.FAILED):
            job = await asyncio.to_thread(self._table.requeue, job.id)
            self._enqueue(job)
        return job

    async def move(self, job_id: int, before: int | None) -> Job:
        """Give an unfinished job another place in the queue. What runs goes on wherever it stands.

        Args:
            before: the unfinished job it is to stand in front of; None: at the end.

        Raises:
            AppError: JOB_NOT_FOUND, JOB_FINISHED, of either.
        """
        async with self._changing:
            changed = await asyncio.to_thread(self._table.move, job_id, before)
            self._take_places(changed)
        self._pump()
        return await asyncio.to_thread(self._table.get, job_id)

    def _take_places(self, changed: list[Job]) -> None:
        moved = {job.id: job for job in changed}
        self._queue = [moved.get(queued.id, queued) for queued in self._queue]
        self._queue.sort(key=lambda queued: queued.position)
        for job in changed:
            self._publish("job.changed", self.describe(job))

    def _enqueue(self, job: Job) -> None:
        self._queue.append(job)
        self._queue.sort(key=lambda queued: queued.position)

    def _interrupted_running(self, job_id: int, then: JobState) -> Job | None:
        """The job, told to stop, where it runs."""
        running = self._running.get(job_id)
        if running is None:
            return None
        running.interrupt(then)
        return running.job

    async def _taken_out(self, job_id: int) -> Job:
        # Out of the queue before anything is awaited: in between it could be started.
        self._queue = [queued for queued in self._queue if queued.id != job_id]
        return await asyncio.to_thread(self._table.get, job_id)

    def _finish_cancelled(self, job: Job) -> Job:
        """Runs in a worker thread."""
        kind = self._kinds.get(job.kind)
        if isinstance(kind, LeavesTraces):
            try:
                kind.cancelled(job.params, job.done)
            except Exception as error:  # it is cancelled all the same
                log.exception("what a job left could not be removed", extra={"job": job.id})
                self._publish("job.log", {"id": job.id, "line": str(error)})
        return self._table.finish(job.id, JobState.CANCELLED)

    def describe(self, job: Job) -> dict[str, Any]:
        """The job as JSON, with its progress of the moment, or of when it was interrupted."""
        running = self._running.get(job.id)
        return {**job.to_dict(), "progress": running.progress if running else job.progress}

    def _pump(self) -> None:
        """Start every queued job whose needs are free; needs of those in front come first."""
        if self._stopping or self._held:
            return
        taken = self.running_needs()
        waiting: list[Job] = []
        for job in self._queue:
            needs = self._needs(job)
            if needs & taken:
                waiting.append(job)
            else:
                running = _Running(job, CancelToken(), needs, progress=job.progress)
                self._running[job.id] = running
                running.task = asyncio.create_task(self._run(running), name=f"job-{job.id}")
            taken |= needs
        self._queue = waiting

    async def _run(self, running: _Running) -> None:
        loop = asyncio.get_running_loop()
        job_id = running.job.id
        finished: Job | None = running.job
        try:
            finished = await loop.run_in_executor(self._pool, self._work, running)
            async with self._changing:  # what it becomes is settled once: nobody changes it now
                if finished is None:
                    finished = await asyncio.to_thread(self._interrupted, running)
                del self._running[job_id]
                if finished.state is JobState.QUEUED:
                    if running.stood_back and not self._held:
                        places = await asyncio.to_thread(self._table.move, job_id, None)
                        self._take_places(places)
                        finished = await asyncio.to_thread(self._table.get, job_id)
                    self._enqueue(finished)
        except Exception:  # the table itself cannot be written: the row stays "running"
            log.exception("a job's state could not be stored", extra={"job": job_id})
            self._running.pop(job_id, None)
            finished = finished or running.job
        self._publish("job.changed", self.describe(finished))
        self._pump()

    def _work(self, running: _Running) -> Job | None:
        """Runs in a worker thread; returns the job as it ended, None where it was interrupted."""
        job_id = running.job.id
        if running.cancel.cancelled:  # stopped before a thread was free for it
            return None
        running.job = self._table.set_running(job_id)
        if running.job.state is not JobState.RUNNING:  # cancelled in the moment it was submitted
            return running.job
        self._publish("job.changed", self.describe(running.job))

        def finish_step(step: str, result: Any) -> None:
            running.job = self._table.finish_step(job_id, step, result)
            self._publish("job.changed", self.describe(running.job))

        running.context = context = JobContext(
            running.job,
            _JobReporter(running, self._publish),
            running.cancel,
            finish_step,
            lambda to: self._wanted(running, to),
            needs_more=lambda: not self._needs(running.job) <= running.needs,
        )
        try:
            result = self._kind(running.job.kind).run(context)
            return self._table.finish(job_id, JobState.DONE, result=result)
        except Postponed:
            running.stood_back = True
            return None
        except Prepared:
            return None
        except AppError as error:
            failure = error
        except Exception as error:  # also a result that is no JSON
            log.exception("a job failed", extra={"job": job_id, "kind": running.job.kind})
            failure = AppError(ErrorCode.INTERNAL, reason=f"{type(error).__name__}: {error}")
        if running.cancel.cancelled:  # whatever it says: it was interrupted (a killed tool, say)
            return None
        if failure.code is ErrorCode.CANCELLED:
            return self._table.finish(job_id, JobState.CANCELLED)
        return self._table.finish(job_id, JobState.FAILED, error=failure)

    def _wanted(self, running: _Running, to: Callable[[Job], bool]) -> bool:
        """Whether one of those jobs waits for what a running job holds. Called from its thread."""
        return self._held or any(
            running.needs & self._needs(queued) and to(queued) for queued in self._queue
        )

    def _interrupted(self, running: _Running) -> Job:
        """Runs in a worker thread."""
        if running.then is JobState.CANCELLED:
            return self._finish_cancelled(running.job)
        if running.then is JobState.PAUSED:
            return self._table.pause(running.job.id, running.progress)
        return self._table.requeue(running.job.id, running.progress)

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
