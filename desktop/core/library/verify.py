"""Whether a file still is what was published: all of its bytes, against a hash known of it.

The hash comes from the hub at the download, from the name of a blob (Hugging Face's cache, Ollama),
or from an earlier look at the same file. What was found stands beside the file's fingerprint, until
the file changes.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken
from desktop.core.gguf.filecache import FileCache
from desktop.core.gguf.local import open_file, path_error
from desktop.core.gguf.words import shown

Source = Literal["hub", "cache", "ollama", "earlier"]
State = Literal["ok", "damaged", "no_hash"]

_CHUNK = 4 << 20
_SHA256 = re.compile(r"[0-9a-f]{64}")
_GIT = re.compile(r"[0-9a-f]{40}")
_OLLAMA = re.compile(r"sha256-([0-9a-f]{64})")
_CHECK = "check"


@dataclass(frozen=True)
class KnownHash:
    """What a file's hash should be.

    Attributes:
        value: in hex: sha256 of 64 digits, or of 40 git's hash of a blob.
        source: who says so: "hub" at the download, "cache" and "ollama" by the file's name,
            "earlier": we did, when we last read it.
    """

    value: str
    source: Source


@dataclass(frozen=True)
class Checked:
    """One file, all of which was read.

    Attributes:
        found: its hash, of the same kind as `expected`; sha256 where none is known.
        error: what is wrong with its header.
    """

    path: Path
    size_bytes: int
    state: State
    expected: KnownHash | None
    found: str
    error: AppError | None = None

    def to_dict(self) -> dict[str, Any]:
        return {
            "path": str(self.path),
            "size_bytes": self.size_bytes,
            "state": self.state,
            "expected": self.expected.value if self.expected else None,
            "source": self.expected.source if self.expected else None,
            "found": self.found,
            "error": None if self.error is None else self.error.to_dict(),
        }


def known_hash(
    path: Path, recorded: str | None = None, cache: FileCache | None = None
) -> KnownHash | None:
    """What the file's hash should be, by the best witness there is.

    Args:
        recorded: the sha256 the hub gave at the download.
    """
    if recorded and _SHA256.fullmatch(recorded.lower()):
        return KnownHash(recorded.lower(), "hub")
    names = [path.name]
    with contextlib.suppress(OSError, ValueError):  # no link
        names.append(path.readlink().name)
    for name in names:
        if match := _OLLAMA.fullmatch(name):
            return KnownHash(match[1], "ollama")
    # A plain file may be called anything; a link of the cache leads to what is named by its hash.
    if len(names) == 2 and (_SHA256.fullmatch(names[1]) or _GIT.fullmatch(names[1])):
        return KnownHash(names[1], "cache")
    kept = _kept(path, cache).get("sha256")
    return KnownHash(kept, "earlier") if isinstance(kept, str) else None


def check_file(
    path: Path,
    expected: KnownHash | None,
    *,
    cancel: CancelToken,
    on_bytes: Callable[[int], None],
    header: Callable[[Path], object],
    cache: FileCache | None = None,
) -> Checked:
    """Read all of a file and compare; what was found is remembered in `cache`.

    Args:
        on_bytes: told how many bytes of it have been read.
        header: reads the header; raises AppError where it makes no sense.

    Raises:
        AppError: PATH_NOT_FOUND, PATH_UNREADABLE (also when it changes meanwhile), CANCELLED.
    """
    found, status = hash_file(path, expected, cancel, on_bytes)
    state: State = "no_hash" if expected is None else "ok"
    if expected is not None and found != expected.value:
        state = "damaged"
    error: AppError | None = None
    try:
        header(path)
    except AppError as reason:
        if reason.code in (ErrorCode.PATH_NOT_FOUND, ErrorCode.PATH_UNREADABLE):
            raise
        error = reason
        if expected is None or expected.source == "earlier":
            state = "damaged"  # where the publisher's hash is right, it was published like that
    checked = Checked(path, status.st_size, state, expected, found, error)
    _remember(checked, status, cache)
    return checked


def hash_file(
    path: Path,
    like: KnownHash | None,
    cancel: CancelToken,
    on_bytes: Callable[[int], None],
) -> tuple[str, os.stat_result]:
    """The file's hash, of the kind of `like` (sha256 without it), and its status.

    It is read from the disk where the system can be asked to: what lies in memory may be right
    while the disk is not.

    Raises:
        AppError: PATH_NOT_FOUND, PATH_UNREADABLE, CANCELLED.
    """
    handle = open_file(path)
    try:
        before = os.fstat(handle)
        drop_cached(handle)
        if like is not None and len(like.value) == 40:
            digest = hashlib.sha1(b"blob %d\0" % before.st_size, usedforsecurity=False)
        else:
            digest = hashlib.sha256()
        done = 0
        # One that grows as fast as it is read would have no end.
        while done <= before.st_size and (chunk := os.read(handle, _CHUNK)):
            cancel.raise_if_cancelled()
            digest.update(chunk)
            done += len(chunk)
            on_bytes(done)
        after = os.fstat(handle)
    except OSError as error:
        raise path_error(error, path) from error
    finally:
        os.close(handle)
    if _state(before) != _state(after) or done != before.st_size:
        raise AppError(
            ErrorCode.PATH_UNREADABLE, path=shown(path), reason="It changed while it was read."
        )
    return digest.hexdigest(), before


def drop_cached(handle: int) -> None:
    """Ask the system to forget what it holds of a file, so that the next read asks the disk."""
    if hasattr(os, "posix_fadvise"):
        with contextlib.suppress(OSError):  # a wish: some file systems know none
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)


def _state(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_size, status.st_mtime_ns, status.st_ino


# --- what was found, remembered beside the fingerprint


def _kept(path: Path, cache: FileCache | None) -> Mapping[str, Any]:
    if cache is None:
        return {}
    try:
        return cache.get(path, path.stat()) or {}
    except (OSError, ValueError):
        return {}


def _remember(checked: Checked, status: os.stat_result, cache: FileCache | None) -> None:
    if cache is None:
        return
    kept = dict(cache.get(checked.path, status) or {})
    if len(checked.found) == 64 and checked.state != "damaged":
        kept["sha256"] = checked.found
    kept[_CHECK] = {"state": checked.state, "checked": time.time()}
    cache.put(checked.path, status, kept)


def last_check(paths: Iterable[Path], cache: FileCache | None) -> dict[str, Any] | None:
    """What the last look at all of these files found: {"state", "checked" (when the oldest was)};
    None where one was never checked as it is now."""
    checks = []
    for path in paths:
        check = _kept(path, cache).get(_CHECK)
        if not isinstance(check, dict):
            check = None
        if check is not None and check.get("state") == "damaged":
            return {"state": "damaged", "checked": check.get("checked")}
        checks.append(check)
    if not checks or any(check is None for check in checks):
        return None
    states = {check["state"] for check in checks if check is not None}
    oldest = min(check["checked"] for check in checks if check is not None)
    return {"state": "no_hash" if "no_hash" in states else "ok", "checked": oldest}
