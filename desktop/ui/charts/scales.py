"""Round figures along an axis."""

from __future__ import annotations

import math


def ticks(low: float, high: float, most: int) -> list[float]:
    """Round figures within a range, with at most `most` steps between them."""
    span = high - low
    if span <= 0 or most < 1:
        return []
    step = 10.0 ** math.floor(math.log10(span / most))
    factor = next(each for each in (1, 2, 5, 10, 20, 50, 100) if span / (each * step) <= most)
    step *= factor
    first = math.ceil(low / step - 1e-9)
    return [number * step for number in range(first, math.floor(high / step + 1e-9) + 1)]


def log_ticks(low: float, high: float, most: int) -> list[float]:
    """Round figures within a range of positive ones, as a log scale has them: powers of ten, with
    2 and 5 between them or more where there is room; plain round figures within a short range."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for parts in ((1, 2, 5), (1, 3), (1,)):
        found = [part * 10.0**power for power in decades for part in parts]
        found = [each for each in found if low <= each <= high]
        if len(found) <= most:
            return found if len(found) > 2 else ticks(low, high, most)
    every = -(-len(decades) // max(1, most))
    return [10.0**power for power in decades if power % every == 0 and low <= 10.0**power <= high]


def figure(value: float) -> str:
    """A tick's figure without an exponent: 0.0002, 0.05, 3.5, 12."""
    digits = max(0, 2 - math.floor(math.log10(abs(value)))) if value else 0
    text = f"{value:,.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
