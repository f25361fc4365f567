"""Replaces files by hard links to one of them: same content, same disk, one file.

Both are read whole right before. The new name is made beside the old file and takes its place in
one step; the old file is kept under another name until it is certain that nobody changed it in the
meantime. A file is never replaced where a person could lose something by it: see `_refusal`.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken, NullReporter, Progress, Reporter
from desktop.core.gguf.filecache import FileCache
from desktop.core.gguf.local import stat_file
from desktop.core.gguf.words import shown
from desktop.core.library.disk import blocks_bytes
from desktop.core.library.verify import hash_file

# Where nobody can be asked who writes to a file, one that was changed so lately is left alone.
RECENT_SECONDS = 60.0


@dataclass
class Linked:
    """What became of a group.

    Attributes:
        kept: the file the others are links to now.
        linked: those that were replaced.
        refused: those that were not, and why.
        freed_bytes: what became free; a file that has further links elsewhere frees nothing.
    """

    kept: Path
    linked: list[Path] = field(default_factory=list)
    refused: list[tuple[Path, AppError]] = field(default_factory=list)
    freed_bytes: int = 0

    def to_dict(self) -> dict[str, Any]:
        return {
            "kept": str(self.kept),
            "linked": [str(path) for path in self.linked],
            "refused": [
                {"path": str(path), "error": error.to_dict()} for path, error in self.refused
            ],
            "freed_bytes": self.freed_bytes,
        }


def link_files(
    paths: Sequence[Path],
    cache: FileCache | None = None,
    reporter: Reporter | None = None,
    cancel: CancelToken | None = None,
) -> list[Linked]:
    """Make one file of these wherever they share a disk. There is no way back but copying.

    Args:
        paths: files that should have the same content; links to them are followed.

    Returns: one result for each disk that holds two or more of them.

    Raises:
        AppError: CANCELLED (what was replaced before stays so), PATH_NOT_FOUND, PATH_UNREADABLE.
    """
    reporter, cancel = reporter or NullReporter(), cancel or CancelToken()
    disks: dict[int, dict[int, Path]] = {}
    for path in paths:
        status = stat_file(path)
        disks.setdefault(status.st_dev, {}).setdefault(status.st_ino, Path(os.path.realpath(path)))
    groups = [list(files.values()) for files in disks.values() if len(files) > 1]
    reader = _Reader(sum(_size(path) for group in groups for path in group), reporter, cancel)
    return [_link_group(group, cache, reader) for group in groups]


def _size(path: Path) -> int:
    return stat_file(path).st_size


class _Reader:
    """Hashes files, with one figure of progress for all of them."""

    def __init__(self, total: int, reporter: Reporter, cancel: CancelToken) -> None:
        self._total, self._done = total, 0
        self._reporter, self._cancel = reporter, cancel

    def hash(self, path: Path) -> tuple[str, os.stat_result]:
        before, what = self._done, f"comparing {shown(Path(path.name))}"

        def on_bytes(count: int) -> None:
            self._reporter.progress(Progress(what, before + count, self._total, "bytes"))

        digest, status = hash_file(path, None, self._cancel, on_bytes)
        self._done = before + status.st_size
        return digest, status


def _link_group(paths: list[Path], cache: FileCache | None, reader: _Reader) -> Linked:
    statuses = {path: stat_file(path) for path in paths}
    kept = min(paths, key=lambda path: _preference(path, statuses))
    found = Linked(kept)
    digest, kept_status = reader.hash(kept)
    for path in paths:
        if path == kept:
            continue
        try:
            refusal = _refusal(kept, path)
            if refusal is not None:
                raise _refused(path, refusal)
            found.freed_bytes += _replace(kept, path, (digest, kept_status), reader.hash)
        except AppError as error:
            if error.code is ErrorCode.CANCELLED:
                raise
            found.refused.append((path, error))
            continue
        found.linked.append(path)
        if cache is not None:
            cache.put(path, path.stat(), {"sha256": digest})
    return found


def _preference(path: Path, statuses: dict[Path, os.stat_result]) -> tuple[bool, int, float, str]:
    """The file whose permissions let everyone read it who could read any of them, then the one
    with most names already, then the oldest."""
    status = statuses[path]
    widest = all(_covers(status, other) for other in statuses.values())
    return not widest, -status.st_nlink, status.st_mtime, str(path)


def _covers(status: os.stat_result, other: os.stat_result) -> bool:
    mine, theirs = stat.S_IMODE(status.st_mode), stat.S_IMODE(other.st_mode)
    return mine | theirs == mine


def _refusal(kept: Path, path: Path) -> str | None:
    """Why a file must stay as it is; None where nothing is against it."""
    ours, theirs = stat_file(kept), stat_file(path)
    if ours.st_dev != theirs.st_dev:
        return f"It lies on another disk than {shown(kept)}."
    for file, status in ((kept, ours), (path, theirs)):
        if not _is_own(status):
            return f"{shown(file)} belongs to another user of this system."
        if not status.st_mode & stat.S_IWUSR:
            return f"{shown(file)} is protected against changes."
        if is_written(file, status):
            return f"A program may be writing to {shown(file)}."
    if (ours.st_uid, ours.st_gid) != (theirs.st_uid, theirs.st_gid):
        return f"Its owner is not that of {shown(kept)}."
    if not _covers(ours, theirs):
        return f"Its permissions are not those of {shown(kept)}."
    if not os.access(path.parent, os.W_OK | os.X_OK):
        return "Its folder may not be written to."
    return None


def _is_own(status: os.stat_result) -> bool:
    return os.name != "posix" or os.geteuid() in (0, status.st_uid)


def is_written(path: Path, status: os.stat_result) -> bool:
    """Whether a program has the file open to write to it, or may have.

    Linux knows: a lease on reading is refused while there is a writer (fcntl(2), F_SETLEASE). Where
    that cannot be asked, a change within the last minute counts.
    """
    known = _has_writer(path) if sys.platform == "linux" else None
    return time.time() - status.st_mtime < RECENT_SECONDS if known is None else known


def _has_writer(path: Path) -> bool | None:
    import fcntl
    import signal

    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        # A writer who comes while the lease is held is announced by a signal, and the usual one
        # ends the process; this one is ignored unless somebody waits for it.
        fcntl.fcntl(handle, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(handle, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(handle, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except BlockingIOError:
        return True
    except OSError:  # a file system without leases
        return None
    finally:
        os.close(handle)
    return False


def _refused(path: Path, reason: str) -> AppError:
    return AppError(ErrorCode.LINK_REFUSED, path=shown(path), reason=reason)


def _replace(
    kept: Path,
    path: Path,
    known: tuple[str, os.stat_result],
    hashed: Callable[[Path], tuple[str, os.stat_result]],
) -> int:
    """Put a link to `kept` in the place of `path`; returns the bytes that became free."""
    digest, kept_status = known
    other, status = hashed(path)
    if other != digest:
        raise _refused(path, f"It is not the same as {shown(kept)}.")
    if _state(stat_file(kept)) != _state(kept_status):
        raise _refused(path, f"{shown(kept)} changed in the meantime.")
    mark = hashlib.sha256(os.fsencode(path)).hexdigest()[:16]
    fresh = path.with_name(f".paddock-{mark}-new")
    old = path.with_name(f".paddock-{mark}-old")
    _clear(fresh, old, path, digest, hashed)
    try:
        os.link(kept, fresh)
        os.link(path, old)
        os.replace(fresh, path)
    except OSError as error:  # the file itself is in its place: these are only links
        with contextlib.suppress(OSError):
            fresh.unlink(missing_ok=True)
            old.unlink(missing_ok=True)
        raise _refused(path, f"The system refuses it: {error.strerror or error}.") from error
    try:
        before = old.stat()
        if _state(before) != _state(status) or is_written(old, status):
            os.replace(old, path)
            raise _refused(path, "It changed in the meantime.")
        old.unlink()
    except OSError as error:
        reason = f"What it was is kept as {shown(old)}: {error.strerror or error}."
        raise _refused(path, reason) from error
    return blocks_bytes(before) if before.st_nlink == 1 else 0


def _clear(
    fresh: Path,
    old: Path,
    path: Path,
    digest: str,
    hashed: Callable[[Path], tuple[str, os.stat_result]],
) -> None:
    """Remove what a run left that was killed here; nothing that is not there a second time."""
    try:
        fresh.unlink(missing_ok=True)
        if old.exists() and (old.samefile(path) or hashed(old)[0] == digest):
            old.unlink()
    except OSError as error:
        raise _refused(path, f"The system refuses it: {error.strerror or error}.") from error
    if old.exists():
        raise _refused(path, f"{shown(old)} is left of an earlier try and is not the same.")


def _state(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_ino, status.st_size, status.st_mtime_ns
