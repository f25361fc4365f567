"""Anthropic's messages as OpenAI's: blocks become texts, pictures, tool calls and their results."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from desktop.core.service.anthropic.checks import flag, invalid, items, mapping, required, text

Json = dict[str, Any]

_PICTURES = ("image/jpeg", "image/png", "image/gif", "image/webp")
# Claude Code's stamp at the head of a system prompt differs with each request, and would keep the
# engine from using what it has read before (github.com/ggml-org/llama.cpp/pull/21793).
_STAMP = re.compile(r"x-anthropic-billing-header:[^\n]*?\bcch=[^;\n]*;?[ \t]*\n?")


def messages_of(body: Json) -> list[Json]:
    """OpenAI's messages of a request's `system` and `messages`.

    Turns of one role that follow each other become one, as in Anthropic's API: many templates
    want them to alternate.

    Raises:
        ApiError: 400, naming the place.
    """
    system = _system(body.get("system"))
    turns: list[Json] = []
    for place, each in enumerate(items(required(body, "messages"), "messages")):
        where = f"messages.{place}"
        message = mapping(each, where)
        role = required(message, "role", where)
        content = required(message, "content", where)
        if role == "user":
            turns += _user(content, f"{where}.content")
        elif role == "assistant":
            turns.append(_assistant(content, f"{where}.content"))
        elif role == "system":
            said = _words(content, f"{where}.content")
            if turns:  # few templates take one in the midst of a conversation
                turns.append({"role": "user", "content": [_text_part(f"System: {said}")]})
            else:
                system.append(said)
        else:
            raise invalid(f"{where}.role", "It must be user, assistant or system.")
    if not turns:
        raise invalid("messages", "At least one message is required.")
    head = [{"role": "system", "content": "\n".join(system)}] if any(system) else []
    return [*head, *(_plain(turn) for turn in _joined(turns))]


def _system(value: Any) -> list[str]:
    if value is None:
        return []
    texts = [value] if isinstance(value, str) else [_words(value, "system")]
    return [_STAMP.sub("", each, count=1) if each.startswith("x-an") else each for each in texts]


def _words(content: Any, where: str) -> str:
    """The text of a content that may hold nothing else."""
    if isinstance(content, str):
        return content
    texts = []
    for place, each in enumerate(items(content, where)):
        block = mapping(each, f"{where}.{place}")
        if block.get("type") != "text":
            raise invalid(f"{where}.{place}.type", "Only text can stand here.")
        said = text(required(block, "text", f"{where}.{place}"), f"{where}.{place}.text")
        texts.append(_STAMP.sub("", said, count=1) if said.startswith("x-an") else said)
    return "\n".join(said for said in texts if said)


def _blocks(content: Any, where: str) -> Iterator[tuple[Json, str, str]]:
    """Each block of a content with its type and its place; a bare text is one of them."""
    if isinstance(content, str):
        yield {"type": "text", "text": content}, "text", where
        return
    for place, each in enumerate(items(content, where)):
        block = mapping(each, f"{where}.{place}")
        yield block, str(required(block, "type", f"{where}.{place}")), f"{where}.{place}"


# --- a person's turn


def _user(content: Any, where: str) -> list[Json]:
    """Results of tools come first: they answer the calls of the turn before."""
    results: list[Json] = []
    parts: list[Json] = []
    for block, kind, place in _blocks(content, where):
        if kind == "tool_result":
            results.append(_result(block, place))
        else:
            parts += _parts(block, kind, place)
    return [*results, *([{"role": "user", "content": parts}] if parts or not results else [])]


def _result(block: Json, where: str) -> Json:
    """What a tool said; OpenAI's messages have no mark for a failure, so that it is said."""
    call = text(required(block, "tool_use_id", where), f"{where}.tool_use_id")
    parts: list[Json] = []
    if block.get("content") is not None:
        for each, kind, place in _blocks(block["content"], f"{where}.content"):
            parts += _parts(each, kind, place)
    if flag(block.get("is_error", False), f"{where}.is_error"):
        parts.insert(0, _text_part("Error:"))
    return {"role": "tool", "tool_call_id": call, "content": parts}


