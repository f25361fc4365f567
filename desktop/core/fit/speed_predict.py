"""The speed of one model with one set of settings: predicted, corrected, or measured before."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass, replace

from desktop.core.engine.flags import LoadSettings
from desktop.core.engine.runtime import Runtime
from desktop.core.fit.estimate import HOST
from desktop.core.fit.speed import DeviceSpeed, SpeedFigure, Speeds, figure
from desktop.core.fit.speed_book import Run, SpeedBook, settings_key
from desktop.core.fit.speed_seed import cpu_seed, gpu_seed
from desktop.core.fit.speed_work import Work
from desktop.core.hardware.cpu import CpuInfo
from desktop.core.hardware.known import KnownGpu

_OTHER_BUILD_SPREAD = 0.15  # the same machine doubled its prefill between two builds (ENGINE.md)
_MEASURED_SPREAD = 0.05
_NEAR_TOKENS = 512
_MANY_MODELS = 3


def build_of(runtime: Runtime) -> str:
    """What figures of a runtime are stored under."""
    return f"{runtime.version.number} {runtime.version.commit}"


def cpu_device(cpu: CpuInfo) -> str:
    """What a CPU's figures are stored under: its name and the cores that may be used."""
    return f"{cpu.name} × {cpu.usable_physical_cores or cpu.usable_cpus}"


def speeds_of(
    book: SpeedBook,
    runtime: Runtime,
    cpu: CpuInfo,
    *,
    bandwidth_gb_per_second: float | None,
    known: Callable[[str], KnownGpu | None] = lambda name: None,
) -> Speeds:
    """What is known of this machine's devices, by the engine's names of them ("CPU", "CUDA0").

    Args:
        bandwidth_gb_per_second: of the RAM, measured; None: an uncalibrated CPU is not known.
        known: the table's row of a device by the name its driver gives.
    """
    build = build_of(runtime)
    devices: dict[str, DeviceSpeed] = {}
    name = cpu_device(cpu)
    host = _calibrated(book, build, "cpu", name)
    if host is None and bandwidth_gb_per_second:
        host = cpu_seed(
            name,
            bandwidth_gb_per_second=bandwidth_gb_per_second,
            cores=cpu.usable_physical_cores or cpu.usable_cpus,
            instruction_sets=tuple(cpu.instruction_sets),
            architecture=cpu.architecture,
        )
    if host is not None:
        devices[HOST] = host
    for device in runtime.devices:
        found = _calibrated(book, build, device.backend, device.description)
        if found is None:
            row = known(device.description)
            found = gpu_seed(
                device.backend,
                device.description,
                bandwidth_gb_per_second=row.bandwidth_gb_per_second if row else None,
                fp16_tflops=row.fp16_tflops if row else None,
            )
        if found is not None:
            devices[device.name] = found
    return Speeds(devices)


def _calibrated(book: SpeedBook, build: str, backend: str, device: str) -> DeviceSpeed | None:
    found = book.calibration(build, backend, device)
    if found is None or found.speed.build == build:
        return found.speed if found else None
    speed = found.speed
    return replace(
        speed,
        spread_decode=speed.spread_decode + _OTHER_BUILD_SPREAD,
        spread_prefill=speed.spread_prefill + _OTHER_BUILD_SPREAD,
    )


@dataclass(frozen=True)
class Prediction:
    """What to show, and what it would be without anything learned."""

    shown: SpeedFigure
    base: SpeedFigure


@dataclass(frozen=True)
class Predictor:
    """Predicts for one build of the engine."""

    speeds: Speeds
    book: SpeedBook
    build: str

    def place(self, work: Work) -> tuple[str, str, str] | None:
        """Build, backend and device that runs are stored under: the one that reads most."""
        main = max(work.portions, key=lambda portion: portion.total_read_bytes)
        speed = self.speeds.devices.get(main.device)
        return None if speed is None else (self.build, speed.backend, speed.device)

    def decode(
        self,
        work: Work,
        *,
        architecture: str,
        depth: int = 0,
        model: str | None = None,
        settings: LoadSettings | None = None,
    ) -> Prediction | None:
        """Generated tokens per second; None where nothing is known of a device.

        Args:
            model: the file's fingerprint, where it is here; with `settings`, what was measured
                with it counts.
        """
        base = self.speeds.decode(work, depth)
        if base is None:
            return None
        return self._learned(work, base, "decode", architecture, depth, model, settings)

    def prefill(
        self,
        work: Work,
        *,
        architecture: str,
        tokens: int = 512,
        depth: int = 0,
        model: str | None = None,
        settings: LoadSettings | None = None,
    ) -> Prediction | None:
        """Prompt tokens per second of a prompt of `tokens` after `depth`."""
        base = self.speeds.prefill(work, tokens, depth)
        if base is None:
            return None
        middle = depth + tokens // 2
        return self._learned(work, base, "prefill", architecture, middle, model, settings)

    def _learned(  # noqa: PLR0917
        self,
        work: Work,
        base: SpeedFigure,
        test: str,
        architecture: str,
        depth: int,
        model: str | None,
        settings: LoadSettings | None,
    ) -> Prediction:
        place = self.place(work)
        if place is None:
            return Prediction(base, base)
        if model is not None and settings is not None:
            runs = self.book.of_model(place, test, model, settings_key(settings))
            runs = [run for run in runs if run.base]
            if runs:
                return Prediction(_measured(base, runs, depth), base)
        found = self.book.correction(place, test, architecture)
        if found is None:
            return Prediction(base, base)
        factor, spread, models = found
        own = base.high / base.value - 1
        if models >= _MANY_MODELS:
            own = min(own, max(2 * spread, _MEASURED_SPREAD))
        return Prediction(base.corrected(factor, own), base)


def _measured(base: SpeedFigure, runs: list[Run], depth: int) -> SpeedFigure:
    """What the model showed, brought to this depth by what is predicted for the two depths."""
    ratios = [run.real / run.base for run in runs if run.base]
    middle = statistics.median(ratios)
    off = statistics.median(abs(ratio - middle) for ratio in ratios) / middle
    spread = max(_MEASURED_SPREAD, 2 * off)
    nearest = min(abs(_depth(run) - depth) for run in runs)
    if nearest <= max(_NEAR_TOKENS, depth // 2):
        return figure(base.value * middle, spread, "measured")
    return base.corrected(middle, max(spread, (base.high / base.value - 1) / 2))


def _depth(run: Run) -> int:
    return run.depth + (run.tokens // 2 if run.test == "prefill" else 0)
