"""A model that is nothing but its header: what the engine's memory plan needs of a file.

The header's bytes are written, and the file is extended to its real size by a hole that takes no
room. The plan reads no tensor; it only checks that the tensors would lie within the file.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from desktop.core.errors import AppError, ErrorCode
from desktop.core.files import disk_full
from desktop.core.gguf.words import shown

# A hole of this size is tried first: a file system without holes would fill the disk with more.
_TRIAL_BYTES = 16 << 20
_WORTH_ASKING_BYTES = 1 << 20  # what is smaller may be filled
_STALE_SECONDS = 24 * 3600.0  # what a killed process left
_NO_HOLES = "Its file system fills the rest of a file with zeros instead of leaving a hole."


@dataclass(frozen=True)
class StubPart:
    """One file: the file that holds its header's bytes, and the real file's size."""

    head: Path
    size_bytes: int


@contextlib.contextmanager
def sparse_model(parts: Sequence[StubPart], folder: Path) -> Iterator[Path]:
    """The model's stub, or the first of its parts' stubs; removed when the block ends.

    Args:
        parts: in their order; more than one for a split model.
        folder: where they are made, in a folder of their own (`cache/stubs`).

    Raises:
        AppError: SPARSE_UNSUPPORTED, DISK_FULL; PATH_NOT_FOUND where a header is no longer there.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _remove_stale(folder)
        own = Path(tempfile.mkdtemp(dir=folder))
    except OSError as error:
        raise _refused(error, folder) from error
    try:
        count = len(parts)
        names = [f"model-{number:05}-of-{count:05}.gguf" for number in range(1, count + 1)]
        paths = [own / name for name in (names if count > 1 else ["model.gguf"])]
        for part, path in zip(parts, paths, strict=True):
            write_stub(part, path)
        yield paths[0]
    finally:
        shutil.rmtree(own, ignore_errors=True)


def write_stub(part: StubPart, path: Path) -> None:
    """Write one stub.

    Raises:
        AppError: as `sparse_model`; nothing is left at `path` then.
    """
    try:
        head = part.head.read_bytes()
    except OSError as error:
        raise AppError(ErrorCode.PATH_NOT_FOUND, path=shown(part.head)) from error
    try:
        with path.open("xb") as stream:
            _write(stream, head, part.size_bytes, path)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise _refused(error, path) from error
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _write(stream: BinaryIO, head: bytes, size_bytes: int, path: Path) -> None:
    _mark_sparse(stream)
    stream.write(head)
    stream.flush()
    trial = len(head) + _TRIAL_BYTES
    for end in (trial, size_bytes) if trial < size_bytes else (size_bytes,):
        _extend(stream, end)
        hole = end - len(head)
        # Half of it: file systems count what they keep of a file in different ways.
        if hole >= _WORTH_ASKING_BYTES and _allocated(stream, path) > len(head) + hole // 2:
            raise AppError(ErrorCode.SPARSE_UNSUPPORTED, path=shown(path.parent), reason=_NO_HOLES)


def _refused(error: OSError, path: Path) -> AppError:
    full = disk_full(error, path)
    if full is not None:
        return full
    reason = error.strerror or str(error)
    if error.errno in (errno.EFBIG, errno.EINVAL):
        reason = f"Its file system cannot hold a file of this size ({reason})."
    return AppError(ErrorCode.SPARSE_UNSUPPORTED, path=shown(path), reason=reason)


def _remove_stale(folder: Path) -> None:
    for entry in folder.iterdir():
        with contextlib.suppress(OSError):  # its owner has just removed it
            if time.time() - entry.stat().st_mtime > _STALE_SECONDS:
                shutil.rmtree(entry, ignore_errors=True)


if sys.platform == "win32":
    import ctypes
    import msvcrt
    from ctypes import wintypes

    _kernel = ctypes.WinDLL("kernel32", use_last_error=True)
    _kernel.DeviceIoControl.argtypes = [
        *(wintypes.HANDLE, wintypes.DWORD, wintypes.LPVOID, wintypes.DWORD),
        *(wintypes.LPVOID, wintypes.DWORD, ctypes.POINTER(wintypes.DWORD), wintypes.LPVOID),
    ]
    _kernel.SetFilePointerEx.argtypes = [
        *(wintypes.HANDLE, wintypes.LARGE_INTEGER, wintypes.LPVOID, wintypes.DWORD)
    ]
    _kernel.SetEndOfFile.argtypes = [wintypes.HANDLE]
    _kernel.GetCompressedFileSizeW.argtypes = [
        wintypes.LPCWSTR,
        ctypes.POINTER(wintypes.DWORD),
    ]
    _kernel.GetCompressedFileSizeW.restype = wintypes.DWORD
    _FSCTL_SET_SPARSE = 0x000900C4  # winioctl.h
    _INVALID_FILE_SIZE = 0xFFFFFFFF

    # Not run yet on a Windows machine.

    def _mark_sparse(stream: BinaryIO) -> None:
        """NTFS leaves holes only in files that carry its mark; FAT refuses the mark."""
        returned = wintypes.DWORD()
        handle = msvcrt.get_osfhandle(stream.fileno())
        if not _kernel.DeviceIoControl(
            handle, _FSCTL_SET_SPARSE, None, 0, None, 0, ctypes.byref(returned), None
        ):
            raise ctypes.WinError(ctypes.get_last_error())

    def _extend(stream: BinaryIO, size_bytes: int) -> None:
        # Python's own truncate writes zeros here, and written zeros are no hole.
        handle = msvcrt.get_osfhandle(stream.fileno())
        if not _kernel.SetFilePointerEx(handle, size_bytes, None, 0) or not _kernel.SetEndOfFile(
            handle
        ):
            raise ctypes.WinError(ctypes.get_last_error())

    def _allocated(stream: BinaryIO, path: Path) -> int:
        high = wintypes.DWORD()
        ctypes.set_last_error(0)
        low = _kernel.GetCompressedFileSizeW(str(path), ctypes.byref(high))
        if low == _INVALID_FILE_SIZE and (code := ctypes.get_last_error()):
            raise ctypes.WinError(code)
        return int(high.value) << 32 | int(low)

else:

    def _mark_sparse(stream: BinaryIO) -> None:
        """Nothing to do: what is not written is a hole where the file system has holes."""

    def _extend(stream: BinaryIO, size_bytes: int) -> None:
        os.ftruncate(stream.fileno(), size_bytes)

    def _allocated(stream: BinaryIO, path: Path) -> int:
        """Bytes on the disk; POSIX counts blocks of 512."""
        return os.fstat(stream.fileno()).st_blocks * 512
