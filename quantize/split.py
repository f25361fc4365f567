"""Cutting a model into several files and making one of them again; its weights stay as they are."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken, Progress, Reporter
from desktop.core.gguf.split import part_names
from quantize import tool
from quantize.whole import Model, keep, making, on_disk

SPLITTER = "llama-gguf-split"
# What llama-gguf-split counts sizes in.
MEGABYTE = 1_000_000
_PART = re.compile(r"^split \d+: n_tensors = \d+, total_size = (\d+)M$")
_NONE_FITS = "splits have 0 tensors"


@dataclass(frozen=True)
class Limit:
    """How much a part may hold; one of the two is given."""

    bytes: int | None = None
    tensors: int | None = None

    def arguments(self, source: Model) -> list[str]:
        """Raises:
        AppError: SPLIT_IMPOSSIBLE, where the header alone is larger.
        """
        if self.bytes is None:
            return ["--split-max-tensors", str(self.tensors)]
        # The tool counts tensors only.
        room = (self.bytes - source.header_bytes) // MEGABYTE
        if room < 1:
            least = -(-source.header_bytes // MEGABYTE) + 1
            reason = f"What describes the model takes up that much: {least} MB are the least."
            raise AppError(ErrorCode.SPLIT_IMPOSSIBLE, path=str(source.path), reason=reason)
        return ["--split-max-size", f"{room}M"]


def count_parts(splitter: Path, source: Model, limit: Limit, cancel: CancelToken) -> int:
    """How many parts it would be; nothing is written.

    Raises:
        AppError: SPLIT_IMPOSSIBLE, ENGINE_TOOL_FAILED, CANCELLED.
    """
    command: list[str | Path] = [splitter, "--split", "--dry-run", *limit.arguments(source)]
    command += [source.path, "parts"]
    lines: list[str] = []
    try:
        tool.run(command, cancel, lines.append)
    except AppError as error:
        if any(_NONE_FITS in line for line in lines):
            raise _too_large(source) from error
        raise
    sizes = [int(found[1]) for line in lines if (found := _PART.match(line)) is not None]
    if limit.bytes is not None and max(sizes, default=0) * MEGABYTE > limit.bytes:
        raise _too_large(source)
    if len(sizes) < 2:
        reason = "All of it would be one part."
        raise AppError(ErrorCode.SPLIT_IMPOSSIBLE, path=str(source.path), reason=reason)
    return len(sizes)


def _too_large(source: Model) -> AppError:
    reason = "One of its tensors alone is larger than a part may be."
    return AppError(ErrorCode.SPLIT_IMPOSSIBLE, path=str(source.path), reason=reason)


def parts_of(prefix: Path, count: int) -> list[Path]:
    """The files of a split model, in order."""
    first = f"{prefix.name}-00001-of-{count:05}.gguf"
    return [prefix.with_name(name) for name in part_names(first)]


def split(
    splitter: Path,
    source: Model,
    prefix: Path,
    limit: Limit,
    *,
    count: int,
    engine: str,
    check: Callable[[Sequence[Path]], None],
    reporter: Reporter,
    cancel: CancelToken,
) -> dict[str, Any]:
    """Cut a model into `PREFIX-00001-of-0000N.gguf` and so on: all of them, or none.

    Files with these names are replaced. Beside the first lies `NAME.made.json`.

    Args:
        count: what `count_parts` says.
        check: raises what is wrong with the parts that were made, before they get their names.

    Returns: {"path": the first, "paths", "size_bytes", "seconds", "made_from"}.

    Raises:
        AppError: DISK_FULL, ENGINE_TOOL_FAILED, CANCELLED; nothing is left behind then.
    """
    started = time.monotonic()
    targets = parts_of(prefix, count)
    with making(prefix, source.size_bytes) as unfinished:
        command: list[str | Path] = [splitter, "--split", *limit.arguments(source)]
        command += [source.path, unfinished / prefix.name]
        _follow(command, "splitting", source, reporter, cancel)
        made = [unfinished / target.name for target in targets]
        if sorted(unfinished.iterdir()) != made:
            raise tool.failed(SPLITTER, f"It did not make the {count} parts that it planned.")
        check(made)
        sizes = [path.stat().st_size for path in made]
        if limit.bytes is not None and max(sizes) > limit.bytes:
            raise _too_large(source)
        cancel.raise_if_cancelled()
        document = {
            "parts": [target.name for target in targets],
            "seconds": time.monotonic() - started,
            "made_from": {"sha256": dict(source.sha256), "engine": engine},
        }
        given: list[Path] = []
        try:
            # The first one last: only then is there a model to be found.
            for path, target in list(zip(made, targets, strict=True))[:0:-1]:
                on_disk(path)
                os.replace(path, target)
                given.append(target)
            kept = keep(made[0], targets[0], document)
        except OSError:
            for target in given:
                target.unlink(missing_ok=True)
            raise
    return {**kept, "paths": [str(target) for target in targets], "size_bytes": sum(sizes)}


def join(
    splitter: Path,
    source: Model,
    target: Path,
    *,
    engine: str,
    check: Callable[[Path], None],
    reporter: Reporter,
    cancel: CancelToken,
) -> dict[str, Any]:
    """Make one file of a split model; a file with that name is replaced.

    Args:
        check: raises what is wrong with the file that was made, before it gets its name.

    Returns: {"path", "size_bytes", "seconds", "made_from"}.

    Raises:
        AppError: DISK_FULL, ENGINE_TOOL_FAILED, CANCELLED; nothing is left behind then.
    """
    started = time.monotonic()
    with making(target, source.size_bytes) as unfinished:
        made = unfinished / "model.gguf"
        command: list[str | Path] = [splitter, "--merge", source.path, made]
        _follow(command, "joining", source, reporter, cancel)
        check(made)
        cancel.raise_if_cancelled()
        document = {
            "seconds": time.monotonic() - started,
            "made_from": {"sha256": dict(source.sha256), "engine": engine},
        }
        return keep(made, target, document)


def _follow(
    command: Sequence[str | Path],
    what: str,
    source: Model,
    reporter: Reporter,
    cancel: CancelToken,
) -> None:
    """Run the tool; it says a line for each part, by which time the part is written."""
    total, folder = source.size_bytes, Path(command[-1]).parent

    def on_line(line: str) -> None:
        written = sum(path.stat().st_size for path in folder.iterdir())
        reporter.progress(Progress(what, min(written, total), total, "bytes"))

    reporter.progress(Progress(what, 0, total, "bytes"))
    tool.run(command, cancel, on_line)
