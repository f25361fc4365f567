"""Requests to an engine that break off at once when it is to leave."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken
from desktop.core.library.acceptance_engine import EngineGone, Reply, TimedOut

_MOST_REPLY_BYTES = 16 << 20
_END_SECONDS = 5.0


class Left(Exception):
    """Somebody else needs the machine."""


class Listener(Protocol):
    """What is used of `EngineServer` to ask it."""

    port: int
    api_key: str
    model_id: str

    @property
    def death(self) -> AppError | None: ...

    def wait_ended(self, timeout_seconds: float | None = None) -> bool: ...


class Asking:
    """The `Engine` of the checks over a running server. One request at a time.

    Args:
        leave: cancelled when the engine is to leave: `ask` then raises Left.
    """

    def __init__(self, server: Listener, leave: CancelToken) -> None:
        self._server = server
        self._leave = leave

    def ask(self, path: str, body: dict[str, Any] | None, timeout_seconds: float) -> Reply:
        """A GET, or a POST of `body`. Never through a proxy.

        Raises:
            EngineGone, TimedOut, Left.
        """
        server = self._server
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=timeout_seconds)
        headers = {
            "Authorization": f"Bearer {server.api_key}",
            "Content-Type": "application/json",
        }
        content = None if body is None else json.dumps(body).encode()
        undo: Callable[[], None] | None = None
        try:
            connection.connect()
            undo = self._leave.on_cancel(partial(_cut, connection.sock))
            connection.request("GET" if body is None else "POST", path, content, headers)
            # Closed here: what breaks off would else be open as long as its error is kept.
            with connection.getresponse() as reply:
                return Reply(reply.status, _json(reply.read(_MOST_REPLY_BYTES)))
        except TimeoutError:
            self._check_leave()
            raise TimedOut(timeout_seconds) from None
        except (OSError, http.client.HTTPException) as error:
            self._check_leave()
            raise EngineGone(self._end(error)) from error
        finally:
            if undo is not None:
                undo()
            connection.close()

    def _check_leave(self) -> None:
        if self._leave.cancelled:
            raise Left

    def _end(self, error: Exception) -> AppError:
        """Why the engine ended, or why it cannot be spoken to."""
        server = self._server
        if server.wait_ended(_END_SECONDS) and server.death is not None:
            return server.death
        reason = f"It broke a request off ({type(error).__name__})."
        return AppError(ErrorCode.ENGINE_DIED, model=server.model_id, reason=reason)


def _cut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):  # it is closed already
        connection.shutdown(socket.SHUT_RDWR)


def _json(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return None
