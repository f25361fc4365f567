"""What stands in the body of a request to the private face."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from desktop.core.errors import AppError, ErrorCode
from desktop.core.service import limits


async def read_body(request: web.Request) -> dict[str, Any]:
    """The body's object; an empty one where there is no body."""
    return await limits.read(request) if request.can_read_body else {}


def text_of(body: dict[str, Any], name: str) -> str:
    """Raises:
    AppError: BAD_REQUEST, when it is no text or empty.
    """
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise AppError(ErrorCode.BAD_REQUEST, reason=f"“{name}” must be a text.")
    return value


def object_of(body: dict[str, Any], name: str) -> dict[str, Any]:
    """Raises:
    AppError: BAD_REQUEST, when it is no object.
    """
    value = body.get(name)
    if not isinstance(value, dict):
        raise AppError(ErrorCode.BAD_REQUEST, reason=f"“{name}” must be an object.")
    return value
