"""Pictures and sound in a conversation: what the model takes, inlined; all else refused."""

from __future__ import annotations

import asyncio
import base64
import binascii
import re
from collections.abc import Callable
from typing import Any

from desktop.core.service.asking.abilities import Abilities
from desktop.core.service.asking.fetch import Fetcher
from desktop.core.service.asking.values import Body, mapping, refused, text

IMAGES = 64
FETCHED_BYTES = 64 << 20  # of all pictures of one request, as they are inlined
ALL_SECONDS = 60.0
_AT_ONCE = 4
_DATA_IMAGE = re.compile(r"data:image/[a-z0-9.+-]{1,40}(?:;[a-z0-9=._-]{1,60})*;base64,", re.I)
_DATA_AUDIO = re.compile(r"data:audio/[a-z0-9.+-]{1,40}(?:;[a-z0-9=._-]{1,60})*;base64,", re.I)
_AUDIO_FORMATS = {"wav": "wav", "mp3": "mpeg", "flac": "flac"}


class Media:
    """Args:
    fetcher: gets pictures that lie elsewhere.
    may_fetch: whether it is to; asked anew each time.
    """

    def __init__(self, fetcher: Fetcher, may_fetch: Callable[[], bool]) -> None:
        self._fetcher = fetcher
        self._may_fetch = may_fetch

    async def inlined(
        self, messages: list[Any], abilities: Abilities, known: dict[str, str]
    ) -> list[Any]:
        """The conversation with all its pictures and sounds in it.

        Args:
            known: pictures that were fetched for this request, by address; it is added to.

        Raises:
            ApiError: 400 for what the model does not take, or what cannot be had.
        """
        if not any(isinstance(_content(each), list) for each in messages):
            return messages
        wanted = _Wanted(abilities)
        await asyncio.to_thread(wanted.look_through, messages)  # megabytes of base64
        await self._fetch(wanted.addresses, known)
        return [_with_parts(message, known) for message in messages]

    async def _fetch(self, addresses: list[str], known: dict[str, str]) -> None:
        new = [each for each in dict.fromkeys(addresses) if each not in known]
        if not new:
            return
        if not self._may_fetch():
            raise refused(
                "messages",
                "Pictures are not fetched from the network here (the setting "
                "server.fetch_images). Send them as data: URLs.",
                "unsupported",
            )
        gate = asyncio.Semaphore(_AT_ONCE)

        async def fetch(address: str) -> None:
            async with gate:
                known[address] = await self._fetcher.image(address)
            if sum(map(len, known.values())) > FETCHED_BYTES:
                raise refused("messages", "The pictures of the request are too large together.")

        try:
            async with asyncio.timeout(ALL_SECONDS), asyncio.TaskGroup() as group:
                for address in new:
                    group.create_task(fetch(address))
        except TimeoutError:
            raise refused(
                "messages", f"The pictures were not there within {ALL_SECONDS:g} s."
            ) from None
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None


class _Wanted:
    """What a conversation holds beside text."""

    def __init__(self, abilities: Abilities) -> None:
        self._abilities = abilities
        self._images = 0
        self.addresses: list[str] = []

    def look_through(self, messages: list[Any]) -> None:
        """Raises ApiError: 400."""
        for message in messages:
            for part in _parts(message):
                self._look(part)

    def _look(self, part: Body) -> None:
        kind = part.get("type")
        if kind == "text":
            text(part.get("text"), "messages.content.text")
        elif kind == "image_url":
            self._image(part)
        elif kind == "input_audio":
            self._takes(self._abilities.audio, "sound")
            _audio(part)
        elif kind not in ("refusal",):
            raise refused(
                "messages", f"A part of the type “{str(kind)[:50]}” is not known.", "unsupported"
            )

    def _image(self, part: Body) -> None:
        self._takes(self._abilities.vision, "pictures")
        self._images += 1
        if self._images > IMAGES:
            raise refused("messages", f"A request may hold {IMAGES} pictures.", "too_many")
        url = _url_of(part)
        if url[:8].lower().startswith(("http://", "https://")):
            self.addresses.append(url)
            return
        head = _DATA_IMAGE.match(url)
        if head is None:
            raise refused(
                "messages", "The address of a picture must be a data:, http: or https: URL."
            )
        _check_base64(url[head.end() :], "A picture")

    @staticmethod
    def _takes(able: bool | None, what: str) -> None:
        if able is False:
            raise refused("messages", f"This model does not take {what}.", "unsupported")


def _content(message: Any) -> Any:
    return message.get("content") if isinstance(message, dict) else None


def _parts(message: Any) -> list[Body]:
    content = _content(message)
    if not isinstance(content, list):
        return []
    return [mapping(part, "messages.content") for part in content]


def _with_parts(message: Any, known: dict[str, str]) -> Any:
    if not isinstance(_content(message), list):
        return message
    return {**message, "content": [_inlined(part, known) for part in message["content"]]}


def _inlined(part: Body, known: dict[str, str]) -> Body:
    kind = part["type"]
    if kind == "image_url":
        url = _url_of(part)
        return {"type": "image_url", "image_url": {"url": known.get(url, url)}}
    if kind == "input_audio":
        return {"type": "input_audio", "input_audio": {"data": _audio(part)}}
    if kind == "refusal":
        return {"type": "text", "text": str(part.get("refusal") or "")}
    return part


def _url_of(part: Body) -> str:
    value = part.get("image_url")
    return text(value.get("url") if isinstance(value, dict) else value, "messages.image_url.url")


def _audio(part: Body) -> str:
    """As a data: URL: the engine would fetch plain data that looks like an address."""
    given = mapping(part.get("input_audio"), "messages.input_audio")
    data = text(given.get("data"), "messages.input_audio.data")
    head = _DATA_AUDIO.match(data)
    if head is not None:
        _check_base64(data[head.end() :], "A sound")
        return data
    kind = _AUDIO_FORMATS.get(str(given.get("format", "wav")))
    if kind is None:
        known = ", ".join(_AUDIO_FORMATS)
        raise refused("messages", f"The format of a sound must be one of {known}.")
    _check_base64(data, "A sound")
    return f"data:audio/{kind};base64,{data}"


def _check_base64(data: str, what: str) -> None:
    try:
        good = bool(base64.b64decode(data, validate=True))
    except (binascii.Error, ValueError):
        good = False
    if not good:
        raise refused("messages", f"{what} of the request is not valid base64.")
