"""What is known of this machine's speed, from what was kept: nothing is measured for it."""

from __future__ import annotations

from pathlib import Path

from desktop.core.engine.runtime import Runtime
from desktop.core.errors import AppError
from desktop.core.fit.simulate import find_gpu
from desktop.core.fit.speed_book import SpeedBook
from desktop.core.fit.speed_predict import Predictor, predictor_of
from desktop.core.hardware import bandwidth
from desktop.core.hardware.cpu import probe_cpu
from desktop.core.hardware.known import KnownGpu, known_gpus
from desktop.core.hardware.memory import probe_memory


def predictor_here(book: SpeedBook, runtime: Runtime, cache_folder: Path) -> Predictor:
    """Predicts for this machine with this runtime; its `speeds` are those of the devices.

    Args:
        cache_folder: where the measured bandwidth of the RAM is kept; without a calibration and
            without that, the CPU's speed is not known.
    """
    cpu = probe_cpu()
    kept = bandwidth.load(cache_folder, cpu, probe_memory())
    return predictor_of(
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
