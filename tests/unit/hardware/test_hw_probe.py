from __future__ import annotations

import json
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.core import paths as core_paths
from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken, Progress
from desktop.core.hardware import amd, bandwidth, cpu, disk, gpu, host, intel, memory, nvidia, pci
from desktop.core.hardware import probe as probing
from desktop.core.hardware.doctor import examine
from desktop.core.hardware.probe import Hardware, probe
from desktop.core.hardware.sources import ProbeProblem
from tests.unit.hardware.fake_nvml import error, fake_nvml
from tests.unit.hardware.sysfs import sysfs

FIGURES = {
    "copy": [{"threads": 1, "gb_per_second": 30.0}],
    "read": [{"threads": 1, "gb_per_second": 20.0}],
    "buffer_bytes": 128 << 20,
}
COMMAND = [sys.executable, "-c", f"print({json.dumps(FIGURES)!r})"]


@pytest.fixture
def folders(tmp_path: Path) -> core_paths.Paths:
    return core_paths.paths({"PADDOCK_HOME": str(tmp_path / "home")})


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"HF_HUB_CACHE": str(tmp_path / "hub")}


def test_the_keys_of_the_command_line_are_there(
    folders: core_paths.Paths, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nvidia.importlib, "import_module", lambda name: fake_nvml())
    hardware = probe(folders, environ=environ, bandwidth_command=COMMAND)
    shown = json.loads(json.dumps(hardware.to_dict()))
    assert shown == hardware.to_dict()  # nothing is changed by JSON: no tuples, no paths
    assert {"name", "physical_cores", "logical_cores", "usable_cpus"} <= set(shown["cpu"])
    assert {"total_bytes", "available_bytes", "limited_by"} <= set(shown["ram"])
    (found,) = shown["gpus"]
    assert {"name", "backend", "total_bytes", "free_bytes"} <= set(found)
    assert found["backend"] == "cuda"
    assert shown["bandwidth_gb_per_second"] == 30.0
    assert [each["folder"] for each in shown["disks"]] == [
        environ["HF_HUB_CACHE"],
        str(folders.data),
        str(folders.cache),
    ]
    assert shown["problems"] == []


