"""The importance matrix: which weights matter, learned by running the model on a text."""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path

from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken, Progress, Reporter
from quantize import tool
from quantize.make import UNFINISHED

CHUNK_TOKENS = 512
_CHUNKS = re.compile(r"computing over (\d+) chunks")
_SHORT = re.compile(r"you need at least (\d+) tokens.*?(\d+) tokens", re.S)
_DONE = re.compile(r"\[(\d+)\]")
_STORED = re.compile(r"stored collected data after (\d+) chunks")


def compute(
    runner: Path,
    model: Path,
    text: Path,
    target: Path,
    *,
    chunks: int | None = None,
    threads: int | None = None,
    reporter: Reporter,
    cancel: CancelToken,
) -> None:
    """Compute `target` from the model's activations on a text.

    Args:
        runner: llama-imatrix.
        chunks: of CHUNK_TOKENS tokens, at most; None: the whole text.

    Raises:
        AppError: TEXT_TOO_SHORT, ENGINE_TOOL_FAILED, CANCELLED; no half file is left.
    """
    unfinished = target.with_name(target.name + UNFINISHED)
    command: list[str | Path] = [runner, "-m", model, "-f", text, "-o", unfinished]
    command += ["-c", str(CHUNK_TOKENS), "--no-ppl", "--output-frequency", "10"]
    if chunks is not None:
        command += ["--chunks", str(chunks)]
    if threads is not None:
        command += ["-t", str(threads)]
    total: int | None = None

    def on_line(line: str) -> None:
        nonlocal total
        found = _CHUNKS.search(line)
        if found is not None:
            total = int(found[1])
            reporter.progress(Progress("importance matrix", 0, total, "chunks"))
        for stored in _STORED.finditer(line):
            reporter.progress(Progress("importance matrix", int(stored[1]), total, "chunks"))

    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        try:
            tool.run(command, cancel, on_line)
        except AppError as error:
            raise short_text(error, text) from error
        if not unfinished.exists():
            raise tool.failed(runner.name, "It wrote no importance matrix.")
        os.replace(unfinished, target)
    finally:
        with contextlib.suppress(FileNotFoundError):
            unfinished.unlink()
    reporter.progress(Progress("importance matrix", total or 1, total or 1, "chunks"))


def short_text(error: AppError, text: Path) -> AppError:
    """A tool's complaint of too few tokens as TEXT_TOO_SHORT; another error as it is."""
    said = str(error.params.get("reason", ""))
    if error.code is ErrorCode.ENGINE_TOOL_FAILED and (
        "at least" in said or "not enough" in said or "too short" in said
    ):
        return AppError(ErrorCode.TEXT_TOO_SHORT, path=str(text), reason=said)
    return error
