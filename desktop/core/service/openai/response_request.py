"""A request for a response: what it asks of the model, and what is said of it in the answer.

The engine has a route of its own for responses, which knows a part of them; here they become chat
completions, and each field that cannot be honoured is refused by name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from desktop.core.service.openai import values
from desktop.core.service.openai.items import Item, items_of
from desktop.core.service.openai.values import invalid

METADATA_PAIRS, METADATA_KEY, METADATA_VALUE = 16, 64, 512
_LOGPROBS = "message.output_text.logprobs"

# Asked of OpenAI's own machines: a request that needs one of them would get another answer here.
_ELSEWHERE = {
    "background": "Responses are not made in the background here: ask for a stream instead.",
    "conversation": "Conversations are not kept here: go on with “previous_response_id”.",
    "prompt": "Prompt templates are not kept here: send “instructions” and “input”.",
    "moderation": "Nothing is moderated here.",
    "context_management": "Conversations are not compacted here.",
}
# What the engine knows beyond OpenAI's fields; given on as it is, as chat does.
_ENGINE = (
    *("seed", "stop", "top_k", "min_p", "typical_p", "presence_penalty", "frequency_penalty"),
    *("repeat_penalty", "repeat_last_n", "logit_bias", "grammar", "chat_template_kwargs"),
    *("reasoning_budget_tokens", "thinking_budget_tokens", "cache_prompt"),
)


@dataclass(frozen=True)
class ResponseRequest:
    """A checked request.

    Attributes:
        items: what it adds to the conversation.
        previous: the response it goes on from.
        chat: of the chat completion, all but model and messages.
        shown: the request's fields as the response repeats them.
        summary: reasoning is told as a summary.
        logprobs: the answer's tokens are told with their probabilities.
    """

    items: tuple[Item, ...]
    previous: str | None
    instructions: str | None
    stream: bool
    store: bool
    chat: dict[str, Any]
    shown: dict[str, Any] = field(repr=False)
    summary: bool
    logprobs: bool

    @classmethod
    def read(cls, body: dict[str, Any], find: Callable[[str], Item | None]) -> ResponseRequest:
        """Check a request's body.

        Args:
            find: the kept item of an id.

        Raises:
            ApiError: 400, naming the field.
        """
        for name, why in _ELSEWHERE.items():
            if body.get(name):
                raise invalid(why, name, "unsupported")
        previous = values.text(body, "previous_response_id")
        if body.get("input") is None and previous is None:
            raise values.missing("input")
        reasoning = values.mapping(body, "reasoning")
        effort = values.text(reasoning, "effort", "reasoning.effort")
        summary = _summary(reasoning)
        include = _include(body)
        shown, chat = _plain_fields(body)
        chosen = _Tools.read(body)
        form, format_shown = _text_format(body)
        if effort is not None:
            chat["reasoning_effort"] = effort
        logprobs = _LOGPROBS in include or bool(shown["top_logprobs"])
        if logprobs:
            chat |= {"logprobs": True, "top_logprobs": shown["top_logprobs"]}
        shown |= {
            "reasoning": {"effort": effort, "summary": summary},
            "text": format_shown,
            "tools": chosen.shown,
            "tool_choice": chosen.choice_shown,
            "previous_response_id": previous,
        }
        return cls(
            items=tuple(items_of(body.get("input"), find)),
            previous=previous,
            instructions=shown["instructions"],
            stream=values.boolean(body, "stream"),
            store=values.boolean(body, "store", True),
            chat={**chat, **chosen.chat(shown["parallel_tool_calls"]), **form},
            shown=shown,
            summary=summary is not None,
            logprobs=logprobs,
        )


def _plain_fields(body: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """As the response shows them, and those of the chat completion."""
    truncation = values.text(body, "truncation") or "disabled"
    if truncation not in ("auto", "disabled"):
        raise invalid("“truncation” must be auto or disabled.", "truncation")
    shown: dict[str, Any] = {
        "background": False,
        "instructions": values.text(body, "instructions"),
        "max_output_tokens": values.whole(body, "max_output_tokens", 1),
        "max_tool_calls": values.whole(body, "max_tool_calls", 0),
        "metadata": _metadata(body),
        "parallel_tool_calls": values.boolean(body, "parallel_tool_calls", True),
        "prompt_cache_key": values.text(body, "prompt_cache_key"),
        "safety_identifier": values.text(body, "safety_identifier"),
        "service_tier": "default",
        "temperature": values.number(body, "temperature", 0, 2),
        "top_logprobs": values.whole(body, "top_logprobs", 0, 20) or 0,
        "top_p": values.number(body, "top_p", 0, 1),
        "truncation": truncation,
        "user": values.text(body, "user"),
    }
    chat = {name: body[name] for name in _ENGINE if body.get(name) is not None}
    chat |= {name: shown[name] for name in ("temperature", "top_p") if shown[name] is not None}
    if shown["max_output_tokens"] is not None:
        chat["max_tokens"] = shown["max_output_tokens"]
    return shown, chat


def _metadata(body: dict[str, Any]) -> dict[str, str]:
    given = values.mapping(body, "metadata")
    if len(given) > METADATA_PAIRS:
        raise invalid(f"“metadata” may hold {METADATA_PAIRS} pairs.", "metadata", "too_many")
    for name, value in given.items():
        if not isinstance(value, str):
            raise invalid(f"“metadata.{name[:64]}” must be a text.", "metadata")
        if len(name) > METADATA_KEY or len(value) > METADATA_VALUE:
            raise invalid(
                f"Names in “metadata” may have {METADATA_KEY} characters, values {METADATA_VALUE}.",
                "metadata",
                "too_long",
            )
    return given


def _include(body: dict[str, Any]) -> list[str]:
    given = body.get("include")
    if given is None:
        return []
    if not isinstance(given, list) or not all(isinstance(each, str) for each in given):
        raise invalid("“include” must be a list of texts.", "include")
    return given


def _summary(reasoning: dict[str, Any]) -> str | None:
    for name in ("summary", "generate_summary"):
        found = values.text(reasoning, name, f"reasoning.{name}")
        if found is not None:
            return found
    return None


def _text_format(body: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The chat completion's `response_format`, and `text` as the response shows it."""
    given = values.mapping(body, "text")
    verbosity = values.text(given, "verbosity", "text.verbosity")
    wanted = values.mapping({"text.format": given.get("format")}, "text.format")
    kind = wanted.get("type", "text")
    shown: dict[str, Any] = {"format": {"type": "text"}, "verbosity": verbosity or "medium"}
    if kind == "text":
        return {}, shown
    if kind == "json_object":
        return {"response_format": {"type": kind}}, {**shown, "format": {"type": kind}}
    if kind != "json_schema":
        raise invalid(
            "“text.format.type” must be text, json_object or json_schema.", "text.format.type"
        )
    schema = wanted.get("schema")
    if not isinstance(schema, dict):
        raise invalid("“text.format.schema” must be an object.", "text.format.schema")
    named = {
        "name": values.needed_text(wanted, "name", "text.format.name"),
        "description": values.text(wanted, "description", "text.format.description"),
        "strict": values.boolean(wanted, "strict"),
    }
    chat = {"type": kind, kind: {**named, "schema": schema}}
    return {"response_format": chat}, {**shown, "format": {"type": kind, **named, "schema": schema}}


