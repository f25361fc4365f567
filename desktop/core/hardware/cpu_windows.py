"""The processor as Windows tells it: the registry, IsProcessorFeaturePresent, the core list."""

from __future__ import annotations

import ctypes
import os
import platform
import sys

from desktop.core.hardware import cpu_text
from desktop.core.hardware.cpu import CpuInfo

_RELATION_PROCESSOR_CORE = 0  # winnt.h


def cpu_from(
    name: str, machine: str, features: set[int], cores: list[tuple[int, int]], affinity: int | None
) -> CpuInfo:
    """Puts together what the calls returned.

    Args:
        features: the PF_… numbers that are present.
        cores: (efficiency class, logical CPUs) of every physical core; higher classes are faster.
        affinity: how many logical CPUs this process may use; None where unknown.
    """
    logical = sum(cpus for _, cpus in cores) or os.cpu_count() or 1
    classes = sorted({kind for kind, _ in cores})
    slow = sum(kind == classes[0] for kind, _ in cores) if len(classes) > 1 else None
    return CpuInfo(
        name=" ".join(name.split()) or "unknown",
        architecture=machine,
        physical_cores=len(cores) or None,
        logical_cores=logical,
        affinity_cpus=affinity or logical,
        usable_physical_cores=min(len(cores), affinity or logical) or None,
        performance_cores=None if slow is None else len(cores) - slow,
        efficiency_cores=slow,
        instruction_sets=cpu_text.windows_flags(
            features, x86=machine.lower() in ("amd64", "x86_64", "x86")
        ),
    )


def windows_cpu() -> CpuInfo:
    """The processor of this machine. Raises OSError where Windows refuses."""
    if sys.platform != "win32":
        raise OSError("not Windows")
    import winreg

    import psutil  # type: ignore[import-untyped]

    with winreg.OpenKey(
        winreg.HKEY_LOCAL_MACHINE, r"HARDWARE\DESCRIPTION\System\CentralProcessor\0"
    ) as key:
        name = str(winreg.QueryValueEx(key, "ProcessorNameString")[0])
    kernel = ctypes.WinDLL("kernel32", use_last_error=True)
    numbers = cpu_text.WINDOWS_FEATURES.values()
    features = {number for number in numbers if kernel.IsProcessorFeaturePresent(number)}
    size = ctypes.c_uint32(0)
    kernel.GetLogicalProcessorInformationEx(_RELATION_PROCESSOR_CORE, None, ctypes.byref(size))
    buffer = ctypes.create_string_buffer(size.value)
    if not kernel.GetLogicalProcessorInformationEx(
        _RELATION_PROCESSOR_CORE, buffer, ctypes.byref(size)
    ):
        raise ctypes.WinError(ctypes.get_last_error())
    cores = cpu_text.windows_cores(buffer.raw[: size.value])
    affinity = len(psutil.Process().cpu_affinity())
    return cpu_from(name, platform.machine(), features, cores, affinity)
