"""What the facts mean: everything that decides how well models run here, worst first.

Pure functions of the facts they are given; `paddock doctor` and the Machine tab show the findings.
"""

from __future__ import annotations

from collections.abc import Iterator

from desktop.core.hardware.doctor_gpu import gpu_findings
from desktop.core.hardware.doctor_words import WORDS
from desktop.core.hardware.facts import (
    Deviation,
    Finding,
    LearnedFacts,
    LibraryFacts,
    RuntimeFacts,
    SecretsFacts,
    ServiceFacts,
    Severity,
)
from desktop.core.hardware.probe import Hardware
from desktop.core.hardware.sources import GIB, gib

Draft = tuple[Severity, str, dict[str, str]]

_ORDER: dict[str, int] = {"error": 0, "warning": 1, "info": 2, "ok": 3}
_PROBLEM_SEVERITY: dict[str, Severity] = {
    "nvidia_version_mismatch": "error",
    "nvidia_gpu_lost": "error",
    "nvidia_no_driver": "warning",
    "nvidia_module_not_loaded": "error",
    "nvidia_driver_failed": "error",
    "nvidia_no_permission": "warning",
    "nvidia_query_failed": "info",
}
# One channel of DDR4-3200 moves 25.6 GB/s at the very most (64 bit × 3200 MT/s), two of DDR4-2666
# 42.7, of which 75 to 90 % can be measured.
_ONE_CHANNEL_GB_PER_SECOND = 25.0
# Servers come with 4 to 12 GB/s per core when all their channels are filled.
_SERVER_GB_PER_SECOND_AND_CORE = 1.5


def examine(
    hardware: Hardware,
    runtime_facts: RuntimeFacts | None = None,
    library_facts: LibraryFacts | None = None,
    service_facts: ServiceFacts | None = None,
    *,
    secrets_facts: SecretsFacts | None = None,
    learned_facts: LearnedFacts | None = None,
    runtime_known: bool = True,
) -> list[Finding]:
    """Everything worth telling about this machine, worst first.

    Args:
        runtime_facts: the engine in use; None where there is none.
        library_facts, service_facts, secrets_facts, learned_facts: None where not known: nothing
            is said of them.
        runtime_known: False where nobody looked for an engine; then nothing is said of it.
    """
    loaded = service_facts.loaded_models if service_facts else 0
    drafts = [
        *gpu_findings(hardware, runtime_facts, runtime_known=runtime_known),
        *_cpu(hardware),
        *_memory(hardware, loaded),
        *_bandwidth(hardware),
        *_power(hardware),
        *_disks(hardware, library_facts),
        *_library(library_facts),
        *_service(service_facts),
        *_secrets(secrets_facts),
        *_learned(learned_facts),
    ]
    findings = [finding(*draft) for draft in drafts]
    findings += [
        Finding(
            _PROBLEM_SEVERITY.get(problem.code, "info"),
            problem.code,
            f"{problem.what[:1].upper()}{problem.what[1:]}",
            problem.reason,
            problem.remedy,
            {"what": problem.what, "reason": problem.reason},
        )
        for problem in hardware.problems
    ]
    return sorted(findings, key=lambda each: _ORDER[each.severity])


def finding(severity: Severity, code: str, params: dict[str, str]) -> Finding:
    """A finding with its words filled in."""
    title, detail, remedy = (words.format_map(params) for words in WORDS[code])
    return Finding(severity, code, title, detail, remedy, params)


def _cpu(hardware: Hardware) -> Iterator[Draft]:
    cpu = hardware.cpu
    sets = ", ".join(cpu.instruction_sets)
    arm = cpu.architecture.lower() in ("aarch64", "arm64")
    if cpu.is_x86 and sets and "avx2" not in cpu.instruction_sets:
        yield "warning", "cpu_no_avx2", {"name": cpu.name}
    elif arm and sets and "dotprod" not in cpu.instruction_sets:
        yield "info", "cpu_no_dotprod", {"name": cpu.name}
    else:
        cores = str(cpu.physical_cores or cpu.logical_cores)
        yield "ok", "cpu_ok", {"name": cpu.name, "cores": cores, "sets": sets or "sets unknown"}
    if cpu.usable_cpus < cpu.logical_cores:
        quota = cpu.quota_cpus is not None and cpu.quota_cpus < cpu.affinity_cpus
        source = f"a quota in {cpu.quota_source}" if quota else "the process's CPU affinity"
        params = {"usable": str(cpu.usable_cpus), "logical": str(cpu.logical_cores)}
        yield "warning", "cpu_limited", {**params, "source": source}


