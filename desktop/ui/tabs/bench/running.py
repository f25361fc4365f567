"""The run in progress: asking for it, following it, stopping it."""

from __future__ import annotations

import time
from typing import Any, Literal

from PySide6.QtCore import QObject, Signal

from desktop.core.errors import AppError, ErrorCode
from desktop.ui.context import Context
from desktop.ui.pace import Pace
from desktop.ui.tabs.bench import words
from desktop.ui.tabs.bench.progress import RunProgress, progress_of, starting

Json = dict[str, Any]


class Running(QObject):
    """Signals:
    changed: whether something runs, or how far it is.
    measured: a run has ended well; its result's number, or 0 where it has none.
    failed: why a run could not be, or broke off.
    """

    changed = Signal()
    measured = Signal(int)
    failed = Signal(object)  # AppError

    def __init__(self, context: Context, parent: QObject) -> None:
        super().__init__(parent)
        self._context = context
        self._pace = Pace()
        self._asked: Literal["", "start", "stop"] = ""
        self._job: Json | None = None
        state = context.state
        state.jobs_changed.connect(self._on_jobs_changed)
        state.job_finished.connect(self._on_job_finished)
        state.online_changed.connect(self.changed)

    @property
    def busy(self) -> bool:
        """A run is asked for, waits or is in progress."""
        return self._job is not None or self._asked == "start"

    def progress(self) -> RunProgress | None:
        """The run in progress as a row of the page."""
        if self._job is None:
            return starting() if self._asked == "start" else None
        left = self._pace.left_seconds(time.monotonic())
        return progress_of(self._job, left, stopping=self._asked == "stop")

    def check(self, params: Json, *, embedding: bool) -> tuple[str, bool]:
        """What would be run, in words, and whether it can be."""
        from desktop.core.bench import runner

        try:
            plan = runner.plan(params, embedding=embedding)
        except AppError:
            return words.refusal(params), False
        if len(plan.tests) == 1:
            return self.tr("1 test, {repeat} repeats").format(repeat=plan.repeat), True
        text = self.tr("{number} tests, {repeat} repeats each")
        return text.format(number=len(plan.tests), repeat=plan.repeat), True

    def run(self, params: Json) -> None:
        if self.busy:
            return
        self._asked = "start"
        self.changed.emit()
        self._context.ask(
            lambda client: client.submit("bench", params), self._on_submitted, self._on_run_failed
        )

    def stop(self) -> None:
        if self._job is not None and self._asked != "stop":
            self._asked = "stop"
            self.changed.emit()
            number = self._job["id"]
            self._context.ask(lambda client: client.cancel_job(number), failed=self._on_stop_failed)

    def _on_submitted(self, job: Json) -> None:
        if self._asked == "start":
            self._asked = ""
        self._on_jobs_changed()

    def _on_run_failed(self, error: AppError) -> None:
        self._asked = ""
        self.failed.emit(error)
        self.changed.emit()

    def _on_stop_failed(self, error: AppError) -> None:
        self._asked = ""
        self.changed.emit()
        if error.code is not ErrorCode.JOB_FINISHED:  # ended in the same moment
            self._context.show_error(error)

    def _on_jobs_changed(self) -> None:
        jobs = [job for job in self._context.state.jobs.values() if job["kind"] == "bench"]
        before = self._job
        self._job = min(jobs, key=lambda job: (job["state"] != "running", job["id"]), default=None)
        if self._job is None:
            if before is not None:
                self._asked = ""
                self._pace.begin_again()
                self.changed.emit()
            return
        if before is None or before["id"] != self._job["id"]:
            self._asked = ""
            self._pace.begin_again()
        at = self._job.get("progress")
        if at is not None:
            if at["what"].startswith("waiting"):
                self._pace.begin_again()
            else:
                self._pace.saw(at["done"], at["total"] or 1, time.monotonic())
        self.changed.emit()

    def _on_job_finished(self, job: Json) -> None:
        if job["kind"] != "bench":
            return
        if job["state"] == "done":
            self.measured.emit((job["result"] or {}).get("result_id") or 0)
        elif job["state"] == "failed":
            self.failed.emit(AppError.from_dict(job["error"]))
        else:
            self._context.toast(self.tr("Stopped. Nothing of this run is kept."))
