"""From a chat completion's chunks to a response: its items, and the events that tell of them."""

from __future__ import annotations

import json
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

from desktop.core.service.api_errors import ApiError
from desktop.core.service.openai.items import Item, new_id

Event = dict[str, Any]

# A chat completion's finish reason, and why a response is incomplete for it.
_INCOMPLETE = {"length": "max_output_tokens", "content_filter": "content_filter"}


def encoded(*events: Event) -> bytes:
    """Events as they are sent."""
    return b"".join(
        f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events
    )


class ResponseWriter:
    """Builds one response from the chunks of its answer.

    Items follow one another as the model says them: its reasoning, its text, its calls; when it
    thinks again after it spoke, that is an item of its own.

    Args:
        shown: the fields of the request that the response repeats.
        summary: reasoning is told as a summary (the whole of it), else as its text.
    """

    def __init__(
        self, model: str, shown: dict[str, Any], *, store: bool, summary: bool, logprobs: bool
    ) -> None:
        self._summary = summary
        self._logprobs = logprobs
        self._number = 0
        self._output: list[Item] = []
        self._open: _Open | None = None
        self._thoughts = 0
        self._usage: dict[str, Any] | None = None
        self._finish_reason: str | None = None
        self.body: dict[str, Any] = {
            "id": new_id("resp"),
            "object": "response",
            "created_at": int(time.time()),
            "status": "in_progress",
            "completed_at": None,
            "error": None,
            "incomplete_details": None,
            "model": model,
            "output": self._output,
            "store": store,
            "usage": None,
            **shown,
        }

    # --- the answer's course ------------------------------------------------------------------

    def begin(self) -> Iterator[Event]:
        yield self._event("response.created", response=dict(self.body, output=[]))
        yield self._event("response.in_progress", response=dict(self.body, output=[]))

    def feed(self, chunk: dict[str, Any]) -> Iterator[Event]:
        """What a chunk adds."""
        if isinstance(chunk.get("usage"), dict):
            self._usage = chunk["usage"]
        for choice in chunk.get("choices") or ():
            self._finish_reason = choice.get("finish_reason") or self._finish_reason
            delta = choice.get("delta") or {}
            if delta.get("reasoning_content"):
                self._thoughts += 1
                yield from self._continue(_Reasoning, self._summary)
                yield from self._add(delta["reasoning_content"])
            if delta.get("content"):
                yield from self._continue(_Message)
                yield from self._add(delta["content"], _logprobs(choice) if self._logprobs else [])
            for call in delta.get("tool_calls") or ():
                yield from self._continue(_Calls)
                assert isinstance(self._open, _Calls)
                yield from self._numbered(self._open.add_call(call))

    def end(self) -> Iterator[Event]:
        """The answer is whole, or as long as it may be. The last event holds all of it."""
        if self._open is None and not self._output:
            yield from self._continue(_Message)
        reason = _INCOMPLETE.get(self._finish_reason or "")
        yield from self._close("incomplete" if reason else "completed")
        self.body["usage"] = self._usage_shown()
        if reason:
            self.body |= {"status": "incomplete", "incomplete_details": {"reason": reason}}
        else:
            self.body |= {"status": "completed", "completed_at": int(time.time())}
        yield self._event(f"response.{self.body['status']}", response=self.body)

    def problem(self, error: ApiError) -> bytes:
        """The last block of an answer that broke off, or that could not be begun."""
        first = () if self._number else self.begin()
        return encoded(*first, *self.fail(error))

    def fail(self, error: ApiError) -> Iterator[Event]:
        """What was open ends as it is; then why, and the response as far as it came."""
        yield from self._close("incomplete")
        self.body |= {
            "status": "failed",
            "error": {"code": _failure(error), "message": error.message},
        }
        about = {"code": error.code, "message": error.message, "param": error.param}
        yield self._event("error", **about)
        yield self._event("response.failed", response=self.body)

    # --- items --------------------------------------------------------------------------------

    def _continue(self, kind: type[_Open], *how: bool) -> Iterator[Event]:
        if isinstance(self._open, kind):
            return
        yield from self._close("completed")
        self._open = kind(self._output, *how)
        yield from self._numbered(self._open.begin())

    def _add(self, text: str, logprobs: list[Any] | None = None) -> Iterator[Event]:
        assert isinstance(self._open, _Text)
        yield from self._numbered(self._open.add(text, logprobs))

    def _close(self, status: str) -> Iterator[Event]:
        done, self._open = self._open, None
        if done is not None:
            yield from self._numbered(done.end(status))

    def _numbered(self, events: Iterator[Event]) -> Iterator[Event]:
        for event in events:
            yield self._event(**event)

    def _event(self, type: str, **about: Any) -> Event:
        self._number += 1
        return {"type": type, "sequence_number": self._number - 1, **about}

    def _usage_shown(self) -> dict[str, Any] | None:
        """The engine counts no reasoning by itself: it sends a token at a time, so that what came
        as reasoning can be counted."""
        usage = self._usage
        if usage is None:
            return None
        asked, said = usage.get("prompt_tokens") or 0, usage.get("completion_tokens") or 0
        asked_details = usage.get("prompt_tokens_details") or {}
        said_details = usage.get("completion_tokens_details") or {}
        thought = said_details.get("reasoning_tokens")
        dropped = usage.get("dropped_messages")
        return {
            **({} if dropped is None else {"dropped_messages": dropped}),
            "input_tokens": asked,
            "input_tokens_details": {
                "cached_tokens": asked_details.get("cached_tokens") or 0,
                "cache_write_tokens": 0,
            },
            "output_tokens": said,
            "output_tokens_details": {
                "reasoning_tokens": min(said, self._thoughts) if thought is None else thought
            },
            "total_tokens": asked + said,
        }


