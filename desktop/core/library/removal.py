"""What deleting a model would delete, and deleting it: files that Paddock fetched, and no others.

They lie in the layout of the hub's cache: `models--owner--name/snapshots/COMMIT/FILE` is a link to
`models--owner--name/blobs/ETAG`. A link goes; its blob goes when no other link leads to it; then
what is empty. `huggingface_hub.scan_cache_dir` finds nothing amiss afterwards. A path is believed
only where each of its folders is a real one: no link is ever followed to something to be deleted.
"""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from desktop.core.errors import AppError, ErrorCode
from desktop.core.gguf.words import shown
from desktop.core.library import repofolder
from desktop.core.library.disk import Inode, blocks_bytes
from desktop.core.library.entry import ModelEntry
from desktop.core.library.notes import DownloadedFile
from desktop.core.library.repofolder import is_blob, links_to, located

Part = Literal["model", "projector"]

# Why a file is not deleted, in the words of the command line; the window translates by code.
REASONS = {
    "not_downloaded": "Paddock did not download it.",
    "incomplete": "Other parts of the model did not come from Paddock.",
    "used_by": "It also belongs to {models}.",
    "shared": "Another snapshot that Paddock did not download uses it.",
    "outside": "A link leads out of the models folder, or its place is not as Paddock left it.",
    "changed": "It is not the file that Paddock put there.",
    "asked": "Its file was to be kept.",
}


@dataclass(frozen=True)
class Kept:
    """A file that stays, and why."""

    path: Path
    code: str
    params: Mapping[str, str] = field(default_factory=dict, hash=False)

    def to_dict(self) -> dict[str, Any]:
        reason = REASONS[self.code].format_map(self.params)
        params = dict(self.params)
        return {"path": str(self.path), "code": self.code, "reason": reason, "params": params}


@dataclass(frozen=True)
class Gone:
    """A file to be deleted: its link in the snapshot, and its blob where nothing else needs it.

    Attributes:
        blob: None where the file has none of its own: it is a plain file, its blob is missing, or
            another link that goes as well has it.
        freed_bytes: 0 also where the content has a hard link elsewhere, which `linked` says.
    """

    path: Path
    folder: Path
    blob: Path | None
    part: Part
    row: DownloadedFile
    size_bytes: int = 0
    freed_bytes: int = 0
    linked: bool = False

    def to_dict(self) -> dict[str, Any]:
        return {
            "path": str(self.path),
            "part": self.part,
            "size_bytes": self.size_bytes,
            "freed_bytes": self.freed_bytes,
            "linked": self.linked,
        }


@dataclass(frozen=True)
class Removal:
    """What removing a model comes to.

    Attributes:
        hides: the model is taken out of the list instead of off the disk.
        remains: its content lies in another place, too, where it will be found.
        needed_by: ids of models whose saved settings load it beside them, and of its variants.
    """

    model: str
    gone: tuple[Gone, ...] = ()
    kept: tuple[Kept, ...] = ()
    hides: bool = False
    remains: bool = False
    needed_by: tuple[str, ...] = ()

    @property
    def freed_bytes(self) -> int:
        return sum(file.freed_bytes for file in self.gone)

    def to_dict(self) -> dict[str, Any]:
        return {
            "model": self.model,
            "freed_bytes": self.freed_bytes,
            "removed": [file.to_dict() for file in self.gone],
            "kept": [file.to_dict() for file in self.kept],
            "hidden": self.hides,
            "remains": self.remains,
            "needed_by": list(self.needed_by),
        }


