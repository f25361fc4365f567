"""Graphics adapters on the PCI bus, with or without a driver (Linux)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from desktop.core.hardware.gpu_names import AMD, INTEL, VENDORS, gpu_name
from desktop.core.hardware.sources import read_int, read_text

_DISPLAY, _SECURITY_PROCESSOR = 0x03, 0x1080


@dataclass(frozen=True)
class PciGpu:
    """One display or 3D controller (PCI class 0x03) of a maker of compute GPUs.

    Attributes:
        device_id: as the kernel writes it, "0x744c".
        name: None where nobody knows these ids.
    """

    vendor: str
    device_id: str
    address: str
    driver: str | None
    name: str | None = None
    integrated: bool = False


def pci_gpus(root: Path = Path("/")) -> list[PciGpu]:
    """The GPUs on the PCI bus; [] where there is no /sys."""
    found: list[PciGpu] = []
    for folder in pci_folders(root):
        vendor = read_int(folder / "vendor")
        kind = read_int(folder / "class")
        if vendor in VENDORS and kind is not None and kind >> 16 == _DISPLAY:
            found.append(
                PciGpu(
                    VENDORS[vendor],
                    read_text(folder / "device") or "",
                    folder.name,
                    driver_of(folder),
                    pci_name(folder, root),
                    is_integrated(folder),
                )
            )
    return found


def pci_folders(root: Path) -> list[Path]:
    """The devices' folders, by address; [] where there is no /sys or it may not be read."""
    try:
        return sorted((root / "sys/bus/pci/devices").iterdir())
    except OSError:
        return []


def driver_of(folder: Path) -> str | None:
    """The driver that holds a device; None where none does."""
    try:
        return (folder / "driver").readlink().name
    except OSError:
        return None


def pci_name(folder: Path, root: Path) -> str | None:
    """A device's name by the ids in its folder."""
    vendor, device = read_int(folder / "vendor"), read_int(folder / "device")
    if vendor is None or device is None:
        return None
    return gpu_name(vendor, device, read_int(folder / "revision"), root)


def pci_id(folder: Path) -> str | None:
    """Vendor and device as lspci writes them, "1002:744c"."""
    vendor, device = read_int(folder / "vendor"), read_int(folder / "device")
    return None if vendor is None or device is None else f"{vendor:04x}:{device:04x}"


def is_integrated(folder: Path) -> bool:
    """Whether the GPU in this folder is inside the processor.

    By where it is, which needs no driver: on bus 0 (all of Intel's, and AMD's before Zen), or a
    function beside the security processor, which Ryzen processors have in the same slot as their
    GPU ("c3:00.2 Encryption controller … PSP" beside "c3:00.0 … [Radeon 8060S]" in lspci). AMD's
    driver says it too: its `gpu_metrics` have format 2 or 3 for APUs and 1 for cards
    (drivers/gpu/drm/amd/include/kgd_pp_interface.h).
    """
    vendor = read_int(folder / "vendor")
    slot = folder.name.rpartition(".")[0]
    bus = slot.split(":")[-2] if slot.count(":") >= 1 else ""
    if vendor in (AMD, INTEL) and bus == "00":
        return True
    if vendor != AMD:
        return False
    if _metrics_format(folder) >= 2:
        return True
    beside = (each for each in _functions(folder, slot) if each != folder)
    return any((read_int(each / "class") or 0) >> 8 == _SECURITY_PROCESSOR for each in beside)


def _functions(folder: Path, slot: str) -> list[Path]:
    """The functions of the same slot."""
    try:
        return sorted(each for each in folder.parent.iterdir() if each.name.startswith(f"{slot}."))
    except OSError:
        return []


def _metrics_format(folder: Path) -> int:
    """`format_revision` of amdgpu's metrics table (size: 2 bytes, format: 1, content: 1); 0 where
    there is none, or the card sleeps and does not answer."""
    try:
        with (folder / "gpu_metrics").open("rb") as file:
            header = file.read(4)
    except OSError:
        return 0
    return header[2] if len(header) == 4 else 0
