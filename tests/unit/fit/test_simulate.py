"""Machines described in a line: what they have, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.core.errors import AppError, ErrorCode
from desktop.core.fit.estimate import GIB, HOST
from desktop.core.fit.simulate import (
    ASSUMED_RAM_GB_PER_SECOND,
    SYSTEM_BYTES,
    GpuRoom,
    find_gpu,
    machine_of,
    machine_speeds,
    parse_machine,
    seeded_speeds,
)
from desktop.core.fit.speed import Speeds
from desktop.core.hardware.cpu import fallback_cpu
from desktop.core.hardware.gpu import Gpu
from desktop.core.hardware.known import known_gpus
from desktop.core.hardware.memory import MemoryInfo
from desktop.core.hardware.probe import Hardware
from desktop.core.hardware.sources import ProbeProblem


def test_ram_and_a_known_gpu() -> None:
    machine = parse_machine("ram=32,gpu=RTX_4090")
    assert machine.simulated and machine.gpu is not None
    assert machine.ram_bytes == 32 * GIB - SYSTEM_BYTES
    assert machine.gpu.description == "GeForce RTX 4090"
    assert machine.gpu.available_bytes == 24 * GIB
    assert machine.gpu.bandwidth_gb_per_second == 1008
    assert machine.ram_gb_per_second == ASSUMED_RAM_GB_PER_SECOND
    assert [each.name for each in machine.available] == ["GPU0", HOST]


@pytest.mark.parametrize(
    ("text", "vram_gib", "bandwidth"),
    [
        ("ram=64, vram=48, gpu=rtx 4090", 48, 1008),  # a modified card
        ("ram=32,vram=24", 24, None),
        ("RAM=16GB,VRAM=8 GiB", 8, None),
        ("ram=32,vram=12,gpu=RTX 3060", 12, 360),
        ("ram=32,vram=8,gpu=NVIDIA GeForce RTX 3060", 8, 240),
        ("ram=32,gpu=rtx-4060-ti-16gb", 16, 288),
        ("ram=32,vram=8,gpu=4060ti", 8, 288),
        ("ram=32,gpu=RTX4090", 24, 1008),
        ("ram=32,gpu=Radeon RX 7900 XTX", 24, 960),
    ],
)
def test_a_gpu_by_its_memory_by_its_name_or_both(
    text: str, vram_gib: float, bandwidth: float | None
) -> None:
    machine = parse_machine(text)
    assert machine.gpu is not None
    assert machine.gpu.available_bytes == vram_gib * GIB
    assert machine.gpu.bandwidth_gb_per_second == bandwidth


def test_a_machine_without_a_gpu() -> None:
    machine = parse_machine("ram=0.5")
    assert machine.gpu is None and machine.ram_bytes == 0
    assert [each.name for each in machine.available] == [HOST]


def test_unified_memory_is_the_ram_and_counts_once() -> None:
    machine = parse_machine("ram=64,gpu=M4 Max")
    assert machine.gpu is not None and machine.gpu.unified
    assert machine.gpu.available_bytes == 48 * GIB
    assert machine.gpu.bandwidth_gb_per_second == 546
    assert machine.ram_gb_per_second == pytest.approx(0.6 * 546)  # the CPU cores' share
    with pytest.raises(AppError) as caught:
        parse_machine("ram=64,vram=48,gpu=M4 Max")
    assert caught.value.code is ErrorCode.SIMULATION_INVALID


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ram",
        "ram=",
        "=32",
        "ram=32,,vram=24",
        "ram=32;vram=24",
        "ram=0",
        "ram=-32",
        "ram=nan",
        "ram=inf",
        "ram=1e9",
        "ram=32,vram=0",
        "ram=32,vram=-1",
        "ram=lots",
        "ram=32,ram=64",
        "ram=32,cpu=9950X",
        "vram=24",
        "gpu=RTX 4090",
        "ram=32,gpu=Radeon 780M (iGPU),vram=8",
    ],
)
def test_what_describes_no_machine_is_refused_with_the_reason(text: str) -> None:
    with pytest.raises(AppError) as caught:
        parse_machine(text)
    assert caught.value.code is ErrorCode.SIMULATION_INVALID
    assert len(caught.value.cause) > 10


@pytest.mark.parametrize(
    ("name", "close"),
    [
        ("RTX 4060 Ti", ["GeForce RTX 4060 Ti 16GB", "GeForce RTX 4060 Ti 8GB"]),
        ("4060ti", ["GeForce RTX 4060 Ti 16GB", "GeForce RTX 4060 Ti 8GB"]),
        ("4090 super", ["GeForce RTX 4090", "GeForce RTX 4090 Laptop"]),
        ("RTX 40900", []),
        ("Voodoo 2", []),
        ("nvidia", []),
    ],
)
def test_an_unknown_or_unclear_gpu_is_refused_with_those_that_come_close(
    name: str, close: list[str]
) -> None:
    with pytest.raises(AppError) as caught:
        find_gpu(name, known_gpus().gpus)
    assert caught.value.code is ErrorCode.GPU_UNKNOWN
    for each in close:
        assert each in caught.value.cause
    if not close:
        assert "Nothing" in caught.value.cause


def test_every_known_gpu_is_found_by_its_own_name() -> None:
    gpus = known_gpus().gpus
    for gpu in gpus:
        assert find_gpu(gpu.name, gpus, gpu.memory_gb) == gpu
        assert find_gpu(gpu.name.replace(" ", "_").lower(), gpus, gpu.memory_gb) == gpu


@given(st.text(alphabet="ramvgpu=,.0123456789 _-xX", max_size=40))
def test_any_text_is_a_machine_or_a_plain_refusal(text: str) -> None:
    try:
        machine = parse_machine(text)
    except AppError as error:
        assert error.code in (ErrorCode.SIMULATION_INVALID, ErrorCode.GPU_UNKNOWN)
    else:
        assert machine.ram_bytes >= 0
        assert machine.gpu is None or machine.gpu.available_bytes > 0


def _hardware(*gpus: Gpu, ram: bool = True) -> Hardware:
    memory = MemoryInfo(64 * GIB, 40 * GIB, 64 * GIB, "ram", "ram", 0, 0)
    return Hardware(
        cpu=fallback_cpu(),
        ram=memory if ram else None,
        gpus=gpus,
        problems=() if ram else (ProbeProblem("memory", "no /proc here", ""),),
    )


def test_speeds_are_seeded_from_what_others_measured_of_the_same_device() -> None:
    speeds = seeded_speeds(parse_machine("ram=32,gpu=RTX 3090"))
    assert set(speeds.devices) == {"GPU0", HOST}
    assert all(each.source == "seed_table" for each in speeds.devices.values())
    slower = seeded_speeds(parse_machine("ram=32,gpu=RTX 3060 12GB"))
    assert slower.devices["GPU0"].memory[0][1] > speeds.devices["GPU0"].memory[0][1]
    # nothing is known of a GPU that only has a size
    assert set(seeded_speeds(parse_machine("ram=32,vram=24")).devices) == {HOST}


def test_what_was_calibrated_here_comes_before_what_others_measured() -> None:
    machine = parse_machine("ram=32,gpu=RTX 3090")
    seeded = seeded_speeds(machine)
    own = replace(seeded.devices[HOST], source="calibrated", device="this CPU")
    mixed = machine_speeds(machine, Speeds({HOST: own}))
    assert mixed.devices[HOST] is own
    assert mixed.devices["GPU0"] == seeded.devices["GPU0"]
    gpu = replace(seeded.devices["GPU0"], source="calibrated", device="this GPU")
    assert machine_speeds(machine, Speeds({"CUDA0": gpu})).devices["GPU0"] is gpu


def test_this_machine_is_what_is_free_now_on_its_gpu() -> None:
    card = Gpu("NVIDIA GeForce RTX 3060", "cuda", 12 * GIB, 11 * GIB)
    machine = machine_of(_hardware(card))
    assert not machine.simulated and machine.ram_bytes == 40 * GIB
    assert machine.gpu is not None and machine.gpu.available_bytes == 11 * GIB
    assert machine.gpu.known is not None and machine.gpu.known.name == "GeForce RTX 3060 12GB"
    assert (machine.gpu.bandwidth_gb_per_second, machine.gpu.count) == (360, 1)
    assert machine_of(_hardware()).gpu is None


def test_several_gpus_are_one_as_the_engine_uses_them() -> None:
    fast = Gpu("NVIDIA GeForce RTX 4090", "cuda", 24 * GIB, 24 * GIB)
    slow = Gpu("NVIDIA GeForce RTX 3060", "cuda", 12 * GIB, 12 * GIB)
    inside = Gpu("AMD Radeon 610M", "rocm", 60 * GIB, 60 * GIB, shares_ram=True, integrated=True)
    unknown = Gpu("A card of tomorrow", "cuda", 12 * GIB, 12 * GIB)

    def gpu(*gpus: Gpu) -> GpuRoom:
        found = machine_of(_hardware(*gpus)).gpu
        assert found is not None
        return found

    twice = gpu(fast, fast)
    assert (twice.count, twice.description) == (2, "2 × NVIDIA GeForce RTX 4090")
    assert twice.available_bytes == 47 * GIB  # less the margin of the second
    assert twice.bandwidth_gb_per_second == pytest.approx(1008)
    mixed = gpu(fast, slow)
    assert mixed.description == "NVIDIA GeForce RTX 4090 + NVIDIA GeForce RTX 3060"
    # two thirds at 1008 GB/s, one third at 360: the times add up
    assert mixed.bandwidth_gb_per_second == pytest.approx(36 / (24 / 1008 + 12 / 360))
    assert mixed.known is not None and mixed.known.name == "GeForce RTX 3060 12GB"
    assert gpu(fast, unknown).bandwidth_gb_per_second is None
    assert gpu(inside, slow) == gpu(slow)  # the integrated one is larger, and left alone
    assert gpu(inside).unified


def test_what_was_calibrated_is_of_one_card_and_not_of_two_that_differ() -> None:
    fast = Gpu("NVIDIA GeForce RTX 4090", "cuda", 24 * GIB, 24 * GIB)
    slow = Gpu("NVIDIA GeForce RTX 3060", "cuda", 12 * GIB, 12 * GIB)
    own = replace(seeded_speeds(machine_of(_hardware(fast))).devices["GPU0"], source="calibrated")
    kept = Speeds({"CUDA0": own})
    for gpus, source in (((fast, fast), "calibrated"), ((fast, slow), "seed_table")):
        found = machine_speeds(machine_of(_hardware(*gpus)), kept)
        assert found.devices["GPU0"].source == source


def test_a_machine_whose_memory_cannot_be_read_is_told() -> None:
    with pytest.raises(AppError) as caught:
        machine_of(_hardware(ram=False))
    assert caught.value.code is ErrorCode.PROBE_FAILED
    assert "no /proc here" in caught.value.cause
