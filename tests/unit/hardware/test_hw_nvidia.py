from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from desktop.core.hardware.nvidia import probe_nvidia
from desktop.core.hardware.pci import pci_gpus
from tests.unit.hardware.fake_nvml import TOTAL, error, fake_nvml


def adapter(
    root: Path, address: str, vendor: str, kind: str, driver: str = "", **files: str
) -> None:
    folder = root / "sys/bus/pci/devices" / address
    folder.mkdir(parents=True)
    for name, text in {"vendor": vendor, "class": kind, "device": "0x2684", **files}.items():
        (folder / name).write_text(text + "\n")
    if driver:
        target = root / "sys/bus/pci/drivers" / driver
        target.mkdir(parents=True, exist_ok=True)
        (folder / "driver").symlink_to(target)


def test_a_gpu_with_all_it_tells(tmp_path: Path) -> None:
    info = probe_nvidia(fake_nvml(), tmp_path)
    assert info.problems == ()
    (gpu,) = info.gpus
    assert (gpu.name, gpu.backend) == ("NVIDIA GeForce RTX 4090", "cuda")
    assert (gpu.total_bytes, gpu.used_bytes) == (TOTAL, 2 << 30)
    assert gpu.free_bytes == TOTAL - (2 << 30)
    assert (gpu.driver_version, gpu.cuda_driver_version) == ("570.124.06", "12.8")
    assert (gpu.compute_capability, gpu.pci_bus_id) == ("8.9", "00000000:01:00.0")
    assert gpu.power_limit_watts == 450
    assert gpu.memory_bandwidth_gb_per_second == pytest.approx(1008, abs=1)
    assert gpu.mig_enabled is None
    assert not gpu.shares_ram
    assert [(each.pid, each.name, each.used_bytes) for each in gpu.processes] == [
        (4242, "/usr/bin/blender", 1 << 30),
        (77, "/usr/bin/blender", None),
    ]


def test_no_driver_library_is_no_problem(tmp_path: Path) -> None:
    info = probe_nvidia(fake_nvml(nvmlInit=error("LIBRARY_NOT_FOUND")), tmp_path)
    assert (info.gpus, info.problems) == ((), ())


@pytest.mark.parametrize(
    ("name", "code", "remedy"),
    [
        ("LIB_RM_VERSION_MISMATCH", "nvidia_version_mismatch", "Restart"),
        ("NO_PERMISSION", "nvidia_no_permission", "/dev/nvidia"),
        ("UNKNOWN", "nvidia_driver_failed", "install the driver"),
    ],
)
def test_a_driver_that_does_not_start(tmp_path: Path, name: str, code: str, remedy: str) -> None:
    info = probe_nvidia(fake_nvml(nvmlInit=error(name)), tmp_path)
    (problem,) = info.problems
    assert problem.code == code
    assert remedy in problem.remedy


@pytest.mark.parametrize(
    ("name", "driver", "code"),
    [
        ("LIBRARY_NOT_FOUND", "nouveau", "nvidia_no_driver"),
        ("LIBRARY_NOT_FOUND", "", "nvidia_no_driver"),
        ("DRIVER_NOT_LOADED", "", "nvidia_module_not_loaded"),
        ("DRIVER_NOT_LOADED", "vfio-pci", "nvidia_no_driver"),
    ],
)
def test_a_gpu_on_the_bus_without_its_driver(
    tmp_path: Path, name: str, driver: str, code: str
) -> None:
    adapter(tmp_path, "0000:01:00.0", "0x10de", "0x030000", driver)
    adapter(tmp_path, "0000:01:00.1", "0x10de", "0x040300")  # its sound card
    info = probe_nvidia(fake_nvml(nvmlInit=error(name)), tmp_path)
    (problem,) = info.problems
    assert problem.code == code
    assert "0000:01:00.0" in problem.reason
    assert (driver or "no driver") in problem.reason or code == "nvidia_module_not_loaded"


def test_the_driver_not_loaded_and_no_gpu_is_no_problem(tmp_path: Path) -> None:
    info = probe_nvidia(fake_nvml(nvmlInit=error("DRIVER_NOT_LOADED")), tmp_path)
    assert info.problems == ()


SINGLE_QUESTIONS = [
    "nvmlSystemGetDriverVersion",
    "nvmlSystemGetCudaDriverVersion",
    "nvmlDeviceGetName",
    "nvmlDeviceGetUUID",
    "nvmlDeviceGetMemoryInfo",
    "nvmlDeviceGetCudaComputeCapability",
    "nvmlDeviceGetPciInfo",
    "nvmlDeviceGetEnforcedPowerLimit",
    "nvmlDeviceGetMemoryBusWidth",
    "nvmlDeviceGetMaxClockInfo",
]


