"""The two faces of the service: who may call them, and where they listen.

The private face has a random loopback port and wants the admin token. The public one listens where
the settings say, on loopback unless a key exists, and checks Host and Origin on every request: a
web page that resolves its own name to 127.0.0.1 (DNS rebinding) must not reach the models.
"""

from __future__ import annotations

import contextlib
import errno
import hmac
import logging
from typing import Any

from aiohttp import web

from desktop.core.errors import AppError, ErrorCode
from desktop.core.service import error_shapes, limits
from desktop.core.service.access import (
    Handler,
    PublicPolicy,
    is_loopback,
    public_guard,
    split_host,
)
from desktop.core.service.api_errors import ApiError, from_app_error
from desktop.core.service.calls import CALLER, Caller
from desktop.core.service.cors import cors_headers
from desktop.core.service.key_policy import VERSION
from desktop.core.service.openai.forms import takes_form
from desktop.core.service.tls import TlsContext

log = logging.getLogger(__name__)

_LET_IN: web.RequestKey[bool] = web.RequestKey("let in", bool)

__all__ = [
    "Face",
    "Handler",
    "PublicPolicy",
    "cors_headers",
    "error_shape",
    "failure_of",
    "is_let_in",
    "is_loopback",
    "json_only",
    "private_guard",
    "public_guard",
    "split_host",
]


@web.middleware
async def error_shape(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every failure in the shape of the API that was asked; nothing of ours leaks out."""
    try:
        return await handler(request)
    except ConnectionError:
        raise
    except Exception as error:
        failure = failure_of(request, error)
        if request.writer.output_size:
            raise  # a second answer would stand in the midst of the first: the connection is cut
        answer = error_shapes.response_of(request, failure)
        if isinstance(error, web.HTTPMethodNotAllowed):
            answer.headers["Allow"] = ", ".join(sorted(error.allowed_methods))
        return answer


def failure_of(request: web.Request, error: Exception) -> ApiError:
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
        told = f"There is no route {request.method} {request.path}.{_other_base(request)}"
        return ApiError(404, told, code="not_found")
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


def _other_base(request: web.Request) -> str:
    """What to do where the client was given another base URL than its API has."""
    path = request.path
    others = [VERSION + path, path.removeprefix(VERSION)]
    known = {resource.canonical for resource in request.app.router.resources()}
    there = next((other for other in others if other != path and other in known), None)
    if there is None:
        return ""
    change = "has to end" if there == VERSION + path else "must not end"
    return f" There is {there}: the client's base URL {change} in {VERSION}."


@web.middleware
async def json_only(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A page can send a form or plain text anywhere without asking; JSON it cannot. The last of the
    guards."""
    there = request.match_info.http_exception is None  # else it is a 404 or a 405
    if (
        there
        and request.method in ("POST", "PUT", "PATCH")
        and request.content_type != "application/json"
        and not takes_form(request)
        and not _sent_by_hand(request)
    ):
        raise ApiError(
            415,
            "The request must be sent as Content-Type: application/json.",
            code="unsupported_media_type",
        )
    request[_LET_IN] = there
    return await handler(request)


def is_let_in(request: web.Request) -> bool:
    """Whether the guards let a request through and there is somebody to answer it."""
    found: bool = request.get(_LET_IN, False)
    return found


def _sent_by_hand(request: web.Request) -> bool:
    """A command such as `curl -d` names no type of its JSON, and Ollama's own examples are such
    commands. Browsers say where a page's request comes from."""
    of_a_page = ("Origin", "Referer", "Sec-Fetch-Site", "Sec-Fetch-Mode")
    return request.path.startswith("/api/") and not any(
        name in request.headers for name in of_a_page
    )


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
    """An application that listens at one address; started and stopped any number of times.

    Args:
        tls: what it encrypts with; None: nothing.
    """

    def __init__(self, app: web.Application, tls: TlsContext | None = None) -> None:
        self.tls = tls
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
            context = self.tls.context if self.tls is not None else None
            site = web.TCPSite(self._runner, host, port, ssl_context=context)
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
        return self.url_of({"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host))

    def url_of(self, host: str) -> str:
        """Its address by another of the machine's names."""
        shown = f"[{host}]" if ":" in host else host
        return f"{'http' if self.tls is None else 'https'}://{shown}:{self.port}"

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
