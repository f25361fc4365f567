"""The file that grows: written at any place, read by the hash at another.

Reading and writing name their place, so that threads need no lock; Windows has no such calls, and
there a lock stands in.
"""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path

from desktop.core.errors import AppError, ErrorCode
from desktop.core.files import disk_full
from desktop.core.gguf.words import shown

_FLAGS = (
    os.O_RDWR
    | os.O_CREAT
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)


def unwritable(error: OSError, path: Path) -> AppError:
    """The system's refusal to write, in our words."""
    reason = f"{error.strerror or error}."
    return disk_full(error, path) or AppError(
        ErrorCode.HUB_FOLDER_UNWRITABLE, path=shown(path), reason=reason
    )


class PartFile:
    """An open part file; made when there is none.

    Raises:
        OSError: it cannot be made or opened, a link among them.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if path.is_symlink() or (path.exists() and not _ours(path.stat())):
            path.unlink()  # the link goes, what it leads to stays
        self._handle = os.open(path, _FLAGS, 0o666)
        self._lock = threading.Lock()

    @property
    def handle(self) -> int:
        return self._handle

    @property
    def size_bytes(self) -> int:
        return os.fstat(self._handle).st_size

    def truncate(self, size_bytes: int) -> None:
        os.ftruncate(self._handle, size_bytes)

    def write(self, place: int, data: bytes | memoryview) -> None:
        """Hand `data` to the system, all of it.

        Raises:
            OSError
        """
        written = self._write(place, data)
        if written < len(data):
            view = memoryview(data)
            while written < len(view):
                written += self._write(place + written, view[written:])

    def read_into(self, place: int, buffer: memoryview) -> int:
        """Read what lies there; returns how many bytes that were."""
        if hasattr(os, "preadv"):
            return os.preadv(self._handle, [buffer], place)
        with self._lock:
            os.lseek(self._handle, place, os.SEEK_SET)
            data = os.read(self._handle, len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def _write(self, place: int, data: bytes | memoryview) -> int:
        if hasattr(os, "pwrite"):
            return os.pwrite(self._handle, data, place)
        with self._lock:
            os.lseek(self._handle, place, os.SEEK_SET)
            return os.write(self._handle, data)

    def flusher(self) -> Callable[[], None]:
        """What returns when all that was written is on the disk; the file may be closed before."""
        handle = os.dup(self._handle)

        def flush() -> None:
            try:
                getattr(os, "fdatasync", os.fsync)(handle)
            finally:
                os.close(handle)

        return flush

    def close(self) -> None:
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1


def _ours(found: os.stat_result) -> bool:
    """A plain file that no other name leads to."""
    return stat.S_ISREG(found.st_mode) and found.st_nlink == 1
