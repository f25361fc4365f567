"""What models take on a disk, each file counted once however many names it has."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

Inode = tuple[int, int]

_BLOCK_BYTES = 512  # the unit of st_blocks, whatever the file system's own (POSIX, stat.h)


@dataclass(frozen=True)
class DiskFile:
    """A file as it lies on a disk.

    Attributes:
        path: where it was found; links to it are followed.
        disk_bytes: what its blocks take: less than its size where it has holes or is compressed.
        links: how many hard links it has.
    """

    path: Path
    inode: Inode
    disk_bytes: int
    links: int


def disk_file(path: Path, status: os.stat_result) -> DiskFile:
    """The file of a status that was read with links followed."""
    return DiskFile(
        path, (status.st_dev, status.st_ino), blocks_bytes(status), max(1, status.st_nlink)
    )


def blocks_bytes(status: os.stat_result) -> int:
    """What a file takes on its disk, in bytes; its size where the system does not say."""
    blocks = getattr(status, "st_blocks", None)
    return status.st_size if blocks is None else int(blocks) * _BLOCK_BYTES


def taken_bytes(files: Iterable[DiskFile]) -> int:
    """What all of them take together, each content once."""
    return sum({file.inode: file.disk_bytes for file in files}.values())


def freed_bytes(files: Iterable[DiskFile], names: Mapping[Inode, int]) -> int:
    """What would be free were these files deleted: one with a hard link elsewhere frees nothing.

    Args:
        names: how many hard links of a content would be deleted.
    """
    known = {file.inode: file for file in files}.items()
    return sum(file.disk_bytes for inode, file in known if file.links <= names.get(inode, 0))
