"""Moving repositories of a cache in the hub's layout to another folder.

Everything is first made beside its place, in a folder of its own at the target: by hard links where
source and target are on one disk, else as copies that are read back and compared. Only then do the
folders get their names, and only after the setting names the new folder are the old files deleted:
those that were moved and have not changed, and nothing that came since. No link is followed.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from desktop.core.errors import AppError, ErrorCode
from desktop.core.files import disk_full
from desktop.core.gguf.words import shown
from desktop.core.library.disk import blocks_bytes
from desktop.core.library.notes import DownloadedFile
from desktop.core.library.repofolder import BLOBS

STAGING = ".paddock-move"
_PART = ".paddock-part"  # of a download that waits or is paused: it goes on at the new place
_SHA256 = re.compile(r"[0-9a-f]{64}")
_MARGIN_BYTES = 64 << 20  # what a disk should keep free

What = Literal["folder", "file", "link"]


@dataclass(frozen=True)
class Piece:
    """A folder, file or link to be moved.

    Attributes:
        path: below the cache, with slashes.
        changed_ns: when the file was last changed; one that changed since stays where it is.
        target: what a link says.
        becomes: what it is to say at the new place: one within its repository leads to the same
            file there, another to where it leads now.
    """

    path: str
    what: What
    size_bytes: int = 0
    disk_bytes: int = 0
    changed_ns: int = 0
    target: str = ""
    becomes: str = ""

    @property
    def sha256(self) -> str | None:
        """The hash the file is named by."""
        folder, _, name = self.path.rpartition("/")
        named = folder.endswith(f"/{BLOBS}") and self.what == "file" and _SHA256.fullmatch(name)
        return name if named else None


@dataclass(frozen=True)
class Pieces:
    """What is to be moved: the repositories' folders, and all that is in them."""

    folders: tuple[str, ...]
    pieces: tuple[Piece, ...]

    @property
    def files(self) -> list[Piece]:
        return [piece for piece in self.pieces if piece.what == "file"]

    @property
    def size_bytes(self) -> int:
        return sum(piece.size_bytes for piece in self.files)

    def to_dict(self) -> dict[str, Any]:
        return {"folders": list(self.folders), "pieces": [vars(each) for each in self.pieces]}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Pieces:
        return cls(tuple(data["folders"]), tuple(Piece(**each) for each in data["pieces"]))


# --- before


def find_pieces(source: Path, downloads: Iterable[DownloadedFile]) -> Pieces:
    """The folders of all repositories in `source` that hold something Paddock fetched, or is about
    to. A folder that is a link stays what it is.

    Raises:
        AppError: MODELS_FOLDER_COPY, when one cannot be read.
    """
    ours = {
        row.path.relative_to(source).parts[0]
        for row in downloads
        if row.path.is_relative_to(source)
    }
    folders, pieces = [], []
    for folder in _repositories(source):
        with told(folder):
            found = list(_walk(folder, source))
        if folder.name in ours or any(_PART in piece.path for piece in found):
            folders.append(folder.name)
            pieces += found
    return Pieces(tuple(folders), tuple(pieces))


def _repositories(source: Path) -> list[Path]:
    try:
        entries = sorted(source.iterdir())
    except OSError:
        return []
    return [each for each in entries if each.name.startswith("models--") and is_folder(each)]


def other_repositories(source: Path, pieces: Pieces) -> list[str]:
    """The repositories that stay in `source`."""
    try:
        names = sorted(path.name for path in source.iterdir())
    except OSError:
        return []
    return [name for name in names if name.startswith("models--") and name not in pieces.folders]


def is_folder(path: Path) -> bool:
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except OSError:
        return False


def _walk(folder: Path, source: Path) -> Iterator[Piece]:
    """`folder` and all below it, folders before what is in them."""
    yield Piece(folder.relative_to(source).as_posix(), "folder")
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda each: each.name):
            path = Path(entry.path)
            name = path.relative_to(source).as_posix()
            status = entry.stat(follow_symlinks=False)
            if stat.S_ISLNK(status.st_mode):
                said = os.readlink(path)  # noqa: PTH115 - as it is
                yield Piece(name, "link", target=said, becomes=_moved(said, path, source))
            elif stat.S_ISDIR(status.st_mode):
                yield from _walk(path, source)
            elif stat.S_ISREG(status.st_mode):
                yield Piece(name, "file", status.st_size, blocks_bytes(status), status.st_mtime_ns)


