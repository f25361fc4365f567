"""The engine's own device list beside what the drivers tell.

The engine knows some things better: what Metal keeps resident (recommendedMaxWorkingSetSize), what
of an integrated GPU's memory it can really use, what is free of an Intel card, and GPUs that no
driver described to us. Of a card that its driver describes, the driver's figures stay.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from desktop.core.hardware.gpu import Gpu, sane_bytes
from desktop.core.hardware.gpu_names import maker_of
from desktop.core.hardware.known import known_gpus
from desktop.core.hardware.known_names import key_of, with_known_figures
from desktop.core.hardware.probe import Hardware, other_gpus

if TYPE_CHECKING:
    from desktop.core.engine.runtime import EngineDevice

_MAKER_OF_BACKEND = {"cuda": "NVIDIA", "hip": "AMD", "metal": "Apple", "sycl": "Intel"}
# A remote engine's devices are not this machine's.
_ELSEWHERE = ("rpc", "cpu", "blas")
_BACKEND = {"hip": "rocm"}


def with_engine_devices(hardware: Hardware, devices: Sequence[EngineDevice]) -> Hardware:
    """The hardware with the engine's names of its GPUs, and its figures where they are better."""
    gpus = list(hardware.gpus)
    free = set(range(len(gpus)))
    for device in devices:
        if device.backend in _ELSEWHERE:
            continue
        place = _place_of(device, gpus, free)
        if place is None:
            gpus.append(_unknown_before(device, hardware))
        else:
            free.discard(place)
            gpus[place] = _told(gpus[place], device, hardware)
    return replace(hardware, gpus=tuple(gpus))


def own_memory(
    devices: Sequence[EngineDevice], ask: Callable[[], Sequence[Gpu]] | None = None
) -> dict[str, int]:
    """What the firmware set aside for each integrated GPU, by the engine's names of them.

    It is no part of the RAM. Where nobody tells, a device is left out: then all of its memory
    counts as RAM.

    Args:
        ask: reads the GPUs; this machine's by default, and only where one is integrated.
    """
    integrated = [device for device in devices if device.integrated]
    if not integrated:
        return {}
    try:
        gpus = (ask or _not_nvidias)()
    except OSError:
        return {}
    found = {}
    for device in integrated:
        maker = _MAKER_OF_BACKEND.get(device.backend) or maker_of(device.description)
        own = [gpu.own_bytes or 0 for gpu in gpus if gpu.integrated and gpu.vendor == maker]
        if len(own) == 1 and own[0]:
            found[device.name] = own[0]
    return found


def _not_nvidias() -> list[Gpu]:
    return [gpu for read in other_gpus("", None).values() for gpu in read().gpus]


def _place_of(device: EngineDevice, gpus: list[Gpu], free: set[int]) -> int | None:
    """Which of the GPUs not yet named the engine's device is: the same name, else the same maker
    and kind. Two alike are in the same order on both sides: that of the bus."""
    maker = _MAKER_OF_BACKEND.get(device.backend) or maker_of(device.description)
    places = [place for place in sorted(free) if maker in (None, gpus[place].vendor)]
    if maker == "Apple":
        return places[0] if places else None  # a Mac has one, whatever either calls it
    name = key_of(device.description)
    same = [place for place in places if name.startswith(key_of(gpus[place].name))]
    kind = [place for place in places if gpus[place].integrated == device.integrated]
    best = same or (kind if maker else [])
    return best[0] if best else None


def _told(gpu: Gpu, device: EngineDevice, hardware: Hardware) -> Gpu:
    total = sane_bytes(device.total_bytes) or None
    named = replace(gpu, engine_device=device.name)
    if total is not None and (gpu.shares_ram or gpu.total_bytes is None):
        named = replace(named, total_bytes=total, total_is_estimate=False)
    elif total is None or gpu.free_bytes is not None:
        return named
    return _freed(named, device, hardware)


def _freed(gpu: Gpu, device: EngineDevice, hardware: Hardware) -> Gpu:
    """With the engine's figure of what is free. It says of unified memory what a program might
    have at most, not what others left of it."""
    free = min(device.free_bytes, gpu.total_bytes or device.free_bytes)
    if gpu.shares_ram and hardware.ram is not None:
        free = min(free, hardware.ram.available_bytes + (gpu.own_bytes or 0))
    return replace(gpu, free_bytes=max(0, free))


def _unknown_before(device: EngineDevice, hardware: Hardware) -> Gpu:
    total = sane_bytes(device.total_bytes) or None
    gpu = Gpu(
        name=device.description,
        backend=_BACKEND.get(device.backend, device.backend),
        total_bytes=total,
        free_bytes=None,
        shares_ram=device.integrated,
        integrated=device.integrated,
        vendor=_MAKER_OF_BACKEND.get(device.backend) or maker_of(device.description) or "",
        engine_device=device.name,
    )
    return with_known_figures(_freed(gpu, device, hardware), known_gpus().gpus)
