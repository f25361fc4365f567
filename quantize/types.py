"""The quantization types there are, as the build in use lists them itself."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken
from quantize import tool
from quantize.dry_runs import DryRuns
from quantize.outline import REFERENCE, outlined
from quantize.recipe import Recipe

_ROW = re.compile(r"^\s*(?P<number>\d+)\s+or\s+(?P<name>[A-Z0-9_]+)\s*:\s*(?P<words>.*\S)\s*$")
_ALIAS = re.compile(r"alias for ([A-Z0-9_]+)")
# llama-quantize refuses these without an importance matrix, whatever the model: their mix has
# tensors of types that it makes only with one (`tensor_requires_imatrix`). A test asks the build.
NEEDS_IMATRIX = frozenset(
    {
        *("IQ1_S", "IQ1_M", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ2_M", "IQ3_XXS", "IQ3_XS"),
        "Q2_K_S",
    }
)
# Not a loss but another way to write the same weights.
WHOLE = frozenset({"F32", "F16", "BF16"})


@dataclass(frozen=True)
class QuantType:
    """One type; `words` are llama-quantize's own."""

    name: str
    words: str
    needs_imatrix: bool


@dataclass(frozen=True)
class Described:
    """A type with what it makes of a usual model (`outline.REFERENCE`).

    Attributes:
        bits_per_weight: of the whole file; None where the disk cannot hold an outline.
    """

    type: QuantType
    bits_per_weight: float | None

    def to_dict(self) -> dict[str, Any]:
        return {
            "name": self.type.name,
            "bits_per_weight": self.bits_per_weight,
            "needs_imatrix": self.type.needs_imatrix,
            "text": self.type.words,
        }


def described(
    quantizer: Path, runs: DryRuns, folder: Path, cancel: CancelToken
) -> tuple[Described, ...]:
    """Every type this `llama-quantize` makes, the one with most bits first.

    Args:
        folder: where an outline may lie.

    Raises:
        AppError: ENGINE_TOOL_FAILED, CANCELLED.
    """
    found = offered(quantizer)
    try:
        with outlined(REFERENCE, folder) as model:
            recipes = [Recipe(each.name) for each in found]
            planned = runs.of(quantizer, model, recipes, cancel, has_matrix=True)
    except AppError as error:
        if error.code is not ErrorCode.SPARSE_UNSUPPORTED:
            raise
        return tuple(Described(each, None) for each in found)
    made = [
        Described(each, plan.bits_per_weight) for each, plan in zip(found, planned, strict=True)
    ]
    return tuple(sorted(made, key=lambda each: -(each.bits_per_weight or 0)))


@functools.lru_cache(maxsize=8)
def offered(quantizer: Path) -> tuple[QuantType, ...]:
    """Every type this `llama-quantize` makes, in its order; aliases are left out.

    Raises:
        AppError: ENGINE_TOOL_FAILED, where it lists none.
    """
    # Its help ends with status 1.
    found = parse(tool.run([quantizer, "--help"], CancelToken(), check=False))
    if not found:
        raise tool.failed(quantizer.name, "It lists no types.")
    return found


def parse(lines: list[str]) -> tuple[QuantType, ...]:
    """The types in the lines of `llama-quantize --help`."""
    found = []
    for line in lines:
        match = _ROW.match(line)
        if match is not None and _ALIAS.search(match["words"]) is None:
            name = match["name"]
            found.append(QuantType(name, match["words"], name in NEEDS_IMATRIX))
    return tuple(found)


def named(quantizer: Path, names: list[str]) -> list[QuantType]:
    """The types of these names, each once.

    Raises:
        AppError: SETTING_INVALID for one this build does not make.
    """
    known = {each.name: each for each in offered(quantizer)}
    wanted = list(dict.fromkeys(_whole_name(name.strip().upper()) for name in names))
    for name in wanted:
        if name not in known:
            raise AppError(
                ErrorCode.SETTING_INVALID,
                name="types",
                value=name,
                reason=f"This build makes {', '.join(known)}.",
            )
    if not wanted:
        raise AppError(
            ErrorCode.SETTING_INVALID, name="types", value="", reason="Name at least one type."
        )
    return [known[name] for name in wanted]


def _whole_name(name: str) -> str:
    """An alias's type: `Q4_K` is what most people call Q4_K_M."""
    return {"Q3_K": "Q3_K_M", "Q4_K": "Q4_K_M", "Q5_K": "Q5_K_M"}.get(name, name)
