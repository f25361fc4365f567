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