def _moved(said: str, link: Path, source: Path) -> str:
    """What a link has to say at its new place."""
    target = Path(os.path.normpath(link.parent / said))
    repository = source / link.relative_to(source).parts[0]
    if target.is_relative_to(repository):
        return os.path.relpath(target, link.parent)
    return str(target)


def check_target(source: Path, target: Path, pieces: Pieces) -> None:
    """Whether all of it can be moved there; the folder is made where it is not there yet.

    Raises:
        AppError: MODELS_FOLDER_UNUSABLE, MODELS_FOLDER_FULL; no new folder is left then.
    """
    here, there = source.resolve(), target.resolve()
    if there == here:
        raise _unusable(target, "The models are there already.")
    if there.is_relative_to(here):
        raise _unusable(target, f"It lies inside the folder that is moved, {shown(source)}.")
    made = next((each for each in (target, *target.parents) if each.parent.exists()), target)
    is_new = not made.exists()
    try:
        _check_inside(source, target, pieces)
    except AppError:
        with contextlib.suppress(OSError):  # of another try: not ours to take away
            (target / STAGING).rmdir()
            if is_new:
                target.rmdir()
                for folder in target.parents:
                    if folder.is_relative_to(made):
                        folder.rmdir()
        raise


def _check_inside(source: Path, target: Path, pieces: Pieces) -> None:
    try:
        staging = target / STAGING
        staging.mkdir(parents=True, exist_ok=True)
        if not is_folder(staging):
            raise _unusable(target, f"{STAGING} in it is no folder.")
        _try_out(staging, links=any(piece.what == "link" for piece in pieces.pieces))
    except OSError as error:
        raise _unusable(target, f"{error.strerror or error}.") from error
    for name in pieces.folders:
        if os.path.lexists(target / name):
            raise _unusable(target, f"It holds {shown(Path(name))} already.")
    largest = max((piece.size_bytes for piece in pieces.files), default=0)
    limit = _largest_file(target)
    if limit is not None and largest > limit:
        raise _unusable(target, f"Its file system holds no file above {limit >> 20:,} MiB.")
    if not same_disk(source, target):
        check_room(target, pieces)


def _try_out(staging: Path, *, links: bool) -> None:
    """Write into a folder, and make a link in it."""
    probe = staging / "probe"
    with contextlib.suppress(FileNotFoundError):
        probe.unlink()
    probe.write_bytes(b"probe")
    probe.unlink()
    if links:
        probe.symlink_to("nowhere")
        probe.unlink()


def _largest_file(folder: Path) -> int | None:
    from desktop.core.hardware.disk import probe_disk

    return probe_disk(folder).max_file_bytes


def check_room(target: Path, pieces: Pieces) -> None:
    """Raises:
    AppError: MODELS_FOLDER_FULL, when what is still to be copied does not fit.
    """
    need = sum(
        max(0, piece.disk_bytes - _there_bytes(target / STAGING / piece.path))
        for piece in pieces.files
    )
    free = shutil.disk_usage(target).free
    if need + _MARGIN_BYTES > free:
        raise AppError(
            ErrorCode.MODELS_FOLDER_FULL,
            path=shown(target),
            need=_gib(need + _MARGIN_BYTES),
            free=_gib(free),
            need_bytes=need + _MARGIN_BYTES,
            free_bytes=free,
        )


def _there_bytes(path: Path) -> int:
    try:
        return blocks_bytes(path.lstat())
    except OSError:
        return 0


def _gib(size_bytes: int) -> str:
    if size_bytes < 1 << 30:
        return f"{size_bytes / (1 << 20):,.1f} MiB"
    return f"{size_bytes / (1 << 30):,.1f} GiB"


def _unusable(target: Path, reason: str) -> AppError:
    return AppError(ErrorCode.MODELS_FOLDER_UNUSABLE, path=shown(target), reason=reason)


def same_disk(source: Path, target: Path) -> bool:
    try:
        return source.stat().st_dev == target.stat().st_dev
    except OSError:
        return False


