"""Reading from the network: one GET at a time, with the rules that hold everywhere.

Only what a person asked for is requested. The hub's token goes to the hub's own address and to no
host that a reply names. Compressed replies are refused, since a Range of them would be of other
bytes than the file's. Honoured: HF_ENDPOINT, HF_TOKEN, HF_HUB_OFFLINE, HTTPS_PROXY, NO_PROXY,
SSL_CERT_FILE. What goes to the hub takes its settings from `hub/access.py`, which knows of tokens
that are stored.
"""

from __future__ import annotations

import asyncio
import contextlib
import email.utils
import os
import re
import ssl
import sys
import time
import urllib.request
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import aiohttp
from yarl import URL

from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken
from desktop.core.gguf.words import clean
from desktop.core.version import VERSION

T = TypeVar("T")

HUB = "https://huggingface.co"
MAX_REDIRECTS = 8
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_DEFAULT_PAUSE_SECONDS = 60
# Where distributions keep their certificates; a frozen app's OpenSSL looks in none of them.
_CERTIFICATE_FILES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
# The hub answers 401 for what is not there, and says so in X-Error-Code.
_MISSING_CODES = frozenset({"RepoNotFound", "EntryNotFound", "RevisionNotFound"})
# What huggingface_hub takes for a yes (its constants.py).
_YES = frozenset({"1", "on", "yes", "true"})


@dataclass(frozen=True)
class WebSettings:
    """Where the hub is, who asks, and how long an answer may take.

    Attributes:
        endpoint: the hub's address, without a slash at its end.
        token: sent to that address only.
        stored_token: where there is no `token`: finds one that is stored, which may take a moment;
            asked when the hub is.
        offline: the hub is not asked at all.
        certificates: a file of further certificate authorities to trust.
        total_seconds: for all of the work; None: as long as it takes.
        keep_alive: use a connection for the next request when its answer was read to the end.
        buffer_bytes: what may wait to be read; lost when an answer is not read to its end.
    """

    endpoint: str = HUB
    token: str | None = None
    stored_token: Callable[[], str | None] | None = None
    offline: bool = False
    certificates: str | None = None
    connect_seconds: float = 15.0
    idle_seconds: float = 30.0
    total_seconds: float | None = 300.0
    keep_alive: bool = False
    buffer_bytes: int = 1 << 16

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> WebSettings:
        return cls(
            endpoint=(environ.get("HF_ENDPOINT") or HUB).rstrip("/"),
            token=environ.get("HF_TOKEN", "").strip() or None,
            offline=any(
                environ.get(name, "").strip().lower() in _YES
                for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
            ),
            certificates=environ.get("SSL_CERT_FILE") or None,
        )


@dataclass(frozen=True)
class Answer:
    """A reply whose body has not been read; `url` is where it came from.

    Attributes:
        tag: what changes when the content does: ETag (the hub's own, of the file itself, where it
            names one), else the date it was last changed; None where the server says neither.
        size_bytes: of the whole file, where the hub said it beside a redirect.
        unchanged: the content is the one whose tag was given; the body is not there.
    """

    url: URL
    response: aiohttp.ClientResponse
    tag: str | None
    size_bytes: int | None
    unchanged: bool

    @property
    def status(self) -> int:
        return self.response.status

    def header(self, name: str) -> str:
        return self.response.headers.get(name, "")

    def close(self) -> None:
        """End the connection, whatever is still to come."""
        _cut_off(self.response)


def shown_url(url: str | URL) -> str:
    """An address fit to be shown: no password, no signature, no odd characters."""
    try:
        address = URL(str(url))
        plain = str(address.with_user(None).with_query(None).with_fragment(None))
    except ValueError:
        plain = re.sub(r"//[^/@]*@", "//", str(url).partition("?")[0])
    return clean(plain, 300)


def plain_tag(value: str) -> str | None:
    """An ETag without its quotes and its mark of weakness."""
    return value.strip().removeprefix("W/").strip('"') or None


def parse_url(url: str) -> URL:
    """Raises:
    AppError: BAD_REQUEST, when it is no http(s) address.
    """
    try:
        address = URL(url)
        usable = address.scheme in ("http", "https") and bool(address.host)
    except ValueError:
        usable = False
    if not usable:
        raise AppError(
            ErrorCode.BAD_REQUEST, reason=f"“{shown_url(url)}” is no http or https address."
        )
    return address


def url_of(folder: str, *names: str) -> str:
    """An address below `folder`, each name quoted as it must be; slashes in names stay."""
    address = URL(folder)
    for name in names:
        for piece in name.split("/"):
            address = address / piece
    return str(address)


