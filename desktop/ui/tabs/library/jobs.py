"""Jobs that the page began: each told once when it has ended, however soon that was."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject

from desktop.core.errors import AppError
from desktop.ui.context import Context

Json = dict[str, Any]
_KEPT = 50  # ended jobs of others that are remembered


class JobFollower(QObject):
    """Calls back for a job; its end may be told before the answer that names it."""

    def __init__(self, context: Context, parent: QObject) -> None:
        super().__init__(parent)
        self._context = context
        self._followed: dict[int, Callable[[Json], None]] = {}
        self._ended: dict[int, Json] = {}
        context.state.job_finished.connect(self._on_job_finished)

    def follow(self, job: Json, done: Callable[[Json], None]) -> None:
        """Call `done` with the job when it has ended; an error of it is shown as well."""
        self._followed[job["id"]] = done
        ended = self._ended.pop(job["id"], job if job["finished"] is not None else None)
        if ended is not None:
            self._on_job_finished(ended)

    def _on_job_finished(self, job: Json) -> None:
        done = self._followed.pop(job["id"], None)
        if done is None:
            self._ended[job["id"]] = job
            while len(self._ended) > _KEPT:
                del self._ended[next(iter(self._ended))]
            return
        if job["state"] == "failed" and job["error"]:
            self._context.show_error(AppError.from_dict(job["error"]))
        done(job)
