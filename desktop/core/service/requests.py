"""The latest requests, for the window and `status`: figures only, never a prompt or an answer."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from desktop.core.service.streams import Usage


@dataclass
class RequestRecord:
    """One request. Times in seconds; `ttft_seconds` counts from its arrival to the first event."""

    route: str
    model: str | None = None
    key: str | None = None
    stream: bool = False
    arrived: float = field(default_factory=time.time)
    wait_seconds: float | None = None
    ttft_seconds: float | None = None
    total_seconds: float | None = None
    prompt_tokens: int | None = None
    cached_tokens: int | None = None
    completion_tokens: int | None = None
    prefill_seconds: float | None = None
    tokens_per_second: float | None = None
    finish_reason: str | None = None
    status: int = 200
    error: str | None = None

    def __post_init__(self) -> None:
        self._begun = time.monotonic()

    def elapsed(self) -> float:
        return time.monotonic() - self._begun

    def slot_granted(self) -> None:
        self.wait_seconds = self.elapsed()

    def first_event(self) -> None:
        if self.ttft_seconds is None:
            self.ttft_seconds = self.elapsed()

    def finish(self, usage: Usage | None, status: int = 200, error: str | None = None) -> None:
        self.total_seconds = self.elapsed()
        self.status, self.error = status, error
        if usage is None:
            return
        self.prompt_tokens = usage.prompt_tokens
        self.cached_tokens = usage.cached_tokens
        self.completion_tokens = usage.completion_tokens
        self.prefill_seconds = usage.prefill_seconds
        self.finish_reason = usage.finish_reason
        if usage.completion_tokens and usage.decode_seconds:
            self.tokens_per_second = usage.completion_tokens / usage.decode_seconds

    def to_dict(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name[0] != "_"}


class RequestLog:
    """A ring of the latest requests.

    Args:
        note: told of each as it ends.
    """

    def __init__(
        self,
        publish: Callable[[str, dict[str, Any]], None],
        size: int = 500,
        note: Callable[[RequestRecord], None] = lambda record: None,
    ) -> None:
        self._publish = publish
        self._note = note
        self._ring: deque[RequestRecord] = deque(maxlen=size)

    def add(self, record: RequestRecord) -> None:
        self._ring.append(record)
        self._note(record)
        self._publish("request.finished", record.to_dict())

    def latest(self, limit: int = 100) -> list[dict[str, Any]]:
        """The newest first."""
        return [record.to_dict() for record in list(self._ring)[: -limit - 1 : -1]]
