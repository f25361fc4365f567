"""Days and months as the person's clock counts them, and times as they are given in a request."""

from __future__ import annotations

import re
import time
from datetime import date, datetime, timedelta

from desktop.core.errors import AppError, ErrorCode

_BACK = re.compile(r"^(\d+(?:\.\d+)?)([hdw])$")
_SECONDS = {"h": 3600.0, "d": 86400.0, "w": 604800.0}


def day_of(moment: float) -> str:
    """The local day, "2026-11-27"."""
    return time.strftime("%Y-%m-%d", time.localtime(moment))


def month_of(moment: float) -> str:
    """The local month, "2026-11"."""
    return day_of(moment)[:7]


def start_of_day(day: date) -> float:
    """Its first moment, in seconds since 1970."""
    return datetime(day.year, day.month, day.day).astimezone().timestamp()


def start_of_month(moment: float) -> float:
    local = time.localtime(moment)
    return start_of_day(date(local.tm_year, local.tm_mon, 1))


def end_of(period: str) -> float:
    """The first moment after a day ("2026-11-27") or a month ("2026-11")."""
    if len(period) == 7:
        first = date.fromisoformat(f"{period}-01")
        return start_of_day((first + timedelta(days=32)).replace(day=1))
    return start_of_day(date.fromisoformat(period) + timedelta(days=1))


def moment_of(text: str, *, end: bool = False, now: float | None = None) -> float:
    """A time in seconds since 1970.

    Args:
        text: seconds since 1970, a local day, a local time of ISO 8601, or how long ago: "36h",
            "7d", "4w".
        end: a day means its end.

    Raises:
        AppError: BAD_REQUEST.
    """
    text = text.strip()
    back = _BACK.match(text)
    if back:
        return (time.time() if now is None else now) - float(back[1]) * _SECONDS[back[2]]
    try:
        return float(text)
    except ValueError:
        pass
    try:
        if len(text) == 10:
            day = date.fromisoformat(text)
            return start_of_day(day + timedelta(days=1) if end else day)
        return datetime.fromisoformat(text).astimezone().timestamp()
    except (ValueError, OverflowError):
        raise AppError(
            ErrorCode.BAD_REQUEST,
            reason=f"“{text[:100]}” is no time. Give a day as 2026-11-27, a time as "
            "2026-11-27T09:30, or how long ago: 36h, 7d, 4w.",
        ) from None
