"""Headers of remote files, kept in the cache folder until the files change there.

Two files an entry: what is known (JSON) and the header's bytes, which the memory plan needs again.
The oldest ones go when there are too many. A folder that cannot be written is an error here: the
bytes have to lie somewhere.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from desktop.core.errors import AppError, ErrorCode
from desktop.core.files import disk_full, write_atomic
from desktop.core.gguf.facts import ShapeFacts
from desktop.core.gguf.reader import SUMMARY_VERSION, Start
from desktop.core.gguf.summary import ModelSummary
from desktop.core.gguf.words import shown

LIMIT_BYTES = 512 << 20
_MAX_ENTRY_BYTES = 4 << 20
_STALE_SECONDS = 3600.0  # a reader that was killed left its half header


@dataclass(frozen=True)
class Kept:
    """A header that is at hand.

    Attributes:
        tag: what the server called this state of the content.
        size_bytes: of the whole file.
        head: the file with the header's bytes.
    """

    tag: str
    size_bytes: int
    start: Start
    head: Path


class HeaderCache:
    """One folder of headers by a key, such as `repo/file`; safe for several processes."""

    def __init__(self, folder: Path, limit_bytes: int = LIMIT_BYTES) -> None:
        self._folder = folder
        self._limit_bytes = limit_bytes

    def get(self, key: str) -> Kept | None:
        """What is known of this key; whether it is still true only the server knows."""
        try:
            with self._entry(key).open("rb") as stream:
                data = json.loads(stream.read(_MAX_ENTRY_BYTES))
            if data["version"] != SUMMARY_VERSION:
                return None
            kept = Kept(
                tag=str(data["tag"]),
                size_bytes=int(data["size_bytes"]),
                start=Start(
                    ModelSummary.from_dict(data["summary"]),
                    ShapeFacts.from_dict(data["facts"]),
                    int(data["header_bytes"]),
                ),
                head=self._head(key, str(data["tag"])),
            )
            if kept.head.stat().st_size != kept.start.header_bytes:
                return None
            os.utime(kept.head)  # the oldest go first
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return None
        return kept

    def new_file(self) -> Path:
        """An empty file for bytes to come, to be given to `put`, or removed.

        Raises:
            AppError: PATH_UNREADABLE, DISK_FULL.
        """
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(suffix=".part", dir=self._folder)
            os.close(handle)
        except OSError as error:
            raise write_error(error, self._folder) from error
        return Path(name)

    def put(self, key: str, tag: str | None, size_bytes: int, start: Start, part: Path) -> Path:
        """Keep a header; `part` holds nothing but its bytes and is moved. Where it lies then.

        Without a tag nobody could tell whether it is still true: it is kept for its user only.

        Raises:
            AppError: PATH_UNREADABLE, DISK_FULL.
        """
        entry, head = self._entry(key), self._head(key, tag or f"none {time.time_ns()}")
        data: dict[str, Any] = {
            "version": SUMMARY_VERSION,
            "tag": tag,
            "size_bytes": size_bytes,
            "header_bytes": start.header_bytes,
            "summary": start.summary.to_dict(),
            "facts": start.facts.to_dict(),
        }
        try:
            os.replace(part, head)
            if tag is not None:
                write_atomic(entry, json.dumps(data).encode("ascii"))
        except OSError as error:
            raise write_error(error, head) from error
        self._tidy(head)
        return head

    # --- details

    def _entry(self, key: str) -> Path:
        return self._folder / f"{_digest(key)}.json"

    def _head(self, key: str, tag: str) -> Path:
        return self._folder / f"{_digest(key)}-{_digest(tag)}.head"

    def _tidy(self, newest: Path) -> None:
        """Remove the oldest headers above the limit, and what was left half done."""
        heads: list[tuple[float, int, Path]] = []
        for path in self._folder.iterdir():
            with contextlib.suppress(OSError):  # another process tidies as well
                status = path.stat()
                if path.suffix == ".part" and time.time() - status.st_mtime > _STALE_SECONDS:
                    path.unlink()
                elif path.suffix == ".head" and path != newest:
                    heads.append((status.st_mtime, status.st_size, path))
        room = self._limit_bytes
        for _, size, path in sorted(heads, reverse=True):
            room -= size
            if room < 0:
                with contextlib.suppress(OSError):
                    path.unlink()


def write_error(error: OSError, path: Path) -> AppError:
    """The system's refusal to write, in our words."""
    reason = error.strerror or str(error)
    return disk_full(error, path) or AppError(
        ErrorCode.PATH_UNREADABLE, path=shown(path), reason=f"It cannot be written: {reason}."
    )


def _digest(text: str) -> str:
    # Only this is stored: a key may hold a signature.
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
