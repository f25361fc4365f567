"""The routes of the OpenAPI document: state, models, and OpenAI's API."""

from __future__ import annotations

from typing import Any

from desktop.core.service.openai.document_schemas import (
    ANY,
    FLAG,
    MODEL,
    TOKENS,
    Schema,
    choice,
    listed,
    maybe,
    number,
    obj,
    one_of,
    ref,
    text,
    whole,
)

Operation = dict[str, Any]

ERRORS = {
    400: "The request is not one this route or this model can answer; `param` names the field.",
    401: "No key was sent, or one that is not valid.",
    403: "The key, the page or the host may not do this.",
    404: "There is no such model, response or route.",
    405: "The route is called with another method.",
    409: "It is in use.",
    413: "The request is too large.",
    415: "The request was not sent as `Content-Type: application/json`.",
    429: "Too much at a time; `Retry-After` says when to try again.",
    500: "Something went wrong inside Paddock.",
    502: "The model stopped, or could not answer.",
    503: "The model could not be loaded, or the server is stopping.",
    504: "It took too long.",
    507: "The disk is full.",
    529: "The server has no room for it now.",
}
# What any route may answer instead.
COMMON = (400, 401, 403, 404, 405, 413, 415, 429, 500)
# Routes that need a model: it may not come, end in the middle, or take too long.
ENGINE = (*COMMON, 502, 503, 504)


def answers(
    content: dict[str, Schema] | None, errors: tuple[int, ...], *, error: str = "Error"
) -> dict[str, Any]:
    """An operation's answers: 200 with each kind of content, and what may go wrong."""
    good: dict[str, Any] = {"description": "The answer." if content else "Done."}
    if content:
        good["content"] = {kind: {"schema": schema} for kind, schema in content.items()}
    bad = {str(each): {"$ref": f"#/components/responses/{error}{each}"} for each in errors}
    return {"200": good, **bad}


def operation(
    tag: str,
    summary: str,
    content: dict[str, Schema] | Schema | None,
    *,
    body: Schema | None = None,
    form: Schema | None = None,
    errors: tuple[int, ...] = ENGINE,
    parameters: tuple[dict[str, Any], ...] = (),
    more: str = "",
    open_to_all: bool = False,
) -> Operation:
    """Args:
    content: what it answers by media type, or the schema of its JSON; None: nothing.
    body, form: what it is sent, as JSON or as a form.
    open_to_all: it needs no key.
    """
    by_type = content
    if content is not None and not any("/" in name for name in content):
        by_type = {"application/json": content}
    made: Operation = {"tags": [tag], "summary": summary, "responses": answers(by_type, errors)}
    if more:
        made["description"] = more
    if parameters:
        made["parameters"] = list(parameters)
    sent = {"application/json": body, "multipart/form-data": form}
    content_sent = {kind: {"schema": schema} for kind, schema in sent.items() if schema is not None}
    if content_sent:
        made["requestBody"] = {"required": True, "content": content_sent}
    if open_to_all:
        made["security"] = []
    return made


def path_parameter(name: str, description: str) -> dict[str, Any]:
    schema = text(minLength=1)
    return {"name": name, "in": "path", "required": True, "schema": schema} | (
        {"description": description} if description else {}
    )


def query(name: str, schema: Schema) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": schema}


def _json_or_events(schema: Schema) -> dict[str, Schema]:
    return {"application/json": schema, "text/event-stream": text()}


_READY = obj(
    {
        "status": choice("ready", "loading", "stopping"),
        "model": maybe(text()),
        "models": listed(text()),
    },
    *("status", "models"),
)
_ID = path_parameter("id", "")
_RESPONSE_ID = path_parameter("id", "Of a response that this key made.")
_STORED = (400, 401, 403, 404, 405, 429, 500)

_STATE: dict[str, dict[str, Operation]] = {
    "/": {
        "get": operation(
            "state",
            "A page for people",
            {"text/html": text()},
            errors=(403, 405, 500),
            open_to_all=True,
        )
    },
    "/openapi.json": {
        "get": operation(
            "state",
            "This document",
            obj({"openapi": text(), "paths": obj()}, "openapi", "paths"),
            errors=(403, 405, 500),
            open_to_all=True,
        )
    },
    "/health": {
        "get": operation(
            "state",
            "Whether the server answers",
            obj({"status": choice("ok")}, "status"),
            errors=(403, 405, 500),
            open_to_all=True,
        )
    },
    "/ready": {
        "get": {
            **operation(
                "state",
                "Whether it takes requests and no model is on its way in or out",
                _READY,
                errors=(403, 405, 500),
                open_to_all=True,
            )
        }
    },
    "/metrics": {
        "get": operation(
            "state",
            "Figures for Prometheus",
            {"text/plain": text(), "application/openmetrics-text": text()},
            errors=(401, 403, 405, 429, 500),
        )
    },
    "/v1/models": {
        "get": operation(
            "models",
            "The models, with what each can do",
            obj({"object": choice("list"), "data": listed(ref("Model"))}, "data"),
            errors=(401, 403, 405, 429, 500),
            more="With the header `anthropic-version` the answer has Anthropic's shape.",
        )
    },
    "/v1/models/{id}": {
        "get": operation(
            "models",
            "One model",
            ref("Model"),
            errors=(400, 401, 403, 404, 405, 429, 500),
            parameters=(_ID,),
        )
    },
}
_STATE["/ready"]["get"]["responses"]["503"] = {
    "description": "Not yet, or no longer.",
    "content": {"application/json": {"schema": _READY}},
}

