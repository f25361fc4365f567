"""The part file and its manifest together: nothing is written down that was not written."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from desktop.core.errors import AppError, ErrorCode
from desktop.core.hub.download import manifest as manifests
from desktop.core.hub.download.manifest import Manifest
from desktop.core.hub.download.names import MANIFEST, Layout
from desktop.core.hub.download.part import PartFile, unwritable
from desktop.core.hub.download.ranges import Ranges
from desktop.core.hub.download.space import disk_full, free_bytes, reserve

# What a kill may cost: what was written since the manifest was.
SAVE_BYTES = 4 << 20
SAVE_SECONDS = 0.25
# What a power loss may cost, and how often a disk is made to write.
FLUSH_BYTES = 64 << 20
FLUSH_SECONDS = 10.0


@dataclass(frozen=True)
class Identity:
    """What the hub says of a file's content.

    Attributes:
        etag: the name of its blob.
        tag: what the server calls it; another name than `etag` on some mirrors.
        size_bytes: None where the server does not say.
        sha256: None where only git's name of it is known.
    """

    etag: str
    tag: str | None
    size_bytes: int | None
    sha256: str | None


class Partial:
    """What is there of one file. Made by `open_partial`, used in one thread.

    A file whose size nobody knows has no manifest: it cannot be gone on with.
    """

    def __init__(self, layout: Layout, part: PartFile, manifest: Manifest, sized: bool) -> None:
        self.part = part
        self._layout = layout
        self._manifest = manifest
        self._sized = sized
        self._unsaved = 0
        self._unflushed = 0
        self._saved_at = self._flushed_at = time.monotonic()
        self._flushing = asyncio.Lock()
        self._closed = False

    @property
    def have(self) -> Ranges:
        return self._manifest.have

    @property
    def size_bytes(self) -> int | None:
        return self._manifest.size_bytes if self._sized else None

    @property
    def complete(self) -> bool:
        return self._sized and self.have.total == self._manifest.size_bytes

    def write(self, place: int, piece: bytes, start: int, end: int) -> int:
        """Write what is missing between `start` and `end` of a piece that lies at `place`.

        Returns how many bytes that were.

        Raises:
            AppError: DISK_FULL, HUB_FOLDER_UNWRITABLE.
        """
        view, fresh = memoryview(piece), 0
        try:
            for first, last in list(self.have.gaps(start, end)):
                self.part.write(first, view[first - place : last - place])
                fresh += self.have.add(first, last)
        except OSError as error:
            raise self._refused(error) from error
        self._unsaved += fresh
        self._unflushed += fresh
        waited = time.monotonic() - self._saved_at
        if fresh and (self._unsaved >= SAVE_BYTES or waited >= SAVE_SECONDS or self.complete):
            self.save()
        return fresh

    def restart(self) -> None:
        """Forget what has come of a file of unknown size."""
        self.part.truncate(0)
        self._manifest.have = Ranges()

    def ends_here(self) -> None:
        """What has come is all there is of a file of unknown size."""
        self._manifest.size_bytes = self.have.total
        self._sized = True

    def save(self) -> None:
        """Write down what is there; it survives a kill from now on.

        On a full disk the older manifest stays: the file's own space may well be reserved.

        Raises:
            AppError: HUB_FOLDER_UNWRITABLE.
        """
        self._unsaved = 0
        self._saved_at = time.monotonic()
        self._save(flushed=False)

    def _save(self, *, flushed: bool) -> None:
        if not self._sized or self._closed:
            return
        try:
            self._manifest.save(self._layout.manifest(self._manifest.etag), flushed=flushed)
        except (OSError, AppError) as error:
            told = error if isinstance(error, AppError) else self._refused(error)
            if told.code is not ErrorCode.DISK_FULL:
                raise told from error

    @property
    def wants_flush(self) -> bool:
        waited = time.monotonic() - self._flushed_at
        return self._unflushed >= FLUSH_BYTES or (self._unflushed > 0 and waited >= FLUSH_SECONDS)

    async def flush(self) -> None:
        """Make the disk write what has come; it survives a power loss from now on.

        Raises:
            AppError: DISK_FULL, HUB_FOLDER_UNWRITABLE.
        """
        async with self._flushing:
            if self._closed:
                return
            written, self._unflushed = self.have.copy(), 0
            try:
                await asyncio.to_thread(self.part.flusher())
                self._flushed_at = time.monotonic()
            except OSError as error:
                raise self._refused(error) from error
            self._manifest.durable = written
            self._save(flushed=True)

    def flush_beside(self) -> threading.Event | None:
        """Begin to flush in a thread; what is set when that is done, None where none is due."""
        if not self._unflushed or not self._sized:
            return None
        flush, done = self.part.flusher(), threading.Event()

        def work() -> None:
            with contextlib.suppress(OSError):
                flush()
                done.set()

        threading.Thread(target=work, name="download-flush", daemon=True).start()
        return done

    def flushed(self) -> None:
        """What `flush_beside` promised is done: write that down."""
        self._manifest.durable = self.have.copy()
        self._save(flushed=True)

    def _refused(self, error: OSError) -> AppError:
        return refused(error, self._layout, self.part, self._manifest)

    def close(self) -> None:
        self._closed = True
        self.part.close()


def flush_all(partials: Sequence[Partial], seconds: float) -> None:
    """Flush at the end of a download, for as long as a person who stops it may wait."""
    deadline = time.monotonic() + seconds
    for partial, done in [(each, each.flush_beside()) for each in partials]:
        if done is not None and done.wait(max(0.0, deadline - time.monotonic())):
            partial.flushed()


def open_partial(layout: Layout, path: str, identity: Identity) -> Partial:
    """Go on with what is there of this content, or begin it; its space is reserved.

    Raises:
        AppError: DISK_FULL, HUB_FOLDER_UNWRITABLE, HUB_FOLDER_UNSAFE.
    """
    place, size = layout.part(identity.etag), identity.size_bytes
    layout.check_inside(place)
    manifest = manifests.load(layout.manifest(identity.etag))
    known = manifest is not None and manifest.etag == identity.etag and manifest.size_bytes == size
    if manifest is None or not known:
        manifest = Manifest(
            *(layout.repo, layout.commit, path, identity.etag, size or 0, identity.sha256)
        )
    try:
        # Without `snapshots` the library's scan would call the repository broken.
        layout.snapshots.mkdir(parents=True, exist_ok=True)
        layout.blobs.mkdir(exist_ok=True)
        for left in layout.blobs.glob(f"*{identity.etag}{MANIFEST}.*"):
            left.unlink(missing_ok=True)  # of a manifest that a kill kept from being replaced
        part = PartFile(place)
    except OSError as error:
        raise unwritable(error, place) from error
    try:
        if not known:
            part.truncate(0)
        manifest.have = manifest.have.clipped(part.size_bytes)
        manifest.durable = manifest.durable.clipped(part.size_bytes)
        if size is not None:
            reserve(part.handle, size)
        partial = Partial(layout, part, manifest, sized=size is not None)
        partial.save()
    except OSError as error:
        part.close()
        raise refused(error, layout, part, manifest) from error
    except BaseException:
        part.close()
        raise
    return partial


def refused(error: OSError, layout: Layout, part: PartFile, manifest: Manifest) -> AppError:
    """The system's refusal to write; of a full disk with what is needed and what is free."""
    told = unwritable(error, part.path)
    if told.code is ErrorCode.DISK_FULL:
        needed = manifest.size_bytes - manifest.have.total
        return disk_full(layout.blobs, max(0, needed), free_bytes(layout.blobs))
    return told


def remove_partial(layout: Layout, etag: str) -> None:
    """Delete a part file and its manifest.

    Raises:
        AppError: HUB_FOLDER_UNWRITABLE.
    """
    part = layout.part(etag)
    try:
        part.unlink(missing_ok=True)
        layout.manifest(etag).unlink(missing_ok=True)
    except OSError as error:
        raise unwritable(error, part) from error
