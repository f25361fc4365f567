"""NVIDIA GPUs through NVML, the driver's own library.

The module `pynvml` (from the package nvidia-ml-py) is a parameter, so that tests give a fake one.
No driver library is no problem: then there is simply no NVIDIA driver; `probe_nvidia` complains
only where the PCI bus shows a GPU all the same. Whatever one question fails at, the others are
asked.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from desktop.core.hardware import pci
from desktop.core.hardware.gpu import Gpu, GpuProcess, MigInstance
from desktop.core.hardware.sources import ProbeProblem

_WHAT = "NVIDIA driver"


@dataclass(frozen=True)
class NvidiaInfo:
    """The NVIDIA GPUs and what stands in their way."""

    gpus: tuple[Gpu, ...] = ()
    problems: tuple[ProbeProblem, ...] = ()


def probe_nvidia(nvml: Any = None, root: Path = Path("/")) -> NvidiaInfo:
    """Every NVIDIA GPU the driver knows.

    Args:
        nvml: the pynvml module; imported by default.
        root: the folder that stands for `/` (the PCI bus is read where there is no driver).
    """
    nvml = importlib.import_module("pynvml") if nvml is None else nvml
    try:
        nvml.nvmlInit()
    except nvml.NVMLError as error:
        problem = _init_problem(nvml, error, pci.pci_gpus(root))
        return NvidiaInfo(problems=(problem,) if problem else ())
    try:
        return _Reader(nvml).read()
    finally:
        _quietly(nvml, nvml.nvmlShutdown)


def _quietly(nvml: Any, function: Callable[..., Any], *arguments: Any) -> Any:
    """What `function` returns, or None where NVML refuses: for what nobody needs to hear of."""
    try:
        return function(*arguments)
    except nvml.NVMLError:
        return None


def _init_problem(nvml: Any, error: Any, adapters: Sequence[pci.PciGpu]) -> ProbeProblem | None:
    if error.value == nvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH:
        return ProbeProblem(
            _WHAT,
            "The driver's library and its kernel module are of different versions: the driver was "
            "updated while the system was running.",
            "Restart the computer.",
            "nvidia_version_mismatch",
        )
    if error.value == nvml.NVML_ERROR_NO_PERMISSION:
        return ProbeProblem(
            _WHAT,
            "This user may not use the GPU's device files.",
            "Check the permissions of /dev/nvidia*; on many systems the user must be in the "
            "groups `video` and `render`.",
            "nvidia_no_permission",
        )
    missing = (nvml.NVML_ERROR_LIBRARY_NOT_FOUND, nvml.NVML_ERROR_DRIVER_NOT_LOADED)
    if error.value not in missing:
        return ProbeProblem(
            _WHAT,
            f"The driver does not start: {error}.",
            "Restart the computer; if it happens again, install the driver anew.",
            "nvidia_driver_failed",
        )
    adapter = next((each for each in adapters if each.vendor == "NVIDIA"), None)
    if adapter is None:
        return None
    if error.value == nvml.NVML_ERROR_DRIVER_NOT_LOADED and adapter.driver != "vfio-pci":
        return ProbeProblem(
            _WHAT,
            f"The driver is installed, but its kernel module is not loaded ({adapter.address}).",
            "Run `sudo modprobe nvidia`, or restart. With Secure Boot on, the module must be "
            "signed and its key enrolled.",
            "nvidia_module_not_loaded",
        )
    holder = f"the driver `{adapter.driver}` holds it" if adapter.driver else "no driver runs it"
    return ProbeProblem(
        _WHAT,
        f"An NVIDIA GPU is on the PCI bus ({adapter.address}, device {adapter.device_id}), but "
        f"NVIDIA's driver is not there: {holder}.",
        "Install NVIDIA's driver from your distribution (on Ubuntu: `sudo ubuntu-drivers install`) "
        "and restart. In a container, start it with access to the GPU (`--gpus all`).",
        "nvidia_no_driver",
    )


class _Reader:
    """Asks NVML, question by question, and keeps what went wrong."""

    def __init__(self, nvml: Any) -> None:
        self._nvml = nvml
        self._problems: dict[tuple[str, str], ProbeProblem] = {}
        # No answer to these is an answer: this GPU or driver has no such thing.
        names = ("NOT_SUPPORTED", "FUNCTION_NOT_FOUND", "NO_DATA")
        self._silent = {getattr(nvml, f"NVML_ERROR_{name}") for name in names}

    def read(self) -> NvidiaInfo:
        nvml = self._nvml
        driver = _text(self._ask(_WHAT, nvml.nvmlSystemGetDriverVersion))
        cuda = self._ask(_WHAT, nvml.nvmlSystemGetCudaDriverVersion)
        cuda_text = f"{cuda // 1000}.{cuda % 1000 // 10}" if cuda else None
        gpus = []
        for index in range(self._ask(_WHAT, nvml.nvmlDeviceGetCount) or 0):
            handle = self._ask(f"GPU {index}", nvml.nvmlDeviceGetHandleByIndex, index)
            if handle is not None:
                gpus.append(self._gpu(index, handle, driver, cuda_text))
        return NvidiaInfo(tuple(gpus), tuple(self._problems.values()))

    def _ask(self, what: str, function: Callable[..., Any], *arguments: Any) -> Any:
        nvml = self._nvml
        try:
            return function(*arguments)
        except nvml.NVMLError as error:
            if error.value in self._silent:
                return None
            if error.value in (nvml.NVML_ERROR_GPU_IS_LOST, nvml.NVML_ERROR_RESET_REQUIRED):
                problem = ProbeProblem(
                    what,
                    f"The GPU has stopped answering ({error}): overheated, underpowered, or its "
                    "driver crashed.",
                    "Restart the computer; if it happens again, check the GPU's power cables and "
                    "cooling, and the kernel's log for “Xid”.",
                    "nvidia_gpu_lost",
                )
            elif error.value == nvml.NVML_ERROR_NO_PERMISSION:
                problem = ProbeProblem(
                    what,
                    "This user may not ask the driver for all it knows.",
                    "Nothing needs doing if models run; else check the permissions of "
                    "/dev/nvidia*.",
                    "nvidia_no_permission",
                )
            else:
                problem = ProbeProblem(
                    what,
                    f"The driver answered {_name(function)} with an error: {error}.",
                    "Models may run all the same. If not, restart the computer or update the "
                    "driver.",
                    "nvidia_query_failed",
                )
            self._problems.setdefault((what, problem.code), problem)
            return None

    def _gpu(self, index: int, handle: Any, driver: str | None, cuda: str | None) -> Gpu:
        nvml, what = self._nvml, f"GPU {index}"
        memory = self._ask(what, nvml.nvmlDeviceGetMemoryInfo, handle)
        # It has none of its own to report: one chip with the CPU (Jetson, DGX Spark: "Not
        # Supported", with driver 580). A driver that fails at the question says nothing of that.
        unified = memory is None and not any(
            problem.what == what for problem in self._problems.values()
        )
        capability = self._ask(what, nvml.nvmlDeviceGetCudaComputeCapability, handle)
        bus = self._ask(what, nvml.nvmlDeviceGetPciInfo, handle)
        power = self._ask(what, nvml.nvmlDeviceGetEnforcedPowerLimit, handle)
        mode = self._ask(what, nvml.nvmlDeviceGetMigMode, handle)
        return Gpu(
            name=_text(self._ask(what, nvml.nvmlDeviceGetName, handle)) or f"NVIDIA GPU {index}",
            backend="cuda",
            total_bytes=memory and int(memory.total),
            free_bytes=memory and int(memory.free),
            used_bytes=memory and int(memory.used),
            uuid=_text(self._ask(what, nvml.nvmlDeviceGetUUID, handle)),
            pci_bus_id=_text(bus.busId) if bus else None,
            driver_version=driver,
            cuda_driver_version=cuda,
            compute_capability=f"{capability[0]}.{capability[1]}" if capability else None,
            power_limit_watts=None if power is None else power / 1000,
            memory_bandwidth_gb_per_second=self._bandwidth(what, handle),
            shares_ram=unified,
            mig_enabled=None if mode is None else bool(mode[0]),
            mig_instances=self._instances(handle) if mode and mode[0] else (),
            processes=self._processes(handle),
            vendor="NVIDIA",
            pci_id=_pci_id(bus),
            integrated=unified,
            own_bytes=0 if unified else None,
        )

    def _bandwidth(self, what: str, handle: Any) -> float | None:
        """Bus width × memory clock × 2 transfers per clock: the maker's figure (checked against
        the data sheets of RTX 4090, 1008 GB/s, and H100 SXM, 3352 GB/s)."""
        nvml = self._nvml
        bits = self._ask(what, nvml.nvmlDeviceGetMemoryBusWidth, handle)
        mhz = self._ask(what, nvml.nvmlDeviceGetMaxClockInfo, handle, nvml.NVML_CLOCK_MEM)
        return round(bits / 8 * mhz * 2e6 / 1e9, 1) if bits and mhz else None

    def _instances(self, handle: Any) -> tuple[MigInstance, ...]:
        nvml = self._nvml
        found = []
        for index in range(_quietly(nvml, nvml.nvmlDeviceGetMaxMigDeviceCount, handle) or 0):
            part = _quietly(nvml, nvml.nvmlDeviceGetMigDeviceHandleByIndex, handle, index)
            if part is not None:
                memory = _quietly(nvml, nvml.nvmlDeviceGetMemoryInfo, part)
                uuid = _text(_quietly(nvml, nvml.nvmlDeviceGetUUID, part))
                sizes = (int(memory.total), int(memory.free)) if memory else (None, None)
                found.append(MigInstance(uuid, *sizes))
        return tuple(found)

    def _processes(self, handle: Any) -> tuple[GpuProcess, ...]:
        """Those that hold memory. Other users' may be hidden: that is no problem to report."""
        nvml = self._nvml
        found: dict[int, GpuProcess] = {}
        for ask in (
            nvml.nvmlDeviceGetComputeRunningProcesses,
            nvml.nvmlDeviceGetGraphicsRunningProcesses,
        ):
            for process in _quietly(nvml, ask, handle) or ():
                name = _text(_quietly(nvml, nvml.nvmlSystemGetProcessName, process.pid))
                used = process.usedGpuMemory  # None under Windows' WDDM
                found.setdefault(process.pid, GpuProcess(process.pid, name, used))
        return tuple(sorted(found.values(), key=lambda each: -(each.used_bytes or 0)))


def _pci_id(bus: Any) -> str | None:
    """NVML has device and vendor in one number, the vendor in its lower half."""
    both = getattr(bus, "pciDeviceId", None)
    return f"{both & 0xFFFF:04x}:{both >> 16:04x}" if isinstance(both, int) else None


def _text(value: Any) -> str | None:
    """NVML's text; older versions of the binding return bytes."""
    if value is None:
        return None
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _name(function: Callable[..., Any]) -> str:
    return getattr(function, "__name__", "a question")
