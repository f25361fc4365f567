"""What a quantized file is to be made of, and what it will be: asked from the engine before."""

from __future__ import annotations

import math
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken
from desktop.core.gguf.tensor_types import TYPES_BY_NAME
from desktop.core.gguf.write import padded
from quantize import tool

_TYPE = re.compile(r"^[A-Za-z0-9_]{1,16}$")
_TENSOR = re.compile(r"^[A-Za-z0-9_.*\\\[\]()|+?^$-]{1,200}$")
_MIB = 1 << 20
_SIZE = re.compile(r"quant size +=\s*([\d.]+) MiB(?: \(([\d.]+) BPW\))?")
_ROW = re.compile(r"^\[ *(\d+)/ *(\d+)\]\s+(\S+)")
# A row of a dry run; the type in brackets is the one the tensor gets, where that is another one.
_PLANNED = re.compile(
    r"^\[ *\d+/ *\d+\]\s+(?P<name>\S+)\s+- \[(?P<shape>[\d, ]+)\], type = +(?P<type>\w+), "
    r"size = +[\d.]+ MiB(?: -> +[\d.]+ MiB \((?P<target>\w+)\))?\s*$"
)
_FALLBACK = re.compile(r"warning: (\S+) +- ncols .*-> falling back to")
_NEEDS_IMATRIX = "will require an imatrix"
# What llama-quantize holds of one tensor at a time, at most (LLAMA_QUANT_MAX_BUF_SIZE).
_MOST_BUFFERED = 8 << 30


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
        if not _TYPE.match(self.quant_type):
            raise _invalid("types", self.quant_type, "That is no name of a type.")
        own = [self.output_type, self.embedding_type, *(each for _, each in self.tensor_types)]
        for name in own:
            if name is not None and name.upper() not in TYPES_BY_NAME:
                known = ", ".join(TYPES_BY_NAME)
                raise _invalid("tensor", name, f"No tensor can have that type; there are {known}.")
        for pattern, _ in self.tensor_types:
            _check_pattern(pattern)

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
        texts = {}
        for key in ("quant_type", "output_type", "embedding_type"):
            value = data.get(key)
            if value is not None and not isinstance(value, str):
                raise _invalid(key, str(value), "It must be a text.")
            texts[key] = value or None
        try:
            types = tuple((str(pattern), str(name)) for pattern, name in pairs)
        except (TypeError, ValueError) as error:
            reason = "They are pairs of a pattern and a type."
            raise _invalid("tensor_types", str(pairs), reason) from error
        if texts["quant_type"] is None:
            raise _invalid("quant_type", "", "A recipe begins with a type.")
        return cls(
            texts["quant_type"].upper(),
            texts["output_type"],
            texts["embedding_type"],
            types,
            bool(data.get("pure")),
        )


def _check_pattern(pattern: str) -> None:
    if not _TENSOR.match(pattern):
        raise _invalid("tensor", pattern, "That cannot be part of a tensor's name.")
    try:
        re.compile(pattern)
    except re.error as error:
        raise _invalid("tensor", pattern, f"It is no pattern: {error}.") from error


@dataclass(frozen=True)
class PlannedTensor:
    """A row of a dry run.

    Attributes:
        shape: a row's length first.
        source, target: the type it has and the one it gets.
    """

    name: str
    shape: tuple[int, ...]
    source: str
    target: str

    @classmethod
    def of(cls, line: str) -> PlannedTensor | None:
        """None where it is another line, or of a build that knows more types than we do."""
        found = _PLANNED.match(line)
        if found is None:
            return None
        source, target = found["type"].upper(), (found["target"] or found["type"]).upper()
        if source not in TYPES_BY_NAME or target not in TYPES_BY_NAME:
            return None
        shape = tuple(int(each) for each in found["shape"].split(","))
        return cls(found["name"], shape, source, target)

    @property
    def rows(self) -> int:
        return math.prod(self.shape[1:])

    def row_bytes(self, kind: str) -> int:
        return self.shape[0] // TYPES_BY_NAME[kind].block * TYPES_BY_NAME[kind].block_bytes


