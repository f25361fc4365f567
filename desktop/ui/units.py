"""Figures as people read them: sizes in GiB, speeds, times."""

from __future__ import annotations

import time


def size(size_bytes: float | None) -> str:
    """2.5 GiB, 310 MiB: three digits at most, the unit's binary name."""
    if size_bytes is None:
        return "–"
    value, unit = float(size_bytes), "B"
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if value < 1000 or unit == "TiB":
            break
        value /= 1024
    digits = 0 if unit == "B" or value >= 100 else 1
    return f"{value:,.{digits}f} {unit}"


def speed(tokens_per_second: float | None) -> str:
    """Tokens per second without the unit: one decimal below 100."""
    if tokens_per_second is None:
        return "–"
    return f"{tokens_per_second:,.{0 if tokens_per_second >= 100 else 1}f}"


def seconds(value: float | None) -> str:
    """0.05 s, 1.2 s, 3 min 5 s."""
    if value is None:
        return "–"
    if value < 1:
        return f"{value:.2f} s"
    if value < 60:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes} min {rest} s"


def count(value: float | None) -> str:
    """A whole number with separators."""
    return "–" if value is None else f"{value:,.0f}"


def parameters(value: int | None) -> str:
    """4.5 M, 7.6 B."""
    if not value:
        return "–"
    if value >= 1e9:
        return f"{value / 1e9:.1f} B"
    return f"{value / 1e6:.1f} M" if value >= 1e6 else f"{value / 1e3:.0f} K"


def rate(bytes_per_second: float | None) -> str:
    """12.4 MiB/s: of bytes on their way."""
    return "–" if bytes_per_second is None else f"{size(bytes_per_second)}/s"


def duration(value: float | None) -> str:
    """8 s, 3 min, 2 h 5 min: about how long, in steps that do not flicker."""
    if value is None:
        return "–"
    if value < 60:
        return f"{max(1, round(value))} s"
    minutes = round(value / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours < 10 else f"{hours} h"


def about(value: float | None) -> str:
    """980, 12.4 K, 1.3 M: a count where its size is what matters."""
    if value is None:
        return "–"
    for bound, unit in ((1e9, "B"), (1e6, "M"), (1e3, "K")):
        if value >= bound:
            number = value / bound
            return f"{number:.0f} {unit}" if number >= 100 else f"{number:.1f} {unit}"
    return f"{value:.0f}"


def day(seconds_since_1970: float | None) -> str:
    """2026-11-27, here."""
    if seconds_since_1970 is None:
        return "–"
    return time.strftime("%Y-%m-%d", time.localtime(seconds_since_1970))