def test_every_makers_gpus_are_in_one_list_with_what_is_known_of_them(
    folders: core_paths.Paths,
    environ: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    cards = sysfs(tmp_path / "amd", "handmade_sysfs_ryzen_and_rx7900xtx")
    arc = sysfs(tmp_path / "intel", "documented_sysfs_arc_b580")
    broken = arc / "sys/bus/pci/devices/0000:01:00.0/tile0/physical_vram_size_bytes"
    broken.write_text("0\n")
    read_amd, read_intel = amd.amd_gpus, intel.intel_gpus
    monkeypatch.setattr(amd, "amd_gpus", lambda ram: read_amd(cards, ram))
    monkeypatch.setattr(intel, "intel_gpus", lambda ram: read_intel(arc, ram))
    monkeypatch.setattr(nvidia.importlib, "import_module", lambda name: fake_nvml())
    hardware = probe(folders, environ=environ, with_bandwidth=False)
    shown = json.loads(json.dumps(hardware.to_dict()))
    told = [(each["vendor"], each["backend"], each["integrated"]) for each in shown["gpus"]]
    assert told == [
        ("NVIDIA", "cuda", False),
        ("AMD", "rocm", False),
        ("AMD", "rocm", True),
        ("Intel", "sycl", False),
    ]
    _, card, inside, intels = shown["gpus"]
    assert (card["known_as"], card["memory_bandwidth_gb_per_second"]) == ("Radeon RX 7900 XTX", 960)
    assert inside["shares_ram"] and inside["total_bytes"] <= shown["ram"]["physical_bytes"]
    assert intels["total_bytes"] is None
    assert [each["code"] for each in shown["problems"]] == ["gpu_memory_unknown"]
    assert any(each.code == "gpu_memory_unknown" for each in examine(hardware))


def test_a_chip_with_the_cpu_has_the_ram_for_memory(
    folders: core_paths.Paths, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """NVIDIA GB10: "Not Supported" for its memory, as published (see tests/data/hardware)."""
    chip = fake_nvml(
        nvmlDeviceGetName="NVIDIA GB10",
        nvmlDeviceGetMemoryInfo=error("NOT_SUPPORTED"),
        nvmlDeviceGetMemoryBusWidth=error("NOT_SUPPORTED"),
    )
    monkeypatch.setattr(nvidia.importlib, "import_module", lambda name: chip)
    whole = 127600748 << 10
    ram = memory.MemoryInfo(whole, 118566368 << 10, whole, "ram", "ram", 0, 0)
    monkeypatch.setattr(memory, "probe_memory", lambda: ram)
    (found,) = probe(folders, environ=environ, with_bandwidth=False).gpus
    assert found.integrated and found.shares_ram
    assert (found.total_bytes, found.free_bytes) == (whole, ram.available_bytes)
    assert (found.known_as, found.memory_bandwidth_gb_per_second) == ("GB10 (DGX Spark)", 273)


PROBES: list[tuple[Any, str, str]] = [
    (cpu, "probe_cpu", "cpu"),
    (memory, "probe_memory", "ram"),
    (nvidia, "probe_nvidia", "gpus"),
    (amd, "amd_gpus", "gpus"),
    (intel, "intel_gpus", "gpus"),
    (pci, "pci_gpus", "pci_gpus"),
    (host, "probe_host", "host"),
    (host, "probe_battery", "host"),
    (disk, "probe_disk", "disks"),
]


@pytest.mark.parametrize("broken_probe", PROBES, ids=lambda each: each[1])
def test_each_probe_fails_alone(
    folders: core_paths.Paths,
    environ: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    broken_probe: tuple[Any, str, str],
) -> None:
    module, name, key = broken_probe
    monkeypatch.setattr(nvidia.importlib, "import_module", lambda name: fake_nvml())
    whole = probe(folders, environ=environ, with_bandwidth=False).to_dict()

    def broken(*arguments: Any, **options: Any) -> Any:
        raise PermissionError("not for you")

    monkeypatch.setattr(module, name, broken)
    hardware = probe(folders, environ=environ, with_bandwidth=False)
    shown = hardware.to_dict()
    expected = 3 if name == "probe_disk" else 1
    assert len(hardware.problems) == expected
    assert all("not for you" in problem.reason for problem in hardware.problems)
    changing = {"problems", key, "ram", "disks"}  # free bytes change from one look to the next
    assert {k: v for k, v in shown.items() if k not in changing} == {
        k: v for k, v in whole.items() if k not in changing
    }
    assert {"total_bytes", "available_bytes"} <= set(shown["ram"])
    assert shown["cpu"]["logical_cores"] >= 1
    json.dumps(shown)


def test_a_bandwidth_that_cannot_be_measured_is_a_problem(
    folders: core_paths.Paths, environ: dict[str, str]
) -> None:
    command = [sys.executable, "-c", "raise SystemExit(3)"]
    hardware = probe(folders, environ=environ, bandwidth_command=command)
    assert hardware.bandwidth is None
    assert hardware.to_dict()["bandwidth_gb_per_second"] is None
    assert [problem.code for problem in hardware.problems] == ["bandwidth_failed"]
    assert "exit code 3" in hardware.problems[0].reason


def test_a_kept_bandwidth_is_used_and_measured_anew_on_request(
    folders: core_paths.Paths, environ: dict[str, str]
) -> None:
    assert probe(folders, environ=environ, with_bandwidth=False).bandwidth is None
    probe(folders, environ=environ, bandwidth_command=COMMAND)
    broken = [sys.executable, "-c", "raise SystemExit(3)"]
    for measuring in (True, False):
        kept = probe(
            folders, environ=environ, with_bandwidth=measuring, bandwidth_command=broken
        ).bandwidth
        assert kept is not None
        assert kept.cached
    again = probe(folders, environ=environ, remeasure=True, bandwidth_command=COMMAND)
    assert again.bandwidth is not None
    assert not again.bandwidth.cached


def test_a_probe_that_hangs_is_a_problem(
    folders: core_paths.Paths, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    release = threading.Event()
    monkeypatch.setattr(probing, "_PATIENCE_SECONDS", 0.3)
    monkeypatch.setattr(host, "probe_battery", release.wait)
    hardware = probe(folders, environ=environ, with_bandwidth=False)
    release.set()
    assert [problem.what for problem in hardware.problems] == ["battery"]
    assert hardware.host is not None


def test_cancelled(folders: core_paths.Paths, environ: dict[str, str]) -> None:
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(AppError) as caught:
        probe(folders, environ=environ, cancel=cancel)
    assert caught.value.code == ErrorCode.CANCELLED


def test_progress_and_more_folders(
    folders: core_paths.Paths, environ: dict[str, str], tmp_path: Path
) -> None:
    class Listener:
        def __init__(self) -> None:
            self.seen: list[Progress] = []

        def progress(self, progress: Progress) -> None:
            self.seen.append(progress)

        def log(self, line: str) -> None:
            raise AssertionError(line)

    listener = Listener()
    more = [tmp_path / "extra", folders.data]
    hardware = probe(
        folders, environ=environ, folders=more, reporter=listener, bandwidth_command=COMMAND
    )
    assert [each.what for each in listener.seen] == ["hardware", "memory bandwidth", "hardware"]
    assert [Path(each.folder).name for each in hardware.disks].count("extra") == 1
    assert len(hardware.disks) == 4


numbers = st.none() | st.integers(0, 2**63)
texts = st.none() | st.text(max_size=20)


@given(
    sizes=st.lists(st.tuples(numbers, numbers, texts), max_size=3),
    ram=st.none() | st.integers(0, 2**60),
    rate=st.none() | st.floats(0.1, 1e4),
    name=st.text(max_size=30),
)
def test_to_dict_is_always_plain_json(
    sizes: list[tuple[int | None, int | None, str | None]],
    ram: int | None,
    rate: float | None,
    name: str,
) -> None:
    measured = rate and bandwidth.Bandwidth(
        rate, (bandwidth.Rate(1, rate),), (), 1, beyond_caches=True, measured_at=0.0
    )
    hardware = Hardware(
        cpu=cpu.CpuInfo(name, "x86_64", None, 1, 1),
        ram=None if ram is None else memory.MemoryInfo(ram, ram, ram, "ram", "ram", 0, 0),
        gpus=tuple(
            gpu.Gpu("g", "cuda", total, free, uuid=uuid, processes=(gpu.GpuProcess(1, uuid, free),))
            for total, free, uuid in sizes
        ),
        bandwidth=measured or None,
        problems=(ProbeProblem("a", name, "c"),),
    )
    shown = hardware.to_dict()
    assert json.loads(json.dumps(shown)) == shown
    assert shown["bandwidth_gb_per_second"] == rate
    assert shown["ram"]["total_bytes"] == ram
