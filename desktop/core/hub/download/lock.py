"""One writer per file, over all processes: the lock that huggingface_hub takes as well.

Its library locks `.locks/<repository>/<etag>.lock` while it fetches a file, and looks again whether
the file is there when it has got the lock (file_download.py of 2.4.0). So with the same lock file
and the same kind of lock, made by the same package, neither fetches what the other is fetching.
A lock is not what keeps files right: theirs are written under names of their own, and of ours every
byte is hashed.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

import filelock


class FileLock:
    """Held from a successful `take` to `release`, or to the end of the process."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock: filelock.BaseFileLock | None = None

    def take(self) -> bool:
        """Try once; False when somebody else has it.

        Raises:
            OSError: the folder cannot be written.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True)
        # The mode is their library's, for caches that several users share.
        lock = filelock.FileLock(self._path, mode=0o664, thread_local=False)
        try:
            lock.acquire(blocking=False)
        except filelock.Timeout:
            return False
        self._lock = lock
        return True

    def release(self) -> None:
        if self._lock is not None:
            with contextlib.suppress(OSError):  # a share that is gone
                self._lock.release()
            self._lock = None
