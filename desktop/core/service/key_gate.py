"""Limits of keys: what may be asked, how often, how much, and how much at once.

Minutes are counted by the monotonic clock, so that a clock that is set does no harm; a day is one
of the calendar, and what was used of it is read from the ledger after a restart. Of tokens an
estimate is reserved when a request begins, and replaced by what it took when it ends.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from datetime import time as clock_time
from typing import Any

from desktop.core.db import Database
from desktop.core.service.api_errors import ApiError
from desktop.core.service.calls import Call, Caller
from desktop.core.service.key_policy import KeyPolicy, route_of
from desktop.core.service.keys import KeyStore
from desktop.core.service.requests import RequestRecord

MINUTE_SECONDS = 60.0
# What begins within one of these is counted as one; it leaves the minute with the last of them.
SLICE_SECONDS = 0.5
# How many bytes of text make a token, roughly; of English four letters, of Japanese one sign.
BYTES_A_TOKEN = 4
# What an answer is taken for before the key has had any.
USUAL_ANSWER_TOKENS = 64
# What a picture or a recording is taken for.
MEDIA_TOKENS = 500
# How long somebody waits whose turn depends on the end of other requests.
RUNNING_RETRY_SECONDS = 2.0
_DAYS_KEPT = 4


class Minute:
    """What was used within the last 60 seconds."""

    def __init__(self) -> None:
        self._slices: deque[list[float]] = deque()  # when it ended, how much
        self._total = 0.0

    def used(self, now: float) -> int:
        while self._slices and self._slices[0][0] + MINUTE_SECONDS <= now:
            self._total -= self._slices.popleft()[1]
        return max(0, round(self._total))

    def add(self, amount: float, now: float) -> None:
        end = (math.floor(now / SLICE_SECONDS) + 1) * SLICE_SECONDS
        if self._slices and self._slices[-1][0] == end:
            self._slices[-1][1] += amount
        else:
            self._slices.append([end, amount])
        self._total += amount

    def seconds_until(self, most: float, now: float) -> float:
        """Until no more than `most` of it is left; 0 where that is so already."""
        left: float = self.used(now)
        for end, amount in self._slices:
            if left <= most:
                return 0.0
            left -= amount
            if left <= most:
                return max(0.0, end + MINUTE_SECONDS - now)
        return 0.0


@dataclass
class Hold:
    """What a request in progress has reserved, and on which day."""

    key: str
    estimate: int
    day: date


@dataclass
class Use:
    """What a key has used, and what it has in progress."""

    requests: Minute = field(default_factory=Minute)
    tokens: Minute = field(default_factory=Minute)
    days: dict[date, int] = field(default_factory=dict)
    held: dict[date, int] = field(default_factory=dict)
    running: int = 0
    usual_tokens: float = USUAL_ANSWER_TOKENS

    @property
    def reserved(self) -> int:
        return sum(self.held.values())

    def day(self, today: date) -> int:
        return self.days.get(today, 0) + self.held.get(today, 0)

    def hold(self, key: str, estimate: int, today: date) -> Hold:
        self.held[today] = self.held.get(today, 0) + estimate
        return Hold(key, estimate, today)

    def settle(self, hold: Hold, tokens: int, now: float) -> None:
        """What a request really took."""
        left = self.held.get(hold.day, 0) - hold.estimate
        if left > 0:
            self.held[hold.day] = left
        else:
            self.held.pop(hold.day, None)
        if tokens > 0:
            self.tokens.add(tokens, now)
            self.days[hold.day] = self.days.get(hold.day, 0) + tokens
        # A clock that was set wrong for a while leaves a day of its own; the right one is kept.
        for old in sorted(self.days, key=lambda each: abs(each - hold.day))[_DAYS_KEPT:]:
            del self.days[old]


@dataclass(frozen=True)
class Standing:
    """One of a key's limits: how much of it is left, and when all of it is there again."""

    limit: int
    remaining: int
    reset_seconds: float