@contextlib.contextmanager
def told(path: Path) -> Iterator[None]:
    """The system's errors as ours."""
    try:
        yield
    except OSError as error:
        full = disk_full(error, path)
        if full is not None:
            raise full from error
        reason = f"{error.strerror or error}."
        raise AppError(ErrorCode.MODELS_FOLDER_COPY, path=shown(path), reason=reason) from error


def check_unchanged(path: Path, piece: Piece) -> None:
    if not unchanged(path, piece):
        reason = "It changed, or is gone, since the move began."
        raise AppError(ErrorCode.MODELS_FOLDER_COPY, path=shown(path), reason=reason)


def unchanged(path: Path, piece: Piece) -> bool:
    try:
        status = path.lstat()
    except OSError:
        return False
    same = (status.st_size, status.st_mtime_ns) == (piece.size_bytes, piece.changed_ns)
    return stat.S_ISREG(status.st_mode) and same


# --- giving it its names, and taking the old ones away


def settle(target: Path, pieces: Pieces) -> None:
    """Give the staged folders their names; those that have them already are left.

    Raises:
        AppError: MODELS_FOLDER_UNUSABLE, when something else took a name; MODELS_FOLDER_COPY.
    """
    staging = target / STAGING
    for name in pieces.folders:
        old, new = staging / name, target / name
        if not is_folder(old):
            continue
        if os.path.lexists(new):
            raise _unusable(target, f"It holds {shown(Path(name))} by now.")
        with told(new):
            old.rename(new)


def drop_staging(target: Path) -> None:
    """Take away what was made and is not needed."""
    if is_folder(target / STAGING):
        shutil.rmtree(target / STAGING, ignore_errors=True)


def undo(target: Path, pieces: Pieces) -> None:
    """Take everything back that was made at the target; what else is there stays.

    A folder has its name from us where it is not staged any more: while the staging folder is
    there, no move has ended.
    """
    if is_folder(target / STAGING):
        for name in pieces.folders:
            if not os.path.lexists(target / STAGING / name):
                _delete(target, pieces, name, moved=True)
        drop_staging(target)


@dataclass(frozen=True)
class Cleaned:
    """Attributes:
    left: what could not be deleted, or changed since.
    """

    freed_bytes: int
    left: tuple[str, ...]


def clean(source: Path, pieces: Pieces) -> Cleaned:
    """Delete what was moved from its old place. What came or changed since stays."""
    freed, left = 0, []
    for name in pieces.folders:
        bytes_here, left_here = _delete(source, pieces, name)
        freed += bytes_here
        left += left_here
    return Cleaned(freed, tuple(left))


def _delete(
    root: Path, pieces: Pieces, folder: str, *, moved: bool = False
) -> tuple[int, list[str]]:
    """Delete the pieces of one repository below `root`, links first.

    Args:
        moved: they are those that were made.
    """
    freed, left = 0, []
    own = [p for p in pieces.pieces if p.path == folder or p.path.startswith(f"{folder}/")]
    real = {piece.path for piece in own if piece.what == "folder" and is_folder(root / piece.path)}
    for what in ("link", "file"):
        for piece in own:
            if piece.what != what:
                continue
            path = root / piece.path
            if not os.path.lexists(path):
                continue
            if not _is_way(piece.path, real) or not _as_it_was(path, piece, moved):
                left.append(str(path))
                continue
            status = path.lstat()
            try:
                path.unlink()
            except OSError:
                left.append(str(path))
                continue
            freed += blocks_bytes(status) if what == "file" and status.st_nlink == 1 else 0
    for name in sorted(real, reverse=True):  # the deepest first
        with contextlib.suppress(OSError):  # something else lies in it
            (root / name).rmdir()
    return freed, left


def _is_way(path: str, real: set[str]) -> bool:
    """Whether every folder on the way to a piece is a real one."""
    parts = path.split("/")[:-1]
    return all("/".join(parts[: count + 1]) in real for count in range(len(parts)))


def _as_it_was(path: Path, piece: Piece, moved: bool) -> bool:
    if piece.what == "file" and moved:  # a file system may round its time
        status = path.lstat()
        return stat.S_ISREG(status.st_mode) and status.st_size == piece.size_bytes
    if piece.what == "file":
        return unchanged(path, piece)
    said = os.readlink(path) if path.is_symlink() else None  # noqa: PTH115 - as it is
    return said == (piece.becomes if moved else piece.target)
