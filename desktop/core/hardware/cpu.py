"""The processor: its name, its cores and how many of them this process may use."""

from __future__ import annotations

import os
import platform
import sys
from dataclasses import dataclass
from pathlib import Path

from desktop.core import procs
from desktop.core.hardware import cgroups, cpu_text
from desktop.core.hardware.sources import cpu_list, read_int, read_text

_CPUS = Path("sys/devices/system/cpu")


@dataclass(frozen=True)
class CpuInfo:
    """The processor.

    Attributes:
        physical_cores: None where the system does not tell.
        usable_cpus: logical CPUs this process may use: affinity, then CPU quota rounded down (an
            engine with one thread too many is stopped by the quota in the middle of each step).
        usable_physical_cores: physical cores among those; the best number of engine threads.
        performance_cores, efficiency_cores: physical cores of each kind; None where there is only
            one kind or the system does not tell.
        instruction_sets: those the engine has code for: "avx2", "avx512_vnni", "dotprod", ….
        last_level_cache_bytes: all instances together; None where the system does not tell.
    """

    name: str
    architecture: str
    physical_cores: int | None
    logical_cores: int
    affinity_cpus: int
    quota_cpus: float | None = None
    quota_source: str | None = None
    usable_physical_cores: int | None = None
    performance_cores: int | None = None
    efficiency_cores: int | None = None
    instruction_sets: tuple[str, ...] = ()
    last_level_cache_bytes: int | None = None
    virtual_machine: bool = False

    @property
    def usable_cpus(self) -> int:
        quota = self.affinity_cpus if self.quota_cpus is None else int(self.quota_cpus)
        return max(1, min(self.affinity_cpus, quota))

    @property
    def is_x86(self) -> bool:
        return self.architecture.lower() in ("x86_64", "amd64", "i386", "i686")


def probe_cpu() -> CpuInfo:
    """The processor of this machine. What the system does not tell stays None."""
    if sys.platform == "win32":
        from desktop.core.hardware.cpu_windows import windows_cpu

        return windows_cpu()
    if sys.platform == "darwin":
        return mac_cpu(mac_sysctl(), platform.machine())
    affinity = os.sched_getaffinity(0) if sys.platform == "linux" else None
    return linux_cpu(Path("/"), affinity=affinity)


def fallback_cpu() -> CpuInfo:
    """What Python itself knows; for when the probe fails."""
    count = os.cpu_count() or 1
    return CpuInfo(platform.processor() or "unknown", platform.machine(), None, count, count)


def linux_cpu(root: Path, *, affinity: set[int] | None, machine: str | None = None) -> CpuInfo:
    """The processor as Linux tells it in /proc/cpuinfo, /sys/devices/system/cpu and cgroups.

    Args:
        root: the folder that stands for `/`.
        affinity: the CPUs this process may run on; None for all.
        machine: the architecture; this machine's by default.
    """
    text = read_text(root / "proc/cpuinfo") or ""
    name, sets, virtual = cpu_text.parse_cpuinfo(text)
    folder = root / _CPUS
    online = set(cpu_list(read_text(folder / "online") or ""))
    online = online or set(range(text.count("\nprocessor") + text.startswith("processor")))
    online = online or affinity or set(range(os.cpu_count() or 1))
    usable = (affinity & online) if affinity else online
    cores = {cpu: _core_of(folder, cpu) for cpu in online}
    kinds = _linux_kinds(root, online)
    quota = cgroups.cpu_quota(root)
    count = len(set(cores.values())) if all(cores.values()) else None
    usable_cores = None
    if count is not None:
        usable_cores = len({cores[cpu] for cpu in usable})
        if quota is not None:
            usable_cores = max(1, min(usable_cores, int(quota.cpus)))
    return CpuInfo(
        name=name or "unknown",
        architecture=machine or platform.machine(),
        physical_cores=count,
        logical_cores=len(online),
        affinity_cpus=len(usable) or len(online),
        quota_cpus=None if quota is None else quota.cpus,
        quota_source=None if quota is None else quota.source,
        usable_physical_cores=usable_cores,
        performance_cores=len({cores[cpu] or str(cpu) for cpu in kinds[0]}) if kinds else None,
        efficiency_cores=len({cores[cpu] or str(cpu) for cpu in kinds[1]}) if kinds else None,
        instruction_sets=sets,
        last_level_cache_bytes=_linux_cache(folder, online),
        virtual_machine=virtual,
    )


