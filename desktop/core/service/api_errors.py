"""Errors of the public face in OpenAI's shape: {"error": {message, type, param, code}}."""

from __future__ import annotations

import json
import re
from typing import Any

from aiohttp import web

from desktop.core.errors import AppError, ErrorCode
from desktop.core.fit.choices import choices_words

_INVALID = "invalid_request_error"
_SERVER = "server_error"

# status, type, code (None: our own code's name)
_BY_CODE: dict[ErrorCode, tuple[int, str, str | None]] = {
    ErrorCode.MODEL_NOT_FOUND: (404, _INVALID, "model_not_found"),
    ErrorCode.MODEL_HIDDEN: (404, _INVALID, "model_not_found"),
    ErrorCode.MODEL_AMBIGUOUS: (400, _INVALID, None),
    ErrorCode.MODEL_BROKEN: (400, _INVALID, None),
    ErrorCode.BAD_REQUEST: (400, _INVALID, None),
    ErrorCode.UNAUTHORIZED: (401, _INVALID, "invalid_api_key"),
    ErrorCode.QUEUE_FULL: (429, "rate_limit_error", None),
    ErrorCode.LOAD_COOLING_DOWN: (503, _SERVER, None),
    ErrorCode.SERVICE_STOPPING: (503, _SERVER, None),
    ErrorCode.LOAD_WONT_FIT: (503, _SERVER, None),
    # The same load may well succeed a moment later.
    ErrorCode.LOAD_CANCELLED: (503, _SERVER, None),
    ErrorCode.ENGINE_KILLED: (503, _SERVER, None),
    ErrorCode.ENGINE_DIED: (503, _SERVER, None),
    ErrorCode.ENGINE_OUT_OF_MEMORY: (503, _SERVER, None),
    ErrorCode.ENGINE_PORT_TAKEN: (503, _SERVER, None),
    ErrorCode.TIMED_OUT: (504, _SERVER, None),
}


class ApiError(Exception):
    """An answer in OpenAI's error shape.

    Attributes:
        cause: the reason alone, for our own clients, which have words of their own around it.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        error_type: str = _INVALID,
        code: str | None = None,
        param: str | None = None,
        retry_after_seconds: int | None = None,
        extra: dict[str, Any] | None = None,
        cause: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.type = error_type
        self.code = code
        self.param = param
        self.retry_after_seconds = retry_after_seconds
        self.extra = extra or {}
        self.cause = cause or message

    def body(self) -> dict[str, Any]:
        return {
            "error": {
                "message": self.message,
                "type": self.type,
                "param": self.param,
                "code": self.code,
                **self.extra,
            }
        }

    def response(self) -> web.Response:
        headers = {}
        if self.retry_after_seconds is not None:
            headers["Retry-After"] = str(self.retry_after_seconds)
        if self.status == 401:
            headers["WWW-Authenticate"] = "Bearer"
        return web.json_response(self.body(), status=self.status, headers=headers)

    def event(self) -> bytes:
        """The error as an event of a stream that has begun already."""
        return b"data: " + json.dumps(self.body()).encode() + b"\n\n"


def from_app_error(error: AppError) -> ApiError:
    """One of our errors as an API client reads it: what happened, why, and what to do."""
    status, kind, code = _BY_CODE.get(error.code, (500, _SERVER, None))
    seconds = error.params.get("seconds") if status in (429, 503) else None
    choices = error.params.get("choices")
    fits = choices_words(choices) if isinstance(choices, list) else ""
    parts = (f"{error.title}.", error.cause, fits, error.remedy)
    return ApiError(
        status,
        " ".join(part for part in parts if part),
        error_type=kind,
        code=code or error.code.value,
        param="model" if code == "model_not_found" else None,
        retry_after_seconds=int(seconds) if isinstance(seconds, int | float) else None,
    )


def to_app_error(error: ApiError) -> AppError:
    """What went wrong with an answer, as our own clients print or translate it."""
    if error.code == "context_length_exceeded":
        return AppError(
            ErrorCode.CONTEXT_OVERFLOW,
            prompt_tokens=error.extra.get("n_prompt_tokens"),
            context_tokens=error.extra.get("n_ctx"),
        )
    if error.status >= 500:
        return AppError(ErrorCode.UPSTREAM_FAILED, reason=error.cause)
    return AppError(ErrorCode.BAD_REQUEST, reason=error.cause)


def from_upstream(status: int, raw: bytes, prompt: str = "messages") -> ApiError:
    """What llama-server answered, translated (SERVER.md lists its shapes).

    Args:
        prompt: the request's parameter that holds what the model reads.
    """
    try:
        found = json.loads(raw)["error"]
        message, kind = str(found["message"]), str(found.get("type", ""))
    except (ValueError, KeyError, TypeError):
        found, kind = {}, ""
        message = raw.decode("utf-8", "replace").strip()[:2000] or "The engine gave no reason."
    if kind == "exceed_context_size_error":
        return _context_overflow(found, prompt)
    if kind == "not_supported_error" or status == 501:
        return ApiError(400, message, code="unsupported")
    if status in (401, 403):  # between us and our own child: nothing the client could mend
        return ApiError(500, "The engine refused its own key.", error_type=_SERVER, code="internal")
    if message.startswith("Failed to initialize samplers"):
        return ApiError(
            400,
            f"The engine cannot hold answers to this grammar or schema ({message}).",
            code="invalid_grammar",
        )
    if (long := _TOO_LONG.match(message)) is not None:
        return _text_too_long(int(long[1]), int(long[2]), prompt)
    if 400 <= status < 500:
        return ApiError(status, message)
    if status == 500 and _is_the_clients_fault(message):
        return ApiError(400, message)
    return ApiError(
        502 if status != 503 else 503, message, error_type=_SERVER, code="upstream_failed"
    )


# A text that is embedded or ranked is read in one piece (server-context.cpp of llama.cpp 0c1e570).
_TOO_LONG = re.compile(r"input \((\d+) tokens\) is too large to process\D*(\d+)")


def _text_too_long(asked: int, there: int, prompt: str) -> ApiError:
    return ApiError(
        400,
        f"One text of the {prompt} has {asked} tokens, and this model reads up to {there} in one "
        "piece. Send shorter texts, or load the model with a larger micro-batch.",
        code="context_length_exceeded",
        param=prompt,
        extra={"n_prompt_tokens": asked, "n_ctx": there},
    )


def _context_overflow(found: dict[str, Any], prompt: str) -> ApiError:
    asked, there = found.get("n_prompt_tokens"), found.get("n_ctx")
    return ApiError(
        400,
        f"This model's maximum context length is {there} tokens. However, your {prompt} resulted "
        f"in {asked} tokens. Please reduce the length of the {prompt}, or load the model with a "
        "larger context.",
        code="context_length_exceeded",
        param=prompt,
        extra={"n_prompt_tokens": asked, "n_ctx": there},
    )


def _is_the_clients_fault(message: str) -> bool:
    text = message.lower()
    hints = ("parse", "invalid", "json", "image", "audio", "mmproj", "template", "grammar", "utf-8")
    return any(hint in text for hint in hints)
