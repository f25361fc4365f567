"""Loads and jobs, shown while they run; Ctrl-C stops what is followed, not only the watching."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import Any

from desktop.cli.background import Background, call
from desktop.cli.output import Output
from desktop.core.client.client import Client
from desktop.core.errors import AppError
from desktop.core.events import CancelToken

Json = dict[str, Any]

CATCH_UP_SECONDS = 1.0


class _ModelEvents:
    """The models' events of a service, handed on by a thread of their own."""

    def __init__(self, client: Client, state: Json, emit: Callable[[Any], None]) -> None:
        self._client, self._epoch, self._emit = client, state["epoch"], emit
        self._seq: int = state["seq"]
        self._ended = False
        self._changed = threading.Condition()
        self.cancel = CancelToken()
        threading.Thread(target=self._follow, name="events", daemon=True).start()

    def _follow(self) -> None:
        try:
            for event in self._client.events(self._epoch, self._seq, self.cancel):
                if event["type"].startswith("model."):
                    self._emit(event)
                with self._changed:
                    self._seq = event["seq"]
                    self._changed.notify_all()
        except AppError:
            return  # the load itself says what is wrong
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify_all()

    def catch_up(self) -> None:
        """Wait for what has happened until now: a model that was taken out must not go untold."""
        seq = self._client.state()["seq"]
        with self._changed:
            self._changed.wait_for(lambda: self._ended or self._seq >= seq, CATCH_UP_SECONDS)


def load(client: Client, model: str, options: Json, out: Output) -> Json:
    """Load a model and show its stages on the way.

    Returns: the loaded model as the service describes it.
    Ctrl-C stops the load and is raised on.
    """
    state = client.state()

    def work(emit: Callable[[Any], None]) -> Json:
        events = _ModelEvents(client, state, emit)
        try:
            done = client.load(model, **options)
            events.catch_up()
            return done
        finally:
            events.cancel.cancel()

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
        for notice in job.result.get("notices") or ():
            out.note(f"! {notice['text']}")
        return job.result
    except AppError as error:
        for choice in error.params.get("choices") or ():
            out.note(f"→ {_choice_words(choice)}")
        raise
    except KeyboardInterrupt:
        out.note("Stopping the load …")
        with contextlib.suppress(AppError):  # it may have ended in the same moment
            call(lambda: client.unload(loading or model), "unload")
        raise


def _choice_words(choice: Json) -> str:
    """Settings that would fit, as the options that ask for them, and what they would take."""
    from desktop.cli.units import size

    words = [f"--ctx {choice['context_tokens']} --parallel {choice['slots']}"]
    words += [f"--kv {choice['kv_type']}", *(f"--{name} none" for name in choice["without"])]
    return f"would fit: {' '.join(words)} (~ {size(choice['total_bytes']['value'])})"


def job(client: Client, kind: str, params: Json, out: Output) -> Json:
    """Submit a job and follow it to its end; Ctrl-C cancels it.

    Returns: the finished job.
    Raises:
        AppError: the job's own error.
    """
    submitted = call(lambda: client.submit(kind, params), "submit")
    number: int = submitted["id"]
    out.note(f"Job {number} ({kind})")
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
    with out.progress() as show:
        for event in follower:
            data = event["data"]
            if event["type"] == "job.progress":
                show(data["progress"])
            elif event["type"] == "job.log":
                out.note(data["line"])
            elif event["type"] == "job.changed" and data["state"] == "paused":
                out.note("It was paused elsewhere; it goes on when it is resumed there.")
            elif event["type"] == "job.changed" and data["state"] == "running" and steps:
                done = len(data.get("steps_done") or ())
                if done < steps:
                    what = data["steps"][done] if done < len(data["steps"]) else data["kind"]
                    show({"what": what, "done": done, "total": steps, "unit": "steps"})
    return follower.result
