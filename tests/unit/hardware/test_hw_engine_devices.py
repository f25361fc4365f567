from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from desktop.core.engine.runtime import EngineDevice, parse_devices
from desktop.core.hardware.amd import amd_gpus
from desktop.core.hardware.apple import apple_gpu
from desktop.core.hardware.cpu import fallback_cpu
from desktop.core.hardware.cpu_text import parse_sysctl
from desktop.core.hardware.engine_devices import own_memory, with_engine_devices
from desktop.core.hardware.gpu import Gpu
from desktop.core.hardware.memory import MemoryInfo
from desktop.core.hardware.probe import Hardware
from desktop.core.hardware.sources import GIB
from tests.unit.hardware.sysfs import DATA, sysfs

MIB = 1 << 20


def listed(name: str) -> tuple[EngineDevice, ...]:
    return parse_devices((DATA / f"{name}.txt").read_bytes())


def machine(ram_gib: int, available_gib: int, *gpus: Gpu) -> Hardware:
    whole = ram_gib * GIB
    ram = MemoryInfo(whole, available_gib * GIB, whole, "ram", "ram", 0, 0)
    return Hardware(fallback_cpu(), ram, gpus)


@pytest.mark.parametrize(
    ("name", "integrated"),
    [
        ("documented_devices_strix_halo_vulkan", [True]),
        ("documented_devices_strix_halo_rocm", [True]),
        ("documented_devices_two_cuda", [False, False]),
        ("handmade_devices_ryzen_and_rx7900xtx", [False, True]),
        ("handmade_devices_m4_max", [False]),
    ],
)
def test_which_of_the_engines_devices_are_integrated(name: str, integrated: list[bool]) -> None:
    assert [device.integrated for device in listed(name)] == integrated


def test_vulkans_own_word_comes_before_the_name() -> None:
    line = b"  Vulkan0: Radeon 780M (9 MiB, 8 MiB free)\n"
    (device,) = parse_devices(b"ggml_vulkan: 0 = Radeon 780M (x) | uma: 0 | fp16\n" + line)
    assert not device.integrated
    (device,) = parse_devices(line)
    assert device.integrated


def test_metals_working_set_is_the_size_of_an_apple_gpu() -> None:
    values = parse_sysctl((DATA / "sysctl_m3_pro_handwritten.txt").read_text("utf-8"))
    before = machine(128, 100)
    assert before.ram is not None
    gpu = apple_gpu({**values, "machdep.cpu.brand_string": "Apple M4 Max"}, "arm64", before.ram)
    assert gpu is not None and gpu.total_bytes == 96 * GIB and gpu.total_is_estimate
    (told,) = with_engine_devices(
        replace(before, gpus=(gpu,)), listed("handmade_devices_m4_max")
    ).gpus
    assert (told.total_bytes, told.total_is_estimate) == (110100 * MIB, False)
    assert told.free_bytes == 100 * GIB  # what others left of the RAM
    assert told.engine_device == "MTL0"


@pytest.mark.parametrize(
    ("name", "total_mib", "device"),
    [
        ("documented_devices_strix_halo_vulkan", 85716, "Vulkan0"),
        ("documented_devices_strix_halo_rocm", 131072, "ROCm0"),
    ],
)
def test_what_the_engine_can_use_of_an_apu(
    tmp_path: Path, name: str, total_mib: int, device: str
) -> None:
    root = sysfs(tmp_path, "documented_sysfs_strix_halo_gtt96")
    before = machine(123, 60)
    gpus = amd_gpus(root, before.ram).gpus
    (told,) = with_engine_devices(replace(before, gpus=gpus), listed(name)).gpus
    assert (told.engine_device, told.total_bytes) == (device, total_mib * MIB)
    assert told.free_bytes == 64 * GIB  # 60 of the RAM and 4 of its own
    assert own_memory(listed(name), lambda: gpus) == {device: 4 * GIB}


def test_what_the_firmware_set_aside_where_nobody_tells() -> None:
    def refused() -> list[Gpu]:
        raise PermissionError(13, "Permission denied")

    inside = listed("documented_devices_strix_halo_vulkan")
    assert own_memory(inside, refused) == {}
    assert own_memory(inside, list) == own_memory(inside) == {}  # no such GPU in this machine
    assert own_memory(listed("documented_devices_two_cuda"), refused) == {}  # nobody is asked


def test_a_card_keeps_its_drivers_figures_and_each_gets_its_own_name(tmp_path: Path) -> None:
    gpus = amd_gpus(sysfs(tmp_path, "handmade_sysfs_ryzen_and_rx7900xtx")).gpus
    before = machine(64, 50, *reversed(gpus))  # whatever the order
    inside, card = with_engine_devices(before, listed("handmade_devices_ryzen_and_rx7900xtx")).gpus
    assert (card.engine_device, card.total_bytes) == ("Vulkan0", gpus[0].total_bytes)
    assert card.free_bytes == gpus[0].free_bytes
    assert (inside.engine_device, inside.total_bytes) == ("Vulkan1", 32512 * MIB)


def test_two_alike_are_named_in_the_order_of_the_bus(tmp_path: Path) -> None:
    gpus = amd_gpus(sysfs(tmp_path, "handmade_sysfs_two_rx7900xtx")).gpus
    devices = [
        EngineDevice(f"ROCm{index}", "AMD Radeon RX 7900 XTX", "hip", 24560 * MIB, 24000 * MIB)
        for index in range(2)
    ]
    named = with_engine_devices(machine(64, 50, *gpus), devices).gpus
    assert [gpu.engine_device for gpu in named] == ["ROCm0", "ROCm1"]


def test_a_free_size_no_driver_tells_comes_from_the_engine() -> None:
    arc = Gpu("Intel Arc B580", "sycl", 12 * GIB, None, vendor="Intel")
    device = EngineDevice("SYCL0", "Intel Arc B580 Graphics", "sycl", 11600 * MIB, 11000 * MIB)
    (told,) = with_engine_devices(machine(32, 20, arc), [device]).gpus
    assert (told.total_bytes, told.free_bytes) == (12 * GIB, 11000 * MIB)


def test_gpus_only_the_engine_knows_are_added_and_remote_ones_are_not() -> None:
    devices = (
        *listed("documented_devices_two_cuda"),
        EngineDevice("RPC0", "127.0.0.1:50052", "rpc", GIB, GIB),
    )
    first, second = with_engine_devices(machine(64, 50), devices).gpus
    assert (first.backend, first.vendor, first.engine_device) == ("cuda", "NVIDIA", "CUDA0")
    assert (first.total_bytes, first.free_bytes) == (11909 * MIB, 11650 * MIB)
    assert first.memory_bandwidth_gb_per_second == 912.4
    assert (second.name, second.known_as) == ("NVIDIA RTX PRO 4000 Blackwell SFF Edition", None)


@pytest.mark.parametrize(("total", "free"), [(0, 0), (-5, -5), (1 << 60, 1 << 60), (GIB, 1 << 60)])
def test_an_engines_nonsense_is_not_believed(total: int, free: int) -> None:
    apu = Gpu("Radeon 780M", "rocm", 8 * GIB, 7 * GIB, shares_ram=True, integrated=True)
    device = EngineDevice("Vulkan0", "Radeon 780M", "vulkan", total, free, True)
    (told,) = with_engine_devices(machine(16, 4, replace(apu, vendor="AMD")), [device]).gpus
    assert told.total_bytes == (GIB if total == GIB else 8 * GIB)
    assert told.free_bytes is not None and 0 <= told.free_bytes <= told.total_bytes
