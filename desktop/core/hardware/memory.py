"""RAM as this process may use it: the machine's, cut by control groups and by ulimit."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path

from desktop.core.hardware import cgroups


@dataclass(frozen=True)
class SystemMemory:
    """What the operating system says of the whole machine, in bytes."""

    total_bytes: int
    available_bytes: int
    swap_total_bytes: int = 0
    swap_used_bytes: int = 0


@dataclass(frozen=True)
class MemoryInfo:
    """RAM this process may use.

    Attributes:
        total_bytes: the machine's RAM, or the tightest limit below it.
        available_bytes: what can be had now without swapping.
        physical_bytes: the machine's RAM, whatever the limits.
        limited_by: what `total_bytes` comes from: "ram", "ulimit -v" or a control group's file.
        available_limited_by: the same for `available_bytes`.
    """

    total_bytes: int
    available_bytes: int
    physical_bytes: int
    limited_by: str
    available_limited_by: str
    swap_total_bytes: int
    swap_used_bytes: int


def probe_memory(
    root: Path = Path("/"),
    *,
    system: SystemMemory | None = None,
    address_limit_bytes: int | None = None,
) -> MemoryInfo:
    """RAM of this machine as this process may use it.

    Windows job objects and macOS limits are not read: nothing sets them for desktop programs.

    Args:
        root: the folder that stands for `/`.
        system: the machine's own figures; read through psutil by default.
        address_limit_bytes: bound on the address space; read from the system by default.
    """
    if system is None:
        system = system_memory()
        address_limit_bytes = _address_limit()
    totals = [(system.total_bytes, "ram")]
    available = [(system.available_bytes, "ram")]
    for limit in cgroups.memory_limits(root):
        totals.append((limit.limit_bytes, limit.source))
        available.append((limit.available_bytes, limit.source))
    if address_limit_bytes is not None:
        totals.append((address_limit_bytes, "ulimit -v"))
        available.append((address_limit_bytes, "ulimit -v"))
    total, limited_by = min(totals, key=lambda pair: pair[0])
    free, free_limited_by = min(available, key=lambda pair: pair[0])
    return MemoryInfo(
        total,
        free,
        system.total_bytes,
        limited_by,
        free_limited_by,
        system.swap_total_bytes,
        system.swap_used_bytes,
    )


def limited(memory: MemoryInfo, limit_bytes: int | None, source: str) -> MemoryInfo:
    """The memory with one limit more, where that is the tightest.

    Args:
        limit_bytes: None: there is none.
        source: what it comes from, as in `MemoryInfo.limited_by`.
    """
    if limit_bytes is None:
        return memory
    if limit_bytes < memory.total_bytes:
        memory = replace(memory, total_bytes=limit_bytes, limited_by=source)
    if limit_bytes < memory.available_bytes:
        memory = replace(memory, available_bytes=limit_bytes, available_limited_by=source)
    return memory


def system_memory() -> SystemMemory:
    """The machine's RAM and swap, through psutil."""
    import psutil  # type: ignore[import-untyped]

    ram, swap = psutil.virtual_memory(), psutil.swap_memory()
    return SystemMemory(ram.total, ram.available, swap.total, swap.used)


def _address_limit() -> int | None:
    if sys.platform == "win32":
        return None
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    return None if soft == resource.RLIM_INFINITY else soft
