"""What jobs that verify and move models need of the service."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from desktop.core.db import Database
from desktop.core.errors import AppError, ErrorCode
from desktop.core.gguf.filecache import FileCache
from desktop.core.gguf.reader import HeaderReader
from desktop.core.gguf.words import shown
from desktop.core.jobs.table import Job, JobState, JobTable
from desktop.core.library.entry import ModelEntry
from desktop.core.library.identity import hash_cache
from desktop.core.library.move import Pieces
from desktop.core.library.notes import DownloadedFile
from desktop.core.paths import Paths, hf_cache, models_folder, models_folder_fixed_by
from desktop.core.service.models import Models
from desktop.core.service.removal import DOWNLOAD_JOB, MOVE_JOB, files_of
from desktop.core.service.supervisor import Supervisor
from desktop.core.settings import Settings

T = TypeVar("T")


class LibraryJobs:
    """The `LibraryHost`. Its methods are called from worker threads."""

    def __init__(
        self,
        where: Paths,
        database: Database,
        models: Models,
        *,
        settings: Callable[[], Settings],
        change_settings: Callable[[dict[str, Any]], Awaitable[Settings]],
        jobs: JobTable,
        supervisor: Supervisor,
    ) -> None:
        self._where = where
        self._database = database
        self._models = models
        self._settings = settings
        self._change_settings = change_settings
        self._jobs = jobs
        self._supervisor = supervisor
        self._loop = asyncio.get_running_loop()

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def scan(self) -> None:
        self._wait(self._models.scan())

    def entries(self) -> list[ModelEntry]:
        return self._models.library.models()

    # --- verifying ----------------------------------------------------------------------------

    def entry(self, name: str) -> ModelEntry:
        return self._models.library.resolve(name, hidden=True)

    def recorded_sha256(self, path: Path) -> str | None:
        real = path.resolve()
        for row in self._models.store.downloads():
            if row.path == path or row.path.resolve() == real:
                return row.sha256
        return None

    def hashes(self) -> FileCache:
        return hash_cache(self._where.cache / "hashes")

    def read_header(self, path: Path) -> object:
        with HeaderReader(None, work_root=self._where.work) as reader:
            return reader.read(path)

    # --- moving -------------------------------------------------------------------------------

    def folder(self) -> Path:
        return models_folder(self._settings())

    def standard_folder(self) -> Path:
        return hf_cache().absolute()

    def check_changeable(self) -> None:
        variable = models_folder_fixed_by()
        if variable is not None:
            folder = shown(self.standard_folder())
            raise AppError(ErrorCode.MODELS_FOLDER_FIXED, variable=variable, folder=folder)

    def check_unused(self, files: Sequence[Path]) -> None:
        moved = set(map(str, files))
        for loaded in self._supervisor.models:
            used = files_of(loaded)
            if moved & {name for path in used for name in (path, str(Path(path).resolve()))}:
                raise AppError(
                    ErrorCode.MODEL_IN_USE, model=loaded.entry.id, reason="It is loaded."
                )
        for job in self._jobs.unfinished():
            if job.kind == DOWNLOAD_JOB and job.state is JobState.RUNNING:
                name = str(job.params.get("model"))
                raise AppError(
                    ErrorCode.MODEL_IN_USE, model=name, reason=f"It is downloaded (job {job.id})."
                )

    def moves(self) -> Sequence[Job]:
        return [job for job in self._jobs.unfinished() if job.kind == MOVE_JOB]

    def downloads(self) -> Iterable[DownloadedFile]:
        return self._models.store.downloads()

    def switch(self, source: Path, target: Path, pieces: Pieces, *, keep_reading: bool) -> None:
        """As `move.Host.switch`. Killed in between, it can be done again."""
        moved = [(str(source / name), str(target / name)) for name in pieces.folders]
        self._take_over_checks(source, target, pieces)
        with self._database.transaction() as connection:
            for table, key, column in _NAMING_FILES:
                rows = connection.execute(f"SELECT {key}, {column} FROM {table}").fetchall()
                for row in rows:
                    before = row[column]
                    after = _renamed_in(before, moved)
                    if after != before:
                        connection.execute(
                            f"UPDATE OR REPLACE {table} SET {column} = ? WHERE {key} = ?",
                            (after, row[key]),
                        )
        folders = [_renamed(folder, moved) for folder in self._settings().library.folders]
        standard = self.standard_folder()
        if keep_reading and source != standard and str(source) not in folders:
            folders.append(str(source))
        changes: dict[str, Any] = {
            "library.models_folder": None if target == standard else str(target)
        }
        if folders != self._settings().library.folders:
            changes["library.folders"] = folders
        self._wait(self._changed(changes))

    async def _changed(self, changes: dict[str, Any]) -> None:
        await self._change_settings(changes)
        await self._models.scan()

    def _take_over_checks(self, source: Path, target: Path, pieces: Pieces) -> None:
        """What is known of the files' contents goes on to be known: hashes, and what is damaged."""
        cache = self.hashes()
        for piece in pieces.pieces:
            if piece.path.lower().endswith(".gguf"):
                old, new = source / piece.path, target / piece.path
                try:
                    kept = cache.get(old, old.stat())
                    if kept is not None:
                        cache.put(new, new.stat(), kept)
                except OSError:  # a link that leads to nothing
                    continue


# Where the database names files: table, its key, and the column; documents are JSON.
_NAMING_FILES = (
    ("downloaded_files", "path", "path"),
    ("model_settings", "fingerprint", "settings"),
    ("model_cards", "fingerprint", "document"),
    ("variants", "name", "document"),
)


def _renamed_in(stored: str, moved: Sequence[tuple[str, str]]) -> str:
    """A path, or a JSON document with paths in it, after the move."""
    if not stored.startswith("{"):
        return _renamed(stored, moved)
    before = json.loads(stored)
    after = _renamed_deep(before, moved)
    return stored if after == before else json.dumps(after)


def _renamed_deep(value: Any, moved: Sequence[tuple[str, str]]) -> Any:
    if isinstance(value, str):
        return _renamed(value, moved)
    if isinstance(value, list):
        return [_renamed_deep(each, moved) for each in value]
    if isinstance(value, dict):
        return {name: _renamed_deep(each, moved) for name, each in value.items()}
    return value


def _renamed(path: str, moved: Sequence[tuple[str, str]]) -> str:
    for old, new in moved:
        if path == old or path.startswith((f"{old}/", f"{old}\\")):
            return new + path[len(old) :]
    return path