class Web:
    """One session; use it as an asynchronous context manager."""

    def __init__(self, settings: WebSettings) -> None:
        self.settings = settings
        self._hub = parse_url(settings.endpoint).origin()
        self._token = settings.token
        self._token_sought = settings.token is not None
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Web:
        settings = self.settings
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                ssl=_trusted(settings.certificates), force_close=not settings.keep_alive
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            headers={"User-Agent": f"paddock/{VERSION}", "Accept-Encoding": "identity"},
            read_bufsize=settings.buffer_bytes,
            timeout=aiohttp.ClientTimeout(
                total=None, sock_connect=settings.connect_seconds, sock_read=settings.idle_seconds
            ),
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def get(
        self, url: str | URL, headers: Mapping[str, str] | None = None, known_tag: str | None = None
    ) -> Answer:
        """The reply, redirects followed; the caller reads and closes it.

        Args:
            url: an `Answer.url` goes out as it came in: a signature must not be quoted anew.
            known_tag: of content that is at hand already: the answer is then `unchanged`.

        Raises:
            AppError: REMOTE_*, HUB_OFFLINE; BAD_REQUEST for an address that is none. Statuses 200,
                206, 304 and 416 are answers.
        """
        here = url if isinstance(url, URL) else parse_url(url)
        linked_tag: str | None = None
        linked_size: int | None = None
        sent = dict(headers or {})
        if known_tag is not None:
            sent["If-None-Match"] = f'"{known_tag}"'
        for _ in range(MAX_REDIRECTS + 1):
            response = await self._one(here, sent)
            try:
                if here.origin() == self._hub:
                    linked_tag = plain_tag(response.headers.get("X-Linked-ETag", "")) or linked_tag
                    linked_size = _number(response.headers.get("X-Linked-Size")) or linked_size
                tag = linked_tag or _tag_of(response)
                if known_tag is not None and (tag == known_tag or response.status == 304):
                    _cut_off(response)
                    return Answer(here, response, tag, linked_size, unchanged=True)
                if response.status not in _REDIRECTS:
                    _check(response, here)
                    return Answer(here, response, tag, linked_size, unchanged=False)
                here = _target(here, response.headers.get("Location", ""))
            except BaseException:
                _cut_off(response)
                raise
            _cut_off(response)
        raise _failed(url, f"It redirects more than {MAX_REDIRECTS} times.")

    async def body(self, url: str, limit_bytes: int) -> bytes:
        """The whole body of a small reply.

        Raises:
            AppError: as `get`; REMOTE_FAILED when it is longer than the limit.
        """
        answer = await self.get(url)
        with contextlib.closing(answer):
            return await whole_body(answer, limit_bytes)

    async def _one(self, url: URL, headers: Mapping[str, str]) -> aiohttp.ClientResponse:
        assert self._session is not None
        sent = dict(headers)
        if url.origin() == self._hub:
            if self.settings.offline:
                raise AppError(ErrorCode.HUB_OFFLINE, url=shown_url(url))
            if token := self._hub_token():
                sent["Authorization"] = f"Bearer {token}"
        with _network_errors(url, self.settings.idle_seconds):
            return await self._session.get(
                url, headers=sent, allow_redirects=False, proxy=_proxy(url)
            )

    def _hub_token(self) -> str | None:
        if not self._token_sought and self.settings.stored_token is not None:
            self._token = self.settings.stored_token()
        self._token_sought = True
        return self._token


def _cut_off(response: aiohttp.ClientResponse) -> None:
    """Close at once. An encrypted connection would else say good-bye first, and wait for the other
    side to have sent all it has: longer than the event loop lives."""
    connection = response.connection
    if connection is not None and connection.transport is not None:
        connection.transport.abort()
    response.close()


async def next_piece(answer: Answer) -> bytes:
    """What has come of the body since the last call; nothing at its end.

    Raises:
        AppError: REMOTE_UNREACHABLE, when it breaks off or stands still.
    """
    with _network_errors(answer.url, None):
        return await answer.response.content.readany()


async def whole_body(answer: Answer, limit_bytes: int) -> bytes:
    """The whole body of an answer; the caller closes it.

    Raises:
        AppError: REMOTE_UNREACHABLE; REMOTE_FAILED when it is longer than the limit, or no 200.
    """
    if answer.status != 200:
        raise _failed(answer.url, f"The server answered {answer.status}.")
    body = bytearray()
    while piece := await next_piece(answer):
        body += piece
        if len(body) > limit_bytes:
            raise _failed(answer.url, f"The answer is longer than {limit_bytes} bytes.")
    return bytes(body)


def run(
    work: Callable[[Web], Awaitable[T]], settings: WebSettings, cancel: CancelToken | None = None
) -> T:
    """Do `work` in an event loop of its own; for threads that have none.

    Raises:
        AppError: what `work` raises; CANCELLED; TIMED_OUT after `settings.total_seconds`.
    """
    cancel = cancel or CancelToken()
    cancel.raise_if_cancelled()

    async def main() -> T:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None

        def stop() -> None:
            with contextlib.suppress(RuntimeError):  # the loop has just ended by itself
                loop.call_soon_threadsafe(task.cancel)

        undo = cancel.on_cancel(stop)
        try:
            async with asyncio.timeout(settings.total_seconds), Web(settings) as web:
                return await work(web)
        except TimeoutError as error:
            raise AppError(
                ErrorCode.TIMED_OUT,
                what="Reading from the network",
                seconds=round(settings.total_seconds or 0),
            ) from error
        except asyncio.CancelledError:
            cancel.raise_if_cancelled()
            raise
        finally:
            undo()

    return asyncio.run(main())


