"""Pictures from the network, for requests that only name their address.

The engine would fetch any address itself, those of this machine and its network included
(SERVER.md). Here a name is resolved once, every address it has must be a public one, and the
connection goes to exactly those addresses; the same for each redirect.
"""

from __future__ import annotations

import asyncio
import base64
import ipaddress
import re
import socket
from collections.abc import Callable, Sequence
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from desktop.core.service.api_errors import ApiError

IMAGE_BYTES = 20 << 20
FETCH_SECONDS = 15.0
REDIRECTS = 4
URL_CHARS = 8192
_TYPE = re.compile(r"image/[a-z0-9.+-]{1,40}")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def is_public(address: Address) -> bool:
    """Whether an address is of the internet at large: neither this machine's nor its network's.

    An IPv6 address that stands for an IPv4 one (mapped, 6to4, Teredo, NAT64) is judged by that.
    """
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is None and address.teredo is not None:
            inner = address.teredo[1]
        if inner is None and address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(inner)
        if address.is_site_local:
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


class Fetcher:
    """Args:
    allowed: which addresses may be connected to.
    """

    def __init__(
        self,
        allowed: Callable[[Address], bool] = is_public,
        *,
        most_bytes: int = IMAGE_BYTES,
        seconds: float = FETCH_SECONDS,
    ) -> None:
        self._allowed = allowed
        self._most_bytes = most_bytes
        self._seconds = seconds

    async def image(self, address: str) -> str:
        """The picture at an http or https address, as a data: URL.

        Raises:
            ApiError: 400, why it cannot be had.
        """
        url = _url(address)
        try:
            async with asyncio.timeout(self._seconds):
                for _ in range(REDIRECTS + 1):
                    found = await self._get(url)
                    if isinstance(found, str):
                        return found
                    url = found
        except TimeoutError:
            raise _failed(f"it took more than {self._seconds:g} s") from None
        except (aiohttp.ClientError, OSError) as error:
            raise _failed(str(error) or type(error).__name__) from error
        raise _failed(f"it was redirected more than {REDIRECTS} times")

    async def _get(self, url: URL) -> str | URL:
        """The picture, or where it is said to be."""
        connector = aiohttp.TCPConnector(
            resolver=_Pinned(await self._addresses(url)), use_dns_cache=False, force_close=True
        )
        async with (
            aiohttp.ClientSession(
                connector=connector, trust_env=False, cookie_jar=aiohttp.DummyCookieJar()
            ) as session,
            session.get(
                url, allow_redirects=False, headers={"Accept": "image/*", "User-Agent": "paddock"}
            ) as reply,
        ):
            if reply.status in (301, 302, 303, 307, 308) and "Location" in reply.headers:
                return _url(str(url.join(URL(reply.headers["Location"][:URL_CHARS]))))
            if reply.status != 200:
                raise _failed(f"the server answered {reply.status}")
            kind = reply.content_type.lower()
            if not _TYPE.fullmatch(kind):
                raise _failed(f"it is not a picture but {kind[:60]}")
            return f"data:{kind};base64,{base64.b64encode(await self._read(reply)).decode()}"

    async def _read(self, reply: aiohttp.ClientResponse) -> bytes:
        found = bytearray()
        async for block in reply.content.iter_chunked(1 << 16):
            found += block
            if len(found) > self._most_bytes:
                raise _failed(f"it is larger than {self._most_bytes >> 20} MiB")
        return bytes(found)

    async def _addresses(self, url: URL) -> list[Address]:
        """All addresses of a name; each of them is allowed."""
        assert url.host is not None
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(url.host, url.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise _failed(f"there is no host “{url.host[:200]}”") from None
        addresses = [ipaddress.ip_address(str(each[4][0]).partition("%")[0]) for each in found]
        if not addresses or not all(self._allowed(each) for each in addresses):
            raise ApiError(
                400,
                f"Pictures are fetched from the internet only: “{url.host[:200]}” is an address "
                "of this machine or its network.",
                param="messages",
                code="address_not_allowed",
            )
        return list(dict.fromkeys(addresses))


class _Pinned(AbstractResolver):
    """Knows the addresses that were looked at, and no others."""

    def __init__(self, addresses: Sequence[Address]) -> None:
        self._addresses = addresses

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host,
                host=str(address),
                port=port,
                family=socket.AF_INET if address.version == 4 else socket.AF_INET6,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST,
            )
            for address in self._addresses
        ]

    async def close(self) -> None:
        """Nothing is held."""


def _url(address: str) -> URL:
    """Raises ApiError: 400 for what is no plain http or https address."""
    try:
        url = URL(address) if len(address) <= URL_CHARS else URL()
        good = url.scheme in ("http", "https") and bool(url.host) and url.user is None
        good = good and url.password is None and url.port is not None
    except (ValueError, TypeError):
        good = False
    if not good:
        raise ApiError(
            400,
            "The address of a picture must be a data:, http: or https: URL.",
            param="messages",
            code="invalid_value",
        )
    return url


def _failed(reason: Any) -> ApiError:
    return ApiError(
        400,
        f"A picture could not be fetched: {str(reason)[:300]}.",
        param="messages",
        code="image_not_fetched",
    )
