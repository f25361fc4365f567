"""Calls of the private face, synchronous and on the standard library only.

A command must answer in a fraction of a second and the window calls from its thread pool: neither
gains from an asynchronous client, both from one that imports nothing.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken

Json = dict[str, Any]
_PREFIX = "/admin/v1"


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


class ChatFailed(Exception):
    """The gateway answered a chat with an error; `body` is OpenAI's error object."""

    def __init__(self, body: Json) -> None:
        super().__init__(str(body.get("message", "The answer broke off.")))
        self.body = body


class Client:
    """One service. Every call is a connection of its own, so one client serves many threads.

    All methods raise AppError: the service's own errors as they are, SERVICE_UNREACHABLE where it
    does not answer.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint

    # --- transport ----------------------------------------------------------------------------

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
        connection, reply = self._open(method, _PREFIX + path, body, timeout_seconds)
        try:
            raw = reply.read()
        except (OSError, http.client.HTTPException) as error:
            raise AppError(ErrorCode.SERVICE_UNREACHABLE, reason=str(error)) from error
        finally:
            reply.close()
            connection.close()
        return _answer(reply.status, raw)

    def _post(self, path: str, body: Json, timeout_seconds: float | None = 30.0) -> Json:
        return self.call("POST", path, body, timeout_seconds)

    # --- state and events ---------------------------------------------------------------------

    def hello(self, timeout_seconds: float = 5.0) -> Json:
        return self.call("GET", "/hello", timeout_seconds=timeout_seconds)

    def state(self) -> Json:
        return self.call("GET", "/state")

    def events(
        self,
        epoch: str | None = None,
        after: int = 0,
        cancel: CancelToken | None = None,
    ) -> Iterator[Json]:
        """Events after `after` of `epoch`, then those to come, until cancelled.

        A "resync" event means: read the state again. Pings are swallowed.

        Raises:
            AppError: SERVICE_UNREACHABLE when the stream ends or is silent for 40 seconds.
        """
        query = f"/events?epoch={epoch or ''}&after={after}"
        connection, reply = self._open("GET", _PREFIX + query, None, 40.0)
        undo = cancel.on_cancel(lambda: _shut(connection)) if cancel else None
        try:
            if reply.status != 200:
                _answer(reply.status, reply.read())
            for line in _lines(reply, cancel):
                event = json.loads(line)
                if event["type"] != "ping":
                    yield event
        finally:
            if undo is not None:
                undo()
            reply.close()
            connection.close()

    # --- what it does -------------------------------------------------------------------------

    def stop(self) -> None:
        self._post("/stop", {})

    def models(self) -> list[Json]:
        found: list[Json] = self.call("GET", "/models", timeout_seconds=None)["models"]
        return found

    def scan(self) -> Json:
        return self._post("/models/scan", {}, None)

    def add_models(self, path: str) -> Json:
        return self._post("/models/add", {"path": path}, None)

    def load(
        self,
        model: str,
        *,
        context_tokens: int | None = None,
        slots: int | None = None,
        kv_type: str | None = None,
        device: str | None = None,
        force: bool = False,
    ) -> Json:
        """Load a model; returns when it is ready."""
        body = {
            "model": model,
            "context_tokens": context_tokens,
            "slots": slots,
            "kv_type": kv_type,
            "device": device,
            "force": force,
        }
        return self._post("/load", body, None)

    def unload(self, model: str) -> Json:
        return self._post("/unload", {"model": model}, None)

    def public_on(self, host: str | None = None, port: int | None = None) -> Json:
        return self._post("/public", {"on": True, "host": host, "port": port})

    def public_off(self) -> Json:
        return self._post("/public", {"on": False})

    def submit(self, kind: str, params: Json) -> Json:
        return self._post("/jobs", {"kind": kind, "params": params}, None)

    def jobs(self) -> list[Json]:
        found: list[Json] = self.call("GET", "/jobs")["jobs"]
        return found

    def job(self, job_id: int) -> Json:
        return self.call("GET", f"/jobs/{job_id}")

    def cancel_job(self, job_id: int) -> Json:
        return self._post(f"/jobs/{job_id}/cancel", {})

    def follow_job(
        self, job_id: int, on_event: Callable[[Json], None], cancel: CancelToken | None = None
    ) -> Json:
        """Hand on every event of a job until it has ended; returns the job.

        Raises:
            AppError: the job's own error where it failed; CANCELLED where it was stopped.
        """
        state = self.state()
        job = self.job(job_id)
        if job["finished"] is None:
            for event in self.events(state["epoch"], state["seq"], cancel):
                if event["type"].startswith("job.") and event["data"].get("id") == job_id:
                    on_event(event)
                if event["type"] in ("job.changed", "resync"):
                    job = self.job(job_id)
                    if job["finished"] is not None:
                        break
        if job["state"] == "failed":
            raise AppError.from_dict(job["error"])
        if job["state"] == "cancelled":
            raise AppError(ErrorCode.CANCELLED)
        return job

    def import_results(self, documents: list[Json]) -> Json:
        return self._post("/results/import", {"results": documents})

    def requests(self) -> list[Json]:
        found: list[Json] = self.call("GET", "/requests")["requests"]
        return found

    def settings(self) -> Json:
        return self.call("GET", "/settings")

    def change_settings(self, changes: Json) -> Json:
        return self._post("/settings", changes)

    def list_keys(self) -> list[Json]:
        found: list[Json] = self.call("GET", "/keys")["keys"]
        return found

    def create_key(self, name: str) -> Json:
        return self._post("/keys", {"name": name})

    def revoke_key(self, name: str) -> Json:
        return self._post("/keys/revoke", {"name": name})

    def set_secret(self, name: str, value: str | None) -> Json:
        return self._post("/secrets", {"name": name, "value": value})

    def add_engine(self, name: str, path: str) -> Json:
        return self._post("/engines/add", {"name": name, "path": path}, 120)

    def use_engine(self, name: str) -> Json:
        return self._post("/engines/use", {"name": name}, 120)

    def remove_engine(self, name: str) -> Json:
        return self._post("/engines/remove", {"name": name}, 120)

    # --- chat ---------------------------------------------------------------------------------

    def chat(self, body: Json, cancel: CancelToken | None = None) -> Iterator[Json]:
        """The chunks of a streamed chat completion; the last one holds the usage.

        Raises:
            ChatFailed: the gateway's error, before the answer or in the middle of it.
        """
        body = {**body, "stream": True, "stream_options": {"include_usage": True}}
        connection, reply = self._open("POST", "/v1/chat/completions", body, None)
        undo = cancel.on_cancel(lambda: _shut(connection)) if cancel else None
        try:
            if reply.status != 200:
                raise ChatFailed(_error_of(reply.read()))
            for line in _lines(reply, cancel):
                if line.strip() == b"data: [DONE]":
                    reply.read()  # to its end: who hangs up before it counts as having left
                    return
                if line.startswith(b"data: "):
                    chunk = json.loads(line[6:])
                    if "error" in chunk:
                        raise ChatFailed(chunk["error"])
                    yield chunk
        finally:
            if undo is not None:
                undo()
            reply.close()
            connection.close()


def _lines(reply: http.client.HTTPResponse, cancel: CancelToken | None) -> Iterator[bytes]:
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


def _shut(connection: http.client.HTTPConnection) -> None:
    """Wake a thread that reads from the connection; it sees the end of the stream."""
    import contextlib
    import socket

    if connection.sock is not None:
        with contextlib.suppress(OSError):
            connection.sock.shutdown(socket.SHUT_RDWR)


def _error_of(raw: bytes) -> Json:
    try:
        error = json.loads(raw)["error"]
    except (ValueError, KeyError, TypeError):
        return {"message": raw.decode("utf-8", "replace")[:500]}
    return error if isinstance(error, dict) else {"message": str(error)}


def _answer(status: int, raw: bytes) -> Json:
    try:
        answer = json.loads(raw)
    except ValueError as error:
        raise AppError(
            ErrorCode.SERVICE_UNREACHABLE, reason=f"It answered {status} without JSON."
        ) from error
    if status == 200:
        return dict(answer)
    found = answer.get("error", {})
    if "title" in found:
        raise AppError.from_dict(found)
    raise AppError(ErrorCode.BAD_REQUEST, reason=str(found.get("message", f"status {status}")))