@dataclass(frozen=True)
class Planned:
    """What a recipe makes of a model.

    Attributes:
        size_bytes: of the tensors; the file has its header besides.
        tensors: how many there are.
        fallbacks: tensors that get another type, because their rows do not divide into its blocks.
        needs_imatrix: llama-quantize would refuse it without an importance matrix.
        rows: each of them; empty where one is of a type that is not known here.
    """

    size_bytes: int
    bits_per_weight: float | None
    tensors: int
    fallbacks: tuple[str, ...] = ()
    needs_imatrix: bool = False
    rows: tuple[PlannedTensor, ...] = ()

    @property
    def source_bytes(self) -> int:
        """What the tensors take in the source's file."""
        return sum(padded(row.rows * row.row_bytes(row.source)) for row in self.rows)

    @property
    def buffer_bytes(self) -> int:
        """What llama-quantize allocates (`llama_model_quantize_impl` in llama-quant.cpp): rows of
        one tensor as 32-bit numbers and in the new type; the source itself is mapped. Both buffers
        only grow."""
        numbers = results = 0
        for each in self.rows:
            if each.source == each.target:
                continue
            floats = 0 if each.source == "F32" else 4 * each.shape[0]
            row = each.row_bytes(each.source) + each.row_bytes(each.target) + floats
            slab = max(1, min(each.rows, _MOST_BUFFERED // row))
            numbers = max(numbers, slab * floats)
            results = max(results, slab * each.row_bytes(each.target))
        return numbers + results


def plan(
    quantizer: Path,
    source: Path,
    recipe: Recipe,
    cancel: CancelToken,
    *,
    imatrix: Path | None = None,
) -> Planned:
    """The size of a recipe's file, from the engine's dry run: it reads the header and no tensor.

    Args:
        imatrix: the matrix, or any: which types tensors get depends on whether there is one.

    Raises:
        AppError: ENGINE_TOOL_FAILED, CANCELLED.
    """
    options = ["--dry-run", "--allow-requantize", *recipe.arguments()]
    command: list[str | Path] = [quantizer, *options]
    command += ["--imatrix", imatrix] if imatrix is not None else []
    command += [source, recipe.quant_type]
    return read_plan(tool.run(command, cancel), quantizer.name)


def read_plan(lines: list[str], name: str = "llama-quantize") -> Planned:
    """The figures in the lines of a dry run, or of a real one."""
    size = bits = None
    tensors, needs = 0, False
    fallbacks: dict[str, None] = {}
    rows: list[PlannedTensor] = []
    for line in lines:
        row = _ROW.match(line)
        if row is not None:
            tensors = int(row[2])
            planned = PlannedTensor.of(line)
            rows += [] if planned is None else [planned]
            continue
        fallback = _FALLBACK.search(line)
        if fallback is not None:
            fallbacks[fallback[1]] = None
        needs = needs or _NEEDS_IMATRIX in line
        found = _SIZE.search(line)
        if found is not None:
            size = round(float(found[1]) * _MIB)
            bits = float(found[2]) if found[2] else None
    if size is None:
        raise tool.failed(name, "It did not say how large the file will be.")
    if len(rows) == tensors:
        size = sum(padded(row.rows * row.row_bytes(row.target)) for row in rows)
    else:
        rows = []
    return Planned(size, bits, tensors, tuple(fallbacks), needs, tuple(rows))


def progress_of(line: str) -> tuple[int, int, str] | None:
    """A line of llama-quantize as (tensor, tensors, its name)."""
    row = _ROW.match(line)
    return None if row is None else (int(row[1]), int(row[2]), row[3])


def _invalid(name: str, value: str, why: str) -> AppError:
    return AppError(ErrorCode.SETTING_INVALID, name=name, value=value[:100], reason=why)
