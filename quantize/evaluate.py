"""What a quantized file lost: its answers to a text compared with those of the whole model.

The whole model's log-probabilities for every token of the text are computed once and kept while
the files made of it are compared (`llama-perplexity --kl-divergence-base`).
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from desktop.core.errors import AppError
from desktop.core.events import CancelToken, Progress, Reporter
from quantize import tool
from quantize.imatrix import short_text
from quantize.make import ROOM_BYTES, UNFINISHED, check_room

CHUNK_TOKENS = 512
# The base file holds 2 bytes for each token of the vocabulary at each position of a chunk's second
# half, and a head (`log_probs` in tools/perplexity).
_BYTES = 2
_CHUNKS = re.compile(r"(?:calculating perplexity|computing) over (\d+) chunks")
_BASE_DONE = re.compile(r"\[(\d+)\][\d.]+,")
_ROW = re.compile(
    r"^\s*(?P<chunk>\d+)\s+(?P<ppl>[\d.]+) ± +(?P<ppl_error>[\d.]+)\s+"
    r"(?P<ratio>-?[\d.]+) ± +(?P<ratio_error>[\d.]+)\s+"
    r"(?P<kld>-?[\d.]+) ± +(?P<kld_error>[\d.]+)\s+"
    r"(?P<rms>[\d.]+) ± +(?P<rms_error>[\d.]+) %\s+"
    r"(?P<same>[\d.]+) ± +(?P<same_error>[\d.]+) %"
)
_STATISTIC = re.compile(r"^(?P<name>[A-Za-z0-9.%() /]+?) *: +(?P<value>-?[\d.]+)(?: ± +([\d.]+))?")
_BASE_PPL = re.compile(r"Final estimate: PPL = ([\d.]+) \+/- ([\d.]+)")
# WORKAROUND(the tool ends before its log thread has written the last lines, seen in one of three
# short runs, drop when it flushes): so often it is run again for them, where that takes no longer.
TRIES = 4
WORTH_SECONDS = 90.0


@dataclass(frozen=True)
class Loss:
    """What a file loses against the whole model on a text. Errors are standard errors.

    Attributes:
        kld_mean, kld_median, kld_99: Kullback-Leibler divergence in nats per token; the last two
            are None where the tool did not print them.
        same_top_rate: how often both think the same token most likely, 0 to 1.
        perplexity_ratio_log: mean of ln(PPL of the file / PPL of the whole model).
    """

    chunks: int
    perplexity: float
    perplexity_error: float
    perplexity_ratio_log: float
    kld_mean: float
    kld_error: float
    kld_median: float | None
    kld_99: float | None
    same_top_rate: float
    same_top_error: float

    def to_dict(self) -> dict[str, Any]:
        return dict(vars(self))


def base_bytes(vocabulary: int, chunks: int) -> int:
    """How large the base file of so many chunks gets."""
    return chunks * (CHUNK_TOKENS // 2) * (vocabulary + 4) * _BYTES


def chunks_within(vocabulary: int, limit_bytes: int) -> int:
    """How many chunks' base fits into so many bytes; at least one."""
    return max(1, limit_bytes // base_bytes(vocabulary, 1))


def make_base(
    runner: Path,
    model: Path,
    text: Path,
    target: Path,
    *,
    chunks: int,
    vocabulary: int,
    reporter: Reporter,
    cancel: CancelToken,
) -> float:
    """Compute the whole model's answers to a text; returns its perplexity.

    Raises:
        AppError: TEXT_TOO_SHORT, DISK_FULL, ENGINE_TOOL_FAILED, CANCELLED; no half file is left.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    check_room(target.parent, base_bytes(vocabulary, chunks) + ROOM_BYTES)
    unfinished = target.with_name(target.name + UNFINISHED)
    command: list[str | Path] = [runner, "-m", model, "-f", text, "-c", str(CHUNK_TOKENS)]
    command += ["--chunks", str(chunks), "--kl-divergence-base", unfinished]
    follow = _Follow("evaluating the whole model", reporter, _BASE_DONE)
    try:
        try:
            lines = tool.run(command, cancel, follow.line)
        except AppError as error:
            raise short_text(error, text) from error
        if not unfinished.exists():
            raise tool.failed(runner.name, "It kept no answers of the whole model.")
        os.replace(unfinished, target)
    finally:
        with contextlib.suppress(FileNotFoundError):
            unfinished.unlink()
    for line in lines:
        found = _BASE_PPL.search(line)
        if found is not None:
            return float(found[1])
    return float("nan")  # its last line was lost; every file's own is printed with its loss


def measure(
    runner: Path,
    model: Path,
    text: Path,
    base: Path,
    *,
    reporter: Reporter,
    cancel: CancelToken,
) -> Loss:
    """Compare a file with the whole model.

    Args:
        base: as `make_base` made it, of the same text.

    Raises:
        AppError: ENGINE_TOOL_FAILED, CANCELLED.
    """
    command: list[str | Path] = [runner, "-m", model, "-f", text, "-c", str(CHUNK_TOKENS)]
    command += ["--kl-divergence-base", base, "--kl-divergence"]
    loss: Loss | None = None
    for _ in range(TRIES):
        follow = _Follow(f"evaluating {model.stem}", reporter, _ROW)
        lines = tool.run(command, cancel, follow.line)
        found = read_loss(lines)
        loss = _better(loss, found)
        if loss is not None and loss.kld_99 is not None:
            return loss
        if follow.seconds > WORTH_SECONDS and loss is not None:
            return loss
    if loss is None:
        raise tool.failed(runner.name, "It printed no comparison.")
    return loss


def _better(one: Loss | None, other: Loss | None) -> Loss | None:
    """The one that knows more."""
    known = [each for each in (one, other) if each is not None]
    return max(known, key=lambda each: (each.kld_99 is not None, each.chunks), default=None)


def read_loss(lines: list[str]) -> Loss | None:
    """The figures in the lines of `llama-perplexity --kl-divergence`; None where there are none."""
    last: re.Match[str] | None = None
    statistics: dict[str, float] = {}
    for line in lines:
        row = _ROW.match(line)
        last = row or last
        found = None if row is not None else _STATISTIC.match(line)
        if found is not None:
            statistics[" ".join(found["name"].split())] = float(found["value"])
    if last is None:
        return None
    same = statistics.get("Same top p", float(last["same"]))
    return Loss(
        int(last["chunk"]),
        statistics.get("Mean PPL(Q)", float(last["ppl"])),
        float(last["ppl_error"]),
        statistics.get("Mean ln(PPL(Q)/PPL(base))", float(last["ratio"])),
        statistics.get("Mean KLD", float(last["kld"])),
        float(last["kld_error"]),
        statistics.get("Median KLD"),
        statistics.get("99.0% KLD"),
        same / 100,
        float(last["same_error"]) / 100,
    )


class _Follow:
    """Turns a tool's lines into progress, by chunks."""

    def __init__(self, what: str, reporter: Reporter, done: re.Pattern[str]) -> None:
        self._what = what
        self._reporter = reporter
        self._done = done
        self._total: int | None = None
        self._started = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._started

    def line(self, line: str) -> None:
        found = _CHUNKS.search(line)
        if found is not None:
            self._total = int(found[1])
            self._reporter.progress(Progress(self._what, 0, self._total, "chunks"))
        for match in self._done.finditer(line):
            done = int(match[1])
            self._reporter.progress(Progress(self._what, done, self._total, "chunks"))
