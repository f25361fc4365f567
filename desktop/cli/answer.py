"""One streamed answer: printed as it comes, measured, and told how it ended."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from desktop.cli.background import Background
from desktop.cli.output import Output
from desktop.core.client.client import Client
from desktop.core.events import CancelToken

Json = dict[str, Any]


@dataclass
class Answer:
    """What came back. Rates come from the engine's own clock, `ttft_seconds` from ours."""

    model: str
    text: str = ""
    reasoning: str = ""
    usage: Json = field(default_factory=dict)
    ttft_seconds: float | None = None
    tokens_per_second: float | None = None
    finish_reason: str | None = None

    def to_dict(self) -> Json:
        document: Json = {"model": self.model, "answer": self.text}
        if self.reasoning:
            document["reasoning"] = self.reasoning
        return {
            **document,
            "usage": self.usage,
            "ttft_seconds": self.ttft_seconds,
            "tokens_per_second": self.tokens_per_second,
            "finish_reason": self.finish_reason,
        }

    def figures(self) -> str:
        """The measured figures as a person reads them."""
        parts = []
        if self.tokens_per_second is not None:
            parts.append(f"✓ {self.tokens_per_second:.1f} tok/s")
        if self.usage.get("completion_tokens") is not None:
            parts.append(f"{self.usage['completion_tokens']} tokens")
        if self.ttft_seconds is not None:
            parts.append(f"first after {self.ttft_seconds:.2f} s")
        return ", ".join(parts)


def ask(client: Client, body: Json, out: Output) -> Answer:
    """Send a chat and print its answer as it comes (not with --json).

    Ctrl-C stops the engine's work on it and is raised on.

    Raises:
        ChatFailed: the gateway's error.
    """
    answer, cancel = Answer(body["model"]), CancelToken()
    started = time.monotonic()

    def work(emit: Callable[[Any], None]) -> float:
        with closing(client.chat(body, cancel)) as chunks:  # type: ignore[type-var]
            for chunk in chunks:
                emit((time.monotonic(), chunk))
        return time.monotonic()

    first = 0.0
    try:
        stream = Background(work, "chat")  # in here: Ctrl-C may come before it has returned
        for arrived, chunk in stream:
            if _take(answer, chunk, out) and answer.ttft_seconds is None:
                first = arrived
                answer.ttft_seconds = round(arrived - started, 4)
        ended = stream.result
    except BaseException:  # Ctrl-C, or whoever read our output has gone
        cancel.cancel()
        raise
    _measure_here(answer, ended - first)
    if answer.text and not out.json:
        out.line()
    return answer


def _take(answer: Answer, chunk: Json, out: Output) -> bool:
    """Read one chunk; True when it holds a part of the answer."""
    found = False
    for choice in chunk.get("choices") or ():
        delta = choice.get("delta") or {}
        reasoning, text = delta.get("reasoning_content") or "", delta.get("content") or ""
        if reasoning:
            answer.reasoning += reasoning
            out.aside(reasoning)
        if text:
            if answer.reasoning and not answer.text:
                out.aside("\n\n")
            answer.text += text
            out.write(text)
        found = found or bool(reasoning or text)
        answer.finish_reason = choice.get("finish_reason") or answer.finish_reason
    if isinstance(chunk.get("usage"), dict):
        answer.usage = chunk["usage"]
    timings = chunk.get("timings")
    if isinstance(timings, dict) and timings.get("predicted_ms"):
        tokens = answer.usage.get("completion_tokens") or timings.get("predicted_n") or 0
        answer.tokens_per_second = round(tokens / (timings["predicted_ms"] / 1000), 2)
    return found


def _measure_here(answer: Answer, seconds: float) -> None:
    """Where the engine told no timings, our own clock has to do: n tokens have n-1 gaps."""
    tokens = answer.usage.get("completion_tokens") or 0
    if answer.tokens_per_second is None and tokens > 1 and seconds > 0:
        answer.tokens_per_second = round((tokens - 1) / seconds, 2)
