"""Looking into a request: each value checked where it is used, and named as Anthropic names it."""

from __future__ import annotations

from typing import Any

from desktop.core.service.api_errors import ApiError


def invalid(where: str, why: str) -> ApiError:
    """A 400 for the value at `where`, such as "messages.0.content"."""
    return ApiError(400, f"{where}: {why}", param=where, code="invalid_value")


def required(body: dict[str, Any], name: str, where: str = "") -> Any:
    """A value that must be there.

    Raises:
        ApiError: 400.
    """
    value = body.get(name)
    if value is None:
        raise invalid(f"{where}.{name}" if where else name, "Field required")
    return value


def text(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise invalid(where, "It must be a text.")
    return value


def items(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise invalid(where, "It must be a list.")
    return value


def mapping(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise invalid(where, "It must be an object.")
    return value


def whole(value: Any, where: str, low: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < low:
        raise invalid(where, f"It must be a whole number from {low}.")
    return value


def flag(value: Any, where: str) -> bool:
    if not isinstance(value, bool):
        raise invalid(where, "It must be true or false.")
    return value


def number(value: Any, where: str, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise invalid(where, f"It must be a number from {low:g} to {high:g}.")
    return value
