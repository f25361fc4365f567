"""An engine's answer as Anthropic's events, and those events as one message.

An answer is a list of blocks: thoughts, text, calls of tools. The engine's stream of OpenAI's
chunks says of each piece what it adds to; a block ends where the next one begins.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from desktop.core.service.anthropic.asking import Asked
from desktop.core.service.streams import Usage

Json = dict[str, Any]

_REASONS = {"stop": "end_turn", "tool_calls": "tool_use", "content_filter": "refusal"}
PING: Json = {"type": "ping"}


def event(data: Json) -> bytes:
    """One event of the stream."""
    return f"event: {data['type']}\ndata: {json.dumps(data)}\n\n".encode()


class Answer:
    """Makes events of an answer's chunks, in order.

    Args:
        model: the name the client called the model by.
        usage: gives the call's, as far as the engine has told it.
    """

    def __init__(self, asked: Asked, model: str, usage: Callable[[], Usage]) -> None:
        self._asked = asked
        self._model = model
        self._usage = usage
        self._started = False
        self._index = -1
        self._open: str | None = None  # the kind of the block that is being written
        self._call: Any = None  # which call of a tool it is
        self._thoughts: list[str] = []
        self._stop: Any = None
        self._finish: str | None = None

    def start(self) -> Iterator[Json]:
        """The first event; nothing where it has been."""
        if self._started:
            return
        self._started = True
        message: Json = {
            "id": f"msg_{secrets.token_hex(12)}",
            "type": "message",
            "role": "assistant",
            "model": self._model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": {**self._input(), "output_tokens": 0},
        }
        yield {"type": "message_start", "message": message}

    def feed(self, chunk: Json) -> Iterator[Json]:
        """What a chunk adds."""
        yield from self.start()
        self._read_end(chunk)
        for choice in chunk.get("choices") or ():
            delta = choice.get("delta") or {}
            self._finish = choice.get("finish_reason") or self._finish
            if thoughts := delta.get("reasoning_content"):
                yield from self._think(thoughts)
            if said := delta.get("content"):
                if self._open != "text":
                    yield from self._begin("text", {"type": "text", "text": ""})
                yield self._delta({"type": "text_delta", "text": said})
            for call in delta.get("tool_calls") or ():
                yield from self._use(call)

    def end(self) -> Iterator[Json]:
        """What closes an answer that is whole."""
        yield from self.start()
        yield from self._close()
        reason, sequence = self._reason()
        yield {
            "type": "message_delta",
            "delta": {"stop_reason": reason, "stop_sequence": sequence},
            "usage": {**self._input(), "output_tokens": self._usage().completion_tokens or 0},
        }
        yield {"type": "message_stop"}

    def _input(self) -> Json:
        """What was read; what the engine still had of it is told apart."""
        usage = self._usage()
        cached = usage.cached_tokens or 0
        return {
            "input_tokens": max(0, (usage.prompt_tokens or 0) - cached),
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": cached,
        }

    # --- blocks

    def _begin(self, kind: str, block: Json) -> Iterator[Json]:
        yield from self._close()
        self._index += 1
        self._open = kind
        yield {"type": "content_block_start", "index": self._index, "content_block": block}

    def _delta(self, delta: Json) -> Json:
        return {"type": "content_block_delta", "index": self._index, "delta": delta}

    def _close(self) -> Iterator[Json]:
        if self._open == "thinking":
            # Theirs is a seal; here it says no more than which thoughts these were.
            digest = hashlib.sha256("".join(self._thoughts).encode()).hexdigest()
            yield self._delta({"type": "signature_delta", "signature": digest})
            self._thoughts.clear()
        if self._open is not None:
            yield {"type": "content_block_stop", "index": self._index}
        self._open = self._call = None

    def _think(self, thoughts: str) -> Iterator[Json]:
        if not self._asked.thinking:
            return  # a client that did not ask reads the first block as the answer
        if self._open != "thinking":
            yield from self._begin(
                "thinking", {"type": "thinking", "thinking": "", "signature": ""}
            )
        self._thoughts.append(thoughts)
        if not self._asked.omitted:
            yield self._delta({"type": "thinking_delta", "thinking": thoughts})

    def _use(self, call: Json) -> Iterator[Json]:
        function, which = call.get("function") or {}, call.get("index", 0)
        if self._open != "tool_use" or self._call != which:
            block: Json = {
                "type": "tool_use",
                "id": call.get("id") or f"toolu_{secrets.token_hex(12)}",
                "name": function.get("name") or "",
                "input": {},
            }
            yield from self._begin("tool_use", block)
            self._call = which
        if arguments := function.get("arguments"):
            yield self._delta({"type": "input_json_delta", "partial_json": arguments})

    # --- the end

    def _read_end(self, chunk: Json) -> None:
        """Which stop sequence it was stands in the engine's own words about the answer."""
        told = chunk.get("__verbose")
        if isinstance(told, dict) and told.get("stop_type") == "word":
            self._stop = told.get("stopping_word")

    def _reason(self) -> tuple[str, str | None]:
        if self._finish == "length":
            written = self._usage().completion_tokens
            cut = written is None or written >= self._asked.most_tokens
            return ("max_tokens" if cut else "model_context_window_exceeded"), None
        if self._finish == "stop" and self._stop in self._asked.stops:
            return "stop_sequence", self._stop
        return _REASONS.get(self._finish or "stop", "end_turn"), None


def message_of(events: Iterable[Json]) -> Json:
    """The message that these events tell piece by piece."""
    message: Json = {}
    written: list[str] = []
    for each in events:
        kind = each["type"]
        if kind == "message_start":
            message = {**each["message"], "content": []}
        elif kind == "content_block_start":
            message["content"].append(dict(each["content_block"]))
            written = []
        elif kind == "content_block_delta":
            delta = each["delta"]
            if delta["type"] == "signature_delta":
                message["content"][-1]["signature"] = delta["signature"]
            else:
                written.append(delta[_PIECES[delta["type"]]])
        elif kind == "content_block_stop":
            _fill(message["content"][-1], "".join(written))
        elif kind == "message_delta":
            message |= each["delta"]
            message["usage"] = each["usage"]
    return message


_PIECES = {"text_delta": "text", "thinking_delta": "thinking", "input_json_delta": "partial_json"}


def _fill(block: Json, written: str) -> None:
    if block["type"] == "tool_use":
        block["input"] = _object(written)
    else:
        block[block["type"]] = written


def _object(written: str) -> Json:
    """A call's input; of one that was cut off in the middle nothing can be used."""
    try:
        found = json.loads(written or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
