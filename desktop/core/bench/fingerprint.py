"""Under which conditions a figure was measured: machine, engine and settings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from desktop.core.bench.runner import Test
from desktop.core.engine.flags import LoadSettings
from desktop.core.engine.runtime import Runtime
from desktop.core.library.entry import ModelEntry

# llama-bench's names, and what they are called everywhere else in Paddock
_USED = {
    "n_threads": "threads",
    "type_k": "kv_type_k",
    "type_v": "kv_type_v",
    "n_ubatch": "ubatch",
    "n_batch": "batch",
    "n_gpu_layers": "gpu_layers",
    "n_cpu_moe": "experts_on_cpu",
    "devices": "device",
    "split_mode": "split_mode",
}
# `llama_flash_attn_type` in llama.h
_FLASH_ATTENTION = {-1: "auto", 0: "off", 1: "on"}


def fingerprint(
    machine: dict[str, Any],
    runtime: Runtime,
    settings: LoadSettings,
    repeat: int,
    steps: Sequence[dict[str, Any]],
) -> dict[str, Any]:
    """The document's `fingerprint`.

    Args:
        machine: `Hardware.to_dict()`.
        settings: what was asked for; what the tools say they used stands above it.
        steps: what `runner.run_test` returned.
    """
    return {
        "machine": _machine(machine),
        "runtime": _runtime(runtime, steps),
        "settings": {**_asked(settings), **_used(steps), "repeat": repeat},
    }


def _machine(machine: dict[str, Any]) -> dict[str, Any]:
    cpu, ram = machine.get("cpu") or {}, machine.get("ram") or {}
    host = machine.get("host") or {}
    return {
        "cpu": cpu.get("name"),
        "architecture": cpu.get("architecture"),
        "physical_cores": cpu.get("physical_cores"),
        "logical_cores": cpu.get("logical_cores"),
        "usable_cpus": cpu.get("usable_cpus"),
        "ram_bytes": ram.get("total_bytes"),
        "gpus": [
            {
                key: gpu.get(key)
                for key in ("name", "backend", "total_bytes", "driver_version", "power_limit_watts")
            }
            for gpu in machine.get("gpus") or ()
        ],
        "os": host.get("system"),
        "os_release": host.get("release"),
        "container": host.get("container"),
        "power_saver": host.get("power_saver"),
        "bandwidth_gb_per_second": machine.get("bandwidth_gb_per_second"),
    }


def _runtime(runtime: Runtime, steps: Sequence[dict[str, Any]]) -> dict[str, Any]:
    said: dict[str, Any] = next((step["build"] for step in steps if step["build"]), {})
    return {
        "id": runtime.id,
        "version": runtime.version.text,
        "commit": runtime.version.commit,
        "backends": list(runtime.backends),
        "backends_used": said.get("backends"),
        "devices": [
            {
                "name": device.name,
                "description": device.description,
                "backend": device.backend,
                "total_bytes": device.total_bytes,
            }
            for device in runtime.devices
        ],
    }


def _asked(settings: LoadSettings) -> dict[str, Any]:
    return {
        "threads": settings.threads,
        "kv_type_k": settings.kv_type_k,
        "kv_type_v": settings.kv_type_v,
        "ubatch": settings.ubatch,
        "batch": settings.batch,
        "gpu_layers": settings.gpu_layers,
        "experts_on_cpu": settings.experts_on_cpu,
        "device": settings.device,
        "flash_attention": settings.flash_attention,
    }


def _used(steps: Sequence[dict[str, Any]]) -> dict[str, Any]:
    used: dict[str, Any] = {}
    for step in reversed(steps):  # the first one's words stand
        said = step["settings"]
        used.update({ours: said[theirs] for theirs, ours in _USED.items() if theirs in said})
        if "flash_attn" in said:
            flash = said["flash_attn"]
            used["flash_attention"] = _FLASH_ATTENTION.get(flash, str(flash))
    return used


def conditions(
    entry: ModelEntry, machine: dict[str, Any], runtime: Runtime, tests: Sequence[Test]
) -> list[str]:
    """What makes figures doubtful before anything has run, in words."""
    host = machine.get("host") or {}
    found = []
    if host.get("power_saver"):
        found.append(f"The machine saves power: {host['power_saver']}")
    if (host.get("battery") or {}).get("plugged_in") is False:
        found.append("The machine ran on its battery.")
    if machine.get("gpus") and not runtime.devices:
        found.append("There is a GPU, and the engine in use cannot drive it: the CPU was measured.")
    trained = entry.summary.context_tokens if entry.summary else None
    if trained is not None:
        most = max(test.depth + test.prompt_tokens + test.tokens for test in tests)
        if most > trained:
            found.append(f"{most} tokens are more than the {trained} the model was trained for.")
    return found