_GENERATION: dict[str, dict[str, Operation]] = {
    "/v1/chat/completions": {
        "post": operation(
            "chat",
            "Answer a conversation",
            _json_or_events(ref("ChatReply")),
            body=ref("ChatRequest"),
        )
    },
    "/v1/chat/completions/input_tokens": {
        "post": operation(
            "tokens",
            "How many tokens the model would read for a conversation",
            ref("InputTokens"),
            body=ref("ChatRequest"),
        )
    },
    "/v1/completions": {
        "post": operation(
            "completions",
            "Go on with a text",
            _json_or_events(ref("CompletionReply")),
            body=ref("CompletionRequest"),
        )
    },
    "/v1/embeddings": {
        "post": operation(
            "embeddings",
            "Vectors of texts",
            ref("EmbeddingReply"),
            body=ref("EmbeddingRequest"),
        )
    },
    "/v1/responses": {
        "post": operation(
            "responses",
            "Make a response",
            _json_or_events(ref("Response")),
            body=ref("ResponseRequest"),
            more="`input` or `previous_response_id` is needed. Built-in tools, background, "
            "conversations and prompt templates are refused.",
        )
    },
    "/v1/responses/input_tokens": {
        "post": operation(
            "tokens",
            "How many tokens the model would read for a response",
            ref("InputTokens"),
            body=ref("ResponseRequest"),
        )
    },
    "/v1/responses/{id}": {
        "get": operation(
            "responses",
            "A response that was kept",
            ref("Response"),
            errors=_STORED,
            parameters=(_RESPONSE_ID,),
        ),
        "delete": operation(
            "responses",
            "Forget a response",
            obj({"id": text(), "object": choice("response"), "deleted": FLAG}, "id", "deleted"),
            errors=_STORED,
            parameters=(_RESPONSE_ID,),
        ),
    },
    "/v1/responses/{id}/input_items": {
        "get": operation(
            "responses",
            "What a response was made from, with the conversation before it",
            obj(
                {
                    "object": choice("list"),
                    "data": listed(obj({"id": text(), "type": text()}, "id", "type")),
                    "first_id": maybe(text()),
                    "last_id": maybe(text()),
                    "has_more": FLAG,
                },
                *("object", "data", "first_id", "last_id", "has_more"),
            ),
            errors=_STORED,
            parameters=(
                _RESPONSE_ID,
                query("limit", whole(1, 100)),
                query("order", choice("asc", "desc")),
                query("after", text("The id of an item.")),
            ),
        )
    },
    "/v1/responses/{id}/cancel": {
        "post": operation(
            "responses",
            "Refused: no response is made in the background",
            ref("Response"),
            body=obj(),
            errors=(*_STORED, 413, 415),
            parameters=(_RESPONSE_ID,),
        )
    },
}

_RANK = operation(
    "rerank",
    "Rank documents by how well they answer a query",
    one_of(
        ref("RerankReply"),
        listed(obj({"index": whole(0), "score": number(), "text": text()}, "index", "score")),
    ),
    body=ref("RerankRequest"),
    more="With `texts` and `return_text` in place of `documents` and `return_documents`, the "
    "answer is a list of `index` and `score`.",
)

_TOKENIZE = operation(
    "tokens",
    "A text's tokens",
    obj(
        {
            "model": text(),
            "count": whole(0),
            "tokens": listed(one_of(whole(), obj({"id": whole(), "piece": ANY}, "id", "piece"))),
        },
        *("model", "count", "tokens"),
    ),
    body=obj(
        {
            "model": MODEL,
            "content": one_of(text(), listed(one_of(text(), whole(0)))),
            "add_special": maybe(FLAG),
            "parse_special": maybe(FLAG),
            "with_pieces": maybe(FLAG),
        },
        *("model", "content"),
    ),
)

_DETOKENIZE = operation(
    "tokens",
    "Tokens' text",
    obj({"model": text(), "content": text()}, "model", "content"),
    body=obj({"model": MODEL, "tokens": TOKENS}, "model", "tokens"),
)

_TEMPLATE = operation(
    "tokens",
    "The text that a conversation is to the model",
    obj({"model": text(), "prompt": text()}, "model", "prompt"),
    body=ref("ChatRequest"),
)


def _heard(summary: str) -> Operation:
    return operation(
        "audio",
        summary,
        {
            "application/json": obj({"text": text(), "usage": obj()}, "text"),
            "text/plain": text(),
            "text/event-stream": text(),
        },
        form=obj(
            {
                "model": MODEL,
                "file": {"type": "string", "contentMediaType": "application/octet-stream"},
                "language": text(),
                "prompt": text(),
                "response_format": choice("json", "text", "verbose_json"),
                "temperature": number(0, 2),
                "stream": choice("true", "false"),
            },
            *("model", "file"),
        ),
        more="WAV, MP3 or FLAC; `verbose_json` for WAV only. The model needs a projector that "
        "hears. The one route that takes a form: with a key, or from a program.",
    )


PATHS: dict[str, dict[str, Operation]] = {
    **_STATE,
    **_GENERATION,
    **{path: {"post": _RANK} for path in ("/v1/rerank", "/v1/reranking", "/rerank", "/reranking")},
    **{f"{base}/tokenize": {"post": _TOKENIZE} for base in ("/v1", "")},
    **{f"{base}/detokenize": {"post": _DETOKENIZE} for base in ("/v1", "")},
    **{f"{base}/apply-template": {"post": _TEMPLATE} for base in ("/v1", "")},
    "/v1/audio/transcriptions": {"post": _heard("Text of speech")},
    "/v1/audio/translations": {"post": _heard("English text of speech")},
}
