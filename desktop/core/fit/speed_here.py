"""What is known of this machine's speed, from what was kept: nothing is measured for it."""

from __future__ import annotations

from pathlib import Path

from desktop.core.engine.runtime import Runtime
from desktop.core.errors import AppError
from desktop.core.fit.simulate import find_gpu
from desktop.core.fit.speed import Speeds
from desktop.core.fit.speed_book import SpeedBook
from desktop.core.fit.speed_predict import speeds_of
from desktop.core.hardware import bandwidth
from desktop.core.hardware.cpu import probe_cpu
from desktop.core.hardware.known import KnownGpu, known_gpus
from desktop.core.hardware.memory import probe_memory


def speeds_here(book: SpeedBook, runtime: Runtime, cache_folder: Path) -> Speeds:
    """The devices of this machine as this runtime names them.

    Args:
        cache_folder: where the measured bandwidth of the RAM is kept; without a calibration and
            without that, the CPU's speed is not known.
    """
    cpu = probe_cpu()
    kept = bandwidth.load(cache_folder, cpu, probe_memory())
    return speeds_of(
        book,
        runtime,
        cpu,
        bandwidth_gb_per_second=kept.gb_per_second if kept else None,
        known=known_gpu,
    )


def known_gpu(name: str) -> KnownGpu | None:
    """The table's row of a device by its driver's name; None where there is none, or several."""
    try:
        return find_gpu(name, known_gpus().gpus)
    except AppError:
        return None
