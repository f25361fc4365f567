"""Room for models: free bytes, kind of file system and its limits, for the folders given."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from desktop.core.hardware.sources import Mount, parse_mounts, read_text

_FAT = {"vfat", "msdos", "fat", "fat12", "fat16", "fat32"}
_FAT_LIMIT_BYTES = (4 << 30) - 1
_IN_MEMORY = {"tmpfs", "ramfs", "devtmpfs"}
_NETWORK = {
    "nfs", "nfs3", "nfs4", "cifs", "smb", "smb2", "smb3", "smbfs", "afpfs", "webdav", "davfs",
    "ceph", "lustre", "glusterfs", "beegfs", "gpfs", "afs", "9p", "ncpfs", "sshfs", "rclone",
    "s3fs", "gcsfuse", "virtiofs", "remote",
}  # fmt: skip


@dataclass(frozen=True)
class DiskInfo:
    """The file system a folder is (or would be made) on.

    Attributes:
        folder: the folder asked for.
        mount_point: where its file system begins; None where unknown.
        max_file_bytes: the largest file it can hold; None where it is of no concern.
        is_network: each read of a model goes over a network or to another machine.
        is_in_memory: files there take RAM (tmpfs).
        writable: this user may write into the folder (or into the nearest one that exists).
    """

    folder: str
    total_bytes: int
    free_bytes: int
    filesystem: str
    mount_point: str | None
    read_only: bool
    writable: bool
    max_file_bytes: int | None
    is_network: bool
    is_in_memory: bool


def nearest_existing(folder: Path) -> Path:
    """The folder, or the closest one above it that exists."""
    folder = folder.expanduser().absolute()
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder


def probe_disk(folder: Path, mounts: Iterable[Mount] | None = None) -> DiskInfo:
    """The file system `folder` is on.

    Args:
        mounts: the mounts of this machine; read from the system by default.

    Raises:
        OSError: the file system does not answer.
    """
    import psutil  # type: ignore[import-untyped]

    there = nearest_existing(folder).resolve()
    usage = psutil.disk_usage(str(there))
    mount = mount_of(there, system_mounts(there) if mounts is None else mounts)
    kind = mount.filesystem.lower() if mount else "unknown"
    plain = kind.removeprefix("fuse.").removeprefix("fuseblk.")
    read_only = bool(mount and "ro" in mount.options)
    return DiskInfo(
        folder=str(folder),
        total_bytes=usage.total,
        free_bytes=usage.free,
        filesystem=kind,
        mount_point=mount.point if mount else None,
        read_only=read_only,
        writable=not read_only and os.access(there, os.W_OK),
        max_file_bytes=_FAT_LIMIT_BYTES if plain in _FAT else None,
        is_network=plain in _NETWORK or bool(mount and "remote" in mount.options),
        is_in_memory=plain in _IN_MEMORY,
    )


def mount_of(path: Path, mounts: Iterable[Mount]) -> Mount | None:
    """The mount that `path` (without links) lies on: the deepest one, the last where two are equal
    (a later mount covers an earlier one)."""
    best: Mount | None = None
    for mount in mounts:
        inside = path.is_relative_to(mount.point)
        if inside and (best is None or len(mount.point) >= len(best.point)):
            best = mount
    return best


def system_mounts(path: Path) -> list[Mount]:
    """This machine's mounts; on Windows only the volume of `path` (a dead network drive hangs)."""
    if sys.platform == "win32":
        return [_windows_volume(path)]
    if sys.platform == "linux":
        text = read_text(Path("/proc/self/mountinfo"))
        if text is not None:
            return parse_mounts(text)
    import psutil

    return [
        Mount("/", part.mountpoint, part.fstype, part.device, frozenset(part.opts.split(",")))
        for part in psutil.disk_partitions(all=True)
    ]


def _windows_volume(path: Path) -> Mount:
    if sys.platform != "win32":
        raise OSError("not Windows")
    import ctypes

    kernel = ctypes.WinDLL("kernel32", use_last_error=True)
    root = ctypes.create_unicode_buffer(512)
    if not kernel.GetVolumePathNameW(str(path), root, len(root)):
        raise ctypes.WinError(ctypes.get_last_error())
    kind = ctypes.create_unicode_buffer(64)
    flags = ctypes.c_uint32(0)
    if not kernel.GetVolumeInformationW(
        root.value, None, 0, None, None, ctypes.byref(flags), kind, len(kind)
    ):
        raise ctypes.WinError(ctypes.get_last_error())
    options = set()
    if flags.value & 0x00080000:  # FILE_READ_ONLY_VOLUME, winnt.h
        options.add("ro")
    if kernel.GetDriveTypeW(root.value) == 4:  # DRIVE_REMOTE, winbase.h
        options.add("remote")
    return Mount("/", root.value, kind.value, root.value, frozenset(options))
