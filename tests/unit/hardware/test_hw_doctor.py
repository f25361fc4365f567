from __future__ import annotations

import string
from dataclasses import replace

import pytest

from desktop.core.engine.build import BACKEND_OPTIONS
from desktop.core.hardware.bandwidth import Bandwidth, Rate
from desktop.core.hardware.cpu import CpuInfo
from desktop.core.hardware.disk import DiskInfo
from desktop.core.hardware.doctor import examine
from desktop.core.hardware.doctor_words import WORDS
from desktop.core.hardware.facts import (
    Finding,
    LibraryFacts,
    RuntimeFacts,
    SecretsFacts,
    ServiceFacts,
)
from desktop.core.hardware.gpu import Gpu, GpuProcess, MigInstance
from desktop.core.hardware.host import Battery, HostInfo
from desktop.core.hardware.memory import MemoryInfo
from desktop.core.hardware.pci import PciGpu
from desktop.core.hardware.probe import Hardware
from desktop.core.hardware.sources import GIB, ProbeProblem

CPU = CpuInfo(
    "Test CPU", "x86_64", 8, 16, 16, usable_physical_cores=8, instruction_sets=("avx", "avx2")
)
RAM = MemoryInfo(32 * GIB, 24 * GIB, 32 * GIB, "ram", "ram", 8 * GIB, 0)
RATE = Bandwidth(45.0, (Rate(8, 45.0),), (), 128 << 20, True, 0.0, 90000.0, True)
DISK = DiskInfo("/m", 500 * GIB, 200 * GIB, "ext4", "/", False, True, None, False, False)
HOST = HostInfo("Linux", "6.8")
GOOD = Hardware(CPU, RAM, bandwidth=RATE, disks=(DISK,), host=HOST)
RTX = Gpu("RTX 4090", "cuda", 24 * GIB, 23 * GIB, used_bytes=GIB)
XTX = Gpu("AMD Radeon RX 7900 XTX", "rocm", 24 * GIB, 23 * GIB, vendor="AMD")
ARC = Gpu("Intel Arc B580", "sycl", 12 * GIB, None, vendor="Intel")
INSIDE = Gpu("AMD Radeon 610M", "rocm", 32 * GIB, None, shares_ram=True, integrated=True)
CPU_ENGINE = RuntimeFacts("bundled", "b6800", ["CPU"], [])
CUDA_ENGINE = RuntimeFacts("cuda", "b6800", ["CUDA", "CPU"], ["CUDA0: RTX 4090"])
LIBRARY = LibraryFacts(3, [], "/m")
SERVICE = ServiceFacts("running", url="http://127.0.0.1:8484", loaded_models=1)


def codes(findings: list[Finding]) -> dict[str, str]:
    return {each.code: each.severity for each in findings}


def test_a_healthy_machine_has_only_ok_findings() -> None:
    found = examine(
        replace(GOOD, gpus=(RTX,)),
        CUDA_ENGINE,
        LIBRARY,
        SERVICE,
        secrets_facts=SecretsFacts("keychain"),
    )
    assert set(codes(found).values()) == {"ok"}
    assert {"gpu_ready", "cpu_ok", "ram_ok", "bandwidth_ok", "disk_ok", "models_ok"} <= set(
        codes(found)
    )
    assert all(each.remedy == "" for each in found)


def test_the_engine_cannot_drive_the_gpu_comes_first_and_names_everything() -> None:
    hardware = replace(GOOD, gpus=(RTX, RTX), host=replace(HOST, power_saver="x"))
    first = examine(hardware, CPU_ENGINE, LIBRARY, SERVICE)[0]
    assert (first.code, first.severity) == ("gpu_engine_cannot_drive", "warning")
    assert "2 × RTX 4090" in first.detail
    assert "bundled" in first.detail
    assert "cuda" in first.remedy
    assert first.params["wanted"] == "cuda"


