"""A run in progress: what it does, how far it is, how long it still takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from desktop.ui.pace import rounded
from desktop.ui.tabs.bench import words
from desktop.ui.tabs.bench.words import translated


@dataclass(frozen=True)
class RunProgress:
    """The run in progress: what, how far (0..1, None while it waits), the rest in words."""

    what: str
    share: float | None
    figures: str
    stopping: bool


def starting(model: str = "") -> RunProgress:
    return RunProgress(translated("Starting"), None, model, False)


def progress_of(job: dict[str, Any], left_seconds: float | None, *, stopping: bool) -> RunProgress:
    """Args: job: as the service describes it, with its progress of the moment."""
    model = str(job["params"].get("model", ""))
    if stopping:
        return RunProgress(translated("Stopping"), None, model, True)
    if job["state"] == "queued":
        return RunProgress(translated("Waits for other work to end"), None, model, False)
    at = job["progress"]
    if at is None:
        return starting(model)
    total = at["total"] or len(job["steps"]) or 1
    steps = job["steps"]  # at a step's end `done` is a whole number: it would tell the next one
    number = steps.index(at["what"]) + 1 if at["what"] in steps else int(at["done"]) + 1
    step = translated("test {number} of {total}").format(
        number=min(number, int(total)), total=int(total)
    )
    parts = [model, step]
    if left_seconds is not None:
        parts.append(translated("about {time} left").format(time=rounded(left_seconds)))
    return RunProgress(words.step(at["what"]), at["done"] / total, " · ".join(parts), False)
