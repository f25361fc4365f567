"""The model that a job makes another one of: all its files, read and checked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import Progress
from desktop.core.gguf.split import part_names, parts_error
from desktop.core.gguf.summary import ModelSummary, merge
from desktop.core.gguf.words import shown
from desktop.core.jobs.kinds import JobContext
from quantize.make import sha256_of
from quantize.whole import Model

ReadSummary = Callable[[Path], ModelSummary]

# llama-gguf-split and llama-export-lora write tensors so far apart, whatever the file says
# (GGUF_DEFAULT_ALIGNMENT).
_ALIGNMENT = 32


@dataclass(frozen=True)
class Given:
    """All files of a model, in order, and what their headers say together."""

    paths: tuple[Path, ...]
    summary: ModelSummary


def given(path: Path, read: ReadSummary) -> Given:
    """The model that a file is, or is a part of.

    Raises:
        AppError: PATH_NOT_FOUND, GGUF_*, GGUF_SHARD_MISSING; BAD_REQUEST for one that the engine's
            tools would write wrongly.
    """
    paths = tuple(path.with_name(name) for name in part_names(path.name))
    missing = [each.name for each in paths if not each.is_file()]
    if len(paths) > 1 and missing:
        names = ", ".join(missing[:5]) + (" …" if len(missing) > 5 else "")
        raise AppError(
            ErrorCode.GGUF_SHARD_MISSING, path=shown(path), count=len(paths), missing=names
        )
    parts = [read(each) for each in paths]
    if (wrong := parts_error([shown(each) for each in paths], parts)) is not None:
        raise wrong
    summary = merge(parts)
    if summary.alignment != _ALIGNMENT:
        reason = f"{path.name} has its tensors {summary.alignment} bytes apart; the engine's tool "
        raise AppError(ErrorCode.BAD_REQUEST, reason=f"{reason}writes {_ALIGNMENT} only.")
    return Given(paths, summary)


def hashed(model: Given, context: JobContext) -> Model:
    """The model with its files' hashes, in the step "hash"."""
    sizes = [path.stat().st_size for path in model.paths]

    def work() -> dict[str, str]:
        found = {}
        for number, path in enumerate(model.paths):
            before = sum(sizes[:number])

            def tell(done: int, total: int, before: int = before) -> None:
                context.reporter.progress(
                    Progress("reading the model", before + done, sum(sizes), "bytes")
                )

            found[path.name] = sha256_of(path, context.cancel, tell)
        return found

    digests = context.step("hash", work)
    header_bytes = sum(sizes) - model.summary.tensor_bytes
    return Model(model.paths, digests, sum(sizes), header_bytes)
