"""What a quantized file lost: its answers to a text compared with those of the whole model.

The whole model's log-probabilities for every token of the text are computed once and kept while
the files made of it are compared (`llama-perplexity --kl-divergence-base`).
"""

from __future__ import annotations

import contextlib
import os
import re
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken, Progress, Reporter
from quantize import tool
from quantize.imatrix import short_text
from quantize.loss import ROW, Loss, read_loss
from quantize.make import ROOM_BYTES, UNFINISHED, check_room
from quantize.text import CHUNK_TOKENS

# The base file holds 2 bytes for each token of the vocabulary at each position of a chunk's second
# half, and a head (`log_probs` in tools/perplexity).
_BYTES = 2
_POSITIONS = CHUNK_TOKENS - 1 - CHUNK_TOKENS // 2
_HEAD = struct.Struct("<8sIii")  # "_logits_", context, vocabulary, chunks; then the text's tokens
_MAGIC = b"_logits_"
# So much disk for it, and so many chunks where that is plenty: beyond them an interval of 4-bit
# files is narrower than what they differ by.
BASE_BYTES = 4 << 30
MOST_CHUNKS = 100
_CHUNKS = re.compile(r"(?:calculating perplexity|computing) over (\d+) chunks")
# With `--ppl-output-type 1` a line a chunk: its first token, perplexity so far, mean, its error.
_BASE_LINE = re.compile(r"^\s*(\d+)\s+([\d.]+)\s+(-?[\d.]+)\s+([\d.]+)\s*$")
# WORKAROUND(the tool ends before its log thread has written the last lines, seen in one of three
# short runs, drop when it flushes): so often it is run again for them, where that takes no longer.
TRIES = 6
WORTH_SECONDS = 90.0
# Median and 99 % come at the end only: they are worth the last tenth of the time.
_NEARLY_ALL = 0.9


@dataclass(frozen=True)
class Base:
    """The whole model's answers.

    Attributes:
        perplexity: of the whole model, with its standard error; None where its lines were lost.
        told_chunks: of how many that is: those lines that were not lost.
        chunks: so many are in it.
    """

    perplexity: float | None
    perplexity_error: float | None
    told_chunks: int
    chunks: int

    def to_dict(self) -> dict[str, Any]:
        return dict(vars(self))


