"""The speed of one model with one set of settings: predicted, corrected, or measured before."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

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


def predictor_of(
    book: SpeedBook,
    runtime: Runtime,
    cpu: CpuInfo,
    *,
    bandwidth_gb_per_second: float | None,
    known: Callable[[str], KnownGpu | None] = lambda name: None,
) -> Predictor:
    """What this machine's models will do with a runtime; arguments as of `speeds_of`."""
    speeds = speeds_of(
        book, runtime, cpu, bandwidth_gb_per_second=bandwidth_gb_per_second, known=known
    )
    devices = {HOST: ("cpu", cpu_device(cpu))}
    devices |= {each.name: (each.backend, each.description) for each in runtime.devices}
    return Predictor(speeds, book, build_of(runtime), devices)


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
    """What to show, and what it would be without anything learned (None: nothing is known)."""

    shown: SpeedFigure
    base: SpeedFigure | None


@dataclass(frozen=True)
class Asked:
    """Which speed is asked for.

    Attributes:
        test: "decode", or "prefill" of `tokens` after `depth`.
        model: the file's fingerprint where it is here; with `settings`, what was measured with it
            counts.
    """

    work: Work
    architecture: str
    test: Literal["decode", "prefill"] = "decode"
    depth: int = 0
    tokens: int = 512
    model: str | None = None
    settings: LoadSettings | None = None

    @property
    def middle(self) -> int:
        return self.depth + (self.tokens // 2 if self.test == "prefill" else 0)


@dataclass(frozen=True)
class Predictor:
    """Predicts for one build of the engine.

    Attributes:
        devices: backend and name of each device, by the engine's name of it ("CPU", "CUDA0").
    """

    speeds: Speeds
    book: SpeedBook
    build: str
    devices: Mapping[str, tuple[str, str]]

    def place(self, work: Work) -> tuple[str, str, str] | None:
        """Build, backend and device that runs are stored under: the one that reads most; None
        where this machine has no such device."""
        main = max(work.portions, key=lambda portion: portion.total_read_bytes)
        found = self.devices.get(main.device)
        return None if found is None else (self.build, *found)

    def predict(self, asked: Asked) -> Prediction | None:
        """Tokens per second; None where neither a device nor the model's own speed is known."""
        base = self._base(asked, asked.depth, asked.tokens)
        place = self.place(asked.work)
        if place is not None and asked.model is not None and asked.settings is not None:
            key = settings_key(asked.settings)
            runs = self.book.of_model(place, asked.test, asked.model, key)
            own = self._measured(asked, base, runs)
            if own is not None:
                return Prediction(own, base)
        if base is None:
            return None
        learned = self.book.correction(place, asked.test, asked.architecture) if place else None
        if learned is None:
            return Prediction(base, base)
        factor, spread, models = learned
        half_band = base.high / base.value - 1
        if models >= _MANY_MODELS:
            half_band = min(half_band, max(2 * spread, _MEASURED_SPREAD))
        return Prediction(base.corrected(factor, half_band), base)

    def _base(self, asked: Asked, depth: int, tokens: int) -> SpeedFigure | None:
        if asked.test == "decode":
            return self.speeds.decode(asked.work, depth)
        return self.speeds.prefill(asked.work, tokens, depth)

    def _measured(
        self, asked: Asked, base: SpeedFigure | None, runs: Sequence[Run]
    ) -> SpeedFigure | None:
        """What the model itself showed. Figures of other depths are brought to this one by what is
        predicted for the two; without a prediction only those of about this depth count."""
        reach = max(_NEAR_TOKENS, asked.middle // 2)
        near = [run for run in runs if abs(_depth(run) - asked.middle) <= reach]
        if base is None:
            if not near:
                return None
            value, spread = _middle([run.real for run in near])
            return figure(value, spread, "measured")
        ratios = []
        for run in near or runs:
            then = self._base(asked, run.depth, run.tokens)
            if then is not None:
                ratios.append(run.real / then.value)
        if not ratios:
            return None
        middle, spread = _middle(ratios)
        if near:
            return figure(base.value * middle, spread, "measured")
        return base.corrected(middle, max(spread, (base.high / base.value - 1) / 2))


def _middle(values: Sequence[float]) -> tuple[float, float]:
    """The median, and the half band as a part of it."""
    middle = statistics.median(values)
    off = statistics.median(abs(value - middle) for value in values) / middle
    return middle, max(_MEASURED_SPREAD, 2 * off)


def _depth(run: Run) -> int:
    return run.depth + (run.tokens // 2 if run.test == "prefill" else 0)
