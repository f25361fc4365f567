from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken
from desktop.core.hardware import bandwidth, bandwidth_worker
from desktop.core.hardware.cpu import CpuInfo
from desktop.core.hardware.memory import MemoryInfo

GIB = 1 << 30
CPU = CpuInfo("Test CPU", "x86_64", 8, 16, 16, usable_physical_cores=8)
RAM = MemoryInfo(32 * GIB, 16 * GIB, 32 * GIB, "ram", "ram", 0, 0)
FIGURES = {
    "copy": [{"threads": 1, "gb_per_second": 12.5}, {"threads": 8, "gb_per_second": 41.0}],
    "read": [{"threads": 1, "gb_per_second": 14.0}, {"threads": 8, "gb_per_second": 38.0}],
    "buffer_bytes": 128 << 20,
}
WORKER = (
    "import sys; from desktop.core.hardware.bandwidth_worker import main;"
    "sys.exit(main(sys.argv[1:]))"
)


def printing(text: str) -> list[str]:
    return [sys.executable, "-c", f"print({text!r})"]


def with_cpu(**changes: object) -> CpuInfo:
    return CpuInfo(**{**vars(CPU), **changes})  # type: ignore[arg-type]


def with_ram(**changes: object) -> MemoryInfo:
    return MemoryInfo(**{**vars(RAM), **changes})  # type: ignore[arg-type]


def test_the_buffer_is_beyond_the_caches_and_within_a_quarter_of_the_ram() -> None:
    assert bandwidth.buffer_bytes(CPU, RAM) == 128 << 20
    assert bandwidth.buffer_bytes(with_cpu(last_level_cache_bytes=96 << 20), RAM) == 384 << 20
    tight = with_ram(available_bytes=100 << 20)
    assert bandwidth.buffer_bytes(CPU, tight) == 25 << 20


def test_thread_counts() -> None:
    assert bandwidth.thread_counts(CPU) == [1, 4, 8, 16]
    assert bandwidth.thread_counts(with_cpu(affinity_cpus=1, usable_physical_cores=1)) == [1]
    assert bandwidth.thread_counts(with_cpu(quota_cpus=3.5)) == [1, 2, 3]


def test_the_best_of_all_counts_and_is_kept(tmp_path: Path) -> None:
    measured = bandwidth.measure(
        tmp_path, CPU, RAM, work_root=tmp_path / "work", command=printing(json.dumps(FIGURES))
    )
    assert measured.gb_per_second == 41.0
    assert measured.beyond_caches
    assert not measured.cached
    kept = bandwidth.load(tmp_path, CPU, RAM)
    assert kept is not None
    assert kept.cached
    assert (kept.copy, kept.read) == (measured.copy, measured.read)
    assert kept.measured_at == measured.measured_at
    assert kept.age_seconds >= 0


@pytest.mark.parametrize(
    ("cpu", "ram"),
    [
        (with_cpu(name="Other"), RAM),
        (with_cpu(affinity_cpus=4), RAM),
        (CPU, with_ram(physical_bytes=64 * GIB)),
    ],
)
def test_a_figure_of_another_machine_is_not_used(
    tmp_path: Path, cpu: CpuInfo, ram: MemoryInfo
) -> None:
    bandwidth.measure(tmp_path, CPU, RAM, work_root=tmp_path, command=printing(json.dumps(FIGURES)))
    assert bandwidth.load(tmp_path, cpu, ram) is None
    # What is free now is not part of what the machine is.
    assert bandwidth.load(tmp_path, CPU, with_ram(available_bytes=GIB)) is not None


def test_the_age_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = bandwidth.measure(
        tmp_path, CPU, RAM, work_root=tmp_path, command=printing(json.dumps(FIGURES))
    )
    monkeypatch.setattr(bandwidth.time, "time", lambda: made.measured_at + 7200)
    kept = bandwidth.load(tmp_path, CPU, RAM)
    assert kept is not None
    assert kept.age_seconds == pytest.approx(7200)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"key": 1}', "\xff"])
