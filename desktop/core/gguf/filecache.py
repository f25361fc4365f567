"""Facts about files, kept as small files of our own until the file they are about changes.

Anyone may write them at any time; they are replaced in one step. An entry that cannot be read is
no entry, and a folder that cannot be written costs speed and nothing else.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from desktop.core.errors import AppError
from desktop.core.files import write_atomic

_MAX_ENTRY_BYTES = 1 << 20


class FileCache:
    """One folder of entries, one per path.

    Args:
        folder: where they lie; None keeps nothing.
        version: a number that changes when the meaning of the values does.
    """

    def __init__(self, folder: Path | None, version: int) -> None:
        self._folder = folder
        self._version = version

    def _entry(self, path: Path) -> Path | None:
        if self._folder is None:
            return None
        digest = hashlib.sha256(os.fsencode(path.absolute())).hexdigest()[:32]
        return self._folder / f"{digest}.json"

    def _key(self, path: Path, status: os.stat_result) -> list[Any]:
        return [
            self._version,
            str(path.absolute()),
            status.st_size,
            status.st_mtime_ns,
            status.st_ino,
        ]

    def get(self, path: Path, status: os.stat_result) -> dict[str, Any] | None:
        """What was stored for this very state of the file."""
        entry = self._entry(path)
        if entry is None:
            return None
        try:
            with entry.open("rb") as stream:
                data = json.loads(stream.read(_MAX_ENTRY_BYTES))
        except (OSError, ValueError, RecursionError):
            return None
        if not isinstance(data, dict) or data.get("key") != self._key(path, status):
            return None
        value = data.get("value")
        return value if isinstance(value, dict) else None

    def put(self, path: Path, status: os.stat_result, value: dict[str, Any]) -> bool:
        """Store a value for this state of the file; False when it could not be."""
        entry = self._entry(path)
        if entry is None:
            return False
        data = {"key": self._key(path, status), "value": value}
        try:
            write_atomic(entry, json.dumps(data).encode("ascii"))
        except (OSError, AppError):
            return False
        return True
