"""This machine in a command's own process: looked at with progress, told in a line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from desktop.cli.background import Background
from desktop.cli.output import Output
from desktop.cli.units import size
from desktop.core.events import CancelToken, Progress

if TYPE_CHECKING:
    from pathlib import Path

    from desktop.core.hardware.gpu import Gpu
    from desktop.core.hardware.probe import Hardware


class Emitter:
    """A reporter that hands progress to the main thread."""

    def __init__(self, emit: Any) -> None:
        self._emit = emit

    def progress(self, progress: Progress) -> None:
        self._emit(progress)

    def log(self, line: str) -> None:
        return None


def look(out: Output, *, remeasure: bool = False, folders: tuple[Path, ...] = ()) -> Hardware:
    """The hardware; where the bandwidth is not known yet it is measured, which takes 2 s."""
    from desktop.core.hardware.probe import probe
    from desktop.core.paths import paths

    cancel = CancelToken()
    where = paths()
    job = Background(
        lambda emit: probe(
            where,
            remeasure=remeasure,
            folders=folders,
            cancel=cancel,
            reporter=Emitter(emit),
        ),
        "probe",
    )
    try:
        with out.progress() as show:
            for progress in job:
                if progress.what == "memory bandwidth":
                    show({"what": "Measuring the memory bandwidth", "done": 0, "total": None})
        return job.result
    except KeyboardInterrupt:
        cancel.cancel()
        raise


def gpu_line(gpu: Gpu) -> str:
    """A GPU with its memory."""
    if gpu.total_bytes is None:
        return f"{gpu.name} ({gpu.backend})"
    free = "" if gpu.free_bytes is None else f", {size(gpu.free_bytes)} free"
    return f"{gpu.name} ({gpu.backend}), {size(gpu.total_bytes)}{free}"
