"""The log of one engine child: a ring of its last lines and a file that rotates."""

from __future__ import annotations

import os
import re
import threading
import time
from collections import deque
from pathlib import Path

RING_LINES = 2_000
FILE_BYTES = 5_000_000


def log_name(model_id: str) -> str:
    """`engine-<id>.log`, with what file systems refuse replaced."""
    return "engine-" + re.sub(r"[^A-Za-z0-9._-]", "_", model_id)[:80] + ".log"


class EngineLog:
    """Lines as they may be shown; safe from any thread. A disk that fails never stops a model."""

    def __init__(self, path: Path | None, limit_bytes: int = FILE_BYTES) -> None:
        self.path = path
        self._limit = limit_bytes
        self._ring: deque[str] = deque(maxlen=RING_LINES)
        self._lock = threading.Lock()
        self._size = 0
        self.disk_error: str | None = None
        if path is not None:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                self._size = path.stat().st_size if path.exists() else 0
            except OSError as error:
                self._give_up(error)

    def add(self, line: str) -> None:
        with self._lock:
            self._ring.append(line)
            if self.path is None or self.disk_error is not None:
                return
            raw = f"{time.strftime('%Y-%m-%dT%H:%M:%S')} {line}\n".encode("utf-8", "replace")
            try:
                if self._size + len(raw) > self._limit:
                    os.replace(self.path, self.path.with_name(self.path.name + ".1"))
                    self._size = 0
                descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
                with os.fdopen(descriptor, "ab") as stream:
                    stream.write(raw)
                self._size += len(raw)
            except OSError as error:
                self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        self.disk_error = error.strerror or str(error)
        self._ring.append(f"warn: the log file cannot be written: {self.disk_error}")

    def lines(self, last: int | None = None) -> list[str]:
        with self._lock:
            kept = list(self._ring)
        return kept if last is None else kept[-last:]
