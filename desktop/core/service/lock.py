"""One service per data folder: an exclusive lock that names its host and process.

The operating system's lock decides between processes of one machine. A data folder may be shared by
several machines (a home on the network), where such locks often do not reach: so the holder also
writes who it is and renews the file's time, and another host is refused while that is fresh.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
import time
from pathlib import Path
from typing import IO

from desktop.core.errors import AppError, ErrorCode

HEARTBEAT_SECONDS = 10.0
STALE_SECONDS = 45.0


def _try_lock(stream: IO[bytes]) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            stream.seek(1 << 20)  # a byte nobody reads: Windows locks keep readers out
            msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(stream.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def read_holder(path: Path) -> dict[str, object]:
    """Who wrote the lock file last, or {} where that cannot be read."""
    try:
        holder = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return holder if isinstance(holder, dict) else {}


class ServiceLock:
    """Held from `acquire` to `release`, or to the end of the process."""

    def __init__(self, path: Path, host: str | None = None) -> None:
        self._path = path
        self._host = host or socket.gethostname()
        self._stream: IO[bytes] | None = None

    def acquire(self) -> None:
        """Take the lock.

        Raises:
            AppError: SERVICE_LOCKED by a process of this machine, SERVICE_OTHER_HOST by another.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True)
        stream = open(self._path, "a+b")  # noqa: SIM115, PTH123  (held until release)
        holder = read_holder(self._path)
        if not _try_lock(stream):
            stream.close()
            raise self._refusal(holder)
        age_seconds = time.time() - self._path.stat().st_mtime
        if holder and holder.get("host") != self._host and age_seconds < STALE_SECONDS:
            stream.close()
            raise self._refusal(holder, age_seconds)
        self._stream = stream
        stream.seek(0)
        stream.truncate()
        stream.write(json.dumps({"host": self._host, "pid": os.getpid()}).encode())
        stream.flush()

    def _refusal(self, holder: dict[str, object], age_seconds: float = 0.0) -> AppError:
        data_dir = str(self._path.parent)
        if holder and holder.get("host") != self._host:
            return AppError(
                ErrorCode.SERVICE_OTHER_HOST,
                host=holder.get("host"),
                pid=holder.get("pid"),
                data_dir=data_dir,
                age_seconds=round(age_seconds),
            )
        return AppError(ErrorCode.SERVICE_LOCKED, pid=holder.get("pid", "?"), data_dir=data_dir)

    def renew(self) -> None:
        """Say that the holder lives; to be called every HEARTBEAT_SECONDS."""
        with contextlib.suppress(OSError):  # a full disk or a lost share shows elsewhere
            os.utime(self._path)

    def release(self) -> None:
        if self._stream is not None:
            self._stream.seek(0)
            self._stream.truncate()
            self._stream.close()
            self._stream = None
