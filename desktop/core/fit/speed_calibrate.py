"""Measures this machine with the installed engine: no download, under a minute, can be stopped.

The rounds are interleaved: every model is measured once before any is measured again, so that a
disturbance of some seconds hits one sample of each and not all samples of one. Every second round
leaves the prompts out: generated tokens are measured in a third of the time, and jump more from one
second to the next. Of all samples the median counts: what is predicted is what people will see, on
the machine as it is.
"""

from __future__ import annotations

import math
import shutil
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from desktop.core.engine.bench_tool import BenchRow, run_llama_bench
from desktop.core.engine.flags import LoadSettings
from desktop.core.engine.runtime import Runtime
from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken, NullReporter, Progress, Reporter
from desktop.core.files import disk_full
from desktop.core.fit.estimate import HOST
from desktop.core.fit.speed import DeviceSpeed
from desktop.core.fit.speed_fit import Measured, fit
from desktop.core.fit.speed_models import write_model
from desktop.core.fit.speed_plan import CalibrationPlan, Point
from desktop.core.fit.speed_work import Portion, work_of
from desktop.core.gguf.facts import facts_of
from desktop.core.gguf.local import read_header
from desktop.core.gguf.shape import ModelShape
from desktop.core.gguf.synthetic import SyntheticModel

BUDGET_SECONDS = 55.0
_SPARE_DISK_BYTES = 1 << 30


@dataclass(frozen=True)
class Target:
    """What is calibrated. `engine_device` is the engine's own name ("CUDA0"); None: the CPU."""

    backend: str
    device: str
    build: str
    threads: int | None = None
    engine_device: str | None = None


@dataclass
class _Samples:
    """Seconds of a token; `flat`: without tokens in the cache, of a point that has some."""

    decode: list[float] = field(default_factory=list)
    prefill: list[float] = field(default_factory=list)
    flat_decode: list[float] = field(default_factory=list)
    flat_prefill: list[float] = field(default_factory=list)

    def of(self, row: BenchRow, depth: int) -> list[float]:
        if row.depth == depth:
            return self.prefill if row.test == "prefill" else self.decode
        return self.flat_prefill if row.test == "prefill" else self.flat_decode


def portion_of(path: Path, kv_type: str = "f16") -> Portion:
    """The work of a synthetic model, read from its own header like that of any other."""
    shape = ModelShape.of(facts_of(read_header(path)))
    assert shape is not None
    (portion,) = work_of(shape, kv_type_k=kv_type, kv_type_v=kv_type).portions
    assert portion.device == HOST
    return portion


