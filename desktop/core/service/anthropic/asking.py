"""A request for a message as the chat request of OpenAI's API that means the same."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from desktop.core.service.anthropic.checks import (
    flag,
    invalid,
    items,
    mapping,
    number,
    required,
    text,
    whole,
)
from desktop.core.service.anthropic.content import Json, messages_of

_TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
# How much a model is to think, where its template knows such words.
_EFFORTS = {"low": "low", "medium": "medium", "high": "high", "xhigh": "high", "max": "high"}
_THINKS = ("enabled", "adaptive", "between_tools")
# Claude Code's mark for a model with a long context; the window is the same here.
_LONG = re.compile(r"\[1m\]$", re.IGNORECASE)


@dataclass(frozen=True)
class Asked:
    """What a message is asked for.

    Attributes:
        body: the chat request.
        thinking: the client wants to see what the model thinks, as blocks of their own.
        omitted: such blocks, but without their text.
        stops: the client's own stop sequences.
        most_tokens: what the answer may take at most.
    """

    body: Json
    thinking: bool = False
    omitted: bool = False
    stops: tuple[str, ...] = ()
    most_tokens: int = 0


def model_name(value: Any) -> Any:
    """The model a client means, without its marks."""
    return _LONG.sub("", value) if isinstance(value, str) else value


def asked_of(body: Json) -> Asked:
    """What a request for a message asks.

    Raises:
        ApiError: 400, naming the place.
    """
    most = whole(required(body, "max_tokens"), "max_tokens", 0)
    chat: Json = {**prompt_of(body), "max_tokens": most}
    for name, low, high in (("temperature", 0, 2), ("top_p", 0, 1)):
        if body.get(name) is not None:
            chat[name] = number(body[name], name, low, high)
    if body.get("top_k") is not None:
        chat["top_k"] = whole(body["top_k"], "top_k", 0)
    stops = _stops(body.get("stop_sequences"))
    if stops:
        chat["stop"] = list(stops)
    thinking = mapping(body.get("thinking") or {}, "thinking")
    return Asked(
        chat,
        thinking=thinking.get("type") in _THINKS,
        omitted=thinking.get("display") == "omitted",
        stops=stops,
        most_tokens=most,
    )


def prompt_of(body: Json) -> Json:
    """The part of a chat request that decides what the model reads.

    Raises:
        ApiError: 400, naming the place.
    """
    for name in ("mcp_servers", "container"):
        if body.get(name):
            raise invalid(name, "It is a service of Anthropic's own.")
    chat: Json = {"messages": messages_of(body)}
    chat |= _tools(body.get("tools"), body.get("tool_choice"))
    chat |= _thinking(body.get("thinking"))
    output = mapping(body.get("output_config") or {}, "output_config")
    effort = output.get("effort")
    if effort is not None:
        if effort not in _EFFORTS:
            raise invalid("output_config.effort", f"Known are {', '.join(_EFFORTS)}.")
        if chat["chat_template_kwargs"]["enable_thinking"]:
            chat["reasoning_effort"] = _EFFORTS[effort]
    wanted = output.get("format")
    if wanted is not None:
        wanted = mapping(wanted, "output_config.format")
        if wanted.get("type") != "json_schema":
            raise invalid("output_config.format.type", "Only json_schema is known.")
        schema = mapping(
            required(wanted, "schema", "output_config.format"), "output_config.format.schema"
        )
        chat["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": schema},
        }
    return chat


def _stops(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    stops = items(value, "stop_sequences")
    for place, each in enumerate(stops):
        if not text(each, f"stop_sequences.{place}"):
            raise invalid(f"stop_sequences.{place}", "It must not be empty.")
    return tuple(stops)


def _thinking(value: Any) -> Json:
    """Nothing said means no thinking, as there."""
    thinking = mapping(value or {}, "thinking")
    kind = thinking.get("type", "disabled")
    if kind not in (*_THINKS, "disabled"):
        raise invalid("thinking.type", f"Known are disabled, {', '.join(_THINKS)}.")
    chat: Json = {"chat_template_kwargs": {"enable_thinking": kind != "disabled"}}
    if kind == "disabled" and thinking:
        chat["reasoning_effort"] = "none"  # said in so many words: also a model that always does
    if kind == "enabled":
        budget = required(thinking, "budget_tokens", "thinking")
        chat["thinking_budget_tokens"] = whole(budget, "thinking.budget_tokens", 1)
    return chat


# --- tools


def _tools(value: Any, choice: Any) -> Json:
    tools = [
        _tool(each, f"tools.{place}") for place, each in enumerate(items(value or [], "tools"))
    ]
    if not tools:
        if choice is not None and mapping(choice, "tool_choice").get("type") in ("any", "tool"):
            raise invalid("tool_choice", "There are no tools to choose from.")
        return {}
    chat: Json = {"tools": tools}
    if choice is None:
        return chat
    chosen = mapping(choice, "tool_choice")
    kind = required(chosen, "type", "tool_choice")
    if flag(chosen.get("disable_parallel_tool_use", False), "tool_choice"):
        chat["parallel_tool_calls"] = False
    if kind == "tool":
        name = text(required(chosen, "name", "tool_choice"), "tool_choice.name")
        if not any(tool["function"]["name"] == name for tool in tools):
            raise invalid("tool_choice.name", f"There is no tool “{name[:128]}”.")
        chat["tool_choice"] = {"type": "function", "function": {"name": name}}
    elif kind in ("auto", "none"):
        chat["tool_choice"] = kind
    elif kind == "any":
        chat["tool_choice"] = "required"
    else:
        raise invalid("tool_choice.type", "Known are auto, any, tool, none.")
    return chat


def _tool(value: Any, where: str) -> Json:
    tool = mapping(value, where)
    kind = tool.get("type")
    if kind not in (None, "custom"):
        raise invalid(
            f"{where}.type",
            f"“{str(kind)[:60]}” is a tool of Anthropic's own. Give it a name, a description and "
            "an input_schema to have a model here call it.",
        )
    name = text(required(tool, "name", where), f"{where}.name")
    if not _TOOL_NAME.fullmatch(name):
        raise invalid(f"{where}.name", "It has 1 to 128 letters, digits, _ and -.")
    schema = mapping(required(tool, "input_schema", where), f"{where}.input_schema")
    return {
        "type": "function",
        "function": {
            "name": name,
            "description": text(tool.get("description") or "", f"{where}.description"),
            "parameters": schema,
        },
    }