def _failure(error: ApiError) -> str:
    if error.status == 429:
        return "rate_limit_exceeded"
    return "invalid_prompt" if error.status < 500 else "server_error"


def _logprobs(choice: dict[str, Any]) -> list[Any]:
    found = choice.get("logprobs")
    content = found.get("content") if isinstance(found, dict) else None
    if not isinstance(content, list):
        return []
    return [{**each, "top_logprobs": each.get("top_logprobs") or []} for each in content]


class _Open(ABC):
    """An item, or several calls, that the model is saying."""

    def __init__(self, output: list[Item]) -> None:
        self._output = output
        self._at = len(output)

    @abstractmethod
    def begin(self) -> Iterator[Event]: ...

    @abstractmethod
    def end(self, status: str) -> Iterator[Event]: ...


def _item_event(type: str, at: int, item: Item) -> Event:
    return {"type": type, "output_index": at, "item": _copy(item)}


def _copy(item: Item) -> Item:
    """The item as it is now: its lists and parts change while it is said."""
    copy: Item = json.loads(json.dumps(item))
    return copy


class _Text(_Open):
    """An item that holds one text; what differs is said by the subclasses."""

    prefix = ""
    part_event = "response.content_part"
    index_name = "content_index"

    def __init__(self, output: list[Item]) -> None:
        super().__init__(output)
        self._text: list[str] = []
        self._item: Item = {"id": new_id(self.prefix)}

    def _where(self) -> dict[str, Any]:
        return {"item_id": self._item["id"], "output_index": self._at, self.index_name: 0}

    @abstractmethod
    def _part(self) -> dict[str, Any]: ...

    @abstractmethod
    def _parts(self) -> list[dict[str, Any]]: ...

    @abstractmethod
    def _delta(self, logprobs: list[Any]) -> Event: ...

    def begin(self) -> Iterator[Event]:
        self._output.append(self._item)
        yield _item_event("response.output_item.added", self._at, self._item)
        yield {"type": f"{self.part_event}.added", **self._where(), "part": self._part()}

    def add(self, text: str, logprobs: list[Any] | None) -> Iterator[Event]:
        self._text.append(text)
        delta = self._delta(logprobs or [])
        yield {"type": f"{delta.pop('type')}.delta", **self._where(), "delta": text, **delta}

    def end(self, status: str) -> Iterator[Event]:
        done = self._delta(self._all_logprobs())
        text = "".join(self._text)
        yield {"type": f"{done.pop('type')}.done", **self._where(), "text": text, **done}
        part = self._part()
        yield {"type": f"{self.part_event}.done", **self._where(), "part": part}
        self._parts().append(part)
        self._item["status"] = status
        yield _item_event("response.output_item.done", self._at, self._item)

    def _all_logprobs(self) -> list[Any]:
        return []


