"""Limits of the control groups this process is in (Linux, versions 1 and 2, hybrid, containers).

The kernel names the group in /proc/self/cgroup and says in /proc/self/mountinfo where the tree is
mounted; in a container the mount may begin at the container's own group. Every group from ours up
to the mount may limit, and the tightest one binds.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from desktop.core.hardware.sources import Mount, parse_mounts, read_int, read_text


@dataclass(frozen=True)
class MemoryLimit:
    """One group's limit on memory.

    Attributes:
        limit_bytes: what the group may use.
        available_bytes: what of it is still free; file cache that is not in active use counts as
            free, for the kernel drops it first.
        source: the file that says so, as this process sees it.
    """

    limit_bytes: int
    available_bytes: int
    source: str


@dataclass(frozen=True)
class CpuQuota:
    """One group's limit on CPU time. `cpus`: how many CPUs' worth of it."""

    cpus: float
    source: str


@dataclass(frozen=True)
class _Groups:
    version: int
    folders: tuple[PurePosixPath, ...]  # deepest first


def _groups(controller: str, root: Path) -> _Groups | None:
    """The groups of this process that can hold `controller`'s files."""
    mounts = parse_mounts(read_text(root / "proc/self/mountinfo") or "")
    unified: str | None = None
    for line in (read_text(root / "proc/self/cgroup") or "").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controller in controllers.split(","):
            mount = _find(mounts, "cgroup", controller)
            return _Groups(1, _upwards(mount, path)) if mount else None
        if controllers == "":
            unified = path
    mount = _find(mounts, "cgroup2", None)
    return _Groups(2, _upwards(mount, unified)) if mount and unified is not None else None


def _find(mounts: list[Mount], filesystem: str, option: str | None) -> Mount | None:
    for mount in mounts:
        if mount.filesystem == filesystem and (option is None or option in mount.options):
            return mount
    return None


def _upwards(mount: Mount, path: str) -> tuple[PurePosixPath, ...]:
    """The folders from the group at `path` up to the mount point."""
    top = PurePosixPath(mount.point)
    base = mount.root.rstrip("/")
    inside = path[len(base) :] if path == base or path.startswith(base + "/") else ""
    parts = PurePosixPath(inside.lstrip("/")).parts
    if ".." in parts:  # a group outside our namespace: only the mount's own top can be seen
        parts = ()
    return tuple(top.joinpath(*parts[:depth]) for depth in range(len(parts), -1, -1))


def memory_limits(root: Path = Path("/")) -> list[MemoryLimit]:
    """Every limit on this process's memory, deepest group first; [] where there is none."""
    groups = _groups("memory", root)
    if groups is None:
        return []
    limits: list[MemoryLimit] = []
    for shown in groups.folders:
        folder = root / shown.relative_to("/")
        limits += _limits_v1(folder, shown) if groups.version == 1 else _limits_v2(folder, shown)
    return limits


def _limits_v2(folder: Path, shown: PurePosixPath) -> list[MemoryLimit]:
    used = read_int(folder / "memory.current") or 0
    cache = _stat(folder).get("inactive_file", 0)
    # memory.high does not kill, but beyond it the kernel slows the process down to a crawl.
    names = ("memory.max", "memory.high")
    found = ((name, read_int(folder / name)) for name in names)
    return [_limit(limit, used, cache, shown / name) for name, limit in found if limit is not None]


def _limits_v1(folder: Path, shown: PurePosixPath) -> list[MemoryLimit]:
    stat = _stat(folder)
    used = read_int(folder / "memory.usage_in_bytes") or 0
    cache = stat.get("total_inactive_file", stat.get("inactive_file", 0))
    # The second one is the tightest limit of all groups above, even of those not mounted here.
    found = (
        ("memory.limit_in_bytes", read_int(folder / "memory.limit_in_bytes")),
        ("memory.stat", stat.get("hierarchical_memory_limit")),
    )
    # "No limit" is the largest multiple of the page size below 2^63; pages have up to 64 KiB.
    return [
        _limit(limit, used, cache, shown / name)
        for name, limit in found
        if limit is not None and limit < (1 << 63) - (1 << 16)
    ]


def _limit(limit: int, used: int, cache: int, source: PurePosixPath) -> MemoryLimit:
    free = limit - max(0, used - cache)
    return MemoryLimit(limit, min(max(0, free), limit), str(source))


def _stat(folder: Path) -> dict[str, int]:
    pairs = (line.split() for line in (read_text(folder / "memory.stat") or "").splitlines())
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2 and pair[1].isdigit()}


def cpu_quota(root: Path = Path("/")) -> CpuQuota | None:
    """The tightest limit on this process's CPU time; None where there is none."""
    groups = _groups("cpu", root)
    quotas: list[CpuQuota] = []
    for shown in groups.folders if groups else ():
        folder = root / shown.relative_to("/")
        if groups and groups.version == 2:
            name, words = "cpu.max", (read_text(folder / "cpu.max") or "").split()
        else:
            name = "cpu.cfs_quota_us"
            words = [str(read_int(folder / each) or "") for each in (name, "cpu.cfs_period_us")]
        if len(words) == 2 and all(word.isdigit() and int(word) > 0 for word in words):
            quotas.append(CpuQuota(int(words[0]) / int(words[1]), str(shown / name)))
    return min(quotas, key=lambda quota: quota.cpus, default=None)
