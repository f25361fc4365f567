"""How a call reaches the private face: plain HTTP with the admin token."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken

Json = dict[str, Any]
PREFIX = "/admin/v1"


@dataclass(frozen=True)
class Endpoint:
    """Where the private face listens, and the token it wants."""

    host: str
    port: int
    token: str
    pid: int

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"


class Transport:
    """Calls of one service, each on a connection of its own."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint

    def _open(
        self, method: str, path: str, body: Json | None, timeout_seconds: float | None
    ) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        connection = http.client.HTTPConnection(
            self.endpoint.host, self.endpoint.port, timeout=timeout_seconds
        )
        headers = {"Authorization": f"Bearer {self.endpoint.token}"}
        raw = None
        if body is not None:
            raw = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        try:
            connection.request(method, path, raw, headers)
            return connection, connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise AppError(
                ErrorCode.SERVICE_UNREACHABLE, reason=str(error) or type(error).__name__
            ) from error

    def call(
        self,
        method: str,
        path: str,
        body: Json | None = None,
        timeout_seconds: float | None = 30.0,
    ) -> Json:
        """One call and its JSON answer."""
        connection, reply = self._open(method, PREFIX + path, body, timeout_seconds)
        try:
            raw = reply.read()
        except (OSError, http.client.HTTPException) as error:
            raise AppError(ErrorCode.SERVICE_UNREACHABLE, reason=str(error)) from error
        finally:
            reply.close()
            connection.close()
        return answer(reply.status, raw)

    def _post(self, path: str, body: Json, timeout_seconds: float | None = 30.0) -> Json:
        return self.call("POST", path, body, timeout_seconds)

    def _lines(
        self, path: str, cancel: CancelToken | None, silence_seconds: float = 40.0
    ) -> Iterator[Json]:
        """A stream of JSON lines, until it is cancelled.

        Raises:
            AppError: SERVICE_UNREACHABLE when it ends or is silent for that long.
        """
        connection, reply = self._open("GET", PREFIX + path, None, silence_seconds)
        undo = cancel.on_cancel(lambda: shut(connection)) if cancel else None
        try:
            if reply.status != 200:
                answer(reply.status, reply.read())
            for line in lines(reply, cancel):
                yield json.loads(line)
        finally:
            if undo is not None:
                undo()
            reply.close()
            connection.close()


def lines(reply: http.client.HTTPResponse, cancel: CancelToken | None) -> Iterator[bytes]:
    """The lines of a stream that has no end of its own, until it is cancelled.

    Raises:
        AppError: SERVICE_UNREACHABLE when it breaks off.
    """
    while True:
        try:
            line = reply.readline()
            reason = "" if line else "It closed the stream."
        except (OSError, http.client.HTTPException, ValueError, AttributeError) as failure:
            line, reason = b"", str(failure)
        if cancel is not None and cancel.cancelled:
            return
        if not line:
            raise AppError(ErrorCode.SERVICE_UNREACHABLE, reason=reason)
        yield line


def shut(connection: http.client.HTTPConnection) -> None:
    """Wake a thread that reads from the connection; it sees the end of the stream."""
    if connection.sock is not None:
        with contextlib.suppress(OSError):
            connection.sock.shutdown(socket.SHUT_RDWR)


def error_of(raw: bytes) -> Json:
    try:
        error = json.loads(raw)["error"]
    except (ValueError, KeyError, TypeError):
        return {"message": raw.decode("utf-8", "replace")[:500]}
    return error if isinstance(error, dict) else {"message": str(error)}


def answer(status: int, raw: bytes) -> Json:
    try:
        found = json.loads(raw)
    except ValueError as error:
        raise AppError(
            ErrorCode.SERVICE_UNREACHABLE, reason=f"It answered {status} without JSON."
        ) from error
    if status == 200:
        return dict(found)
    said = found.get("error", {})
    if "title" in said:
        raise AppError.from_dict(said)
    raise AppError(ErrorCode.BAD_REQUEST, reason=str(said.get("message", f"status {status}")))
