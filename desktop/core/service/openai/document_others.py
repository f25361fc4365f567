"""The routes of the OpenAPI document that speak Anthropic's and Ollama's APIs, in short."""

from __future__ import annotations

from typing import Any

from desktop.core.service.openai.document_paths import (
    COMMON,
    ENGINE,
    ERRORS,
    Operation,
    operation,
    path_parameter,
)
from desktop.core.service.openai.document_schemas import (
    FLAG,
    MODEL,
    SAMPLING,
    STREAM,
    Schema,
    choice,
    listed,
    maybe,
    number,
    obj,
    one_of,
    text,
    whole,
)

# Schemas of errors; `document.py` makes the answers of each.
OTHER_RESPONSES = ("AnthropicError", "OllamaError")

_ANTHROPIC_MESSAGES = {
    "model": MODEL,
    "messages": listed(
        obj(
            {
                "role": choice("user", "assistant"),
                "content": one_of(text(minLength=1), listed(obj({"type": text()}, "type"))),
            },
            *("role", "content"),
        ),
        minItems=1,
        maxItems=4096,
    ),
    "system": one_of(text(), listed(obj({"type": choice("text"), "text": text()}, "type", "text"))),
    "tools": listed(
        obj({"name": text(minLength=1), "description": text(), "input_schema": obj()}, "name")
    ),
    "tool_choice": obj({"type": choice("auto", "any", "tool", "none"), "name": text()}, "type"),
    "thinking": obj({"type": text(), "budget_tokens": whole(1)}, "type"),
}

OTHER_SCHEMAS: dict[str, Schema] = {
    "AnthropicError": obj(
        {
            "type": choice("error"),
            "error": obj({"type": text(), "message": text()}, "type", "message"),
            "request_id": maybe(text()),
        },
        *("type", "error"),
    ),
    "OllamaError": obj({"error": text()}, "error"),
}

_OLLAMA_OPTIONS = {
    "options": maybe(
        obj({**SAMPLING, "num_predict": maybe(whole(-2)), "num_ctx": maybe(whole(1))})
    ),
    "keep_alive": one_of(text("Such as 5m; negative: for ever."), number(), {"type": "null"}),
    "stream": maybe({**FLAG, "description": "Lines as they come; true unless said otherwise."}),
    "format": one_of(choice("json", ""), obj(), {"type": "null"}),
    "think": one_of(FLAG, text(), {"type": "null"}),
}
_OLLAMA_ANSWER = obj({"model": text(), "created_at": text(), "done": FLAG}, "model", "done")
_OLLAMA_LINES = {"application/json": _OLLAMA_ANSWER, "application/x-ndjson": text()}


def _of(error: str, made: Operation, *more: int) -> Operation:
    """The operation with another API's errors."""
    responses: dict[str, Any] = {
        status: answer if status == "200" else {"$ref": f"#/components/responses/{error}{status}"}
        for status, answer in made["responses"].items()
    }
    for status in more:
        responses[str(status)] = {"$ref": f"#/components/responses/{error}{status}"}
    return {**made, "responses": responses}


def _anthropic(summary: str, content: dict[str, Schema] | Schema, body: Schema) -> Operation:
    return _of("AnthropicError", operation("anthropic", summary, content, body=body), 529)


def _ollama(
    summary: str,
    content: dict[str, Schema] | Schema | None,
    body: Schema | None = None,
    errors: tuple[int, ...] = ENGINE,
    parameters: tuple[dict[str, Any], ...] = (),
) -> Operation:
    made = operation("ollama", summary, content, body=body, errors=errors, parameters=parameters)
    return _of("OllamaError", made)


_READ = (401, 403, 405, 429, 500)
_LINES = {"application/json": obj({"status": text()}), "application/x-ndjson": text()}
_NAMED = obj({"model": text(), "name": text()})
# For its own window and commands; for others where the setting `server.manage_models` says so.
_CHANGING = (*ENGINE, 409, 507)
_DIGEST = (path_parameter("digest", "Such as sha256:…"),)

