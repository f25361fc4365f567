"""Loads and jobs, shown while they run; Ctrl-C stops what is followed, not only the watching."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

from desktop.cli.background import Background, call
from desktop.cli.output import Output
from desktop.core.client.client import Client
from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken

Json = dict[str, Any]


def load(client: Client, model: str, options: Json, out: Output) -> Json:
    """Load a model and show its stages on the way.

    Returns: the loaded model as the service describes it.
    Ctrl-C stops the load and is raised on.
    """
    state = client.state()
    cancel = CancelToken()

    def work(emit: Callable[[Any], None]) -> Json:
        Background(lambda _: _model_events(client, state, cancel, emit), "events")
        try:
            return client.load(model, **options)
        finally:
            cancel.cancel()

    before = {each["id"] for each in state["models"]}
    job, loading = Background(work, "load"), ""
    try:
        with out.progress() as show:
            for event in job:
                data = event["data"]
                if data.get("state") == "loading":
                    loading = data["id"]
                    value = data.get("progress") or 0.0
                    what = {"what": f"{data['id']}: {data.get('stage')}", "done": value}
                    show({**what, "total": 1.0 if value else None, "unit": "steps"})
                elif event["type"] == "model.unloaded" and data["id"] in before:
                    out.note(f"{data['id']} was taken out to make room.")
        return job.result
    except KeyboardInterrupt:
        out.note("Stopping the load …")
        with contextlib.suppress(AppError):  # it may have ended in the same moment
            call(lambda: client.unload(loading or model), "unload")
        raise
    finally:
        cancel.cancel()


def _model_events(
    client: Client, state: Json, cancel: CancelToken, emit: Callable[[Any], None]
) -> None:
    """Hand the models' events on; if the stream breaks, the load itself says what is wrong."""
    with contextlib.suppress(AppError):
        for event in client.events(state["epoch"], state["seq"], cancel):
            if event["type"].startswith("model."):
                emit(event)


def job(client: Client, kind: str, params: Json, out: Output) -> Json:
    """Submit a job and follow it to its end; Ctrl-C cancels it.

    Returns: the finished job.
    Raises:
        AppError: the job's own error.
    """
    submitted = call(lambda: client.submit(kind, params), "submit")
    number: int = submitted["id"]
    follower = Background(lambda emit: client.follow_job(number, emit), f"job {number}")
    try:
        return _watch(follower, submitted, out)
    except KeyboardInterrupt:
        out.note(f"Stopping job {number} …")
        with contextlib.suppress(AppError):  # finished in the same moment
            call(lambda: client.cancel_job(number), "cancel")
        with contextlib.suppress(AppError):  # CANCELLED, which is what was asked for
            _watch(follower, submitted, out)
        raise


def _watch(follower: Background[Json], submitted: Json, out: Output) -> Json:
    steps = len(submitted.get("steps") or ())
    if submitted["state"] == "queued":
        _tell_waiting(submitted, out)
    with out.progress() as show:
        for event in follower:
            data = event["data"]
            if event["type"] == "job.progress":
                show(data["progress"])
            elif event["type"] == "job.log":
                out.note(data["line"])
            elif event["type"] == "job.changed" and data["state"] == "running" and steps:
                done = len(data.get("steps_done") or ())
                if done < steps:
                    what = data["steps"][done] if done < len(data["steps"]) else data["kind"]
                    show({"what": what, "done": done, "total": steps, "unit": "steps"})
    return follower.result


def _tell_waiting(submitted: Json, out: Output) -> None:
    out.note(f"Job {submitted['id']} ({submitted['kind']})")


def cancelled(error: AppError) -> bool:
    return error.code is ErrorCode.CANCELLED
