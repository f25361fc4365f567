"""Requests that are refused before an API reads them: a row of the ledger each, like all others.

Who sets up a client finds out here why it does not connect: a wrong key, an address that is none,
a page that is not on the list.
"""

from __future__ import annotations

from aiohttp import web

from desktop.core.gguf.words import clean
from desktop.core.service import faces, request_ids
from desktop.core.service.access import FailedTries, Handler
from desktop.core.service.calls import caller_of
from desktop.core.service.key_policy import VERSION, route_of
from desktop.core.service.requests import RequestLog, RequestRecord, api_of

_ROUTE_CHARS = 200


class TurnedAway:
    """Writes them down for every application of the public face.

    Ten a minute from an address: whoever knocks more often would only push out the rows of others.
    """

    def __init__(self, requests: RequestLog, tries: FailedTries | None = None) -> None:
        self._requests = requests
        self._tries = tries or FailedTries()

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Goes around the guards and the search for a route."""
        try:
            return await handler(request)
        except ConnectionError:
            raise
        except Exception as error:
            if not faces.is_let_in(request) and _of_a_program(request):
                self._note(request, error)
            raise

    def _note(self, request: web.Request, error: Exception) -> None:
        if self._tries.add(request.remote):
            return
        failure = faces.failure_of(request, error)
        path = clean(request.path, _ROUTE_CHARS)
        record = RequestRecord(
            path if request.method == "POST" else f"{request.method} {path}",
            key=caller_of(request).key,
            id=request_ids.of(request),
            client_id=request_ids.clients_own(request),
            api=api_of(path),
        )
        record.finish(None, failure.status, failure.message, failure.code)
        self._requests.add(record)


def _of_a_program(request: web.Request) -> bool:
    """Whether a client of an API sent it; browsers ask any server for its icon."""
    path = request.path
    of_an_api = path.startswith((f"{VERSION}/", "/api/")) or route_of(path) is not None
    return of_an_api or request.method == "POST"