@pytest.mark.parametrize(
    ("gpu", "engine", "code"),
    [
        (RTX, RuntimeFacts("v", "1", ["Vulkan"], ["Vulkan0: RTX"]), "gpu_ready"),
        (RTX, RuntimeFacts("c", "1", ["CUDA"], []), "gpu_engine_does_not_see"),
        (RTX, RuntimeFacts("c", "1", ["CUDA"], ["CPU: x"]), "gpu_engine_does_not_see"),
        (RTX, RuntimeFacts("r", "1", ["ROCm"], []), "gpu_engine_cannot_drive"),
        (replace(RTX, backend="rocm"), RuntimeFacts("h", "1", ["HIP"], ["ROCm0: x"]), "gpu_ready"),
        (replace(RTX, backend="metal"), RuntimeFacts("m", "1", ["MTL"], ["MTL0: M3"]), "gpu_ready"),
        (replace(RTX, backend="metal"), CPU_ENGINE, "gpu_engine_without_metal"),
        (XTX, RuntimeFacts("v", "1", ["Vulkan"], ["Vulkan0: AMD Radeon RX 7900 XTX"]), "gpu_ready"),
        (XTX, CUDA_ENGINE, "gpu_engine_cannot_drive"),
        (ARC, RuntimeFacts("s", "1", ["SYCL"], ["SYCL0: Intel Arc B580"]), "gpu_ready"),
        (ARC, RuntimeFacts("v", "1", ["Vulkan"], []), "gpu_engine_does_not_see"),
        # Vulkan lists the other card only
        (ARC, RuntimeFacts("v", "1", ["Vulkan"], ["Vulkan0: RTX 4090"]), "gpu_engine_does_not_see"),
        (ARC, CPU_ENGINE, "gpu_engine_cannot_drive"),
    ],
)
def test_which_engine_drives_which_gpu(gpu: Gpu, engine: RuntimeFacts, code: str) -> None:
    found = codes(examine(replace(GOOD, gpus=(gpu,)), engine))
    assert {each for each in found if each in ("gpu_ready", code)} == {code}


@pytest.mark.parametrize(("gpu", "wanted"), [(RTX, "cuda"), (XTX, "vulkan"), (ARC, "vulkan")])
def test_the_backend_to_build_is_one_that_can_be_built(gpu: Gpu, wanted: str) -> None:
    first = examine(replace(GOOD, gpus=(gpu,)), CPU_ENGINE)[0]
    assert (first.code, first.params["wanted"]) == ("gpu_engine_cannot_drive", wanted)
    assert wanted in BACKEND_OPTIONS


def test_an_integrated_gpu_beside_a_card_that_is_driven_is_left_alone() -> None:
    hardware = replace(GOOD, gpus=(RTX, INSIDE))
    found = codes(examine(hardware, CUDA_ENGINE))
    assert found["gpu_integrated_idle"] == "ok" and "gpu_engine_cannot_drive" not in found
    # without an engine for the card both are told, the card as the loss it is
    told = [each for each in examine(hardware, CPU_ENGINE) if each.code.startswith("gpu_engine")]
    assert [(each.severity, each.params["gpu"]) for each in told] == [
        ("warning", RTX.name),
        ("info", INSIDE.name),
    ]


@pytest.mark.parametrize(
    ("gpu", "severity"),
    [
        (INSIDE, "info"),  # as slow as the CPU
        (replace(INSIDE, memory_bandwidth_gb_per_second=90.0), "info"),
        (replace(INSIDE, memory_bandwidth_gb_per_second=256.0), "warning"),  # Ryzen AI Max
        (replace(INSIDE, backend="metal", vendor="Apple"), "warning"),
        (replace(INSIDE, backend="cuda", vendor="NVIDIA"), "warning"),  # GB10
    ],
)
def test_an_unused_integrated_gpu_is_a_loss_where_it_is_fast(gpu: Gpu, severity: str) -> None:
    told = [e for e in examine(replace(GOOD, gpus=(gpu,)), CPU_ENGINE) if "engine" in e.code]
    assert [each.severity for each in told] == [severity]


