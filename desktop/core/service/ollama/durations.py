"""Times as Ollama's clients write and read them."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from typing import Any

from desktop.core.service.api_errors import ApiError

# Units of Go's `time.ParseDuration`, in seconds.
_UNITS = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "μs": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
}
_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)")
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?")
FOREVER = -1.0
_MOST_SECONDS = 1e9


def keep_seconds(value: Any) -> float | None:
    """How long a model is to stay after a request: seconds, negative for ever; None: not said.

    A number is in seconds; a text is a duration of Go ("5m", "1h30m"), or such a number.

    Raises:
        ApiError: 400.
    """
    if value is None:
        return None
    seconds = _seconds(value)
    if seconds is None:
        raise ApiError(400, f'invalid keep_alive: "{str(value)[:60]}"', param="keep_alive")
    return FOREVER if seconds < 0 or seconds > _MOST_SECONDS else seconds


def _seconds(value: Any) -> float | None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return None if math.isnan(value) else float(value)
    if not isinstance(value, str):
        return None
    text = value.strip()
    if _NUMBER.fullmatch(text):
        return float(text)
    sign = -1.0 if text.startswith("-") else 1.0
    rest = text.lstrip("+-")
    parts = list(_PART.finditer(rest))
    if not parts or "".join(part[0] for part in parts) != rest:
        return None
    return sign * sum(float(part[1]) * _UNITS[part[2]] for part in parts)


def nanoseconds(seconds: float | None) -> int:
    return int((seconds or 0.0) * 1e9)


def timestamp(seconds: float | None = None) -> str:
    """A time since 1970 (None: now) as Go writes it."""
    when = datetime.now(UTC) if seconds is None else datetime.fromtimestamp(seconds, UTC)
    return when.isoformat(timespec="microseconds").replace("+00:00", "Z")


# Of a model that stays; dates beyond four digits break clients.
NEVER = "9999-12-31T23:59:59Z"
