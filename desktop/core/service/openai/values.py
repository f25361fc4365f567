"""Reading a request's fields, which may be missing: `asking.values` says what each must be."""

from __future__ import annotations

from typing import Any

from desktop.core.service.api_errors import ApiError
from desktop.core.service.asking import values


def invalid(message: str, param: str, code: str = "invalid_value") -> ApiError:
    """A 400 that names the field."""
    return values.refused(param, message, code)


def missing(param: str) -> ApiError:
    return invalid(f"“{param}” is missing.", param, "missing_parameter")


def text(body: dict[str, Any], name: str, param: str | None = None) -> str | None:
    """A text; None where it is not there or null."""
    value = body.get(name)
    return None if value is None else values.text(value, param or name)


def needed_text(body: dict[str, Any], name: str, param: str | None = None) -> str:
    """A text that must be there and not be empty."""
    value = text(body, name, param)
    if not value:
        raise missing(param or name)
    return value


def boolean(body: dict[str, Any], name: str, default: bool = False) -> bool:
    value = body.get(name)
    return default if value is None else values.flag(value, name)


def number(body: dict[str, Any], name: str, low: float, high: float) -> float | None:
    value = body.get(name)
    return None if value is None else values.number(value, name, low, high)


def whole(body: dict[str, Any], name: str, low: int, high: int = 2**31 - 1) -> int | None:
    value = body.get(name)
    return None if value is None else values.whole(value, name, low, high)


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
    return {} if value is None else values.mapping(value, name)
