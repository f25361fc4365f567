"""Running the engine's own tools for making models, and reading what they print."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from desktop.core import procs
from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken

OnLine = Callable[[str], None]


def run(
    command: Sequence[str | Path],
    cancel: CancelToken,
    on_line: OnLine = lambda line: None,
    *,
    check: bool = True,
    most_lines: int | None = None,
    environment: Mapping[str, str] | None = None,
    workdir: Path | None = None,
) -> list[str]:
    """Run a tool to its end; returns the lines it printed, on both streams, as they came.

    Args:
        check: its exit status counts.
        most_lines: keep only so many of the last ones; None: all.
        environment: its whole environment; a clean one by default.
        workdir: where it runs; an empty folder by default.

    Raises:
        AppError: CANCELLED (its whole tree has ended then); ENGINE_TOOL_FAILED with its own words.
    """
    name = Path(command[0]).name
    lines: deque[str] = deque(maxlen=most_lines)

    def take(raw: bytes) -> None:
        # The tools move the cursor with carriage returns; what counts is behind the last one.
        line = raw.decode("utf-8", "replace").rstrip("\r\n").rpartition("\r")[2]
        lines.append(line)
        on_line(line)

    try:
        outcome = procs.run(
            [str(part) for part in command],
            cancel=cancel,
            on_stdout=take,
            on_stderr=take,
            environment=environment,
            workdir=workdir,
        )
    except OSError as error:
        raise failed(name, error.strerror or str(error)) from error
    if check and not outcome.ok:
        killed = -outcome.returncode in _FROM_OUTSIDE  # then its last words are about nothing
        said = "" if killed else reason(list(lines))
        raise failed(name, said or procs.exit_words(outcome.returncode))
    return list(lines)


# Signals that somebody else sends: the system when memory runs out, or a person.
_FROM_OUTSIDE = (9, 15)


def failed(tool: str, why: str) -> AppError:
    return AppError(ErrorCode.ENGINE_TOOL_FAILED, tool=tool, reason=why)


def reason(lines: Sequence[str]) -> str:
    """Why a tool ended: the lines it marked as errors, else the last that speaks of one."""
    marked = [line for line in lines if _MARKED.match(line)]
    if marked:
        return " ".join(_plain(line) for line in marked[-2:])
    for line in reversed(lines):
        words = line.lower()
        if "error" in words or "failed" in words or "abort" in words:
            return _plain(line)
    return _plain(lines[-1]) if lines else ""


# The tools put a clock and a letter for the level before what they log.
_MARKED = re.compile(r"^[\d.]+ E ")
_HEAD = re.compile(r"^[\d.]+ [A-Z] +(?:\w+: )?")


def _plain(line: str) -> str:
    text = _HEAD.sub("", line).strip()
    text = text[:1].upper() + text[1:]
    return text if not text or text[-1] in ".!?" else f"{text}."