@dataclass(frozen=True)
class Measurement:
    """Measures one target with one runtime.

    Args:
        grace_seconds: what the last point may take beyond the budget.
        bench: `engine.bench_tool.run_llama_bench`.
        clock: seconds that only go forward.
    """

    runtime: Runtime
    target: Target
    plan: CalibrationPlan
    reporter: Reporter
    cancel: CancelToken
    budget_seconds: float = BUDGET_SECONDS
    grace_seconds: float = 3.0
    most_rounds: int = 9
    bench: Callable[..., list[BenchRow]] = run_llama_bench
    clock: Callable[[], float] = time.monotonic

    def calibrate(self, folder: Path) -> DeviceSpeed:
        """Measure and fit.

        Args:
            folder: where the models are written for the time of the measurement.

        Raises:
            AppError: CANCELLED, DISK_FULL, ENGINE_TOOL_FAILED, and why the engine cannot run.
        """
        return self.fitted(self.measure(folder))

    def fitted(self, measured: Sequence[Measured]) -> DeviceSpeed:
        """The target's figures from its measured points."""
        return fit(
            measured,
            build=self.target.build,
            backend=self.target.backend,
            device=self.target.device,
            prompt_tokens=self.plan.prompt_tokens,
        )

    def measure(self, folder: Path) -> list[Measured]:
        """The points' times; those whose model the engine refuses are left out.

        Rounds go on until the budget is used up, in the midst of one, too; what comes first in the
        plan is measured first and most often: all other figures stand on it, and a slow machine
        lacks only rare types.
        """
        begun = self.clock()
        folder.mkdir(parents=True, exist_ok=True)
        needed = self.plan.disk_bytes + _SPARE_DISK_BYTES
        if shutil.disk_usage(folder).free < needed:
            reason = f"Calibration needs {needed / 1e9:.1f} GB for a while."
            raise AppError(ErrorCode.DISK_FULL, path=str(folder), reason=reason)
        with tempfile.TemporaryDirectory(prefix="calibration-", dir=folder) as place:
            paths: dict[SyntheticModel, Path] = {}
            samples = self._rounds(Path(place), paths, begun)
            portions = {point: portion_of(paths[point.model], point.kv_type) for point in samples}
        self.reporter.progress(
            Progress("done", self.budget_seconds, self.budget_seconds, "seconds")
        )
        return [_judged(point, each, portions[point]) for point, each in samples.items()]

    def _rounds(
        self, place: Path, paths: dict[SyntheticModel, Path], begun: float
    ) -> dict[Point, _Samples]:
        samples: dict[Point, _Samples] = {}
        refused: dict[Point, AppError] = {}
        cost: dict[tuple[Point, bool], float] = {}
        for turn in range(self.most_rounds):
            decode_only = turn % 2 == 1
            for point in self.plan.points:
                self.cancel.raise_if_cancelled()
                start = self.clock()
                spent = start - begun
                if spent + cost.get((point, decode_only), 0.0) > self.budget_seconds:
                    continue  # a shorter one may still fit
                self.reporter.progress(Progress(point.name, spent, self.budget_seconds, "seconds"))
                if point in refused or (point.rare and turn and not decode_only):
                    continue
                if point.model not in paths:
                    paths[point.model] = self._write(point.model, place / f"{len(paths)}.gguf")
                left = begun + self.budget_seconds + self.grace_seconds - self.clock()
                kept = samples.setdefault(point, _Samples())
                try:
                    without = decode_only or point.decode_only
                    prompts = () if without else (self.plan.prompt_tokens,)
                    self._run(point, paths[point.model], prompts, kept, max(0.1, left))
                except AppError as error:
                    self.cancel.raise_if_cancelled()
                    if error.code is ErrorCode.CANCELLED:
                        break  # it took too long
                    refused[point] = error
                    self.reporter.log(f"{point.name}: left out. {error}")
                cost[point, decode_only] = self.clock() - start
        whole = {
            point: each
            for point, each in samples.items()
            if each.decode and (each.prefill or point.decode_only)
        }
        if not whole:
            reason = "There was no time to measure anything."
            nothing = AppError(ErrorCode.ENGINE_TOOL_FAILED, tool="llama-bench", reason=reason)
            raise next(iter(refused.values()), nothing)
        return whole

    def _write(self, model: SyntheticModel, path: Path) -> Path:
        try:
            write_model(
                path, list(model.tensors()), model.values(), check=self.cancel.raise_if_cancelled
            )
        except OSError as error:
            raise disk_full(error, path) or error from error
        return path

    def _run(
        self,
        point: Point,
        path: Path,
        prompts: tuple[int, ...],
        samples: _Samples,
        limit_seconds: float,
    ) -> None:
        """Raises CANCELLED also when it takes longer than it may."""
        stop = CancelToken()
        undo = self.cancel.on_cancel(stop.cancel)
        timer = threading.Timer(limit_seconds, stop.cancel)
        timer.start()
        try:
            rows = self.bench(
                self.runtime,
                path,
                prompts=prompts,
                gens=(self.plan.gen_tokens,),
                depths=sorted({0, point.depth}),
                repetitions=self.plan.repetitions,
                settings=settings_of(self.target, point),
                reporter=NullReporter(),
                cancel=stop,
            )
        finally:
            timer.cancel()
            timer.join()
            undo()
        for row in rows:
            rates = row.samples or (row.tokens_per_second,)
            samples.of(row, point.depth).extend(1 / rate for rate in rates)


def settings_of(target: Target, point: Point) -> LoadSettings:
    """Everything on the one device that is measured."""
    gpu = target.engine_device is not None
    return LoadSettings(
        threads=target.threads,
        kv_type_k=point.kv_type,
        kv_type_v=point.kv_type,
        flash_attention="on" if point.kv_type != "f16" else "auto",
        device=target.engine_device if gpu else "none",
        gpu_layers=999 if gpu else 0,
    )


def _judged(point: Point, samples: _Samples, portion: Portion) -> Measured:
    decode = statistics.median(samples.decode)
    prefill = statistics.median(samples.prefill) if samples.prefill else math.nan
    noise = max(_noise(samples.decode, decode), _noise(samples.prefill, prefill))
    return Measured(
        point,
        portion,
        decode,
        prefill,
        noise,
        statistics.median(samples.flat_decode) if samples.flat_decode else None,
        statistics.median(samples.flat_prefill) if samples.flat_prefill else None,
    )


def _noise(samples: list[float], median: float) -> float:
    """The median distance from the median, as a part of it."""
    if not samples:
        return 0.0
    return statistics.median(abs(sample - median) for sample in samples) / median
