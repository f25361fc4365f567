"""The engine's devices as what a load is placed on and has to fit into."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from desktop.core.engine.runtime import EngineDevice
from desktop.core.fit.estimate import HOST, Available
from desktop.core.fit.layers import Gpu
from desktop.core.hardware.engine_devices import own_memory
from desktop.core.hardware.memory import MemoryInfo

# Their drivers give no host memory of their own (see `Gpu.host_buffers`).
_WITHOUT_HOST_BUFFERS = ("metal", "rpc")


def available_on(
    devices: Sequence[EngineDevice],
    memory: MemoryInfo,
    own: Callable[[Sequence[EngineDevice]], dict[str, int]] = own_memory,
) -> tuple[Available, ...]:
    """What the host and each device can give now; unified memory is marked, to be counted once.

    Args:
        own: what the firmware set aside for integrated GPUs, by the engine's names.
    """
    aside = own(devices)
    return (
        Available(HOST, memory.available_bytes, "this machine's memory"),
        *(
            Available(
                device.name,
                device.free_bytes,
                device.description,
                device.unified,
                aside.get(device.name, 0),
            )
            for device in devices
        ),
    )


def gpus_on(devices: Sequence[EngineDevice]) -> tuple[Gpu, ...]:
    """The devices to place layers on, in the engine's order."""
    return tuple(
        Gpu(
            device.name,
            device.free_bytes,
            unified=device.unified,
            integrated=device.integrated,
            host_buffers=device.backend not in _WITHOUT_HOST_BUFFERS,
        )
        for device in devices
    )
