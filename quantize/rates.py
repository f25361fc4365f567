"""How long quantizing and evaluating take: what earlier runs on this machine showed, else a guess.

Every figure says where it is from and how far off it may be: a rate that was learned is good to a
third, one that was measured on another machine to a factor of three.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from quantize.text import CHUNK_TOKENS

Source = Literal["measured", "calibrated", "seed_table"]
_ORDER: tuple[Source, ...] = ("measured", "calibrated", "seed_table")

# Half the width of a band, as a factor. Of one machine's own runs the slowest and the fastest were
# within a third of the middle; other machines differ more per core than in anything else.
_LEARNED, _SCALED, _FOREIGN = 1.35, 1.7, 3.0
# Reading a text to compare it also computes and compares the logits of half its tokens, which a
# benchmark of prefill does not.
_READING = 0.8
# Runs so short show how a tool starts rather than how fast it is.
_WORTH_SECONDS = 0.5


@dataclass(frozen=True)
class Figure:
    """A time or a rate with its band, and what it rests on."""

    value: float
    low: float
    high: float
    source: Source

    @classmethod
    def about(cls, value: float, factor: float, source: Source) -> Figure:
        return cls(value, value / factor, value * factor, source)

    def __add__(self, other: Figure) -> Figure:
        worst = max(self.source, other.source, key=_ORDER.index)
        return Figure(self.value + other.value, self.low + other.low, self.high + other.high, worst)

    def times(self, factor: float) -> Figure:
        return Figure(self.value * factor, self.low * factor, self.high * factor, self.source)

    def at_most(self, limit: float) -> Figure:
        return Figure(
            min(self.value, limit), min(self.low, limit), min(self.high, limit), self.source
        )

    def seconds_for(self, amount: float) -> Figure:
        """How long so much takes at this rate."""
        return Figure(amount / self.value, amount / self.high, amount / self.low, self.source)

    def to_dict(self) -> dict[str, Any]:
        return dict(vars(self))


_M = 1e6
# Weights per second and thread, measured here: F16 to each type with a matrix, of made-up llamas of
# 56 and 175 million weights, by two threads of an AMD EPYC with AVX-512.
PER_THREAD: Mapping[str, float] = {
    **{"F16": 278 * _M, "BF16": 232 * _M, "F32": 105 * _M, "Q8_0": 139 * _M, "MXFP4_MOE": 177 * _M},
    **{"Q1_0": 115 * _M, "Q2_0": 61 * _M, "Q4_0": 39 * _M, "Q5_0": 40 * _M, "Q4_1": 12 * _M},
    **{"Q5_1": 12 * _M, "TQ1_0": 78 * _M, "TQ2_0": 76 * _M},
    **{"Q2_K": 13 * _M, "Q2_K_S": 9.5 * _M, "Q3_K_S": 27 * _M, "Q3_K_M": 17 * _M},
    **{"Q3_K_L": 18 * _M, "Q4_K_S": 10.6 * _M, "Q4_K_M": 14 * _M, "Q5_K_S": 11 * _M},
    **{"Q5_K_M": 13.5 * _M, "Q6_K": 32 * _M, "IQ4_NL": 5.4 * _M, "IQ4_XS": 5 * _M},
    **{"IQ3_M": 3.9 * _M, "IQ3_S": 3.9 * _M, "IQ3_XS": 3.5 * _M, "IQ3_XXS": 2.6 * _M},
    **{"IQ2_M": 4 * _M, "IQ2_S": 2.4 * _M, "IQ2_XS": 2.3 * _M, "IQ2_XXS": 4.3 * _M},
    **{"IQ1_M": 3.6 * _M, "IQ1_S": 3.6 * _M},
}
NOTHING = Figure(0.0, 0.0, 0.0, "measured")


@dataclass(frozen=True)
class Rates:
    """What is known of a machine.

    Attributes:
        making: weights per second that are quantized, by type.
        reading: weights × tokens per second of a model that reads a text, by its type.
        expected: the same of any type, where nothing was read yet; None where nothing is known.
        threads: what the guess of a type that was never made here is multiplied by.
    """

    making: Mapping[str, Figure] = field(default_factory=dict)
    reading: Mapping[str, Figure] = field(default_factory=dict)
    expected: Figure | None = None
    threads: int = 1

    def of_making(self, name: str) -> Figure | None:
        """Weights per second; None for a type of which nothing is known."""
        if name in self.making:
            return self.making[name]
        guess = PER_THREAD.get(name)
        if guess is None:
            return None
        known = [(figure.value, PER_THREAD.get(each)) for each, figure in self.making.items()]
        ratios = [value / usual for value, usual in known if usual]
        if ratios:
            return Figure.about(guess * statistics.median(ratios), _SCALED, "calibrated")
        return Figure.about(guess * self.threads, _FOREIGN, "seed_table")

    def of_reading(self, name: str | None) -> Figure | None:
        """Weights × tokens per second of a model of this type."""
        if name is not None and name in self.reading:
            return self.reading[name]
        if self.reading:
            middle = statistics.median(each.value for each in self.reading.values())
            return Figure.about(middle, _SCALED, "calibrated")
        return self.expected

    def chunk_seconds(self, name: str | None, weights: int) -> Figure | None:
        """How long a model of so many weights and this type takes for a chunk of a text."""
        rate = self.of_reading(name)
        return None if rate is None else rate.seconds_for(weights * CHUNK_TOKENS)


def learned(results: Iterable[Mapping[str, Any]]) -> Rates:
    """What results of earlier jobs say, the newest first; figures they lack are passed over."""
    making: dict[str, list[float]] = defaultdict(list)
    reading: dict[str, list[float]] = defaultdict(list)
    for result in results:
        files = list(result.get("outputs") or ())
        for each in files:
            plain = not each.get("foreign") and each.get("label") == each.get("quant_type")
            weights, seconds = _weights(each), each.get("seconds")
            if plain and weights and seconds and seconds >= _WORTH_SECONDS:
                making[str(each["quant_type"])].append(weights / seconds)
        base = result.get("base")
        for each in [*([{**base, "quant_type": base.get("label")}] if base else ()), *files]:
            weights, speed = _weights(each), each.get("prefill_tokens_per_second")
            if weights and speed and each.get("quant_type"):
                reading[str(each["quant_type"])].append(weights * speed * _READING)
    return Rates(
        {name: _middle(values) for name, values in making.items()},
        {name: _middle(values) for name, values in reading.items()},
    )


def expected(tokens_per_second: tuple[float, float, float], weights: int) -> Figure:
    """`Rates.expected` of a prefill speed that is predicted for a model: value, low and high."""
    value, low, high = (each * weights * _READING for each in tokens_per_second)
    return Figure(value, low, high, "calibrated")


def _weights(file: Mapping[str, Any]) -> float | None:
    size, bits = file.get("size_bytes"), file.get("bits_per_weight")
    return size * 8 / bits if size and bits else None


def _middle(values: list[float]) -> Figure:
    latest = values[:5]
    middle = statistics.median(latest)
    return Figure(
        middle, min(middle / _LEARNED, *latest), max(middle * _LEARNED, *latest), "measured"
    )
