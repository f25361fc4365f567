"""The engine's event stream: passed on unparsed where it can be, put together where it must be.

llama-server is always asked with `stream: true` and `include_usage`: only then does it notice a
client that left (SERVER.md). What the client did not ask for is taken out here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

_END = b"\n\n"
_DONE = b"data: [DONE]"


@dataclass
class Usage:
    """What is known of a generation when it has ended. Times in seconds, as the engine says.

    Attributes:
        received: events with a piece of the answer so far, of a token or more each.
    """

    prompt_tokens: int | None = None
    cached_tokens: int | None = None
    completion_tokens: int | None = None
    prefill_seconds: float | None = None
    decode_seconds: float | None = None
    finish_reason: str | None = None
    received: int = 0

    def count(self, events: bytes) -> None:
        """Note events that are passed on unread: all of them are pieces of an answer, but for the
        first one, which may only say who speaks."""
        begins = 0 if self.received else events.count(b'"content":null')
        self.received += max(0, events.count(_END) - begins)

    def read(self, chunk: dict[str, Any]) -> None:
        usage = chunk.get("usage")
        if isinstance(usage, dict):
            self.prompt_tokens = usage.get("prompt_tokens")
            self.completion_tokens = usage.get("completion_tokens")
            details = usage.get("prompt_tokens_details")
            if isinstance(details, dict):
                self.cached_tokens = details.get("cached_tokens")
        timings = chunk.get("timings")
        if isinstance(timings, dict):
            prompt_ms, predicted_ms = timings.get("prompt_ms"), timings.get("predicted_ms")
            self.prefill_seconds = prompt_ms / 1000 if prompt_ms is not None else None
            self.decode_seconds = predicted_ms / 1000 if predicted_ms is not None else None
        progress = chunk.get("prompt_progress")
        if isinstance(progress, dict):  # all that is known where the client leaves before the end
            self.prompt_tokens = progress.get("total")
            self.cached_tokens = progress.get("cache")
        for choice in chunk.get("choices") or ():
            self.finish_reason = choice.get("finish_reason") or self.finish_reason


def _plain(block: bytes) -> bool:
    """Whether nothing in it needs a look.

    Inside a JSON string a quote is escaped, so these marks cannot be part of an answer; "error"
    can, and costs no more than the look.
    """
    return not (
        b'"usage":{' in block
        or b'"finish_reason":"' in block
        or b'"prompt_progress":' in block
        or b'"timings":{' in block
        or b"error" in block
        or _DONE in block
    )


class StreamFilter:
    """Passes whole events on, minus those the client did not ask for.

    Only blocks that hold a progress report, the end of an answer or an error are looked into; all
    others go through as they came.
    """

    def __init__(self, client_wants_usage: bool) -> None:
        self._client_wants_usage = client_wants_usage
        self._rest = b""
        self.usage = Usage()
        self.finished = False
        self.error: bytes | None = None

    def feed(self, block: bytes) -> bytes:
        """The part of `block` that goes to the client now; an unfinished event is held back."""
        if self._rest:
            block = self._rest + block
            self._rest = b""
        if block[-2:] != _END:
            end = block.rfind(_END) + 2
            if end < 2:
                self._rest = block
                return b""
            block, self._rest = block[:end], block[end:]
        if _plain(block):
            self.usage.count(block)
            return block
        return b"".join(self._look(event) for event in block.split(_END) if event)

    def _look(self, event: bytes) -> bytes:
        if not _plain(event):
            return self._event(event)
        self.usage.count(event + _END)
        return event + _END

    def _event(self, event: bytes) -> bytes:
        if event == _DONE:
            self.finished = True
            return event + _END
        if not event.startswith(b"data: "):
            if event.startswith(b"error: "):
                self.error = event[7:]
                return b""
            return event + _END
        try:
            chunk = json.loads(event[6:])
        except ValueError:
            return event + _END
        if not isinstance(chunk, dict):
            return event + _END
        if "error" in chunk:
            self.error = event[6:]
            return b""
        self.usage.read(chunk)
        if "prompt_progress" in chunk:
            return b""
        if chunk.get("usage") is not None and not self._client_wants_usage:
            if not chunk.get("choices"):
                return b""
            del chunk["usage"]
            return b"data: " + json.dumps(chunk).encode() + _END
        return event + _END


def chunks_of(events: bytes) -> Iterator[dict[str, Any]]:
    """The JSON of whole events."""
    for event in events.split(_END):
        if event.startswith(b"data: ") and event != _DONE:
            yield json.loads(event[6:])


def deltas(events: bytes) -> Iterator[tuple[str, str]]:
    """What whole events of one chat answer add to its text and to its reasoning."""
    for chunk in chunks_of(events):
        for choice in chunk.get("choices") or ():
            delta = choice.get("delta") or {}
            text, reasoning = delta.get("content") or "", delta.get("reasoning_content") or ""
            if text or reasoning:
                yield text, reasoning


@dataclass
class _Choice:
    text: list[str] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    tool_calls: dict[int, dict[str, Any]] = field(default_factory=dict)
    logprobs: dict[str, list[Any]] = field(default_factory=dict)
    role: str = "assistant"
    finish_reason: str | None = None

    def add(self, part: dict[str, Any]) -> None:
        delta = part.get("delta")
        if isinstance(delta, dict):
            self.role = delta.get("role") or self.role
            self.text.append(delta.get("content") or "")
            self.reasoning.append(delta.get("reasoning_content") or "")
            for call in delta.get("tool_calls") or ():
                self._add_call(call)
        self.text.append(part.get("text") or "")
        for name, values in (part.get("logprobs") or {}).items():
            if isinstance(values, list):
                self.logprobs.setdefault(name, []).extend(values)
        self.finish_reason = part.get("finish_reason") or self.finish_reason

    def _add_call(self, call: dict[str, Any]) -> None:
        empty = {"id": "", "type": "function", "function": {"name": "", "arguments": ""}}
        whole = self.tool_calls.setdefault(int(call.get("index", 0)), empty)
        whole["id"] = call.get("id") or whole["id"]
        function = call.get("function") or {}
        whole["function"]["name"] += function.get("name") or ""
        whole["function"]["arguments"] += function.get("arguments") or ""


class Assembler:
    """Makes the plain reply of a chat or text completion from the engine's stream."""

    def __init__(self, chat: bool) -> None:
        self._chat = chat
        self._choices: dict[int, _Choice] = {}
        self._head: dict[str, Any] = {}
        self._tail: dict[str, Any] = {}

    def feed(self, events: bytes) -> None:
        for chunk in chunks_of(events):
            for name in ("id", "created", "model", "system_fingerprint"):
                if name in chunk:
                    self._head.setdefault(name, chunk[name])
            for name in ("usage", "timings"):
                if chunk.get(name) is not None:
                    self._tail[name] = chunk[name]
            for part in chunk.get("choices") or ():
                self._choices.setdefault(int(part.get("index", 0)), _Choice()).add(part)

    def reply(self) -> dict[str, Any]:
        kind = "chat.completion" if self._chat else "text_completion"
        choices = [self._finish(index, c) for index, c in sorted(self._choices.items())]
        return {"object": kind, **self._head, "choices": choices, **self._tail}

    def _finish(self, index: int, choice: _Choice) -> dict[str, Any]:
        text = "".join(choice.text)
        logprobs = choice.logprobs or None
        if not self._chat:
            return {
                "index": index,
                "text": text,
                "logprobs": logprobs,
                "finish_reason": choice.finish_reason,
            }
        message: dict[str, Any] = {"role": choice.role, "content": text, "refusal": None}
        reasoning = "".join(choice.reasoning)
        if reasoning:
            message["reasoning_content"] = reasoning
        if choice.tool_calls:
            message["content"] = text or None
            message["tool_calls"] = [call for _, call in sorted(choice.tool_calls.items())]
        return {
            "index": index,
            "message": message,
            "logprobs": logprobs,
            "finish_reason": choice.finish_reason,
        }
