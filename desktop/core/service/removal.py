"""Removing models in the service: planned, refused while in use, carried through a crash."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from desktop.core.errors import AppError
from desktop.core.files import write_atomic
from desktop.core.hub.names import parse_name
from desktop.core.jobs.table import Job, JobState
from desktop.core.library.entry import ModelEntry
from desktop.core.library.library import Library
from desktop.core.library.notes import DownloadedFile
from desktop.core.library.removal import Gone, Removal, execute, plan_removal
from desktop.core.service.library_store import LibraryStore
from desktop.core.service.loaded import Loaded
from desktop.core.service.model_settings import ModelSettingsStore
from desktop.core.service.supervisor import Supervisor

log = logging.getLogger(__name__)

DOWNLOAD_JOB, MOVE_JOB = "download", "move_models"
# They work with the files of all models.
_OF_ALL = frozenset({MOVE_JOB, "link"})


class Remover:
    """Plans and deletes; called in worker threads.

    Args:
        journal: a file that holds what is being deleted, so that a crash in the middle of it is
            made good at the next start.
    """

    def __init__(
        self,
        library: Library,
        store: LibraryStore,
        saved: ModelSettingsStore,
        journal: Path,
    ) -> None:
        self._library = library
        self._store = store
        self._saved = saved
        self._journal = journal

    def plan(self, entry: ModelEntry, *, keep_file: bool = False) -> Removal:
        """What removing it would delete and keep.

        Raises:
            AppError: MODEL_BUNDLED.
        """
        entries = self._library.models()
        needed_by = self._needed_by(entry, entries)
        return plan_removal(
            entry,
            entries,
            self._store.downloads(),
            keep_file=keep_file or entry.variant is not None,
            needed_by=needed_by,
        )

    def _needed_by(self, entry: ModelEntry, entries: Iterable[ModelEntry]) -> tuple[str, ...]:
        """The models that are loaded with this one beside them, as a draft, projector, adapter;
        and its variants."""
        names = {entry.id, *entry.aliases, *map(str, entry.shard_paths)}
        saved = self._saved.all()
        return tuple(
            other.id
            for other in entries
            if other is not entry
            and (names & beside(saved.get(other.fingerprint, {})) or other.variant_of == entry.id)
        )

    def carry_out(self, removal: Removal) -> int:
        """Delete what the plan says; returns the bytes that are free now.

        Raises:
            AppError: REMOVE_FAILED.
        """
        gone: list[DownloadedFile] = []
        self._write(removal)
        try:
            return execute(removal, gone.append)
        finally:
            self._store.forget_downloads([row.path for row in gone])
            self._journal.unlink(missing_ok=True)

    def finish(self) -> None:
        """At the start: what a crash left half deleted."""
        removal = self._read()
        if removal is None:
            return
        log.warning("a removal was interrupted: it is finished", extra={"model": removal.model})
        try:
            self.carry_out(removal)
        except AppError as error:
            log.warning("a removal could not be finished", extra={"why": str(error)})

    def _write(self, removal: Removal) -> None:
        files = [
            {
                "path": str(file.path),
                "folder": str(file.folder),
                "blob": None if file.blob is None else str(file.blob),
                "part": file.part,
                "row": {**asdict(file.row), "path": str(file.row.path)},
            }
            for file in removal.gone
        ]
        write_atomic(self._journal, json.dumps({"model": removal.model, "files": files}).encode())

    def _read(self) -> Removal | None:
        try:
            document = json.loads(self._journal.read_bytes())
            return Removal(document["model"], tuple(map(_gone, document["files"])))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            log.warning("the note of a removal cannot be read", extra={"why": str(error)})
            return None


def _gone(file: Mapping[str, Any]) -> Gone:
    row = DownloadedFile(**{**file["row"], "path": Path(file["row"]["path"])})
    blob = None if file["blob"] is None else Path(file["blob"])
    return Gone(Path(file["path"]), Path(file["folder"]), blob, file["part"], row)


def beside(settings: Mapping[str, Any]) -> set[str]:
    """The files and models that settings of a load name."""
    adapters = settings.get("adapters") or ()
    named = [each.get("path") for each in adapters if isinstance(each, Mapping)]
    named += [settings.get(name) for name in ("draft", "mmproj")]
    return {name for name in named if isinstance(name, str)}


# --- in use


def files_of(loaded: Loaded) -> set[str]:
    """The files and models that a loaded model reads or was loaded with."""
    used = set(map(str, loaded.entry.shard_paths))
    if loaded.prepared is not None:
        used |= beside(loaded.prepared.settings.to_dict())
    return used


def why_in_use(
    entry: ModelEntry,
    paths: Iterable[Path],
    supervisor: Supervisor,
    jobs: Iterable[Job],
    resolve: Callable[[str], ModelEntry],
) -> str | None:
    """Why a model's files cannot be deleted now, as a sentence; None where nothing uses them.

    Args:
        paths: all files that would go.
        resolve: the model of a name; raises AppError where there is none.
    """
    files = {str(path) for path in paths}
    if entry.id in supervisor.wanted:
        return "It is loaded, or about to be."
    for loaded in supervisor.models:
        if files_of(loaded) & files:
            return f"{loaded.entry.id} is loaded with it."
    for job in jobs:
        if job.state is JobState.RUNNING and _works_with(job, entry, resolve):
            return f"Job {job.id} ({job.kind}) works with it."
    return None


def _works_with(job: Job, entry: ModelEntry, resolve: Callable[[str], ModelEntry]) -> bool:
    if job.kind in _OF_ALL:
        return True
    name = job.params.get("model")
    if not isinstance(name, str):
        return False
    if job.kind == DOWNLOAD_JOB:  # its other files lie beside: folders come and go there
        wanted = parse_name(name)
        same = wanted is not None and wanted.repo.lower() == (entry.repo or "").lower()
        if same:
            return True
    try:
        return resolve(name).content == entry.content
    except AppError:
        return False
