"""Jobs that make models, run by hand with the real engine's tools."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from desktop.core.engine.runtime import Runtime, environment_folder, read_runtime
from desktop.core.errors import AppError
from desktop.core.events import CancelToken, Progress
from desktop.core.gguf.reader import HeaderReader
from desktop.core.gguf.summary import ModelSummary
from desktop.core.jobs.kinds import JobContext, Kind
from desktop.core.jobs.table import Job, JobState
from desktop.core.paths import Paths
from tests.helpers.told import Told

Json = dict[str, Any]


def read_with(home: Paths) -> Callable[[Path], ModelSummary]:
    """Reads a file's summary as the service does."""

    def read(path: Path) -> ModelSummary:
        with HeaderReader(home.cache / "headers", work_root=home.work) as reader:
            return reader.read(path)

    return read


def engine(cache: Path) -> Runtime:
    """The environment's build."""
    folder = environment_folder()
    assert folder is not None
    return read_runtime("environment", folder, cache)


def begin(
    kind: Kind,
    params: Json,
    told: Told | None = None,
    cancel: CancelToken | None = None,
    done: Json | None = None,
) -> JobContext:
    """The job as it begins, or goes on after a restart with what was done before."""
    steps = kind.plan(params) if done is None else []
    job = Job(
        id=3, kind=kind.name, params=params, state=JobState.RUNNING, steps=steps, done=done or {},
        progress=None, result=None, error=None, created=0.0, started=None, finished=None,
        position=3.0,
    )  # fmt: skip
    return JobContext(job, told or Told(), cancel or CancelToken(), lambda name, value: None)


def refused(work: Callable[[], Any]) -> AppError:
    with pytest.raises(AppError) as caught:
        work()
    return caught.value


class CancelsAt(Told):
    """Cancels at a progress whose words begin so."""

    def __init__(self, cancel: CancelToken, at: str) -> None:
        super().__init__()
        self._cancel, self._at = cancel, at

    def progress(self, progress: Progress) -> None:
        super().progress(progress)
        if progress.what.startswith(self._at):
            self._cancel.cancel()
