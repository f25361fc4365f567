"""Apple's GPUs: one chip with the CPU, and the RAM for memory.

Metal keeps a share of the RAM resident for a program (`recommendedMaxWorkingSetSize`). Only Metal
tells the share, and the engine's device list passes it on (`ggml_metal_device_get_memory`); see
`engine_devices`. Without an engine it is what `iogpu.wired_limit_mb` has been set to, or the share
others saw: 10922.67 MB of 16 GiB and 21845.34 MB of 32 GiB (two thirds), 49152.00 MB of 64 GiB and
73728.00 MB of 96 GiB (three quarters), printed by `ggml_metal_init` in llama.cpp's issues 687 (of
its Python binding), 2011, 1870 and 3213. A newer system keeps more (40200.90 · 10^6 bytes on an
M5 Max, pull request 16634). Nothing of this could be tried on a Mac.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping

from desktop.core import procs
from desktop.core.errors import AppError
from desktop.core.hardware.cpu_text import sysctl_int
from desktop.core.hardware.gpu import Gpu
from desktop.core.hardware.memory import MemoryInfo
from desktop.core.hardware.sources import GIB

LARGE_BYTES = 36 * GIB
_CORES = re.compile(r'"gpu-core-count"\s*=\s*(\d{1,4})\b')


def working_set_bytes(ram_bytes: int) -> int:
    """The share of the RAM that Metal keeps resident, where nobody tells (see above)."""
    return ram_bytes * 2 // 3 if ram_bytes <= LARGE_BYTES else ram_bytes * 3 // 4


def apple_gpu(
    values: Mapping[str, str], machine: str, ram: MemoryInfo, ioreg: str = ""
) -> Gpu | None:
    """The GPU of an Apple chip, from sysctl's values; None on Intel Macs.

    Args:
        machine: the architecture, "arm64".
        ioreg: what `ioreg` says of the accelerator: its count of cores.
    """
    if machine != "arm64":
        return None
    limit_mb = sysctl_int(values, "iogpu.wired_limit_mb") or 0
    # 0: the system's own share; more than the RAM cannot be kept.
    limit = min(limit_mb << 20, ram.physical_bytes) if limit_mb > 0 else 0
    total = limit or working_set_bytes(ram.physical_bytes)
    cores = _CORES.search(ioreg)
    return Gpu(
        name=values.get("machdep.cpu.brand_string") or "Apple GPU",
        backend="metal",
        total_bytes=total,
        free_bytes=max(0, min(total, ram.available_bytes)),
        shares_ram=True,
        total_is_estimate=not limit,
        vendor="Apple",
        integrated=True,
        own_bytes=0,
        cores=int(cores[1]) if cores and int(cores[1]) else None,
    )


def accelerator() -> str:
    """What `ioreg` says of the GPU; "" where it says nothing: the cores are then not known."""
    if sys.platform != "darwin":
        return ""
    try:
        done = procs.run(["/usr/sbin/ioreg", "-rd1", "-c", "AGXAccelerator"], timeout_seconds=5)
    except (OSError, AppError):
        return ""
    return done.stdout.decode("utf-8", "replace")
