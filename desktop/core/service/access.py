"""Who may use the public face: its hosts, the pages that may call it, and its keys."""

from __future__ import annotations

import ipaddress
import math
import socket
import time
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from desktop.core.errors import AppError, ErrorCode
from desktop.core.service import cors, request_ids
from desktop.core.service.api_errors import ApiError
from desktop.core.service.calls import CALLER, Caller
from desktop.core.service.key_policy import MANAGE, route_of
from desktop.core.service.keys import ApiKey, KeyStore

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

# What anybody may ask who reaches the face: they say nothing of models and keys.
OPEN_ROUTES = frozenset({"/", "/health", "/ready", "/openapi.json"})
# How many keys that are none an address may send within a minute before it is told to wait.
TRIES = 10
TRIES_SECONDS = 60.0
_ADDRESSES = 1000


@lru_cache(256)
def is_loopback(host: str) -> bool:
    """Whether `host` (an address or "localhost") can only be reached from this machine."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@lru_cache(256)
def split_host(value: str) -> str:
    """The host of a Host header or an Origin, lower case, without port and brackets."""
    try:
        return (urlsplit(f"//{value}").hostname or "").lower()
    except ValueError:
        return ""


@dataclass(frozen=True)
class PublicPolicy:
    """Who may use the public face."""

    host: str
    require_key: bool
    allowed_hosts: Sequence[str]
    allowed_origins: Sequence[str]

    @property
    def key_needed(self) -> bool:
        return self.require_key or not is_loopback(self.host)

    def host_allowed(self, header: str) -> bool:
        """A name is allowed when no foreign DNS server can make it point here."""
        name = split_host(header)
        if not name:
            return False
        if is_loopback(name) or name == self.host.lower():
            return True
        if name in (allowed.lower() for allowed in self.allowed_hosts):
            return True
        if is_loopback(self.host):
            return False
        own = socket.gethostname().lower()
        if name in (own, f"{own}.local"):
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True

    def origin_allowed(self, origin: str, host_header: str) -> bool:
        """A page may call when it comes from this server itself or is on the list."""
        if origin == "null":
            return False
        wanted = origin.lower()
        if any(wanted == allowed.rstrip("/").lower() for allowed in self.allowed_origins):
            return True
        return urlsplit(origin).netloc.lower() == host_header.lower()


class FailedTries:
    """Counts keys that were none by the address they came from.

    Keys cannot be guessed (256 random bits); this keeps a program with an old key from filling the
    log, and a guesser from being worth anybody's time. A valid key is always let through: others
    may share the address.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._tries: OrderedDict[str, deque[float]] = OrderedDict()

    def add(self, address: str | None) -> float:
        """Note one; returns for how many seconds the address is to wait, 0 for not at all."""
        now, name = self._clock(), _network(address)
        tries = self._tries.setdefault(name, deque(maxlen=TRIES))
        self._tries.move_to_end(name)
        while len(self._tries) > _ADDRESSES:
            self._tries.popitem(last=False)
        if len(tries) == TRIES and now - tries[0] < TRIES_SECONDS:
            return tries[0] + TRIES_SECONDS - now
        tries.append(now)
        return 0.0


def _network(address: str | None) -> str:
    """An address; of IPv6 the network, in which one machine has as many as it likes."""
    try:
        found = ipaddress.ip_address((address or "").partition("%")[0])
    except ValueError:
        return address or ""
    if found.version == 6 and found.ipv4_mapped is None:
        return str(ipaddress.ip_network((found, 64), strict=False))
    return str(found)


def public_guard(policy: PublicPolicy, keys: KeyStore, tries: FailedTries | None = None) -> Any:
    """Host, Origin, key and route checks of the public face."""
    failed = tries or FailedTries()

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        host = request.headers.get("Host", "")
        if not policy.host_allowed(host):
            raise ApiError(
                403,
                f"Requests for the host “{host[:200]}” are not answered here. Add it to the "
                "setting server.allowed_hosts if it is yours.",
                code="host_not_allowed",
            )
        origin = request.headers.get("Origin")
        if origin is not None and not policy.origin_allowed(origin, host):
            raise ApiError(
                403,
                f"The page “{origin[:200]}” may not call this server. Add it to the setting "
                "server.allowed_origins if you trust it.",
                code="origin_not_allowed",
            )
        if request.method == "OPTIONS" and origin is not None:
            return cors.preflight()
        if request.path in OPEN_ROUTES:
            _look_at_key(request, policy, keys)
        else:
            _check_key(request, policy, keys, failed)
        return await handler(request)

    return guard


def _sent_keys(request: web.Request) -> list[str]:
    """What a client sent as its key: OpenAI's clients in one header, Anthropic's in another."""
    scheme, _, bearer = request.headers.get("Authorization", "").partition(" ")
    sent = [bearer.strip()] if scheme.lower() == "bearer" else []
    sent.append(request.headers.get("x-api-key", "").strip())
    return [key for key in sent if key]


def _look_at_key(request: web.Request, policy: PublicPolicy, keys: KeyStore) -> None:
    """Who asks an open route: it is answered anyhow, but not with everything."""
    for sent in _sent_keys(request):
        found = keys.check(sent)
        if found is not None and not found.policy.expired():
            request[CALLER] = Caller(found.name, policy=found.policy)
            return
    request[CALLER] = Caller(stranger=policy.key_needed)


def _check_key(
    request: web.Request, policy: PublicPolicy, keys: KeyStore, failed: FailedTries
) -> None:
    sent = _sent_keys(request)
    found = next((key for key in map(keys.check, sent) if key is not None), None)
    if found is not None:
        _admit(request, found, keys)
    elif policy.key_needed:
        if not sent:
            raise AppError(ErrorCode.UNAUTHORIZED, reason="No key was sent.")
        wait = math.ceil(failed.add(request.remote))
        if wait:
            raise ApiError(
                429,
                "Too many requests from this address had a key that is not valid. Try again in "
                f"{wait} seconds, or send a valid key.",
                error_type="requests",
                code="too_many_invalid_keys",
                retry_after_seconds=wait,
            )
        raise AppError(ErrorCode.UNAUTHORIZED, reason="The key that was sent is not valid.")


def _admit(request: web.Request, key: ApiKey, keys: KeyStore) -> None:
    """A valid key was sent: whether it has ended, and whether it is for this route."""
    expires, now = key.policy.expires, time.time()
    if expires is not None and key.ends_soon(now):
        day = time.strftime("%Y-%m-%d %H:%M:%S %z", time.localtime(expires))
        if key.policy.expired(now):
            raise AppError(ErrorCode.UNAUTHORIZED, reason=f"The key “{key.name}” ended on {day}.")
        request_ids.say(request, "x-paddock-key-expires", day)
    request[CALLER] = Caller(key.name, policy=key.policy)
    keys.note_use(key)
    if not key.policy.allows_route(request.path):
        name = route_of(request.path)
        of_it = f" It belongs to “{name}”." if name else ""
        more = " Such a key must name it." if name == MANAGE else ""
        raise ApiError(
            403,
            f"The key “{key.name}” is not for {request.path}.{of_it}{more}",
            code="route_not_allowed",
        )
