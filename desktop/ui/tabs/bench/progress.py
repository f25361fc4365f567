"""A run in progress: what it does, how far it is, how long it still takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from desktop.ui import units
from desktop.ui.tabs.bench import words
from desktop.ui.tabs.bench.words import translated

_LEAST_SECONDS = 1.0
_LEAST_STEPS = 0.05


class Pace:
    """Steps done over time. A wait in between does not count: begin again after it."""

    def __init__(self) -> None:
        self._since: tuple[float, float] | None = None
        self._last: tuple[float, float, float] | None = None

    def begin_again(self) -> None:
        self._since = self._last = None

    def saw(self, done: float, total: float, now: float) -> None:
        """Args: done, total: steps, with parts of one; now: seconds of any steady clock."""
        if self._since is None or done < self._since[1]:
            self._since = (now, done)
        if self._last is None or (done, total) != self._last[1:]:
            self._last = (now, done, total)

    def left_seconds(self, now: float) -> float | None:
        """None while nobody knows."""
        if self._since is None or self._last is None:
            return None
        start, first = self._since
        seen, done, total = self._last
        if seen - start < _LEAST_SECONDS or done - first < _LEAST_STEPS:
            return None
        left = (seen - start) / (done - first) * (total - done)
        return max(0.0, left - (now - seen))


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
        parts.append(translated("about {time} left").format(time=_rounded(left_seconds)))
    return RunProgress(words.step(at["what"]), at["done"] / total, " · ".join(parts), False)


def _rounded(left_seconds: float) -> str:
    """An estimate: whole seconds, and tens of them from half a minute on."""
    if left_seconds > 30:
        return units.seconds(round(left_seconds / 10) * 10)
    return f"{max(1, round(left_seconds))} s"