def test_a_card_without_a_driver_is_worth_a_warning() -> None:
    card = PciGpu("AMD", "0x744c", "0000:03:00.0", None, "AMD Radeon RX 7900 XTX")
    (told,) = [
        e for e in examine(replace(GOOD, pci_gpus=(card,)), CPU_ENGINE) if "adapter" in e.code
    ]
    assert (told.code, told.severity) == ("gpu_adapter_without_driver", "warning")
    assert "AMD Radeon RX 7900 XTX at 0000:03:00.0, no driver" in told.detail
    # one that its driver describes is none
    described = replace(XTX, pci_bus_id="0000:03:00.0")
    found = codes(examine(replace(GOOD, gpus=(described,), pci_gpus=(card,)), CUDA_ENGINE))
    assert not any("adapter" in code for code in found)


def test_no_engine() -> None:
    assert codes(examine(GOOD, None))["engine_missing"] == "error"
    assert "engine_missing" not in codes(examine(GOOD, None, runtime_known=False))


def test_no_gpu_is_told_only_where_there_is_none() -> None:
    assert codes(examine(GOOD, CPU_ENGINE))["gpu_none"] == "info"
    problem = ProbeProblem("NVIDIA driver", "r", "m", "nvidia_version_mismatch")
    found = codes(examine(replace(GOOD, problems=(problem,)), CPU_ENGINE))
    assert "gpu_none" not in found
    assert found["nvidia_version_mismatch"] == "error"


def test_an_adapter_of_another_maker() -> None:
    adapter = PciGpu("Intel", "0xa780", "0000:00:02.0", "i915")
    hardware = replace(GOOD, pci_gpus=(adapter,))
    assert codes(examine(hardware, CPU_ENGINE))["gpu_adapter_unused"] == "info"
    vulkan = RuntimeFacts("v", "1", ["Vulkan"], ["Vulkan0: Intel"])
    assert "gpu_adapter_unused" not in codes(examine(hardware, vulkan))


def test_gpu_memory_held_by_others_and_mig() -> None:
    holder = GpuProcess(7, "blender", 9 * GIB)
    split = (MigInstance("MIG-1", GIB, GIB),)
    gpu = replace(
        RTX, used_bytes=10 * GIB, processes=(holder,), mig_enabled=True, mig_instances=split
    )
    found = examine(replace(GOOD, gpus=(gpu,)), CUDA_ENGINE)
    taken = next(each for each in found if each.code == "gpu_memory_taken")
    assert "blender (7): 9.0 GiB" in taken.detail
    assert codes(found)["gpu_mig"] == "info"


def test_container_without_gpu_nodes() -> None:
    promised = replace(HOST, container="docker", nvidia_visible_devices="all")
    assert codes(examine(replace(GOOD, host=promised)))["container_without_gpu"] == "warning"
    for value in ("void", "none", ""):
        nothing = replace(promised, nvidia_visible_devices=value)
        assert "container_without_gpu" not in codes(examine(replace(GOOD, host=nothing)))
    there = replace(promised, gpu_device_nodes=("/dev/nvidia0",))
    assert "container_without_gpu" not in codes(examine(replace(GOOD, host=there)))


@pytest.mark.parametrize(("value", "hidden"), [("", True), ("-1", True), ("0", False)])
def test_cuda_visible_devices(value: str, hidden: bool) -> None:
    hardware = replace(GOOD, gpus=(RTX,), host=replace(HOST, cuda_visible_devices=value))
    assert ("gpu_hidden" in codes(examine(hardware, CUDA_ENGINE))) == hidden


