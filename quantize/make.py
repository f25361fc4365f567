"""Making one quantized file: whole or not at all, with where it comes from written into it."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken, Progress, Reporter
from quantize import tool
from quantize.recipe import Planned, Recipe, plan, progress_of, read_plan

# The header and what the file system needs; tensors are counted to the byte.
ROOM_BYTES = 64 << 20
_BLOCK = 4 << 20
UNFINISHED = ".unfinished"
SIDECAR = ".made.json"


@dataclass(frozen=True)
class Source:
    """The model that files are made of.

    Attributes:
        sha256: of the file's content.
        quantized: its weights were quantized before: what was lost then stays lost.
    """

    path: Path
    sha256: str
    quantized: bool
    size_bytes: int


@dataclass(frozen=True)
class Made:
    """A finished file.

    Attributes:
        fallbacks: tensors that got another type than the recipe's.
        seconds: llama-quantize's whole run.
    """

    path: Path
    recipe: Recipe
    size_bytes: int
    bits_per_weight: float | None
    fallbacks: tuple[str, ...]
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        return {
            "path": str(self.path),
            "quant_type": self.recipe.quant_type,
            "recipe": self.recipe.to_dict(),
            "size_bytes": self.size_bytes,
            "bits_per_weight": self.bits_per_weight,
            "fallbacks": list(self.fallbacks),
            "seconds": self.seconds,
        }


def sha256_of(
    path: Path,
    cancel: CancelToken,
    tell: Callable[[int, int], None] = lambda done, total: None,
) -> str:
    """A file's hash.

    Args:
        tell: how many bytes of how many were read.
    """
    total, done, digest = path.stat().st_size, 0, hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            cancel.raise_if_cancelled()
            digest.update(block)
            done += len(block)
            tell(done, total)
    return digest.hexdigest()


def check_source(source: Source, *, requantize: bool) -> None:
    """Raises:
    AppError: QUANTIZE_AGAIN, for a quantized model without leave.
    """
    if source.quantized and not requantize:
        raise AppError(ErrorCode.QUANTIZE_AGAIN, path=str(source.path))


def check_room(folder: Path, needed_bytes: int) -> None:
    """Raises:
    AppError: DISK_FULL, with the need and what there is.
    """
    free = shutil.disk_usage(folder).free
    if free < needed_bytes:
        need, there = needed_bytes / (1 << 30), free / (1 << 30)
        raise AppError(
            ErrorCode.DISK_FULL,
            path=str(folder),
            reason=f"{need:.2f} GiB are needed and {there:.2f} GiB are free.",
        )


def make(
    quantizer: Path,
    source: Source,
    target: Path,
    recipe: Recipe,
    *,
    imatrix: Path | None = None,
    provenance: Mapping[str, str] | None = None,
    reporter: Reporter,
    cancel: CancelToken,
) -> Made:
    """Make `target` of the source by the recipe.

    The file is written under a temporary name beside it, so that under its own name it is whole. A
    file with that name is replaced. Beside it lies `NAME.made.json` with what it was made of.

    Args:
        provenance: short facts that go into the file's metadata, as `paddock.NAME`.

    Raises:
        AppError: DISK_FULL, ENGINE_TOOL_FAILED, CANCELLED; nothing is left behind then.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    planned: Planned = plan(quantizer, source.path, recipe, cancel, imatrix=imatrix)
    check_room(target.parent, planned.size_bytes + ROOM_BYTES)
    unfinished = target.with_name(target.name + UNFINISHED)
    facts = _facts(source, provenance or {})
    command: list[str | Path] = [quantizer, "--allow-requantize", *recipe.arguments()]
    if imatrix is not None:
        # Its path goes into the file as it stands here: its name says enough to others.
        command += ["--imatrix", imatrix.name]
    for name, value in facts.items():
        command += ["--override-kv", f"paddock.{name}=str:{value[:120]}"]
    command += [source.path.absolute(), unfinished.absolute(), recipe.quant_type]
    what = f"quantizing to {recipe.quant_type}"
    started = time.monotonic()

    def on_line(line: str) -> None:
        step = progress_of(line)
        if step is not None:
            reporter.progress(Progress(what, step[0] - 1, step[1], "tensors"))

    try:
        workdir = None if imatrix is None else imatrix.parent
        lines = tool.run(command, cancel, on_line, workdir=workdir)
        seconds = time.monotonic() - started
        done = read_plan(lines)
        with unfinished.open("rb") as file:
            os.fsync(file.fileno())
        size = unfinished.stat().st_size
        made = Made(target, recipe, size, done.bits_per_weight, planned.fallbacks, seconds)
        _write_sidecar(made, facts, imatrix)
        os.replace(unfinished, target)
    except AppError as error:
        if error.code is ErrorCode.ENGINE_TOOL_FAILED:
            check_room(target.parent, planned.size_bytes)  # others may have filled the disk
        raise
    finally:
        with contextlib.suppress(FileNotFoundError):
            unfinished.unlink()
    reporter.progress(Progress(what, planned.tensors, planned.tensors, "tensors"))
    return made


def made_alike(
    target: Path, source: Source, recipe: Recipe, provenance: Mapping[str, str]
) -> Made | None:
    """What is told of a file that is there, where it was made of the same source by the same
    recipe with the same provenance; else None."""
    try:
        document = json.loads(sidecar_of(target).read_text("utf-8"))
        same = (
            document["made_from"] == _facts(source, provenance)
            and Recipe.from_dict(document["recipe"]) == recipe
            and document["size_bytes"] == target.stat().st_size
        )
        made = Made(
            target,
            recipe,
            document["size_bytes"],
            document["bits_per_weight"],
            tuple(document["fallbacks"]),
            document["seconds"],
        )
    except (OSError, ValueError, KeyError, TypeError, AppError):  # another program's, or none
        return None
    return made if same else None


def _facts(source: Source, provenance: Mapping[str, str]) -> dict[str, str]:
    return {"source_sha256": source.sha256, **provenance}


def sidecar_of(target: Path) -> Path:
    return target.with_name(target.name + SIDECAR)


def _write_sidecar(made: Made, facts: dict[str, str], imatrix: Path | None) -> None:
    document = {**made.to_dict(), "path": made.path.name, "made_from": facts}
    document["imatrix"] = imatrix.name if imatrix is not None else None
    place = sidecar_of(made.path)
    fresh = place.with_name(place.name + UNFINISHED)
    fresh.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    os.replace(fresh, place)
