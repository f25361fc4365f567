"""The id of a request: in the header `x-request-id` of its answer and in the ledger."""

from __future__ import annotations

from aiohttp import web

from desktop.core.service.requests import new_id

HEADER = "x-request-id"
# What a client calls its request is written down, but nobody can be expected to keep a novel.
CLIENT_CHARS = 100

_ID: web.RequestKey[str] = web.RequestKey("id", str)
_MORE: web.RequestKey[dict[str, str]] = web.RequestKey("headers of the answer", dict)


def of(request: web.Request) -> str:
    """The request's id, made when it is first asked for."""
    found = request.get(_ID)
    if found is None:
        found = request[_ID] = new_id()
    return found


def clients_own(request: web.Request) -> str | None:
    """What the client called it: printable, cut, and never taken for ours."""
    sent = request.headers.get(HEADER) or request.headers.get("x-client-request-id")
    if not sent:
        return None
    return "".join(c for c in sent[:CLIENT_CHARS] if c.isprintable()) or None


def say(request: web.Request, name: str, value: str) -> None:
    """Put a header on the answer to come, whoever makes it."""
    request.setdefault(_MORE, {})[name] = value


async def mark(request: web.Request, response: web.StreamResponse) -> None:
    """For `on_response_prepare` of every application that speaks an API."""
    response.headers[HEADER] = of(request)
    for name, value in request.get(_MORE, {}).items():
        response.headers[name] = value
