"""The calibration job, around a measurement that is not made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from desktop.core.db import Database
from desktop.core.engine.runtime import EngineDevice
from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken, Progress
from desktop.core.fit.speed import DeviceSpeed
from desktop.core.fit.speed_book import SpeedStore
from desktop.core.fit.speed_calibrate import Measurement
from desktop.core.hardware.cpu import CpuInfo
from desktop.core.hardware.memory import probe_memory
from desktop.core.jobs.handlers.calibrate import CalibrateKind
from desktop.core.jobs.scheduler import Scheduler
from desktop.core.jobs.table import Job, JobState, JobTable
from desktop.core.paths import Paths, paths
from tests.unit.bench import fakes

GPU = EngineDevice("CUDA0", "NVIDIA GeForce RTX 4090", "cuda", 24 << 30, 23 << 30)
CPU = CpuInfo("A CPU", "x86_64", 2, 4, 4, usable_physical_cores=2)


class Service:
    """What the job uses of the service."""

    def __init__(self, database: Database) -> None:
        self.table, self.store = JobTable(database), SpeedStore(database)
        self.devices: tuple[EngineDevice, ...] = ()
        self.asked: list[Measurement] = []
        self.served = 0
        self.spread = 0.1
        self.waits = 0
        self.during: Callable[[], None] = lambda: None
        self.events: list[tuple[str, dict[str, Any]]] = []

    def measure(self, measurement: Measurement, where: Paths) -> DeviceSpeed:
        self.asked.append(measurement)
        measurement.reporter.progress(Progress("middle", 20, 50, "seconds"))
        self.during()
        measurement.cancel.raise_if_cancelled()
        target = measurement.target
        return DeviceSpeed(
            target.build,
            target.backend,
            target.device,
            ((1.0, 1e-10),),
            {"Q4_K": 1e-10},
            {},
            spread_decode=self.spread,
        )

    def wait_idle(self, cancel: CancelToken) -> None:
        self.waits += 1

    async def run(self, params: dict[str, Any]) -> Job:
        kind = CalibrateKind(
            paths(),
            self.store,
            current_runtime=lambda: fakes.runtime(devices=self.devices),
            cpu=lambda: CPU,
            memory=probe_memory,
            wait_idle=self.wait_idle,
            requests_served=lambda: self.served,
            measure=self.measure,
        )
        scheduler = Scheduler(
            self.table, {"calibrate": kind}, lambda name, data: self.events.append((name, data))
        )
        scheduler.start()
        try:
            job = await scheduler.submit("calibrate", params)
            assert scheduler.running_needs() == {"cpu"}
            running = scheduler._running[job.id]
            assert running.task is not None
            await running.task
        finally:
            await scheduler.stop()
        return self.table.get(job.id)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    database = Database(tmp_path / "p.db", tmp_path / "backups")
    yield Service(database)
    database.close()


async def test_the_cpu_is_measured_and_its_figures_are_kept(service: Service) -> None:
    ended = await service.run({})
    assert ended.state is JobState.DONE
    (measurement,) = service.asked
    assert measurement.target.engine_device is None
    assert measurement.target.threads == 2
    found = service.store.book().calibration("0.5.0 0c1e570", "cpu", "A CPU × 2")
    assert found is not None
    assert ended.result == {**found.speed.to_dict(), "disturbed_requests": 0}
    told = [data["progress"]["what"] for name, data in service.events if name == "job.progress"]
    assert told == ["waiting for answers in progress", "middle"]
    assert service.waits == 2


async def test_the_first_gpu_is_measured_unless_the_cpu_is_asked_for(service: Service) -> None:
    service.devices = (GPU,)
    await service.run({})
    await service.run({"device": "CPU"})
    await service.run({"device": "CUDA0"})
    assert [each.target.engine_device for each in service.asked] == ["CUDA0", None, "CUDA0"]
    gpu, cpu, _ = service.asked
    assert gpu.plan.prompt_tokens > cpu.plan.prompt_tokens
    assert {each.speed.device for each in service.store.book().calibrations} == {
        "NVIDIA GeForce RTX 4090",
        "A CPU × 2",
    }


async def test_an_unknown_device_is_refused_before_the_job_waits(service: Service) -> None:
    with pytest.raises(AppError) as caught:
        await service.run({"device": "CUDA7"})
    assert caught.value.code is ErrorCode.SETTING_INVALID
    assert "CPU" in str(caught.value)
    assert service.asked == []


async def test_requests_meanwhile_are_told(service: Service) -> None:
    def answer() -> None:
        service.served += 3

    service.during = answer
    ended = await service.run({})
    assert ended.result is not None
    assert ended.result["disturbed_requests"] == 3
    lines = [data["line"] for name, data in service.events if name == "job.log"]
    assert lines == ["Disturbed by 3 requests: calibrate once more."]


async def test_a_failed_measurement_keeps_the_old_figures(service: Service) -> None:
    await service.run({})
    before = service.store.book().calibrations

    def fail() -> None:
        raise AppError(ErrorCode.ENGINE_TOOL_FAILED, tool="llama-bench", reason="It broke.")

    service.during = fail
    ended = await service.run({})
    assert ended.state is JobState.FAILED
    assert service.store.book().calibrations == before


async def test_figures_of_a_disturbed_machine_are_not_kept(service: Service) -> None:
    service.spread = 0.9
    ended = await service.run({})
    assert ended.state is JobState.FAILED
    assert ended.error is not None
    assert "calibrate once more" in str(ended.error)
    assert service.store.book().calibrations == ()
