"""Merging LoRA adapters into a model: what they change becomes part of the weights."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken, Progress, Reporter
from quantize import tool
from quantize.checkpoint import same_file
from quantize.recipe import progress_of
from quantize.whole import Model, keep, making

EXPORTER = "llama-export-lora"
# What the exporter says where adapters change different tensors.
_DIFFERENT = "do not have the same list of tensors"
_ONE_TENSOR = ("merge_tensor : ", "copy_tensor : ")


@dataclass(frozen=True)
class Scaled:
    """An adapter and how strongly it is merged; `sha256` is of the file's content."""

    path: Path
    scale: float
    sha256: str


def merge(
    tools: Callable[[str], Path],
    source: Model,
    adapters: Sequence[Scaled],
    target: Path,
    *,
    in_parts: bool,
    threads: int | None,
    engine: str,
    check: Callable[[Path], None],
    work: Path,
    reporter: Reporter,
    cancel: CancelToken,
) -> dict[str, Any]:
    """Make `target` of a model and adapters; a file with that name is replaced.

    What an adapter changes is stored as F16 (F32 where it was F32), all other tensors as they are.
    Beside the file lies `NAME.made.json` with what it was made of.

    Args:
        tools: llama-export-lora and llama-quantize of the build.
        in_parts: the model lies in several files, or was joined of them: the exporter takes a
            model only where nothing in it speaks of parts, so a plain copy is made first.
        check: raises what is wrong with the file that was made, before it gets its name.
        work: a folder for what the exporter sees besides.

    Returns: {"path", "size_bytes", "seconds", "made_from"}.

    Raises:
        AppError: DISK_FULL, BAD_REQUEST, ENGINE_TOOL_FAILED, CANCELLED; nothing is left behind.
    """
    started = time.monotonic()
    work.mkdir(parents=True, exist_ok=True)
    private = Path(tempfile.mkdtemp(dir=work))
    need = source.size_bytes * (2 if in_parts else 1)
    try:
        with making(target, need) as unfinished:
            model = source.path
            if in_parts:
                model = unfinished / "plain.gguf"
                _copy(tools("llama-quantize"), source.path, model, reporter, cancel)
            made = unfinished / "model.gguf"
            command: list[str | Path] = [tools(EXPORTER), "-m", model]
            command += ["-t", str(threads)] if threads is not None else []
            for number, each in enumerate(adapters):
                # Names without commas and colons, which mean something else there.
                same_file(each.path, private / f"adapter-{number}.gguf")
                command += ["--lora-scaled", f"adapter-{number}.gguf:{each.scale!r}"]
            command += ["-o", made]
            _export(command, private, source.size_bytes, reporter, cancel)
            check(made)
            cancel.raise_if_cancelled()
            document = {
                "seconds": time.monotonic() - started,
                "made_from": {
                    "sha256": dict(source.sha256),
                    "adapters": [{"sha256": each.sha256, "scale": each.scale} for each in adapters],
                    "engine": engine,
                },
            }
            return keep(made, target, document)
    finally:
        shutil.rmtree(private, ignore_errors=True)


def _copy(
    quantizer: Path, model: Path, target: Path, reporter: Reporter, cancel: CancelToken
) -> None:
    """One file with the same tensors, without what says that there were several."""

    def on_line(line: str) -> None:
        step = progress_of(line)
        if step is not None:
            reporter.progress(Progress("joining the parts", step[0] - 1, step[1], "tensors"))

    tool.run([quantizer, model, target, "COPY"], cancel, on_line)


def _export(
    command: Sequence[str | Path],
    private: Path,
    size_bytes: int,
    reporter: Reporter,
    cancel: CancelToken,
) -> None:
    made, lines = Path(command[-1]), list[str]()

    def on_line(line: str) -> None:
        lines.append(line)
        if line.startswith(_ONE_TENSOR) and made.exists():
            done = min(made.stat().st_size, size_bytes)
            reporter.progress(Progress("merging", done, size_bytes, "bytes"))

    reporter.progress(Progress("merging", 0, size_bytes, "bytes"))
    try:
        tool.run(command, cancel, on_line, workdir=private)
    except AppError as error:
        if any(_DIFFERENT in line for line in lines):
            reason = "These adapters change different tensors. Merge them one after another."
            raise AppError(ErrorCode.BAD_REQUEST, reason=reason) from error
        raise