def plan_removal(
    entry: ModelEntry,
    entries: Sequence[ModelEntry],
    downloads: Iterable[DownloadedFile],
    *,
    keep_file: bool = False,
    needed_by: tuple[str, ...] = (),
) -> Removal:
    """What removing the model would delete and keep. Nothing is changed.

    Args:
        entries: all models: a projector stays while another one uses it.
        downloads: what Paddock fetched.
        keep_file: only take it out of the list.

    Raises:
        AppError: MODEL_BUNDLED.
    """
    if entry.bundled and not keep_file:
        raise AppError(ErrorCode.MODEL_BUNDLED, model=entry.id)
    places = [entry.shard_paths, *(tuple(f.path for f in files) for files in entry.copy_files)]
    if keep_file:
        kept = [Kept(path, "asked") for place in places for path in place]
        return Removal(entry.id, (), tuple(kept), True, True, needed_by)
    found = _Finder(downloads)
    plans = [found.place(place, "model") for place in places]
    gone = [file for plan in plans for file in plan.gone]
    kept = [file for plan in plans for file in plan.kept]
    remains = bool(kept)
    if gone and (projector := _projector_of(entry, entries)) is not None:
        users = [each.id for each in entries if each.mmproj == entry.mmproj and each is not entry]
        plan = found.place(projector.shard_paths, "projector")
        if users:
            plan = _Plan([], [Kept(projector.path, "used_by", {"models": ", ".join(users)})])
        gone += plan.gone
        kept += plan.kept
    if remains and not any(file.freed_bytes for file in gone):
        # Nothing would be won, and the model would still be there.
        kept += [Kept(file.path, "shared") for file in gone if file.part == "model"]
        return Removal(entry.id, (), _once(kept), True, True, needed_by)
    return Removal(entry.id, tuple(gone), _once(kept), False, remains, needed_by)


def plan_rows(model: str, rows: Iterable[DownloadedFile]) -> Removal:
    """The removal of just these files, such as those of a download that was given up.

    Args:
        model: what the removal is called.
    """
    gone: list[Gone] = []
    kept: list[Kept] = []
    for row in rows:
        place = located(row)
        if isinstance(place, str):
            kept.append(Kept(row.path, place))
        elif place is not None:
            gone.append(_gone(row, place, "model"))
    plan = _settled(gone)
    return Removal(model, tuple(plan.gone), _once([*kept, *plan.kept]), False, bool(kept))


def _once(kept: Iterable[Kept]) -> tuple[Kept, ...]:
    return tuple({each.path: each for each in kept}.values())


def _projector_of(entry: ModelEntry, entries: Iterable[ModelEntry]) -> ModelEntry | None:
    if entry.mmproj is None:
        return None
    return next((each for each in entries if entry.mmproj in each.shard_paths), None)


@dataclass
class _Plan:
    gone: list[Gone]
    kept: list[Kept]


class _Finder:
    """Says of files which downloads they are."""

    def __init__(self, downloads: Iterable[DownloadedFile]) -> None:
        self._by_path: dict[Path, list[DownloadedFile]] = {}
        self._by_inode: dict[Inode, list[DownloadedFile]] = {}
        for row in downloads:
            self._by_path.setdefault(row.path, []).append(row)
            inode = _inode(row.path)
            if inode is not None:
                self._by_inode.setdefault(inode, []).append(row)

    def place(self, paths: Sequence[Path], part: Part) -> _Plan:
        """All files of a model in one place: they go together or not at all."""
        rows = [self._rows(path) for path in paths]
        if not all(rows):
            code = "incomplete" if any(rows) else "not_downloaded"
            return _Plan(
                [],
                [
                    Kept(path, code if ours else "not_downloaded")
                    for path, ours in zip(paths, rows, strict=True)
                ],
            )
        gone: list[Gone] = []
        kept: list[Kept] = []
        for row in {row.path: row for ours in rows for row in ours}.values():
            place = located(row)
            if isinstance(place, str):
                kept.append(Kept(row.path, place))
            elif place is not None:
                gone.append(_gone(row, place, part))
        if kept:
            return _Plan([], [*kept, *(Kept(file.path, "incomplete") for file in gone)])
        return _settled(gone)

    def _rows(self, path: Path) -> list[DownloadedFile]:
        inode = _inode(path)
        same = self._by_inode.get(inode, []) if inode is not None else []
        return [*self._by_path.get(path, []), *same]


def _inode(path: Path) -> Inode | None:
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino


def _gone(row: DownloadedFile, place: repofolder.Place, part: Part) -> Gone:
    size_bytes = place.status.st_size if place.status else 0
    return Gone(row.path, place.folder, place.blob, part, row, size_bytes)


