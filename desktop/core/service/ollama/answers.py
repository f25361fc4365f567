"""An engine's answer as the lines of Ollama's API, one JSON object each."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from desktop.core.service.ollama.durations import nanoseconds, timestamp
from desktop.core.service.requests import RequestRecord
from desktop.core.service.streams import Usage

Json = dict[str, Any]


def line(data: Json) -> bytes:
    return json.dumps(data).encode() + b"\n"


class Answer:
    """Makes lines of an answer's chunks, in order.

    Args:
        model: the name the client called the model by.
        chat: an answer to /api/chat; else one to /api/generate.
    """

    def __init__(self, model: str, chat: bool) -> None:
        self._model = model
        self._chat = chat
        self._calls: dict[int, Json] = {}
        self._finish: str | None = None

    def feed(self, chunk: Json) -> Iterator[Json]:
        """What a chunk adds; a call of a tool is told when it is whole, as there."""
        for choice in chunk.get("choices") or ():
            self._finish = choice.get("finish_reason") or self._finish
            delta = choice.get("delta") or {"content": choice.get("text")}
            for call in delta.get("tool_calls") or ():
                self._add(call)
            said, thought = delta.get("content") or "", delta.get("reasoning_content") or ""
            logprobs = _logprobs(choice.get("logprobs"))
            if said or thought or logprobs:
                found = self.piece(said, thought)
                yield {**found, "logprobs": logprobs} if logprobs else found

    def end(self, usage: Usage, record: RequestRecord) -> Iterator[Json]:
        """The calls of tools, and the last line with the figures."""
        calls, broken = self._whole_calls()
        if broken:
            yield self.piece(broken)
        if calls:
            found = self.piece("")
            where = found["message"] if self._chat else found
            where["tool_calls"] = calls
            yield found
        yield self.last(_REASONS.get(self._finish or "stop", "stop"), figures(usage, record))

    def piece(self, said: str, thought: str = "") -> Json:
        """A line in the middle of the answer."""
        return {**self._head(said, thought), "done": False}

    def last(self, reason: str, more: Json | None = None) -> Json:
        return {**self._head("", ""), "done": True, "done_reason": reason, **(more or {})}

    def _head(self, said: str, thought: str) -> Json:
        head = {"model": self._model, "created_at": timestamp()}
        thinking = {"thinking": thought} if thought else {}
        if self._chat:
            return {**head, "message": {"role": "assistant", "content": said, **thinking}}
        return {**head, "response": said, **thinking}

    # --- calls of tools

    def _add(self, call: Json) -> None:
        whole = self._calls.setdefault(int(call.get("index", 0)), {"name": "", "arguments": ""})
        function = call.get("function") or {}
        whole["id"] = call.get("id") or whole.get("id") or ""
        for name in ("name", "arguments"):
            whole[name] += function.get(name) or ""

    def _whole_calls(self) -> tuple[list[Json], str]:
        """The calls with their arguments as objects, and the text of one that was cut off."""
        found, broken = [], ""
        for index, call in sorted(self._calls.items()):
            try:
                given = json.loads(call["arguments"] or "{}")
            except ValueError:
                broken += call["arguments"]
                continue
            function = {"index": index, "name": call["name"], "arguments": given}
            found.append({**({"id": call["id"]} if call["id"] else {}), "function": function})
        return found, broken


_REASONS = {"length": "length"}


def whole(lines: Iterable[Json]) -> Json:
    """One object for all lines of an answer."""
    texts: dict[str, list[str]] = {"content": [], "response": [], "thinking": []}
    calls: list[Json] = []
    logprobs: list[Json] = []
    last: Json = {}
    for last in lines:
        said = last.get("message", last)
        for name, pieces in texts.items():
            pieces.append(said.get(name) or "")
        calls += said.get("tool_calls") or ()
        logprobs += last.get("logprobs") or ()
    into = last.get("message", last)
    into |= {name: "".join(pieces) for name, pieces in texts.items() if name in into}
    if thought := "".join(texts["thinking"]):
        into["thinking"] = thought
    if calls:
        into["tool_calls"] = calls
    return {**last, **({"logprobs": logprobs} if logprobs else {})}


def figures(usage: Usage, record: RequestRecord) -> Json:
    """What an answer took; times in nanoseconds, loading with the wait for a slot."""
    return {
        "total_duration": nanoseconds(record.elapsed()),
        "load_duration": nanoseconds(record.wait_seconds),
        "prompt_eval_count": usage.prompt_tokens or 0,
        "prompt_eval_duration": nanoseconds(usage.prefill_seconds),
        "eval_count": usage.completion_tokens or 0,
        "eval_duration": nanoseconds(usage.decode_seconds),
    }


def _logprobs(found: Any) -> list[Json]:
    """Of a chat's chunk or of a text completion's."""
    if not isinstance(found, dict):
        return []
    if isinstance(found.get("content"), list):
        return [_token(each) for each in found["content"]]
    tokens, values = found.get("tokens") or (), found.get("token_logprobs") or ()
    tops: Sequence[Json] = found.get("top_logprobs") or [{}] * len(tokens)
    return [
        {
            "token": token,
            "logprob": value,
            "top_logprobs": [{"token": name, "logprob": one} for name, one in (top or {}).items()],
        }
        for token, value, top in zip(tokens, values, tops, strict=False)
    ]


def _token(each: Json) -> Json:
    kept = ("token", "logprob", "bytes")
    tops = [
        {name: top[name] for name in kept if name in top} for top in each.get("top_logprobs") or ()
    ]
    return {**{name: each[name] for name in kept if name in each}, "top_logprobs": tops}