class KeyGate:
    """Lets the requests of a key through as its policy says.

    Args:
        clock: monotonic, in seconds.
        wall: seconds since 1970.
    """

    def __init__(
        self,
        keys: KeyStore,
        database: Database,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._keys = keys
        self._clock = clock
        self._wall = wall
        self._uses: dict[str, Use] = {}
        self._holds: dict[str, Hold] = {}
        self._read_today(database)

    def _read_today(self, database: Database) -> None:
        today = self._today()
        midnight = datetime.combine(today, clock_time()).timestamp()
        for key in self._keys.list():
            (row,) = database.query(
                "SELECT SUM(COALESCE(prompt_tokens, 0) + COALESCE(completion_tokens, 0)) AS tokens"
                " FROM ledger WHERE key = ? AND created >= ?",
                (key.name, max(midnight, key.created)),
            )
            if row["tokens"]:
                self._use(key.name).days[today] = int(row["tokens"])

    def _today(self) -> date:
        return datetime.fromtimestamp(self._wall()).date()

    def _use(self, name: str) -> Use:
        return self._uses.setdefault(name, Use())

    def forget(self, name: str) -> None:
        """A new key has the name of an old one: it has used nothing."""
        self._uses.pop(name, None)

    # --- the gate -----------------------------------------------------------------------------

    def admit(self, call: Call) -> AbstractAsyncContextManager[None]:
        """Raises ApiError 429 at once where one of the key's limits is reached."""
        name = call.caller.key
        if name is None or call.record.id in self._holds:  # one request, answered in several parts
            return contextlib.nullcontext()
        return self._admit(call, name)

    @contextlib.asynccontextmanager
    async def _admit(self, call: Call, name: str) -> AsyncGenerator[None]:
        policy, use = self._keys.policy(name), self._use(name)
        now, today = self._clock(), self._today()
        counted = policy.tokens_per_minute is not None or policy.tokens_per_day is not None
        estimate = _estimate(call, use) if counted else 0  # a long conversation takes a while
        self._check(name, policy, use, estimate)
        use.requests.add(1, now)
        use.running += 1
        self._holds[call.record.id] = use.hold(name, estimate, today)
        try:
            yield
        finally:
            use.running -= 1

    def _check(self, name: str, policy: KeyPolicy, use: Use, estimate: int) -> None:
        now = self._clock()
        if policy.concurrent is not None and use.running >= policy.concurrent:
            raise _refused(
                "requests",
                f"The key “{name}” may have {policy.concurrent} "
                f"{'request' if policy.concurrent == 1 else 'requests'} in progress at a time.",
                RUNNING_RETRY_SECONDS,
            )
        limit = policy.requests_per_minute
        if limit is not None and use.requests.used(now) >= limit:
            wait = use.requests.seconds_until(limit - 1, now)
            raise _refused(
                "requests", f"The key “{name}” may send {limit} requests a minute.", wait
            )
        limit = policy.tokens_per_day
        if limit is not None:
            used = use.day(self._today())
            if used and used + min(estimate, limit) > limit:
                raise _refused(
                    "tokens",
                    f"The key “{name}” may use {limit} tokens a day. {min(used, limit)} are used, "
                    f"and this request takes about {estimate}.",
                    self._until_midnight(),
                )
        limit = policy.tokens_per_minute
        if limit is not None:
            used = use.tokens.used(now) + use.reserved
            wanted = min(estimate, limit)
            if used and used + wanted > limit:
                wait = use.tokens.seconds_until(limit - wanted - use.reserved, now)
                raise _refused(
                    "tokens",
                    f"The key “{name}” may use {limit} tokens a minute. {min(used, limit)} are "
                    f"used, and this request takes about {estimate}.",
                    wait or RUNNING_RETRY_SECONDS,
                )

    def finished(self, record: RequestRecord) -> None:
        """A request has ended: count what it took."""
        hold = self._holds.pop(record.id, None)
        if hold is None:
            return
        use = self._use(hold.key)
        tokens = (record.prompt_tokens or 0) + (record.completion_tokens or 0)
        if record.prompt_tokens is None and record.ttft_seconds is not None:
            # It broke off after it had begun: what it took is not known, but not nothing.
            tokens = max(tokens, hold.estimate)
        if record.completion_tokens:
            use.usual_tokens = 0.7 * use.usual_tokens + 0.3 * record.completion_tokens
        use.settle(hold, tokens, self._clock())

    # --- what is left -------------------------------------------------------------------------

    def _until_midnight(self) -> float:
        now = self._wall()
        tomorrow = datetime.fromtimestamp(now).date() + timedelta(days=1)
        return max(1.0, datetime.combine(tomorrow, clock_time()).timestamp() - now)

    def _standings(self, policy: KeyPolicy, use: Use) -> dict[str, Standing]:
        now, found = self._clock(), {}
        if policy.requests_per_minute is not None:
            used = use.requests.used(now)
            found["requests"] = Standing(
                policy.requests_per_minute,
                max(0, policy.requests_per_minute - used),
                use.requests.seconds_until(0, now),
            )
        tokens = []
        if policy.tokens_per_minute is not None:
            used = use.tokens.used(now) + use.reserved
            reset = use.tokens.seconds_until(0, now)
            limit = policy.tokens_per_minute
            tokens.append(Standing(limit, max(0, limit - used), reset))
        if policy.tokens_per_day is not None:
            limit, used = policy.tokens_per_day, use.day(self._today())
            tokens.append(Standing(limit, max(0, limit - used), self._until_midnight()))
        if tokens:  # the one that ends first is told
            found["tokens"] = min(tokens, key=lambda each: each.remaining)
        return found

    def headers(self, caller: Caller) -> dict[str, str]:
        """OpenAI's `x-ratelimit-*` for an answer to a caller; none where nothing is limited."""
        if caller.key is None:
            return {}
        policy = self._keys.policy(caller.key)
        if not policy.limited:
            return {}
        told = {}
        for name, standing in self._standings(policy, self._use(caller.key)).items():
            told[f"x-ratelimit-limit-{name}"] = str(standing.limit)
            told[f"x-ratelimit-remaining-{name}"] = str(standing.remaining)
            told[f"x-ratelimit-reset-{name}"] = span(standing.reset_seconds)
        return told

    def standing(self, name: str) -> dict[str, int]:
        """What a key has used: within the last minute, today, and what it has in progress."""
        use, now = self._use(name), self._clock()
        return {
            "requests_last_minute": use.requests.used(now),
            "tokens_last_minute": use.tokens.used(now),
            "tokens_today": use.days.get(self._today(), 0),
            "concurrent": use.running,
        }


def span(seconds: float) -> str:
    """A time as OpenAI writes it: "120ms", "6.5s", "1m0s", "13h5m0s"."""
    if seconds < 1:
        return f"{round(seconds * 1000)}ms"
    if seconds < 60:
        return f"{math.ceil(seconds * 10) / 10:g}s"
    whole = math.ceil(seconds)
    hours, minutes = whole // 3600, whole // 60 % 60
    return f"{f'{hours}h' if hours else ''}{minutes}m{whole % 60}s"


def _refused(kind: str, message: str, seconds: float) -> ApiError:
    wait = max(1, math.ceil(seconds))
    return ApiError(
        429,
        f"{message} Try again in {span(wait)}.",
        error_type=kind,
        code="rate_limit_exceeded",
        retry_after_seconds=wait,
    )


def _estimate(call: Call, use: Use) -> int:
    """About how many tokens a request will take, its answer included."""
    body = call.body
    prompt = sum(
        _text_tokens(body[name])
        for name in ("messages", "prompt", "system", "input", "instructions", "tools", "documents")
        if name in body
    )
    if route_of(call.record.route) in ("embeddings", "rerank", "tokens", "audio"):
        return max(1, prompt)
    return max(1, prompt + _answer_tokens(body, use))


def _answer_tokens(body: dict[str, Any], use: Use) -> int:
    """Clients ask for far more than they get: what the key usually gets bounds what is reserved."""
    usual = max(1, round(use.usual_tokens))
    options = body.get("options")
    asked = next(
        (
            value
            for value in (
                body.get("max_completion_tokens"),
                body.get("max_tokens"),
                body.get("max_output_tokens"),
                body.get("n_predict"),
                options.get("num_predict") if isinstance(options, dict) else None,
            )
            if isinstance(value, int) and not isinstance(value, bool) and value >= 0
        ),
        None,
    )
    answers = body.get("n")
    count = answers if isinstance(answers, int) and 1 <= answers <= 64 else 1
    return count * (usual if asked is None else min(asked, 4 * usual))


def _text_tokens(value: Any) -> int:
    size = media = 0
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, str):
            if item.startswith("data:") and ";base64," in item[:200]:
                media += 1
            else:
                size += len(item) if item.isascii() else len(item.encode("utf-8", "replace"))
        elif isinstance(item, dict):
            for name, each in item.items():
                if name == "images" and isinstance(each, list):  # Ollama's, bare base64
                    media += len(each)
                elif name == "data" and isinstance(each, str):  # OpenAI's recordings, Anthropic's
                    media += 1
                else:
                    pending.append(each)
        elif isinstance(item, list):
            if item and all(isinstance(each, int) for each in item):
                size += BYTES_A_TOKEN * len(item)  # tokens already
            else:
                pending.extend(item)
    return size // BYTES_A_TOKEN + media * MEDIA_TOKENS
