"""This machine in a command's own process: looked at with progress, told in a line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from desktop.cli.background import Background
from desktop.cli.output import Output
from desktop.cli.units import size
from desktop.core.events import CancelToken, Progress

if TYPE_CHECKING:
    from pathlib import Path

    from desktop.core.fit.simulate import Machine
    from desktop.core.fit.speed import Speeds
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


def with_engine(hardware: Hardware, out: Output, chosen: str | None = None) -> Hardware:
    """The hardware with what the engine in use lists; as it is where there is no working engine.

    Args:
        chosen: which engine the running service uses; None where none runs.
    """
    from desktop.cli import engines
    from desktop.core.errors import AppError
    from desktop.core.hardware.engine_devices import with_engine_devices

    try:
        return with_engine_devices(hardware, engines.store(out, chosen).current().devices)
    except AppError as error:
        out.note(f"{error} {error.remedy}")
        return hardware


def this_machine(out: Output) -> tuple[Machine, Speeds]:
    """This machine, and what was calibrated of it or is known of others like it."""
    from desktop.cli import engines
    from desktop.core.errors import AppError
    from desktop.core.fit.simulate import machine_of, machine_speeds, seeded_speeds
    from desktop.core.fit.speed_book import SpeedBook
    from desktop.core.fit.speed_here import predictor_here
    from desktop.core.hardware.engine_devices import with_engine_devices
    from desktop.core.paths import paths

    hardware, where = look(out), paths()
    try:
        runtime = engines.store(out).current()
    except AppError as error:  # what fits can be told without an engine
        out.note(f"{error.title}. Speeds are those that others measured.")
        machine = machine_of(hardware)
        return machine, seeded_speeds(machine)
    machine = machine_of(with_engine_devices(hardware, runtime.devices))
    kept = predictor_here(SpeedBook.open(where), runtime, where.cache).speeds
    return machine, machine_speeds(machine, kept)


def gpu_line(gpu: Gpu) -> str:
    """A GPU with its memory."""
    inside = ", built into the processor" if gpu.integrated else ""
    cores = f", {gpu.cores} cores" if gpu.cores else ""
    start = f"{gpu.name} ({gpu.backend}{inside}{cores})"
    if gpu.total_bytes is None:
        return f"{start}, its memory is not known"
    free = "" if gpu.free_bytes is None else f", {size(gpu.free_bytes)} free"
    about = "about " if gpu.total_is_estimate else ""
    shared = " of the RAM" if gpu.shares_ram else ""
    return f"{start}, {about}{size(gpu.total_bytes)}{shared}{free}"
