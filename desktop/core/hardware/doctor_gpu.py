"""`doctor`'s findings about GPUs: does the engine in use drive what the machine has?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from desktop.core.hardware.facts import RuntimeFacts, Severity
from desktop.core.hardware.gpu import Gpu
from desktop.core.hardware.host import HostInfo
from desktop.core.hardware.probe import Hardware
from desktop.core.hardware.sources import gib

Draft = tuple[Severity, str, dict[str, str]]

# A GPU's own backend -> every backend of the engine that can drive it, the best one first.
_DRIVERS = {
    "cuda": ("cuda", "vulkan"),
    "rocm": ("rocm", "hip", "vulkan"),
    "metal": ("metal", "mtl"),
}
_BACKEND_OF_VENDOR = {"NVIDIA": "cuda", "AMD": "rocm"}
_HELD_SHARE = 0.25
_NO_GPU = ("", "none", "void", "-1", "NoDevFiles")


def gpu_findings(
    hardware: Hardware, runtime: RuntimeFacts | None, *, runtime_known: bool = True
) -> Iterator[Draft]:
    """Findings about the GPUs, the most important first."""
    if runtime is None and runtime_known:
        yield "error", "engine_missing", {}
    kinds = {backend: _of(hardware, backend) for backend in _DRIVERS}
    for backend, gpus in kinds.items():
        if gpus and runtime is not None:
            yield _engine(backend, gpus, runtime)
    troubled = any(problem.code.startswith("nvidia_") for problem in hardware.problems)
    if not (hardware.gpus or hardware.pci_gpus or troubled or _listed(runtime, None)):
        yield "info", "gpu_none", {}
    yield from _adapters(hardware, runtime)
    yield from _surroundings(hardware)
    for gpu in hardware.gpus:
        yield from _one(gpu)


def _of(hardware: Hardware, backend: str) -> list[Gpu]:
    return [gpu for gpu in hardware.gpus if gpu.backend == backend]


def _listed(runtime: RuntimeFacts | None, backends: Iterable[str] | None) -> list[str]:
    """The devices the engine lists that belong to these backends (to any but the CPU: None)."""
    devices = list(runtime.devices) if runtime else []
    if backends is None:
        return [each for each in devices if not each.lower().startswith(("cpu", "blas", "rpc"))]
    return [each for each in devices if each.lower().startswith(tuple(backends))]


def _engine(backend: str, gpus: list[Gpu], runtime: RuntimeFacts) -> Draft:
    usable = [each for each in runtime.backends if each.lower() in _DRIVERS[backend]]
    listed = _listed(runtime, _DRIVERS[backend])
    params = {
        "gpu": _names(gpus),
        "runtime": runtime.id,
        "version": runtime.version,
        "backends": ", ".join(runtime.backends) or "nothing",
        "devices": "; ".join(listed or runtime.devices) or "no device",
        "wanted": backend,
    }
    if listed:  # what it lists it drives, whatever it says it was built with
        return "ok", "gpu_ready", params
    shared = all(gpu.shares_ram for gpu in gpus) and backend == "rocm"
    severity: Severity = "info" if shared else "warning"  # an APU gains little
    return severity, "gpu_engine_does_not_see" if usable else "gpu_engine_cannot_drive", params


def _names(gpus: list[Gpu]) -> str:
    names = [gpu.name for gpu in gpus]
    counts = {name: names.count(name) for name in names}
    return ", ".join(f"{count} × {name}" if count > 1 else name for name, count in counts.items())


def _adapters(hardware: Hardware, runtime: RuntimeFacts | None) -> Iterator[Draft]:
    """Adapters on the bus that no driver described to us and no engine device stands for.

    An NVIDIA one without a driver is among the probe's problems already.
    """
    if runtime is None or _listed(runtime, ("vulkan", "sycl", "rocm", "hip")):
        return
    for adapter in hardware.pci_gpus:
        known = any(gpu.backend == _BACKEND_OF_VENDOR.get(adapter.vendor) for gpu in hardware.gpus)
        if adapter.vendor != "NVIDIA" and not known:
            driver = f"driver {adapter.driver}" if adapter.driver else "no driver"
            text = f"{adapter.vendor} {adapter.device_id} at {adapter.address}, {driver}"
            yield "info", "gpu_adapter_unused", {"adapter": text}


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
