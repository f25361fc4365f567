"""What quantizing would take, before anything begins: sizes, disk, memory, time, and what is wrong.

Sizes are the engine's own (a dry run for each file); the rest follows from them and from the
model's header.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken
from desktop.core.gguf.summary import ModelSummary
from desktop.core.gguf.write import padded
from quantize import evaluate
from quantize.budget import FEWEST_CHUNKS, Pace, chunks_for
from quantize.dry_runs import DryRuns
from quantize.make import ROOM_BYTES, Source
from quantize.rates import NOTHING, Figure, Rates
from quantize.recipe import Planned, Recipe
from quantize.text import CHUNK_TOKENS

Json = dict[str, Any]


# What the tools take besides what is counted below: their libraries and the vocabulary.
_PROGRAM_BYTES = 64 << 20
# Each file's speed is measured when it was compared. That took as long as so many chunks.
_SPEED_CHUNKS = 6.0
# A matrix needs its chunks computed to the end, with sums over each of their values.
_MATRIX_CHUNK = 1.2


class Matrix(Enum):
    """Whether files are made with an importance matrix, and whether it is there."""

    NONE = "none"
    GIVEN = "given"
    COMPUTED = "computed"


@dataclass(frozen=True)
class Wanted:
    """A file that is to be made."""

    label: str
    recipe: Recipe
    path: Path


@dataclass(frozen=True)
class Output:
    """What a file will be.

    Attributes:
        size_bytes: of the file, to some hundred bytes of metadata; None: not known yet.
    """

    wanted: Wanted
    size_bytes: int | None
    planned: Planned | None
    exists: bool

    def to_dict(self) -> Json:
        return {
            "label": self.wanted.label,
            "quant_type": self.wanted.recipe.quant_type,
            "size_bytes": self.size_bytes,
            "bits_per_weight": self.planned.bits_per_weight if self.planned else None,
            "fallbacks": list(self.planned.fallbacks) if self.planned else [],
            "path": str(self.wanted.path),
            "exists": self.exists,
        }


@dataclass(frozen=True)
class Request:
    """What is to be planned.

    Attributes:
        source: the file that is quantized, or one that stands for it.
        outputs: in the order in which they are made.
        matrix: to be computed of `matrix_chunks`, where it is.
        chunks: of the text that files are compared on; 0: they are not.
        compared: how many other files are compared besides.
        scratch: where the whole model's answers and the matrix are kept.
        budget_seconds: for the comparison.
        before: what is got and made first, of a checkpoint: folders and bytes.
        scale: how many weights the model has for each one of `source`, where that stands for it.
    """

    source: Source
    summary: ModelSummary
    outputs: tuple[Wanted, ...]
    scratch: Path
    matrix: Matrix = Matrix.NONE
    matrix_chunks: int = 0
    chunks: int = 0
    compared: int = 0
    budget_seconds: float | None = None
    requantize: bool = False
    replace: bool = False
    before: tuple[tuple[Path, int], ...] = ()
    scale: float = 1.0


@dataclass(frozen=True)
class Plan:
    """What it takes.

    Attributes:
        disk_bytes: at the moment when it is most, on the disk of the outputs.
        memory_bytes: of the tool that needs most, with the model it reads; None as `disk_bytes`:
            where nothing of the model is known.
        warnings: codes of errors and notices with their params, the worst first.
    """

    outputs: tuple[Output, ...]
    disk_bytes: int | None
    disk_free_bytes: int
    memory_bytes: int | None
    memory_available_bytes: int | None
    seconds: Figure | None
    chunks: int
    warnings: tuple[Json, ...]
    source: Json

    def to_dict(self) -> Json:
        return {
            **vars(self),
            "outputs": [each.to_dict() for each in self.outputs],
            "seconds": self.seconds.to_dict() if self.seconds else None,
            "warnings": list(self.warnings),
        }


def make_plan(
    request: Request,
    runs: DryRuns,
    quantizer: Path,
    *,
    rates: Rates,
    memory_available_bytes: int | None,
    cancel: CancelToken,
) -> Plan:
    """Plan it; what would keep it from being done is a warning.

    Raises:
        AppError: ENGINE_TOOL_FAILED, CANCELLED.
    """
    outputs = _outputs(request, runs, quantizer, cancel)
    chunks = _chunks(request, rates)
    folder = _nearest(request.outputs[0].path.parent)
    beside = _disks([*request.before, (request.scratch, _scratch_bytes(request, outputs, chunks))])
    _, before = beside.pop(_disk(folder), (folder, 0))
    disk, free = before + _most_bytes(outputs) + ROOM_BYTES, free_bytes(folder)
    short = [_disk_short(folder, disk, free)]
    for place, need in beside.values():
        short.append(_disk_short(place, need + ROOM_BYTES, free_bytes(place)))
    memory = _memory(request, outputs, chunks)
    return Plan(
        outputs,
        disk,
        free,
        memory,
        memory_available_bytes,
        _seconds(request, rates, chunks),
        chunks,
        (
            *_refusals(request, outputs),
            *(each for each in short if each is not None),
            *_memory_short(memory, memory_available_bytes),
        ),
        _describe(request),
    )


def _outputs(
    request: Request, runs: DryRuns, quantizer: Path, cancel: CancelToken
) -> tuple[Output, ...]:
    recipes = [each.recipe for each in request.outputs]
    has_matrix = request.matrix is not Matrix.NONE
    planned = runs.of(quantizer, request.source.path, recipes, cancel, has_matrix=has_matrix)
    found = []
    for wanted, each in zip(request.outputs, planned, strict=True):
        # The header stays as it is, but for what is written into it of where the file comes from.
        head = request.source.size_bytes - each.source_bytes if each.rows else 0
        size = round(each.size_bytes * request.scale) + padded(max(0, head))
        found.append(Output(wanted, size, each, wanted.path.exists()))
    return tuple(found)


def _chunks(request: Request, rates: Rates) -> int:
    """So many chunks of the text as the budget allows."""
    if not request.chunks or request.budget_seconds is None:
        return request.chunks
    each = [rates.chunk_seconds(name, _weights(request)) for name in _readers(request)]
    paces = [Pace(_SPEED_CHUNKS * figure.value, figure.value) for figure in each if figure]
    within = chunks_for(request.budget_seconds, paces, request.chunks)
    return max(within, min(FEWEST_CHUNKS, request.chunks))


def _readers(request: Request) -> list[str | None]:
    """The types of the files that read the text: the whole model and all that are compared."""
    made = [each.recipe.quant_type for each in request.outputs]
    return [request.summary.quant_type, *made, *[None] * request.compared]


def _weights(request: Request) -> int:
    return round(request.summary.parameters * request.scale)


def _scratch_bytes(request: Request, outputs: Iterable[Output], chunks: int) -> int:
    need = evaluate.base_bytes(request.summary.vocab_size or 0, chunks) if chunks else 0
    if request.matrix is Matrix.COMPUTED:
        need += max((_matrix_bytes(each.planned) for each in outputs if each.planned), default=0)
    return need


def _matrix_bytes(planned: Planned) -> int:
    """A sum for each column of each matrix inside the layers, and of each expert's."""
    shapes = [row.shape for row in planned.rows if row.name.startswith("blk.")]
    return sum(4 * (each[0] + 1) * each[2] for each in shapes if each[1] > 1)


