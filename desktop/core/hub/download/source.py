"""Where one file's bytes come from: the hub, or the signed address it leads to.

The hub is asked once and names an address that is good for a while; ranges are then asked for
there, without the hub and without a token. When that address is refused, the hub is asked anew.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from dataclasses import dataclass

from yarl import URL

from desktop.core import web as network
from desktop.core.errors import AppError, ErrorCode
from desktop.core.web import Answer, Web

_CONTENT_RANGE = re.compile(r"bytes (?:(\d{1,18})-(\d{1,18})|\*)/(\d{1,18}|\*)")
_REFUSALS = frozenset({ErrorCode.REMOTE_DENIED, ErrorCode.REMOTE_NOT_FOUND})


class Stale(Exception):
    """The signed address is no longer good; the next request asks the hub for another."""


@dataclass(frozen=True)
class Reply:
    """What a server answers to a request for bytes; the body has not been read.

    Attributes:
        tag: what the hub calls the content.
        total: the file's size in bytes; None where the server does not say.
        first: where in the file the body begins.
        end: where it ends (exclusive); None where the server does not say.
        partial: the server did send a range.
        refused: it sends no such range (416); there is no body.
    """

    answer: Answer
    tag: str | None
    total: int | None
    first: int
    end: int | None
    partial: bool
    refused: bool = False

    def close(self) -> None:
        self.answer.close()


@dataclass(frozen=True)
class _Location:
    url: URL
    tag: str | None
    far_tag: str


class Source:
    """One file on the hub."""

    def __init__(self, web: Web, url: str) -> None:
        self._web = web
        self._url = url
        self._hub = network.parse_url(web.settings.endpoint).origin()
        self._location: _Location | None = None
        self._asking = asyncio.Lock()

    def forget(self) -> None:
        """Ask the hub again next time."""
        self._location = None

    async def ask(self, start: int | None = None, end: int | None = None) -> Reply:
        """Ask for bytes `start` to `end` (exclusive); for all of them without a Range.

        Raises:
            Stale, AppError: REMOTE_*, HUB_OFFLINE.
        """
        headers = {} if start is None or end is None else {"Range": f"bytes={start}-{end - 1}"}
        location = self._location
        if location is None:
            async with self._asking:  # one asks, the others use what it was told
                location = self._location
                if location is None:
                    return await self._ask_hub(headers)
        try:
            answer = await self._web.get(location.url, headers)
        except AppError as error:
            if error.code is not ErrorCode.REMOTE_BUSY and self._location is location:
                self.forget()
            if error.code in _REFUSALS:
                raise Stale from error
            raise
        if answer.header("ETag") != location.far_tag:
            answer.close()
            if self._location is location:
                self.forget()
            raise Stale
        return _reply(answer, location.tag)

    async def _ask_hub(self, headers: dict[str, str]) -> Reply:
        try:
            answer = await self._web.get(self._url, headers)
        except AppError as error:
            if error.code in _REFUSALS and not self._is_hub(str(error.params.get("url"))):
                raise Stale from error  # refused where the hub had just led to
            raise
        self._location = _Location(answer.url, answer.tag, answer.header("ETag"))
        return _reply(answer, answer.tag)

    def _is_hub(self, url: str) -> bool:
        with contextlib.suppress(ValueError):
            return URL(url).origin() == self._hub
        return False


async def drain(reply: Reply) -> None:
    """Read a small body to its end, so that the connection can be used again."""
    with contextlib.closing(reply):
        if reply.partial:
            while await network.next_piece(reply.answer):
                pass


def _reply(answer: Answer, tag: str | None) -> Reply:
    said = _CONTENT_RANGE.fullmatch(answer.header("Content-Range").strip())
    total = int(said[3]) if said is not None and said[3] != "*" else None
    if answer.status == 416:
        answer.close()
        return Reply(answer, tag, total, 0, 0, partial=False, refused=True)
    if answer.status == 200:
        length = answer.response.content_length
        return Reply(answer, tag, length, 0, length, partial=False)
    if said is None or said[1] is None or int(said[1]) > int(said[2]):
        answer.close()
        raise AppError(
            ErrorCode.REMOTE_FAILED,
            url=network.shown_url(answer.url),
            reason="The server does not say which part of the file it sends.",
        )
    total = answer.size_bytes if total is None else total
    return Reply(answer, tag, total, int(said[1]), int(said[2]) + 1, partial=True)
