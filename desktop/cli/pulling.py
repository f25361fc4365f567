"""A download, followed in the terminal: through restarts of the service, and paused by Ctrl-C."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable
from typing import Any

from desktop.cli import session
from desktop.cli.background import Background, call
from desktop.cli.output import Output, ShowProgress
from desktop.cli.transfers import amount, step
from desktop.core.client.client import Client
from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken

Json = dict[str, Any]
Emit = Callable[[Any], None]

# A service that is lost so often in that time is not started again.
_MOST_LOSSES = 3
_LOSSES_SECONDS = 60.0
_PAUSE_SECONDS = 15.0
_LOOK_SECONDS = 0.05


class _Lost(Exception):
    """The service does not answer any more."""

    def __init__(self, error: AppError, on_purpose: bool = False) -> None:
        super().__init__(str(error))
        self.error, self.on_purpose = error, on_purpose


def pull(client: Client, model: str, out: Output, **options: Any) -> Json:
    """Get a model, and show how far it is; returns the job's result.

    Ctrl-C pauses what this command began (a download that was under way goes on) and is raised on.

    Args:
        options: those of `Client.pull`.

    Raises:
        AppError: the download's own error.
    """
    before = {job["id"]: job["state"] for job in call(client.state)["jobs"]}
    job = call(lambda: client.pull(model, **options), "pull")
    joined = before.get(job["id"], "paused") != "paused"
    follower = _Follower(client, job, out)
    try:
        if joined:
            out.note(f"{model} is being fetched already.")
        done = follower.follow()
    except AppError as error:
        if error.code is ErrorCode.REMOTE_DENIED and os.environ.get("HF_TOKEN"):
            out.note("Your HF_TOKEN is this command's; `paddock hub-token` tells it the service.")
        raise
    except KeyboardInterrupt as stop:
        _interrupted(follower.client, job["id"], stop, out, joined=joined)
        raise
    result: Json = done["result"]
    return result


class _Follower:
    """Shows one job until it has ended; starts the service again where it died."""

    def __init__(self, client: Client, job: Json, out: Output) -> None:
        self.client = client
        self._number: int = job["id"]
        self._out = out
        self._losses: list[float] = []
        self._said = ""

    def follow(self) -> Json:
        with self._out.progress() as show:
            while True:
                watching = Background(self._watch, "download")
                try:
                    for event in watching:
                        self._show(event, show)
                    return watching.result
                except _Lost as loss:
                    self._reconnect(loss)

    def _watch(self, emit: Emit) -> Json:
        """Every change of the job, the present first; returns it when it has ended."""
        cancel = CancelToken()
        try:
            state = self.client.state()
            job = self.client.job(self._number)
            emit({"type": "job.changed", "data": job})
            if job["finished"] is None:
                for event in self.client.events(state["epoch"], state["seq"], cancel):
                    if event["type"] == "service.stopping":
                        purpose = not event["data"].get("making_room")
                        raise _Lost(AppError(ErrorCode.SERVICE_STOPPING), purpose)
                    if event["data"].get("id") == self._number:
                        emit(event)
                    if event["type"] in ("job.changed", "resync"):
                        job = self.client.job(self._number)
                        if job["finished"] is not None:
                            break
        except AppError as error:
            if error.code is ErrorCode.SERVICE_UNREACHABLE:
                raise _Lost(error) from error
            raise
        finally:
            cancel.cancel()
        if job["state"] == "failed":
            raise AppError.from_dict(job["error"])
        if job["state"] == "cancelled":
            raise AppError(ErrorCode.CANCELLED)
        return job

    def _show(self, event: Json, show: ShowProgress) -> None:
        data = event["data"]
        if event["type"] == "job.progress":
            show(data["progress"])
        elif event["type"] == "job.log":
            self._out.note(data["line"])
        elif event["type"] == "job.changed":
            self._show_state(data, show)

    def _show_state(self, job: Json, show: ShowProgress) -> None:
        if job["state"] == "running" and not job.get("progress"):
            show({"what": step(job), "done": 0, "total": None, "unit": "steps"})
        words = {
            "queued": "Waiting for downloads before it.",
            "paused": "It was paused elsewhere; it goes on when it is resumed there.",
        }.get(job["state"], "")
        if words and words != self._said:
            self._out.note(words)
        self._said = words

    def _reconnect(self, loss: _Lost) -> None:
        """The next service; a download goes on by itself in it."""
        if loss.on_purpose:
            self._out.note("The download is kept: it goes on when the service is started again.")
            raise loss.error
        now = time.monotonic()
        self._losses = [when for when in self._losses if now - when < _LOSSES_SECONDS] + [now]
        if len(self._losses) > _MOST_LOSSES:
            raise loss.error
        self._out.note("The service ended; it is started again and goes on.")
        self.client = call(lambda: session.started(self._out), "start")


def _interrupted(
    client: Client, number: int, stop: BaseException, out: Output, *, joined: bool
) -> None:
    """Pause what was begun here, and say how to go on."""
    hung_up = getattr(stop, "number", None) == getattr(signal, "SIGHUP", -1)
    if joined or hung_up:
        out.note("The download goes on; `paddock status` shows it.")
        return
    with contextlib.suppress(AppError):  # it has ended in the same moment, or the service has
        call(lambda: client.pause_job(number), "pause")
        job = call(lambda: _paused(client, number), "pause")
        if job["state"] == "paused":
            progress = job.get("progress")
            at = f" at {amount(progress)}" if progress and progress.get("unit") == "bytes" else ""
            out.note(f"Paused{at}. The same command goes on with it; nothing is lost.")


def _paused(client: Client, number: int) -> Json:
    """The job when it has stopped, or after a while as it is."""
    deadline = time.monotonic() + _PAUSE_SECONDS
    while True:
        job = client.job(number)
        if job["state"] != "running" or time.monotonic() > deadline:
            return job
        time.sleep(_LOOK_SECONDS)
