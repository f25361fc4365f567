"""What a quantized file is to be made of, and what it will be: asked from the engine before."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken
from quantize import tool

_TYPE = re.compile(r"^[A-Za-z0-9_]{1,16}$")
_TENSOR = re.compile(r"^[A-Za-z0-9_.*\\\[\]()|+?^$-]{1,200}$")
_MIB = 1 << 20
_SIZE = re.compile(r"quant size +=\s*([\d.]+) MiB(?: \(([\d.]+) BPW\))?")
_ROW = re.compile(r"^\[ *(\d+)/ *(\d+)\]\s+(\S+)")
_FALLBACK = re.compile(r"(?:tensor cols|requires fallback|using fallback)")


@dataclass(frozen=True)
class Recipe:
    """How one file is made.

    Attributes:
        quant_type: as llama-quantize names it.
        output_type, embedding_type: of the output and the token embedding tensors; None: as the
            type's mix has them.
        tensor_types: pairs of a pattern of tensors' names and the type they get.
        pure: all tensors get the same type, without the type's mix.
    """

    quant_type: str
    output_type: str | None = None
    embedding_type: str | None = None
    tensor_types: tuple[tuple[str, str], ...] = ()
    pure: bool = False

    def __post_init__(self) -> None:
        names = [self.quant_type, self.output_type, self.embedding_type]
        names += [each for _, each in self.tensor_types]
        for name in names:
            if name is not None and not _TYPE.match(name):
                raise _invalid("types", name, "That is no name of a type.")
        for pattern, _ in self.tensor_types:
            if not _TENSOR.match(pattern):
                raise _invalid("tensor", pattern, "That cannot be part of a tensor's name.")

    @property
    def plain(self) -> bool:
        """Whether it is the type's own mix, which others know by its name."""
        return self == Recipe(self.quant_type)

    def arguments(self) -> list[str]:
        """llama-quantize's options for it."""
        found = ["--pure"] if self.pure else []
        if self.output_type is not None:
            found += ["--output-tensor-type", self.output_type]
        if self.embedding_type is not None:
            found += ["--token-embedding-type", self.embedding_type]
        for pattern, name in self.tensor_types:
            found += ["--tensor-type", f"{pattern}={name}"]
        return found

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "tensor_types": [list(pair) for pair in self.tensor_types]}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Recipe:
        """Raises:
        AppError: SETTING_INVALID.
        """
        pairs = data.get("tensor_types") or ()
        return cls(
            str(data["quant_type"]),
            data.get("output_type"),
            data.get("embedding_type"),
            tuple((str(pattern), str(name)) for pattern, name in pairs),
            bool(data.get("pure")),
        )


@dataclass(frozen=True)
class Planned:
    """What a recipe makes of a model.

    Attributes:
        size_bytes: of the tensors; the file has its header besides.
        fallbacks: tensors that get another type, because their rows do not divide into its blocks.
        tensors: how many there are.
    """

    size_bytes: int
    bits_per_weight: float | None
    tensors: int
    fallbacks: tuple[str, ...] = field(default_factory=tuple)


def plan(quantizer: Path, source: Path, recipe: Recipe, cancel: CancelToken) -> Planned:
    """The size of a recipe's file, from the engine's dry run: it reads the header and no tensor.

    Raises:
        AppError: ENGINE_TOOL_FAILED, CANCELLED.
    """
    options = ["--dry-run", "--allow-requantize", *recipe.arguments()]
    command: list[str | Path] = [quantizer, *options, source, recipe.quant_type]
    return read_plan(tool.run(command, cancel), quantizer.name)


def read_plan(lines: list[str], name: str = "llama-quantize") -> Planned:
    """The figures in the lines of a dry run, or of a real one."""
    size = bits = None
    tensors, fallbacks, current = 0, [], ""
    for line in lines:
        row = _ROW.match(line)
        if row is not None:
            tensors, current = int(row[2]), row[3]
        if _FALLBACK.search(line) and current and current not in fallbacks:
            fallbacks.append(current)
        found = _SIZE.search(line)
        if found is not None:
            size = round(float(found[1]) * _MIB)
            bits = float(found[2]) if found[2] else None
    if size is None:
        raise tool.failed(name, "It did not say how large the file will be.")
    return Planned(size, bits, tensors, tuple(fallbacks))


def progress_of(line: str) -> tuple[int, int, str] | None:
    """A line of llama-quantize as (tensor, tensors, its name)."""
    row = _ROW.match(line)
    return None if row is None else (int(row[1]), int(row[2]), row[3])


def _invalid(name: str, value: str, why: str) -> AppError:
    return AppError(ErrorCode.SETTING_INVALID, name=name, value=value[:100], reason=why)
