"""Copies of models' files at another place: gone on with after a crash, read back from the disk."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
from collections.abc import Callable, Iterable
from pathlib import Path

from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken
from desktop.core.gguf.words import shown
from desktop.core.library.move import STAGING, Piece, Pieces, check_unchanged, same_disk, told
from desktop.core.library.verify import drop_cached

_CHUNK = 4 << 20
_ZEROS = bytes(_CHUNK)

OnBytes = Callable[[int], None]


def stage(
    source: Path, target: Path, pieces: Pieces, cancel: CancelToken, on_bytes: OnBytes
) -> list[str]:
    """Make everything in the staging folder; what an interrupted run made is gone on with.

    Returns: the files that were copied, not linked: those to be compared.

    Raises:
        AppError: MODELS_FOLDER_COPY, DISK_FULL, CANCELLED.
    """
    staging, copied, done = target / STAGING, [], 0
    linking = same_disk(source, target)
    for piece in pieces.pieces:
        cancel.raise_if_cancelled()
        old, new = source / piece.path, staging / piece.path
        with told(old):
            if piece.what == "folder":
                new.mkdir(exist_ok=True)
            elif piece.what == "link":
                with contextlib.suppress(FileExistsError):
                    new.symlink_to(piece.becomes)
            else:
                check_unchanged(old, piece)
                linking = linking and _linked(old, new)
                if not linking:
                    _copy(old, new, piece, cancel, _after(done, on_bytes))
                    copied.append(piece.path)
        done += piece.size_bytes
        on_bytes(done)
    return copied


def _after(done: int, on_bytes: OnBytes) -> OnBytes:
    """Tells of one file what it means for all of them."""
    return lambda now: on_bytes(done + now)


def _linked(old: Path, new: Path) -> bool:
    """Whether a second name for the same file could be made."""
    try:
        os.link(old, new, follow_symlinks=False)
    except FileExistsError:
        if os.path.samestat(old.lstat(), new.lstat()):
            return True
        new.unlink()
        return _linked(old, new)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise
        return False
    return True


def _copy(old: Path, new: Path, piece: Piece, cancel: CancelToken, on_bytes: OnBytes) -> None:
    """Copy a file, from where an earlier run stopped; holes stay holes."""
    begun = _there_size(new)
    if begun > piece.size_bytes or (begun and os.path.samestat(old.lstat(), new.lstat())):
        new.unlink()
        begun = 0
    start = begun - begun % _CHUNK
    with old.open("rb") as reading, new.open("r+b" if begun else "wb") as writing:
        reading.seek(start)
        writing.seek(start)
        while chunk := reading.read(_CHUNK):
            cancel.raise_if_cancelled()
            if chunk == _ZEROS[: len(chunk)]:
                writing.seek(len(chunk), os.SEEK_CUR)
            else:
                writing.write(chunk)
            on_bytes(reading.tell())
        writing.truncate(piece.size_bytes)
        writing.flush()
        os.fsync(writing.fileno())
    os.utime(new, ns=(piece.changed_ns, piece.changed_ns))
    check_unchanged(old, piece)


def _there_size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except FileNotFoundError:
        return 0


def compare(
    source: Path,
    target: Path,
    pieces: Pieces,
    *,
    copied: Iterable[str],
    cancel: CancelToken,
    on_bytes: OnBytes,
) -> None:
    """Read every copy back from its disk; one that is wrong is made once more.

    Raises:
        AppError: MODELS_FOLDER_COPY, when the second copy is wrong, too; DISK_FULL, CANCELLED.
    """
    named = {piece.path: piece for piece in pieces.files}
    done = 0
    for name in copied:
        piece = named[name]
        old, new = source / name, target / STAGING / name
        for last_try in (False, True):
            with told(new):
                if _same(old, new, piece, cancel, _after(done, on_bytes)):
                    break
            if last_try:
                reason = "The copy is not the same, twice."
                raise AppError(ErrorCode.MODELS_FOLDER_COPY, path=shown(old), reason=reason)
            with told(old):
                new.unlink(missing_ok=True)
                _copy(old, new, piece, cancel, lambda now: None)
        done += piece.size_bytes
        on_bytes(done)


def _same(old: Path, new: Path, piece: Piece, cancel: CancelToken, on_bytes: OnBytes) -> bool:
    try:
        if new.lstat().st_size != piece.size_bytes:
            return False
    except FileNotFoundError:
        return False
    found = _hash(new, cancel, on_bytes)
    # A damaged file is moved as it is: what counts is that the copy is faithful.
    return found == piece.sha256 or found == _hash(old, cancel, lambda now: None)


def _hash(path: Path, cancel: CancelToken, on_bytes: OnBytes) -> str:
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as stream:
        drop_cached(stream.fileno())
        done = 0
        while chunk := stream.read(_CHUNK):
            cancel.raise_if_cancelled()
            digest.update(chunk)
            done += len(chunk)
            on_bytes(done)
    return digest.hexdigest()
