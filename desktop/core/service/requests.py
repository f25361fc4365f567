"""The latest requests, for the window and `status`: figures only, never a prompt or an answer."""

from __future__ import annotations

import logging
import secrets
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from desktop.core.service.streams import Usage

log = logging.getLogger(__name__)

# How much of a request and of its answer is kept where the person wants them kept.
TEXT_CHARS = 1 << 20


def new_id() -> str:
    """An id that nobody can guess: whoever knows it was told it."""
    return f"req_{secrets.token_hex(12)}"


def api_of(route: str) -> str:
    """Whose API a route is: "openai", "anthropic", "ollama", or "chat" for our own window."""
    if route.startswith("/v1/messages"):
        return "anthropic"
    if route.startswith("/api/"):
        return "ollama"
    return "openai" if route.startswith("/") else "chat"


class BusyMeter:
    """Shares the machine's time between the answers in progress: of two at once each gets half.

    The shares of all answers add up to the time in which there was at least one.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._running = 0
        self._each = 0.0  # what an answer that ran from the beginning would have got
        self._since = clock()

    def _advance(self) -> None:
        now = self._clock()
        if self._running:
            self._each += (now - self._since) / self._running
        self._since = now

    def enter(self) -> float:
        """An answer begins; returns what `leave` wants."""
        self._advance()
        self._running += 1
        return self._each

    def leave(self, entered: float) -> float:
        """It has ended; returns its share in seconds."""
        self._advance()
        self._running -= 1
        return self._each - entered


@dataclass
class Texts:
    """What was asked and answered, kept only where the person switched that on."""

    request: str = ""
    blocks: list[bytes] = field(default_factory=list)
    size: int = 0

    def add(self, block: bytes) -> None:
        """A block of the answer's events; what comes after the bound is left out."""
        if self.size < TEXT_CHARS:
            self.blocks.append(block)
            self.size += len(block)


@dataclass
class RequestRecord:
    """One request. Times in seconds; `ttft_seconds` counts from its arrival to the first event.

    Attributes:
        id: told to the client as `x-request-id`.
        client_id: what the client called it; nobody vouches for it.
        api: whose shape it came in: "openai", "anthropic", "ollama", "chat".
        key: the name of its key.
        fingerprint: of the model's content.
        engine: the build that answered.
        arrived: by the wall clock, in seconds since 1970.
        tpot_seconds: from one token to the next, as the client saw it.
        busy_seconds: its share of the time in which the machine answered.
        completion_tokens: of an answer that broke off: at least what the client received.
        cached_answer: it was the repeat of an earlier one, and no model was asked.
        cost: by the person's own prices, or what a hosted model would have cost; None without
            prices.
        hosted_cost: what the hosted model it replaces would have cost.
    """

    route: str
    model: str | None = None
    key: str | None = None
    stream: bool = False
    id: str = field(default_factory=new_id)
    client_id: str | None = None
    api: str = ""
    fingerprint: str | None = None
    engine: str | None = None
    arrived: float = field(default_factory=time.time)
    wait_seconds: float | None = None
    ttft_seconds: float | None = None
    tpot_seconds: float | None = None
    total_seconds: float | None = None
    busy_seconds: float | None = None
    prompt_tokens: int | None = None
    cached_tokens: int | None = None
    completion_tokens: int | None = None
    prefill_seconds: float | None = None
    decode_seconds: float | None = None
    tokens_per_second: float | None = None
    finish_reason: str | None = None
    status: int = 200
    error: str | None = None
    error_code: str | None = None
    cached_answer: bool = False
    electricity_cost: float | None = None
    hardware_cost: float | None = None
    hosted_cost: float | None = None
    cost: float | None = None

    def __post_init__(self) -> None:
        self._begun = time.monotonic()
        self._meter: BusyMeter | None = None
        self._entered: float | None = None
        self._texts: Texts | None = None
        self.api = self.api or api_of(self.route)

    @property
    def texts(self) -> Texts | None:
        """What was asked and answered, where that is kept; figures alone are told to others."""
        return self._texts

    def watch(self, meter: BusyMeter, texts: Texts | None) -> None:
        """What to measure its time with, and where to keep its texts."""
        self._meter, self._texts = meter, texts

    def elapsed(self) -> float:
        return time.monotonic() - self._begun

    def slot_granted(self, engine: str | None = None) -> None:
        self.wait_seconds = self.elapsed()
        self.engine = engine or self.engine
        if self._meter is not None and self._entered is None:
            self._entered = self._meter.enter()

    def first_event(self) -> None:
        if self.ttft_seconds is None:
            self.ttft_seconds = self.elapsed()

    def finish(
        self,
        usage: Usage | None,
        status: int = 200,
        error: str | None = None,
        error_code: str | None = None,
    ) -> None:
        self.total_seconds = self.elapsed()
        self.status, self.error, self.error_code = status, error, error_code
        if self._meter is not None and self._entered is not None:
            self.busy_seconds = self._meter.leave(self._entered)
            self._meter = None
        if usage is None:
            return
        self.prompt_tokens = usage.prompt_tokens
        self.cached_tokens = usage.cached_tokens
        self.completion_tokens = usage.completion_tokens
        if (error is not None or self.completion_tokens is None) and usage.received:
            self.completion_tokens = max(usage.received, usage.completion_tokens or 0)
        self.prefill_seconds = usage.prefill_seconds
        self.decode_seconds = usage.decode_seconds
        self.finish_reason = usage.finish_reason
        if usage.completion_tokens and usage.decode_seconds:
            self.tokens_per_second = usage.completion_tokens / usage.decode_seconds
        if self.ttft_seconds is not None and (self.completion_tokens or 0) > 1:
            decoding = self.total_seconds - self.ttft_seconds
            self.tpot_seconds = decoding / ((self.completion_tokens or 0) - 1)

    def to_dict(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name[0] != "_"}


class RequestLog:
    """A ring of the latest requests.

    Args:
        listeners: each is told of every request as it ends, on the event loop.
        keep_texts: whether to keep what is asked and answered; asked when a request begins.
    """

    def __init__(
        self,
        publish: Callable[[str, dict[str, Any]], None],
        size: int = 500,
        listeners: Sequence[Callable[[RequestRecord], None]] = (),
        keep_texts: Callable[[], bool] = lambda: False,
    ) -> None:
        self._publish = publish
        self._listeners = listeners
        self._keep_texts = keep_texts
        self._ring: deque[RequestRecord] = deque(maxlen=size)
        self.meter = BusyMeter()

    def begin(self, record: RequestRecord) -> RequestRecord:
        """A request that has arrived over an API, or a turn of a conversation."""
        kept = self._keep_texts() and record.api != "chat"  # a conversation is stored anyway
        record.watch(self.meter, Texts() if kept else None)
        return record

    def add(self, record: RequestRecord) -> None:
        self._ring.append(record)
        for listener in self._listeners:
            try:
                listener(record)
            except Exception:  # no client's answer may fail for what is written down about it
                log.exception("a request was not taken note of")
        self._publish("request.finished", record.to_dict())

    def latest(self, limit: int = 100) -> list[dict[str, Any]]:
        """The newest first."""
        return [record.to_dict() for record in list(self._ring)[: -limit - 1 : -1]]
