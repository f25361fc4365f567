"""What a kind of job must be able to do, and what it is given while it runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from desktop.core.events import CancelToken, Reporter
from desktop.core.jobs.table import Job


class JobContext:
    """What a running job sees: its row, whom to tell, and whether to stop.

    Attributes:
        done: results of steps finished before, also in an earlier run of the service.
    """

    def __init__(
        self,
        job: Job,
        reporter: Reporter,
        cancel: CancelToken,
        finish_step: Callable[[str, Any], None],
    ) -> None:
        self.job = job
        self.params = job.params
        self.reporter = reporter
        self.cancel = cancel
        self.done: dict[str, Any] = dict(job.done)
        self._finish_step = finish_step

    def step(self, name: str, work: Callable[[], Any]) -> Any:
        """The result of step `name`: stored from before, or made now by `work` and stored."""
        if name not in self.done:
            self.cancel.raise_if_cancelled()
            self.done[name] = work()
            self._finish_step(name, self.done[name])
        return self.done[name]


class Kind(Protocol):
    """A kind of job. `run` is called in a worker thread and raises AppError when it fails.

    Attributes:
        name: what the job table calls it.
        needs: resources no two running jobs may share: "cpu" for jobs whose figures another's
            work would spoil, "network", "disk:<place>".
    """

    name: str
    needs: frozenset[str]

    def plan(self, params: dict[str, Any]) -> list[str]:
        """The names of the whole steps. Raises AppError where the parameters make no sense."""

    def run(self, context: JobContext) -> dict[str, Any]:
        """Do the work; the returned document is the job's result."""
