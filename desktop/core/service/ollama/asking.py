"""Requests for an answer as OpenAI's: a chat, or a prompt to go on from."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Any

from desktop.core.service.api_errors import ApiError
from desktop.core.service.ollama.durations import keep_seconds
from desktop.core.service.ollama.options import options_of
from desktop.core.service.openai import values

Json = dict[str, Any]

CHAT = "/v1/chat/completions"
TEXT = "/v1/completions"
_ROLES = ("system", "user", "assistant", "tool")
_EFFORTS = {"low": "low", "medium": "medium", "high": "high", "max": "high"}
_PICTURES = (
    (b"\x89PNG", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"RIFF", "image/webp"),
)
_NO_TEMPLATE = (
    "“template” is in the language of Ollama's own templates, which is not spoken here. Leave it "
    "out to have the model's own template used, or send the whole prompt with “raw”."
)
_NO_CONTEXT = (
    "“context” is not kept here, so that nothing could be gone on from: send the conversation to "
    "/api/chat."
)


@dataclass(frozen=True)
class Asked:
    """What a request asks.

    Attributes:
        route: of OpenAI's API.
        body: for it; None where nothing is asked but that the model be loaded, or leave.
        stream: the answer comes in pieces.
        keep_seconds: how long the model is to stay; negative: for ever.
        context_tokens: how much context it must have at least.
        thinks: the client wants it to think.
    """

    route: str
    body: Json | None
    stream: bool
    keep_seconds: float | None = None
    context_tokens: int | None = None
    thinks: bool = False


def chat_of(body: Json) -> Asked:
    """What /api/chat asks.

    Raises:
        ApiError: 400.
    """
    messages = _list(body, "messages")
    tools = _list(body, "tools")
    if not all(isinstance(tool, dict) for tool in tools):
        raise _wrong("tools", "a list of objects")
    chat: Json = {"messages": _messages(messages)}
    if tools:
        chat["tools"] = tools
    return _asked(body, CHAT, chat, bool(messages))


def generate_of(body: Json) -> Asked:
    """What /api/generate asks.

    Raises:
        ApiError: 400.
    """
    prompt, suffix = _text(body, "prompt"), _text(body, "suffix")
    system, images = _text(body, "system"), _list(body, "images")
    if body.get("template"):
        raise ApiError(400, _NO_TEMPLATE, param="template", code="unsupported")
    if body.get("context"):
        raise ApiError(400, _NO_CONTEXT, param="context", code="unsupported")
    raw = values.boolean(body, "raw")
    if raw or suffix:
        if images or system:
            what = "raw" if raw else "suffix"
            raise ApiError(400, f"“{what}” goes with a prompt alone.", param=what)
        text: Json = {"prompt": prompt, **({"suffix": suffix} if suffix else {})}
        return _asked(body, TEXT, text, bool(prompt or suffix))
    head = [{"role": "system", "content": system}] if system else []
    user = {"role": "user", "content": _content(prompt, images, "images")}
    return _asked(body, CHAT, {"messages": [*head, user]}, bool(prompt or images))


def _asked(body: Json, route: str, asked: Json, says_something: bool) -> Asked:
    options = options_of(body.get("options"))
    thinking, thinks = _thinking(body.get("think"))
    more = {**options.body, **_form(body.get("format")), **_logprobs(body, route)}
    if route == CHAT:
        more |= thinking
    return Asked(
        route,
        {**asked, **more} if says_something else None,
        values.boolean(body, "stream", True),
        keep_seconds(body.get("keep_alive")),
        options.context_tokens,
        thinks,
    )


def _form(value: Any) -> Json:
    """The form an answer must have: any JSON, or that of a schema."""
    if value in (None, ""):
        return {}
    if value == "json":
        return {"response_format": {"type": "json_object"}}
    if not isinstance(value, dict):
        raise ApiError(400, '“format” must be "json" or a JSON schema.', param="format")
    schema = {"name": "answer", "schema": value}
    return {"response_format": {"type": "json_schema", "json_schema": schema}}


def _thinking(value: Any) -> tuple[Json, bool]:
    """Nothing said leaves it to the model."""
    if value is None:
        return {}, False
    if value is False:
        return {"reasoning_effort": "none"}, False
    on = {"chat_template_kwargs": {"enable_thinking": True}}
    if value is True:
        return on, True
    if isinstance(value, str) and value in _EFFORTS:
        return {**on, "reasoning_effort": _EFFORTS[value]}, True
    known = ", ".join(f'"{name}"' for name in _EFFORTS)
    shown = str(value)[:60]
    raise ApiError(400, f'invalid think value: "{shown}" (must be {known}, true or false)')


def _logprobs(body: Json, route: str) -> Json:
    if not values.boolean(body, "logprobs"):
        return {}
    most = body.get("top_logprobs", 0)
    if isinstance(most, bool) or not isinstance(most, int) or not 0 <= most <= 20:
        raise ApiError(400, "“top_logprobs” must be a whole number from 0 to 20.")
    return {"logprobs": True, "top_logprobs": most} if route == CHAT else {"logprobs": most}


# --- messages


def _messages(messages: list[Any]) -> list[Json]:
    """OpenAI's messages; there a result names the call it belongs to, here the tool at most."""
    found: list[Json] = []
    open_calls: list[tuple[str, str]] = []  # (id, tool) of calls without a result
    for place, message in enumerate(messages):
        where = f"messages[{place}]"
        if not isinstance(message, dict):
            raise _wrong(where, "an object")
        role = message.get("role")
        if role not in _ROLES:
            raise ApiError(400, f"“{where}.role” must be one of {', '.join(_ROLES)}.")
        content = _text(message, "content", where)
        turn: Json = {"role": role}
        turn["content"] = _content(content, _list(message, "images", where), f"{where}.images")
        if role == "assistant":
            if thought := _text(message, "thinking", where):
                turn["reasoning_content"] = thought
            if calls := _calls(_list(message, "tool_calls", where), place):
                turn["tool_calls"] = calls
                open_calls += [(call["id"], call["function"]["name"]) for call in calls]
        if role == "tool":
            turn["tool_call_id"] = _answered(message, open_calls)
        found.append(turn)
    return found