def test_a_broken_cache_is_as_good_as_none(tmp_path: Path, content: str) -> None:
    bandwidth.cache_file(tmp_path).write_bytes(content.encode("latin-1"))
    assert bandwidth.load(tmp_path, CPU, RAM) is None


@pytest.mark.parametrize(
    "text", ["", "no figures", "[]", '{"copy": []}', json.dumps({**FIGURES, "copy": [{}]})]
)
def test_a_worker_without_figures_is_a_failed_probe(tmp_path: Path, text: str) -> None:
    with pytest.raises(AppError) as caught:
        bandwidth.measure(tmp_path, CPU, RAM, work_root=tmp_path, command=printing(text))
    assert caught.value.code == ErrorCode.PROBE_FAILED
    assert not bandwidth.cache_file(tmp_path).exists()


def test_a_worker_that_dies_says_how(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import os; os.abort()"]
    with pytest.raises(AppError) as caught:
        bandwidth.measure(tmp_path, CPU, RAM, work_root=tmp_path, command=command)
    assert "ended" in str(caught.value.params["reason"])


def test_a_worker_that_cannot_be_started(tmp_path: Path) -> None:
    with pytest.raises(AppError) as caught:
        bandwidth.measure(
            tmp_path, CPU, RAM, work_root=tmp_path, command=[str(tmp_path / "missing")]
        )
    assert caught.value.code == ErrorCode.PROBE_FAILED


def test_cancelled(tmp_path: Path) -> None:
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(AppError) as caught:
        bandwidth.measure(
            tmp_path,
            CPU,
            RAM,
            work_root=tmp_path,
            cancel=cancel,
            command=[sys.executable, "-c", WORKER],
        )
    assert caught.value.code == ErrorCode.CANCELLED


def test_a_cache_folder_that_cannot_be_written_does_no_harm(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    measured = bandwidth.measure(
        blocked / "cache", CPU, RAM, work_root=tmp_path, command=printing(json.dumps(FIGURES))
    )
    assert measured.gb_per_second == 41.0


def test_a_small_buffer_is_marked(tmp_path: Path) -> None:
    figures = json.dumps({**FIGURES, "buffer_bytes": 8 << 20})
    measured = bandwidth.measure(tmp_path, CPU, RAM, work_root=tmp_path, command=printing(figures))
    assert not measured.beyond_caches


def test_the_real_worker_measures(tmp_path: Path) -> None:
    small = with_ram(available_bytes=64 << 20)
    two = with_cpu(affinity_cpus=2, usable_physical_cores=2)
    measured = bandwidth.measure(
        tmp_path, two, small, work_root=tmp_path, command=[sys.executable, "-c", WORKER]
    )
    assert measured.buffer_bytes == 16 << 20
    assert [rate.threads for rate in measured.copy] == [1, 2]
    assert all(rate.gb_per_second > 0.1 for rate in measured.copy + measured.read)


def test_the_worker_counts_every_byte_of_the_buffer_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import numpy

    buffer = numpy.zeros(1000, dtype=numpy.float32)
    seen: list[int] = []

    def touch(part: numpy.ndarray) -> int:
        part += 1
        seen.append(part.nbytes)
        return int(part.nbytes)

    monkeypatch.setattr(bandwidth_worker, "_CHUNK_BYTES", 400)
    bandwidth_worker._run(touch, buffer, 3, None)
    assert set(buffer[:999]) == {1.0}
    assert sum(seen) == 999 * 4
    assert max(seen) == 400
    arguments = ["--buffer-bytes", "1000000", "--threads", "1", "--budget-seconds", "0.1"]
    assert bandwidth_worker.main(arguments) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["read"][0]["threads"] == 1


@pytest.mark.parametrize("threads", ["0", "", "a"])
def test_the_worker_refuses_nonsense(threads: str) -> None:
    with pytest.raises(SystemExit):
        bandwidth_worker.main(["--buffer-bytes", "1", "--threads", threads])
