"""The machine a recommendation is for: this one, or one somebody describes in a line.

`ram=32,vram=24,gpu=RTX_4090` is 32 GiB of RAM and a known GPU. Of a simulated machine only what was
said and what the table of known devices says is true: its RAM's bandwidth is an assumption, and
its system takes a usual share.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from desktop.core.errors import AppError, ErrorCode
from desktop.core.fit.estimate import GIB, HOST, Available
from desktop.core.fit.layers import ENGINE_MARGIN_BYTES
from desktop.core.fit.speed import DeviceSpeed, Speeds
from desktop.core.fit.speed_seed import backend_of, cpu_seed, gpu_seed
from desktop.core.hardware.apple import working_set_bytes
from desktop.core.hardware.cpu import CpuInfo
from desktop.core.hardware.gpu import Gpu, used_together
from desktop.core.hardware.known import KnownGpu, known_gpus
from desktop.core.hardware.known_names import key_of, matching
from desktop.core.hardware.probe import Hardware

KEYS = ("ram", "vram", "gpu")
MAX_GIB = 16_384
# What a running desktop system holds before any model: Windows 11 and GNOME take 2 to 4 GiB.
SYSTEM_BYTES = 3 * GIB
# Two channels of DDR5-4800 read 60 of their 76.8 GB/s, DDR4-3200 40 of 51.2: what most have.
ASSUMED_RAM_GB_PER_SECOND = 50.0
# Of unified memory the CPU cores alone cannot draw all: those of an M1 Max read 243 of 400 GB/s
# (AnandTech, "Apple's M1 Pro, M1 Max SoCs Investigated", 2021).
_CPU_SHARE_OF_UNIFIED = 0.6
_ASSUMED_CORES = 8
GPU = "GPU0"
_SUGGESTIONS = 6


@dataclass(frozen=True)
class GpuRoom:
    """A GPU as far as placing a model on it goes.

    Attributes:
        name: the device's name here, "GPU0"; `description` is the maker's.
        available_bytes: what can be had, before the reserve is taken off.
        backend: the engine's that drives it, "cuda", "metal", …; empty where nothing says.
        unified: its memory is the RAM.
        known: the table's row for it; None where there is none.
        count: how many GPUs this is together; each of them needs working memory of its own.
    """

    name: str
    description: str
    available_bytes: int
    bandwidth_gb_per_second: float | None
    backend: str = ""
    unified: bool = False
    known: KnownGpu | None = None
    count: int = 1


@dataclass(frozen=True)
class Machine:
    """What a model can be placed on.

    Attributes:
        ram_bytes: what can be had, before the reserve is taken off.
        ram_gb_per_second: measured, or assumed where the machine is simulated; None: not known.
        cpu: None where the machine is simulated.
        simulated: nothing of it was looked at.
    """

    ram_bytes: int
    ram_gb_per_second: float | None
    gpu: GpuRoom | None = None
    cpu: CpuInfo | None = None
    simulated: bool = False

    @property
    def available(self) -> tuple[Available, ...]:
        """The devices with what they can give; the host is the last."""
        host = Available(HOST, self.ram_bytes, "RAM")
        if self.gpu is None:
            return (host,)
        gpu = self.gpu
        return Available(gpu.name, gpu.available_bytes, gpu.description), host


def machine_of(hardware: Hardware) -> Machine:
    """This machine as it is now: the GPUs the engine would use together, and what is free.

    Raises:
        AppError: PROBE_FAILED, where its memory could not be read.
    """
    ram = hardware.ram
    if ram is None:
        reason = next((p.reason for p in hardware.problems if p.what == "memory"), "")
        raise AppError(ErrorCode.PROBE_FAILED, what="memory", reason=reason)
    bandwidth = hardware.bandwidth.gb_per_second if hardware.bandwidth else None
    gpus = used_together(hardware.gpus)
    if not gpus:
        return Machine(ram.available_bytes, bandwidth, cpu=hardware.cpu)
    return Machine(ram.available_bytes, bandwidth, _together(gpus), hardware.cpu)


def _together(gpus: Sequence[Gpu]) -> GpuRoom:
    """The GPUs as one: the engine gives each layers by its free memory, and each works after the
    other, so that their times add up.

    Of every GPU but one the margin that the engine leaves free is taken off here.
    """
    rows = known_gpus().gpus
    known = [next(iter(matching(gpu.name, rows, gpu.total_bytes)), None) for gpu in gpus]
    stated = [row.bandwidth_gb_per_second if row else None for row in known]
    rates = [
        gpu.memory_bandwidth_gb_per_second or rate for gpu, rate in zip(gpus, stated, strict=True)
    ]
    free = [gpu.available_bytes for gpu in gpus]
    rate = None
    if all(rates):
        rate = sum(free) / sum(size / (each or 1.0) for size, each in zip(free, rates, strict=True))
    counts = Counter(gpu.name for gpu in gpus)
    names = [f"{count} × {name}" if count > 1 else name for name, count in counts.items()]
    slowest = min(range(len(gpus)), key=lambda index: rates[index] or 0.0)
    return GpuRoom(
        GPU,
        " + ".join(names),
        max(0, sum(free) - (len(gpus) - 1) * ENGINE_MARGIN_BYTES),
        rate,
        gpus[0].backend,
        gpus[0].shares_ram,
        known[slowest],
        len(gpus),
    )


def parse_machine(text: str, gpus: Sequence[KnownGpu] | None = None) -> Machine:
    """The machine a line such as "ram=32,vram=24,gpu=RTX_4090" describes; sizes are in GiB.

    Args:
        gpus: the known devices; the shipped table by default.

    Raises:
        AppError: SIMULATION_INVALID, GPU_UNKNOWN.
    """
    said = _pairs(text)
    ram = _gib(text, "ram", said.get("ram"))
    vram = _gib(text, "vram", said.get("vram"))
    known = None
    if "gpu" in said:
        known = find_gpu(said["gpu"], known_gpus().gpus if gpus is None else gpus, vram)
    if ram is None:
        raise _invalid(text, "It does not say how much RAM there is (ram=…).")
    if known is not None and known.unified_memory and vram is not None:
        raise _invalid(text, f"{known.name} uses the RAM: it has no vram of its own.")
    if known is not None and not known.unified_memory and (vram or known.memory_gb) is None:
        raise _invalid(text, f"Nobody says how much memory {known.name} has; add vram=….")
    return simulated(ram, known, vram)


def simulated(
    ram_gib: float, gpu: KnownGpu | None = None, vram_gib: float | None = None
) -> Machine:
    """A machine with so much RAM, and a known GPU, one of so much memory, or none."""
    ram = round(ram_gib * GIB)
    free = max(0, ram - SYSTEM_BYTES)
    if gpu is None:
        room = None
        if vram_gib is not None:
            room = GpuRoom(GPU, f"a GPU with {vram_gib:g} GiB", round(vram_gib * GIB), None)
        return Machine(free, ASSUMED_RAM_GB_PER_SECOND, room, simulated=True)
    rate, backend = gpu.bandwidth_gb_per_second, backend_of(gpu.vendor)
    if gpu.unified_memory:
        share = working_set_bytes(ram)  # other makers' systems keep as much
        room = GpuRoom(GPU, gpu.name, min(share, free), rate, backend, True, gpu)
        cpu_rate = _CPU_SHARE_OF_UNIFIED * rate if rate else ASSUMED_RAM_GB_PER_SECOND
        return Machine(free, cpu_rate, room, simulated=True)
    gib = vram_gib if vram_gib is not None else gpu.memory_gb or 0.0
    room = GpuRoom(GPU, gpu.name, round(gib * GIB), rate, backend, False, gpu)
    return Machine(free, ASSUMED_RAM_GB_PER_SECOND, room, simulated=True)


def seeded_speeds(machine: Machine) -> Speeds:
    """What is known of its devices' speed before anything was measured on them.

    A simulated machine's CPU is taken for one with eight cores and AVX2.
    """
    devices: dict[str, DeviceSpeed] = {}
    if machine.ram_gb_per_second:
        cpu = machine.cpu
        devices[HOST] = cpu_seed(
            "a CPU" if cpu is None else cpu.name,
            bandwidth_gb_per_second=machine.ram_gb_per_second,
            cores=_ASSUMED_CORES if cpu is None else cpu.usable_physical_cores or cpu.usable_cpus,
            instruction_sets=("avx2",) if cpu is None else cpu.instruction_sets,
            architecture="" if cpu is None else cpu.architecture,
        )
    gpu = machine.gpu
    if gpu is not None:
        speed = gpu_seed(
            gpu.backend,
            gpu.known.name if gpu.known else gpu.description,
            bandwidth_gb_per_second=gpu.bandwidth_gb_per_second,
            fp16_tflops=gpu.known.fp16_tflops if gpu.known else None,
        )
        if speed is not None:
            devices[gpu.name] = speed
    return Speeds(devices)


def machine_speeds(machine: Machine, kept: Speeds) -> Speeds:
    """Of this machine: what was calibrated, by the engine's names, before what others measured.

    Args:
        kept: as `speed_here.predictor_here` gives them. The engine's first device is taken for
            the machine's GPU, or for each of several alike; not for cards that differ.
    """
    devices = dict(seeded_speeds(machine).devices)
    if HOST in kept.devices:
        devices[HOST] = kept.devices[HOST]
    own = next((name for name in kept.devices if name != HOST), None)
    gpu = machine.gpu
    if gpu is not None and own is not None and "+" not in gpu.description:
        devices[gpu.name] = kept.devices[own]
    return Speeds(devices)


def _pairs(text: str) -> dict[str, str]:
    said: dict[str, str] = {}
    for part in text.split(","):
        key, equals, value = (piece.strip() for piece in part.partition("="))
        key = key.casefold()
        if not equals or not value:
            raise _invalid(text, f"“{part.strip()}” is not of the form name=value.")
        if key not in KEYS:
            raise _invalid(text, f"“{key}” is none of {', '.join(KEYS)}.")
        if key in said:
            raise _invalid(text, f"“{key}” stands there twice.")
        said[key] = value
    return said


def _gib(text: str, key: str, value: str | None) -> float | None:
    if value is None:
        return None
    plain = value.casefold().removesuffix("gib").removesuffix("gb").removesuffix("g").strip()
    try:
        size = float(plain)
    except ValueError:
        raise _invalid(text, f"{key}={value} is no number of GiB.") from None
    if not math.isfinite(size) or not 0 < size <= MAX_GIB:
        raise _invalid(text, f"{key}={value} is not more than 0 and at most {MAX_GIB} GiB.")
    return size


def _invalid(text: str, reason: str) -> AppError:
    return AppError(ErrorCode.SIMULATION_INVALID, text=text, reason=reason)


# Finding a GPU by its name.


def find_gpu(name: str, gpus: Sequence[KnownGpu], memory_gib: float | None = None) -> KnownGpu:
    """The one known device of this name: exactly, but for the maker, case and separators.

    Args:
        memory_gib: decides where a device is sold with more than one size.

    Raises:
        AppError: GPU_UNKNOWN, with the names that come close. Nothing is guessed: a 4090 for
            laptops is another device than a 4090.
    """
    size = None if memory_gib is None else round(memory_gib * GIB)
    found = matching(name, gpus, size)
    if len(found) == 1:
        return found[0]
    close = found or _close(name, gpus)
    names = ", ".join(gpu.name for gpu in close[:_SUGGESTIONS])
    reason = f"Close to it are: {names}." if close else "Nothing in the table comes close."
    raise AppError(ErrorCode.GPU_UNKNOWN, gpu=name, reason=reason)


def _close(name: str, gpus: Iterable[KnownGpu]) -> list[KnownGpu]:
    """Devices with the same model's number, those with the most words in common first."""
    numbers = re.findall(r"\d{2,}", key_of(name))
    letters = set(re.findall(r"[a-z]+", key_of(name)))
    near = [gpu for gpu in gpus if any(number in key_of(gpu.name) for number in numbers)]

    def in_common(gpu: KnownGpu) -> int:
        return len(letters & set(re.findall(r"[a-z]+", key_of(gpu.name))))

    return sorted(near, key=in_common, reverse=True)
