"""AMD's GPUs as the amdgpu driver tells them (Linux).

File names and units: the kernel's documentation of amdgpu ("mem_info_vram_total", "…_used",
"mem_info_gtt_total", "…_used": bytes). The GTT is RAM that the GPU may use.

An APU has two pools: what the firmware set aside for it ("UMA frame buffer", often 512 MiB and up
to 96 GiB), which the system does not count as RAM, and the GTT. ROCm hands out the larger one
(reported for a Radeon 8060S with 4 + 96 GiB: 98304 MiB); Vulkan adds both up. Here it is the
larger one, and what the engine lists comes before it. Nothing of this could be tried on real
hardware of AMD's: the tests use values that others published.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from desktop.core.hardware.gpu import Gpu, GpusFound, memory_unknown, sane_bytes
from desktop.core.hardware.gpu_names import AMD
from desktop.core.hardware.memory import MemoryInfo
from desktop.core.hardware.pci import driver_of, is_integrated, pci_folders, pci_id, pci_name
from desktop.core.hardware.sources import ProbeProblem, read_int, read_text


def amd_gpus(root: Path = Path("/"), ram: MemoryInfo | None = None) -> GpusFound:
    """The GPUs the amdgpu driver runs, with the memory it reports for them.

    A size that is missing, zero or makes no sense is told as a problem.

    Args:
        root: the folder that stands for `/`.
        ram: of this machine: bounds what an APU can have of it.
    """
    found: list[Gpu] = []
    problems: list[ProbeProblem] = []
    for folder in pci_folders(root):
        if read_int(folder / "vendor") != AMD or driver_of(folder) != "amdgpu":
            continue
        gpu = _gpu(folder, root, ram)
        found.append(gpu)
        if gpu.total_bytes is None:
            problems.append(memory_unknown(gpu))
    return GpusFound(tuple(found), tuple(problems))


@dataclass(frozen=True)
class _Pool:
    total: int | None
    used: int | None

    @classmethod
    def read(cls, folder: Path, kind: str) -> _Pool:
        total = sane_bytes(read_int(folder / f"mem_info_{kind}_total")) or None
        used = sane_bytes(read_int(folder / f"mem_info_{kind}_used"))
        if used is not None and total is not None and used > total:
            used = None  # read while the driver was changing it, or nonsense: nobody knows
        return cls(total, used)

    @property
    def free(self) -> int | None:
        return None if self.total is None or self.used is None else self.total - self.used


def _gpu(folder: Path, root: Path, ram: MemoryInfo | None) -> Gpu:
    own, gtt = _Pool.read(folder, "vram"), _Pool.read(folder, "gtt")
    integrated = is_integrated(folder)
    name = read_text(folder / "product_name") or pci_name(folder, root)
    if integrated and gtt.total is not None and ram is not None:
        # A GTT larger than the RAM has been seen ("amdgpu.gttsize=131072" with 125 GiB).
        gtt = _Pool(min(gtt.total, ram.physical_bytes), gtt.used)
    shares = integrated and (gtt.total or 0) > (own.total or 0)
    pool = gtt if shares else own
    free = pool.free
    if shares and free is not None and ram is not None:
        free = max(0, min(free, ram.available_bytes))
    return Gpu(
        name=name or f"AMD GPU {read_text(folder / 'device') or 'unknown'}",
        backend="rocm",
        total_bytes=pool.total,
        free_bytes=free,
        used_bytes=pool.used,
        pci_bus_id=folder.name,
        shares_ram=shares,
        vendor="AMD",
        pci_id=pci_id(folder),
        integrated=integrated,
        own_bytes=own.total if integrated else None,
    )