class _Message(_Text):
    prefix = "msg"

    def __init__(self, output: list[Item]) -> None:
        super().__init__(output)
        self._logprobs: list[Any] = []
        about = {"type": "message", "role": "assistant", "status": "in_progress", "content": []}
        self._item.update(about)

    def _part(self) -> dict[str, Any]:
        text = "".join(self._text)
        logprobs = list(self._logprobs)
        return {"type": "output_text", "text": text, "annotations": [], "logprobs": logprobs}

    def _parts(self) -> list[dict[str, Any]]:
        parts: list[dict[str, Any]] = self._item["content"]
        return parts

    def add(self, text: str, logprobs: list[Any] | None) -> Iterator[Event]:
        self._logprobs.extend(logprobs or [])
        yield from super().add(text, logprobs)

    def _all_logprobs(self) -> list[Any]:
        return list(self._logprobs)

    def _delta(self, logprobs: list[Any]) -> Event:
        return {"type": "response.output_text", "logprobs": logprobs}


class _Reasoning(_Text):
    prefix = "rs"

    def __init__(self, output: list[Item], summary: bool) -> None:
        super().__init__(output)
        self._summary = summary
        self._item.update({"type": "reasoning", "summary": [], "status": "in_progress"})
        if summary:
            self.part_event = "response.reasoning_summary_part"
            self.index_name = "summary_index"
        else:
            self._item["content"] = []

    def _part(self) -> dict[str, Any]:
        kind = "summary_text" if self._summary else "reasoning_text"
        return {"type": kind, "text": "".join(self._text)}

    def _parts(self) -> list[dict[str, Any]]:
        parts: list[dict[str, Any]] = self._item["summary" if self._summary else "content"]
        return parts

    def _delta(self, logprobs: list[Any]) -> Event:
        kind = "reasoning_summary_text" if self._summary else "reasoning_text"
        return {"type": f"response.{kind}"}


class _Calls(_Open):
    """All calls of one go. They end together: an engine may go on with any of them."""

    def __init__(self, output: list[Item]) -> None:
        super().__init__(output)
        self._calls: dict[int, tuple[int, Item]] = {}

    def begin(self) -> Iterator[Event]:
        yield from ()

    def add_call(self, delta: dict[str, Any]) -> Iterator[Event]:
        function = delta.get("function") or {}
        index = int(delta.get("index") or 0)
        if index not in self._calls:
            item = {
                "id": new_id("fc"),
                "type": "function_call",
                "status": "in_progress",
                "call_id": delta.get("id") or new_id("call"),
                "name": function.get("name") or "",
                "arguments": "",
            }
            self._calls[index] = len(self._output), item
            self._output.append(item)
            yield _item_event("response.output_item.added", self._calls[index][0], item)
        at, item = self._calls[index]
        arguments = function.get("arguments")
        if arguments:
            item["arguments"] += arguments
            where = {"item_id": item["id"], "output_index": at}
            event = "response.function_call_arguments.delta"
            yield {"type": event, **where, "delta": arguments}

    def end(self, status: str) -> Iterator[Event]:
        for at, item in self._calls.values():
            item["status"] = status
            yield {
                "type": "response.function_call_arguments.done",
                "item_id": item["id"],
                "output_index": at,
                "name": item["name"],
                "arguments": item["arguments"],
            }
            yield _item_event("response.output_item.done", at, item)
