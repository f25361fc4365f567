"""The job that moves everything that was downloaded to another folder."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol

from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import Progress
from desktop.core.jobs.kinds import JobContext
from desktop.core.jobs.table import Job
from desktop.core.library import copying, move
from desktop.core.library.move import Pieces
from desktop.core.library.notes import DownloadedFile

NAME = "move_models"
LOOK, COPY, CHECK, SWITCH, CLEAN = "look", "copy", "check", "switch", "clean"


class Host(Protocol):
    """What it needs of the service. Called from a worker thread."""

    def folder(self) -> Path:
        """Where downloads go now."""
        ...

    def standard_folder(self) -> Path:
        """Where they go when nothing is set."""
        ...

    def check_changeable(self) -> None:
        """Raises:
        AppError: MODELS_FOLDER_FIXED, where the environment decides.
        """
        ...

    def check_unused(self, files: Sequence[Path]) -> None:
        """Raises:
        AppError: MODEL_IN_USE, while one of these files is in the engine or a download runs.
        """
        ...

    def moves(self) -> Sequence[Job]:
        """The moves that have not ended."""
        ...

    def downloads(self) -> Iterable[DownloadedFile]: ...

    def switch(self, source: Path, target: Path, pieces: Pieces, *, keep_reading: bool) -> None:
        """Let everything that names a file below `source` name it below `target`, then make
        `target` the folder of downloads and look through it.

        Args:
            keep_reading: repositories stay in `source`, which would not be looked through any more.
        """
        ...

    def scan(self) -> None:
        """Look through the models' folders, and tell everyone what changed."""
        ...


class MoveKind:
    """Parameters: `folder`, absolute; null for the one that is used when nothing is set. The
    result: {"folder", "from", "repositories", "size_bytes", "freed_bytes", "copied", "left",
    "seconds"}: `left` are old files that could not be deleted or had changed.

    It goes on after a crash where it was; until the step "switch" has ended nothing of the old
    folder is touched, and a cancelled one leaves nothing at the new place.
    """

    name = NAME
    needs = frozenset({"cpu", "download", "models"})

    def __init__(self, host: Host) -> None:
        self._host = host

    def plan(self, params: dict[str, Any]) -> list[str]:
        """Raises MODELS_FOLDER_FIXED, MODELS_FOLDER_UNUSABLE, MODELS_FOLDER_FULL, MODEL_IN_USE,
        BAD_REQUEST: before it waits for its turn, not after."""
        target = self._target(params)
        moves = self._host.moves()
        if not moves:
            self._look(target)
        elif all(self._target(job.params) != target for job in moves):
            reason = f"The models are being moved already (job {moves[0].id})."
            raise AppError(ErrorCode.BAD_REQUEST, reason=reason)
        return [LOOK, COPY, CHECK, SWITCH, CLEAN]

    def key(self, params: dict[str, Any]) -> str:
        return str(self._target(params))

    def _target(self, params: dict[str, Any]) -> Path:
        self._host.check_changeable()
        folder = params.get("folder")
        if folder is None:
            return self._host.standard_folder()
        if not isinstance(folder, str) or not Path(folder).expanduser().is_absolute():
            raise AppError(ErrorCode.BAD_REQUEST, reason="“folder” must be an absolute path.")
        return Path(folder).expanduser()

    def _look(self, target: Path) -> dict[str, Any]:
        """What is to be moved; nothing stands in its way."""
        source = self._host.folder()
        pieces = move.find_pieces(source, self._host.downloads())
        self._host.check_unused([source / piece.path for piece in pieces.files])
        move.check_target(source, target, pieces)
        return {"source": str(source), "target": str(target), **pieces.to_dict()}

    def run(self, context: JobContext) -> dict[str, Any]:
        begun = time.monotonic()
        target = self._target(context.params)
        plan = context.step(LOOK, lambda: self._look(target))
        source, pieces = Path(plan["source"]), Pieces.from_dict(plan)
        if COPY not in context.done and not move.same_disk(source, target):
            move.check_room(target, pieces)

        def copy() -> list[str]:
            told = _telling(context, "copying", pieces.size_bytes)
            return copying.stage(source, target, pieces, context.cancel, told)

        copied = context.step(COPY, copy)

        def check() -> None:
            sizes = {piece.path: piece.size_bytes for piece in pieces.files}
            told = _telling(context, "checking the copies", sum(sizes[name] for name in copied))
            copying.compare(
                source, target, pieces, copied=copied, cancel=context.cancel, on_bytes=told
            )

        def switch() -> None:
            context.reporter.progress(Progress("changing to the new folder", 0))
            self._host.check_unused([source / piece.path for piece in pieces.files])
            move.settle(target, pieces)
            stays = bool(move.other_repositories(source, pieces))
            self._host.switch(source, target, pieces, keep_reading=stays)
            move.drop_staging(target)  # until then it says that the move has not ended

        def clean() -> dict[str, Any]:
            context.reporter.progress(Progress("deleting the old files", 0))
            cleaned = move.clean(source, pieces)
            self._host.scan()
            return {"freed_bytes": cleaned.freed_bytes, "left": list(cleaned.left)}

        context.step(CHECK, check)
        context.step(SWITCH, switch)
        cleaned = context.step(CLEAN, clean)
        return {
            "folder": str(target),
            "from": str(source),
            "repositories": list(pieces.folders),
            "size_bytes": pieces.size_bytes,
            "copied": bool(copied),
            **cleaned,
            "seconds": round(time.monotonic() - begun, 3),
        }

    def cancelled(self, params: dict[str, Any], done: dict[str, Any]) -> None:
        """Take back what was made; once the new folder is in use, finish instead."""
        if LOOK not in done:
            move.drop_staging(self._target(params))
            return
        plan = done[LOOK]
        source, target, pieces = Path(plan["source"]), Path(plan["target"]), Pieces.from_dict(plan)
        if SWITCH in done or self._host.folder() == target:
            move.clean(source, pieces)
        else:
            move.undo(target, pieces)


def _telling(context: JobContext, what: str, total: int) -> Callable[[int], None]:
    return lambda done: context.reporter.progress(Progress(what, done, total, "bytes"))
