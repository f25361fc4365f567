"""Opening a local GGUF file without being held up or harmed by what it turns out to be."""

from __future__ import annotations

import mmap
import os
import stat
from pathlib import Path

from desktop.core.errors import AppError, ErrorCode
from desktop.core.gguf.cursor import MAX_HEADER_BYTES
from desktop.core.gguf.header import Header, parse_header
from desktop.core.gguf.words import shown

_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NONBLOCK", 0)  # a pipe put in the file's place must not hold us up
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_NOCTTY", 0)
)
_KINDS = (
    (stat.S_ISDIR, "It is a folder."),
    (stat.S_ISFIFO, "It is a pipe."),
    (stat.S_ISSOCK, "It is a socket."),
    (stat.S_ISCHR, "It is a device."),
    (stat.S_ISBLK, "It is a device."),
)


def check_regular(status: os.stat_result, path: Path) -> None:
    """Raises:
    AppError: PATH_UNREADABLE, when it is no plain file.
    """
    if not stat.S_ISREG(status.st_mode):
        reason = next((text for test, text in _KINDS if test(status.st_mode)), "It is no file.")
        raise AppError(ErrorCode.PATH_UNREADABLE, path=shown(path), reason=reason)


def path_error(error: OSError, path: Path) -> AppError:
    """The system's refusal to give a file, in our words."""
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return AppError(ErrorCode.PATH_NOT_FOUND, path=shown(path))
    reason = error.strerror or str(error)
    return AppError(ErrorCode.PATH_UNREADABLE, path=shown(path), reason=reason)


def stat_file(path: Path) -> os.stat_result:
    """The file's status, links followed, without opening it.

    Raises:
        AppError: PATH_NOT_FOUND, PATH_UNREADABLE.
    """
    try:
        status = path.stat()
    except (OSError, ValueError) as error:
        if isinstance(error, ValueError):  # a NUL in the name
            raise AppError(ErrorCode.PATH_NOT_FOUND, path=shown(path)) from error
        raise path_error(error, path) from error
    check_regular(status, path)
    return status


def open_file(path: Path) -> int:
    """A descriptor of a plain file, for reading; the caller closes it.

    Raises:
        AppError: PATH_NOT_FOUND, PATH_UNREADABLE.
    """
    stat_file(path)  # opening alone can set off something in a device
    try:
        handle = os.open(path, _FLAGS)
    except OSError as error:
        raise path_error(error, path) from error
    try:
        check_regular(os.fstat(handle), path)  # it may have been exchanged in between
    except BaseException:
        os.close(handle)
        raise
    return handle


def read_header(path: Path, file_size: int | None = None, name: str | None = None) -> Header:
    """Read and check a local file's header.

    Call it in a process that may die: the file can shrink while it is mapped. `HeaderReader` does.

    Args:
        file_size: of the whole file in bytes, where `path` holds only its first bytes.
        name: how errors call the file; its path by default.

    Raises:
        AppError: PATH_NOT_FOUND, PATH_UNREADABLE, or one of the GGUF_* codes.
        NeedMoreBytes: `path` holds too little of the file.
    """
    name = shown(path) if name is None else name
    handle = open_file(path)
    try:
        size = os.fstat(handle).st_size
        if size == 0:
            raise AppError(ErrorCode.GGUF_EMPTY, path=name)
        with mmap.mmap(handle, min(size, MAX_HEADER_BYTES), access=mmap.ACCESS_READ) as mapped:
            return parse_header(mapped, size if file_size is None else file_size, name)
    except OSError as error:
        raise path_error(error, path) from error
    finally:
        os.close(handle)


def read_part(path: Path, start: int, end: int) -> bytes:
    """A file's bytes from `start` to `end`, fewer where it ends before.

    Raises:
        AppError: PATH_NOT_FOUND, PATH_UNREADABLE.
    """
    handle = open_file(path)
    try:
        with os.fdopen(handle, "rb") as file:
            file.seek(start)
            return file.read(end - start)
    except OSError as error:
        raise path_error(error, path) from error
