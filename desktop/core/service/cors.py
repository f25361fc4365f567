"""What a browser wants to see before a page may call another address (CORS, the Fetch standard)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from fnmatch import fnmatchcase
from typing import Protocol

from aiohttp import web

METHODS = "GET, HEAD, POST, DELETE, OPTIONS"
# What clients of the APIs send. Browsers of Chromium ask again after two hours at the latest.
SENT = (
    "accept",
    "authorization",
    "content-type",
    "x-api-key",
    "anthropic-version",
    "anthropic-beta",
    "anthropic-dangerous-direct-browser-access",
    "openai-*",
    "x-stainless-*",
    "x-request-id",
    "x-client-request-id",
    "idempotency-key",
    "traceparent",
    "user-agent",
)
ALWAYS = tuple(name for name in SENT if "*" not in name)
MAX_AGE_SECONDS = 7200
# Those of an answer that a page may read, beside whatever begins with x-.
EXPOSED = ("retry-after", "request-id")


class Origins(Protocol):
    def origin_allowed(self, origin: str, host_header: str) -> bool: ...


def preflight() -> web.Response:
    """The answer to a browser that asks first; `cors_headers` says what it wants to know."""
    return web.Response(status=204)


def cors_headers(
    policy: Origins,
) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    """For `on_response_prepare`, after what puts headers on answers: streams, errors and all."""

    async def prepare(request: web.Request, response: web.StreamResponse) -> None:
        origin = request.headers.get("Origin")
        headers = response.headers
        _vary(response, "Origin")
        if origin is None or not policy.origin_allowed(origin, request.headers.get("Host", "")):
            return
        headers["Access-Control-Allow-Origin"] = origin
        if request.method != "OPTIONS":
            shown = [name.lower() for name in headers if name.lower().startswith("x-")]
            headers["Access-Control-Expose-Headers"] = ", ".join((*EXPOSED, *shown))
            return
        asked = request.headers.get("Access-Control-Request-Headers", "")
        headers["Access-Control-Allow-Methods"] = METHODS
        headers["Access-Control-Allow-Headers"] = ", ".join(_allowed(asked))
        headers["Access-Control-Max-Age"] = str(MAX_AGE_SECONDS)
        _vary(response, "Access-Control-Request-Headers")
        if request.headers.get("Access-Control-Request-Private-Network") == "true":
            headers["Access-Control-Allow-Private-Network"] = "true"

    return prepare


def _allowed(asked: str) -> list[str]:
    """Those a browser asks for that may be sent, and those that always may."""
    wanted = [name.strip().lower() for name in asked.split(",")[:100]]
    known = [name for name in wanted if any(fnmatchcase(name, pattern) for pattern in SENT)]
    return list(dict.fromkeys((*ALWAYS, *known)))


def _vary(response: web.StreamResponse, name: str) -> None:
    before = response.headers.get("Vary")
    response.headers["Vary"] = f"{before}, {name}" if before else name
