"""What a kind of job must be able to do, and what it is given while it runs."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any, Protocol, runtime_checkable

from desktop.core.events import CancelToken, Reporter
from desktop.core.jobs.table import Job


class Postponed(Exception):
    """A job steps back for another one: it is put at the end of the queue and begins again."""


class Prepared(Exception):
    """A job has done what needs little: it is put back into its place, until what the rest needs
    is free, and goes on there."""


class JobContext:
    """What a running job sees: its row, whom to tell, and whether to stop.

    Attributes:
        params: what was asked for; another object where it was asked for again, otherwise.
        done: results of steps finished before, also in an earlier run of the service.
    """

    def __init__(
        self,
        job: Job,
        reporter: Reporter,
        cancel: CancelToken,
        finish_step: Callable[[str, Any], None],
        wanted: Callable[[Callable[[Job], bool]], bool] = lambda to: False,
        *,
        needs_more: Callable[[], bool] = lambda: False,
    ) -> None:
        self.job = job
        self.params = job.params
        self.reporter = reporter
        self.cancel = cancel
        self.done: dict[str, Any] = dict(job.done)
        self._finish_step = finish_step
        self._wanted = wanted
        self._needs_more = needs_more

    def step(self, name: str, work: Callable[[], Any]) -> Any:
        """The result of step `name`: stored from before, or made now by `work` and stored."""
        if name not in self.done:
            self.cancel.raise_if_cancelled()
            self.done[name] = work()
            self._finish_step(name, self.done[name])
        return self.done[name]

    def keep(self, name: str, value: Any) -> None:
        """Store a value in `done`, beside the steps' results, for a later run of the job."""
        self.done[name] = value
        self._finish_step(name, value)

    def part(self, name: str, params: dict[str, Any]) -> JobContext:
        """The same job for another kind that does a part of it with params of its own: its steps
        are stored under `name` and theirs."""
        prefix = f"{name} "
        done = {
            key.removeprefix(prefix): each
            for key, each in self.done.items()
            if key.startswith(prefix)
        }
        return JobContext(
            replace(self.job, params=params, done=done),
            self.reporter,
            self.cancel,
            lambda step, result: self.keep(f"{prefix}{step}", result),
            self._wanted,
            needs_more=self._needs_more,
        )

    def prepared(self) -> None:
        """For a kind whose needs grow (`NeedsMoreLater`): wait for what the next steps need.

        Raises:
            Prepared: where the job does not hold all of it yet; not to be caught.
        """
        if self._needs_more():
            raise Prepared

    def stand_back(self, to: Callable[[Job], bool] = lambda job: True) -> None:
        """For a job that has not really begun: let those go first that wait for what it holds.

        Args:
            to: which of them.

        Raises:
            Postponed: where there is one, or where the service is to end; not to be caught.
        """
        if self._wanted(to):
            raise Postponed


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


@runtime_checkable
class NeedsMoreLater(Protocol):
    """A kind whose first steps need less than the rest, such as getting what it works on.

    Its `run` calls `prepared` of its context where it is about to need more.
    """

    def needs_after(self, params: dict[str, Any], done: Collection[str]) -> frozenset[str]:
        """What is needed for what comes after these steps; `needs` names all there is."""


@runtime_checkable
class LeavesTraces(Protocol):
    """A kind whose interrupted work lies around until it goes on."""

    def cancelled(self, params: dict[str, Any], done: dict[str, Any]) -> None:
        """Remove it: the job will not go on. Called in a worker thread while it does not run.

        Args:
            done: results of the steps that were finished.
        """


@runtime_checkable
class OneOfAKind(Protocol):
    """A kind of which nobody wants the same job twice: asked again, the first one is meant."""

    def key(self, params: dict[str, Any]) -> str:
        """Equal where two jobs would do the same."""


@runtime_checkable
class GivesWay(Protocol):
    """A kind whose jobs are interrupted where the service is to end soon: they lose nothing.

    Attributes:
        gives_way: True.
    """

    gives_way: bool
