"""Reading what systems say of their CPU: pure functions on text and bytes, no system calls."""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping

# Our name of an instruction set -> the names it has in /proc/cpuinfo ("flags", "Features") and in
# macOS's machdep.cpu.features. Only sets llama.cpp has code paths for are kept.
_FLAG_NAMES = {
    "avx": {"avx", "avx1.0"},
    "avx2": {"avx2"},
    "f16c": {"f16c"},
    "fma": {"fma"},
    "bmi2": {"bmi2"},
    "avx_vnni": {"avx_vnni"},
    "avx512f": {"avx512f"},
    "avx512_vbmi": {"avx512vbmi", "avx512_vbmi"},
    "avx512_vnni": {"avx512_vnni", "avx512vnni"},
    "avx512_bf16": {"avx512_bf16", "avx512bf16"},
    "amx_int8": {"amx_int8"},
    "amx_bf16": {"amx_bf16"},
    "neon": {"neon", "asimd"},
    "fp16": {"fphp", "asimdhp"},
    "dotprod": {"asimddp"},
    "i8mm": {"i8mm"},
    "bf16": {"bf16"},
    "sve": {"sve"},
    "sve2": {"sve2"},
    "sme": {"sme"},
}
_APPLE_FLAGS = {
    "neon": "hw.optional.neon",
    "fp16": "hw.optional.arm.FEAT_FP16",
    "dotprod": "hw.optional.arm.FEAT_DotProd",
    "i8mm": "hw.optional.arm.FEAT_I8MM",
    "bf16": "hw.optional.arm.FEAT_BF16",
    "sme": "hw.optional.arm.FEAT_SME",
}
# PF_… numbers of IsProcessorFeaturePresent, from winnt.h.
WINDOWS_FEATURES = {
    "neon": 19,
    "avx": 39,
    "avx2": 40,
    "avx512f": 41,
    "dotprod": 43,
    "sve": 46,
    "sve2": 47,
    "bmi2": 60,
    "i8mm": 66,
    "fp16": 67,
    "bf16": 68,
    "sme": 70,
}
# Names for ARM cores, which Linux gives as numbers ("CPU implementer", "CPU part").
_ARM_PARTS = {
    (0x41, 0xD03): "Cortex-A53",
    (0x41, 0xD05): "Cortex-A55",
    (0x41, 0xD08): "Cortex-A72",
    (0x41, 0xD0B): "Cortex-A76",
    (0x41, 0xD0C): "Neoverse N1",
    (0x41, 0xD40): "Neoverse V1",
    (0x41, 0xD49): "Neoverse N2",
    (0x41, 0xD4F): "Neoverse V2",
    (0x41, 0xD80): "Cortex-A520",
    (0x41, 0xD81): "Cortex-A720",
    (0x41, 0xD82): "Cortex-X4",
    (0x41, 0xD85): "Cortex-X925",
    (0x41, 0xD87): "Cortex-A725",
    (0x51, 0x001): "Qualcomm Oryon",
    (0xC0, 0xAC3): "Ampere-1",
}


def known_flags(words: set[str]) -> tuple[str, ...]:
    """The instruction sets among the flag words of a CPU, in the order of the engine's use."""
    lower = {word.lower() for word in words}
    return tuple(name for name, spellings in _FLAG_NAMES.items() if spellings & lower)


def parse_cpuinfo(text: str) -> tuple[str, tuple[str, ...], bool]:
    """Name, instruction sets and "is a virtual machine" of Linux's /proc/cpuinfo (x86 or ARM)."""
    fields: dict[str, str] = {}
    parts: list[tuple[int, int]] = []
    implementer = 0
    for line in text.splitlines():
        key, separator, value = line.partition(":")
        key, value = key.strip(), value.strip()
        if not separator:
            continue
        if key == "CPU implementer":
            implementer = _number(value)
        elif key == "CPU part" and (implementer, _number(value)) not in parts:
            parts.append((implementer, _number(value)))
        fields.setdefault(key, value)
    words = set((fields.get("flags") or fields.get("Features") or "").split())
    name = fields.get("model name") or fields.get("Model") or fields.get("Hardware") or ""
    if not name and parts:
        name = " + ".join(_ARM_PARTS.get(part, f"ARM {part[0]:#x}/{part[1]:#x}") for part in parts)
    return _tidy(name), known_flags(words), "hypervisor" in words


def _number(text: str) -> int:
    try:
        return int(text, 0)
    except ValueError:
        return 0


def _tidy(name: str) -> str:
    return " ".join(re.sub(r"\((R|TM|r|tm)\)", "", name).split())


def parse_sysctl(text: str) -> dict[str, str]:
    """The `name: value` lines of macOS's `sysctl`."""
    pairs = (line.split(": ", 1) for line in text.splitlines())
    return {pair[0].strip(): pair[1].strip() for pair in pairs if len(pair) == 2}


def sysctl_int(values: Mapping[str, str], name: str) -> int | None:
    text = values.get(name, "")
    return int(text) if text.isdigit() else None


def sysctl_flags(values: Mapping[str, str]) -> tuple[str, ...]:
    """Instruction sets of a Mac: `hw.optional.arm.*`, or `machdep.cpu.*features` on Intel."""
    apple = [name for name, key in _APPLE_FLAGS.items() if values.get(key) == "1"]
    words = " ".join(values.get(f"machdep.cpu.{key}", "") for key in ("features", "leaf7_features"))
    return (*known_flags(set(words.split())), *apple)


def windows_flags(present: set[int], *, x86: bool) -> tuple[str, ...]:
    """Instruction sets from the PF_… numbers Windows says are present.

    Windows tells nothing of FMA and F16C; every x86 CPU with AVX2 that runs Windows 10 has both.
    """
    found = {name for name, number in WINDOWS_FEATURES.items() if number in present}
    if x86 and "avx2" in found:
        found |= {"fma", "f16c"}
    return tuple(name for name in _FLAG_NAMES if name in found)


def windows_cores(buffer: bytes) -> list[tuple[int, int]]:
    """Efficiency class and logical CPUs of every physical core.

    `buffer` is what GetLogicalProcessorInformationEx(RelationProcessorCore) fills: records of
    relationship (u32), size (u32), flags (u8), efficiency class (u8), 20 reserved bytes, group
    count (u16), then per group a 64-bit mask, the group's number (u16) and 6 reserved bytes.
    """
    cores: list[tuple[int, int]] = []
    offset = 0
    while offset + 32 <= len(buffer):
        relationship, size = struct.unpack_from("<II", buffer, offset)
        if size < 32:
            break
        if relationship == 0 and offset + size <= len(buffer):
            (groups,) = struct.unpack_from("<H", buffer, offset + 30)
            masks = (
                struct.unpack_from("<Q", buffer, offset + 32 + 16 * index)[0]
                for index in range(groups)
                if 32 + 16 * (index + 1) <= size
            )
            cores.append((buffer[offset + 9], sum(mask.bit_count() for mask in masks)))
        offset += size
    return cores


def split_by_capacity(capacities: Mapping[int, int]) -> tuple[set[int], set[int]] | None:
    """Performance and efficiency CPUs from Linux's `cpu_capacity`; None where all are alike.

    A CPU counts as an efficiency core below half of the fastest one's capacity: phones and boards
    have up to three kinds, and the middle one carries a model well.
    """
    if not capacities or min(capacities.values()) == max(capacities.values()):
        return None
    half = max(capacities.values()) / 2
    slow = {cpu for cpu, capacity in capacities.items() if capacity < half}
    return (set(capacities) - slow, slow) if slow else None
