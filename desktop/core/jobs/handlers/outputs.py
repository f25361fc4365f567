"""What jobs that make one file have in common: where it goes, and what is left of half a one."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from desktop.core.errors import AppError, ErrorCode
from quantize.whole import unfinished_of

# The name under which such a job keeps its target, for `remove_unfinished`.
OUTPUT = "output"


def text_of(params: dict[str, Any], name: str) -> str:
    """Raises:
    AppError: BAD_REQUEST where it is missing or no text.
    """
    value = params.get(name)
    if not isinstance(value, str) or not value:
        raise AppError(ErrorCode.BAD_REQUEST, reason=f"“{name}” is missing.")
    return value


def output_of(params: dict[str, Any], *, ours: bool = False) -> Path:
    """The file to make: `output`; one that exists only with `replace`.

    Args:
        ours: the job has made it already, before a restart.

    Raises:
        AppError: BAD_REQUEST, OUTPUT_EXISTS.
    """
    target = Path(text_of(params, "output")).absolute()
    if target.is_dir():
        raise AppError(ErrorCode.BAD_REQUEST, reason=f"{target} is a folder.")
    if target.exists() and not params.get("replace") and not ours:
        raise AppError(ErrorCode.OUTPUT_EXISTS, path=str(target))
    return target


def remove_unfinished(done: dict[str, Any]) -> None:
    """Remove what a killed tool left beside the target of a job."""
    target = done.get(OUTPUT)
    if isinstance(target, str):
        shutil.rmtree(unfinished_of(Path(target)), ignore_errors=True)
