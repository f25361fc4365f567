"""The job that reads a model's files whole and compares them with what was published."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import Progress
from desktop.core.gguf.filecache import FileCache
from desktop.core.gguf.words import shown
from desktop.core.jobs.kinds import JobContext
from desktop.core.library.entry import ModelEntry
from desktop.core.library.verify import check_file, known_hash

NAME = "verify"
# No two jobs that touch models' files in bulk at a time, and none beside a benchmark.
NEEDS = frozenset({"cpu", "models"})


class Host(Protocol):
    """What it needs of the service. Called from a worker thread."""

    def entry(self, name: str) -> ModelEntry:
        """The model of a name, also a hidden one.

        Raises:
            AppError: MODEL_NOT_FOUND, MODEL_AMBIGUOUS.
        """
        ...

    def recorded_sha256(self, path: Path) -> str | None:
        """What the hub said of a file that Paddock fetched."""
        ...

    def hashes(self) -> FileCache: ...

    def read_header(self, path: Path) -> object:
        """Read a file's header anew, nothing of what is remembered.

        Raises:
            AppError: where it makes no sense.
        """
        ...

    def scan(self) -> None:
        """Take up what was found into the list of models."""
        ...


class VerifyKind:
    """Parameters: `model`. The result: {"model", "state", "files": [`Checked.to_dict()`],
    "size_bytes", "seconds", "error"}.

    `state` is "ok", "damaged" (one file is enough; `error` says what to do, the file is kept and
    marked in the list) or "no_hash": nothing is known to compare with, but the header makes sense
    and all bytes could be read; they are compared with the next time.
    """

    name = NAME
    needs = NEEDS

    def __init__(self, host: Host) -> None:
        self._host = host

    def plan(self, params: dict[str, Any]) -> list[str]:
        """One step a file. Raises BAD_REQUEST, MODEL_NOT_FOUND, MODEL_AMBIGUOUS."""
        return _steps(self._host.entry(_model(params)))

    def key(self, params: dict[str, Any]) -> str:
        try:
            return self._host.entry(_model(params)).id
        except AppError:  # of an earlier job: its model has gone since
            return _model(params)

    def run(self, context: JobContext) -> dict[str, Any]:
        entry = self._host.entry(_model(context.params))
        begun = time.monotonic()
        before, files = 0, []
        for step, path in zip(_steps(entry), entry.shard_paths, strict=True):
            done = context.step(step, self._work(context, path, before, entry.size_bytes))
            files.append(done)
            before += done["size_bytes"]
        self._host.scan()
        states = {file["state"] for file in files}
        state = next(each for each in ("damaged", "no_hash", "ok") if each in states)
        damaged = next((file["path"] for file in files if file["state"] == "damaged"), None)
        error = None
        if damaged is not None:
            error = AppError(ErrorCode.MODEL_DAMAGED, path=shown(Path(damaged))).to_dict()
        return {
            "model": entry.id,
            "state": state,
            "files": files,
            "size_bytes": before,
            "seconds": round(time.monotonic() - begun, 3),
            "error": error,
        }

    def _work(
        self, context: JobContext, path: Path, before: int, total: int
    ) -> Callable[[], dict[str, Any]]:
        what = f"checking {shown(Path(path.name))}"

        def read(done: int) -> None:
            context.reporter.progress(Progress(what, before + done, total, "bytes"))

        def work() -> dict[str, Any]:
            cache = self._host.hashes()
            expected = known_hash(path, self._host.recorded_sha256(path), cache)
            if expected is None:
                context.reporter.log(f"No hash of {shown(path)} is known to compare with.")
            read(0)
            return check_file(
                path,
                expected,
                cancel=context.cancel,
                on_bytes=read,
                header=self._host.read_header,
                cache=cache,
            ).to_dict()

        return work


def _model(params: dict[str, Any]) -> str:
    model = params.get("model")
    if not isinstance(model, str) or not model:
        raise AppError(ErrorCode.BAD_REQUEST, reason="“model” must be a model's name.")
    return model


def _steps(entry: ModelEntry) -> list[str]:
    return [
        f"{number} {shown(Path(path.name))}" for number, path in enumerate(entry.shard_paths, 1)
    ]
