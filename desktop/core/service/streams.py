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
# Every chunk of llama-server begins so, and inside a text the quotes would be escaped.
_BEGIN = b'data: {"choices":'
_PIECE = b'data: {"choices":[{"finish_reason":null,'
_BEGIN_WITH_USAGE = b'data: {"usage":null,"choices":'
_HEAD = ("id", "object", "created", "model", "system_fingerprint")
_OWN = ("prompt_tokens", "completion_tokens", "total_tokens", "prompt_tokens_details")
# llama-server gives text completions the ids of chats.
_CHAT_ID, _TEXT_ID = b'"id":"chatcmpl-', b'"id":"cmpl-'


def event_of(chunk: dict[str, Any]) -> bytes:
    """A chunk as it is sent."""
    return b"data: " + json.dumps(chunk, separators=(",", ":")).encode() + _END


@dataclass
class Usage:
    """What is known of a generation when it has ended. Times in seconds, as the engine says.

    Attributes:
        received: events with a piece of the answer so far, of a token or more each.
        answers: how many are asked for with each prompt; each of them reports its own usage.
        prefill_seconds, decode_seconds: of a single answer; several share the engine's time.
    """

    prompt_tokens: int | None = None
    cached_tokens: int | None = None
    completion_tokens: int | None = None
    prefill_seconds: float | None = None
    decode_seconds: float | None = None
    finish_reason: str | None = None
    received: int = 0
    answers: int = 1

    def __post_init__(self) -> None:
        self._sums: dict[str, int] = {}
        self._others: dict[str, Any] = {}
        self._reports = 0

    def count(self, events: bytes) -> None:
        """Note events that are passed on unread: all of them are pieces of an answer, but for the
        first one, which may only say who speaks."""
        begins = 0 if self.received else events.count(b'"content":null')
        self.received += max(0, events.count(_END) - begins)

    def read(self, chunk: dict[str, Any]) -> None:
        usage = chunk.get("usage")
        if isinstance(usage, dict):
            self._add(usage)
        timings = chunk.get("timings")
        if isinstance(timings, dict):
            prompt_ms, predicted_ms = timings.get("prompt_ms"), timings.get("predicted_ms")
            self.prefill_seconds = prompt_ms / 1000 if prompt_ms is not None else None
            self.decode_seconds = predicted_ms / 1000 if predicted_ms is not None else None
        if self._reports > 1:
            self.prefill_seconds = self.decode_seconds = None
        progress = chunk.get("prompt_progress")
        if isinstance(progress, dict):  # all that is known where the client leaves before the end
            self.prompt_tokens = progress.get("total")
            self.cached_tokens = progress.get("cache")
        for choice in chunk.get("choices") or ():
            self.finish_reason = choice.get("finish_reason") or self.finish_reason
            if choice.get("finish_reason") is None and progress is None:
                self.received += 1  # a piece of the answer that looked like something else

    def _add(self, usage: dict[str, Any]) -> None:
        """One answer's usage: what was written counts for each, a prompt for all of its answers
        together."""
        self._reports += 1
        details = usage.get("prompt_tokens_details")
        found = {
            "prompt": usage.get("prompt_tokens"),
            "completion": usage.get("completion_tokens"),
            "cached": details.get("cached_tokens") if isinstance(details, dict) else None,
        }
        for name, value in found.items():
            if isinstance(value, int):
                self._sums[name] = self._sums.get(name, 0) + value
        self._others = {name: value for name, value in usage.items() if name not in _OWN}
        sums = self._sums
        self.completion_tokens = sums.get("completion")
        self.prompt_tokens, self.cached_tokens = (
            None if name not in sums else sums[name] // self.answers
            for name in ("prompt", "cached")
        )

    def to_openai(self) -> dict[str, Any]:
        prompt, completion = self.prompt_tokens or 0, self.completion_tokens or 0
        found: dict[str, Any] = {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
        }
        if self.cached_tokens is not None:
            found["prompt_tokens_details"] = {"cached_tokens": self.cached_tokens}
        return {**found, **self._others}


