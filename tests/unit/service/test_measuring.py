"""The memory bandwidth is measured once, of an idle machine, and whoever comes goes first."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken
from desktop.core.hardware import bandwidth
from desktop.core.hardware.bandwidth import Bandwidth, Rate
from desktop.core.hardware.cpu import probe_cpu
from desktop.core.hardware.memory import probe_memory
from desktop.core.hardware.usage import CpuUse
from desktop.core.jobs.idle import Idle
from desktop.core.paths import Paths, paths
from desktop.core.service.guest import Guest
from desktop.core.service.measuring import MEASURED, FirstMeasurement

SECONDS = 20.0
FOUND = Bandwidth(45.0, (Rate(2, 45.0),), (), 128 << 20, True, 0.0)


class Machine:
    """A machine that is idle when the test says so, and what is measured on it."""

    def __init__(self, where: Paths) -> None:
        self.where = where
        self.quiet = 1000.0
        self.time = 0.0
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.measured: list[dict[str, Any]] = []
        self.during: Callable[[CancelToken], None] = lambda cancel: None
        self.looked, self.done = threading.Event(), threading.Event()
        self.guest = Guest()
        use = functools.partial(CpuUse, lambda: (0.0, 1.0))
        idle = Idle(lambda: self.quiet, new_use=use, clock=self.clock)
        self.first = FirstMeasurement(where, idle, self.guest, self.publish, self.measure)

    def clock(self) -> float:
        self.time += 10.0
        self.looked.set()
        return self.time

    def publish(self, name: str, data: dict[str, Any]) -> None:
        self.told.append((name, data))
        self.done.set()

    def measure(self, *args: Any, **more: Any) -> Bandwidth:
        self.measured.append(more)
        self.during(more["cancel"])
        return FOUND

    def run(self) -> None:
        """To its end."""
        self.first.start()
        self.first._thread.join(SECONDS)
        assert not self.first._thread.is_alive()


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    monkeypatch.setattr("desktop.core.jobs.idle.POLL_SECONDS", 0.01)
    monkeypatch.setattr("desktop.core.jobs.idle.WATCH_SECONDS", 0.01)
    return Machine(paths().ensure())


def keep(where: Paths) -> None:
    """As if somebody had measured."""
    raw = {"copy": [{"threads": 1, "gb_per_second": 33.0}], "buffer_bytes": 128 << 20}
    key = bandwidth._key(probe_cpu(), probe_memory())
    content = {"key": key, "measured_at": 1.0, "result": {**raw, "read": raw["copy"]}}
    assert bandwidth.store(where.cache, content)


def test_an_idle_machine_is_measured_quickly_and_told_of(machine: Machine) -> None:
    machine.run()
    assert machine.told == [(MEASURED, {"bandwidth_gb_per_second": 45.0})]
    (asked,) = machine.measured
    assert asked["quick"] is True
    machine.first.stop()


def test_what_is_kept_is_not_measured_again(machine: Machine) -> None:
    keep(machine.where)
    machine.run()
    assert machine.told == [] and machine.measured == []


def test_it_waits_and_takes_what_somebody_else_measured_meanwhile(machine: Machine) -> None:
    machine.quiet = 0.0
    machine.first.start()
    assert machine.looked.wait(SECONDS)
    keep(machine.where)
    machine.quiet = 1000.0
    assert machine.done.wait(SECONDS)
    assert machine.told == [(MEASURED, {"bandwidth_gb_per_second": 33.0})]
    assert machine.measured == []


def test_whoever_comes_goes_first(machine: Machine) -> None:
    def come(cancel: CancelToken) -> None:
        machine.during = lambda cancel: None
        machine.quiet = 0.0
        assert cancel.wait(SECONDS)
        machine.quiet = 1000.0
        raise AppError(ErrorCode.CANCELLED)

    machine.during = come
    machine.run()
    assert len(machine.measured) == 2 and len(machine.told) == 1


def test_a_load_waits_until_the_measuring_is_gone(machine: Machine) -> None:
    begun, gone = threading.Event(), threading.Event()

    def measuring(cancel: CancelToken) -> None:
        machine.during = lambda cancel: None
        begun.set()
        assert cancel.wait(SECONDS)
        gone.set()
        raise AppError(ErrorCode.CANCELLED)

    machine.during = measuring
    machine.first.start()
    assert begun.wait(SECONDS)
    with machine.guest.away():
        assert gone.is_set()
    assert machine.done.wait(SECONDS)


def test_a_machine_that_cannot_be_measured_is_left_alone(machine: Machine) -> None:
    def fail(cancel: CancelToken) -> None:
        raise AppError(ErrorCode.PROBE_FAILED, what="memory bandwidth", reason="no numpy")

    machine.during = fail
    machine.run()
    assert machine.told == [] and len(machine.measured) == 1


def test_a_service_that_ends_does_not_wait_for_it(machine: Machine) -> None:
    machine.quiet = 0.0
    machine.first.start()
    assert machine.looked.wait(SECONDS)
    machine.first.stop()
    assert machine.measured == [] and machine.told == []


def test_the_real_measuring_is_short_and_kept(tmp_path: Path) -> None:
    cpu, memory = probe_cpu(), probe_memory()
    found = bandwidth.measure(tmp_path, cpu, memory, quick=True)
    assert found.gb_per_second > 0.1
    kept = bandwidth.load(tmp_path, cpu, memory)
    assert kept is not None and kept.gb_per_second == found.gb_per_second
