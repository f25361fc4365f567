"""The whole machine in one object: every probe runs on its own and fails on its own."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from desktop.core import paths as core_paths
from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken, NullReporter, Progress, Reporter
from desktop.core.hardware import (
    amd,
    apple,
    bandwidth,
    cpu,
    disk,
    gpu,
    host,
    intel,
    memory,
    nvidia,
    pci,
    windows_gpu,
)
from desktop.core.hardware.known import known_gpus
from desktop.core.hardware.known_names import with_known_figures
from desktop.core.hardware.sources import ProbeProblem

_PATIENCE_SECONDS = 10.0  # a driver or network share that hangs must not hang us


@dataclass(frozen=True)
class Hardware:
    """What this machine is, as far as it could be found out.

    Attributes:
        ram: None where it could not be read (then `problems` says why).
        gpus: those a driver describes; `pci_gpus`: all adapters on the bus, driver or not (Linux).
        bandwidth: of the RAM; None where it is not measured.
    """

    cpu: cpu.CpuInfo
    ram: memory.MemoryInfo | None
    gpus: tuple[gpu.Gpu, ...] = ()
    pci_gpus: tuple[pci.PciGpu, ...] = ()
    bandwidth: bandwidth.Bandwidth | None = None
    disks: tuple[disk.DiskInfo, ...] = ()
    host: host.HostInfo | None = None
    problems: tuple[ProbeProblem, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain data for `paddock hw --json`; the keys of DESIGN §6 and more beside them."""
        shown: dict[str, Any] = _plain(asdict(self))
        shown["cpu"]["usable_cpus"] = self.cpu.usable_cpus
        shown["ram"] = shown["ram"] or {"total_bytes": None, "available_bytes": None}
        rate = None if self.bandwidth is None else self.bandwidth.gb_per_second
        return {**shown, "bandwidth_gb_per_second": rate}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, (list, tuple)) else value


def probe(
    paths: core_paths.Paths,
    *,
    environ: Mapping[str, str] = os.environ,
    with_bandwidth: bool = True,
    remeasure: bool = False,
    folders: Sequence[Path] = (),
    cancel: CancelToken | None = None,
    reporter: Reporter | None = None,
    bandwidth_command: Sequence[str] | None = None,
) -> Hardware:
    """Find out what this machine is. What fails is in `problems`; nothing else is raised.

    Args:
        paths: Paddock's folders; the cache holds the measured bandwidth.
        with_bandwidth: measure the bandwidth (2 s) where no figure is kept. A kept one is used in
            any case.
        remeasure: measure it although a figure is kept.
        folders: more folders whose disks matter (the models' folders).
        bandwidth_command: how to start the measuring child; this program by default.

    Raises:
        AppError: CANCELLED.
    """
    cancel = cancel or CancelToken()
    reporter = reporter or NullReporter()
    reporter.progress(Progress("hardware", 0, 2))
    wanted = [core_paths.hf_cache(environ), paths.data, paths.cache, *folders]
    shown = list(dict.fromkeys(str(each.expanduser().absolute()) for each in wanted))
    tasks: dict[str, Callable[[], Any]] = {
        "processor": cpu.probe_cpu,
        "memory": memory.probe_memory,
        "NVIDIA GPUs": nvidia.probe_nvidia,
        "PCI bus": pci.pci_gpus,
        "system": lambda: host.probe_host(environ),
        "battery": host.probe_battery,
    }
    for folder in shown:
        tasks[f"disk of {folder}"] = partial(disk.probe_disk, Path(folder))
    answers, problems = _run_all(tasks, cancel)

    cpu_info = answers.get("processor") or cpu.fallback_cpu()
    ram: memory.MemoryInfo | None = answers.get("memory")
    gpus: list[gpu.Gpu] = []
    if (found := answers.get("NVIDIA GPUs")) is not None:
        gpus += [_unified(each, ram) for each in found.gpus]
        problems += found.problems
    others, failed = _run_all(other_gpus(cpu_info.architecture, ram), cancel)
    problems += failed
    for found in others.values():
        gpus += found.gpus
        problems += found.problems
    known = known_gpus().gpus
    gpus = [with_known_figures(each, known) for each in gpus]
    about = answers.get("system")
    if about is not None and (battery := answers.get("battery")) is not None:
        about = replace(about, battery=battery)
    measured = None
    if ram is not None:
        measured = None if remeasure else bandwidth.load(paths.cache, cpu_info, ram)
        if measured is None and (with_bandwidth or remeasure):
            reporter.progress(Progress("memory bandwidth", 1, 2))
            measured = _measure(
                paths, cpu_info, ram, problems, cancel=cancel, command=bandwidth_command
            )
    reporter.progress(Progress("hardware", 2, 2))
    return Hardware(
        cpu=cpu_info,
        ram=ram,
        gpus=tuple(gpus),
        pci_gpus=tuple(answers.get("PCI bus") or ()),
        bandwidth=measured,
        disks=tuple(answers[name] for folder in shown if (name := f"disk of {folder}") in answers),
        host=about,
        problems=tuple(problems),
    )