def _most_bytes(outputs: Iterable[Output]) -> int:
    """What making one file after the other takes when it is most: each is whole beside the one it
    replaces before that is gone."""
    most = held = 0
    for each in outputs:
        size = each.size_bytes or 0
        most = max(most, held + size)
        held += size - (each.wanted.path.stat().st_size if each.exists else 0)
    return max(most, held)


def _disks(needs: Iterable[tuple[Path, int]]) -> dict[int, tuple[Path, int]]:
    """What is needed on each disk, by its number, with a folder on it."""
    found: dict[int, tuple[Path, int]] = {}
    for folder, need in needs:
        place = _nearest(folder)
        first, known = found.get(_disk(place), (place, 0))
        found[_disk(place)] = first, known + need
    return {number: each for number, each in found.items() if each[1]}


def _nearest(folder: Path) -> Path:
    """The folder, or the next one above it that is there."""
    return next((each for each in (folder, *folder.parents) if each.is_dir()), Path(folder.anchor))


def free_bytes(folder: Path) -> int:
    """What is free where a folder is or will be."""
    return shutil.disk_usage(_nearest(folder)).free


def _disk(folder: Path) -> int:
    return folder.stat().st_dev


def _memory(request: Request, outputs: Iterable[Output], chunks: int) -> int:
    """Of the tool that needs most. Its file is counted where all of it is read again and again:
    what does not stay in memory then comes from the disk each time."""
    most = max((each.planned.buffer_bytes for each in outputs if each.planned), default=0)
    if chunks or request.matrix is Matrix.COMPUTED:
        most = max(most, request.source.size_bytes + reading_bytes(request.summary))
    return round(most * request.scale) + _PROGRAM_BYTES


