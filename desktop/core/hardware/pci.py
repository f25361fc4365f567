"""Graphics adapters on the PCI bus, with or without a driver, and AMD's own figures (Linux)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from desktop.core.hardware.gpu import Gpu
from desktop.core.hardware.sources import read_int, read_text

NVIDIA, AMD, INTEL = 0x10DE, 0x1002, 0x8086
_VENDOR_NAMES = {NVIDIA: "NVIDIA", AMD: "AMD", INTEL: "Intel"}


@dataclass(frozen=True)
class PciGpu:
    """One display or 3D controller (PCI class 0x03) of a maker of compute GPUs."""

    vendor: str
    device_id: str
    address: str
    driver: str | None


def pci_gpus(root: Path = Path("/")) -> list[PciGpu]:
    """The GPUs on the PCI bus; [] where there is no /sys."""
    found: list[PciGpu] = []
    for folder in _devices(root):
        vendor = read_int(folder / "vendor")
        kind = read_int(folder / "class")
        if vendor in _VENDOR_NAMES and kind is not None and kind >> 16 == 0x03:
            driver = folder / "driver"
            name = driver.resolve().name if driver.is_symlink() else None
            device = read_text(folder / "device") or ""
            found.append(PciGpu(_VENDOR_NAMES[vendor], device, folder.name, name))
    return found


def amd_gpus(root: Path = Path("/")) -> list[Gpu]:
    """GPUs the amdgpu driver runs, with the memory it reports for them.

    Source of the file names: the kernel's documentation of amdgpu (mem_info_vram_total,
    mem_info_gtt_total: bytes). An APU's own memory is a small carve-out of the RAM and the engine
    uses the GTT, also RAM, as well; such a GPU is marked as sharing memory.
    """
    found: list[Gpu] = []
    for folder in _devices(root):
        total = read_int(folder / "mem_info_vram_total")
        if read_int(folder / "vendor") != AMD or total is None:
            continue
        used = read_int(folder / "mem_info_vram_used")
        device = read_text(folder / "device") or "unknown"
        gtt = read_int(folder / "mem_info_gtt_total") or 0
        found.append(
            Gpu(
                name=read_text(folder / "product_name") or f"AMD GPU {device}",
                backend="rocm",
                total_bytes=total,
                free_bytes=None if used is None else max(0, total - used),
                used_bytes=used,
                pci_bus_id=folder.name,
                shares_ram=gtt > total,
            )
        )
    return found


def _devices(root: Path) -> list[Path]:
    try:
        return sorted((root / "sys/bus/pci/devices").iterdir())
    except OSError:
        return []
