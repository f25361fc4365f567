"""The model a client names, in Ollama's way."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from desktop.core.errors import AppError, ErrorCode
from desktop.core.gguf.words import clean
from desktop.core.library.entry import ModelEntry
from desktop.core.service.api_errors import ApiError
from desktop.core.service.calls import Call, Calls
from desktop.core.service.ollama.cards import meant_names

_NOT_FOUND = frozenset({ErrorCode.MODEL_NOT_FOUND, ErrorCode.MODEL_HIDDEN})


def named(body: dict[str, Any]) -> str:
    """The name in a request: "model", or "name" in older clients'.

    Raises:
        ApiError: 400.
    """
    name = body.get("model") or body.get("name")
    if not isinstance(name, str) or not name:
        raise ApiError(400, "model is required", param="model", code="missing_parameter")
    return name


def unknown(name: str) -> ApiError:
    """In the words that clients look for."""
    return ApiError(
        404,
        f'model "{clean(name, 200)}" not found, try pulling it first',
        param="model",
        code="model_not_found",
    )


async def find(calls: Calls, request: web.Request, name: str) -> ModelEntry:
    """The model of a name, with or without a tag.

    Raises:
        ApiError: 404.
        AppError: MODEL_AMBIGUOUS.
    """
    for meant in meant_names(name):
        try:
            return await calls.find_for(request, meant)
        except AppError as error:
            if error.code not in _NOT_FOUND:
                raise
    raise unknown(name)


async def model(calls: Calls, call: Call) -> ModelEntry:
    """The model of a call, which is the call's from now on.

    Raises:
        ApiError: 400, 404.
        AppError: MODEL_AMBIGUOUS, MODEL_BROKEN.
    """
    name = named(call.body)
    entry = await find(calls, call.request, name)
    return await calls.model(call, entry.id)