@dataclass(frozen=True)
class _Tools:
    """The functions a model may call, and whether it may choose.

    Attributes:
        functions: by name, as a chat completion has them.
        allowed: the names it may call now.
        mode: "none", "auto" or "required".
    """

    shown: list[dict[str, Any]]
    functions: dict[str, dict[str, Any]]
    allowed: tuple[str, ...]
    mode: str
    choice_shown: Any

    @classmethod
    def read(cls, body: dict[str, Any]) -> _Tools:
        shown: list[dict[str, Any]] = []
        functions: dict[str, dict[str, Any]] = {}
        for index, tool in enumerate(values.objects(body, "tools")):
            at = f"tools[{index}]"
            if tool.get("type") != "function":
                raise invalid(
                    f"“{at}” is the built-in tool {str(tool.get('type'))[:100]!r}. Only tools of "
                    "the type function can be used here: your program runs them.",
                    f"{at}.type",
                    "unsupported",
                )
            name = values.needed_text(tool, "name", f"{at}.name")
            about = {
                "name": name,
                "description": values.text(tool, "description", f"{at}.description"),
                "parameters": values.mapping(tool, "parameters"),
                "strict": values.boolean(tool, "strict", True),
            }
            shown.append({"type": "function", **about})
            said = {each: value for each, value in about.items() if value not in (None, {})}
            functions[name] = {"type": "function", "function": said}
        choice = body.get("tool_choice")
        mode, allowed = _choice(choice, tuple(functions))
        for name in allowed:
            if name not in functions:
                raise invalid(
                    f"“tool_choice” names “{name[:100]}”, which is not in “tools”.", "tool_choice"
                )
        if mode == "required" and not allowed:
            raise invalid("“tool_choice” asks for a tool, and there is none.", "tool_choice")
        return cls(shown, functions, allowed, mode, "auto" if choice is None else choice)

    def chat(self, parallel: bool) -> dict[str, Any]:
        """The fields of the chat completion. A forced function is the only one that is offered:
        the engine knows no name as a choice."""
        if self.mode == "none" or not self.allowed:
            return {}
        return {
            "tools": [self.functions[name] for name in dict.fromkeys(self.allowed)],
            "tool_choice": self.mode,
            "parallel_tool_calls": parallel,
        }


def _choice(choice: Any, all_names: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """How the model chooses, and the functions it may call."""
    if choice is None or choice == "auto":
        return "auto", all_names
    if choice in ("none", "required"):
        return str(choice), all_names
    kind = choice.get("type") if isinstance(choice, dict) else None
    if kind == "function":
        return "required", (values.needed_text(choice, "name", "tool_choice.name"),)
    if kind == "allowed_tools":
        mode = choice.get("mode", "auto")
        if mode not in ("auto", "required"):
            raise invalid("“tool_choice.mode” must be auto or required.", "tool_choice.mode")
        named = values.objects({"tool_choice.tools": choice.get("tools")}, "tool_choice.tools")
        return mode, tuple(values.needed_text(tool, "name", "tool_choice.tools") for tool in named)
    raise invalid(
        "“tool_choice” must be none, auto, required, a function, or allowed_tools.",
        "tool_choice",
        "unsupported" if isinstance(choice, dict) else "invalid_value",
    )