def test_cpu_findings() -> None:
    old = replace(CPU, instruction_sets=("avx",))
    assert codes(examine(replace(GOOD, cpu=old)))["cpu_no_avx2"] == "warning"
    unknown = replace(CPU, instruction_sets=())
    assert "cpu_no_avx2" not in codes(examine(replace(GOOD, cpu=unknown)))
    arm = replace(CPU, architecture="aarch64", instruction_sets=("neon",))
    assert codes(examine(replace(GOOD, cpu=arm)))["cpu_no_dotprod"] == "info"
    limited = replace(CPU, quota_cpus=2.0, quota_source="/sys/fs/cgroup/cpu.max")
    found = examine(replace(GOOD, cpu=limited))
    detail = next(each.detail for each in found if each.code == "cpu_limited")
    assert "2 of 16" in detail
    assert "/sys/fs/cgroup/cpu.max" in detail


def test_memory_findings() -> None:
    limited = replace(RAM, total_bytes=8 * GIB, available_bytes=6 * GIB, limited_by="/c/memory.max")
    found = examine(replace(GOOD, ram=limited))
    one = next(each for each in found if each.code == "ram_limited")
    assert one.severity == "warning"
    assert "8.0 GiB of 32.0 GiB" in one.detail
    assert "/c/memory.max" in one.detail
    slightly = replace(RAM, total_bytes=30 * GIB, limited_by="x")
    assert codes(examine(replace(GOOD, ram=slightly)))["ram_limited"] == "info"
    low = replace(RAM, available_bytes=GIB)
    assert codes(examine(replace(GOOD, ram=low)))["ram_low"] == "warning"
    assert codes(examine(replace(GOOD, ram=low), None, None, SERVICE))["ram_low"] == "info"
    assert not {"ram_ok", "ram_low"} & set(codes(examine(replace(GOOD, ram=None))))


def test_swap_matters_only_while_a_model_is_loaded() -> None:
    swapping = replace(GOOD, ram=replace(RAM, swap_used_bytes=2 * GIB))
    assert codes(examine(swapping, None, None, SERVICE))["swap_in_use"] == "warning"
    assert "swap_in_use" not in codes(examine(swapping, None, None, ServiceFacts("stopped")))


@pytest.mark.parametrize(
    ("rate", "cores", "virtual", "code", "severity"),
    [
        (18.0, 8, False, "bandwidth_low", "warning"),
        (18.0, 8, True, "bandwidth_low_virtual", "info"),
        (18.0, 2, False, "bandwidth_ok", "ok"),
        (60.0, 64, False, "bandwidth_low", "warning"),
        (300.0, 64, False, "bandwidth_ok", "ok"),
    ],
)
def test_bandwidth(rate: float, cores: int, virtual: bool, code: str, severity: str) -> None:
    hardware = replace(
        GOOD,
        cpu=replace(CPU, usable_physical_cores=cores, virtual_machine=virtual),
        bandwidth=replace(RATE, gb_per_second=rate),
    )
    found = examine(hardware)
    assert codes(found)[code] == severity
    detail = next(each.detail for each in found if each.code == code)
    assert f"{rate:.1f} GB/s" in detail
    if code == "bandwidth_low":
        assert "suspicion" in detail


def test_a_bandwidth_out_of_the_caches_is_not_called_good() -> None:
    found = codes(examine(replace(GOOD, bandwidth=replace(RATE, beyond_caches=False))))
    assert found["bandwidth_in_cache"] == "info"
    assert "bandwidth_ok" not in found