# --- details


def _trusted(certificates: str | None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if certificates is not None:
        try:
            context.load_verify_locations(certificates)
        except (OSError, ssl.SSLError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise AppError(
                ErrorCode.PATH_UNREADABLE, path=certificates, reason=f"SSL_CERT_FILE: {reason}"
            ) from error
        return context
    known = ssl.get_default_verify_paths()
    if sys.platform != "win32" and known.cafile is None and known.capath is None:
        for name in _CERTIFICATE_FILES:
            if Path(name).is_file():
                context.load_verify_locations(name)
                break
    return context


def _proxy(url: URL) -> str | None:
    """The proxy for this address, from the environment (and the system, on Windows and macOS)."""
    host = url.host or ""
    place = host if url.port is None else f"{host}:{url.port}"
    if urllib.request.proxy_bypass(place):
        return None
    proxies = urllib.request.getproxies()
    return proxies.get(url.scheme) or proxies.get("all") or None


def _tag_of(response: aiohttp.ClientResponse) -> str | None:
    tag = plain_tag(response.headers.get("ETag", ""))
    return tag or response.headers.get("Last-Modified") or None


def _number(text: str | None) -> int | None:
    return int(text) if text and re.fullmatch(r"\d{1,18}", text) else None


def _target(here: URL, location: str) -> URL:
    """Where a redirect leads.

    Raises:
        AppError: REMOTE_FAILED, when it leads nowhere or from https to http.
    """
    try:
        target = here.join(URL(location, encoded=True))  # a signature must not be quoted anew
        usable = bool(location) and target.scheme in ("http", "https") and bool(target.host)
    except ValueError:
        usable = False
    if not usable:
        raise _failed(here, "It redirects to something that is no address.")
    if here.scheme == "https" and target.scheme == "http":
        raise _failed(here, "It redirects from https to http, where anybody could change the file.")
    return target.with_user(None)


def _check(response: aiohttp.ClientResponse, url: URL) -> None:
    """Raises:
    AppError: what a status other than 200, 206 and 416 means.
    """
    status, shown = response.status, shown_url(url)
    said = clean(response.headers.get("X-Error-Message", ""), 200)
    missing = response.headers.get("X-Error-Code") in _MISSING_CODES
    if status in (404, 410) or missing:
        raise AppError(ErrorCode.REMOTE_NOT_FOUND, url=shown, status=status)
    if status in (401, 403):
        reason = said or ("it wants a token." if status == 401 else "it refuses the request.")
        raise AppError(ErrorCode.REMOTE_DENIED, url=shown, status=status, reason=reason)
    if status == 429:
        raise AppError(ErrorCode.REMOTE_BUSY, url=shown, seconds=_pause_seconds(response))
    if status not in (200, 206, 416):
        pause = {"seconds": _pause_seconds(response)} if "Retry-After" in response.headers else {}
        raise _failed(url, f"The server answered {status}. {said}".strip(), status=status, **pause)
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in ("", "identity"):
        raise _failed(url, f"The server compresses the file ({clean(encoding, 40)}) unasked.")


def _pause_seconds(response: aiohttp.ClientResponse) -> int:
    """How long to wait, from Retry-After (seconds or a date) or the hub's RateLimit header."""
    value = response.headers.get("Retry-After", "").strip()
    if (seconds := _number(value)) is not None:
        return seconds
    with contextlib.suppress(TypeError, ValueError):
        moment = email.utils.parsedate_to_datetime(value)
        return max(1, round(moment.timestamp() - time.time()))
    limit = re.search(r"(?:^|;)\s*t=(\d{1,9})", response.headers.get("RateLimit", ""))
    return int(limit[1]) if limit else _DEFAULT_PAUSE_SECONDS


def _failed(url: str | URL, reason: str, **params: int) -> AppError:
    return AppError(ErrorCode.REMOTE_FAILED, url=shown_url(url), reason=reason, **params)


@contextlib.contextmanager
def _network_errors(url: URL, idle_seconds: float | None) -> Iterator[None]:
    """What the network says, in our words."""
    try:
        yield
    except aiohttp.ClientConnectorCertificateError as error:
        reason = f"Its certificate is not trusted: {error.certificate_error}"
        raise _unreachable(url, reason) from error
    except aiohttp.ClientConnectorDNSError as error:
        raise _unreachable(url, "There is no host of this name.") from error
    except aiohttp.ServerTimeoutError as error:
        waited = "too long" if idle_seconds is None else f"{idle_seconds:g} seconds"
        raise _unreachable(url, f"Nothing came for {waited}.") from error
    except (aiohttp.ClientError, OSError, ValueError) as error:
        said = clean(str(error), 200) or type(error).__name__
        raise _unreachable(url, f"The connection failed or broke off: {said}") from error


def _unreachable(url: URL, reason: str) -> AppError:
    return AppError(ErrorCode.REMOTE_UNREACHABLE, url=shown_url(url), reason=reason)
