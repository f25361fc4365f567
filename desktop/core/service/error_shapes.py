"""Each API's own shape of an error, over the one `ApiError` that everything raises.

OpenAI's: {"error": {message, type, param, code}}. Anthropic's: {"type": "error", "error": {type,
message}, "request_id"}. Ollama's: {"error": "text"}.
"""

from __future__ import annotations

import json
from typing import Any, Literal

from aiohttp import web

from desktop.core.errors import ErrorCode
from desktop.core.service import request_ids
from desktop.core.service.api_errors import ApiError

Shape = Literal["openai", "anthropic", "ollama"]

OVERLOADED = 529  # Anthropic's own status
VERSION_HEADER = "anthropic-version"  # of every request of its clients
# Source: docs.claude.com, "Errors".
_ANTHROPIC_TYPES = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    OVERLOADED: "overloaded_error",
}


def shape_of(path: str, headers: Any = None) -> Shape:
    """Whose shape an answer on this path has; OpenAI's where nothing says otherwise.

    Args:
        headers: of the request: both OpenAI's and Anthropic's clients ask for /v1/models.
    """
    if path == "/v1/messages" or path.startswith("/v1/messages/"):
        return "anthropic"
    if path.startswith("/api/"):
        return "ollama"
    of_models = path == "/v1/models" or path.startswith("/v1/models/")
    if of_models and headers is not None and VERSION_HEADER in headers:
        return "anthropic"
    return "openai"


def body_of(path: str, error: ApiError, headers: Any = None) -> dict[str, Any]:
    """The JSON of an error as the API of this path has it."""
    shape = shape_of(path, headers)
    if shape == "anthropic":
        return anthropic_body(error)
    return ollama_body(error) if shape == "ollama" else error.body()


def response_of(request: web.Request, error: ApiError) -> web.Response:
    """The answer to a request that failed, with the error's own headers."""
    response = error.response()
    shape = shape_of(request.path, request.headers)
    if shape == "anthropic":
        response.set_status(anthropic_status(error))
        name = name_request(request)
        response.text = json.dumps(anthropic_body(error, name))
    elif shape == "ollama":
        response.text = json.dumps(ollama_body(error))
    return response


# --- Anthropic's


def name_request(request: web.Request) -> str:
    """The request's id, put into the header in which Anthropic's clients look for it."""
    name = request_ids.of(request)
    request_ids.say(request, "request-id", name)
    return name


def anthropic_status(error: ApiError) -> int:
    """Its status there: where the server has no room now, whoever asks, it is 529."""
    return (
        OVERLOADED
        if error.status == 503 or error.code == ErrorCode.QUEUE_FULL.value
        else error.status
    )


def anthropic_body(error: ApiError, request_id: str | None = None) -> dict[str, Any]:
    status = anthropic_status(error)
    kind = "invalid_request_error" if 400 <= status < 500 else "api_error"
    told = {"type": _ANTHROPIC_TYPES.get(status, kind), "message": _words(error)}
    return {"type": "error", "error": told, "request_id": request_id}


def _words(error: ApiError) -> str:
    """Clients that shorten a conversation themselves know that they must by Anthropic's words."""
    asked, there = error.extra.get("n_prompt_tokens"), error.extra.get("n_ctx")
    if error.code == "context_length_exceeded" and asked is not None and there is not None:
        return f"prompt is too long: {asked} tokens > {there} maximum"
    return error.message


def anthropic_event(error: ApiError, request_id: str | None = None) -> bytes:
    """The error as the last event of a stream that has begun already."""
    body = anthropic_body(error, request_id)
    return b"event: error\ndata: " + json.dumps(body).encode() + b"\n\n"


# --- Ollama's


def ollama_body(error: ApiError) -> dict[str, Any]:
    return {"error": error.message}


def ollama_line(error: ApiError) -> bytes:
    """The error as the last line of a stream that has begun already."""
    return json.dumps(ollama_body(error)).encode() + b"\n"
