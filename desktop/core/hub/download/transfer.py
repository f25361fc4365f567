"""One connection's work: ask for a stretch, judge the answer, write what comes."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from desktop.core import web as network
from desktop.core.errors import AppError, ErrorCode
from desktop.core.gguf.words import clean
from desktop.core.hub.download.item import Changed, Item, Segment
from desktop.core.hub.download.limit import Bucket
from desktop.core.hub.download.notes import Notes
from desktop.core.hub.download.source import Reply

# So many answers in a row that are no range, then it is believed that there are none.
_IGNORED_BEFORE_WHOLE = 3
# Reading the whole file again is no loss when so little of it is there.
_LITTLE_BYTES = 1 << 20
# Slower than this for as long as silence is put up with is no better than silence.
_CRAWL_BYTES_PER_SECOND = 512


@dataclass(frozen=True)
class Transfer:
    """What all connections of a download share.

    Attributes:
        arrived: called with the number of bytes that came, wanted or not.
    """

    bucket: Bucket
    notes: Notes
    arrived: Callable[[int], None]
    idle_seconds: float

    async def bring(self, segment: Segment) -> None:
        """Fetch what the segment names; it may have moved on when this fails.

        Raises:
            Changed, Stale; AppError: REMOTE_*, HUB_SIZE_WRONG, DISK_FULL, HUB_FOLDER_UNWRITABLE.
        """
        item = segment.item
        if segment.whole or item.ignored >= _IGNORED_BEFORE_WHOLE:
            reply = await item.source.ask()
        else:
            reply = await item.source.ask(segment.pos, segment.end)
        with contextlib.closing(reply):
            if segment.dropped:
                return
            self._judge(segment, reply)
            try:
                if item.size_bytes is None:
                    await self._read_all(segment, reply)
                else:
                    await self._read(segment, reply)
            finally:
                if segment.whole:  # a server may have learnt it meanwhile
                    item.ignored = _IGNORED_BEFORE_WHOLE - 1

    def _judge(self, segment: Segment, reply: Reply) -> None:
        """Whether the answer is of the content that is wanted, and can be used."""
        item = segment.item
        check_tag(item, reply)
        if reply.refused:
            item.ignored += 1
            raise _odd(item, "The server refuses to send a part of the file (416).")
        check_size(item, reply)
        if reply.partial:
            item.ignored = 0
            if reply.first > segment.pos:
                raise _odd(item, "The server sends other bytes than those that were asked for.")
            return
        if segment.whole:
            return
        item.ignored += 1
        alone = item.segments == [segment]
        little = item.have.total < _LITTLE_BYTES and alone
        if not little and item.ignored < _IGNORED_BEFORE_WHOLE:
            raise _odd(item, "The server sends the whole file instead of a part.")
        if any(other.whole for other in item.segments):
            raise _odd(item, "The server sends the whole file, which another connection reads.")
        self.notes.add("range_ignored", path=item.path)
        segment.whole = True

    async def _read(self, segment: Segment, reply: Reply) -> None:
        item, place = segment.item, reply.first
        pace = _Pace(self.idle_seconds)
        while not segment.finished:
            asked_at = time.monotonic()
            piece = await network.next_piece(reply.answer)
            if not piece:
                break
            pace.add(len(piece), asked_at, reply)
            self.arrived(len(piece))
            item.take_in(segment, place, piece)
            place += len(piece)
            await self.bucket.take(len(piece))
        if not segment.finished and (reply.end is None or place < reply.end):
            raise _broke_off(reply)
        # A server may give less than was asked for: the rest is asked for next.
        if segment.whole and reply.end is None:
            await self._must_end(item, reply)

    async def _read_all(self, segment: Segment, reply: Reply) -> None:
        """A file whose size nobody knows: all of it, from its beginning to its end."""
        item, place = segment.item, 0
        if item.partial is None:
            return
        item.partial.restart()
        self.notes.add("size_unknown", path=item.path)
        pace = _Pace(self.idle_seconds)
        while not segment.dropped:
            asked_at = time.monotonic()
            piece = await network.next_piece(reply.answer)
            if not piece:
                item.ends_here()
                return
            pace.add(len(piece), asked_at, reply)
            self.arrived(len(piece))
            item.take_in(segment, place, piece)
            place += len(piece)
            await self.bucket.take(len(piece))

    async def _must_end(self, item: Item, reply: Reply) -> None:
        """A server that named no size must have come to the end now, too."""
        piece = await network.next_piece(reply.answer)
        if piece and item.size_bytes is not None:
            raise size_wrong(item, item.size_bytes + len(piece))


class _Pace:
    """Notices a connection that only pretends to send."""

    def __init__(self, idle_seconds: float) -> None:
        self._idle_seconds = idle_seconds
        self._waited = 0.0
        self._came = 0

    def add(self, count: int, asked_at: float, reply: Reply) -> None:
        self._waited += time.monotonic() - asked_at
        self._came += count
        if self._waited < self._idle_seconds:
            return
        if self._came < _CRAWL_BYTES_PER_SECOND * self._waited:
            raise AppError(
                ErrorCode.REMOTE_UNREACHABLE,
                url=network.shown_url(reply.answer.url),
                reason=f"Next to nothing came for {self._waited:.0f} seconds.",
            )
        self._waited, self._came = 0.0, 0


def check_tag(item: Item, reply: Reply) -> None:
    """Raises:
    Changed: the content is another one than that which was begun.
    """
    assert item.identity is not None
    if reply.tag is None or reply.tag == item.identity.tag:
        return
    if item.identity.tag is None:
        item.identity = replace(item.identity, tag=reply.tag)
        return
    raise Changed


def check_size(item: Item, reply: Reply) -> None:
    """Raises:
    AppError: HUB_SIZE_WRONG, when the same content has another size than the hub said;
        REMOTE_FAILED, when it is not the hub that says so.
    """
    size = item.size_bytes
    if size is not None and reply.total is not None and reply.total != size:
        if reply.tag is None and item.identity is not None and item.identity.tag is not None:
            item.source.forget()
            raise _odd(item, "Something on the way answers instead of the hub.")
        raise size_wrong(item, reply.total)


def size_wrong(item: Item, sent_bytes: int) -> AppError:
    return AppError(
        ErrorCode.HUB_SIZE_WRONG,
        path=clean(item.path, 200),
        claimed_bytes=item.size_bytes,
        sent_bytes=sent_bytes,
    )


def _odd(item: Item, reason: str) -> AppError:
    return AppError(ErrorCode.REMOTE_FAILED, url=clean(item.path, 200), reason=reason)


def _broke_off(reply: Reply) -> AppError:
    return AppError(
        ErrorCode.REMOTE_UNREACHABLE,
        url=network.shown_url(reply.answer.url),
        reason="The connection ended before the file did.",
    )
