"""One repository's folder in a cache of the hub's layout, looked at without trusting it.

`models--owner--name` holds `snapshots/COMMIT/FILE` (links, or plain files where a system has
none), `blobs/ETAG` (the contents) and `refs/NAME` (the commit a branch is at).
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from desktop.core.library.notes import DownloadedFile

SNAPSHOTS, BLOBS, REFS = "snapshots", "blobs", "refs"
# What huggingface_hub keeps of a repository beside its files: it makes them anew when needed.
_KEPT_BY_THE_LIBRARY = (REFS, ".no_exist", "trees")


@dataclass(frozen=True)
class Place:
    """Where a downloaded file really lies.

    Attributes:
        folder: the repository's.
        blob: what the link leads to; None where there is no link, or it leads to nothing.
        status: of the content; None where it is missing.
    """

    folder: Path
    blob: Path | None
    status: os.stat_result | None


def folder_name(repo: str) -> str:
    return "models--" + repo.replace("/", "--")


def located(row: DownloadedFile) -> Place | str | None:
    """Where a file lies, if everything about it is as it was left; None where it is gone.

    A text says what is amiss: "outside" where a folder on the way or the blob is a link, or the
    link leads anywhere but to the repository's own blobs; "changed" where it is another file.
    """
    parts = row.path.parts
    wanted = (folder_name(row.repo), SNAPSHOTS, row.commit, *row.repo_file.split("/"))
    if tuple(parts[-len(wanted) :]) != wanted or ".." in parts:
        return "outside"
    folder = Path(*parts[: len(parts) - len(wanted) + 1])
    try:
        if not all(map(_is_folder, _between(folder, row.path.parent))):
            return "outside"
        status = row.path.lstat()
        if stat.S_ISREG(status.st_mode):
            return Place(folder, None, status) if status.st_size == row.size_bytes else "changed"
        if not stat.S_ISLNK(status.st_mode):
            return "changed"
        blob = target_of(row.path)
        if blob.parent != folder / BLOBS or not _is_folder(folder / BLOBS):
            return "outside"
        if blob.name != row.etag:
            return "changed"
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        status = blob.lstat()
    except FileNotFoundError:
        return Place(folder, None, None)
    return Place(folder, blob, status) if stat.S_ISREG(status.st_mode) else "outside"


def _between(folder: Path, below: Path) -> Iterator[Path]:
    """`folder`, and every folder on the way from it to `below`."""
    yield folder
    way = folder
    for part in below.relative_to(folder).parts:
        way /= part
        yield way


def _is_folder(path: Path) -> bool:
    """A real one, no link to one. Raises OSError where there is nothing."""
    return stat.S_ISDIR(path.lstat().st_mode)


def target_of(link: Path) -> Path:
    """Where a link leads, one step and by its words alone."""
    return Path(os.path.normpath(link.parent / link.readlink()))


def _walk(folder: Path) -> Iterator[tuple[Path, list[str], list[str]]]:
    """As `os.walk`, the deepest first; of what is itself a link nothing."""
    try:
        if not _is_folder(folder):
            return
    except OSError:
        return
    for where, names, files in os.walk(folder, topdown=False):
        yield Path(where), names, files


def snapshot_files(folder: Path) -> Iterator[Path]:
    """Every link and file of every snapshot; links to folders are not followed."""
    for here, names, files in _walk(folder / SNAPSHOTS):
        yield from (here / name for name in files)
        yield from (here / name for name in names if (here / name).is_symlink())


def is_blob(folder: Path, blob: Path) -> bool:
    """Whether a path is that of a plain file among a repository's own blobs."""
    try:
        return (
            blob.parent == folder / BLOBS
            and _is_folder(folder)
            and _is_folder(blob.parent)
            and stat.S_ISREG(blob.lstat().st_mode)
        )
    except OSError:
        return False


def links_to(folder: Path, blob: Path) -> set[Path]:
    """The links of all snapshots that lead to a blob."""
    return {
        path for path in snapshot_files(folder) if path.is_symlink() and target_of(path) == blob
    }


# --- tidying up


def drop_empty(folder: Path, commits: Iterable[str]) -> None:
    """Remove what is empty of these snapshots; with a whole one the branches that point to it.

    What cannot be removed stays: an empty folder does no harm.
    """
    for commit in commits:
        snapshot = folder / SNAPSHOTS / commit
        for where, _, _ in _walk(snapshot):
            with contextlib.suppress(OSError):  # something lies in it
                where.rmdir()
        if not os.path.lexists(snapshot):
            _drop_refs(folder, commit)


def _drop_refs(folder: Path, commit: str) -> None:
    for where, _, names in _walk(folder / REFS):
        for name in names:
            ref = where / name
            with contextlib.suppress(OSError):
                if stat.S_ISREG(ref.lstat().st_mode) and _first_line(ref) == commit:
                    ref.unlink()


def _first_line(path: Path) -> str:
    with path.open("rb") as stream:
        return stream.read(200).decode("ascii", "replace").strip()


def drop_folder(folder: Path) -> None:
    """Remove a repository's folder of which no snapshot and no blob is left.

    `snapshots` stays as long as anything else does: without it the hub's library takes the folder
    for a damaged one.
    """
    own = (SNAPSHOTS, BLOBS)
    with contextlib.suppress(OSError):
        if not _is_folder(folder) or any(_has_entries(folder / name) for name in own):
            return  # in use, by a download in progress or by another program
        if any(path.name not in (*own, *_KEPT_BY_THE_LIBRARY) for path in folder.iterdir()):
            return
        for name in _KEPT_BY_THE_LIBRARY:
            _drop_tree(folder / name)
        if all(path.name in own for path in folder.iterdir()):
            for name in own:
                _drop_tree(folder / name)
            folder.rmdir()


def _has_entries(folder: Path) -> bool:
    try:
        return not _is_folder(folder) or any(folder.iterdir())
    except FileNotFoundError:
        return False


def _drop_tree(folder: Path) -> None:
    """Remove the small files the hub's library keeps, and empty folders."""
    for where, _, files in _walk(folder):
        for name in files:
            with contextlib.suppress(OSError):
                (where / name).unlink()
        with contextlib.suppress(OSError):
            where.rmdir()