def _settled(gone: list[Gone]) -> _Plan:
    """Each blob with one of its links that go; none where another link stays."""
    kept: list[Kept] = []
    settled: list[Gone] = []
    going = {file.path for file in gone}
    taken: set[Path] = set()
    for file in gone:
        if file.blob is not None and links_to(file.folder, file.blob) - going:
            kept.append(Kept(file.blob, "shared"))
            settled.append(replace(file, blob=None))
        elif file.blob is not None and file.blob in taken:
            settled.append(replace(file, blob=None))
        else:
            taken |= {file.blob} if file.blob is not None else set()
            settled.append(file)
    staying = {each.path for each in kept}
    return _Plan(_weighed(settled, staying), kept)


def _weighed(gone: list[Gone], staying: set[Path]) -> list[Gone]:
    """With what each frees: a content with several hard links nothing until the last one goes."""
    contents: dict[Path, os.stat_result] = {}
    for file in gone:
        content = _content(file)
        if content is not None and content not in staying:
            contents[content] = content.lstat()
    names = Counter((status.st_dev, status.st_ino) for status in contents.values())
    weighed: list[Gone] = []
    counted: set[Inode] = set()
    for file in gone:
        status = contents.get(_content(file) or Path())
        if status is None:
            weighed.append(file)
            continue
        inode = (status.st_dev, status.st_ino)
        frees = names[inode] >= status.st_nlink
        first = inode not in counted
        counted.add(inode)
        weighed.append(
            replace(
                file, linked=not frees, freed_bytes=blocks_bytes(status) if frees and first else 0
            )
        )
    return weighed


def _content(file: Gone) -> Path | None:
    """The file that takes the room: its blob, or itself where it is no link."""
    if file.blob is not None:
        return file.blob
    try:
        return file.path if stat.S_ISREG(file.path.lstat().st_mode) else None
    except OSError:
        return None


# --- doing it


def execute(removal: Removal, on_gone: Callable[[DownloadedFile], None] = lambda row: None) -> int:
    """Delete what the plan says; returns the bytes that are free now. It is for good.

    What has gone since the plan was made counts as done; what has changed is left alone.

    Args:
        on_gone: told of each file that is off the disk.

    Raises:
        AppError: REMOVE_FAILED; files before the one it names are gone.
    """
    _check_writable(removal.gone)
    freed = 0
    for file in removal.gone:  # links first: none may ever lead to nothing
        place = located(file.row)
        if isinstance(place, str):
            raise AppError(ErrorCode.REMOVE_FAILED, path=shown(file.path), reason=REASONS[place])
        if place is not None:
            freed += 0 if file.blob is not None else file.freed_bytes
            _unlink(file.path)
    for folder in {file.folder for file in removal.gone}:
        repofolder.drop_empty(folder, {f.row.commit for f in removal.gone if f.folder == folder})
    for file in removal.gone:
        blob = file.blob
        if blob is not None and is_blob(file.folder, blob) and not links_to(file.folder, blob):
            freed += file.freed_bytes if _unlink(blob) else 0
        on_gone(file.row)
    for folder in {file.folder for file in removal.gone}:
        repofolder.drop_folder(folder)
    return freed


def _check_writable(gone: Iterable[Gone]) -> None:
    """Better nothing than a half: most of what can go wrong is known before."""
    for file in gone:
        folders = [file.path.parent] + ([file.blob.parent] if file.blob is not None else [])
        for folder in folders:
            if folder.exists() and not os.access(folder, os.W_OK | os.X_OK):
                reason = "Its folder cannot be written to."
                raise AppError(ErrorCode.REMOVE_FAILED, path=shown(file.path), reason=reason)


def _unlink(path: Path) -> bool:
    """Whether there was something to delete: a link or a plain file, never what it leads to."""
    try:
        if stat.S_ISDIR(path.lstat().st_mode):
            return False
        path.unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        reason = f"{error.strerror or error}."
        raise AppError(ErrorCode.REMOVE_FAILED, path=shown(path), reason=reason) from error
    return True