def test_power() -> None:
    host = replace(HOST, power_saver="the governor", battery=Battery(40, False))
    found = codes(examine(replace(GOOD, host=host)))
    assert found["power_saver"] == found["on_battery"] == "warning"
    for plugged in (True, None):
        host = replace(HOST, battery=Battery(40, plugged))
        assert "on_battery" not in codes(examine(replace(GOOD, host=host)))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"max_file_bytes": 4 * GIB, "filesystem": "vfat"}, "disk_fat"),
        ({"is_network": True, "filesystem": "nfs4"}, "disk_network"),
        ({"is_in_memory": True, "filesystem": "tmpfs"}, "disk_in_memory"),
        ({"free_bytes": GIB}, "disk_low"),
        ({"writable": False}, "models_folder_not_writable"),
    ],
)
def test_the_models_disk(changes: dict[str, object], code: str) -> None:
    bad = replace(DISK, **changes)  # type: ignore[arg-type]
    found = codes(examine(replace(GOOD, disks=(bad,)), None, LIBRARY))
    assert found[code] in ("warning", "error")
    # The same fault of another folder's disk is no fault of the models'.
    other = replace(bad, folder="/other", mount_point="/other")
    assert code not in codes(examine(replace(GOOD, disks=(other, DISK)), None, LIBRARY))


def test_the_librarys_own_reason_and_full_other_disks() -> None:
    other = replace(DISK, folder="/data", mount_point="/data", free_bytes=1 << 20)
    refused = LibraryFacts(0, [], "/m", "The quota is used up.")
    found = examine(replace(GOOD, disks=(DISK, other)), None, refused)
    reason = next(each for each in found if each.code == "models_folder_not_writable")
    assert "quota" in reason.detail
    assert codes(found)["disk_full_data"] == "warning"
    assert codes(found)["models_none"] == "info"


def test_broken_models_are_named_up_to_five() -> None:
    names = [f"m{number}" for number in range(7)]
    found = examine(GOOD, None, LibraryFacts(9, names, "/m"))
    detail = next(each.detail for each in found if each.code == "models_broken")
    assert detail == "7 of 9: m0, m1, m2, m3, m4 and more."


@pytest.mark.parametrize(
    ("state", "severity"),
    [
        ("running", "ok"),
        ("stopped", "ok"),
        ("unreachable", "error"),
        ("other_host", "error"),
        ("other_version", "warning"),
    ],
)
def test_service(state: str, severity: str) -> None:
    facts = ServiceFacts(state, detail="why")  # type: ignore[arg-type]
    found = codes(examine(GOOD, None, None, facts))
    assert found["service_ok" if state == "running" else f"service_{state}"] == severity


@pytest.mark.parametrize(
    ("backend", "code", "severity"),
    [
        ("keychain", "secrets_ok", "ok"),
        ("file", "secrets_file", "info"),
        ("none", "secrets_none", "warning"),
    ],
)
def test_secrets(backend: str, code: str, severity: str) -> None:
    facts = SecretsFacts(backend, "KWallet")  # type: ignore[arg-type]
    found = examine(GOOD, None, secrets_facts=facts)
    assert codes(found)[code] == severity
    assert any("(KWallet)" in each.detail for each in found)


def test_problems_of_the_probe_are_told_and_worst_comes_first() -> None:
    problems = (
        ProbeProblem("battery", "no answer", "none"),
        ProbeProblem("GPU 0", "lost", "restart", "nvidia_gpu_lost"),
    )
    found = examine(replace(GOOD, problems=problems), CPU_ENGINE)
    assert (found[0].title, found[0].severity) == ("GPU 0", "error")
    assert codes(found)["probe_failed"] == "info"
    order = ["error", "warning", "info", "ok"]
    ranks = [order.index(each.severity) for each in found]
    assert ranks == sorted(ranks)


def test_values_with_braces_are_no_format_fields() -> None:
    found = examine(GOOD, None, LibraryFacts(1, ["{oops}"], "/m"))
    assert any("{oops}" in each.detail for each in found)


def test_every_text_is_filled_from_params() -> None:
    """No finding above is left without words; here: no word asks for a field by position."""
    for code, words in WORDS.items():
        for text in words:
            fields = [name for _, name, _, _ in string.Formatter().parse(text) if name is not None]
            assert all(name.isidentifier() for name in fields), code
        assert words[0], code
