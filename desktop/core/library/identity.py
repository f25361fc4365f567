"""What a file is, by its content: at once by samples, and for certain by its sha256."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken, NullReporter, Progress, Reporter
from desktop.core.gguf.filecache import FileCache
from desktop.core.gguf.local import open_file, path_error
from desktop.core.gguf.words import shown

_BLOCK = 64 << 10
_CHUNK = 4 << 20
CACHE_VERSION = 1


def hash_cache(folder: Path | None) -> FileCache:
    """The cache of hashes in this folder (`cache/hashes`)."""
    return FileCache(folder, CACHE_VERSION)


def quick_fingerprint(path: Path, cache: FileCache | None = None) -> str:
    """A name for the content, from its size, its first 64 KiB and three blocks: a third in, two
    thirds in, and the end. `"quick-"` and 40 hex digits.

    Raises:
        AppError: PATH_NOT_FOUND, PATH_UNREADABLE.
    """
    handle = open_file(path)
    try:
        status = os.fstat(handle)
        kept = cache.get(path, status) if cache else None
        if kept and isinstance(kept.get("quick"), str):
            return str(kept["quick"])
        size = status.st_size
        digest = hashlib.sha256(f"paddock quick 1 {size}\n".encode())
        for start in (0, size // 3, 2 * size // 3, max(0, size - _BLOCK)):
            os.lseek(handle, start, os.SEEK_SET)
            digest.update(os.read(handle, _BLOCK))
        quick = f"quick-{digest.hexdigest()[:40]}"
        if cache:
            cache.put(path, status, {**(kept or {}), "quick": quick})
        return quick
    except OSError as error:
        raise path_error(error, path) from error
    finally:
        os.close(handle)


def combined_fingerprint(prints: Sequence[str]) -> str:
    """The fingerprint of a model split into files, from its parts' in order."""
    if len(prints) == 1:
        return prints[0]
    return f"quick-{hashlib.sha256(chr(10).join(prints).encode()).hexdigest()[:40]}"


def sha256_file(
    path: Path,
    reporter: Reporter | None = None,
    cancel: CancelToken | None = None,
    cache: FileCache | None = None,
) -> str:
    """The file's sha256 in hex, remembered until the file changes.

    Raises:
        AppError: PATH_NOT_FOUND, PATH_UNREADABLE (also when it changes meanwhile), CANCELLED.
    """
    reporter, cancel = reporter or NullReporter(), cancel or CancelToken()
    handle = open_file(path)
    try:
        before = os.fstat(handle)
        kept = cache.get(path, before) if cache else None
        if kept and isinstance(kept.get("sha256"), str):
            return str(kept["sha256"])
        digest = hashlib.sha256()
        done = 0
        while done <= before.st_size and (chunk := os.read(handle, _CHUNK)):
            cancel.raise_if_cancelled()
            digest.update(chunk)
            done += len(chunk)
            reporter.progress(
                Progress(f"checking {shown(Path(path.name))}", done, before.st_size, "bytes")
            )
        after = os.fstat(handle)
    except OSError as error:
        raise path_error(error, path) from error
    finally:
        os.close(handle)
    if _state(before) != _state(after) or done != before.st_size:
        raise AppError(
            ErrorCode.PATH_UNREADABLE, path=shown(path), reason="It changed while it was read."
        )
    if cache:
        cache.put(path, before, {**(kept or {}), "sha256": digest.hexdigest()})
    return digest.hexdigest()


def known_sha256(path: Path, cache: FileCache) -> str | None:
    """The file's sha256 where it has been computed already and the file is still the same."""
    kept = cache.get(path, path.stat())
    found = kept.get("sha256") if kept else None
    return found if isinstance(found, str) else None


def fingerprint_of(paths: Iterable[Path], cache: FileCache | None = None) -> str:
    """The quick fingerprint of a model's files.

    Raises:
        AppError: PATH_NOT_FOUND, PATH_UNREADABLE.
    """
    return combined_fingerprint([quick_fingerprint(path, cache) for path in paths])


def _state(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_size, status.st_mtime_ns, status.st_ino
