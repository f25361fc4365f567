"""Small files of /proc and /sys, and the record of what could not be read.

Every probe takes `root`, the folder that stands for `/`, so that tests can give it another system.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

GIB = 1 << 30


@dataclass(frozen=True)
class ProbeProblem:
    """One thing that could not be found out, or that is wrong with the machine.

    Attributes:
        what: the thing in question, such as "NVIDIA driver".
        reason: what happened, in plain words.
        remedy: what a person can do about it.
        code: stable name, for `doctor` and for translations.
    """

    what: str
    reason: str
    remedy: str
    code: str = "probe_failed"


def read_text(path: Path) -> str | None:
    """The text of a small file, stripped; None where it is not there or may not be read."""
    try:
        return path.read_text("utf-8", "replace").strip()
    except OSError:
        return None


def read_int(path: Path) -> int | None:
    """The number in a small file; None where there is none ("max" counts as none)."""
    text = read_text(path)
    try:
        return int(text, 0) if text else None
    except ValueError:
        return None


def cpu_list(text: str) -> list[int]:
    """The numbers of a kernel CPU list such as "0-3,8,10-11"; nonsense is left out."""
    numbers: list[int] = []
    for part in text.split(","):
        found = re.fullmatch(r"\s*(\d+)(?:-(\d+))?\s*", part)
        if found:
            first = int(found[1])
            numbers.extend(range(first, int(found[2] or first) + 1))
    return numbers


@dataclass(frozen=True)
class Mount:
    """One line of /proc/self/mountinfo."""

    root: str
    point: str
    filesystem: str
    source: str
    options: frozenset[str]


def parse_mounts(text: str) -> list[Mount]:
    """The lines of /proc/<pid>/mountinfo (format: proc_pid_mountinfo(5)), in their order."""
    return list(_mounts(text))


def _mounts(text: str) -> Iterator[Mount]:
    for line in text.splitlines():
        left, separator, right = line.partition(" - ")
        before, after = left.split(), right.split()
        if separator and len(before) >= 6 and len(after) >= 2:
            options = before[5].split(",") + (after[2].split(",") if len(after) > 2 else [])
            root, point, source = (_unescape(part) for part in (before[3], before[4], after[1]))
            yield Mount(root, point, after[0], source, frozenset(options))


def _unescape(text: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), text)


def gib(size_bytes: float) -> str:
    """A size as a person reads it: "7.5 GiB", or MiB below one."""
    if size_bytes < GIB:
        return f"{size_bytes / (1 << 20):.0f} MiB"
    return f"{size_bytes / GIB:.1f} GiB"
