"""The job table: one row a job, its whole state, so that a restart can go on from it."""

from __future__ import annotations

import json
import sqlite3
import time
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from desktop.core.db import Database
from desktop.core.errors import AppError, ErrorCode


class JobState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
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
        result, error: what came out; None until it has ended.
        created, started, finished: seconds since the epoch.
    """

    id: int
    kind: str
    params: dict[str, Any]
    state: JobState
    steps: list[str]
    done: dict[str, Any]
    result: dict[str, Any] | None
    error: dict[str, Any] | None
    created: float
    started: float | None
    finished: float | None

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
        }


def _job(row: sqlite3.Row) -> Job:
    return Job(
        id=row["id"],
        kind=row["kind"],
        params=json.loads(row["params"]),
        state=JobState(row["state"]),
        steps=json.loads(row["steps"]),
        done=json.loads(row["done"]),
        result=json.loads(row["result"]) if row["result"] else None,
        error=json.loads(row["error"]) if row["error"] else None,
        created=row["created"],
        started=row["started"],
        finished=row["finished"],
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
        rows = self._database.query("SELECT * FROM jobs WHERE id = ?", (job_id,))
        if not rows:
            raise AppError(ErrorCode.JOB_NOT_FOUND, job=job_id)
        return _job(rows[0])

    def latest(self, limit: int = 100) -> list[Job]:
        """The newest jobs first."""
        rows = self._database.query("SELECT * FROM jobs ORDER BY id DESC LIMIT ?", (limit,))
        return [_job(row) for row in rows]

    def unfinished(self) -> list[Job]:
        """Jobs to be done, the oldest first."""
        rows = self._database.query(
            "SELECT * FROM jobs WHERE state IN (?, ?) ORDER BY id",
            (JobState.QUEUED, JobState.RUNNING),
        )
        return [_job(row) for row in rows]

    def set_running(self, job_id: int) -> Job:
        """Mark a queued job as running; one that has ended stays as it is."""
        self._database.execute(
            "UPDATE jobs SET state = ?, started = ? WHERE id = ? AND state = ?",
            (JobState.RUNNING, time.time(), job_id, JobState.QUEUED),
        )
        return self.get(job_id)

    def requeue(self, job_id: int) -> Job:
        """Put an interrupted job back; its finished steps stay."""
        self._database.execute("UPDATE jobs SET state = ? WHERE id = ?", (JobState.QUEUED, job_id))
        return self.get(job_id)

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
            "UPDATE jobs SET state = ?, result = ?, error = ?, finished = ? WHERE id = ?",
            (
                state,
                json.dumps(result) if result is not None else None,
                json.dumps(error.to_dict()) if error is not None else None,
                time.time(),
                job_id,
            ),
        )
        return self.get(job_id)
