"""How busy the processor is."""

from __future__ import annotations

from collections.abc import Callable


def _times() -> tuple[float, float]:
    """Busy and all seconds of all CPUs since the machine started, through psutil."""
    import psutil  # type: ignore[import-untyped]

    times = psutil.cpu_times()
    # Linux counts guests among the user's already; waiting for a disk takes no processor.
    counted = {
        name: seconds
        for name, seconds in times._asdict().items()
        if name not in ("guest", "guest_nice")
    }
    idle = counted.get("idle", 0.0) + counted.get("iowait", 0.0)
    total = sum(counted.values())
    return total - idle, total


class CpuUse:
    """The share of the processor that is in use, from one look to the next."""

    def __init__(self, times: Callable[[], tuple[float, float]] = _times) -> None:
        self._times = times
        self._last = times()

    def look(self) -> float:
        """0 to 1 since the last look; 0 where no time has passed."""
        busy, total = self._times()
        last_busy, last_total = self._last
        self._last = busy, total
        passed = total - last_total
        return 0.0 if passed <= 0 else min(1.0, max(0.0, (busy - last_busy) / passed))
