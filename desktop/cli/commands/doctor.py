"""`paddock doctor`: everything that decides how well models run here; starts no service.

Its status is 0 whatever it finds: findings are its result, and only a doctor that could not look
has failed.
"""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING, Any

from desktop.cli.output import Output
from desktop.cli.parser import Commands

if TYPE_CHECKING:
    from pathlib import Path

    from desktop.core.hardware.facts import (
        Finding,
        LibraryFacts,
        RuntimeFacts,
        SecretsFacts,
        ServiceFacts,
    )

_MARKS = {"error": "✗", "warning": "!", "info": "i", "ok": "✓"}


def register(commands: Commands) -> None:
    commands.add("doctor", run, "what decides how well models run here, and what to do about it")


def run(args: argparse.Namespace, out: Output) -> int:
    from dataclasses import asdict

    from desktop.cli.machine import look
    from desktop.core.hardware.doctor import examine

    service, state, models = _service(out)
    runtime = _runtime(state, out)
    library = _library(models)
    hardware = look(out)
    findings = examine(
        hardware, runtime, library, service, secrets_facts=_secrets(), runtime_known=True
    )
    plain = [{**asdict(each), "params": dict(each.params)} for each in findings]
    counts = {word: sum(f.severity == word for f in findings) for word in _MARKS}
    out.result({"findings": plain, "counts": counts}, lambda: _show(findings, counts, out))
    return 0


def _show(findings: list[Finding], counts: dict[str, int], out: Output) -> None:
    for finding in findings:
        out.line(f"{_MARKS[finding.severity]} {finding.title}")
        if finding.detail:
            out.line(f"    {finding.detail}")
        if finding.remedy:
            out.line(f"    → {finding.remedy}")
    problems = f"{counts['error']} errors, {counts['warning']} warnings"
    out.note(f"\n{problems}, {counts['info']} notes, {counts['ok']} checks passed.")


def _service(out: Output) -> tuple[ServiceFacts, dict[str, Any], list[dict[str, Any]] | None]:
    """What is known of the service; its state; its models (None where it cannot be asked)."""
    from desktop.cli import session
    from desktop.core.errors import AppError, ErrorCode
    from desktop.core.hardware.facts import ServiceFacts

    try:
        client = session.running(out)
        if client is None:
            return _not_running(), {}, None
        state, models = client.state(), client.models()
    except AppError as error:
        versions = error.code is ErrorCode.SERVICE_VERSION
        what = "other_version" if versions else "unreachable"
        return ServiceFacts(what, detail=error.cause), {}, None  # type: ignore[arg-type]
    url = (state.get("public") or {}).get("url")
    return ServiceFacts("running", "", url, len(state["models"])), state, models


def _not_running() -> ServiceFacts:
    import socket
    import time

    from desktop.core.hardware.facts import ServiceFacts
    from desktop.core.paths import paths
    from desktop.core.service.lock import STALE_SECONDS, read_holder

    lock = paths().lock_file
    holder = read_holder(lock)
    if holder and holder.get("host") != socket.gethostname():
        age = time.time() - lock.stat().st_mtime
        if age < STALE_SECONDS:
            detail = f"Process {holder.get('pid')} on {holder.get('host')} uses {lock.parent}."
            return ServiceFacts("other_host", detail)
    return ServiceFacts("stopped")


def _runtime(state: dict[str, Any], out: Output) -> RuntimeFacts | None:
    from desktop.cli import engines
    from desktop.core.errors import AppError
    from desktop.core.hardware.facts import RuntimeFacts

    runtimes = engines.store(out, (state.get("runtime") or {}).get("id"))
    try:
        runtime = runtimes.current()
    except AppError as error:
        out.note(f"{error} {error.remedy}")
        return None
    devices = [f"{device.name}: {device.description}" for device in runtime.devices]
    return RuntimeFacts(
        runtime.id,
        runtime.version.text,
        [_BACKEND_NAMES.get(each, each) for each in runtime.backends],
        devices,
        str(runtime.bin_dir),
    )


_BACKEND_NAMES = {
    "cpu": "CPU",
    "cuda": "CUDA",
    "hip": "HIP",
    "vulkan": "Vulkan",
    "metal": "Metal",
    "sycl": "SYCL",
}


def _library(models: list[dict[str, Any]] | None) -> LibraryFacts | None:
    """The library as the service knows it; without one, nothing is said of it."""
    if models is None:
        return None
    from desktop.core.hardware.facts import LibraryFacts
    from desktop.core.paths import hf_cache

    folder = hf_cache().expanduser().absolute()
    broken = [model["id"] for model in models if model["broken"]]
    return LibraryFacts(len(models), broken, str(folder), _folder_problem(folder))


def _folder_problem(folder: Path) -> str | None:
    """Why no model could be written there; a folder that does not exist yet is made on demand."""
    place = folder
    while not place.exists() and place != place.parent:
        place = place.parent
    if not place.is_dir():
        return f"{place} is no folder."
    return None if os.access(place, os.W_OK) else f"{place} cannot be written to."


def _secrets() -> SecretsFacts:
    from desktop.core.hardware.facts import SecretsFacts
    from desktop.core.paths import paths
    from desktop.core.secrets import choose_backend

    where = paths().secrets_file
    backend = choose_backend(where)
    if backend.name == "file":
        return SecretsFacts("file", str(where))
    return SecretsFacts("keychain" if backend.name == "keychain" else "none")
