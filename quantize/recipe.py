"""What a quantized file is to be made of, and what it will be: asked from the engine before."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken
from desktop.core.gguf.tensor_types import TYPES_BY_NAME
from quantize import tool

_TYPE = re.compile(r"^[A-Za-z0-9_]{1,16}$")
_TENSOR = re.compile(r"^[A-Za-z0-9_.*\\\[\]()|+?^$-]{1,200}$")
# It becomes part of a file's name.
_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_.+-]{0,39}$")
_MIB = 1 << 20
_SIZE = re.compile(r"quant size +=\s*([\d.]+) MiB(?: \(([\d.]+) BPW\))?")
_ROW = re.compile(r"^\[ *(\d+)/ *(\d+)\]\s+(\S+)")
# A row of a dry run; the type in brackets is the one the tensor gets, where that is another one.
_PLANNED = re.compile(
    r"^\[ *\d+/ *\d+\]\s+\S+\s+- \[(?P<shape>[\d, ]+)\], type = +(?P<type>\w+), "
    r"size = +[\d.]+ MiB(?: -> +[\d.]+ MiB \((?P<target>\w+)\))?\s*$"
)
_FALLBACK = re.compile(r"warning: (\S+) +- ncols .*-> falling back to")
_NEEDS_IMATRIX = "will require an imatrix"
_ALIGNMENT = 32  # GGUF_DEFAULT_ALIGNMENT, which llama-quantize pads every tensor to
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
        name: what a person calls it.
    """

    quant_type: str
    output_type: str | None = None
    embedding_type: str | None = None
    tensor_types: tuple[tuple[str, str], ...] = ()
    pure: bool = False
    name: str | None = None

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
        if self.name is not None:
            check_name(self.name)

    @property
    def plain(self) -> bool:
        """Whether it is the type's own mix, which others know by its name."""
        return self == Recipe(self.quant_type)

    @property
    def label(self) -> str:
        """How its file and its steps are called."""
        if self.name is not None or self.plain:
            return self.name or self.quant_type
        parts = [self.quant_type, *(["pure"] if self.pure else [])]
        if self.output_type:
            parts.append(f"out-{self.output_type.upper()}")
        if self.embedding_type:
            parts.append(f"emb-{self.embedding_type.upper()}")
        if self.tensor_types:
            parts.append("own")
        return "-".join(parts)

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
        """As JSON; "name" only where it has one."""
        found = {
            "quant_type": self.quant_type,
            "output_type": self.output_type,
            "embedding_type": self.embedding_type,
            "tensor_types": [list(pair) for pair in self.tensor_types],
            "pure": self.pure,
        }
        return found if self.name is None else {**found, "name": self.name}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Recipe:
        """Raises:
        AppError: SETTING_INVALID.
        """
        pairs = data.get("tensor_types") or ()
        texts = {}
        for key in ("quant_type", "output_type", "embedding_type", "name"):
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
            texts["name"],
        )


def check_name(name: str) -> None:
    """Raises:
    AppError: SETTING_INVALID, where it cannot be a recipe's name.
    """
    if not _NAME.match(name):
        reason = "It is 1 to 40 letters, digits and . _ + -, and begins with a letter or a digit."
        raise _invalid("name", name, reason)


def _check_pattern(pattern: str) -> None:
    if not _TENSOR.match(pattern):
        raise _invalid("tensor", pattern, "That cannot be part of a tensor's name.")
    try:
        re.compile(pattern)
    except re.error as error:
        raise _invalid("tensor", pattern, f"It is no pattern: {error}.") from error


def check_labels(recipes: Iterable[Recipe]) -> None:
    """Raises:
    AppError: BAD_REQUEST, where two of them would make one file.
    """
    # Of two names that differ in case alone some file systems make one.
    labels = [recipe.label.casefold() for recipe in recipes]
    if len(set(labels)) < len(labels):
        raise AppError(ErrorCode.BAD_REQUEST, reason="Two recipes would make one file.")