def _memory(hardware: Hardware, loaded_models: int) -> Iterator[Draft]:
    ram = hardware.ram
    if ram is None:
        return
    if ram.total_bytes < ram.physical_bytes:
        severity: Severity = "warning" if ram.total_bytes < ram.physical_bytes / 2 else "info"
        params = {"limit": gib(ram.total_bytes), "physical": gib(ram.physical_bytes)}
        yield severity, "ram_limited", {**params, "source": ram.limited_by}
    params = {"available": gib(ram.available_bytes), "total": gib(ram.total_bytes)}
    low = ram.available_bytes < max(2 * GIB, ram.total_bytes // 8)
    # A loaded model is what the memory is for.
    if low and not loaded_models:
        yield "warning", "ram_low", params
    elif low:
        yield "info", "ram_low", params
    else:
        yield "ok", "ram_ok", params
    if loaded_models and ram.swap_used_bytes >= GIB // 4:
        yield "warning", "swap_in_use", {"used": gib(ram.swap_used_bytes)}


def _bandwidth(hardware: Hardware) -> Iterator[Draft]:
    measured, cpu = hardware.bandwidth, hardware.cpu
    if measured is None:
        return
    rate = measured.gb_per_second
    cores = cpu.usable_physical_cores or cpu.usable_cpus
    params = {"rate": f"{rate:.1f}", "cores": str(cores)}
    per_core = rate / cores
    slow = cores >= 4 and rate < _ONE_CHANNEL_GB_PER_SECOND
    slow = slow or (cores >= 16 and per_core < _SERVER_GB_PER_SECOND_AND_CORE)
    if slow and cpu.virtual_machine:
        yield "info", "bandwidth_low_virtual", params
    elif slow:
        yield "warning", "bandwidth_low", params
    elif not measured.beyond_caches:
        yield "info", "bandwidth_in_cache", {"size": gib(measured.buffer_bytes)}
    else:
        days = int(measured.age_seconds // 86400)
        age = "today" if days == 0 else f"{days} days ago" if days > 1 else "yesterday"
        yield "ok", "bandwidth_ok", {"rate": params["rate"], "age": age}


def _power(hardware: Hardware) -> Iterator[Draft]:
    host = hardware.host
    if host is not None and host.power_saver:
        yield "warning", "power_saver", {"what": host.power_saver}
    if host is not None and host.battery is not None and host.battery.plugged_in is False:
        yield "warning", "on_battery", {"percent": f"{host.battery.percent:.0f}"}


def _disks(hardware: Hardware, library: LibraryFacts | None) -> Iterator[Draft]:
    """The models' disk in detail (the first one the probe looked at, where the library's folder
    is not among them), and room on the others."""
    disks = hardware.disks
    named = [disk for disk in disks if library and disk.folder == library.models_folder]
    models = (named or list(disks))[:1]
    for disk in models:
        params = {
            "folder": disk.folder,
            "filesystem": disk.filesystem,
            "free": gib(disk.free_bytes),
        }
        if library and library.folder_problem:
            pass_on = {"folder": library.models_folder, "reason": library.folder_problem}
            yield "error", "models_folder_not_writable", pass_on
        elif not disk.writable:
            reason = "The file system is read-only." if disk.read_only else "Permission denied."
            yield "error", "models_folder_not_writable", {"folder": disk.folder, "reason": reason}
        if disk.max_file_bytes is not None:
            yield "warning", "disk_fat", params
        if disk.is_network:
            yield "warning", "disk_network", params
        if disk.is_in_memory:
            yield "warning", "disk_in_memory", params
        low = disk.free_bytes < 10 * GIB
        yield ("warning", "disk_low", params) if low else ("ok", "disk_ok", params)
    seen = {disk.mount_point for disk in models}
    for disk in disks:
        if disk.mount_point not in seen and disk.free_bytes < GIB // 2:
            seen.add(disk.mount_point)
            params = {"folder": disk.folder, "free": gib(disk.free_bytes)}
            yield "warning", "disk_full_data", params


def _library(library: LibraryFacts | None) -> Iterator[Draft]:
    if library is None:
        return
    broken, models = len(library.broken), str(library.models)
    if broken:
        names = ", ".join(list(library.broken)[:5]) + (" and more" if broken > 5 else "")
        yield "warning", "models_broken", {"count": str(broken), "models": models, "names": names}
    elif library.models:
        yield "ok", "models_ok", {"models": models}
    else:
        yield "info", "models_none", {}


def _service(service: ServiceFacts | None) -> Iterator[Draft]:
    if service is None:
        return
    if service.state == "running":
        url = f" at {service.url}" if service.url else ""
        yield "ok", "service_ok", {"url": url, "loaded": str(service.loaded_models)}
    elif service.state == "stopped":
        yield "ok", "service_stopped", {}
    else:
        severity: Severity = "warning" if service.state == "other_version" else "error"
        yield severity, f"service_{service.state}", {"detail": service.detail}


def _secrets(secrets: SecretsFacts | None) -> Iterator[Draft]:
    if secrets is None:
        return
    by_backend: dict[str, tuple[Severity, str]] = {
        "keychain": ("ok", "secrets_ok"),
        "file": ("info", "secrets_file"),
        "none": ("warning", "secrets_none"),
    }
    severity, code = by_backend[secrets.backend]
    yield severity, code, {"detail": f" ({secrets.detail})" if secrets.detail else ""}


def _learned(learned: LearnedFacts | None) -> Iterator[Draft]:
    """How far predictions were off; "ok" whatever they were: they are told, not judged."""
    if learned is None:
        return
    if not learned.calibrations:
        yield "info", "speed_not_calibrated", {}
    memory = learned.memory.get("total_bytes")
    if memory is not None and memory.count:
        params = {"mean": _percent(memory.mean), "worst": _percent(memory.worst)}
        yield "ok", "predictions_memory", {"count": str(memory.count), **params}
    nothing = Deviation(0, 0.0, 0.0)
    decode = learned.speed.get("decode", nothing)
    prefill = learned.speed.get("prefill", nothing)
    if decode.count:
        params = {
            "decode": _percent(decode.mean),
            "prefill": _percent(prefill.mean) if prefill.count else "–",
            "inside": _percent(decode.inside or 0.0),
        }
        yield "ok", "predictions_speed", {"count": str(decode.count), **params}


def _percent(part: float) -> str:
    return f"{part * 100:.1f} %"
