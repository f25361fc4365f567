"""What a key may do: which models and routes, how much, until when."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from desktop.core.errors import AppError, ErrorCode
from desktop.core.library.entry import ModelEntry

Overflow = Literal["error", "drop_oldest"]
Period = Literal["day", "month", "total"]
Unit = Literal["cost", "tokens"]
Limit = Annotated[int, Field(ge=1, le=10**12, strict=True)]

VERSION = "/v1"
ALL = "all"
MANAGE = "manage"
# Which paths belong to a route's name; the longest beginning counts. "manage" changes the library.
ROUTES: dict[str, tuple[str, ...]] = {
    "chat": ("/v1/chat/completions", "/v1/messages", "/api/chat"),
    "completions": ("/v1/completions", "/api/generate"),
    "responses": ("/v1/responses",),
    "embeddings": ("/v1/embeddings", "/api/embed", "/api/embeddings"),
    "rerank": ("/v1/rerank", "/v1/reranking"),
    "audio": ("/v1/audio",),
    "tokens": (
        "/v1/messages/count_tokens",
        "/v1/chat/completions/input_tokens",
        "/v1/responses/input_tokens",
        "/v1/tokenize",
        "/v1/detokenize",
        "/v1/apply-template",
    ),
    "models": ("/v1/models", "/api/tags", "/api/show", "/api/ps", "/api/version"),
    "metrics": ("/metrics",),
    MANAGE: ("/api/pull", "/api/push", "/api/delete", "/api/copy", "/api/create", "/api/blobs"),
}
_BEGINNINGS = sorted(
    ((path, name) for name, paths in ROUTES.items() for path in paths),
    key=lambda each: -len(each[0]),
)
_SPANS = {"m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}


@dataclass(frozen=True)
class Budget:
    """What a key's requests may cost.

    Attributes:
        amount: in the currency of the prices, or in tokens.
        unit: which of the two.
        warn_percent: of it; then a warning is given.
        stop: refuse requests once it is spent.
    """

    amount: Annotated[float, Field(gt=0, le=1e12, allow_inf_nan=False)]
    period: Period = "month"
    warn_percent: Annotated[float, Field(ge=1, le=100)] = 80.0
    stop: bool = True
    unit: Unit = "cost"

    __pydantic_config__ = ConfigDict(extra="forbid")


@dataclass(frozen=True)
class KeyPolicy:
    """What a key may do. Empty and None mean: no limit.

    Attributes:
        models: ids, aliases, repositories, or patterns of them with `*` and `?`.
        routes: names of `ROUTES`, or "all". "manage" must be named, it is part of nothing else.
        tokens_per_minute, tokens_per_day: of prompts and answers together; a day is one of this
            machine's calendar.
        concurrent: requests in progress, those that wait for the model included.
        expires: seconds since 1970.
        private_cache: what it sends is not found in the prompt cache by anybody.
        overflow: what becomes of a conversation that is longer than the context.
        exact_cache: exact repeats at temperature 0 may be answered from a table.
    """

    models: tuple[Annotated[str, Field(min_length=1, max_length=300)], ...] = ()
    routes: tuple[Annotated[str, Field(min_length=1, max_length=50)], ...] = ()
    requests_per_minute: Limit | None = None
    tokens_per_minute: Limit | None = None
    tokens_per_day: Limit | None = None
    concurrent: Limit | None = None
    expires: Annotated[float, Field(ge=0, le=253402300799)] | None = None
    private_cache: bool = False
    overflow: Overflow = "error"
    exact_cache: bool = False
    budget: Budget | None = None

    __pydantic_config__ = ConfigDict(extra="forbid")

    def __post_init__(self) -> None:
        unknown = [name for name in self.routes if name not in ROUTES and name != ALL]
        if unknown:
            known = ", ".join((ALL, *ROUTES))
            raise ValueError(f"There is no route “{unknown[0]}”; there are {known}")

    @property
    def limited(self) -> bool:
        """Whether requests or tokens are counted against a limit."""
        return any((self.requests_per_minute, self.tokens_per_minute, self.tokens_per_day))

    def expired(self, now: float | None = None) -> bool:
        return self.expires is not None and self.expires <= (time.time() if now is None else now)

    def allows_model(self, entry: ModelEntry) -> bool:
        """Whether a model of the library may be used."""
        return not self.models or self.allows_name(_names(entry))

    def allows_name(self, names: Iterable[str]) -> bool:
        """Whether one of a model's names is among those that are allowed."""
        patterns = [pattern.lower() for pattern in self.models]
        return not patterns or any(
            fnmatchcase(name.lower(), pattern) for name in names for pattern in patterns
        )

    def allows_route(self, path: str) -> bool:
        """Whether a path of the public face may be called."""
        route = route_of(path)
        if route == MANAGE:
            return MANAGE in self.routes
        return not self.routes or ALL in self.routes or route in self.routes

    def changed(self, changes: Mapping[str, Any]) -> KeyPolicy:
        """With these fields otherwise; None takes a limit away.

        Raises:
            AppError: SETTING_INVALID.
        """
        return policy_of({**self.to_dict(), **changes})

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "models": list(self.models), "routes": list(self.routes)}


EVERYTHING = KeyPolicy()
_ADAPTER: TypeAdapter[KeyPolicy] = TypeAdapter(KeyPolicy)


def policy_of(values: Mapping[str, Any]) -> KeyPolicy:
    """A policy out of JSON; fields that are None are left at their defaults.

    Raises:
        AppError: SETTING_INVALID.
    """
    given = {name: value for name, value in values.items() if value is not None}
    try:
        return _ADAPTER.validate_python(given)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"]) or "routes"
        reason = str(first["msg"]).removeprefix("Value error, ").rstrip(".")
        raise AppError(
            ErrorCode.SETTING_INVALID,
            name=name,
            value=repr(given.get(name, first.get("input")))[:200],
            reason=f"{reason}.",
        ) from error


def route_of(path: str) -> str | None:
    """The name in `ROUTES` of a path of the public face, which may lack its /v1."""
    for beginning, name in _BEGINNINGS:
        for whole in (path, VERSION + path):
            if whole == beginning or whole.startswith(f"{beginning}/"):
                return name
    return None


def expiry_of(text: str, now: float | None = None) -> float:
    """When a key ends that a person gave a span ("30d", "12h") or a last day ("2027-01-31").

    Returns: seconds since 1970; of a day its end by this machine's clock.

    Raises:
        ValueError: neither of them, or over already.
    """
    now = time.time() if now is None else now
    span = re.fullmatch(r"([1-9][0-9]{0,5})([mhdw])", text.strip().lower())
    if span is not None:
        return now + int(span[1]) * _SPANS[span[2]]
    try:
        end = (datetime.strptime(text.strip(), "%Y-%m-%d") + timedelta(days=1)).timestamp()
    except (ValueError, OverflowError, OSError):
        raise ValueError(f"“{text}” is neither a span like 30d nor a day like 2027-01-31") from None
    if end <= now:
        raise ValueError(f"{text} is over")
    return end


def _names(entry: ModelEntry) -> list[str]:
    names = [entry.id, *entry.aliases]
    if entry.variant:
        return [*names, entry.variant]
    names.append(entry.path.name)
    if entry.repo:
        names.append(entry.repo)
        if entry.summary is not None and entry.summary.quant_type:
            names.append(f"{entry.repo}:{entry.summary.quant_type}")
    return names