def _parts(block: Json, kind: str, where: str) -> list[Json]:
    """A block that is read, as parts of OpenAI's content."""
    if kind == "text":
        said = text(required(block, "text", where), f"{where}.text")
        return [_text_part(said)] if said else []
    if kind == "image":
        return [_picture(mapping(required(block, "source", where), f"{where}.source"), where)]
    if kind == "document":
        return _document(block, where)
    if kind == "search_result":
        title, source = str(block.get("title") or ""), str(block.get("source") or "")
        found = _words(required(block, "content", where), f"{where}.content")
        return [_text_part("\n".join(line for line in (title, source, found) if line))]
    raise invalid(f"{where}.type", f"A block of the type “{kind[:60]}” cannot be used here.")


def _picture(source: Json, where: str) -> Json:
    kind = source.get("type")
    if kind == "base64":
        media = source.get("media_type")
        if media not in _PICTURES:
            raise invalid(f"{where}.source.media_type", f"Known are {', '.join(_PICTURES)}.")
        data = text(required(source, "data", f"{where}.source"), f"{where}.source.data")
        address = f"data:{media};base64,{data}"
    elif kind == "url":
        address = text(required(source, "url", f"{where}.source"), f"{where}.source.url")
    else:
        raise invalid(f"{where}.source.type", "A picture comes as base64 or as a url.")
    return {"type": "image_url", "image_url": {"url": address}}


def _document(block: Json, where: str) -> list[Json]:
    source = mapping(required(block, "source", where), f"{where}.source")
    kind = source.get("type")
    head = [str(block[name]) for name in ("title", "context") if block.get(name)]
    if kind == "text":
        said = text(required(source, "data", f"{where}.source"), f"{where}.source.data")
        return [_text_part("\n".join([*head, said]))]
    if kind == "content":
        parts = [_text_part("\n".join(head))] if head else []
        for each, inner, place in _blocks(source.get("content"), f"{where}.source.content"):
            if inner not in ("text", "image"):
                raise invalid(f"{place}.type", "A document holds texts and pictures.")
            parts += _parts(each, inner, place)
        return parts
    raise invalid(
        f"{where}.source.type",
        "Only documents that are plain text can be read here: send a PDF's text, or its pages as "
        "pictures.",
    )


# --- the model's turn


def _assistant(content: Any, where: str) -> Json:
    parts: list[Json] = []
    calls: list[Json] = []
    thoughts: list[str] = []
    for block, kind, place in _blocks(content, where):
        if kind == "thinking":
            thoughts.append(text(block.get("thinking", ""), f"{place}.thinking"))
        elif kind == "redacted_thinking":
            continue  # sealed by somebody else: nothing in it that a model here could read
        elif kind == "tool_use":
            calls.append(_call(block, place))
        elif kind == "text":
            parts += _parts(block, kind, place)
        else:
            raise invalid(f"{place}.type", f"An answer has no block of the type “{kind[:60]}”.")
    turn: Json = {"role": "assistant", "content": parts}
    if calls:
        turn["tool_calls"] = calls
    if any(thoughts):
        turn["reasoning_content"] = "".join(thoughts)
    return turn


def _call(block: Json, where: str) -> Json:
    given = mapping(block.get("input", {}), f"{where}.input")
    return {
        "id": text(required(block, "id", where), f"{where}.id"),
        "type": "function",
        "function": {
            "name": text(required(block, "name", where), f"{where}.name"),
            "arguments": json.dumps(given, ensure_ascii=False),
        },
    }


# --- putting together


def _text_part(said: str) -> Json:
    return {"type": "text", "text": said}


def _joined(turns: list[Json]) -> list[Json]:
    joined: list[Json] = []
    for turn in turns:
        before = joined[-1] if joined else {}
        if turn["role"] != before.get("role") or turn["role"] == "tool":
            joined.append(dict(turn))
            continue
        before["content"] = [*before["content"], *turn["content"]]
        if calls := [*before.get("tool_calls", ()), *turn.get("tool_calls", ())]:
            before["tool_calls"] = calls
        if thoughts := before.get("reasoning_content", "") + turn.get("reasoning_content", ""):
            before["reasoning_content"] = thoughts
    return joined


def _plain(turn: Json) -> Json:
    """A content of texts alone as one text, which every template takes."""
    parts: list[Json] = turn["content"]
    if any(part["type"] != "text" for part in parts):
        return turn
    # Between the pieces of one answer the model put nothing; a person's blocks are apart.
    between = "" if turn["role"] == "assistant" else "\n"
    return {**turn, "content": between.join(part["text"] for part in parts)}
