"""A GPU, whoever made it, and Apple's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from desktop.core.hardware.cpu_text import sysctl_int
from desktop.core.hardware.sources import GIB


@dataclass(frozen=True)
class GpuProcess:
    """A process that holds memory of a GPU. `name` and `used_bytes`: None where not allowed."""

    pid: int
    name: str | None
    used_bytes: int | None


@dataclass(frozen=True)
class MigInstance:
    """A slice of a GPU that is split with MIG. Each is a device of its own to CUDA."""

    uuid: str | None
    total_bytes: int | None
    free_bytes: int | None


@dataclass(frozen=True)
class Gpu:
    """One GPU as its driver describes it.

    Attributes:
        backend: the engine's backend that is made for it: "cuda", "rocm" or "metal".
        total_bytes, free_bytes, used_bytes: its memory; None where the driver does not tell.
        cuda_driver_version: the newest CUDA the driver can run, such as "12.4".
        memory_bandwidth_gb_per_second: from bus width and clock, not measured; None if unknown.
        shares_ram: its memory is the machine's RAM (must not be counted twice).
        total_is_estimate: the system does not tell the limit; see `apple_gpu`.
        mig_enabled: split with MIG; None where the GPU knows no MIG.
    """

    name: str
    backend: str
    total_bytes: int | None
    free_bytes: int | None
    used_bytes: int | None = None
    uuid: str | None = None
    pci_bus_id: str | None = None
    driver_version: str | None = None
    cuda_driver_version: str | None = None
    compute_capability: str | None = None
    power_limit_watts: float | None = None
    memory_bandwidth_gb_per_second: float | None = None
    shares_ram: bool = False
    total_is_estimate: bool = False
    mig_enabled: bool | None = None
    mig_instances: tuple[MigInstance, ...] = ()
    processes: tuple[GpuProcess, ...] = ()


def apple_gpu(
    values: Mapping[str, str], machine: str, ram_bytes: int, available_bytes: int
) -> Gpu | None:
    """The GPU of an Apple chip, from sysctl's values; None on Intel Macs.

    Metal lets a program keep a share of the RAM resident. The system tells the share only through
    Metal (recommendedMaxWorkingSetSize), which the engine's own device list reports; here it is
    what users see: two thirds of the RAM up to 36 GiB, three quarters above, or what
    `iogpu.wired_limit_mb` has been set to.
    """
    if machine != "arm64":
        return None
    limit_mb = sysctl_int(values, "iogpu.wired_limit_mb") or 0
    share = ram_bytes * 2 // 3 if ram_bytes <= 36 * GIB else ram_bytes * 3 // 4
    total = limit_mb << 20 if limit_mb else share
    return Gpu(
        name=values.get("machdep.cpu.brand_string", "Apple GPU"),
        backend="metal",
        total_bytes=total,
        free_bytes=min(total, available_bytes),
        shares_ram=True,
        total_is_estimate=not limit_mb,
    )