def reading_bytes(summary: ModelSummary) -> int:
    """What the engine's tools take to read a text one chunk at a time, besides the model.

    Logits of the graph and of the answers, the cache's keys and values (16 bits), the widest
    layer's values. Measured with vocabularies of 4,096 and 100,000: for each position and token of
    the vocabulary 6 bytes of llama-perplexity and 8 of llama-imatrix.
    """
    logits = (summary.vocab_size or 0) * CHUNK_TOKENS * 8
    heads = (summary.n_layers or 0) * (summary.n_kv_heads or 0)
    cache = heads * ((summary.head_dim_k or 0) + (summary.head_dim_v or 0)) * CHUNK_TOKENS * 2
    width = 8 * (summary.embedding_length or 0) + 2 * (summary.feed_forward_length or 0)
    return logits + cache + 4 * CHUNK_TOKENS * width


def _seconds(request: Request, rates: Rates, chunks: int) -> Figure | None:
    """How long all of it takes; None where something of it is not known at all."""
    weights, whole = _weights(request), request.summary.quant_type
    parts = []
    for each in request.outputs:
        rate = rates.of_making(each.recipe.quant_type)
        parts.append(rate and rate.seconds_for(weights))
    if request.matrix is Matrix.COMPUTED:
        chunk = rates.chunk_seconds(whole, weights)
        parts.append(chunk and chunk.times(request.matrix_chunks * _MATRIX_CHUNK))
    if any(each is None for each in parts):
        return None
    total = sum((each for each in parts if each), NOTHING)
    if not chunks:
        return total
    read = [rates.chunk_seconds(name, weights) for name in _readers(request)]
    if any(each is None for each in read):
        return None
    compared = sum((each.times(chunks + _SPEED_CHUNKS) for each in read if each), NOTHING)
    budget = request.budget_seconds
    return total + (compared if budget is None else compared.at_most(budget))


# --- what is wrong with it ------------------------------------------------------------------------


def _refusals(request: Request, outputs: Iterable[Output]) -> list[Json]:
    """What the job would be refused for."""
    found = []
    if request.source.quantized and not request.requantize:
        found.append(AppError(ErrorCode.QUANTIZE_AGAIN, path=str(request.source.path)))
    if request.matrix is Matrix.NONE:
        bare = [
            each.wanted.label for each in outputs if each.planned and each.planned.needs_imatrix
        ]
        if bare:
            found.append(AppError(ErrorCode.IMATRIX_NEEDED, types=", ".join(bare)))
    if not request.replace:
        paths = [str(each.wanted.path) for each in outputs if each.exists]
        found += [AppError(ErrorCode.OUTPUT_EXISTS, path=path) for path in paths]
    return [warning(error) for error in found]


def warning(error: AppError) -> Json:
    return {"code": error.code.value, "params": dict(error.params)}


def _disk_short(place: Path, need: int, free: int) -> Json | None:
    if need <= free:
        return None
    words = f"{need / (1 << 30):.2f} GiB are needed and {free / (1 << 30):.2f} GiB are free."
    return warning(AppError(ErrorCode.DISK_FULL, path=str(place), reason=words))


def _memory_short(need: int, available: int | None) -> list[Json]:
    if available is None or need <= available:
        return []
    params = {"need_gib": need / (1 << 30), "free_gib": available / (1 << 30)}
    return [{"code": "quant_memory", "params": params}]


def _describe(request: Request) -> Json:
    summary = request.summary
    return {
        "size_bytes": round(request.source.size_bytes * request.scale),
        "bits_per_weight": summary.bits_per_weight,
        "quantized": request.source.quantized,
        "architecture": summary.architecture,
        "parameters": _weights(request) or None,
    }
