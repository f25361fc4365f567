"""The items a response is made from, and the chat messages they are to a model.

Items are OpenAI's: messages, function calls, their outputs, and reasoning. A chat message of the
assistant holds what a response had as several items: its reasoning, its text and its calls.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from typing import Any

from desktop.core.service.api_errors import ApiError
from desktop.core.service.openai.values import invalid, missing

Item = dict[str, Any]

ITEMS = 4096
_ROLES = ("user", "assistant", "system", "developer")
_PREFIXES = {"message": "msg", "function_call": "fc", "function_call_output": "fco"}


def new_id(prefix: str) -> str:
    return f"{prefix}_{secrets.token_hex(24)}"


def items_of(given: Any, find: Callable[[str], Item | None]) -> list[Item]:
    """A request's `input` as whole items with ids.

    Args:
        find: the kept item that an `item_reference` names.

    Raises:
        ApiError: 400 for what is not an item a model can read, 404 for an unknown reference.
    """
    if given is None:
        return []
    if isinstance(given, str):
        given = [{"role": "user", "content": given}]
    if not isinstance(given, list):
        raise invalid("“input” must be a text or a list of items.", "input")
    if len(given) > ITEMS:
        raise invalid(f"“input” has {len(given)} items; {ITEMS} are allowed.", "input", "too_many")
    return [_item(each, f"input[{index}]", find) for index, each in enumerate(given)]


def _item(given: Any, at: str, find: Callable[[str], Item | None]) -> Item:
    if not isinstance(given, dict):
        raise invalid(f"“{at}” must be an object.", at)
    kind = given.get("type")
    if kind is None:
        kind = "message" if "role" in given else "item_reference"
    if kind == "item_reference":
        return _referenced(given, at, find)
    made = _KINDS.get(kind) if isinstance(kind, str) else None
    if made is None:
        raise invalid(
            f"“{at}” is of the type {str(kind)[:100]!r}, which no model here can read; there are "
            f"{', '.join(_KINDS)} and item_reference.",
            f"{at}.type",
            "unsupported",
        )
    item: Item = made(given, at)
    own = given.get("id")
    prefix = _PREFIXES.get(kind, "rs")
    return {"id": own if isinstance(own, str) and own else new_id(prefix), "type": kind, **item}


def _referenced(given: Item, at: str, find: Callable[[str], Item | None]) -> Item:
    name = _text(given, "id", at)
    found = find(name)
    if found is None:
        raise ApiError(
            404,
            f"There is no item “{name[:200]}”. Items are kept for a while, and only those of "
            "responses made without “store”: false.",
            param=f"{at}.id",
            code="item_not_found",
        )
    return found


def _text(given: Item, name: str, at: str) -> str:
    value = given.get(name)
    if value is None:
        raise missing(f"{at}.{name}")
    if not isinstance(value, str):
        raise invalid(f"“{at}.{name}” must be a text.", f"{at}.{name}")
    return value


def _list(value: Any, at: str) -> list[Item]:
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise invalid(f"“{at}” must be a list of objects.", at)
    return value


# --- each kind of item ------------------------------------------------------------------------


def _message(given: Item, at: str) -> Item:
    role = given.get("role")
    if role not in _ROLES:
        raise invalid(f"“{at}.role” must be one of {', '.join(_ROLES)}.", f"{at}.role")
    content = given.get("content")
    if isinstance(content, str):
        kind = "output_text" if role == "assistant" else "input_text"
        content = [{"type": kind, "text": content}]
    if content is None:
        raise missing(f"{at}.content")
    parts = _parts(content, f"{at}.content")
    return {"role": role, "status": "completed", "content": parts}


def _parts(content: Any, at: str) -> list[Item]:
    return [_part(each, f"{at}[{i}]") for i, each in enumerate(_list(content, at))]


def _part(given: Item, at: str) -> Item:
    kind = given.get("type")
    if kind in ("input_text", "text"):
        return {"type": "input_text", "text": _text(given, "text", at)}
    if kind == "output_text":
        return {"type": "output_text", "text": _text(given, "text", at), "annotations": []}
    if kind == "refusal":
        return {"type": "refusal", "refusal": _text(given, "refusal", at)}
    if kind == "input_image":
        return _image(given, at)
    if kind == "input_audio":
        return _audio(given, at)
    raise invalid(
        f"“{at}” is of the type {str(kind)[:100]!r}; a model here reads input_text, output_text, "
        "refusal, input_image and input_audio.",
        f"{at}.type",
        "unsupported",
    )


def _image(given: Item, at: str) -> Item:
    if given.get("file_id") is not None:
        raise invalid(
            "Files are not kept here: send the image itself as “image_url”.",
            f"{at}.file_id",
            "unsupported",
        )
    detail = given.get("detail") or "auto"
    if not isinstance(detail, str):
        raise invalid(f"“{at}.detail” must be a text.", f"{at}.detail")
    return {"type": "input_image", "image_url": _text(given, "image_url", at), "detail": detail}


def _audio(given: Item, at: str) -> Item:
    audio = given.get("input_audio")
    if not isinstance(audio, dict):
        raise invalid(f"“{at}.input_audio” must be an object.", f"{at}.input_audio")
    at = f"{at}.input_audio"
    sound = {"data": _text(audio, "data", at), "format": _text(audio, "format", at)}
    return {"type": "input_audio", "input_audio": sound}


def _function_call(given: Item, at: str) -> Item:
    names = ("call_id", "name", "arguments")
    return {**{name: _text(given, name, at) for name in names}, "status": "completed"}


def _function_call_output(given: Item, at: str) -> Item:
    output = given.get("output")
    if output is None:
        raise missing(f"{at}.output")
    if not isinstance(output, str):
        output = _parts(output, f"{at}.output")
    return {"call_id": _text(given, "call_id", at), "output": output, "status": "completed"}


def _reasoning(given: Item, at: str) -> Item:
    found: Item = {}
    for name, kind in (("summary", "summary_text"), ("content", "reasoning_text")):
        parts = _list(given.get(name) or [], f"{at}.{name}")
        found[name] = [
            {"type": kind, "text": _text(part, "text", f"{at}.{name}[{index}]")}
            for index, part in enumerate(parts)
        ]
    if not found["content"]:
        del found["content"]
    return found


_KINDS: dict[str, Callable[[Item, str], Item]] = {
    "message": _message,
    "function_call": _function_call,
    "function_call_output": _function_call_output,
    "reasoning": _reasoning,
}


# --- as chat messages -------------------------------------------------------------------------


def messages_of(items: Iterable[Item], instructions: str | None) -> list[dict[str, Any]]:
    """The conversation as chat messages.

    Instructions and the system messages at the beginning are one message: many templates take only
    one, and only there.

    Raises:
        ApiError: 400 for an output without its call, or a call without its output.
    """
    _check_calls(items := list(items))
    system = [instructions] if instructions else []
    while items and items[0].get("role") in ("system", "developer"):
        system.append(_plain(items.pop(0)["content"]))
    turns = _Turns()
    for item in items:
        turns.add(item)
    begin = [{"role": "system", "content": "\n\n".join(system)}] if system else []
    return [*begin, *turns.whole()]


def _check_calls(items: list[Item]) -> None:
    open_calls: set[str] = set()
    made: set[str] = set()
    for item in items:
        if item["type"] == "function_call":
            open_calls.add(item["call_id"])
            made.add(item["call_id"])
        elif item["type"] == "function_call_output":
            if item["call_id"] not in made:
                raise invalid(
                    f"No tool call found for function call output with call_id "
                    f"{item['call_id'][:200]}.",
                    "input",
                )
            open_calls.discard(item["call_id"])
    for call_id in sorted(open_calls):
        raise invalid(f"No tool output found for function call {call_id[:200]}.", "input")


def _plain(parts: list[Item]) -> str:
    return "".join(part.get("text") or part.get("refusal") or "" for part in parts)


def _chat_content(parts: list[Item]) -> str | list[dict[str, Any]]:
    """Parts as a chat message has them; a text alone is a text."""
    if all("image_url" not in part and "input_audio" not in part for part in parts):
        return _plain(parts)
    content: list[dict[str, Any]] = []
    for part in parts:
        if part["type"] == "input_image":
            image = {"url": part["image_url"], "detail": part["detail"]}
            content.append({"type": "image_url", "image_url": image})
        elif part["type"] == "input_audio":
            content.append({"type": "input_audio", "input_audio": part["input_audio"]})
        else:
            content.append({"type": "text", "text": part.get("text") or part.get("refusal") or ""})
    return content


class _Turns:
    """Puts items together to messages: what an assistant said in one go is one of them."""

    def __init__(self) -> None:
        self._messages: list[dict[str, Any]] = []
        self._said: dict[str, Any] = {}

    def add(self, item: Item) -> None:
        kind = item["type"]
        if kind == "reasoning":
            if "content" in self._said or "tool_calls" in self._said:
                self._end_turn()
            parts = item.get("content") or item.get("summary") or []
            thought = self._said.get("reasoning_content", "") + _plain(parts)
            if thought:
                self._said["reasoning_content"] = thought
        elif kind == "function_call":
            function = {"name": item["name"], "arguments": item["arguments"]}
            call = {"id": item["call_id"], "type": "function", "function": function}
            self._said.setdefault("tool_calls", []).append(call)
        elif kind == "function_call_output":
            self._end_turn()
            output = item["output"]
            content = output if isinstance(output, str) else _chat_content(output)
            said = {"role": "tool", "tool_call_id": item["call_id"], "content": content}
            self._messages.append(said)
        elif item["role"] == "assistant":
            if "content" in self._said:
                self._end_turn()
            self._said["content"] = _plain(item["content"])
        else:
            self._end_turn()
            role = "user" if item["role"] == "user" else "system"
            self._messages.append({"role": role, "content": _chat_content(item["content"])})

    def _end_turn(self) -> None:
        said, self._said = self._said, {}
        if "content" in said or "tool_calls" in said:  # a thought without a word is dropped
            self._messages.append({"role": "assistant", "content": None, **said})

    def whole(self) -> list[dict[str, Any]]:
        self._end_turn()
        return self._messages
