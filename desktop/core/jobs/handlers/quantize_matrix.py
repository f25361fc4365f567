"""The importance matrix of a job: kept from an earlier one, or computed and kept for the next."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from desktop.core.engine.runtime import Runtime
from desktop.core.jobs.kinds import JobContext
from quantize import imatrix, make
from quantize.kept import Kept
from quantize.text import CHUNK_TOKENS, Text

# The step, and where what it makes is kept.
STEP, _PLACE = "imatrix", "matrix"


def matrix_of(
    context: JobContext,
    kept: Kept,
    source: make.Source,
    path: Path,
    *,
    runtime: Runtime,
    text: Text,
    chunks: int | None,
    threads: int | None,
) -> Path:
    """The matrix of a text; an interrupted computation goes on.

    Args:
        path, text: the text, and what the model reads in it.
        chunks: of the text at most; None: all of it.

    Raises:
        AppError: DISK_FULL, ENGINE_TOOL_FAILED, CANCELLED.
    """
    count = min(text.chunks, chunks or text.chunks)
    depends = {
        "source": source.sha256,
        "text": text.sha256,
        "chunks": count,
        "context": CHUNK_TOKENS,
        "engine": runtime.version.text,
    }
    place = kept.place("imatrix", depends, ".gguf")
    context.keep(_PLACE, str(place))
    known = kept.find(place, context.cancel)
    if known is not None:
        if STEP not in context.done:
            context.reporter.log("The importance matrix is kept from before.")
            context.keep(STEP, known)
        return place

    def compute() -> dict[str, Any]:
        imatrix.compute(
            runtime.tool("llama-imatrix"),
            source.path,
            path,
            place,
            chunks=count,
            threads=threads,
            reporter=context.reporter,
            cancel=context.cancel,
        )
        told = {"chunks": count}
        kept.put(place, told, context.cancel)
        return told

    context.done.pop(STEP, None)  # it was removed for others since
    context.step(STEP, compute)
    return place


def remove_half_matrix(done: Mapping[str, Any]) -> None:
    """What a job that does not go on had computed of its matrix."""
    place = done.get(_PLACE)
    if isinstance(place, str):
        imatrix.part_of(Path(place)).unlink(missing_ok=True)
