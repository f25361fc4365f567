"""What a job "target" was asked for, and how its time and its texts are shared out."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from desktop.core.errors import AppError, ErrorCode
from desktop.core.jobs.handlers.quantize_asked import existing, is_matrix
from desktop.core.paths import resources
from quantize import naming
from quantize.evaluate import MOST_CHUNKS
from quantize.target import CHECK, FEW, JUDGE, REST

DEFAULT_SECONDS = 900.0
MATRIX = "imatrix"
# Shares of the time that is given: for the matrix, for each file that is judged (the whole model,
# the recipe and some plain types), for trials, of which there are to be so many.
_MATRIX_SHARE, _JUDGE_SHARE, _TRIALS_SHARE, _TRIALS = 0.08, 0.06, 0.45, 60
# Fewest and most chunks.
_BOUNDS = {MATRIX: (16, 400), FEW: (3, 8), REST: (4, 16), CHECK: (8, 40), JUDGE: (8, MOST_CHUNKS)}
# How the text of the search is dealt out.
PARTS = {FEW: 1, REST: 2, CHECK: 4}


@dataclass(frozen=True)
class Wanted:
    """Attributes:
    target: the file to make.
    imatrix: a matrix, or a text to compute one from; None: none.
    search: the text that recipes are tried on.
    evaluate: the text on which what was found is judged.
    """

    path: Path
    target: Path
    label: str
    imatrix: Path | None
    search: Path
    evaluate: Path
    most_bytes: int | None
    least_tokens_per_second: float | None
    budget_seconds: float
    requantize: bool
    replace: bool

    @property
    def asked(self) -> dict[str, Any]:
        limit = (
            {"most_bytes": self.most_bytes}
            if self.most_bytes is not None
            else {"least_tokens_per_second": self.least_tokens_per_second}
        )
        return {**limit, "budget_seconds": self.budget_seconds}


def read(params: Mapping[str, Any]) -> Wanted:
    """Raises:
    AppError: BAD_REQUEST, PATH_NOT_FOUND.
    """
    path = existing(params, "path")
    most = _positive(params, "most_bytes")
    least = _positive(params, "least_tokens_per_second")
    if (most is None) == (least is None):
        reason = "“most_bytes” or “least_tokens_per_second” says what is wanted: one of them."
        raise AppError(ErrorCode.BAD_REQUEST, reason=reason)
    label = f"best-{_size(most)}" if most is not None else f"best-{least:g}tps"
    bundled = resources() / "texts"
    imatrix: Path | None = bundled / "importance.txt"
    if params.get("imatrix") is False:
        imatrix = None
    elif params.get("imatrix") is not None:
        imatrix = existing(params, "imatrix")
    texts = imatrix is not None and not is_matrix(imatrix)
    evaluate = params.get("evaluate")
    return Wanted(
        path,
        naming.target(params.get("folder"), params.get("name"), path, label),
        label,
        imatrix,
        imatrix if imatrix is not None and texts else bundled / "importance.txt",
        existing(params, "evaluate") if evaluate is not None else bundled / "evaluation.txt",
        None if most is None else int(most),
        least,
        _positive(params, "budget_seconds") or DEFAULT_SECONDS,
        bool(params.get("requantize")),
        bool(params.get("replace")),
    )


def _positive(params: Mapping[str, Any], name: str) -> float | None:
    value = params.get(name)
    if value is None:
        return None
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 < value < math.inf:
        raise AppError(ErrorCode.BAD_REQUEST, reason=f"“{name}” must be a number above 0.")
    return float(value)


def _size(size_bytes: float) -> str:
    return f"{size_bytes / 1e9:.2f}GB" if size_bytes >= 1e9 else f"{size_bytes / 1e6:.2f}MB"


def chunks_of(
    seconds: float, seconds_per_chunk: float, there: Mapping[str, int], most: int
) -> dict[str, int]:
    """How many chunks of each text there is time and room for.

    Args:
        there: how many each text has.
        most: of all whose answers are kept.
    """
    trial = _TRIALS_SHARE * seconds / _TRIALS / seconds_per_chunk
    ideal = {
        MATRIX: _MATRIX_SHARE * seconds / seconds_per_chunk,
        FEW: trial / 3,
        REST: trial * 2 / 3,
        CHECK: 2 * trial,
        JUDGE: _JUDGE_SHARE * seconds / seconds_per_chunk,
    }
    found = {
        name: min(there.get(name, 0), max(low, min(high, round(ideal[name]))))
        for name, (low, high) in _BOUNDS.items()
    }
    kept = sum(found.values()) - found[MATRIX]
    if kept > most:  # of a large vocabulary fewer answers fit
        found |= {
            name: max(1, math.floor(count * most / kept))
            for name, count in found.items()
            if name != MATRIX
        }
    return found