def stem_of(source: Path) -> str:
    """A file's name without what says how its weights are stored, and in how many parts."""
    stem = re.sub(r"-\d{5}-of-\d{5}$", "", source.stem)
    return re.sub(r"[-._](?:f16|bf16|f32|fp16|q8_0)$", "", stem, flags=re.IGNORECASE) or stem


def target_of(folder: Path, stem: str, recipe: Recipe) -> Path:
    """The file that a recipe makes.

    Raises:
        AppError: BAD_REQUEST, for a stem that leads elsewhere.
    """
    if not stem or Path(stem).name != stem:
        raise AppError(ErrorCode.BAD_REQUEST, reason="“name” must be a file's name.")
    return folder / f"{stem}-{recipe.label}.gguf"


@dataclass(frozen=True)
class Planned:
    """What a recipe makes of a model.

    Attributes:
        size_bytes: of the tensors; the file has its header besides.
        tensors: how many there are.
        fallbacks: tensors that get another type, because their rows do not divide into its blocks.
        needs_imatrix: llama-quantize would refuse it without an importance matrix.
        source_bytes: of the source's tensors, padded as in its file; None where it did not say.
        buffer_bytes: memory for one tensor as numbers and in its new type; None likewise.
    """

    size_bytes: int
    bits_per_weight: float | None
    tensors: int
    fallbacks: tuple[str, ...] = ()
    needs_imatrix: bool = False
    source_bytes: int | None = None
    buffer_bytes: int | None = None


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
    rows: list[_Tensor] = []
    for line in lines:
        row = _ROW.match(line)
        if row is not None:
            tensors = int(row[2])
            planned = _Tensor.of(line)
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
    whole = bool(rows) and len(rows) == tensors
    return Planned(
        sum(_padded(row.size_bytes) for row in rows) if whole else size,
        bits,
        tensors,
        tuple(fallbacks),
        needs,
        sum(_padded(row.source_bytes) for row in rows) if whole else None,
        _buffered(rows) if whole else None,
    )


@dataclass(frozen=True)
class _Tensor:
    """A row of a dry run: a tensor's shape, its type and the one it gets."""

    columns: int
    rows: int
    source: str
    target: str

    @classmethod
    def of(cls, line: str) -> _Tensor | None:
        found = _PLANNED.match(line)
        if found is None:
            return None
        source, target = found["type"].upper(), (found["target"] or found["type"]).upper()
        if source not in TYPES_BY_NAME or target not in TYPES_BY_NAME:
            return None  # of a build that knows more types: its own total counts then
        columns, *others = (int(each) for each in found["shape"].split(","))
        rows = 1
        for each in others:
            rows *= each
        return cls(columns, rows, source, target)

    def row_bytes(self, kind: str) -> int:
        return self.columns // TYPES_BY_NAME[kind].block * TYPES_BY_NAME[kind].block_bytes

    @property
    def size_bytes(self) -> int:
        return self.rows * self.row_bytes(self.target)

    @property
    def source_bytes(self) -> int:
        return self.rows * self.row_bytes(self.source)


def _buffered(tensors: Iterable[_Tensor]) -> int:
    """What llama-quantize allocates (`llama_model_quantize_impl` in llama-quant.cpp): rows of one
    tensor as 32-bit numbers and in the new type; the source itself is mapped. Both buffers only
    grow."""
    numbers = results = 0
    for each in tensors:
        if each.source == each.target:
            continue
        floats = 0 if each.source == "F32" else 4 * each.columns
        row = each.row_bytes(each.source) + each.row_bytes(each.target) + floats
        slab = max(1, min(each.rows, _MOST_BUFFERED // row))
        numbers = max(numbers, slab * floats)
        results = max(results, slab * each.row_bytes(each.target))
    return numbers + results


def _padded(size: int) -> int:
    return -(-size // _ALIGNMENT) * _ALIGNMENT


def progress_of(line: str) -> tuple[int, int, str] | None:
    """A line of llama-quantize as (tensor, tensors, its name)."""
    row = _ROW.match(line)
    return None if row is None else (int(row[1]), int(row[2]), row[3])


def _invalid(name: str, value: str, why: str) -> AppError:
    return AppError(ErrorCode.SETTING_INVALID, name=name, value=value[:100], reason=why)
