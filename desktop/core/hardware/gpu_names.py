"""What a GPU is called, by its PCI ids, and whether a name is that of an integrated one.

Linux' drivers tell no name. Mesa's libdrm installs AMD's own list (`amdgpu.ids`: device, revision,
name) and `hwdata` the PCI ID database (`pci.ids`); neither need be there, so the devices of the
shipped table of known GPUs have their ids here. Names and ids: libdrm's data/amdgpu.ids and the
PCI ID database, as of 2026-09.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from desktop.core.hardware.sources import read_text

NVIDIA, AMD, INTEL = 0x10DE, 0x1002, 0x8086
VENDORS = {NVIDIA: "NVIDIA", AMD: "AMD", INTEL: "Intel"}

_AMDGPU_IDS = ("usr/share/libdrm/amdgpu.ids", "opt/amdgpu/share/libdrm/amdgpu.ids")
_PCI_IDS = ("usr/share/hwdata/pci.ids", "usr/share/misc/pci.ids")

# (device, revision) of AMD, where a device is sold under several names; revision None: any.
_AMD: dict[tuple[int, int | None], str] = {
    (0x744C, 0xC8): "AMD Radeon RX 7900 XTX",
    (0x744C, 0xCC): "AMD Radeon RX 7900 XT",
    (0x744C, 0xCE): "AMD Radeon RX 7900 GRE",
    (0x747E, 0xC8): "AMD Radeon RX 7800 XT",
    (0x747E, 0xFF): "AMD Radeon RX 7700 XT",
    (0x7480, 0xC0): "AMD Radeon RX 7600 XT",
    (0x7480, 0xCF): "AMD Radeon RX 7600",
    (0x7550, 0xC0): "AMD Radeon RX 9070 XT",
    (0x7550, 0xC3): "AMD Radeon RX 9070",
    (0x73A5, 0xC0): "AMD Radeon RX 6950 XT",
    (0x73BF, 0xC0): "AMD Radeon RX 6900 XT",
    (0x73BF, 0xC1): "AMD Radeon RX 6800 XT",
    (0x73BF, 0xC3): "AMD Radeon RX 6800",
    (0x73DF, 0xC0): "AMD Radeon RX 6750 XT",
    (0x73DF, 0xC1): "AMD Radeon RX 6700 XT",
    (0x73DF, 0xC5): "AMD Radeon RX 6700 XT",
    (0x73EF, 0xC1): "AMD Radeon RX 6650 XT",
    (0x73FF, 0xC1): "AMD Radeon RX 6600 XT",
    (0x73FF, 0xC7): "AMD Radeon RX 6600",
    (0x738C, 0x01): "AMD Instinct MI100",
    (0x7408, 0x00): "AMD Instinct MI250X",
    (0x740F, 0x02): "AMD Instinct MI210",
    (0x74A1, 0x00): "AMD Instinct MI300X",
    (0x1586, 0xC1): "Radeon 8060S Graphics",
    (0x1586, 0xD1): "Radeon 8060S Graphics",
    (0x1586, 0xC2): "Radeon 8050S Graphics",
    (0x1586, 0xC4): "Radeon 8050S Graphics",
    (0x150E, None): "AMD Radeon 890M Graphics",
    (0x1681, 0xC7): "AMD Radeon 680M",
    (0x1681, 0xC8): "AMD Radeon 680M",
    (0x15BF, 0xC1): "AMD Radeon 780M Graphics",
    (0x15BF, 0xC2): "AMD Radeon 780M Graphics",
    (0x15BF, 0xC4): "AMD Radeon 780M Graphics",
    (0x164E, None): "AMD Radeon 610M",
}
_INTEL: dict[int, str] = {
    0xE20B: "Intel Arc B580",
    0xE20C: "Intel Arc B570",
    0xE211: "Intel Arc Pro B60",
    0xE212: "Intel Arc Pro B50",
    0x56A0: "Intel Arc A770",
    0x56A1: "Intel Arc A750",
    0x56A5: "Intel Arc A380",
    0x64A0: "Intel Arc Graphics 130V / 140V",
}

# Integrated GPUs by what drivers call them; a number with M or S after it ("780M", "8060S") is
# AMD's for one inside a processor, but not after "RX", where it is a laptop's own card.
_INTEGRATED = re.compile(
    r"""\bradeon\ (?!rx)(?:vega\ \d|(?:vega\ )?graphics|\d{3,4}[ms]\b|r\d\ graphics)
      | \bryzen\b .* \bradeon\b
      | \b(?:u?hd|iris(?:\ plus|\ pro)?(?:\ xe)?)\ graphics
      | \barc\ (?:graphics|\d{3}[tv]\b|pro\ \d{3}[tv]\b)
      | \bintel\ graphics
      | \bgb10\b | \b(?:orin|xavier|thor|tegra)\b
    """,
    re.VERBOSE,
)
_MARKS = re.compile(r"\((?:r|tm|c)\)", re.IGNORECASE)
_MAKERS = {
    "NVIDIA": re.compile(r"nvidia|geforce|quadro|tesla|\b[rg]tx\b", re.IGNORECASE),
    "AMD": re.compile(r"\bamd\b|radeon|instinct|firepro", re.IGNORECASE),
    "Intel": re.compile(r"intel|\barc\b|\biris\b", re.IGNORECASE),
    "Apple": re.compile(r"\bapple\b", re.IGNORECASE),
}


def plain_name(name: str) -> str:
    """A name without the marks of trade: "Intel(R) Arc(TM) Graphics" is "Intel Arc Graphics"."""
    return " ".join(_MARKS.sub(" ", name).split())


def looks_integrated(name: str) -> bool:
    """Whether a driver's name is that of a GPU inside a processor, whose memory is the RAM.

    For where nothing better tells: Windows, and the engine's CUDA, ROCm and SYCL devices. A name
    it does not know counts as a card's.
    """
    return _INTEGRATED.search(plain_name(name).casefold()) is not None


def maker_of(name: str) -> str | None:
    """ "NVIDIA", "AMD", "Intel" or "Apple", by a driver's name; None where it does not say."""
    return next((maker for maker, pattern in _MAKERS.items() if pattern.search(name)), None)


