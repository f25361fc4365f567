"""Reading a request's fields: each is what it must be, or the client is told which is not."""

from __future__ import annotations

from typing import Any

from desktop.core.service.api_errors import ApiError


def invalid(message: str, param: str, code: str = "invalid_value") -> ApiError:
    """A 400 that names the field."""
    return ApiError(400, message, param=param, code=code)


def missing(param: str) -> ApiError:
    return invalid(f"“{param}” is missing.", param, "missing_parameter")


def text(body: dict[str, Any], name: str, param: str | None = None) -> str | None:
    """A text; None where it is not there or null."""
    value = body.get(name)
    if value is not None and not isinstance(value, str):
        raise invalid(f"“{param or name}” must be a text.", param or name)
    return value


def needed_text(body: dict[str, Any], name: str, param: str | None = None) -> str:
    """A text that must be there and not be empty."""
    value = text(body, name, param)
    if not value:
        raise missing(param or name)
    return value


def boolean(body: dict[str, Any], name: str, default: bool = False) -> bool:
    value = body.get(name)
    if value is None:
        return default
    if not isinstance(value, bool):
        raise invalid(f"“{name}” must be true or false.", name)
    return value


def number(body: dict[str, Any], name: str, low: float, high: float) -> float | None:
    value = body.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise invalid(f"“{name}” must be a number from {low:g} to {high:g}.", name)
    return value


def whole(body: dict[str, Any], name: str, low: int, high: int = 2**31 - 1) -> int | None:
    value = body.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise invalid(f"“{name}” must be a whole number from {low} to {high}.", name)
    return value


def objects(body: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """A list of objects; empty where it is not there."""
    value = body.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise invalid(f"“{name}” must be a list of objects.", name)
    return value


def mapping(body: dict[str, Any], name: str) -> dict[str, Any]:
    """An object; empty where it is not there."""
    value = body.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise invalid(f"“{name}” must be an object.", name)
    return value
