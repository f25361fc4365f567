"""What tests of making quantized files have in common: a host, a stand-in, and how a job begins."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from desktop.core.engine.flags import LoadSettings
from desktop.core.engine.runtime import Runtime
from desktop.core.errors import AppError
from desktop.core.events import CancelToken, Progress
from desktop.core.fit.losses import MeasuredLoss
from desktop.core.jobs.handlers.quantize import QuantizeKind
from desktop.core.jobs.handlers.quantize_host import Priced
from desktop.core.jobs.kinds import JobContext
from desktop.core.jobs.table import Job, JobState
from desktop.core.paths import resources
from tests.helpers.told import Told

Json = dict[str, Any]
TEXT = resources() / "texts" / "evaluation.txt"


class Host:
    """Prices nothing, and remembers what it is told to keep."""

    def __init__(self) -> None:
        self.kept: dict[str, tuple[MeasuredLoss | None, dict[str, tuple[int, float]]]] = {}
        self.waited = self.answers = 0
        self.answers_at: set[int] = set()

    def price(self, files: Sequence[Path], runtime: Runtime, cancel: CancelToken) -> Priced:
        return Priced(LoadSettings(threads=2), None, fits=True)

    def keep(
        self,
        files: Sequence[Path],
        loss: MeasuredLoss | None,
        speeds: Mapping[str, tuple[int, float]],
        priced: Priced,
        runtime: Runtime,
    ) -> None:
        self.kept[files[0].name] = loss, dict(speeds)

    def wait_idle(self, cancel: CancelToken) -> None:
        self.waited += 1
        self.answers += self.waited in self.answers_at


class Converts:
    """Stands in for the job that converts, which needs torch: the file is there at once."""

    needs = frozenset({"cpu", "toolkit"})

    def __init__(self, made: Path) -> None:
        self.made = made
        self.runs = 0

    def plan(self, params: Json) -> list[str]:
        return ["toolkit", "hash", "convert"]

    def needs_after(self, params: Json, done: Collection[str]) -> frozenset[str]:
        return self.needs if "toolkit" in done else frozenset({"toolkit"})

    def run(self, context: JobContext) -> Json:
        def convert() -> Json:
            self.runs += 1
            target = Path(context.params["output"])
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(self.made, target)
            return {"path": str(target)}

        context.step("toolkit", lambda: "1")
        result: Json = context.step("convert", convert)
        return result

    def cancelled(self, params: Json, done: Json) -> None:
        return None


def begin(
    kind: QuantizeKind,
    params: Json,
    *,
    done: Json | None = None,
    cancel: CancelToken | None = None,
    finished: Callable[[str, Any], None] = lambda name, value: None,
    told: Told | None = None,
) -> JobContext:
    job = Job(
        id=7, kind="quantize", params=params, state=JobState.RUNNING, steps=kind.plan(params),
        done=done or {}, progress=None, result=None, error=None, created=0.0, started=None,
        finished=None, position=7.0,
    )  # fmt: skip
    return JobContext(job, told or Told(), cancel or CancelToken(), finished)


def code_of(work: Callable[[], Any]) -> AppError:
    with pytest.raises(AppError) as caught:
        work()
    return caught.value


class CancelAt(Told):
    """Cancels at a progress whose words begin so, when so much of it is done."""

    def __init__(self, cancel: CancelToken, what: str, done: float = 0) -> None:
        super().__init__()
        self._cancel, self._what, self._done = cancel, what, done

    def progress(self, progress: Progress) -> None:
        super().progress(progress)
        if progress.what.startswith(self._what) and progress.done >= self._done:
            self._cancel.cancel()


def asked(whole: Path, folder: Path, **more: Any) -> Json:
    return {"path": str(whole), "folder": str(folder), "types": ["Q4_K_M"], **more}


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []
