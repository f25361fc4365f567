"""The job table: one row a job, its whole state, so that a restart can go on from it."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from desktop.core.db import Database
from desktop.core.errors import AppError, ErrorCode

_PAST_NUMBERS = 1 << 63  # what SQLite takes for a number


class JobState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


FINISHED = frozenset({JobState.DONE, JobState.FAILED, JobState.CANCELLED})


@dataclass(frozen=True)
class Job:
    """One job.

    Attributes:
        steps: the names of its whole steps, in order.
        done: the results of the steps that are finished; a restart goes on after them.
        progress: how far it was when it was interrupted; None while it runs and when it has ended.
        result, error: what came out; None until it has ended.
        created, started, finished: seconds since the epoch.
        position: its place in the queue; the lowest comes first.
    """

    id: int
    kind: str
    params: dict[str, Any]
    state: JobState
    steps: list[str]
    done: dict[str, Any]
    progress: dict[str, Any] | None
    result: dict[str, Any] | None
    error: dict[str, Any] | None
    created: float
    started: float | None
    finished: float | None
    position: float

    def to_dict(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "kind": self.kind,
            "params": self.params,
            "state": self.state.value,
            "steps": self.steps,
            "steps_done": [step for step in self.steps if step in self.done],
            "result": self.result,
            "error": self.error,
            "created": self.created,
            "started": self.started,
            "finished": self.finished,
            "position": self.position,
        }


def _job(row: sqlite3.Row) -> Job:
    return Job(
        id=row["id"],
        kind=row["kind"],
        params=json.loads(row["params"]),
        state=JobState(row["state"]),
        steps=json.loads(row["steps"]),
        done=json.loads(row["done"]),
        progress=json.loads(row["progress"]) if row["progress"] else None,
        result=json.loads(row["result"]) if row["result"] else None,
        error=json.loads(row["error"]) if row["error"] else None,
        created=row["created"],
        started=row["started"],
        finished=row["finished"],
        # A new one goes to the end: its number is above all places there are, which moves only
        # exchange.
        position=row["id"] if row["position"] is None else row["position"],
    )


class JobTable:
    """Reads and writes jobs; usable from any thread."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, kind: str, params: dict[str, Any], steps: list[str]) -> Job:
        job_id = self._database.execute(
            "INSERT INTO jobs (kind, params, state, steps, created) VALUES (?, ?, ?, ?, ?)",
            (kind, json.dumps(params), JobState.QUEUED, json.dumps(steps), time.time()),
        )
        return self.get(job_id)

    def get(self, job_id: int) -> Job:
        known = 0 < job_id < _PAST_NUMBERS
        rows = self._database.query("SELECT * FROM jobs WHERE id = ?", (job_id,)) if known else []
        if not rows:
            raise AppError(ErrorCode.JOB_NOT_FOUND, job=job_id)
        return _job(rows[0])

    def latest(self, limit: int = 100) -> list[Job]:
        """The newest jobs first."""
        rows = self._database.query("SELECT * FROM jobs ORDER BY id DESC LIMIT ?", (limit,))
        return [_job(row) for row in rows]

    def results_of(self, kinds: Sequence[str], limit: int = 50) -> list[dict[str, Any]]:
        """What the latest jobs of these kinds that are done came to, the newest first."""
        marks = ", ".join("?" * len(kinds))
        rows = self._database.query(
            f"SELECT result FROM jobs WHERE kind IN ({marks}) AND state = ? "
            "ORDER BY finished DESC LIMIT ?",
            (*kinds, JobState.DONE, limit),
        )
        return [json.loads(row["result"]) for row in rows]

    def unfinished(self) -> list[Job]:
        """Jobs that wait, run or are paused, in the queue's order."""
        rows = self._database.query(
            "SELECT * FROM jobs WHERE state IN (?, ?, ?)",
            (JobState.QUEUED, JobState.RUNNING, JobState.PAUSED),
        )
        return sorted(map(_job, rows), key=lambda job: job.position)

    def set_running(self, job_id: int) -> Job:
        """Mark a queued job as running; one that has ended or is paused stays as it is."""
        self._database.execute(
            "UPDATE jobs SET state = ?, started = ?, progress = NULL WHERE id = ? AND state = ?",
            (JobState.RUNNING, time.time(), job_id, JobState.QUEUED),
        )
        return self.get(job_id)

    def requeue(self, job_id: int, progress: dict[str, Any] | None = None) -> Job:
        """Put a job back into the queue; its finished steps stay.

        Args:
            progress: how far it was, where it was interrupted just now.
        """
        return self._set_waiting(job_id, JobState.QUEUED, progress)

    def pause(self, job_id: int, progress: dict[str, Any] | None = None) -> Job:
        """Keep a job from running until it is put back; its finished steps stay."""
        return self._set_waiting(job_id, JobState.PAUSED, progress)

    def _set_waiting(self, job_id: int, state: JobState, progress: dict[str, Any] | None) -> Job:
        self._database.execute(
            "UPDATE jobs SET state = ?, progress = COALESCE(?, progress), error = NULL, "
            "finished = NULL WHERE id = ?",
            (state, json.dumps(progress) if progress is not None else None, job_id),
        )
        return self.get(job_id)

    def set_params(self, job_id: int, params: dict[str, Any]) -> Job:
        self._database.execute(
            "UPDATE jobs SET params = ? WHERE id = ?", (json.dumps(params), job_id)
        )
        return self.get(job_id)

    def move(self, job_id: int, before: int | None) -> list[Job]:
        """Give an unfinished job another place in the queue.

        Args:
            before: the unfinished job it is to stand in front of; None: at the end.

        Returns: the jobs whose place has changed.

        Raises:
            AppError: JOB_NOT_FOUND, JOB_FINISHED.
        """
        jobs = self.unfinished()
        for number in (job_id, *(() if before is None else (before,))):
            if all(job.id != number for job in jobs):
                found = self.get(number)
                raise AppError(ErrorCode.JOB_FINISHED, job=number, state=found.state.value)
        if before == job_id:
            return []
        moved = next(job for job in jobs if job.id == job_id)
        order = [job for job in jobs if job.id != job_id]
        place = len(order) if before is None else [job.id for job in order].index(before)
        order.insert(place, moved)
        places = [job.position for job in jobs]
        changed = [
            (position, job.id)
            for position, job in zip(places, order, strict=True)
            if position != job.position
        ]
        with self._database.transaction() as connection:
            connection.executemany("UPDATE jobs SET position = ? WHERE id = ?", changed)
        return [self.get(number) for _, number in changed]

    def finish_step(self, job_id: int, step: str, result: Any) -> Job:
        with self._database.transaction() as connection:
            row = connection.execute("SELECT done FROM jobs WHERE id = ?", (job_id,)).fetchone()
            done = json.loads(row["done"])
            done[step] = result
            connection.execute("UPDATE jobs SET done = ? WHERE id = ?", (json.dumps(done), job_id))
        return self.get(job_id)

    def finish(
        self,
        job_id: int,
        state: JobState,
        result: dict[str, Any] | None = None,
        error: AppError | None = None,
    ) -> Job:
        self._database.execute(
            "UPDATE jobs SET state = ?, result = ?, error = ?, finished = ?, progress = NULL "
            "WHERE id = ?",
            (
                state,
                json.dumps(result) if result is not None else None,
                json.dumps(error.to_dict()) if error is not None else None,
                time.time(),
                job_id,
            ),
        )
        return self.get(job_id)
