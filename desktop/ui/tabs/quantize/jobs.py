"""The page's jobs: those under way with how far they are, what they said, and those that ended."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from typing import Any, Literal

from PySide6.QtCore import QObject, Signal

from desktop.core.client.client import Client
from desktop.core.errors import AppError, ErrorCode
from desktop.ui import units
from desktop.ui.context import Context
from desktop.ui.downloads.words import joined
from desktop.ui.pace import Pace, rounded
from desktop.ui.tabs.quantize import words
from desktop.ui.tabs.quantize.results_history import Entry

Json = dict[str, Any]
KINDS = ("quantize", "target", "convert", "merge", "split", "join", "toolkit")
LOG_LINES = 2000  # of a job, the latest; a line of a tool is seldom longer than 120 letters
_ENDED = 5  # that are listed; of more the results can be chosen


@dataclass(frozen=True)
class Line:
    """A job under way as a row of the page.

    Attributes:
        share: 0..1 of the whole job; None while it waits.
        figures: the rest in words.
        leaving: it was told to pause or to end.
    """

    id: int
    title: str
    what: str
    share: float | None
    figures: str
    paused: bool
    leaving: bool


class JobBoard(QObject):
    """Follows the service's jobs of `KINDS`, whoever began them.

    Signals:
        changed: which jobs there are, or how far one is.
        logged: a job's id and a line of it.
        ended: a job that has ended just now.

    Attributes:
        history: those that were done or failed, the latest first.
    """

    changed = Signal()
    logged = Signal(int, str)
    ended = Signal(dict)

    def __init__(self, context: Context, parent: QObject) -> None:
        super().__init__(parent)
        self._context = context
        self._paces: dict[int, Pace] = {}
        self._steps: dict[int, str] = {}
        self._logs: dict[int, deque[str]] = {}
        self._asked: dict[int, Literal["cancel", "pause"]] = {}
        self.history: list[Json] = []
        state = context.state
        state.jobs_changed.connect(self._on_jobs_changed)
        state.job_finished.connect(self._on_job_finished)
        state.job_logged.connect(self._on_job_logged)

    # --- what there is --------------------------------------------------------------------------

    @property
    def jobs(self) -> list[Json]:
        """Those under way, in the queue's order; what runs comes first."""
        found = [job for job in self._context.state.jobs.values() if job["kind"] in KINDS]
        return sorted(found, key=lambda job: (job["state"] != "running", job.get("position", 0)))

    def lines(self) -> list[Line]:
        return [self._line(job) for job in self.jobs]

    def ended_lately(self) -> list[Json]:
        return self.history[:_ENDED]

    def results(self) -> list[Entry]:
        """What was found, as the results are chosen from."""
        return [
            (job["id"], words.job_title(job), job["finished"], job["result"])
            for job in self.history
            if job["state"] == "done" and (job["result"] or {}).get("outputs")
        ]

    def log(self, job_id: int) -> list[str]:
        """What it said since this window listens, at most `LOG_LINES`."""
        return list(self._logs.get(job_id, ()))

    def read(self) -> None:
        """Ask what ended before."""
        if self._context.state.online:
            self._context.ask(Client.jobs, self._on_jobs_read)

    def _on_jobs_read(self, jobs: list[Json]) -> None:
        self.history = [
            job
            for job in sorted(jobs, key=lambda job: -(job["finished"] or 0.0))
            if job["kind"] in KINDS and job["finished"] is not None and job["state"] != "cancelled"
        ]
        self.changed.emit()

    def _line(self, job: Json) -> Line:
        asked, state = self._asked.get(job["id"]), job["state"]
        what, share, figures = self._how_far(job)
        if asked == "cancel":
            what = self.tr("Stopping")
        elif asked == "pause" and state == "running":
            what = self.tr("Pausing")
        elif state == "queued":
            what, figures = self.tr("Waits for other work to end"), ""
        elif state == "paused":
            what = self.tr("Paused")
        title = words.job_title(job)
        leaving = asked is not None and not (asked == "pause" and state == "paused")
        return Line(job["id"], title, what, share, figures, state == "paused", leaving)

    def _how_far(self, job: Json) -> tuple[str, float | None, str]:
        """What it does, its share of the whole job, and the figures of the step."""
        steps, done_steps = job.get("steps") or [], len(job.get("steps_done") or [])
        at, count = job.get("progress"), max(1, len(steps))
        if at is None:
            return self.tr("Starting"), done_steps / count if done_steps else None, ""
        done, total = float(at["done"]), at["total"]
        within = min(1.0, done / total) if total else 0.0
        step = self.tr("step {number} of {total}")
        left = (at.get("detail") or {}).get("seconds_left")
        if left is None:
            left = self._pace(job["id"]).left_seconds(time.monotonic())
        figures = joined(
            [
                step.format(number=min(done_steps + 1, count), total=count) if steps else "",
                words.amount(done, total, at["unit"]),
                "" if left is None else self.tr("about {time} left").format(time=rounded(left)),
            ]
        )
        return words.step(at["what"]), min(1.0, (done_steps + within) / count), figures

    # --- what is done ---------------------------------------------------------------------------

    def cancel(self, job_id: int) -> None:
        self._tell(job_id, "cancel")
        self._context.ask(lambda client: client.cancel_job(job_id), None, self._on_failed(job_id))

    def hold(self, job_id: int) -> None:
        """Pause it, or let it go on."""
        job = self._context.state.jobs.get(job_id)
        if job is None:
            return
        if job["state"] == "paused":
            self.resume(job_id)
            return
        self._tell(job_id, "pause")
        self._context.ask(lambda client: client.pause_job(job_id), None, self._on_failed(job_id))

    def resume(self, job_id: int) -> None:
        """Go on with one that is paused, or try one again that failed."""
        self._asked.pop(job_id, None)
        self.history = [job for job in self.history if job["id"] != job_id]
        self._context.ask(lambda client: client.resume_job(job_id))
        self.changed.emit()

    def _tell(self, job_id: int, asked: Literal["cancel", "pause"]) -> None:
        self._asked[job_id] = asked
        self.changed.emit()

    def _on_failed(self, job_id: int) -> Any:
        def failed(error: AppError) -> None:
            self._asked.pop(job_id, None)
            self.changed.emit()
            if error.code is not ErrorCode.JOB_FINISHED:  # it ended in the same moment
                self._context.show_error(error)

        return failed

    # --- what the service tells -----------------------------------------------------------------

    def _pace(self, job_id: int) -> Pace:
        return self._paces.setdefault(job_id, Pace())

    def _on_jobs_changed(self) -> None:
        """Each step has a pace of its own."""
        for job in self.jobs:
            number, at = job["id"], job.get("progress")
            if job["state"] == "paused" and self._asked.get(number) == "pause":
                del self._asked[number]
            if at is None or job["state"] != "running":
                self._pace(number).begin_again()
                continue
            what = words.head(at["what"])
            if self._steps.get(number) != what:
                self._steps[number] = what
                self._pace(number).begin_again()
                self._write(number, words.step(what))
            self._pace(number).saw(at["done"], at["total"] or 1, time.monotonic())
        self.changed.emit()

    def _on_job_logged(self, job_id: int, line: str) -> None:
        job = self._context.state.jobs.get(job_id)
        if job is not None and job["kind"] in KINDS:
            self._write(job_id, line)

    def _write(self, job_id: int, line: str) -> None:
        text = f"{time.strftime('%H:%M:%S')}  {line}"
        self._logs.setdefault(job_id, deque(maxlen=LOG_LINES)).append(text)
        self.logged.emit(job_id, text)

    def _on_job_finished(self, job: Json) -> None:
        if job["kind"] not in KINDS:
            return
        number = job["id"]
        self._paces.pop(number, None)
        self._steps.pop(number, None)
        self._asked.pop(number, None)
        if job["state"] != "cancelled":
            others = [each for each in self.history if each["id"] != number]
            self.history = [job, *others]
        shown = {each["id"] for each in (*self.jobs, *self.ended_lately())}
        self._logs = {each: lines for each, lines in self._logs.items() if each in shown}
        self.changed.emit()
        self.ended.emit(job)


def ended_figures(job: Json) -> str:
    """ "3 files · 2026-11-28": of a job that is done."""
    result = job["result"] or {}
    outputs = [each for each in result.get("outputs", ()) if each.get("path")]
    made = [each for each in outputs if not each.get("foreign")]
    parts = [words.files(len(made)) if made else "", units.day(job["finished"])]
    if result.get("size_bytes") and not made:
        parts.insert(0, units.size(result["size_bytes"]))
    return joined(parts)
