"""A GPU, whoever made it."""

from __future__ import annotations

from dataclasses import dataclass

from desktop.core.hardware.sources import ProbeProblem


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
        backend: the engine's backend that is made for it: "cuda", "rocm", "sycl" or "metal".
        total_bytes, free_bytes, used_bytes: its memory; None where the driver does not tell.
        cuda_driver_version: the newest CUDA the driver can run, such as "12.4".
        memory_bandwidth_gb_per_second: from bus width and clock, or from the shipped table of
            known devices (then `known_as` names its row); not measured; None if unknown.
        shares_ram: its memory is the machine's RAM (must not be counted twice).
        integrated: one chip with the CPU. What the firmware took from the RAM for it alone is
            memory of its own: the system does not count it as RAM.
        own_bytes: of an integrated GPU, what the firmware set aside; None where not known.
        total_is_estimate: the system does not tell the limit; see `apple` and `intel`.
        mig_enabled: split with MIG; None where the GPU knows no MIG.
        vendor: "NVIDIA", "AMD", "Intel" or "Apple".
        pci_id: vendor and device, "1002:744c".
        cores: the maker's own count of GPU cores (Apple).
        known_as, confidence: its row in the table of known devices and how sure that row is
            ("read", "mixed", "remembered"); None where there is none.
        fp16_tflops: from that row.
        engine_device: the engine's name of it, "Vulkan0", where an engine was asked.
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
    vendor: str = ""
    pci_id: str | None = None
    integrated: bool = False
    own_bytes: int | None = None
    cores: int | None = None
    known_as: str | None = None
    confidence: str | None = None
    fp16_tflops: float | None = None
    engine_device: str | None = None

    @property
    def available_bytes(self) -> int:
        """What can be had of it now; all of it where the driver does not tell what is free."""
        return self.total_bytes or 0 if self.free_bytes is None else self.free_bytes


@dataclass(frozen=True)
class GpusFound:
    """GPUs of one maker, and what stands in their way."""

    gpus: tuple[Gpu, ...] = ()
    problems: tuple[ProbeProblem, ...] = ()


def memory_unknown(gpu: Gpu) -> ProbeProblem:
    """The driver does not tell a GPU's size, or tells one that makes no sense."""
    place = f" ({gpu.pci_bus_id})" if gpu.pci_bus_id else ""
    return ProbeProblem(
        gpu.name,
        f"The driver does not tell how much memory it has{place}.",
        "The engine's own list may tell it: choose an engine with Vulkan. If not, the GPU may be "
        "asleep or lost; restart the computer.",
        "gpu_memory_unknown",
    )


def used_together(gpus: tuple[Gpu, ...]) -> tuple[Gpu, ...]:
    """The GPUs the engine spreads a model over when nobody chose any.

    Discrete ones; integrated ones only where there are no others (llama_prepare_model_devices of
    src/llama.cpp in llama.cpp 0c1e570). Apple's count as discrete there; a Mac has only one.
    One engine drives one maker's cards with that maker's backend, so of several makers those with
    the most memory are taken.
    """
    able = [gpu for gpu in gpus if gpu.available_bytes > 0]
    discrete = [gpu for gpu in able if not gpu.integrated]
    chosen = discrete or able
    best = max({gpu.backend for gpu in chosen}, key=lambda each: _total(chosen, each), default="")
    return tuple(gpu for gpu in chosen if gpu.backend == best)


def _total(gpus: list[Gpu], backend: str) -> int:
    return sum(gpu.available_bytes for gpu in gpus if gpu.backend == backend)


def sane_bytes(value: int | None) -> int | None:
    """A size as a driver states it; None where it makes no sense (a driver that is not ready
    states zero or 2^64 - 1, and no device has a pebibyte)."""
    return value if value is not None and 0 <= value < 1 << 50 else None
