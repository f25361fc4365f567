"""Each API's clients get an error in their own shape, whatever failed."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from aiohttp import web

from desktop.core.errors import AppError, ErrorCode
from desktop.core.service import faces
from desktop.core.service.api_errors import ApiError, from_app_error
from desktop.core.service.error_shapes import (
    anthropic_event,
    anthropic_status,
    body_of,
    ollama_line,
    shape_of,
)

THEIRS = {"anthropic-version": "2023-06-01"}


@pytest.mark.parametrize(
    ("path", "headers", "shape"),
    [
        ("/v1/chat/completions", THEIRS, "openai"),
        ("/v1/messages", {}, "anthropic"),
        ("/v1/messages/count_tokens", {}, "anthropic"),
        ("/v1/messagesx", {}, "openai"),
        ("/v1/models", {}, "openai"),
        ("/v1/models", THEIRS, "anthropic"),
        ("/v1/models/a/b", THEIRS, "anthropic"),
        ("/api/chat", THEIRS, "ollama"),
        ("/api/nothing", {}, "ollama"),
        ("/admin/v1/state", {}, "openai"),
    ],
)
def test_whose_shape_it_is(path: str, headers: dict[str, str], shape: str) -> None:
    assert shape_of(path, headers) == shape


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (ApiError(400, "x"), 400, "invalid_request_error"),
        (ApiError(401, "x"), 401, "authentication_error"),
        (ApiError(402, "x"), 402, "billing_error"),
        (ApiError(403, "x"), 403, "permission_error"),
        (ApiError(404, "x"), 404, "not_found_error"),
        (ApiError(405, "x"), 405, "invalid_request_error"),
        (ApiError(413, "x"), 413, "request_too_large"),
        (ApiError(429, "x"), 429, "rate_limit_error"),
        (
            from_app_error(AppError(ErrorCode.QUEUE_FULL, waiting=9, seconds=5)),
            529,
            "overloaded_error",
        ),
        (ApiError(500, "x"), 500, "api_error"),
        (ApiError(502, "x"), 502, "api_error"),
        (from_app_error(AppError(ErrorCode.SERVICE_STOPPING)), 529, "overloaded_error"),
        (ApiError(504, "x"), 504, "timeout_error"),
    ],
)
def test_anthropics_kinds(error: ApiError, status: int, kind: str) -> None:
    assert anthropic_status(error) == status
    body = body_of("/v1/messages", error)
    assert body == {
        "type": "error",
        "error": {"type": kind, "message": error.message},
        "request_id": None,
    }


def test_too_long_a_prompt_is_said_in_anthropics_words() -> None:
    """Claude Code compacts its conversation when it reads them."""
    extra = {"n_prompt_tokens": 9000, "n_ctx": 8192}
    error = ApiError(400, "Too long.", code="context_length_exceeded", extra=extra)
    told = body_of("/v1/messages", error)["error"]
    assert told["message"] == "prompt is too long: 9000 tokens > 8192 maximum"
    assert told["type"] == "invalid_request_error"


def test_ollamas_is_a_text() -> None:
    assert body_of("/api/chat", ApiError(400, "No.")) == {"error": "No."}
    assert ollama_line(ApiError(400, "No.")) == b'{"error": "No."}\n'


async def test_an_answer_that_has_begun_gets_no_second_head() -> None:
    async def breaks(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"half of it")
        raise RuntimeError("a fault of ours")

    app = web.Application(middlewares=[faces.error_shape])
    app.add_routes([web.get("/api/chat", breaks)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    reader, writer = await asyncio.open_connection(*runner.addresses[0])
    writer.write(b"GET /api/chat HTTP/1.1\r\nHost: a\r\n\r\n")
    told = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    await writer.wait_closed()
    await runner.cleanup()
    assert told.startswith(b"HTTP/1.1 200") and told.count(b"HTTP/1.1") == 1
    assert b"half of it" in told and not told.endswith(b"0\r\n\r\n"), "cut, not ended"


def test_an_error_in_the_midst_of_anthropics_stream() -> None:
    kind, data, *_ = anthropic_event(ApiError(502, "Gone."), "req_1").split(b"\n")
    told: dict[str, Any] = json.loads(data.removeprefix(b"data: "))
    assert (kind, told["request_id"]) == (b"event: error", "req_1")
    assert told["error"] == {"type": "api_error", "message": "Gone."}
