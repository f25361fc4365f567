"""The shapes that the routes of the OpenAPI document share."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def obj(properties: dict[str, Schema] | None = None, *needed: str, **more: Any) -> Schema:
    """An object; what it may hold beyond `properties` is open."""
    found: Schema = {"type": "object", "properties": properties or {}}
    return {**found, **({"required": list(needed)} if needed else {}), **more}


def listed(items: Schema, **more: Any) -> Schema:
    return {"type": "array", "items": items, **more}


def one_of(*schemas: Schema, **more: Any) -> Schema:
    return {"anyOf": list(schemas), **more}


def text(description: str = "", **more: Any) -> Schema:
    return {"type": "string", **({"description": description} if description else {}), **more}


def choice(*values: str, **more: Any) -> Schema:
    return {"type": "string", "enum": list(values), **more}


def whole(low: int | None = None, high: int | None = None, **more: Any) -> Schema:
    return {"type": "integer", **_bounds(low, high), **more}


def number(low: float | None = None, high: float | None = None, **more: Any) -> Schema:
    return {"type": "number", **_bounds(low, high), **more}


def _bounds(low: float | None, high: float | None) -> Schema:
    given = {"minimum": low, "maximum": high}
    return {name: value for name, value in given.items() if value is not None}


def maybe(schema: Schema) -> Schema:
    """The same, or null."""
    if isinstance(schema.get("type"), str) and "enum" not in schema:
        return {**schema, "type": [schema["type"], "null"]}
    return one_of(schema, NULL)


NULL: Schema = {"type": "null"}
FLAG: Schema = {"type": "boolean"}
ANY: Schema = {}

MODEL = text("Its id, one of its aliases, or `repository:QUANT`.", minLength=1)
STREAM = maybe({**FLAG, "description": "Answer as events, as they come."})
STOP = one_of(text(maxLength=512), listed(text(maxLength=512), maxItems=16), NULL)
TOKENS = listed(whole(0))
USAGE = obj({"prompt_tokens": whole(0), "total_tokens": whole(0)}, "prompt_tokens", "total_tokens")

# What a request to generate may say of how tokens are chosen, beside what each API names itself.
SAMPLING: dict[str, Schema] = {
    "temperature": maybe(number(0, 2)),
    "top_p": maybe(number(0, 1)),
    "seed": maybe(whole()),
    "stop": STOP,
    "frequency_penalty": maybe(number(-2, 2)),
    "presence_penalty": maybe(number(-2, 2)),
    "top_k": maybe(whole()),
    "min_p": maybe(number(0, 1)),
    "repeat_penalty": maybe(number(0)),
    "logit_bias": maybe(obj(additionalProperties=number(-100, 100))),
    "grammar": maybe(text("In GBNF.", maxLength=65536)),
}

_FUNCTION = obj(
    {
        "name": text(minLength=1),
        "description": maybe(text()),
        "parameters": maybe(obj()),
        "strict": maybe(FLAG),
    },
    "name",
)

SCHEMAS: dict[str, Schema] = {
    "Error": obj(
        {
            "error": obj(
                {
                    "message": text("What happened, why, and what to do."),
                    "type": text(),
                    "param": maybe(text("The field at fault.")),
                    "code": maybe(text()),
                },
                *("message", "type", "param", "code"),
            )
        },
        "error",
    ),
    "Model": obj(
        {
            "id": text(),
            "object": choice("model"),
            "created": whole(),
            "owned_by": text(),
            "context_length": maybe(whole()),
            "loaded_context_length": maybe(whole()),
            "size_bytes": whole(0),
            "quant_type": maybe(text()),
            "capabilities": obj(additionalProperties=maybe(FLAG)),
            "state": choice("not_loaded", "loading", "ready", "stopping"),
        },
        *("id", "object", "created", "owned_by", "state"),
    ),
    "Message": obj(
        {
            "role": choice("system", "developer", "user", "assistant", "tool"),
            "content": one_of(text(), listed(ref("Part"), minItems=1), NULL),
            "reasoning_content": maybe(text()),
            "tool_calls": maybe(listed(ref("ToolCall"))),
            "tool_call_id": maybe(text()),
        },
        "role",
    ),
    "Part": one_of(
        obj({"type": choice("text"), "text": text()}, "type", "text"),
        obj(
            {"type": choice("image_url"), "image_url": obj({"url": text()}, "url")},
            *("type", "image_url"),
        ),
        obj(
            {
                "type": choice("input_audio"),
                "input_audio": obj(
                    {"data": text(), "format": choice("wav", "mp3", "flac")}, "data", "format"
                ),
            },
            *("type", "input_audio"),
        ),
    ),
    "Tool": obj({"type": choice("function"), "function": _FUNCTION}, "type", "function"),
    "ToolCall": obj(
        {
            "id": text(),
            "type": choice("function"),
            "function": obj({"name": text(), "arguments": text("JSON.")}, "name", "arguments"),
        },
        *("id", "type", "function"),
    ),
    "ResponseFormat": one_of(
        obj({"type": choice("text", "json_object")}, "type"),
        obj(
            {
                "type": choice("json_schema"),
                "json_schema": obj({"name": text(), "schema": obj()}, "schema"),
            },
            *("type", "json_schema"),
        ),
    ),
    "ChatRequest": obj(
        {
            "model": MODEL,
            "messages": listed(ref("Message"), minItems=1, maxItems=4096),
            "stream": STREAM,
            "stream_options": maybe(obj({"include_usage": maybe(FLAG)})),
            "max_completion_tokens": maybe(whole(-1)),
            "max_tokens": maybe(whole(-1)),
            "n": maybe(whole(1, description="At most as many as the model has slots.")),
            "tools": maybe(listed(ref("Tool"), maxItems=256)),
            "tool_choice": one_of(
                choice("none", "auto", "required"),
                obj(
                    {"type": choice("function"), "function": obj({"name": text()}, "name")},
                    *("type", "function"),
                ),
                NULL,
            ),
            "parallel_tool_calls": maybe(FLAG),
            "response_format": one_of(ref("ResponseFormat"), NULL),
            "reasoning_effort": maybe(text()),
            "logprobs": maybe(FLAG),
            "top_logprobs": maybe(whole(0, 20)),
            **SAMPLING,
        },
        *("model", "messages"),
    ),
    "ChatReply": obj(
        {
            "id": text(),
            "object": choice("chat.completion"),
            "created": whole(),
            "model": text(),
            "choices": listed(
                obj(
                    {
                        "index": whole(0),
                        "message": obj({"role": text(), "content": maybe(text())}, "role"),
                        "finish_reason": maybe(text()),
                    },
                    *("index", "message", "finish_reason"),
                )
            ),
            "usage": ref("ChatUsage"),
        },
        *("id", "object", "created", "model", "choices"),
    ),
    "ChatUsage": obj(
        {
            "prompt_tokens": whole(0),
            "completion_tokens": whole(0),
            "total_tokens": whole(0),
            "prompt_tokens_details": obj({"cached_tokens": whole(0)}),
        },
        *("prompt_tokens", "completion_tokens", "total_tokens"),
    ),
    "CompletionRequest": obj(
        {
            "model": MODEL,
            "prompt": one_of(text(), listed(text(), maxItems=64), TOKENS, listed(TOKENS)),
            "stream": STREAM,
            "stream_options": maybe(obj({"include_usage": maybe(FLAG)})),
            "max_tokens": maybe(whole(-1)),
            "n": maybe(whole(1)),
            "logprobs": maybe(whole(0, 20)),
            "echo": maybe(FLAG),
            "suffix": maybe(text()),
            **SAMPLING,
        },
        *("model", "prompt"),
    ),
    "CompletionReply": obj(
        {
            "id": text(),
            "object": choice("text_completion"),
            "created": whole(),
            "model": text(),
            "choices": listed(
                obj(
                    {"index": whole(0), "text": text(), "finish_reason": maybe(text())},
                    *("index", "text", "finish_reason"),
                )
            ),
            "usage": ref("ChatUsage"),
        },
        *("object", "choices"),
    ),
    "EmbeddingRequest": obj(
        {
            "model": MODEL,
            "input": one_of(text(), listed(text(), maxItems=2048), TOKENS, listed(TOKENS)),
            "encoding_format": choice("float", "base64"),
            "dimensions": maybe(whole(1)),
        },
        *("model", "input"),
    ),
    "EmbeddingReply": obj(
        {
            "object": choice("list"),
            "model": text(),
            "data": listed(
                obj(
                    {"index": whole(0), "embedding": one_of(listed(number()), text("base64"))},
                    *("index", "embedding"),
                )
            ),
            "usage": USAGE,
        },
        *("object", "data"),
    ),
    "RerankRequest": obj(
        {
            "model": MODEL,
            "query": text(minLength=1),
            "documents": listed(
                one_of(text(), obj({"text": text()}, "text")), minItems=1, maxItems=2048
            ),
            "top_n": maybe(whole(1, 2**31 - 1)),
            "return_documents": maybe(FLAG),
        },
        *("model", "query", "documents"),
    ),
    "RerankReply": obj(
        {
            "id": text(),
            "object": choice("list"),
            "model": text(),
            "usage": USAGE,
            "results": listed(
                obj(
                    {
                        "index": whole(0, description="Of the document in the request."),
                        "relevance_score": number(description="As the model says it."),
                        "document": obj({"text": text()}, "text"),
                    },
                    *("index", "relevance_score"),
                )
            ),
        },
        *("id", "object", "model", "usage", "results"),
    ),
    "ResponseRequest": obj(
        {
            "model": MODEL,
            "input": one_of(text(), listed(ref("Item"), maxItems=4096), NULL),
            "instructions": maybe(text()),
            "previous_response_id": maybe(text()),
            "store": maybe(
                {
                    **FLAG,
                    "description": "Keep it, so that others can go on from it. Responses are kept "
                    "in memory only: for a day at most, 500 and 32 MiB for each key, 128 MiB in "
                    "all, and until the server ends.",
                }
            ),
            "stream": STREAM,
            "max_output_tokens": maybe(whole(1, 2**31 - 1)),
            "tools": maybe(listed(ref("ResponseTool"), maxItems=256)),
            "tool_choice": one_of(
                choice("none", "auto", "required"),
                obj({"type": choice("function"), "name": text(minLength=1)}, "type", "name"),
                obj(
                    {
                        "type": choice("allowed_tools"),
                        "mode": choice("auto", "required"),
                        "tools": listed(obj({"name": text(minLength=1)}, "name")),
                    },
                    *("type", "mode", "tools"),
                ),
                NULL,
            ),
            "parallel_tool_calls": maybe(FLAG),
            "text": maybe(obj({"format": maybe(ref("TextFormat")), "verbosity": maybe(text())})),
            "reasoning": maybe(
                obj(
                    {
                        "effort": maybe(text()),
                        "summary": maybe(
                            text("With it, reasoning is told as a summary, which is all of it.")
                        ),
                    }
                )
            ),
            "include": maybe(listed(text())),
            "metadata": maybe(obj(additionalProperties=text(maxLength=512), maxProperties=16)),
            "top_logprobs": maybe(whole(0, 20)),
            "truncation": maybe(
                choice(
                    *("auto", "disabled"),
                    description="With auto, the oldest turns are left out where the conversation "
                    "is too long; `x-paddock-dropped-messages` and the usage say how many.",
                )
            ),
            **SAMPLING,
        },
        "model",
    ),
    "TextFormat": one_of(
        obj({"type": choice("text", "json_object")}, "type"),
        obj(
            {
                "type": choice("json_schema"),
                "name": text(minLength=1),
                "schema": obj(),
                "strict": maybe(FLAG),
            },
            *("type", "name", "schema"),
        ),
    ),
    "ResponseTool": {
        **_FUNCTION,
        "properties": {"type": choice("function"), **_FUNCTION["properties"]},
        "required": ["type", "name"],
    },
    "Item": one_of(
        obj(
            {
                "type": choice("message"),
                "role": choice("user", "assistant", "system", "developer"),
                "content": one_of(text(), listed(ref("ItemPart"))),
            },
            *("role", "content"),
        ),
        obj(
            {
                "type": choice("function_call"),
                "call_id": text(),
                "name": text(),
                "arguments": text("JSON."),
            },
            *("type", "call_id", "name", "arguments"),
        ),
        obj(
            {
                "type": choice("function_call_output"),
                "call_id": text(),
                "output": one_of(text(), listed(ref("ItemPart"))),
            },
            *("type", "call_id", "output"),
        ),
        obj(
            {
                "type": choice("reasoning"),
                "summary": listed(obj({"text": text()}, "text")),
                "content": listed(obj({"text": text()}, "text")),
            },
            "type",
        ),
        obj({"type": choice("item_reference"), "id": text()}, "type", "id"),
    ),
    "ItemPart": one_of(
        obj({"type": choice("input_text", "output_text"), "text": text()}, "type", "text"),
        obj({"type": choice("input_image"), "image_url": text()}, "type", "image_url"),
        obj(
            {
                "type": choice("input_audio"),
                "input_audio": obj({"data": text(), "format": text()}, "data", "format"),
            },
            *("type", "input_audio"),
        ),
    ),
    "Response": obj(
        {
            "id": text(),
            "object": choice("response"),
            "created_at": whole(),
            "completed_at": maybe(whole()),
            "status": choice("completed", "incomplete", "failed", "in_progress"),
            "model": text(),
            "output": listed(obj({"id": text(), "type": text()}, "id", "type")),
            "error": maybe(obj()),
            "incomplete_details": maybe(obj()),
            "store": {**FLAG, "description": "False also where it was too large to be kept."},
            "usage": maybe(
                obj(
                    {
                        "input_tokens": whole(0),
                        "output_tokens": whole(0),
                        "total_tokens": whole(0),
                    },
                    *("input_tokens", "output_tokens", "total_tokens"),
                )
            ),
        },
        *("id", "object", "created_at", "status", "model", "output", "usage"),
    ),
    "InputTokens": obj(
        {"object": choice("response.input_tokens"), "input_tokens": whole(0)},
        *("object", "input_tokens"),
    ),
}