def base_bytes(vocabulary: int, chunks: int) -> int:
    """How large the base file of so many chunks gets."""
    tokens = chunks * CHUNK_TOKENS * 4
    # A position is an even number of values.
    values = chunks * _POSITIONS * (2 * ((vocabulary + 1) // 2) + 4)
    return _HEAD.size + tokens + values * _BYTES


def chunks_within(vocabulary: int, limit_bytes: int) -> int:
    """How many chunks' base fits into so many bytes; at least one."""
    return max(1, limit_bytes // base_bytes(vocabulary, 1))


def base_chunks(path: Path) -> int:
    """How many chunks a base file holds; 0 where it is not there whole."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD.size)
        magic, context, vocabulary, chunks = _HEAD.unpack(head)
        size = path.stat().st_size
    except (OSError, struct.error):
        return 0
    whole = magic == _MAGIC and context == CHUNK_TOKENS and chunks > 0
    return chunks if whole and size == base_bytes(vocabulary, chunks) else 0


def make_base(
    runner: Path,
    model: Path,
    text: Path,
    target: Path,
    *,
    chunks: int,
    vocabulary: int,
    threads: int | None = None,
    reporter: Reporter,
    cancel: CancelToken,
) -> Base:
    """Compute the whole model's answers to a text.

    Raises:
        AppError: TEXT_TOO_SHORT, DISK_FULL, ENGINE_TOOL_FAILED, CANCELLED; no half file is left.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    need = base_bytes(vocabulary, chunks) + ROOM_BYTES
    check_room(target.parent, need)
    unfinished = target.with_name(target.name + UNFINISHED)
    command = _command(runner, model, text, threads)
    command += ["--chunks", str(chunks), "--ppl-output-type", "1"]
    follow = _Follow("evaluating the whole model", reporter, _base_row)
    try:
        try:
            tool.run([*command, "--kl-divergence-base", unfinished], cancel, follow.line)
        except AppError as error:
            if error.code is ErrorCode.ENGINE_TOOL_FAILED:
                check_room(target.parent, ROOM_BYTES)
            raise short_text(error, text) from error
        made = base_chunks(unfinished)
        if not made:  # the tool does not notice that the disk is full
            written = unfinished.stat().st_size if unfinished.exists() else 0
            check_room(target.parent, max(ROOM_BYTES, need - written))
            raise tool.failed(runner.name, "It kept no answers of the whole model.")
        os.replace(unfinished, target)
    finally:
        with contextlib.suppress(FileNotFoundError):
            unfinished.unlink()
    perplexity = error_of_it = None
    if follow.last is not None:
        perplexity = float(follow.last[2])
        error_of_it = perplexity * float(follow.last[4])
    return Base(perplexity, error_of_it, follow.done, made)


def probe(
    runner: Path,
    model: Path,
    text: Path,
    *,
    chunks: int,
    threads: int | None = None,
    reporter: Reporter,
    cancel: CancelToken,
) -> tuple[float, float]:
    """How fast a model reads a text: seconds to load it, and for each chunk.

    Args:
        chunks: two at least; the first one warms up.

    Raises:
        AppError: TEXT_TOO_SHORT, ENGINE_TOOL_FAILED, CANCELLED.
    """
    command = _command(runner, model, text, threads)
    command += ["--chunks", str(chunks), "--ppl-output-type", "1"]
    follow = _Follow("trying how fast it goes", reporter, _base_row)
    try:
        tool.run(command, cancel, follow.line)
    except AppError as error:
        raise short_text(error, text) from error
    load, each = follow.load_seconds, follow.seconds_per_chunk
    if load is None or each is None:  # its lines were lost: how long all of it took is known
        return 0.0, follow.seconds / chunks
    return load, each


def measure(
    runner: Path,
    model: Path,
    text: Path,
    base: Path,
    *,
    threads: int | None = None,
    most_seconds: float | None = None,
    fewest_chunks: int = 1,
    reporter: Reporter,
    cancel: CancelToken,
) -> Loss:
    """Compare a file with the whole model.

    Args:
        base: as `make_base` made it, of the same text.
        most_seconds: after them it is stopped, when `fewest_chunks` are compared and more than the
            last few are missing: what they say is the result then.

    Raises:
        AppError: ENGINE_TOOL_FAILED, CANCELLED.
    """
    command = [*_command(runner, model, text, threads), "--kl-divergence-base", base]
    command.append("--kl-divergence")
    loss: Loss | None = None
    late = None if most_seconds is None else time.monotonic() + most_seconds
    for _ in range(TRIES):
        follow = _Follow(f"evaluating {model.stem}", reporter, _file_row)
        lines, ended = _run_until(command, follow, late, fewest_chunks, cancel)
        loss = _better(loss, read_loss(lines))
        if loss is not None and (loss.kld_99 is not None or not ended):
            return loss
        again = time.monotonic() + follow.seconds
        if loss is not None and (follow.seconds > WORTH_SECONDS or (late or again) < again):
            return loss
    if loss is None:
        raise tool.failed(runner.name, "It printed no comparison.")
    return loss


def _command(runner: Path, model: Path, text: Path, threads: int | None) -> list[str | Path]:
    # One chunk at a time: it is no slower, a line a chunk, and a quarter of the logits in memory.
    size = str(CHUNK_TOKENS)
    command: list[str | Path] = [runner, "-m", model, "-f", text, "-c", size, "-b", size]
    return command if threads is None else [*command, "-t", str(threads)]


def _run_until(
    command: list[str | Path],
    follow: _Follow,
    late: float | None,
    fewest: int,
    cancel: CancelToken,
) -> tuple[list[str], bool]:
    """Run the tool to its end, or to a time when enough is done; whether it came to its end."""
    lines: list[str] = []
    stop = CancelToken()

    def take(line: str) -> None:
        lines.append(line)
        follow.line(line)
        enough = fewest <= follow.done < _NEARLY_ALL * follow.total
        if late is not None and enough and time.monotonic() > late:
            stop.cancel()

    undo = cancel.on_cancel(stop.cancel)
    try:
        tool.run(command, stop, take)
    except AppError as error:
        if error.code is not ErrorCode.CANCELLED or cancel.cancelled:
            raise
        return lines, False
    finally:
        undo()
    return lines, True


def _better(one: Loss | None, other: Loss | None) -> Loss | None:
    """The one that knows more."""
    known = [each for each in (one, other) if each is not None]
    return max(known, key=lambda each: (each.kld_99 is not None, each.chunks), default=None)


def _base_row(line: str) -> tuple[int, re.Match[str]] | None:
    found = _BASE_LINE.match(line)
    return None if found is None else (int(found[1]) // CHUNK_TOKENS + 1, found)


def _file_row(line: str) -> tuple[int, re.Match[str]] | None:
    found = ROW.match(line)
    return None if found is None else (int(found["chunk"]), found)


class _Follow:
    """Turns a tool's lines into progress by chunks, and sees how fast it is.

    Attributes:
        done, total: chunks; 0 before they are known.
        last: the row of the last chunk.
    """

    def __init__(
        self,
        what: str,
        reporter: Reporter,
        row: Callable[[str], tuple[int, re.Match[str]] | None],
    ) -> None:
        self._what = what
        self._reporter = reporter
        self._row = row
        self.done = 0
        self.total = 0
        self.last: re.Match[str] | None = None
        self._started = time.monotonic()
        self._first: float | None = None
        self._latest = self._started

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._started

    @property
    def seconds_per_chunk(self) -> float | None:
        """Of those after the first, which warms up; None where there was no other."""
        if self._first is None or self.done < 2:
            return None
        return (self._latest - self._first) / (self.done - 1)

    @property
    def load_seconds(self) -> float | None:
        """Until the first chunk began."""
        each = self.seconds_per_chunk
        if self._first is None or each is None:
            return None
        return max(0.0, self._first - self._started - each)

    def line(self, line: str) -> None:
        found = _CHUNKS.search(line)
        if found is not None:
            self.total = int(found[1])
            self._reporter.progress(Progress(self._what, 0, self.total, "chunks"))
        row = self._row(line)
        if row is None:
            return
        self.done, self.last = row
        self._latest = time.monotonic()
        if self._first is None:
            self._first = self._latest
        each = self.seconds_per_chunk
        detail = None if each is None else {"seconds_left": each * (self.total - self.done)}
        self._reporter.progress(
            Progress(self._what, self.done, self.total or None, "chunks", detail)
        )
