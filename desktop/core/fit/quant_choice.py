"""Which of a model's quantized files to take on this machine, from what was measured of each.

The rule, in the order in which it decides: what fits in memory; of that, what is fast enough and
does not lose much; of that, what loses least. Files that cannot be told apart by what they lose
(their 95 % intervals overlap, or none of them loses what anybody notices) are one to it: of them
the smallest is taken, which leaves most memory for the context and is seldom slower.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from desktop.core.fit.quality import level_bound
from desktop.core.fit.recommend import DEFAULT_SPEED

_UNNOTICED = level_bound("near_lossless")
_MUCH = level_bound("visible")


@dataclass(frozen=True)
class Measured:
    """One file.

    Attributes:
        kld_low, kld_high: the 95 % interval of `kld_mean`.
        tokens_per_second: of decode.
        fits: in this machine's memory with usual settings.
    """

    path: str
    label: str
    size_bytes: int
    kld_mean: float
    kld_low: float
    kld_high: float
    tokens_per_second: float
    fits: bool


def advise(files: Sequence[Measured], wished: float = DEFAULT_SPEED) -> dict[str, Any] | None:
    """{"path", "label", "code", "params"}, the words in `core/notices.py`; None without files.

    Args:
        wished: tokens per second that are fast enough.
    """
    if not files:
        return None
    fitting = [each for each in files if each.fits]
    if not fitting:
        return _advice(min(files, key=lambda each: each.size_bytes), "quant_too_large")
    useful = [each for each in fitting if each.kld_mean <= _MUCH]
    if not useful:
        return _advice(min(fitting, key=lambda each: each.kld_mean), "quant_lossy")
    fast = [each for each in useful if each.tokens_per_second >= wished]
    if not fast:
        fastest = max(useful, key=lambda each: each.tokens_per_second)
        return _advice(fastest, "quant_slow", wished=wished)
    best = min(fast, key=lambda each: each.kld_mean)
    alike = [each for each in fast if _alike(best, each)]
    chosen = min(alike, key=lambda each: (each.size_bytes, -each.tokens_per_second))
    if len(alike) == 1:
        return _advice(chosen, "quant_best")
    others = ", ".join(each.label for each in alike if each is not chosen)
    unnoticed = all(each.kld_high <= _UNNOTICED for each in alike)
    return _advice(chosen, "quant_unnoticed" if unnoticed else "quant_equal", others=others)


def _alike(best: Measured, other: Measured) -> bool:
    """Whether they cannot be told apart by what they lose."""
    return other.kld_low <= best.kld_high or other.kld_high <= _UNNOTICED


def _advice(chosen: Measured, code: str, **params: Any) -> dict[str, Any]:
    told = {"label": chosen.label, "kld": chosen.kld_mean, "speed": chosen.tokens_per_second}
    return {
        "path": chosen.path,
        "label": chosen.label,
        "code": code,
        "params": {**told, **params},
    }
