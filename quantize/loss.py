"""What llama-perplexity says a file lost against the whole model."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

# Of normally distributed errors 95 % are within so many standard errors.
CONFIDENCE = 1.96
# A line a chunk, with the figures of all chunks so far.
ROW = re.compile(
    r"^\s*(?P<chunk>\d+)\s+(?P<ppl>[\d.]+) ± +(?P<ppl_error>[\d.]+)\s+"
    r"(?P<ratio>-?[\d.]+) ± +(?P<ratio_error>[\d.]+)\s+"
    r"(?P<kld>-?[\d.]+) ± +(?P<kld_error>[\d.]+)\s+"
    r"(?P<rms>[\d.]+) ± +(?P<rms_error>[\d.]+) %\s+"
    r"(?P<same>[\d.]+) ± +(?P<same_error>[\d.]+) %"
)
_STATISTIC = re.compile(
    r"^(?P<name>[A-Za-z0-9.%() /]+?) *: +(?P<value>-?[\d.]+)(?: ± +(?P<error>[\d.]+))?"
)


@dataclass(frozen=True)
class Loss:
    """What a file loses against the whole model on a text. Errors are standard errors.

    Attributes:
        kld_mean, kld_median, kld_99: Kullback-Leibler divergence in nats per token; the last two
            are None where the tool did not print them.
        same_top_rate: how often both think the same token most likely, 0 to 1.
        perplexity_ratio_log: mean of ln(PPL of the file / PPL of the whole model).
    """

    chunks: int
    perplexity: float
    perplexity_error: float
    perplexity_ratio_log: float
    kld_mean: float
    kld_error: float
    kld_median: float | None
    kld_99: float | None
    same_top_rate: float
    same_top_error: float

    @property
    def kld_low(self) -> float:
        """With `kld_high` the interval that holds the mean of all such texts at 95 %."""
        return max(0.0, self.kld_mean - CONFIDENCE * self.kld_error)

    @property
    def kld_high(self) -> float:
        return self.kld_mean + CONFIDENCE * self.kld_error

    def to_dict(self) -> dict[str, Any]:
        return {**vars(self), "kld_low": self.kld_low, "kld_high": self.kld_high}


def read_loss(lines: list[str]) -> Loss | None:
    """The figures in the lines of `llama-perplexity --kl-divergence`; None where there are none."""
    last: re.Match[str] | None = None
    statistics: dict[str, tuple[float, float | None]] = {}
    for line in lines:
        row = ROW.match(line)
        last = row or last
        found = None if row is not None else _STATISTIC.match(line)
        if found is not None:
            error = None if found["error"] is None else float(found["error"])
            statistics[" ".join(found["name"].split())] = float(found["value"]), error
    if last is None:
        return None

    def told(name: str, row: str) -> tuple[float, float]:
        """A figure and its error: the statistics have more digits than the rows."""
        value, error = statistics.get(name, (float(last[row]), None))
        return value, float(last[f"{row}_error"]) if error is None else error

    kld, kld_error = told("Mean KLD", "kld")
    perplexity, perplexity_error = told("Mean PPL(Q)", "ppl")
    same, same_error = told("Same top p", "same")
    return Loss(
        int(last["chunk"]),
        perplexity,
        perplexity_error,
        told("Mean ln(PPL(Q)/PPL(base))", "ratio")[0],
        # Of files that lose nothing rounding makes it less than nothing.
        max(0.0, kld),
        kld_error,
        _alone(statistics, "Median KLD"),
        _alone(statistics, "99.0% KLD"),
        same / 100,
        same_error / 100,
    )


def _alone(statistics: dict[str, tuple[float, float | None]], name: str) -> float | None:
    found = statistics.get(name)
    return None if found is None else found[0]