OTHER_PATHS: dict[str, dict[str, Operation]] = {
    "/v1/messages": {
        "post": _anthropic(
            "Anthropic: answer a conversation",
            {
                "application/json": obj(
                    {
                        "id": text(),
                        "type": choice("message"),
                        "role": choice("assistant"),
                        "content": listed(obj({"type": text()}, "type")),
                        "stop_reason": maybe(text()),
                        "usage": obj(),
                    },
                    *("id", "type", "role", "content", "stop_reason", "usage"),
                ),
                "text/event-stream": text(),
            },
            obj(
                {
                    **_ANTHROPIC_MESSAGES,
                    "max_tokens": whole(1),
                    "stream": STREAM,
                    "stop_sequences": listed(text(maxLength=512), maxItems=16),
                    "temperature": number(0, 1),
                    "top_p": number(0, 1),
                    "top_k": whole(0),
                },
                *("model", "messages", "max_tokens"),
            ),
        )
    },
    "/v1/messages/count_tokens": {
        "post": _anthropic(
            "Anthropic: how many tokens a conversation is",
            obj({"input_tokens": whole(0)}, "input_tokens"),
            obj(_ANTHROPIC_MESSAGES, "model", "messages"),
        )
    },
    "/api/version": {
        "get": _ollama("Ollama: a version", obj({"version": text()}, "version"), errors=_READ)
    },
    "/api/tags": {
        "get": _ollama("Ollama: the models", obj({"models": listed(obj())}, "models"), errors=_READ)
    },
    "/api/ps": {
        "get": _ollama(
            "Ollama: the loaded models", obj({"models": listed(obj())}, "models"), errors=_READ
        )
    },
    "/api/show": {
        "post": _ollama("Ollama: all of a model", obj({"details": obj()}), _NAMED, COMMON)
    },
    "/api/chat": {
        "post": _ollama(
            "Ollama: answer a conversation",
            _OLLAMA_LINES,
            obj(
                {
                    "model": MODEL,
                    "messages": listed(
                        obj({"role": text(), "content": text(), "images": listed(text())}, "role")
                    ),
                    "tools": listed(obj()),
                    **_OLLAMA_OPTIONS,
                },
                "model",
            ),
        )
    },
    "/api/generate": {
        "post": _ollama(
            "Ollama: go on with a text",
            _OLLAMA_LINES,
            obj(
                {
                    "model": MODEL,
                    "prompt": text(),
                    "suffix": text(),
                    "system": text(),
                    "images": listed(text()),
                    "raw": maybe(FLAG),
                    **_OLLAMA_OPTIONS,
                },
                "model",
            ),
        )
    },
    "/api/embed": {
        "post": _ollama(
            "Ollama: vectors of texts",
            obj({"model": text(), "embeddings": listed(listed(number()))}, "embeddings"),
            obj({"model": MODEL, "input": one_of(text(), listed(text()))}, "model", "input"),
        )
    },
    "/api/embeddings": {
        "post": _ollama(
            "Ollama: the vector of a text",
            obj({"embedding": listed(number())}, "embedding"),
            obj({"model": MODEL, "prompt": text()}, "model", "prompt"),
        )
    },
    "/api/pull": {"post": _ollama("Ollama: get a model from the hub", _LINES, _NAMED, _CHANGING)},
    "/api/copy": {
        "post": _ollama(
            "Ollama: a model under a second name",
            None,
            obj({"source": MODEL, "destination": text(minLength=1)}, "source", "destination"),
            _CHANGING,
        )
    },
    "/api/create": {
        "post": _ollama(
            "Ollama: a model with settings of its own",
            _LINES,
            obj({"model": text(), "from": text(), "system": text(), "parameters": obj()}),
            _CHANGING,
        )
    },
    "/api/delete": {"delete": _ollama("Ollama: delete a model", None, _NAMED, _CHANGING)},
    "/api/push": {
        "post": _ollama("Ollama: refused, nothing is published", obj(), obj(), _CHANGING)
    },
    "/api/blobs/{digest}": {
        "head": {
            "tags": ["ollama"],
            "summary": "Ollama: whether a file is there, which it never is",
            "parameters": list(_DIGEST),
            "responses": {
                str(status): {"description": ERRORS[status]} for status in (400, 401, 403, 404, 429)
            },
        },
        "post": _ollama(
            "Ollama: refused, files are not taken in", obj(), obj(), _CHANGING, _DIGEST
        ),
    },
}
