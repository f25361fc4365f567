"""Two or more results side by side, without calling noise a difference.

The ratio of two tests is that of their means. Its interval is Welch's: the two variances may
differ, the degrees of freedom are Welch and Satterthwaite's (B. L. Welch, "The generalization of
'Student's' problem when several different population variances are involved", Biometrika 34, 1947),
and it is computed on the logarithm, where a ratio is a difference (delta method: the relative
standard errors add in squares). With three repeats a bootstrap would draw from ten different means
only and be far too sure; Student's t is honest about so few.
The interval covers the spread between repeats of one run. It knows nothing of another day's
temperature or of what else ran: for that, measure twice.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from statistics import fmean, variance
from typing import Any

from desktop.core.bench.schema import Document

METHOD = "95 % interval by Welch's t on the logarithm of the ratio of means"

# Student's t, 97.5th percentile, for 1 to 30 degrees of freedom (NIST/SEMATECH e-Handbook of
# Statistical Methods, 1.3.6.7.2); between two the lower is taken: the interval is then a bit wide.
_T_975 = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160,
    2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056,
    2.052, 2.048, 2.045, 2.042,
)  # fmt: skip
_T_MANY = ((120, 1.980), (60, 2.000), (40, 2.021))
_WIDEST = 50.0  # of the logarithm: beyond it nothing is known, and exp() would overflow
# A measured bandwidth is never the same twice; closer than this it is the same machine's.
_LOOSE = {"machine.bandwidth_gb_per_second": 0.15}


class Verdict(StrEnum):
    FASTER = "faster"
    SLOWER = "slower"
    SAME = "no_real_difference"
    UNKNOWN = "too_few_samples"


@dataclass(frozen=True)
class Ratio:
    """How many times as fast as the first; `low` and `high` are None with too few samples."""

    value: float
    low: float | None
    high: float | None
    verdict: Verdict


@dataclass(frozen=True)
class Cell:
    """One result's figure in a row; `ratio` is None in the first column that has the test."""

    tokens_per_second: float
    median_tokens_per_second: float | None
    stddev: float | None
    disturbed: bool
    ratio: Ratio | None


@dataclass(frozen=True)
class Row:
    """One test; `cells` has one entry a result, None where it did not run this test."""

    test: str
    tokens: int
    depth: int
    concurrency: int
    prompt_tokens: int | None
    cells: tuple[Cell | None, ...]


@dataclass(frozen=True)
class Difference:
    """Something that was not the same: "settings.threads", and each result's value."""

    key: str
    values: tuple[Any, ...]


@dataclass(frozen=True)
class Comparison:
    """What `compare` found. `differences` tells whether apples are compared with oranges."""

    names: tuple[str, ...]
    rows: tuple[Row, ...]
    differences: tuple[Difference, ...]
    method: str = METHOD

    def to_dict(self) -> dict[str, Any]:
        data: dict[str, Any] = _plain(asdict(self))
        return data


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, (list, tuple)) else value


def compare(documents: Sequence[Document]) -> Comparison:
    """Results side by side; the first is what the others are measured against.

    Args:
        documents: valid documents (see `schema`), at least one.
    """
    tables = [{_key(result): result for result in each["results"]} for each in documents]
    keys = dict.fromkeys(key for table in tables for key in table)
    rows = tuple(
        Row(*key[:4], prompt_tokens=key[4], cells=_cells([table.get(key) for table in tables]))
        for key in keys
    )
    names = tuple(document["name"] for document in documents)
    return Comparison(names, rows, differences(documents))


def _key(result: dict[str, Any]) -> tuple[str, int, int, int, int | None]:
    prompt = result.get("prompt_tokens") if result["test"] == "load" else None
    return result["test"], result["tokens"], result["depth"], result["concurrency"], prompt


def _cells(results: Sequence[dict[str, Any] | None]) -> tuple[Cell | None, ...]:
    base: dict[str, Any] | None = None
    cells: list[Cell | None] = []
    for result in results:
        if result is None:
            cells.append(None)
            continue
        found = None if base is None else ratio(_samples(base), _samples(result))
        base = base or result
        cells.append(
            Cell(
                result["tokens_per_second"],
                result.get("median_tokens_per_second"),
                result["stddev"],
                bool(result.get("disturbed_requests")),
                found,
            )
        )
    return tuple(cells)


def _samples(result: dict[str, Any]) -> list[float]:
    return list(result["samples"]) or [result["tokens_per_second"]]


def ratio(base: Sequence[float], other: Sequence[float]) -> Ratio | None:
    """mean(other) / mean(base) with its 95 % interval; None where there is no such number.

    Args:
        base, other: tokens per second of each repeat; at least one each.
    """
    try:
        mean_a, mean_b = fmean(base), fmean(other)
        if mean_a <= 0 or mean_b <= 0:
            return None
        value = mean_b / mean_a
        if not math.isfinite(value) or value <= 0:
            return None
        if len(base) < 2 or len(other) < 2:
            return Ratio(value, None, None, Verdict.UNKNOWN)
        half = _half_width(base, mean_a, other, mean_b)
        low, high = value * math.exp(-half), value * math.exp(half)
    except OverflowError:  # an imported file may hold any number
        return None
    if low <= 1 <= high:
        return Ratio(value, low, high, Verdict.SAME)
    return Ratio(value, low, high, Verdict.FASTER if low > 1 else Verdict.SLOWER)


def _half_width(
    base: Sequence[float], mean_a: float, other: Sequence[float], mean_b: float
) -> float:
    """Half the width of the interval of ln(mean_b / mean_a)."""
    parts = [  # the squared relative standard error, and its degrees of freedom
        (variance([sample / mean for sample in samples]) / len(samples), len(samples) - 1)
        for samples, mean in ((base, mean_a), (other, mean_b))
    ]
    total = sum(part for part, _ in parts)
    if total <= 0:
        return 0.0
    freedom = 1 / sum((part / total) ** 2 / left for part, left in parts)
    return min(t_975(freedom) * math.sqrt(total), _WIDEST)


def t_975(freedom: float) -> float:
    """Student's t at 97.5 %, never below the true value."""
    for least, value in _T_MANY:
        if freedom >= least:
            return value
    return _T_975[max(1, min(30, math.floor(freedom + 1e-9))) - 1]


def differences(documents: Sequence[Document]) -> tuple[Difference, ...]:
    """Every part of machine, runtime, settings and model in which the results differ."""
    flat = [_flat(document) for document in documents]
    found = []
    for key in dict.fromkeys(key for each in flat for key in each):
        values = tuple(each.get(key) for each in flat)
        if not _same(key, values):
            found.append(Difference(key, values))
    return tuple(found)


def _same(key: str, values: Sequence[Any]) -> bool:
    loose = _LOOSE.get(key)
    if loose is not None and all(isinstance(value, (int, float)) for value in values):
        return bool(max(values) - min(values) <= loose * max(values))
    return all(value == values[0] for value in values)


def _flat(document: Document) -> dict[str, Any]:
    parts = {**document["fingerprint"], "model": document["model"]}
    flat: dict[str, Any] = {}
    for name in ("machine", "runtime", "settings", "model"):
        _flatten(parts[name], name, flat)
    return flat


def _flatten(value: Any, key: str, into: dict[str, Any]) -> None:
    if isinstance(value, dict) and value:
        for name, each in value.items():
            _flatten(each, f"{key}.{name}", into)
    else:
        into[key] = value
