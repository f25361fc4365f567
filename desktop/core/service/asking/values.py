"""A request's values: each is what it must be, or it is refused by its name."""

from __future__ import annotations

from typing import Any

from desktop.core.service.api_errors import ApiError

Body = dict[str, Any]


def refused(param: str, message: str, code: str = "invalid_value") -> ApiError:
    return ApiError(400, message, param=param, code=code)


def number(value: Any, param: str, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise refused(param, f"“{param}” must be a number from {low:g} to {high:g}.")
    return value


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
