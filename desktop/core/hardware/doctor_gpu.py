"""`doctor`'s findings about GPUs: does the engine in use drive what the machine has?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from desktop.core.hardware.facts import RuntimeFacts, Severity
from desktop.core.hardware.gpu import Gpu
from desktop.core.hardware.gpu_names import maker_of
from desktop.core.hardware.host import HostInfo
from desktop.core.hardware.probe import Hardware
from desktop.core.hardware.sources import gib

Draft = tuple[Severity, str, dict[str, str]]

# A GPU's own backend -> every backend of the engine that can drive it, the best one first.
_DRIVERS = {
    "cuda": ("cuda", "vulkan"),
    "rocm": ("rocm", "hip", "vulkan"),
    "sycl": ("sycl", "vulkan"),
    "metal": ("metal", "mtl"),
}
_MAKERS = {"cuda": "NVIDIA", "rocm": "AMD", "sycl": "Intel", "metal": "Apple"}
# What `paddock engine build` makes for it. Of Apple's the environment's own engine drives it.
_BUILT = {"cuda": "cuda", "rocm": "vulkan", "sycl": "vulkan"}
_HELD_SHARE = 0.25
_FAST_GB_PER_SECOND = 150.0
_NO_GPU = ("", "none", "void", "-1", "NoDevFiles")


def gpu_findings(
    hardware: Hardware, runtime: RuntimeFacts | None, *, runtime_known: bool = True
) -> Iterator[Draft]:
    """Findings about the GPUs, the most important first."""
    if runtime is None and runtime_known:
        yield "error", "engine_missing", {}
    cards = [gpu for gpu in hardware.gpus if not gpu.integrated]
    driven = False
    for backend in _DRIVERS:
        for gpus in _kinds(hardware, backend):
            if runtime is None:
                continue
            draft = _engine(backend, gpus, runtime, beside_a_card=bool(cards) and driven)
            driven = driven or draft[1] == "gpu_ready"
            yield draft
    troubled = any(problem.code.startswith("nvidia_") for problem in hardware.problems)
    if not (hardware.gpus or hardware.pci_gpus or troubled or _listed(runtime, None)):
        yield "info", "gpu_none", {}
    yield from _adapters(hardware, runtime)
    yield from _surroundings(hardware)
    for gpu in hardware.gpus:
        yield from _one(gpu)


def _kinds(hardware: Hardware, backend: str) -> Iterator[list[Gpu]]:
    """The GPUs of a backend: the cards together, and the integrated ones together."""
    for integrated in (False, True):
        gpus = [gpu for gpu in _of(hardware, backend) if gpu.integrated is integrated]
        if gpus:
            yield gpus


def _of(hardware: Hardware, backend: str) -> list[Gpu]:
    return [gpu for gpu in hardware.gpus if gpu.backend == backend]


def _listed(
    runtime: RuntimeFacts | None, backends: Iterable[str] | None, maker: str | None = None
) -> list[str]:
    """The devices the engine lists that belong to these backends (to any but the CPU: None).

    Vulkan drives every maker's GPUs: of its devices those of `maker`, and those whose name tells
    none.
    """
    devices = list(runtime.devices) if runtime else []
    if backends is None:
        return [each for each in devices if not each.lower().startswith(("cpu", "blas", "rpc"))]
    found = [each for each in devices if each.lower().startswith(tuple(backends))]
    if maker is None:
        return found
    told = {each: maker_of(each.partition(":")[2]) for each in found}
    return [each for each in found if told[each] in (None, maker)]


def _engine(backend: str, gpus: list[Gpu], runtime: RuntimeFacts, *, beside_a_card: bool) -> Draft:
    """Whether the engine drives GPUs of one kind.

    Args:
        beside_a_card: it drives a card; an integrated GPU is then left alone in any case.
    """
    usable = [each for each in runtime.backends if each.lower() in _DRIVERS[backend]]
    listed = _listed(runtime, _DRIVERS[backend], _MAKERS[backend])
    params = {
        "gpu": _names(gpus),
        "runtime": runtime.id,
        "version": runtime.version,
        "backends": ", ".join(runtime.backends) or "nothing",
        "devices": "; ".join(listed or runtime.devices) or "no device",
        "wanted": _BUILT.get(backend, backend),
    }
    integrated = all(gpu.integrated for gpu in gpus)
    if integrated and beside_a_card:
        return "ok", "gpu_integrated_idle", params
    if listed:  # what it lists it drives, whatever it says it was built with
        return "ok", "gpu_ready", params
    if usable:
        code = "gpu_engine_does_not_see"
    else:
        code = "gpu_engine_cannot_drive" if backend in _BUILT else "gpu_engine_without_metal"
    return "info" if _gains_little(gpus) else "warning", code, params


def _gains_little(gpus: list[Gpu]) -> bool:
    """Integrated GPUs with no more bandwidth than the CPU has: they answer no faster. Apple's,
    AMD's Ryzen AI Max and NVIDIA's GB10 have several times what two channels of DDR5 give."""
    return all(
        gpu.integrated
        and gpu.backend != "metal"
        and (gpu.memory_bandwidth_gb_per_second or 0) < _FAST_GB_PER_SECOND
        and gpu.vendor != "NVIDIA"
        for gpu in gpus
    )


def _names(gpus: list[Gpu]) -> str:
    names = [gpu.name for gpu in gpus]
    counts = {name: names.count(name) for name in names}
    return ", ".join(f"{count} × {name}" if count > 1 else name for name, count in counts.items())


def _adapters(hardware: Hardware, runtime: RuntimeFacts | None) -> Iterator[Draft]:
    """Adapters on the bus that no driver described to us and no engine device stands for.

    An NVIDIA one without a driver is among the probe's problems already.
    """
    if runtime is None:
        return
    described = {gpu.pci_bus_id for gpu in hardware.gpus if gpu.pci_bus_id}
    makers = {gpu.vendor for gpu in hardware.gpus if not gpu.pci_bus_id}
    for adapter in hardware.pci_gpus:
        known = adapter.address in described or adapter.vendor in makers
        listed = _listed(runtime, ("vulkan", "sycl", "rocm", "hip"), adapter.vendor)
        if adapter.vendor == "NVIDIA" or known or listed:
            continue
        driver = f"driver {adapter.driver}" if adapter.driver else "no driver"
        name = adapter.name or f"{adapter.vendor} {adapter.device_id}"
        params = {"adapter": f"{name} at {adapter.address}, {driver}"}
        if adapter.integrated or adapter.driver:
            yield "info", "gpu_adapter_unused", params
        else:
            yield "warning", "gpu_adapter_without_driver", params


def _surroundings(hardware: Hardware) -> Iterator[Draft]:
    host: HostInfo | None = hardware.host
    if host is None:
        return
    asked = host.nvidia_visible_devices
    nodes = [node for node in host.gpu_device_nodes if node.startswith(("/dev/nvidia", "/dev/dxg"))]
    if asked is not None and asked not in _NO_GPU and not nodes and not hardware.gpus:
        yield "warning", "container_without_gpu", {"value": asked}
    hidden = host.cuda_visible_devices
    if hidden is not None and hidden.strip() in _NO_GPU and _of(hardware, "cuda"):
        yield "warning", "gpu_hidden", {"value": hidden}


def _one(gpu: Gpu) -> Iterator[Draft]:
    if gpu.mig_enabled:
        yield "info", "gpu_mig", {"gpu": gpu.name, "count": str(len(gpu.mig_instances))}
    used, total = gpu.used_bytes, gpu.total_bytes
    if used is None or not total or gpu.shares_ram or used < total * _HELD_SHARE:
        return
    holders = [
        f"{process.name or 'process'} ({process.pid}): {gib(process.used_bytes)}"
        for process in gpu.processes
        if process.used_bytes
    ]
    text = f" ({', '.join(holders[:3])})" if holders else ""
    params = {"gpu": gpu.name, "used": gib(used), "total": gib(total), "holders": text}
    yield "info", "gpu_memory_taken", params
