"""Writing files so that a reader never sees half of one."""

from __future__ import annotations

import errno
import os
import tempfile
import time
from pathlib import Path

from desktop.core.errors import AppError, ErrorCode


def disk_full(error: OSError, path: Path | str) -> AppError | None:
    """The error a person reads when `error` means that there is no space, else None."""
    if error.errno not in (errno.ENOSPC, errno.EDQUOT):
        return None
    reason = f"{error.strerror or 'No space left on it'}."
    return AppError(ErrorCode.DISK_FULL, path=str(error.filename or path), reason=reason)


def write_atomic(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Replace `path` with `content` in one step, flushed to the disk first.

    Raises:
        AppError: DISK_FULL; the old file is unharmed.
        OSError: anything else the system says.
    """
    name = ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        if os.name == "posix":
            os.chmod(name, mode)
        os.replace(name, path)
    except OSError as error:
        if name:
            Path(name).unlink(missing_ok=True)
        full = disk_full(error, path)
        if full is not None:
            raise full from error
        raise


def set_aside(path: Path, why: str) -> Path:
    """Move a file that cannot be used out of the way, under a name that says when and why."""
    stamp = time.strftime("%Y%m%d-%H%M%S")
    aside = path.with_name(f"{path.name}.{why}-{stamp}")
    number = 1
    while aside.exists():
        number += 1
        aside = path.with_name(f"{path.name}.{why}-{stamp}-{number}")
    os.replace(path, aside)
    return aside
