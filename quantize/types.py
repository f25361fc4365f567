"""The quantization types there are, as the build in use lists them itself."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from pathlib import Path

from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken
from quantize import tool

_ROW = re.compile(r"^\s*(?P<number>\d+)\s+or\s+(?P<name>[A-Z0-9_]+)\s*:\s*(?P<words>.*\S)\s*$")
_ALIAS = re.compile(r"alias for ([A-Z0-9_]+)")
# llama-quantize refuses these without an importance matrix (`tensor_requires_imatrix`).
NEEDS_IMATRIX = frozenset({"IQ1_S", "IQ1_M", "IQ2_XXS", "IQ2_XS", "IQ2_S", "Q2_K_S"})
# Not a loss but another way to write the same weights.
WHOLE = frozenset({"F32", "F16", "BF16"})


@dataclass(frozen=True)
class QuantType:
    """One type; `words` are llama-quantize's own."""

    name: str
    words: str
    needs_imatrix: bool


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
