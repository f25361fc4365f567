"""The importance matrix: which weights matter, learned by running the model on a text.

It is computed in parts of some chunks, each a run of the tool that goes on from the matrix of those
before (`--in-file`, `--from-chunk`), so that a job that was killed goes on from its last part. The
tool's own copies (`--save-frequency`) will not do: it writes them in the middle of a chunk, when
that is counted for one tensor and not yet for the others.
"""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken, Progress, Reporter
from desktop.core.gguf.local import read_header
from quantize import tool
from quantize.make import ROOM_BYTES, UNFINISHED, check_room
from quantize.text import CHUNK_TOKENS

PART = ".part"
# What a killed job may lose, and against what starting the tool anew is little. It says nothing
# while it works, so this is how often progress is told, too.
PART_SECONDS = 30.0
FIRST_CHUNKS = 8
# The tool refuses to begin where two chunks or less are left.
_LEAST_REST = 3
_CHUNKS_KEY = "imatrix.chunk_count"
_WHAT = "importance matrix"


def compute(
    runner: Path,
    model: Path,
    text: Path,
    target: Path,
    *,
    chunks: int,
    threads: int | None = None,
    reporter: Reporter,
    cancel: CancelToken,
) -> None:
    """Compute `target` from the model's activations on a text.

    What an interrupted run of the same work had stored beside the target is gone on from.

    Args:
        runner: llama-imatrix.
        chunks: so many of CHUNK_TOKENS tokens; the text has them.

    Raises:
        AppError: TEXT_TOO_SHORT, DISK_FULL, ENGINE_TOOL_FAILED, CANCELLED; under its own name the
            target is whole or not there.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    part, unfinished = part_of(target), target.with_name(target.name + UNFINISHED)
    done = chunks_of(part)
    if done > chunks:
        done = 0
    if done:
        reporter.log(f"The importance matrix goes on after {done} of {chunks} chunks.")
    steps = FIRST_CHUNKS
    seconds: float | None = None
    try:
        while done < chunks:
            until = done + steps
            if chunks - until < _LEAST_REST:
                until = chunks
            left = None if seconds is None else {"seconds_left": seconds * (chunks - done)}
            reporter.progress(Progress(_WHAT, done, chunks, "chunks", left))
            started = time.monotonic()
            # Its name goes into every file that is made with the matrix; where it lies is nobody's
            # business.
            command: list[str | Path] = [runner, "-m", model.absolute(), "-f", text.name]
            command += ["-o", unfinished.absolute()]
            # One chunk at a time: memory for one, and a part ends with a whole one.
            command += ["-c", str(CHUNK_TOKENS), "-b", str(CHUNK_TOKENS), "--no-ppl"]
            command += ["--chunks", str(until - done)]
            command += ["-t", str(threads)] if threads is not None else []
            if done:
                command += ["--in-file", part.absolute(), "--from-chunk", str(done)]
            try:
                tool.run(command, cancel, most_lines=1000, workdir=text.parent)
            except AppError as error:
                raise short_text(error, text) from error
            if chunks_of(unfinished) != until:
                check_room(target.parent, ROOM_BYTES)  # it may have filled the disk
                raise tool.failed(runner.name, "It wrote no whole importance matrix.")
            os.replace(unfinished, part)
            seconds = (time.monotonic() - started) / (until - done)
            steps = max(FIRST_CHUNKS, round(PART_SECONDS / max(seconds, 1e-3)))
            done = until
        os.replace(part, target)
    finally:
        with contextlib.suppress(FileNotFoundError):
            unfinished.unlink()
    reporter.progress(Progress(_WHAT, chunks, chunks, "chunks"))


def part_of(target: Path) -> Path:
    """Where the chunks that are done lie until all of them are."""
    return target.with_name(target.stem + PART + target.suffix)


def chunks_of(path: Path) -> int:
    """How many chunks a matrix was computed from; 0 where it is not there or damaged."""
    try:
        count = read_header(path).values.get(_CHUNKS_KEY)
    except AppError:
        return 0
    return count if isinstance(count, int) else 0


def short_text(error: AppError, text: Path) -> AppError:
    """A tool's complaint of too few tokens as TEXT_TOO_SHORT; another error as it is."""
    said = str(error.params.get("reason", ""))
    if error.code is ErrorCode.ENGINE_TOOL_FAILED and (
        "at least" in said or "not enough" in said or "too short" in said
    ):
        return AppError(ErrorCode.TEXT_TOO_SHORT, path=str(text), reason=said)
    return error
