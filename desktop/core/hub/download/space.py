"""Space on the disk: looked for before anything is fetched, and reserved where that is cheap.

Linux: `fallocate` of the kernel, which takes milliseconds on ext4, XFS, Btrfs and NFS 4.2. Not
`posix_fallocate`: where the file system cannot do it, the C library writes to every block instead.
Windows: setting the end of a file gives it its clusters on NTFS. What lies before a byte that is
written is filled with zeros first; downloads go on from the front, so that this is little. A sparse
file would need no zeros, and reserve nothing.
macOS, and file systems that cannot do it: nothing is reserved. A disk that fills up meanwhile ends
the download with DISK_FULL, and what was fetched is kept.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import shutil
import sys
from pathlib import Path

from desktop.core.errors import AppError, ErrorCode
from desktop.core.gguf.words import shown

_CANNOT = frozenset({errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL, errno.EPERM, errno.ENOTTY})


def free_bytes(folder: Path) -> int:
    """What may still be written below `folder`, which need not be there yet."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder).free


def check_space(folder: Path, needed_bytes: int) -> None:
    """Raises:
    AppError: DISK_FULL with `needed_bytes` and `free_bytes`, when that does not fit.
    """
    free = free_bytes(folder)
    if needed_bytes > free:
        raise disk_full(folder, needed_bytes, free)


def disk_full(folder: Path, needed_bytes: int, free: int) -> AppError:
    reason = f"The download needs {_gib(needed_bytes)} more, and {_gib(free)} are free there."
    return AppError(
        ErrorCode.DISK_FULL,
        path=shown(folder),
        reason=reason,
        needed_bytes=needed_bytes,
        free_bytes=free,
    )


def _gib(size_bytes: int) -> str:
    if size_bytes < 1 << 30:
        return f"{size_bytes / (1 << 20):.1f} MiB"
    return f"{size_bytes / (1 << 30):,.1f} GiB"


def allocated_bytes(path: Path) -> int:
    """What the file takes on the disk; 0 where there is none."""
    with contextlib.suppress(OSError):
        found = path.stat(follow_symlinks=False)
        return found.st_blocks * 512 if hasattr(found, "st_blocks") else found.st_size
    return 0


if sys.platform == "win32":
    # Not run yet on a Windows machine.

    def reserve(handle: int, size_bytes: int) -> bool:
        """Give the open file its space; False where that cannot be done.

        Raises:
            OSError: ENOSPC, when there is too little.
        """
        import msvcrt
        from ctypes import wintypes

        kernel = ctypes.WinDLL("kernel32", use_last_error=True)
        kernel.SetFilePointerEx.argtypes = [
            *(wintypes.HANDLE, wintypes.LARGE_INTEGER, wintypes.LPVOID, wintypes.DWORD)
        ]
        kernel.SetEndOfFile.argtypes = [wintypes.HANDLE]
        place = msvcrt.get_osfhandle(handle)
        # Python's own truncate writes zeros here.
        moved = kernel.SetFilePointerEx(place, size_bytes, None, 0)
        if not moved or not kernel.SetEndOfFile(place):
            raise ctypes.WinError(ctypes.get_last_error())
        return True

elif sys.platform == "linux":
    _libc = ctypes.CDLL(None, use_errno=True)
    # 64-bit offsets on 32-bit glibc have a name of their own.
    _fallocate = getattr(_libc, "fallocate64", None) or getattr(_libc, "fallocate", None)
    if _fallocate is not None:
        _fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_longlong, ctypes.c_longlong]
        _fallocate.restype = ctypes.c_int

    def reserve(handle: int, size_bytes: int) -> bool:
        """Give the open file its space; False where that cannot be done.

        Raises:
            OSError: ENOSPC or EDQUOT, when there is too little.
        """
        if _fallocate is None or size_bytes == 0:
            return False
        while _fallocate(handle, 0, 0, size_bytes) != 0:
            code = ctypes.get_errno()
            if code == errno.EINTR:
                continue
            if code in _CANNOT:
                return False
            raise OSError(code, os.strerror(code))
        return True

else:

    def reserve(handle: int, size_bytes: int) -> bool:
        """Nothing is reserved on this system; False."""
        return False