def gpu_name(vendor: int, device: int, revision: int | None, root: Path = Path("/")) -> str | None:
    """The name of a GPU by its PCI ids; None where nobody knows it.

    Args:
        root: the folder that stands for `/`.
    """
    if vendor == AMD:
        for key in ((device, revision), (device, None)):
            if key in _AMD:
                return _AMD[key]
        for place in _AMDGPU_IDS:
            for found in _amdgpu_ids(read_text(root / place) or ""):
                if found[:2] == (device, revision):
                    return found[2]
    elif vendor == INTEL and device in _INTEL:
        return _INTEL[device]
    for place in _PCI_IDS:
        name = _in_pci_ids(read_text(root / place) or "", vendor, device)
        if name is not None:
            return f"{VENDORS.get(vendor, '')} {name}".strip()
    return None


def _amdgpu_ids(text: str) -> Iterator[tuple[int, int, str]]:
    """Lines such as "744C,\\tC8,\\tAMD Radeon RX 7900 XTX"."""
    for line in text.splitlines():
        parts = [part.strip() for part in line.split(",", 2)]
        if len(parts) == 3 and parts[2]:
            try:
                yield int(parts[0], 16), int(parts[1], 16), parts[2]
            except ValueError:
                continue  # a comment or a version


def _in_pci_ids(text: str, vendor: int, device: int) -> str | None:
    """A device's name in the PCI ID database: a vendor's lines are indented once by a tab.

    "Navi 31 [Radeon RX 7900 XT/7900 XTX]" is the chip and, in brackets, what it is sold as.
    """
    inside = False
    for line in text.splitlines():
        if line[:1] not in ("\t", "#", ""):
            inside = line.startswith(f"{vendor:04x} ")
        elif inside and line.startswith(f"\t{device:04x} "):
            name = line[5:].strip()
            sold = re.search(r"\[([^\]]+)\]$", name)
            return (sold[1] if sold else name) or None
    return None
