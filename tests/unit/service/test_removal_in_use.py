"""What keeps a model's files from being deleted."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from desktop.core.engine.flags import Adapter, LoadSettings
from desktop.core.errors import AppError, ErrorCode
from desktop.core.jobs.table import Job, JobState
from desktop.core.library.entry import ModelEntry
from desktop.core.service.load_request import LoadRequest
from desktop.core.service.loaded import Loaded, Prepared
from desktop.core.service.removal import why_in_use
from desktop.core.service.supervisor import Supervisor


def entry(model_id: str, path: str, repo: str | None = None) -> ModelEntry:
    return ModelEntry(
        id=model_id,
        path=Path(path),
        shard_paths=(Path(path),),
        size_bytes=1,
        fingerprint=f"quick-{model_id}",
        summary=None,
        error=None,
        kind="model",
        source="hf_cache",
        root=Path(path).parent,
        repo=repo,
    )


TINY = entry("tiny:f16", "/hub/tiny.gguf", "owner/Tiny-GGUF")
BIG = entry("big:q8_0", "/hub/big.gguf", "owner/Big-GGUF")


class Engine:
    """A supervisor as it stands: nothing loaded, or BIG with what is beside it."""

    def __init__(self, *wanted: str, settings: LoadSettings | None = None) -> None:
        self.wanted = set(wanted)
        self.models: tuple[Loaded, ...] = ()
        if settings is not None:
            prepared = Prepared(settings, None, cast(Any, None))
            self.models = (Loaded(BIG, LoadRequest(), prepared=prepared),)


def resolve(name: str) -> ModelEntry:
    for each in (TINY, BIG):
        if name in (each.id, str(each.path)):
            return each
    raise AppError(ErrorCode.MODEL_NOT_FOUND, model=name)


def job(kind: str, state: JobState = JobState.RUNNING, **params: Any) -> Job:
    return Job(
        id=3, kind=kind, params=params, state=state, steps=[], done={}, progress=None, result=None,
        error=None, created=0.0, started=None, finished=None, position=3.0,
    )  # fmt: skip


def why(engine: Engine, *jobs: Job) -> str | None:
    return why_in_use(TINY, TINY.shard_paths, cast(Supervisor, engine), jobs, resolve)


def test_nothing_uses_it() -> None:
    assert why(Engine("big:q8_0", settings=LoadSettings())) is None


def test_it_is_loaded_or_waited_for() -> None:
    assert why(Engine("tiny:f16")) == "It is loaded, or about to be."


@pytest.mark.parametrize(
    "settings",
    [
        LoadSettings(draft="/hub/tiny.gguf"),
        LoadSettings(mmproj="/hub/tiny.gguf"),
        LoadSettings(adapters=(Adapter("/hub/tiny.gguf"),)),
    ],
)
def test_another_model_is_loaded_with_it(settings: LoadSettings) -> None:
    assert why(Engine(settings=settings)) == "big:q8_0 is loaded with it."


@pytest.mark.parametrize(
    "running",
    [
        job("verify", model="tiny:f16"),
        job("acceptance", model="/hub/tiny.gguf"),
        job("download", model="Owner/tiny-gguf:Q4_K_M"),
        job("move_models", folder="/new"),
        job("link", group=1),
    ],
)
def test_a_job_works_with_it(running: Job) -> None:
    assert why(Engine(), running) == f"Job 3 ({running.kind}) works with it."


@pytest.mark.parametrize(
    "other",
    [
        job("verify", model="big:q8_0"),
        job("verify", model="gone:f16"),
        job("verify", JobState.QUEUED, model="tiny:f16"),
        job("download", JobState.PAUSED, model="owner/Tiny-GGUF:F16"),
        job("download", model="owner/Big-GGUF:Q8_0"),
        job("calibrate"),
    ],
)
def test_a_job_that_does_not_keep_it(other: Job) -> None:
    assert why(Engine(), other) is None
