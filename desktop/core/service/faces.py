"""The two faces of the service: who may call them, and where they listen.

The private face has a random loopback port and wants the admin token. The public one listens where
the settings say, on loopback unless a key exists, and checks Host and Origin on every request: a
web page that resolves its own name to 127.0.0.1 (DNS rebinding) must not reach the models.
"""

from __future__ import annotations

import contextlib
import errno
import hmac
import ipaddress
import logging
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from desktop.core.errors import AppError, ErrorCode
from desktop.core.service import error_shapes, limits
from desktop.core.service.api_errors import ApiError, from_app_error
from desktop.core.service.calls import CALLER, Caller
from desktop.core.service.keys import KeyStore

log = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_OPEN_ROUTES = frozenset({"/health", "/ready"})


def is_loopback(host: str) -> bool:
    """Whether `host` (an address or "localhost") can only be reached from this machine."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


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
        if origin in self.allowed_origins:
            return True
        return origin != "null" and urlsplit(origin).netloc.lower() == host_header.lower()


@web.middleware
async def error_shape(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every failure in the shape of the API that was asked; nothing of ours leaks out."""
    try:
        return await handler(request)
    except ConnectionError:
        raise
    except Exception as error:
        answer = error_shapes.response_of(request, _failure(request, error))
        if isinstance(error, web.HTTPMethodNotAllowed):
            answer.headers["Allow"] = ", ".join(sorted(error.allowed_methods))
        return answer


def _failure(request: web.Request, error: Exception) -> ApiError:
    """What a client is told of an exception."""
    if isinstance(error, ApiError):
        return error
    if isinstance(error, AppError):
        return from_app_error(error)
    if isinstance(error, web.HTTPRequestEntityTooLarge):
        return ApiError(
            413,
            f"The request is larger than {limits.BODY_BYTES >> 20} MiB.",
            code="request_too_large",
        )
    if isinstance(error, web.HTTPNotFound):
        return ApiError(
            404, f"There is no route {request.method} {request.path}.", code="not_found"
        )
    if isinstance(error, web.HTTPMethodNotAllowed):
        return ApiError(
            405,
            f"{request.path} is called with {', '.join(sorted(error.allowed_methods))}.",
            code="method_not_allowed",
        )
    if isinstance(error, web.HTTPException):
        return ApiError(error.status, error.reason, code="bad_request")
    log.error("a request failed", exc_info=error, extra={"route": request.path})
    return ApiError(
        500,
        "Something went wrong inside Paddock. See `paddock logs`.",
        error_type="server_error",
        code="internal",
    )


@web.middleware
async def json_only(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A page can send a form or plain text anywhere without asking; JSON it cannot."""
    if request.method in ("POST", "PUT", "PATCH") and request.content_type != "application/json":
        raise ApiError(
            415,
            "The request must be sent as Content-Type: application/json.",
            code="unsupported_media_type",
        )
    return await handler(request)


def public_guard(policy: PublicPolicy, keys: KeyStore) -> Any:
    """Host, Origin and key checks of the public face."""

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
            return web.Response(status=204)
        if request.path not in _OPEN_ROUTES:
            _check_key(request, policy, keys)
        return await handler(request)

    return guard


def cors_headers(
    policy: PublicPolicy,
) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    """What a browser wants to see on answers to allowed pages, streams and errors included."""

    async def prepare(request: web.Request, response: web.StreamResponse) -> None:
        origin = request.headers.get("Origin")
        if origin is None or not policy.origin_allowed(origin, request.headers.get("Host", "")):
            return
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Vary"] = "Origin"
        response.headers["Access-Control-Allow-Methods"] = "GET, POST, OPTIONS"
        response.headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type"

    return prepare


def _check_key(request: web.Request, policy: PublicPolicy, keys: KeyStore) -> None:
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    found = keys.check(key.strip()) if scheme.lower() == "bearer" and key else None
    if found is not None:
        request[CALLER] = Caller(found.name, policy=found.policy)
    elif policy.key_needed:
        reason = "No key was sent." if not key else "The key that was sent is not known."
        raise AppError(ErrorCode.UNAUTHORIZED, reason=reason)


def private_guard(token: str) -> Any:
    """The admin token, on loopback, from programs only."""

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not is_loopback(split_host(request.headers.get("Host", ""))):
            raise ApiError(403, "This address is for this machine only.", code="host_not_allowed")
        if "Origin" in request.headers:
            raise ApiError(403, "Web pages may not call this address.", code="origin_not_allowed")
        sent = request.headers.get("Authorization", "").encode("utf-8", "surrogateescape")
        if not hmac.compare_digest(sent, f"Bearer {token}".encode()):
            raise AppError(ErrorCode.UNAUTHORIZED, reason="The admin token is missing or wrong.")
        request[CALLER] = Caller(inside=True)
        return await handler(request)

    return guard


class Face:
    """An application that listens at one address; started and stopped any number of times."""

    def __init__(self, app: web.Application) -> None:
        # handler_cancellation: a client that leaves while it waits ends its handler at once.
        self._runner = web.AppRunner(
            app, handler_cancellation=True, access_log=None, shutdown_timeout=2.0
        )
        self.host = ""
        self.port = 0

    async def start(self, host: str, port: int) -> None:
        """Listen.

        Raises:
            AppError: PORT_TAKEN (with the holder's name where it can be seen), BAD_ADDRESS.
        """
        await self._runner.setup()
        try:
            site = web.TCPSite(self._runner, host, port)
            await site.start()
        except OSError as error:
            await self._runner.cleanup()
            raise await _listen_error(host, port, error) from error
        except OverflowError as error:
            await self._runner.cleanup()
            raise AppError(ErrorCode.BAD_ADDRESS, host=host, reason=str(error)) from error
        self.host, self.port = host, self._runner.addresses[0][1]

    @property
    def url(self) -> str:
        shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self.host, self.host)
        if ":" in shown and not shown.startswith("["):
            shown = f"[{shown}]"
        return f"http://{shown}:{self.port}"

    async def stop(self) -> None:
        await self._runner.cleanup()


async def _listen_error(host: str, port: int, error: OSError) -> AppError:
    if error.errno == errno.EADDRINUSE:
        import asyncio

        holder = await asyncio.to_thread(_port_holder, port)
        return AppError(ErrorCode.PORT_TAKEN, host=host, port=port, holder=holder)
    if error.errno == errno.EACCES:
        reason = "Ports below 1024 are reserved for the administrator."
        return AppError(ErrorCode.BAD_ADDRESS, host=f"{host}:{port}", reason=reason)
    return AppError(ErrorCode.BAD_ADDRESS, host=host, reason=error.strerror or str(error))


def _port_holder(port: int) -> str:
    """Who listens there, as far as this user may see it."""
    import psutil  # type: ignore[import-untyped]

    with contextlib.suppress(psutil.Error, OSError):
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port:
                if connection.pid is None:
                    break
                name = psutil.Process(connection.pid).name()
                return f"{name} (process {connection.pid}) is using it."
    return "Another program is using it."