def other_gpus(
    machine: str, ram: memory.MemoryInfo | None
) -> dict[str, Callable[[], gpu.GpusFound]]:
    """The readers of GPUs that are not NVIDIA's, by what they read.

    Args:
        machine: the architecture.
        ram: bounds what integrated ones can have of it.
    """
    if sys.platform == "win32":
        return {"graphics adapters": lambda: windows_gpu.windows_gpus(ram)}
    if sys.platform == "darwin":

        def ask() -> gpu.GpusFound:
            if ram is None:
                return gpu.GpusFound()
            found = apple.apple_gpu(cpu.mac_sysctl(), machine, ram, apple.accelerator())
            return gpu.GpusFound(() if found is None else (found,))

        return {"Apple GPU": ask}
    return {
        "AMD GPUs": lambda: amd.amd_gpus(ram=ram),
        "Intel GPUs": lambda: intel.intel_gpus(ram=ram),
    }


def _unified(found: gpu.Gpu, ram: memory.MemoryInfo | None) -> gpu.Gpu:
    """A GPU whose driver reports no memory since it has the RAM: as CUDA sees it, all of it, and
    free is what is available (ggml_backend_cuda_get_available_uma_memory of llama.cpp)."""
    if not found.shares_ram or found.total_bytes is not None or ram is None:
        return found
    return replace(
        found,
        total_bytes=ram.total_bytes,
        free_bytes=ram.available_bytes,
        total_is_estimate=True,
    )


def _measure(
    paths: core_paths.Paths,
    info: cpu.CpuInfo,
    ram: memory.MemoryInfo,
    problems: list[ProbeProblem],
    *,
    cancel: CancelToken,
    command: Sequence[str] | None,
) -> bandwidth.Bandwidth | None:
    try:
        return bandwidth.measure(
            paths.cache, info, ram, work_root=paths.work, cancel=cancel, command=command
        )
    except AppError as error:
        if error.code == ErrorCode.CANCELLED:
            raise
        reason = str(error.params.get("reason") or error)
        problems.append(
            ProbeProblem(
                "memory bandwidth",
                reason,
                "Speeds are estimated without it; `paddock hw` tries again.",
                "bandwidth_failed",
            )
        )
        return None


def _run_all(
    tasks: Mapping[str, Callable[[], Any]], cancel: CancelToken
) -> tuple[dict[str, Any], list[ProbeProblem]]:
    """Run every task in a thread of its own; what fails or hangs becomes a problem."""
    answers: dict[str, Any] = {}
    failures: dict[str, Exception] = {}

    def run(name: str, task: Callable[[], Any]) -> None:
        try:
            answers[name] = task()
        except Exception as error:  # a probe's whole purpose is to fail alone: it is reported
            failures[name] = error

    # Daemon threads, not a pool: a pool waits for a hanging driver when the program ends.
    threads = {
        name: threading.Thread(target=run, args=(name, task), name=f"probe {name}", daemon=True)
        for name, task in tasks.items()
    }
    for thread in threads.values():
        thread.start()
    deadline = time.monotonic() + _PATIENCE_SECONDS
    for thread in threads.values():
        while thread.is_alive() and time.monotonic() < deadline:
            cancel.raise_if_cancelled()
            thread.join(min(0.1, max(0.0, deadline - time.monotonic())))
    cancel.raise_if_cancelled()
    problems = []
    for name in threads:
        if name in failures:
            error = failures[name]
            reason = f"{type(error).__name__}: {error}"
        elif name not in answers:
            reason = f"no answer within {_PATIENCE_SECONDS:.0f} seconds"
        else:
            continue
        problems.append(ProbeProblem(name, reason, "The rest works without it."))
    # In the order of the tasks, not in that of their answers: devices keep their places in lists.
    return {name: answers[name] for name in tasks if name in answers}, problems