def _core_of(folder: Path, cpu: int) -> str | None:
    """The CPUs that share this one's core, as the kernel writes them: the core's identity."""
    topology = folder / f"cpu{cpu}/topology"
    return read_text(topology / "core_cpus_list") or read_text(topology / "thread_siblings_list")


def _linux_kinds(root: Path, online: set[int]) -> tuple[set[int], set[int]] | None:
    fast = set(cpu_list(read_text(root / "sys/devices/cpu_core/cpus") or "")) & online
    slow = set(cpu_list(read_text(root / "sys/devices/cpu_atom/cpus") or "")) & online
    if fast and slow:  # Intel hybrid
        return fast, slow
    capacities = {
        cpu: capacity
        for cpu in online
        if (capacity := read_int(root / _CPUS / f"cpu{cpu}/cpu_capacity")) is not None
    }
    return cpu_text.split_by_capacity(capacities)


def _linux_cache(folder: Path, online: set[int]) -> int | None:
    """The size of the last cache level, each of its instances counted once."""
    levels: dict[int, dict[str, int]] = {}
    for cpu in online:
        for index in range(4):
            cache = folder / f"cpu{cpu}/cache/index{index}"
            level, size = read_int(cache / "level"), (read_text(cache / "size") or "")
            if level is not None and size[:-1].isdigit() and size[-1] in "KM":
                size_bytes = int(size[:-1]) << (10 if size[-1] == "K" else 20)
                shared = read_text(cache / "shared_cpu_list") or str(cpu)
                levels.setdefault(level, {})[shared] = size_bytes
    return sum(levels[max(levels)].values()) if levels else None


def mac_sysctl() -> dict[str, str]:
    """What macOS's own `sysctl` says of hardware. `iogpu` is missing on Intel Macs: no failure.

    Raises:
        OSError: it cannot be run.
        AppError: TIMED_OUT when it does not end within 5 s.
    """
    done = procs.run(
        ["/usr/sbin/sysctl", "hw", "machdep.cpu", "iogpu", "kern.hv_vmm_present"],
        timeout_seconds=5,
    )
    return cpu_text.parse_sysctl(done.stdout.decode("utf-8", "replace"))


def mac_cpu(values: dict[str, str], machine: str) -> CpuInfo:
    """The processor as macOS's sysctl tells it."""

    def number(name: str) -> int | None:
        return cpu_text.sysctl_int(values, name)

    logical = number("hw.logicalcpu") or number("hw.ncpu") or os.cpu_count() or 1
    physical = number("hw.physicalcpu")
    hybrid = number("hw.nperflevels") == 2
    cache = number("hw.l3cachesize") or number("hw.perflevel0.l2cachesize")
    fast = number("hw.perflevel0.physicalcpu") if hybrid else None
    return CpuInfo(
        name=values.get("machdep.cpu.brand_string") or values.get("hw.model") or "unknown",
        architecture=machine,
        physical_cores=physical,
        logical_cores=logical,
        affinity_cpus=logical,
        usable_physical_cores=physical,
        performance_cores=fast,
        efficiency_cores=number("hw.perflevel1.physicalcpu") if hybrid else None,
        instruction_sets=cpu_text.sysctl_flags(values),
        last_level_cache_bytes=cache or number("hw.l2cachesize"),
        virtual_machine=values.get("kern.hv_vmm_present") == "1",
    )
