"""Intel's GPUs as the drivers i915 and xe tell them (Linux).

The memory of a card: xe writes `tile<N>/physical_vram_size_bytes` into the device's folder
(drivers/gpu/drm/xe/xe_tile_sysfs.c); i915 has no such file upstream, Intel's own builds of it write
`drm/card<N>/lmem_total_bytes`. Neither tells without root how much is in use, so what is free comes
from the engine's list alone. Nothing of this could be tried on Intel's hardware: the tests use
values that others published.
"""

from __future__ import annotations

from pathlib import Path

from desktop.core.hardware.gpu import Gpu, GpusFound, memory_unknown, sane_bytes
from desktop.core.hardware.memory import MemoryInfo
from desktop.core.hardware.pci import PciGpu, pci_gpus, pci_id
from desktop.core.hardware.sources import GIB, ProbeProblem, read_int

DRIVERS = ("i915", "xe")


def intel_gpus(root: Path = Path("/"), ram: MemoryInfo | None = None) -> GpusFound:
    """The GPUs that one of Intel's drivers runs.

    Args:
        root: the folder that stands for `/`.
        ram: of this machine: an integrated GPU's memory is a share of it.
    """
    found: list[Gpu] = []
    problems: list[ProbeProblem] = []
    for adapter in pci_gpus(root):
        if adapter.vendor != "Intel" or adapter.driver not in DRIVERS:
            continue
        folder = root / "sys/bus/pci/devices" / adapter.address
        if adapter.integrated:
            found.append(integrated_gpu(_name(adapter), ram, folder))
            continue
        card = Gpu(
            name=_name(adapter),
            backend="sycl",
            total_bytes=_card_bytes(folder),
            free_bytes=None,
            pci_bus_id=adapter.address,
            vendor="Intel",
            pci_id=pci_id(folder),
        )
        found.append(card)
        if card.total_bytes is None:
            problems.append(memory_unknown(card))
    return GpusFound(tuple(found), tuple(problems))


def integrated_gpu(name: str, ram: MemoryInfo | None, folder: Path | None = None) -> Gpu:
    """Intel's GPU inside a processor: its memory is the RAM, and no file says how much of it.

    Mesa's Vulkan driver offers half of the RAM up to 4 GiB and three quarters above
    (`anv_compute_sys_heap_size` of src/intel/vulkan/anv_device.c).
    """
    total = free = None
    if ram is not None:
        whole = ram.physical_bytes
        total = whole // 2 if whole <= 4 * GIB else whole * 3 // 4
        free = max(0, min(total, ram.available_bytes))
    return Gpu(
        name=name,
        backend="sycl",
        total_bytes=total,
        free_bytes=free,
        pci_bus_id=None if folder is None else folder.name,
        shares_ram=True,
        total_is_estimate=True,
        vendor="Intel",
        pci_id=None if folder is None else pci_id(folder),
        integrated=True,
        own_bytes=0,
    )


def _name(adapter: PciGpu) -> str:
    return adapter.name or f"Intel GPU {adapter.device_id or 'unknown'}"


def _card_bytes(folder: Path) -> int | None:
    """All tiles' memory; None where no file tells it, or one of them makes no sense."""
    for pattern in ("tile*/physical_vram_size_bytes", "drm/card*/lmem_total_bytes"):
        sizes = [sane_bytes(read_int(path)) for path in sorted(folder.glob(pattern))]
        if sizes and all(sizes):
            return sum(size or 0 for size in sizes)
    return None
