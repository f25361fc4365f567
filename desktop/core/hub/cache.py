"""What the hub said, kept in the cache folder for when it cannot be asked.

One file an answer, replaced atomically, written and read by any process; what is too old or too
much goes. A folder that cannot be written or a file that cannot be read only means that less is
known offline.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from desktop.core.errors import AppError
from desktop.core.files import write_atomic

log = logging.getLogger(__name__)

_VERSION = 1
MAX_AGE_SECONDS = 90 * 86_400.0
MAX_ENTRIES = 400
_MAX_TOTAL_BYTES = 64 << 20
_MAX_ENTRY_BYTES = 16 << 20
_STALE_SECONDS = 3600.0  # a writer that was killed left its half file


@dataclass(frozen=True)
class Entry:
    """An answer and when it was given, in seconds since 1970."""

    as_of: float
    body: Mapping[str, Any]


class HubCache:
    """The answers of one hub.

    Args:
        folder: `cache/hub`.
        endpoint: the hub's address; answers of another one are not seen.
    """

    def __init__(self, folder: Path, endpoint: str) -> None:
        self._folder = folder
        self._endpoint = endpoint

    def get(self, kind: str, key: str) -> Entry | None:
        """What is kept of this question."""
        return self._read(self._path(kind, key), kind)

    def every(self, kind: str) -> Iterator[Entry]:
        """All that is kept of a kind, the newest first."""
        paths = sorted(self._files(f"{kind}-*.json"), key=lambda each: each[0], reverse=True)
        for _, _, path in paths:
            if (entry := self._read(path, kind)) is not None:
                yield entry

    def put(self, kind: str, key: str, body: Mapping[str, Any]) -> None:
        """Keep an answer that has just come."""
        document = {
            "version": _VERSION,
            "endpoint": self._endpoint,
            "kind": kind,
            "as_of": time.time(),
            "body": body,
        }
        content = json.dumps(document, separators=(",", ":")).encode("ascii")
        if len(content) > _MAX_ENTRY_BYTES:
            return
        try:
            write_atomic(self._path(kind, key), content, mode=0o600)
        except (OSError, AppError) as error:
            log.warning("an answer of the hub was not kept", extra={"reason": str(error)})
            return
        self._tidy()

    def forget(self, kind: str, key: str) -> None:
        """Drop what the hub no longer has."""
        with contextlib.suppress(OSError):
            self._path(kind, key).unlink()

    # --- details

    def _path(self, kind: str, key: str) -> Path:
        text = f"{self._endpoint}\n{key}".encode("utf-8", "surrogatepass")
        return self._folder / f"{kind}-{hashlib.sha256(text).hexdigest()[:32]}.json"

    def _read(self, path: Path, kind: str) -> Entry | None:
        try:
            with path.open("rb") as stream:
                data = json.loads(stream.read(_MAX_ENTRY_BYTES + 1))
            if (data["version"], data["kind"]) != (_VERSION, kind):
                return None
            entry = Entry(float(data["as_of"]), data["body"])
            fresh = -60 < time.time() - entry.as_of < MAX_AGE_SECONDS
            return entry if fresh and data["endpoint"] == self._endpoint else None
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            return None

    def _files(self, pattern: str) -> list[tuple[float, int, Path]]:
        found = []
        with contextlib.suppress(OSError):
            for path in self._folder.glob(pattern):
                with contextlib.suppress(OSError):  # another process tidies as well
                    status = path.stat()
                    found.append((status.st_mtime, status.st_size, path))
        return found

    def _tidy(self) -> None:
        """Remove the oldest beyond the limits, and what was left half done."""
        now, room = time.time(), _MAX_TOTAL_BYTES
        kept = sorted(self._files("*.json"), key=lambda each: each[0], reverse=True)
        for number, (changed, size, path) in enumerate(kept):
            room -= size
            if room < 0 or number >= MAX_ENTRIES or now - changed > MAX_AGE_SECONDS:
                with contextlib.suppress(OSError):
                    path.unlink()
        for changed, _, path in self._files(".*"):
            if now - changed > _STALE_SECONDS:
                with contextlib.suppress(OSError):
                    path.unlink()
