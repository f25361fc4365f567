"""Calls of the private face, synchronous and on the standard library only.

A command must answer in a fraction of a second and the window calls from its thread pool: neither
gains from an asynchronous client, both from one that imports nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

from desktop.core.client.adoption import AdoptionCalls
from desktop.core.client.conversations import ConversationCalls
from desktop.core.client.downloads import DownloadCalls
from desktop.core.client.keys import KeyCalls
from desktop.core.client.library import LibraryCalls
from desktop.core.client.quant_lab import QuantCalls
from desktop.core.client.results import ResultCalls
from desktop.core.client.transport import Endpoint, Json, error_of, lines, shut
from desktop.core.client.usage import UsageCalls
from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken

# The service says every 5 seconds at the latest that it lives.
EVENT_SILENCE_SECONDS = 15.0

__all__ = ["ChatFailed", "Client", "Endpoint", "Json"]


class ChatFailed(Exception):
    """The gateway answered a chat with an error; `body` is OpenAI's error object."""

    def __init__(self, body: Json) -> None:
        super().__init__(str(body.get("message", "The answer broke off.")))
        self.body = body


class Client(
    AdoptionCalls,
    ConversationCalls,
    DownloadCalls,
    KeyCalls,
    LibraryCalls,
    QuantCalls,
    ResultCalls,
    UsageCalls,
):
    """One service. Every call is a connection of its own, so one client serves many threads.

    All methods raise AppError: the service's own errors as they are, SERVICE_UNREACHABLE where it
    does not answer.
    """

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
            AppError: SERVICE_UNREACHABLE when the stream ends, or when three pings failed to come.
        """
        path = f"/events?epoch={epoch or ''}&after={after}"
        for event in self._lines(path, cancel, EVENT_SILENCE_SECONDS):
            if event["type"] != "ping":
                yield event

    # --- what it does -------------------------------------------------------------------------

    def stop(self) -> None:
        self._post("/stop", {})

    def load(
        self,
        model: str,
        *,
        context_tokens: int | str | None = None,
        slots: int | str | None = None,
        kv_type: str | None = None,
        device: str | None = None,
        gpu_layers: int | str | None = None,
        experts_on_cpu: bool | int | str | None = None,
        ubatch: int | str | None = None,
        split_mode: str | None = None,
        tensor_split: list[float] | str | None = None,
        adapters: list[Json] | str | None = None,
        draft: str | None = None,
        draft_gpu_layers: int | str | None = None,
        ngram: str | None = None,
        mmproj: str | None = None,
        keep_minutes: float | str | None = None,
        pinned: bool | str | None = None,
        force: bool = False,
        for_now: bool = False,
    ) -> Json:
        """Load a model; returns when it is ready.

        None is what is saved for the model, else what fits; "auto" is what fits, whatever is saved.

        Args:
            gpu_layers, experts_on_cpu, split_mode, tensor_split: as in `LoadSettings`.
            adapters: [{"path", "scale"}], path or id; an empty list: none.
            draft: file or id of a draft model, or "none".
            ngram: the kind of n-gram speculation, or "none".
            mmproj: file or id of a projector, or "none"; else the one beside the model.
            keep_minutes: how long it stays after its last use; negative: for ever.
            pinned: it never makes room for another model.
            force: although it should not fit.
            for_now: only to ask it something: it leaves when nobody has used it for a while.
        """
        body = {
            "model": model,
            "context_tokens": context_tokens,
            "slots": slots,
            "kv_type": kv_type,
            "device": device,
            "gpu_layers": gpu_layers,
            "experts_on_cpu": experts_on_cpu,
            "ubatch": ubatch,
            "split_mode": split_mode,
            "tensor_split": tensor_split,
            "adapters": adapters,
            "draft": draft,
            "draft_gpu_layers": draft_gpu_layers,
            "ngram": ngram,
            "mmproj": mmproj,
            "keep_minutes": keep_minutes,
            "pinned": pinned,
            "force": force,
            "for_now": for_now,
        }
        return self._post("/load", body, None)

    def unload(self, model: str) -> Json:
        return self._post("/unload", {"model": model}, None)

    def public_on(
        self,
        host: str | None = None,
        port: int | None = None,
        tls: Json | None = None,
        ollama: bool | None = None,
    ) -> Json:
        """Switch the server on; None is what the settings say.

        Args:
            tls: {"mode": "off", "own" or "self", "certificate", "key"}.
            ollama: whether Ollama's clients find it on their own port too.
        """
        body = {"on": True, "host": host, "port": port, "tls": tls, "ollama": ollama}
        return self._post("/public", body)

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

    def requests(self) -> list[Json]:
        found: list[Json] = self.call("GET", "/requests")["requests"]
        return found

    def settings(self) -> Json:
        return self.call("GET", "/settings")

    def change_settings(self, changes: Json) -> Json:
        return self._post("/settings", changes)

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
        undo = cancel.on_cancel(lambda: shut(connection)) if cancel else None
        try:
            if reply.status != 200:
                raise ChatFailed(error_of(reply.read()))
            for line in lines(reply, cancel):
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
