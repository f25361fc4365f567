"""Files that get their names when they are whole, with what they were made of beside them."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from desktop.core.errors import AppError, ErrorCode
from quantize.make import ROOM_BYTES, UNFINISHED, check_room, sidecar_of


@dataclass(frozen=True)
class Model:
    """A model that another one is made of.

    Attributes:
        paths: its files in order.
        sha256: of each file's content, by its name.
        header_bytes: what of them is no tensor.
    """

    paths: tuple[Path, ...]
    sha256: Mapping[str, str]
    size_bytes: int
    header_bytes: int

    @property
    def path(self) -> Path:
        return self.paths[0]


def unfinished_of(target: Path) -> Path:
    """The folder in which a target is made: beside it, so on its disk."""
    return target.with_name(target.name + UNFINISHED)


@contextlib.contextmanager
def making(target: Path, needed_bytes: int) -> Iterator[Path]:
    """A folder to make the target in; it is gone afterwards, whatever happened.

    Args:
        needed_bytes: what will lie in it, as far as that is known before.

    Raises:
        AppError: DISK_FULL, before or in the middle.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    check_room(target.parent, needed_bytes + ROOM_BYTES)
    place = unfinished_of(target)
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    try:
        yield place
    except (AppError, OSError) as error:
        if _may_be_full(error) and shutil.disk_usage(place).free < ROOM_BYTES:
            raise _filled(place, needed_bytes) from error
        raise
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _may_be_full(error: AppError | OSError) -> bool:
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    return error.code is ErrorCode.ENGINE_TOOL_FAILED


def _filled(place: Path, needed_bytes: int) -> AppError:
    """The disk was full in the middle: others wrote to it, or more was needed than was known."""
    written = sum(path.stat().st_size for path in place.iterdir() if path.is_file())
    there = written + shutil.disk_usage(place).free
    need = max(needed_bytes + ROOM_BYTES, there + ROOM_BYTES) / (1 << 30)
    reason = f"{need:.2f} GiB are needed, and {there / (1 << 30):.2f} GiB were free."
    return AppError(ErrorCode.DISK_FULL, path=str(place.parent), reason=reason)


def on_disk(path: Path) -> None:
    """Wait until a file's content is on the disk."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def keep(made: Path, target: Path, document: Mapping[str, Any]) -> dict[str, Any]:
    """Give a whole file its name, and put the document beside it.

    Returns: the document, with the file's whole path and its size.
    """
    on_disk(made)
    facts = {"path": target.name, "size_bytes": made.stat().st_size, **document}
    sidecar = made.with_name("made.json")
    sidecar.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    os.replace(made, target)
    os.replace(sidecar, sidecar_of(target))
    return {**facts, "path": str(target)}
