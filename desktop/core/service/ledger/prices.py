"""What a request cost: by this machine's electricity and hardware, or by a hosted model."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from desktop.core.errors import AppError, ErrorCode
from desktop.core.paths import resources
from desktop.core.service.requests import RequestRecord
from desktop.core.settings import PriceSettings

ANY_MODEL = "*"
_MILLION = 1_000_000
_JOULES_PER_KWH = 3_600_000


@dataclass(frozen=True)
class HostedPrice:
    """What a hosted model costs, for a million tokens of each kind."""

    into: float
    out: float
    cached: float

    def cost(self, prompt: float, cached: float, completion: float) -> float:
        """For so many tokens; `cached` of the prompt's were known before."""
        known = min(cached, prompt)
        return (
            (prompt - known) * self.into + known * self.cached + completion * self.out
        ) / _MILLION

    @classmethod
    def of(cls, figures: Sequence[float]) -> HostedPrice:
        """From (in, out) or (in, out, cached); without the third, cached tokens cost as others."""
        return cls(figures[0], figures[1], figures[2] if len(figures) > 2 else figures[0])


@dataclass(frozen=True)
class Prices:
    """The person's prices.

    Attributes:
        hosted: by model id, and under `ANY_MODEL` for all others.
    """

    settings: PriceSettings

    @property
    def own(self) -> bool:
        """Whether this machine's work has a price."""
        given = self.settings
        return bool(given.hardware_per_hour or (given.electricity_per_kwh and given.busy_watts))

    def hosted(self, model: str | None) -> HostedPrice | None:
        found = self.settings.hosted
        figures = found.get(model or "") or found.get(ANY_MODEL)
        return HostedPrice.of(figures) if figures else None

    def put_on(self, record: RequestRecord) -> None:
        """Write a request's costs into it; those without a price stay None."""
        given, busy = self.settings, record.busy_seconds or 0.0
        if self.own:
            joules = busy * given.busy_watts
            record.electricity_cost = joules / _JOULES_PER_KWH * given.electricity_per_kwh
            record.hardware_cost = busy / 3600 * given.hardware_per_hour
        price = self.hosted(record.model)
        if price is not None:
            record.hosted_cost = price.cost(
                record.prompt_tokens or 0, record.cached_tokens or 0, record.completion_tokens or 0
            )
        if given.count_as == "hosted" or not self.own:
            record.cost = record.hosted_cost
        else:
            record.cost = (record.electricity_cost or 0.0) + (record.hardware_cost or 0.0)

    def idle_cost_per_second(self) -> float:
        """What the machine costs while it waits."""
        given = self.settings
        return given.idle_watts / _JOULES_PER_KWH * given.electricity_per_kwh


@dataclass(frozen=True)
class KnownPrice:
    """A published price, as it was at a date."""

    name: str
    as_of: str
    currency: str
    price: HostedPrice

    def to_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "as_of": self.as_of,
            "currency": self.currency,
            "into": self.price.into,
            "out": self.price.out,
            "cached": self.price.cached,
        }


@cache
def known_prices() -> Mapping[str, KnownPrice]:
    """The published prices that ship with Paddock, by name."""
    found = json.loads((resources() / "known" / "hosted_prices.json").read_text("utf-8"))
    return {
        row["name"]: KnownPrice(
            row["name"],
            found["as_of"],
            found["currency"],
            HostedPrice(row["in"], row["out"], row["cached"]),
        )
        for row in found["prices"]
    }


def price_at(text: str, currency: str) -> KnownPrice:
    """What `--at` names: figures ("2.5,10" or "2.5,10,1.25") or a known model.

    Raises:
        AppError: BAD_REQUEST.
    """
    known = known_prices().get(text.strip().lower())
    if known is not None:
        return known
    try:
        figures = [float(part) for part in text.split(",")]
    except ValueError:
        figures = []
    if len(figures) not in (2, 3) or not all(0 <= each < _MILLION for each in figures):
        names = ", ".join(known_prices())
        raise AppError(
            ErrorCode.BAD_REQUEST,
            reason=f"“{text[:100]}” is no price. Give the price of a million tokens as IN,OUT or "
            f"IN,OUT,CACHED, or one of these models: {names}.",
        )
    return KnownPrice(text, "", currency, HostedPrice.of(figures))
