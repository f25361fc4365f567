"""The runtimes there are: the environment's own build, those Paddock built, and linked folders."""

from __future__ import annotations

import json
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from desktop.core.engine.runtime import (
    ENVIRONMENT_ID,
    Runtime,
    environment_folder,
    read_runtime,
)
from desktop.core.errors import AppError, ErrorCode
from desktop.core.paths import Paths

MARK = "runtime.json"  # in data/runtimes/<name>/: {"folder": …} links, {"built": true} was built
Kind = Literal["environment", "built", "linked", "found"]
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")


@dataclass(frozen=True)
class RuntimeEntry:
    """A runtime, or why it is none. "found" is a folder someone put there by hand."""

    id: str
    kind: Kind
    folder: Path | None
    runtime: Runtime | None = None
    error: AppError | None = None


def check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise AppError(
            ErrorCode.BAD_REQUEST,
            reason=f"“{name}” cannot be an engine's name: letters, digits, “.”, “_” and “-” only.",
        )


def write_mark(folder: Path, content: dict[str, object]) -> None:
    part = folder / (MARK + ".part")
    part.write_text(json.dumps(content, indent=1), "utf-8")
    os.replace(part, folder / MARK)


class RuntimeStore:
    """Finds, adds and forgets runtimes. Which one is used is a setting of the caller's: `chosen`
    (None or "environment" is the environment's own)."""

    def __init__(self, paths: Paths, chosen: str | None = None) -> None:
        self._paths = paths
        self.chosen = chosen or ENVIRONMENT_ID

    def entries(self) -> list[RuntimeEntry]:
        """All of them, the environment's first; each is asked what it is."""
        return [self._read(*place) for place in self._places()]

    def get(self, runtime_id: str) -> Runtime:
        """A runtime by its id.

        Raises:
            AppError: ENGINE_NOT_FOUND, or ENGINE_BAD_RUNTIME where it does not work.
        """
        for place in self._places():
            if place[0] == runtime_id:
                entry = self._read(*place)
                if entry.error is not None:
                    raise entry.error
                assert entry.runtime is not None
                return entry.runtime
        known = ", ".join(place[0] for place in self._places()) or "none"
        raise AppError(ErrorCode.ENGINE_NOT_FOUND, runtime=runtime_id, reason=f"Known: {known}.")

    def current(self) -> Runtime:
        """The chosen one; never another in its place."""
        return self.get(self.chosen)

    def add(self, name: str, folder: Path) -> Runtime:
        """Link a folder of tools after trying it out. Nothing is copied.

        Raises:
            AppError: ENGINE_RUNTIME_EXISTS, ENGINE_BAD_RUNTIME, BAD_REQUEST.
        """
        check_name(name)
        target = self.folder_for_new(name)
        folder = folder.expanduser().absolute()
        if not folder.is_dir():
            raise AppError(ErrorCode.PATH_NOT_FOUND, path=str(folder))
        runtime = read_runtime(name, folder, self._paths.cache)
        target.mkdir(parents=True)
        write_mark(target, {"folder": str(folder)})
        return runtime

    def remove(self, name: str) -> None:
        """Delete a runtime Paddock built, or forget a linked folder.

        Raises:
            AppError: ENGINE_IN_USE for the environment's, the chosen one and a folder that was put
                there by hand; ENGINE_NOT_FOUND.
        """
        place = next((place for place in self._places() if place[0] == name), None)
        if name == ENVIRONMENT_ID:
            raise _in_use(name, "It belongs to Paddock itself.")
        if place is None:
            raise AppError(ErrorCode.ENGINE_NOT_FOUND, runtime=name, reason="It is not there.")
        if name == self.chosen:
            raise _in_use(name, "It is the one in use.")
        folder = self._paths.runtimes / name
        if place[1] == "found":
            raise _in_use(name, f"Paddock did not make {folder}: delete it by hand.")
        if place[1] == "linked":
            (folder / MARK).unlink()
            folder.rmdir()
            return
        doomed = folder.with_name(f".removed-{name}-{os.getpid()}")
        os.replace(folder, doomed)  # a delete that breaks off leaves no half runtime
        shutil.rmtree(doomed)

    def folder_for_new(self, name: str) -> Path:
        """Where a new runtime goes.

        Raises:
            AppError: ENGINE_RUNTIME_EXISTS.
        """
        target = self._paths.runtimes / name
        same = {place[0].lower() for place in self._places()} | {ENVIRONMENT_ID}
        if name.lower() in same or target.exists():
            raise AppError(ErrorCode.ENGINE_RUNTIME_EXISTS, runtime=name)
        return target

    def _places(self) -> list[tuple[str, Kind, Path | None, str | None]]:
        """Id, kind, folder of the tools (None where unknown) and what is wrong with the entry."""
        own = environment_folder()
        places: list[tuple[str, Kind, Path | None, str | None]] = []
        if own is not None:
            places.append((ENVIRONMENT_ID, "environment", own, None))
        root = self._paths.runtimes
        for folder in sorted(root.iterdir()) if root.is_dir() else []:
            if folder.is_dir() and not folder.name.startswith("."):
                places.append((folder.name, *_kind_of(folder)))
        return places

    def _read(
        self, runtime_id: str, kind: Kind, folder: Path | None, wrong: str | None
    ) -> RuntimeEntry:
        if folder is None or wrong is not None:
            where = str(self._paths.runtimes / runtime_id)
            error = AppError(ErrorCode.ENGINE_BAD_RUNTIME, path=where, reason=wrong or "")
            return RuntimeEntry(runtime_id, kind, folder, error=error)
        try:
            runtime = read_runtime(runtime_id, folder, self._paths.cache)
        except AppError as bad:
            return RuntimeEntry(runtime_id, kind, folder, error=bad)
        return RuntimeEntry(runtime_id, kind, folder, runtime)


def _in_use(name: str, reason: str) -> AppError:
    return AppError(ErrorCode.ENGINE_IN_USE, runtime=name, reason=reason)


def _kind_of(folder: Path) -> tuple[Kind, Path | None, str | None]:
    mark = folder / MARK
    if not mark.exists():
        return "found", folder, None
    try:
        data = json.loads(mark.read_text("utf-8"))
        if data.get("built"):
            return "built", folder, None
        linked = Path(str(data["folder"]))
    except (OSError, ValueError, KeyError, AttributeError) as error:
        return "linked", None, f"{mark} cannot be read: {error}"
    if not linked.is_dir():
        return "linked", linked, f"The folder {linked} is gone."
    return "linked", linked, None
