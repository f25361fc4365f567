"""Bounds on what reaches the engine.

A single request can kill llama-server: deeply nested JSON, a deep schema, a grammar of brackets
(measured, SERVER.md). Everything is checked here, before anything is passed on.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from aiohttp import web

from desktop.core.service.api_errors import ApiError
from desktop.core.service.asking import adapters, completions, reasoning, tools

BODY_BYTES = 32 << 20
JSON_DEPTH = 64
SCHEMA_DEPTH = 32
SCHEMA_BYTES = 64 << 10
GRAMMAR_CHARS = 64 << 10
GRAMMAR_DEPTH = 32
LIST_ITEMS = 4096
STOPS = 16
STOP_CHARS = 512
LOGIT_BIASES = 1024
TOP_LOGPROBS = 20
TOOLS = 256
INPUTS = 2048
SLOTS = 64  # that any model can have

# Extensions of the engine that reach into other users' state, that the gateway itself sets, or with
# which the engine talks to itself: some of them end it.
REFUSED = (
    *("id_slot", "return_progress", "response_fields", "resume_stream", "n_cmpl", "verbose"),
    *("chat_format", "chat_parser", "parse_tool_calls", "generation_prompt", "message_delimiters"),
    *("grammar_lazy", "grammar_triggers", "grammar_type", "preserved_tokens"),
    *("reasoning_control", "reasoning_budget_start_tag", "reasoning_budget_end_tag"),
    *("reasoning_budget_end_tags", "sse_ping_interval", "n_cache_reuse", "media_path"),
    *("input_prefix", "input_suffix", "input_extra", "prompt_string", "multimodal_data"),
)


async def read(request: web.Request) -> dict[str, Any]:
    """The request's JSON object; raises as `parse` does."""
    raw = await request.read()
    if len(raw) > 1 << 20:  # parsing a large body would hold up every other stream
        return await asyncio.to_thread(parse, raw)
    return parse(raw)


def parse(raw: bytes) -> dict[str, Any]:
    """The request's JSON object.

    Raises:
        ApiError: 400 for invalid UTF-8, invalid JSON, no object, or nesting over JSON_DEPTH.
    """
    try:
        body = json.loads(raw)
    except RecursionError:
        raise too_deep("The request") from None
    except UnicodeDecodeError as error:
        raise ApiError(
            400, f"The request is not valid UTF-8 (byte {error.start}).", code="invalid_utf8"
        ) from error
    except ValueError as error:
        raise ApiError(
            400, f"The request is not valid JSON: {error}.", code="invalid_json"
        ) from error
    if not isinstance(body, dict):
        raise ApiError(400, "The request must be a JSON object.", code="invalid_json")
    if depth(body, JSON_DEPTH) > JSON_DEPTH:
        raise too_deep("The request")
    return body


def too_deep(what: str, limit: int = JSON_DEPTH, param: str | None = None) -> ApiError:
    return ApiError(
        400, f"{what} is nested more than {limit} levels deep.", code="too_deep", param=param
    )


def depth(value: Any, limit: int) -> int:
    """How deep lists and objects nest, counted no further than `limit` + 1."""
    level: list[Any] = [value]
    for reached in range(limit + 1):
        nested: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                nested.extend(item.values())
            elif isinstance(item, list):
                nested.extend(item)
        level = [item for item in nested if isinstance(item, dict | list)]
        if not level:
            return reached + 1
    return limit + 1


def check(body: dict[str, Any], slots: int) -> None:
    """Refuse what would harm the engine or make no sense.

    Args:
        slots: how many answers the model can write at the same time; `n` may not exceed it.

    Raises:
        ApiError: 400, naming the parameter.
    """
    for name in REFUSED:
        if name in body:
            raise ApiError(
                400, f"The parameter “{name}” cannot be used here.", param=name, code="unsupported"
            )
    _messages(body)
    _whole_number(body, "n", 1, slots, f"this model answers up to {slots} at a time")
    for name in ("top_logprobs", "n_probs", "logprobs"):
        if not isinstance(body.get(name), bool):
            _whole_number(body, name, 0, TOP_LOGPROBS)
    for name in ("max_tokens", "max_completion_tokens", "n_predict"):
        _whole_number(body, name, -1, 2**31 - 1)
    _count(body, "messages", LIST_ITEMS)
    _count(body, "tools", TOOLS)
    _count(body, "logit_bias", LOGIT_BIASES)
    _stops(body.get("stop"))
    _grammar(body.get("grammar"))
    for param, schema in _schemas(body):
        _schema(param, schema)
    _form(body)
    adapters.check(body)
    if "messages" in body:
        _of_chat(body)
    elif "prompt" in body:
        completions.check(body)


def _messages(body: dict[str, Any]) -> None:
    messages = body.get("messages")
    if "messages" in body and not (isinstance(messages, list) and messages):
        raise ApiError(
            400,
            "“messages” must be a list of at least one message.",
            param="messages",
            code="invalid_value",
        )
    for message in messages or ():
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            raise ApiError(
                400,
                "Each of “messages” must be an object with a “role”.",
                param="messages",
                code="invalid_value",
            )


