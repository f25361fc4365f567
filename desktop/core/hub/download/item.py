"""One file while it is being fetched: what is there of it, who fetches what, and its hash."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass, replace
from typing import Literal

from desktop.core.hub.download.hashing import Digests, Hasher, HashJob
from desktop.core.hub.download.names import Layout
from desktop.core.hub.download.order import StoredFile, WantedFile
from desktop.core.hub.download.part import unwritable
from desktop.core.hub.download.partial import Identity, Partial, open_partial, remove_partial
from desktop.core.hub.download.ranges import Ranges
from desktop.core.hub.download.source import Source

State = Literal["waiting", "present", "downloading", "checking", "done"]
_NOTHING = Ranges()


class Changed(Exception):
    """The hub has another content at this place than a moment ago."""


@dataclass(eq=False)
class Segment:
    """A stretch of a file that one connection fetches.

    Attributes:
        pos: where it is; what lies before is written.
        end: where it ends (exclusive); comes nearer when another connection takes over the rest.
        whole: the server sends the file only as a whole: whatever is missing is taken from it.
        begun: when, on the monotonic clock; `moved`: when something came.
        dropped: what came of the file is thrown away; so is this.
    """

    item: Item
    pos: int
    end: int
    whole: bool = False
    begun: float = 0.0
    moved: float = 0.0
    got_bytes: int = 0
    dropped: bool = False

    @property
    def left(self) -> int:
        return self.end - self.pos

    @property
    def finished(self) -> bool:
        if self.dropped:
            return True
        return self.item.complete if self.whole else self.pos >= self.end


class Item:
    """One file of an order. Used in the event loop's thread.

    Attributes:
        segments: what is being fetched of it.
        ignored: answers in a row that were no range though one was asked for.
    """

    def __init__(self, wanted: WantedFile, layout: Layout, source: Source, hasher: Hasher) -> None:
        self.wanted = wanted
        self.layout = layout
        self.source = source
        self.state: State = "waiting"
        self.stored: StoredFile | None = None
        self.identity: Identity | None = None
        self.partial: Partial | None = None
        self.segments: list[Segment] = []
        self.ignored = 0
        self._hasher = hasher
        self._kept = (0, 0)
        self._job: HashJob | None = None
        self._outcome: asyncio.Future[Digests] | None = None

    @property
    def path(self) -> str:
        return self.wanted.path

    @property
    def size_bytes(self) -> int | None:
        if self.stored is not None:
            return self.stored.size_bytes
        return self.identity.size_bytes if self.identity else self.wanted.size_bytes

    @property
    def have(self) -> Ranges:
        return self.partial.have if self.partial else _NOTHING

    @property
    def done_bytes(self) -> int:
        if self.stored is not None:
            return self.stored.size_bytes
        return self.partial.have.total if self.partial else self._kept[0]

    @property
    def verified_bytes(self) -> int:
        if self.stored is not None:
            return self.stored.size_bytes
        return self._job.position if self._job else self._kept[1]

    @property
    def complete(self) -> bool:
        return self.partial is not None and self.partial.complete

    @property
    def wants_more(self) -> bool:
        """There is something that a connection can be given to fetch."""
        waits = self._outcome is not None and not self._outcome.done()
        return waits and self.partial is not None and not self.partial.complete

    def open(self, identity: Identity) -> int:
        """Begin, or go on where it was left; returns how many bytes are there already.

        Raises:
            AppError: DISK_FULL, HUB_FOLDER_UNWRITABLE, HUB_FOLDER_UNSAFE.
        """
        self.identity = identity
        self.ignored = 0
        self.partial = open_partial(self.layout, self.path, identity)
        self._outcome = asyncio.get_running_loop().create_future()
        self.state = "downloading"
        if identity.size_bytes is not None:
            self._start_hash(identity.size_bytes)
        self._follow()
        return self.partial.have.total

    async def digests(self) -> Digests:
        """The hashes, when all of it is there.

        Raises:
            Changed; AppError: it could not be read back.
        """
        assert self._outcome is not None
        return await self._outcome

    def take_in(self, segment: Segment, place: int, piece: bytes) -> int:
        """Write what is missing of a piece that lies at `place`; returns how much that was.

        Raises:
            AppError: DISK_FULL, HUB_FOLDER_UNWRITABLE.
        """
        if segment.dropped or self.partial is None:
            return 0
        start, end, size = place, place + len(piece), self.partial.size_bytes
        if not segment.whole:
            start, end = max(start, segment.pos), min(end, segment.end)
        elif size is not None:
            end = min(end, size)
        fresh = self.partial.write(place, piece, start, end)
        segment.pos = max(segment.pos, end)
        segment.got_bytes += fresh
        segment.moved = time.monotonic()
        self._follow()
        return fresh

    def ends_here(self) -> None:
        """A file of unknown size has come to its end."""
        assert self.partial is not None and self.identity is not None
        self.partial.ends_here()
        self.identity = replace(self.identity, size_bytes=self.have.total)
        self._start_hash(self.have.total)
        self._follow()

    def changed(self) -> None:
        """The content at the hub is another one: `digests` raises Changed."""
        if self._outcome is not None and not self._outcome.done():
            self._outcome.set_exception(Changed())

    def close(self) -> None:
        """Write down what has come, and let go of the file. May be called again."""
        self._kept = (self.done_bytes, self.verified_bytes)
        for segment in self.segments:
            segment.dropped = True
        self.segments.clear()
        if self._outcome is not None and self._outcome.done() and not self._outcome.cancelled():
            self._outcome.exception()  # nobody may have asked
        if self._job is not None:
            self._hasher.drop(self._job)
            self._job = None
        if self.partial is not None:
            partial, self.partial = self.partial, None
            try:
                partial.save()
            finally:
                partial.close()

    def throw_away(self) -> None:
        """Delete what has come."""
        self.close()
        self._kept = (0, 0)
        if self.identity is not None:
            remove_partial(self.layout, self.identity.etag)

    def _start_hash(self, size: int) -> None:
        assert self.partial is not None and self.identity is not None
        loop, outcome = asyncio.get_running_loop(), self._outcome
        path = self.layout.part(self.identity.etag)

        def finished(result: Digests | OSError) -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(settle, result)

        def settle(result: Digests | OSError) -> None:
            if outcome is None or outcome.done():
                return
            if isinstance(result, OSError):
                outcome.set_exception(unwritable(result, path))
            else:
                outcome.set_result(result)

        # Without a sha256 the blob has git's name of the content.
        git = self.identity.sha256 is None
        self._job = HashJob(self.partial.part, size, git=git, finished=finished)
        self._hasher.add(self._job)

    def _follow(self) -> None:
        """Let the hash follow what has come."""
        if self._job is not None:
            self._hasher.advance(self._job, self.have.prefix)
            if self.complete:
                self.state = "checking"