def _plain(block: bytes) -> bool:
    """Whether nothing in it needs a look.

    Inside a JSON string a quote is escaped, so these marks cannot be part of an answer; "error"
    can, and costs no more than the look.
    """
    return not (
        b'"usage"' in block
        or b'"finish_reason":"' in block
        or b'"finish_reason": "' in block
        or b'"prompt_progress"' in block
        or b'"timings"' in block
        or b"error" in block
        or _DONE in block
    )


class StreamFilter:
    """Passes whole events on, minus those the client did not ask for.

    Only blocks that hold a progress report, the end of an answer or an error are looked into; all
    others go through as they came. The usage of all answers is one chunk, the last one.

    Args:
        answers: how many are asked for with each prompt.
        parts: how many streams of the engine make this one, one after the other.
        chat: it is no text completion.

    Attributes:
        more_usage: further fields of the usage chunk.
        progress: how much of the prompt is read, from 0 to 1, as far as the engine said.
        ended: how many of the parts have.
    """

    def __init__(
        self, client_wants_usage: bool, *, answers: int = 1, parts: int = 1, chat: bool = True
    ) -> None:
        self._client_wants_usage = client_wants_usage
        self._chat = chat
        self._rest = b""
        self._parts = parts
        self.ended = 0
        self._head: dict[str, Any] = {}
        self._timings: dict[str, Any] = {}
        self.usage = Usage(answers=answers)
        self.more_usage: dict[str, Any] = {}
        self.progress: float | None = None
        self.finished = False
        self.error: bytes | None = None

    def feed(self, block: bytes) -> bytes:
        """The part of `block` that goes to the client now; an unfinished event is held back."""
        if (  # nearly all of a stream: one event with a piece of the answer
            self.usage.received
            and not self._rest
            and block.startswith(_PIECE)
            and block.find(_END) == len(block) - len(_END)
            and not (b'"usage"' in block or b'"timings"' in block or b'"prompt_progress"' in block)
        ):
            self.usage.received += 1
        else:
            block = self._events(block)
        if self._client_wants_usage:
            block = block.replace(_BEGIN, _BEGIN_WITH_USAGE)
        return block if self._chat else block.replace(_CHAT_ID, _TEXT_ID)

    def _events(self, block: bytes) -> bytes:
        if self._rest:
            block = self._rest + block
            self._rest = b""
        if not block.endswith(_END):
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
            return self._done()
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
            self._note_progress(chunk["prompt_progress"])
            return b""
        if chunk.get("usage") is None:
            return event + _END
        del chunk["usage"]
        self._head = {name: chunk[name] for name in _HEAD if name in chunk}
        if chunk.get("choices"):
            return event_of({"choices": chunk.pop("choices"), **chunk})
        self._timings = {name: chunk[name] for name in ("timings",) if name in chunk}
        return b""

    def _note_progress(self, progress: Any) -> None:
        if isinstance(progress, dict) and progress.get("total"):
            self.progress = float(progress.get("processed") or 0) / float(progress["total"])
            if self.usage.completion_tokens is None:  # known before the engine counts it up
                self.usage.prompt_tokens = int(progress["total"])
                self.usage.cached_tokens = int(progress.get("cache") or 0)

    def _done(self) -> bytes:
        self.ended += 1
        if self.ended < self._parts:
            return b""
        self.finished = True
        last = b""
        if self._client_wants_usage and self.usage.completion_tokens is not None:
            usage = {**self.usage.to_openai(), **self.more_usage}
            # Not with "choices" first: the mark of chunks whose usage is null.
            head = {"object": "chat.completion.chunk", **self._head}
            last = event_of({**head, "choices": [], "usage": usage, **self._timings})
        return last + _DONE + _END


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
    logprobs: dict[str, list[Any] | None] = field(default_factory=dict)
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
            known = self.logprobs.setdefault(name, None)
            if isinstance(values, list):
                self.logprobs[name] = [*(known or ()), *values]
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
