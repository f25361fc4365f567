"""The job that measures how fast this machine computes. It is one whole step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from desktop.core.engine.runtime import EngineDevice, Runtime
from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken, Progress
from desktop.core.fit.speed import DeviceSpeed
from desktop.core.fit.speed_book import SpeedStore
from desktop.core.fit.speed_calibrate import BUDGET_SECONDS, Measurement, Target
from desktop.core.fit.speed_plan import CalibrationPlan, plan
from desktop.core.fit.speed_predict import build_of, cpu_device
from desktop.core.hardware.cpu import CpuInfo
from desktop.core.hardware.memory import MemoryInfo
from desktop.core.jobs.kinds import JobContext
from desktop.core.paths import Paths

STEP = "measure"
# Figures whose band is wider than that say less than those of other machines: something else used
# this one. They are not kept.
WIDEST_SPREAD = 0.6
CPU = "CPU"
Measure = Callable[[Measurement, Paths], DeviceSpeed]


def _measure(measurement: Measurement, paths: Paths) -> DeviceSpeed:
    return measurement.calibrate(paths.cache / "calibration")


class CalibrateKind:
    """Parameters: `device`, the engine's name of one ("CUDA0", "CPU"); without it the first GPU, or
    the CPU where there is none. The result is `DeviceSpeed.to_dict()`.

    Args:
        current_runtime: the engine that is calibrated: figures belong to its build.
        wait_idle: returns when no answer is in progress; raises CANCELLED.
        measure: what measures.
    """

    name = "calibrate"
    needs = frozenset({"cpu"})

    def __init__(
        self,
        paths: Paths,
        store: SpeedStore,
        *,
        current_runtime: Callable[[], Runtime],
        cpu: Callable[[], CpuInfo],
        memory: Callable[[], MemoryInfo],
        wait_idle: Callable[[CancelToken], None],
        requests_served: Callable[[], int],
        measure: Measure = _measure,
    ) -> None:
        self._paths = paths
        self._store = store
        self._current_runtime = current_runtime
        self._cpu = cpu
        self._memory = memory
        self._wait_idle = wait_idle
        self._requests_served = requests_served
        self._measure = measure

    def plan(self, params: dict[str, Any]) -> list[str]:
        """Raises SETTING_INVALID for a device the engine does not list."""
        _device(params, self._current_runtime())
        return [STEP]

    def run(self, context: JobContext) -> dict[str, Any]:
        result: dict[str, Any] = context.step(STEP, lambda: self._run(context))
        return result

    def _run(self, context: JobContext) -> dict[str, Any]:
        runtime, cpu, memory = self._current_runtime(), self._cpu(), self._memory()
        device = _device(context.params, runtime)
        context.reporter.progress(
            Progress("waiting for answers in progress", 0, BUDGET_SECONDS, "seconds")
        )
        self._wait_idle(context.cancel)
        served = self._requests_served()
        measurement = Measurement(
            runtime,
            _target(runtime, cpu, device),
            _points(cpu, memory, device),
            context.reporter,
            context.cancel,
        )
        speed = self._measure(measurement, self._paths)
        self._wait_idle(context.cancel)  # an answer still in progress began in between
        disturbed = max(0, self._requests_served() - served)
        if disturbed:
            context.reporter.log(f"Disturbed by {disturbed} requests: calibrate once more.")
        if max(speed.spread_decode, speed.spread_prefill) > WIDEST_SPREAD:
            reason = (
                "The figures lie too far apart: something else used the machine. Close other "
                "programs and calibrate once more."
            )
            raise AppError(ErrorCode.ENGINE_TOOL_FAILED, tool="llama-bench", reason=reason)
        self._store.keep(speed)
        return {**speed.to_dict(), "disturbed_requests": disturbed}


def _device(params: dict[str, Any], runtime: Runtime) -> EngineDevice | None:
    """The device to measure; None is the CPU."""
    wanted = params.get("device")
    if wanted is None:
        return runtime.devices[0] if runtime.devices else None
    if wanted == CPU:
        return None
    for device in runtime.devices:
        if device.name == wanted:
            return device
    names = ", ".join([CPU, *(device.name for device in runtime.devices)])
    raise AppError(
        ErrorCode.SETTING_INVALID,
        name="device",
        value=repr(wanted)[:80],
        reason=f"The engine has {names}.",
    )


def _target(runtime: Runtime, cpu: CpuInfo, device: EngineDevice | None) -> Target:
    build, threads = build_of(runtime), cpu.usable_physical_cores
    if device is None:
        return Target("cpu", cpu_device(cpu), build, threads)
    return Target(device.backend, device.description, build, threads, device.name)


def _points(cpu: CpuInfo, memory: MemoryInfo, device: EngineDevice | None) -> CalibrationPlan:
    if device is None:
        cache = cpu.last_level_cache_bytes or 0
        return plan(gpu=False, free_bytes=memory.available_bytes, largest_cache_bytes=cache)
    return plan(gpu=True, free_bytes=min(device.free_bytes, memory.available_bytes))
