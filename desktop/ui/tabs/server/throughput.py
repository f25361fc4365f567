"""How much was answered when: requests that have ended, spread over slices of time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

SLICES = 60
# Seconds of each range that can be chosen.
SPANS = {"quarter": 900.0, "hour": 3600.0, "day": 86_400.0}


@dataclass(frozen=True)
class Slice:
    """Attributes:
    begin: seconds since 1970.
    tokens_per_second: of answers, all requests together.
    requests: that ended in it; failed: of these.
    """

    begin: float
    tokens_per_second: float
    requests: int
    failed: int


def slices(requests: Iterable[Json], now: float, span_seconds: float) -> list[Slice]:
    """`SLICES` of the time until `now`, the oldest first.

    An answer's tokens are spread evenly over the time from its first token to its end.
    """
    width = span_seconds / SLICES
    end = (now // width + 1) * width  # slices stand still while time goes on
    begin = end - span_seconds
    tokens, ended, failed = [0.0] * SLICES, [0] * SLICES, [0] * SLICES
    for request in requests:
        arrived, total = float(request["arrived"]), float(request.get("total_seconds") or 0.0)
        at = int((arrived + total - begin) // width)
        if 0 <= at < SLICES:
            ended[at] += 1
            failed[at] += int(request["status"]) >= 400
        count = request.get("completion_tokens") or 0
        if not count or request.get("cached_answer"):
            continue
        first = arrived + min(float(request.get("ttft_seconds") or 0.0), total)
        last = max(arrived + total, first + 1e-3)
        low = max(0, int((first - begin) // width))
        high = min(SLICES - 1, int((last - begin) // width))
        for number in range(low, high + 1):
            left = begin + number * width
            shared = min(last, left + width) - max(first, left)
            tokens[number] += count * max(0.0, shared) / (last - first)
    return [
        Slice(begin + number * width, tokens[number] / width, ended[number], failed[number])
        for number in range(SLICES)
    ]