def _of_chat(body: dict[str, Any]) -> None:
    """What only a chat has."""
    tools.choice_of(body)
    reasoning.check(body)
    logprobs, modalities = body.get("logprobs"), body.get("modalities")
    if logprobs is not None and not isinstance(logprobs, bool):
        raise ApiError(
            400, "“logprobs” must be true or false.", param="logprobs", code="invalid_value"
        )
    if body.get("top_logprobs") and not logprobs:
        raise ApiError(
            400, "“top_logprobs” needs “logprobs”.", param="top_logprobs", code="invalid_value"
        )
    if modalities not in (None, ["text"]) or body.get("audio") is not None:
        raise ApiError(
            400, "Answers are text here, never sound.", param="modalities", code="unsupported"
        )


def _form(body: dict[str, Any]) -> None:
    """The form an answer is to have: one, and a known one."""
    wanted = body.get("response_format")
    if wanted is None:
        return
    kind = wanted.get("type") if isinstance(wanted, dict) else None
    schema = wanted.get("json_schema") if isinstance(wanted, dict) else None
    good = kind in ("text", "json_object") or (kind == "json_schema" and isinstance(schema, dict))
    if not good or not isinstance((schema or {}).get("schema", {}), dict):
        raise ApiError(
            400,
            "“response_format” must be of the type “text”, “json_object” or “json_schema” "
            "(with its “json_schema”).",
            param="response_format",
            code="invalid_value",
        )
    if kind != "text" and body.get("grammar") is not None:
        raise ApiError(
            400,
            "“grammar” and “response_format” cannot both be given.",
            param="grammar",
            code="unsupported",
        )


def _whole_number(body: dict[str, Any], name: str, low: int, high: int, why: str = "") -> None:
    value = body.get(name)
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        reason = f" ({why})" if why else ""
        raise ApiError(
            400,
            f"“{name}” must be a whole number from {low} to {high}{reason}.",
            param=name,
            code="invalid_value",
        )


def _count(body: dict[str, Any], name: str, most: int) -> None:
    value = body.get(name)
    if isinstance(value, list | dict) and len(value) > most:
        raise ApiError(
            400,
            f"“{name}” has {len(value)} entries; {most} are allowed.",
            param=name,
            code="too_many",
        )


def _stops(stop: Any) -> None:
    stops = [stop] if isinstance(stop, str) else stop
    if stops is None:
        return
    if not isinstance(stops, list) or not all(isinstance(text, str) for text in stops):
        raise ApiError(400, "“stop” must be a text or a list of texts.", param="stop")
    if len(stops) > STOPS or any(len(text) > STOP_CHARS for text in stops):
        raise ApiError(
            400,
            f"“stop” may hold {STOPS} texts of {STOP_CHARS} characters.",
            param="stop",
            code="too_many",
        )


def _grammar(grammar: Any) -> None:
    if grammar is None:
        return
    if not isinstance(grammar, str):
        raise ApiError(400, "“grammar” must be a text.", param="grammar")
    if len(grammar) > GRAMMAR_CHARS:
        raise ApiError(
            400,
            f"“grammar” has {len(grammar)} characters; {GRAMMAR_CHARS} are allowed.",
            param="grammar",
            code="too_long",
        )
    nested = deepest = 0
    for character in grammar:
        if character in "([{":
            nested += 1
            deepest = max(deepest, nested)
        elif character in ")]}":
            nested = max(0, nested - 1)
    if deepest > GRAMMAR_DEPTH:
        raise too_deep("“grammar”", GRAMMAR_DEPTH, "grammar")


def _schemas(body: dict[str, Any]) -> list[tuple[str, Any]]:
    """Every JSON schema a request can carry, with the parameter it stands in."""
    found: list[tuple[str, Any]] = []
    if "json_schema" in body:
        found.append(("json_schema", body["json_schema"]))
    wanted = body.get("response_format")
    if isinstance(wanted, dict):
        found.append(("response_format", wanted))
    tools = body.get("tools")
    if isinstance(tools, list):
        found.extend(("tools", tool) for tool in tools)
    return found


def _schema(param: str, schema: Any) -> None:
    if depth(schema, SCHEMA_DEPTH) > SCHEMA_DEPTH:
        raise too_deep(f"The schema in “{param}”", SCHEMA_DEPTH, param)
    size = len(json.dumps(schema))
    if size > SCHEMA_BYTES:
        raise ApiError(
            400,
            f"The schema in “{param}” has {size} bytes; {SCHEMA_BYTES} are allowed.",
            param=param,
            code="too_long",
        )
    _patterns(param, schema)


def _patterns(param: str, schema: Any) -> None:
    """The engine turns a `pattern` into a grammar, and a `{n,m}` bound into that many rules."""
    pending = [schema]
    while pending:
        item = pending.pop()
        if isinstance(item, list):
            pending.extend(item)
        elif isinstance(item, dict):
            pattern = item.get("pattern")
            if isinstance(pattern, str):
                _grammar(pattern)
            for name in ("minItems", "maxItems", "minLength", "maxLength"):
                bound = item.get(name)
                if isinstance(bound, int) and not isinstance(bound, bool) and bound > LIST_ITEMS:
                    raise ApiError(
                        400,
                        f"“{name}” in “{param}” may be at most {LIST_ITEMS}.",
                        param=param,
                        code="invalid_value",
                    )
            pending.extend(item.values())
