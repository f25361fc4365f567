"""How long work still takes, from how fast it went so far."""

from __future__ import annotations

from desktop.ui import units

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


def rounded(left_seconds: float) -> str:
    """An estimate: whole seconds, and tens of them from half a minute on."""
    if left_seconds > 30:
        return units.seconds(round(left_seconds / 10) * 10)
    return f"{max(1, round(left_seconds))} s"
