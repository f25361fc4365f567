"""Reading a request's values, and refusing them by their name."""

from __future__ import annotations

import math
from typing import Any

from desktop.core.service.api_errors import ApiError

Body = dict[str, Any]


def refused(param: str, message: str, code: str = "invalid_value") -> ApiError:
    return ApiError(400, message, param=param, code=code)


def number(value: Any, param: str, most: float) -> float:
    """A finite number of at most `most`, either way."""
    good = isinstance(value, int | float) and not isinstance(value, bool)
    if not good or not math.isfinite(value) or abs(value) > most:
        raise refused(param, f"“{param}” must be a number from {-most:g} to {most:g}.")
    return float(value)


def whole(value: Any, param: str, low: int, high: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise refused(param, f"“{param}” must be a whole number from {low} to {high}.")
    return value


def flag(value: Any, param: str) -> bool:
    if not isinstance(value, bool):
        raise refused(param, f"“{param}” must be true or false.")
    return value


def text(value: Any, param: str) -> str:
    if not isinstance(value, str):
        raise refused(param, f"“{param}” must be a text.")
    return value


def mapping(value: Any, param: str) -> Body:
    if not isinstance(value, dict):
        raise refused(param, f"“{param}” must be an object.")
    return value
