"""Headers of GGUF files on a server, without downloading the files.

The first 8 MiB are asked for by Range, and twice as much as long as the header goes on behind them.
The child tries what has come now and then, and the connection is closed as soon as the header is
whole; a server that ignores Range and sends all of the file is cut off in the same way. What was
read is kept until the file changes there.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from desktop.core import web as network
from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken, NullReporter, Progress, Reporter
from desktop.core.gguf.cursor import MAX_HEADER_BYTES
from desktop.core.gguf.facts import ShapeFacts, merge_facts
from desktop.core.gguf.header import NeedMoreBytes
from desktop.core.gguf.reader import HeaderReader, Start
from desktop.core.gguf.remote_cache import HeaderCache, Kept, write_error
from desktop.core.gguf.split import part_names, parts_error
from desktop.core.gguf.summary import ModelSummary, merge
from desktop.core.web import Answer, Web, WebSettings, shown_url

FIRST_BYTES = 8 << 20
# The second and later files of a split model hold no vocabulary: their headers take kilobytes.
FIRST_BYTES_OF_LATER_PARTS = 256 << 10
# When the child tries for the first time, and after how many more bytes at most it tries again.
_FIRST_TRY_BYTES = 2 << 20
_LONGEST_STEP_BYTES = 4 << 20
_MAGIC = b"GGUF"


@dataclass(frozen=True)
class RemoteFile:
    """A file to read.

    Attributes:
        url: where it is now.
        key: what it is called in the cache; stays when the address does not (a commit, a
            signature).
        tag: what the hub's listing says of its content, where it does: then a header that is at
            hand needs no request.
    """

    url: str
    key: str
    tag: str | None = None

    @property
    def name(self) -> str:
        """How errors call it."""
        return shown_url(self.url)


@dataclass(frozen=True)
class RemoteHeader:
    """One file's header, and the file that holds its bytes.

    Attributes:
        size_bytes: of the whole remote file.
        fetched_bytes: how much of it was read from the network this time.
    """

    file: RemoteFile
    size_bytes: int
    start: Start
    head: Path
    fetched_bytes: int


@dataclass(frozen=True)
class RemoteModel:
    """A model on a server: one file or the parts of a split one, in order."""

    headers: tuple[RemoteHeader, ...]
    summary: ModelSummary
    facts: ShapeFacts

    @property
    def size_bytes(self) -> int:
        return sum(header.size_bytes for header in self.headers)

    @property
    def fetched_bytes(self) -> int:
        return sum(header.fetched_bytes for header in self.headers)


def files_of_url(url: str) -> tuple[RemoteFile, ...]:
    """The file at this address, or all parts of the split model it belongs to.

    Raises:
        AppError: BAD_REQUEST, when it is no http(s) address.
    """
    address = network.parse_url(url).with_fragment(None)
    names = part_names(address.name)
    if len(names) == 1:
        return (RemoteFile(str(address), str(address.with_user(None))),)
    folder, query = address.parent, address.query
    parts = [(folder / name).with_query(query or None) for name in names]
    return tuple(RemoteFile(str(part), str(part.with_user(None))) for part in parts)


class RemoteReader:
    """Reads remote headers. For threads without an event loop.

    Args:
        reader: its child parses the bytes.
        cache_dir: where headers are kept (`cache/remote-headers`).
    """

    def __init__(self, reader: HeaderReader, cache_dir: Path, settings: WebSettings) -> None:
        self._reader = reader
        self._cache = HeaderCache(cache_dir)
        self._settings = settings

    def read(
        self,
        files: Sequence[RemoteFile],
        *,
        reporter: Reporter | None = None,
        cancel: CancelToken | None = None,
    ) -> RemoteModel:
        """The headers of a model's files.

        Raises:
            AppError: REMOTE_*, TIMED_OUT, CANCELLED; one of the GGUF_* codes; DISK_FULL or
                PATH_UNREADABLE where the cache cannot be written.
        """
        reporter = reporter or NullReporter()

        async def work(web: Web) -> list[RemoteHeader]:
            found: list[RemoteHeader] = []
            for number, file in enumerate(files):
                reporter.progress(Progress("reading headers", number, len(files), "files"))
                first = FIRST_BYTES if number == 0 else FIRST_BYTES_OF_LATER_PARTS
                found.append(await self._read_one(web, file, first))
            reporter.progress(Progress("reading headers", len(files), len(files), "files"))
            return found

        headers = network.run(work, self._settings, cancel)
        summaries = [header.start.summary for header in headers]
        problem = parts_error([file.name for file in files], summaries)
        if problem is not None:
            raise problem
        facts = merge_facts([header.start.facts for header in headers])
        return RemoteModel(tuple(headers), merge(summaries), facts)

    async def _read_one(self, web: Web, file: RemoteFile, first_bytes: int) -> RemoteHeader:
        kept = self._cache.get(file.key)
        if kept is not None and kept.tag == file.tag:
            return _at_hand(file, kept, 0)
        part = self._cache.new_file()
        try:
            for attempt in (1, 2):
                tag = kept.tag if kept else None
                async with _fetch(web, file, part, first_bytes, tag) as fetch:
                    try:
                        start = await self._parse(fetch, first_bytes)
                    except _Unchanged:
                        assert kept is not None
                        return _at_hand(file, kept, fetch.fetched_bytes)
                    except _Changed as change:
                        if attempt == 1:
                            continue
                        raise AppError(
                            ErrorCode.REMOTE_CHANGED, url=file.name, reason=str(change)
                        ) from change
                    break
            fetch.cut(start.header_bytes)
            size = fetch.size_bytes
            head = self._cache.put(file.key, fetch.tag, size, start, part)
            return RemoteHeader(file, size, start, head, fetch.fetched_bytes)
        finally:
            part.unlink(missing_ok=True)

    async def _parse(self, fetch: _Fetch, first_bytes: int) -> Start:
        wanted = min(first_bytes, _FIRST_TRY_BYTES)
        while True:
            await fetch.grow(min(wanted, MAX_HEADER_BYTES))
            if fetch.size_bytes == 0:
                raise AppError(ErrorCode.GGUF_EMPTY, path=fetch.file.name)
            try:
                return await asyncio.to_thread(
                    self._reader.read_start, fetch.part, fetch.size_bytes, fetch.file.name
                )
            except NeedMoreBytes as more:  # never more than the limit: the parser refuses that
                step = min(max(fetch.have // 2, first_bytes // 8), _LONGEST_STEP_BYTES)
                wanted = max(fetch.have + step, more.count)


def _at_hand(file: RemoteFile, kept: Kept, fetched_bytes: int) -> RemoteHeader:
    return RemoteHeader(file, kept.size_bytes, kept.start, kept.head, fetched_bytes)


class _Unchanged(Exception):
    """The server still has what is at hand."""


class _Changed(Exception):
    """The file is another one than a moment ago; the text says by what."""


@contextlib.asynccontextmanager
async def _fetch(
    web: Web, file: RemoteFile, part: Path, first_bytes: int, known_tag: str | None
) -> AsyncIterator[_Fetch]:
    fetch = _Fetch(web, file, part, first_bytes, known_tag)
    try:
        yield fetch
    finally:
        fetch.close()


class _Fetch:
    """The growing start of one remote file, in `part`."""

    def __init__(
        self, web: Web, file: RemoteFile, part: Path, first_bytes: int, known_tag: str | None
    ) -> None:
        self._web = web
        self._first_bytes = first_bytes
        self.file = file
        self.part = part
        self._known_tag = known_tag
        self._size: int | None = None
        self.tag: str | None = None
        self.have = 0
        self.fetched_bytes = 0
        self._answer: Answer | None = None
        self._pos = 0  # where in the file the open answer goes on
        self._end = 0  # where it ends
        self._is_gguf = True
        self._write(b"", new=True)

    @property
    def size_bytes(self) -> int:
        assert self._size is not None
        return self._size

    def close(self) -> None:
        """End the open answer, whatever is still to come of it."""
        if self._answer is not None:
            self._answer.close()
            self._answer = None

    def cut(self, size_bytes: int) -> None:
        with self.part.open("r+b") as stream:
            stream.truncate(size_bytes)

    async def grow(self, wanted: int) -> None:
        """Have the first `wanted` bytes, or all there are, or enough to see that it is no GGUF.

        Raises:
            _Unchanged, _Changed; AppError.
        """
        while self._is_gguf and (self._size is None or self.have < min(wanted, self._size)):
            if self._answer is None:
                await self._open(wanted)
            if self._size:
                await self._copy(wanted)

    async def _open(self, wanted: int) -> None:
        # More than is wanted now: what comes next needs no request then.
        asked = min(max(wanted, self._first_bytes, 2 * self.have), MAX_HEADER_BYTES)
        headers = {"Range": f"bytes={self.have}-{asked - 1}"}
        known, self._known_tag = self._known_tag, None
        answer = await self._web.get(self.file.url, headers, known)
        self._answer = answer
        if answer.unchanged:
            raise _Unchanged
        first, end, total = self._extent(answer)
        if self._size is not None and total != self._size:
            raise _Changed(f"its size was {self._size} bytes, then {total}.")
        if self._size is not None and answer.tag != self.tag:
            raise _Changed("its ETag was another one.")
        self._size, self.tag = total, answer.tag
        if first > self.have:
            raise self._unusable("It sends other bytes than those that were asked for.")
        self._pos, self._end = first, end

    def _extent(self, answer: Answer) -> tuple[int, int, int]:
        """First byte, end, and size of the whole file, as the reply has them."""
        said = re.match(r"bytes (?:(\d+)-(\d+)|\*)/(\d+|\*)$", answer.header("Content-Range"))
        total = answer.size_bytes
        if said is not None and said[3] != "*":
            total = int(said[3])
        if answer.status == 416:
            if total == 0:
                return 0, 0, 0
            if self._size is not None:
                raise _Changed("it is shorter now.")
            raise self._unusable("The server refuses to send a part of the file (416).")
        if answer.status == 200:
            length = answer.response.content_length
            if length is None:
                raise self._unusable("The server does not say how large the file is.")
            return 0, length, length
        if said is None or said[1] is None or total is None:
            raise self._unusable("The server does not say which part of the file it sends.")
        first, last = int(said[1]), int(said[2])
        if not first <= last < total:
            raise self._unusable("The server sends a part that cannot be.")
        return first, last + 1, total

    def _unusable(self, reason: str) -> AppError:
        return AppError(ErrorCode.REMOTE_FAILED, url=self.file.name, reason=reason)

    async def _copy(self, wanted: int) -> None:
        """Append what the open answer brings, up to `wanted` or its end."""
        assert self._answer is not None
        while self._is_gguf and self.have < min(wanted, self._end):
            piece = await network.next_piece(self._answer)
            if not piece:
                raise AppError(
                    ErrorCode.REMOTE_UNREACHABLE, url=self.file.name, reason="It broke off."
                )
            self.fetched_bytes += len(piece)
            fresh = piece[max(0, self.have - self._pos) : max(0, self._end - self._pos)]
            self._pos += len(piece)
            self._write(fresh)
        if self.have >= self._end:
            self.close()

    def _write(self, data: bytes, new: bool = False) -> None:
        try:
            with self.part.open("wb" if new else "ab") as stream:
                stream.write(data)
        except OSError as error:
            raise write_error(error, self.part) from error
        if self.have < len(_MAGIC) and data:
            begun = self.part.read_bytes()[: len(_MAGIC)]
            self._is_gguf = begun == _MAGIC[: len(begun)]
        self.have += len(data)
