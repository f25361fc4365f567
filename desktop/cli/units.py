"""Figures as people read them."""

from __future__ import annotations

import time

_GIB, _MIB = 1 << 30, 1 << 20


def size(count: float | None) -> str:
    """Bytes in GiB or MiB; "?" where nobody knows."""
    if count is None:
        return "?"
    if count >= _GIB:
        return f"{count / _GIB:.1f} GiB"
    return f"{count / _MIB:.0f} MiB" if count >= 10 * _MIB else f"{count / _MIB:.1f} MiB"


def number(count: float | None) -> str:
    """A whole number with separators; empty where there is none."""
    return "" if count is None else f"{count:,.0f}"


def figure(value: float | None, digits: int = 1) -> str:
    return "" if value is None else f"{value:,.{digits}f}"


def moment(seconds: float | None) -> str:
    """A time of this machine's clock, to the minute."""
    return "" if seconds is None else time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))


def day(seconds: float | None) -> str:
    """The same, to the day."""
    return "" if seconds is None else time.strftime("%Y-%m-%d", time.localtime(seconds))


def parameters(count: int | None) -> str:
    """A model's size as people say it: "8B", "1.7B", "270M"."""
    if count is None:
        return ""
    for unit, each in (("T", 10**12), ("B", 10**9), ("M", 10**6), ("K", 10**3)):
        if count >= each:
            return f"{count / each:.1f}".removesuffix(".0") + unit
    return str(count)


def duration(seconds: float) -> str:
    """How long something takes, in the two largest units: "45 s", "3 min", "2 h 5 min"."""
    if seconds < 59.5:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
