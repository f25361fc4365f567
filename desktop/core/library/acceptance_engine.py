"""What the checks of a new model ask its engine, and how they read what it says."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from desktop.core.errors import AppError
from desktop.core.gguf.words import clean

_REASON_LIMIT = 300


class Reply(NamedTuple):
    """An answer of the engine: the status, and the body where it is JSON."""

    status: int
    body: Any


class EngineGone(Exception):
    """The engine ended."""

    def __init__(self, error: AppError) -> None:
        self.error = error
        super().__init__(str(error))


class TimedOut(Exception):
    """There was no answer within so many `seconds`; the engine still works on it."""

    def __init__(self, seconds: float) -> None:
        self.seconds = round(seconds)
        super().__init__(f"no answer within {self.seconds} s")


class Engine(Protocol):
    """The engine that holds the model."""

    def ask(self, path: str, body: dict[str, Any] | None, timeout_seconds: float) -> Reply:
        """A GET, or a POST of `body`.

        Raises:
            EngineGone, TimedOut.
        """


@dataclass(frozen=True)
class Pace:
    """How fast answers are expected, in tokens per second; None where nothing is known."""

    prefill: float | None = None
    decode: float | None = None

    def seconds(self, prompt_tokens: int, new_tokens: int) -> float:
        """How long such a request may take."""
        reading = prompt_tokens / (self.prefill or _SLOW_PREFILL)
        writing = new_tokens / (self.decode or _SLOW_DECODE)
        return min(LEAST_SECONDS + SLACK * (reading + writing), MOST_SECONDS)


# The engine runs at the lowest priority and a prediction may be off; unknown is a slow machine.
SLACK = 4.0
LEAST_SECONDS = 30.0
MOST_SECONDS = 1800.0
_SLOW_PREFILL, _SLOW_DECODE = 10.0, 2.0


@dataclass(frozen=True)
class Answer:
    """A choice of a chat completion.

    Attributes:
        thoughts: what the engine took out of the answer as thinking.
        finish: "stop", "length" or "tool_calls".
    """

    text: str
    thoughts: str
    calls: list[dict[str, Any]]
    finish: str
    tokens: int


def mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def reason(reply: Reply) -> str:
    """The engine's own words for a refusal, as plain text."""
    text = mapping(mapping(reply.body).get("error")).get("message")
    return clean(text, _REASON_LIMIT) if isinstance(text, str) else f"status {reply.status}"


def kind_of_error(reply: Reply) -> str:
    return str(mapping(mapping(reply.body).get("error")).get("type") or "")


def prompt_of(reply: Reply) -> str | None:
    """What `/apply-template` rendered."""
    prompt = mapping(reply.body).get("prompt")
    return prompt if reply.status == 200 and isinstance(prompt, str) else None


def answer_of(reply: Reply) -> Answer | None:
    choices = mapping(reply.body).get("choices")
    if reply.status != 200 or not isinstance(choices, list) or not choices:
        return None
    choice = mapping(choices[0])
    message, usage = mapping(choice.get("message")), mapping(mapping(reply.body).get("usage"))
    calls = message.get("tool_calls")
    return Answer(
        str(message.get("content") or ""),
        str(message.get("reasoning_content") or ""),
        [each for each in calls if isinstance(each, dict)] if isinstance(calls, list) else [],
        str(choice.get("finish_reason") or ""),
        int(usage.get("completion_tokens") or 0),
    )


def vectors_of(reply: Reply) -> list[list[float]] | None:
    data = mapping(reply.body).get("data")
    if reply.status != 200 or not isinstance(data, list):
        return None
    found = [mapping(each).get("embedding") for each in data]
    # A value that is no number is written as null.
    return [
        [math.nan if number is None else float(number) for number in vector]
        for vector in found
        if isinstance(vector, list)
    ]