@pytest.mark.parametrize("question", SINGLE_QUESTIONS)
def test_each_question_fails_alone(tmp_path: Path, question: str) -> None:
    full = probe_nvidia(fake_nvml(), tmp_path).gpus[0]
    info = probe_nvidia(fake_nvml(**{question: error("UNKNOWN")}), tmp_path)
    (gpu,) = info.gpus
    (problem,) = info.problems
    assert problem.code == "nvidia_query_failed"
    assert question in problem.reason
    lost = [name for name in vars(full) if getattr(full, name) != getattr(gpu, name)]
    expected = 3 if question == "nvmlDeviceGetMemoryInfo" else 1  # three sizes
    assert len(lost) == expected, lost


@pytest.mark.parametrize("question", SINGLE_QUESTIONS)
def test_what_a_gpu_does_not_have_is_no_problem(tmp_path: Path, question: str) -> None:
    info = probe_nvidia(fake_nvml(**{question: error("NOT_SUPPORTED")}), tmp_path)
    assert len(info.gpus) == 1
    assert info.problems == ()


def test_a_lost_gpu_is_one_problem_and_the_other_one_is_read(tmp_path: Path) -> None:
    def only_first(answer: Any) -> Any:
        def call(handle: int, *rest: Any) -> Any:
            if handle == 1:
                raise error("GPU_IS_LOST")
            return answer

        return call

    memory = SimpleNamespace(total=TOTAL, free=TOTAL, used=0)
    info = probe_nvidia(
        fake_nvml(
            nvmlDeviceGetCount=2,
            nvmlDeviceGetName=only_first("A"),
            nvmlDeviceGetMemoryInfo=only_first(memory),
            nvmlDeviceGetUUID=only_first("GPU-1"),
        ),
        tmp_path,
    )
    assert [gpu.total_bytes for gpu in info.gpus] == [TOTAL, None]
    assert not info.gpus[1].shares_ram
    (problem,) = info.problems
    assert (problem.what, problem.code) == ("GPU 1", "nvidia_gpu_lost")


def test_hidden_processes_are_tolerated(tmp_path: Path) -> None:
    refused = error("NO_PERMISSION")
    info = probe_nvidia(
        fake_nvml(nvmlDeviceGetGraphicsRunningProcesses=refused, nvmlSystemGetProcessName=refused),
        tmp_path,
    )
    assert info.problems == ()
    (process,) = info.gpus[0].processes
    assert (process.pid, process.name, process.used_bytes) == (4242, None, 1 << 30)


def test_unified_memory_chip_has_no_memory_of_its_own(tmp_path: Path) -> None:
    info = probe_nvidia(fake_nvml(nvmlDeviceGetMemoryInfo=error("NOT_SUPPORTED")), tmp_path)
    (gpu,) = info.gpus
    assert gpu.shares_ram and gpu.integrated and gpu.total_bytes is None
    assert info.problems == ()


def test_a_driver_that_fails_at_the_memory_says_nothing_of_unified_memory(tmp_path: Path) -> None:
    info = probe_nvidia(fake_nvml(nvmlDeviceGetMemoryInfo=error("UNKNOWN")), tmp_path)
    (gpu,) = info.gpus
    assert gpu.total_bytes is None
    assert not gpu.shares_ram and not gpu.integrated


def test_mig_instances(tmp_path: Path) -> None:
    def part(handle: Any, index: int) -> str:
        if index > 1:
            raise error("NOT_FOUND")
        return f"mig{index}"

    nvml = fake_nvml(
        nvmlDeviceGetMigMode=[1, 1],
        nvmlDeviceGetMaxMigDeviceCount=7,
        nvmlDeviceGetMigDeviceHandleByIndex=part,
        nvmlDeviceGetUUID=lambda handle: f"MIG-{handle}",
    )
    (gpu,) = probe_nvidia(nvml, tmp_path).gpus
    assert gpu.mig_enabled is True
    assert [each.uuid for each in gpu.mig_instances] == ["MIG-mig0", "MIG-mig1"]


def test_the_driver_is_let_go_even_when_a_question_crashes(tmp_path: Path) -> None:
    closed: list[bool] = []
    nvml = fake_nvml(
        nvmlShutdown=lambda: closed.append(True), nvmlDeviceGetName=RuntimeError("bug")
    )
    with pytest.raises(RuntimeError):
        probe_nvidia(nvml, tmp_path)
    assert closed == [True]


def test_pci_bus_lists_gpus_of_the_three_makers_only(tmp_path: Path) -> None:
    adapter(tmp_path, "0000:00:02.0", "0x8086", "0x030000", "i915")
    adapter(tmp_path, "0000:03:00.0", "0x1002", "0x038000", "amdgpu")
    adapter(tmp_path, "0000:04:00.0", "0x1a03", "0x030000", "ast")  # a server's console
    adapter(tmp_path, "0000:00:1f.0", "0x8086", "0x060100")
    found = [(each.vendor, each.driver) for each in pci_gpus(tmp_path)]
    assert found == [("Intel", "i915"), ("AMD", "amdgpu")]
    assert pci_gpus(tmp_path / "nowhere") == []