def _calls(calls: list[Any], place: int) -> list[Json]:
    found = []
    for number, call in enumerate(calls):
        function = call.get("function") if isinstance(call, dict) else None
        name = function.get("name") if isinstance(function, dict) else None
        if not isinstance(name, str) or not isinstance(function, dict):
            raise _wrong(f"messages[{place}].tool_calls", "a list of calls, each with its function")
        given = function.get("arguments", {})
        found.append(
            {
                "id": str(call.get("id") or f"call_{place}_{number}"),
                "type": "function",
                "function": {
                    "name": name,
                    "arguments": given if isinstance(given, str) else json.dumps(given),
                },
            }
        )
    return found


def _answered(message: Json, open_calls: list[tuple[str, str]]) -> str:
    """The call a result belongs to: the one it names, else the first of that tool, else the first
    that has none."""
    wanted, tool = message.get("tool_call_id"), message.get("tool_name") or message.get("name")
    for matches in (
        lambda call: call[0] == wanted,
        lambda call: call[1] == tool,
        lambda call: wanted is None and tool is None,
    ):
        for call in open_calls:
            if matches(call):
                open_calls.remove(call)
                return call[0]
    return str(wanted or f"call_{tool or 'unknown'}")


def _content(text: str, images: list[Any], where: str) -> Any:
    if not images:
        return text
    parts: list[Json] = [{"type": "text", "text": text}] if text else []
    return [*parts, *(_picture(image, where) for image in images)]


def _picture(value: Any, where: str) -> Json:
    data = value.partition(";base64,")[2] or value if isinstance(value, str) else ""
    try:
        head = base64.b64decode(data[:64] if len(data) > 64 else data, validate=True)
    except (ValueError, binascii.Error):
        head = b""
    kind = next((kind for mark, kind in _PICTURES if head.startswith(mark)), None)
    if kind is None:
        raise ApiError(400, f"“{where}” must be pictures in base64: PNG, JPEG, GIF or WebP.")
    return {"type": "image_url", "image_url": {"url": f"data:{kind};base64,{data}"}}


# --- values


def _wrong(where: str, what: str) -> ApiError:
    return ApiError(400, f"“{where}” must be {what}.", param=where, code="invalid_value")


def _text(body: Json, name: str, where: str = "") -> str:
    return values.text(body, name, f"{where}.{name}" if where else name) or ""


def _list(body: Json, name: str, where: str = "") -> list[Any]:
    value = body.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise _wrong(f"{where}.{name}" if where else name, "a list")
    return value
