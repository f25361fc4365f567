"""Hashes follow what has come without a gap, in one thread for all files.

Bytes are read back from the file, which at that moment lies in the system's memory: what is hashed
is what another program will read. After a restart the thread reads again from the beginning.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from desktop.core.events import CancelToken
from desktop.core.hub.download.part import PartFile

BLOCK_BYTES = 1 << 20


@dataclass(frozen=True)
class Digests:
    """Hashes of a whole file; `git` is what git calls it (sha1 of "blob SIZE" and the content)."""

    sha256: str
    git: str | None


class HashJob:
    """One file's hash as far as it has got.

    Args:
        finished: called once, in the hasher's thread, with the result or what went wrong.
    """

    def __init__(
        self,
        part: PartFile,
        size_bytes: int,
        *,
        git: bool,
        finished: Callable[[Digests | OSError], None],
    ) -> None:
        self.part = part
        self.size_bytes = size_bytes
        self.position = 0
        self.available = 0
        self.ended = False
        self.finished = finished
        self.lock = threading.Lock()  # held while a block is read
        self._sha256 = hashlib.sha256()
        self._git = hashlib.sha1(usedforsecurity=False) if git else None
        if self._git is not None:
            self._git.update(b"blob %d\0" % size_bytes)

    @property
    def ready(self) -> bool:
        """There is a block to hash, or the last of it."""
        if self.available == self.size_bytes:
            return not self.ended
        return self.available - self.position >= BLOCK_BYTES

    def step(self, buffer: memoryview) -> None:
        with self.lock:
            if self.ended:
                return
            try:
                count = min(len(buffer), self.available - self.position)
                read = self.part.read_into(self.position, buffer[:count]) if count else 0
                if read < min(count, 1):
                    raise OSError(f"{self.part.path} is shorter than what was written to it")
            except OSError as error:
                self.ended = True
                self.finished(error)
                return
            self._sha256.update(buffer[:read])
            if self._git is not None:
                self._git.update(buffer[:read])
            self.position += read
            if self.position == self.size_bytes:
                self.ended = True
                git = self._git.hexdigest() if self._git is not None else None
                self.finished(Digests(self._sha256.hexdigest(), git))


class Hasher:
    """The thread. `close` ends it after the block it is at."""

    def __init__(self) -> None:
        self._wake = threading.Condition()
        self._jobs: list[HashJob] = []
        self._closing = False
        self._thread: threading.Thread | None = None

    def add(self, job: HashJob) -> None:
        with self._wake:
            self._jobs.append(job)
            self._wake.notify()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="download-hash", daemon=True)
            self._thread.start()

    def advance(self, job: HashJob, available: int) -> None:
        """The first `available` bytes are written; cheap until a block can be hashed."""
        job.available = available
        if job.ready:
            with self._wake:
                self._wake.notify()

    def drop(self, job: HashJob) -> None:
        """Stop hashing this one; when it returns its file is no longer read."""
        with self._wake:
            if job in self._jobs:
                self._jobs.remove(job)
        with job.lock:
            job.ended = True

    def close(self) -> None:
        with self._wake:
            self._closing = True
            self._wake.notify()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        buffer = memoryview(bytearray(BLOCK_BYTES))
        while (job := self._next()) is not None:
            job.step(buffer)

    def _next(self) -> HashJob | None:
        with self._wake:
            while not self._closing:
                self._jobs = [job for job in self._jobs if not job.ended]
                for job in self._jobs:
                    if job.ready:
                        return job
                self._wake.wait()
        return None


def sha256_of(path: Path, cancel: CancelToken) -> str:
    """The hash of a file that lies there.

    Raises:
        OSError; AppError: CANCELLED.
    """
    digest = hashlib.sha256()
    buffer = memoryview(bytearray(BLOCK_BYTES))
    with path.open("rb", buffering=0) as stream:
        while count := stream.readinto(buffer):
            cancel.raise_if_cancelled()
            digest.update(buffer[:count])
    return digest.hexdigest()
