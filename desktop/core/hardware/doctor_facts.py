"""What `doctor` is told beside the hardware, gathered for the command and for the Machine page."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from desktop.core.errors import AppError, ErrorCode
from desktop.core.hardware.facts import LibraryFacts, RuntimeFacts, SecretsFacts, ServiceFacts
from desktop.core.paths import Paths, hf_cache

if TYPE_CHECKING:
    from desktop.core.engine.runtime import Runtime

_BACKEND_NAMES = {
    "cpu": "CPU",
    "cuda": "CUDA",
    "hip": "HIP",
    "vulkan": "Vulkan",
    "metal": "Metal",
    "sycl": "SYCL",
    "rpc": "RPC",
}


def runtime_facts(runtime: Runtime) -> RuntimeFacts:
    """The engine in use, in `doctor`'s words."""
    return RuntimeFacts(
        runtime.id,
        runtime.version.text,
        [_BACKEND_NAMES.get(each, each) for each in runtime.backends],
        [f"{device.name}: {device.description}" for device in runtime.devices],
        str(runtime.bin_dir),
    )


def library_facts(
    models: Sequence[Mapping[str, Any]] | None, state: Mapping[str, Any]
) -> LibraryFacts | None:
    """The library as the service knows it; without one (None), nothing is said of it.

    Args:
        state: the service's, which says where downloads go.
    """
    if models is None:
        return None
    folder = Path(state.get("models_folder") or hf_cache().expanduser().absolute())
    broken = [model["id"] for model in models if model["broken"]]
    return LibraryFacts(len(models), broken, str(folder), folder_problem(folder))


def folder_problem(folder: Path) -> str | None:
    """Why no model could be written there; a folder that does not exist yet is made on demand."""
    place = folder
    while not place.exists() and place != place.parent:
        place = place.parent
    if not place.is_dir():
        return f"{place} is no folder."
    return None if os.access(place, os.W_OK) else f"{place} cannot be written to."


def service_facts(state: Mapping[str, Any]) -> ServiceFacts:
    """A service that answered with its state (`Client.state`)."""
    url = (state.get("public") or {}).get("url")
    return ServiceFacts("running", "", url, len(state["models"]))


def failed_service(error: AppError) -> ServiceFacts:
    """A service that could not be asked."""
    if error.code in (ErrorCode.SERVICE_VERSION, ErrorCode.SERVICE_NEWER):
        return ServiceFacts("other_version", detail=error.cause)
    return ServiceFacts("unreachable", detail=error.cause)


def stopped_service(paths: Paths) -> ServiceFacts:
    """No service here: none at all, or one of another machine on the same data folder."""
    from desktop.core.service.lock import STALE_SECONDS, read_holder

    lock = paths.lock_file
    holder = read_holder(lock)
    if holder and holder.get("host") != socket.gethostname():
        age = time.time() - lock.stat().st_mtime
        if age < STALE_SECONDS:
            detail = f"Process {holder.get('pid')} on {holder.get('host')} uses {lock.parent}."
            return ServiceFacts("other_host", detail)
    return ServiceFacts("stopped")


def secrets_facts(paths: Paths) -> SecretsFacts:
    """Where secrets lie."""
    from desktop.core.secrets import choose_backend

    where = paths.secrets_file
    backend = choose_backend(where)
    if backend.name == "file":
        return SecretsFacts("file", str(where))
    return SecretsFacts("keychain" if backend.name == "keychain" else "none")
