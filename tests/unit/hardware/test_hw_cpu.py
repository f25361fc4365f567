"""CPU: the x86 cpuinfo was recorded on a virtual AMD EPYC; files named `handwritten` were not
recorded but written after the formats' documentation and published examples."""

from __future__ import annotations

import os
import struct
import sys
from pathlib import Path

import pytest

from desktop.core.hardware import cpu, cpu_text
from desktop.core.hardware.cpu_windows import cpu_from

DATA = Path(__file__).parents[2] / "data" / "hardware"


def machine(root: Path, cpuinfo: str, siblings: list[str], **files: str) -> Path:
    """A root folder of a Linux machine; `siblings[n]`: the CPUs that share CPU n's core."""
    proc, cpus = root / "proc", root / "sys/devices/system/cpu"
    proc.mkdir(parents=True, exist_ok=True)
    (proc / "cpuinfo").write_text((DATA / cpuinfo).read_text())
    for number, shared in enumerate(siblings):
        topology = cpus / f"cpu{number}/topology"
        topology.mkdir(parents=True)
        (topology / "core_cpus_list").write_text(shared)
    (cpus / "online").write_text(f"0-{len(siblings) - 1}")
    for name, text in files.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_recorded_x86(tmp_path: Path) -> None:
    root = machine(tmp_path, "cpuinfo_x86_recorded.txt", ["0", "1"])
    for number in (0, 1):
        for index, (level, size, shared) in enumerate(
            [(1, "48K", str(number)), (2, "1024K", str(number)), (3, "32768K", "0-1")]
        ):
            cache = root / f"sys/devices/system/cpu/cpu{number}/cache/index{index}"
            cache.mkdir(parents=True)
            (cache / "level").write_text(str(level))
            (cache / "size").write_text(size)
            (cache / "shared_cpu_list").write_text(shared)
    info = cpu.linux_cpu(root, affinity=None, machine="x86_64")
    assert info.name == "AMD EPYC"
    assert (info.physical_cores, info.logical_cores, info.usable_cpus) == (2, 2, 2)
    assert info.virtual_machine
    assert {"avx2", "fma", "f16c", "avx512f", "avx512_vnni", "avx512_bf16"} <= set(
        info.instruction_sets
    )
    assert "amx_int8" not in info.instruction_sets
    assert info.last_level_cache_bytes == 32 << 20  # one cache that both CPUs share
    assert (info.performance_cores, info.efficiency_cores) == (None, None)


def test_old_x86_has_no_avx2_and_a_readable_name() -> None:
    text = (DATA / "cpuinfo_x86_no_avx2_handwritten.txt").read_text()
    name, sets, virtual = cpu_text.parse_cpuinfo(text)
    assert name == "Intel Core i5-3570K CPU @ 3.40GHz"
    assert sets == ("avx", "f16c")
    assert not virtual


def test_arm_names_come_from_part_numbers() -> None:
    text = (DATA / "cpuinfo_arm_biglittle_handwritten.txt").read_text()
    name, sets, _ = cpu_text.parse_cpuinfo(text)
    assert name == "Cortex-A55 + Cortex-A76"
    assert sets == ("neon", "fp16", "dotprod")
    name, sets, _ = cpu_text.parse_cpuinfo(
        (DATA / "cpuinfo_arm_graviton3_handwritten.txt").read_text()
    )
    assert name == "Neoverse V1"
    assert set(sets) == {"neon", "fp16", "dotprod", "i8mm", "bf16", "sve"}
    assert cpu_text.parse_cpuinfo("CPU implementer: 0x99\nCPU part: 0x1")[0] == "ARM 0x99/0x1"
    assert cpu_text.parse_cpuinfo("") == ("", (), False)


def test_arm_capacities_tell_the_kinds(tmp_path: Path) -> None:
    base = "sys__devices__system__cpu"
    root = machine(
        tmp_path,
        "cpuinfo_arm_biglittle_handwritten.txt",
        ["0", "1", "2"],
        **{
            f"{base}__cpu0__cpu_capacity": "280",
            f"{base}__cpu1__cpu_capacity": "870",
            f"{base}__cpu2__cpu_capacity": "1024",
        },
    )
    info = cpu.linux_cpu(root, affinity=None, machine="aarch64")
    assert (info.performance_cores, info.efficiency_cores) == (2, 1)


def test_equal_capacities_are_one_kind() -> None:
    assert cpu_text.split_by_capacity({0: 1024, 1: 1024}) is None
    assert cpu_text.split_by_capacity({}) is None


def test_intel_hybrid_counts_physical_cores(tmp_path: Path) -> None:
    root = machine(
        tmp_path,
        "cpuinfo_x86_recorded.txt",
        ["0-1", "0-1", "2-3", "2-3", "4", "5"],
        sys__devices__cpu_core__cpus="0-3",
        sys__devices__cpu_atom__cpus="4-5",
    )
    info = cpu.linux_cpu(root, affinity={0, 1, 4}, machine="x86_64")
    assert (info.physical_cores, info.logical_cores) == (4, 6)
    assert (info.performance_cores, info.efficiency_cores) == (2, 2)
    assert info.usable_cpus == 3
    assert info.usable_physical_cores == 2


@pytest.mark.parametrize(("quota", "usable"), [("150000 100000", 1), ("50000 100000", 1)])
def test_a_quota_is_rounded_down_to_at_least_one(tmp_path: Path, quota: str, usable: int) -> None:
    root = machine(
        tmp_path,
        "cpuinfo_x86_recorded.txt",
        ["0", "1"],
        proc__self__cgroup="0::/app",
        proc__self__mountinfo=(DATA / "mountinfo_v2_handwritten.txt").read_text(),
        **{"sys__fs__cgroup__app__cpu.max": quota},
    )
    info = cpu.linux_cpu(root, affinity=None, machine="x86_64")
    assert info.usable_cpus == usable
    assert info.usable_physical_cores == usable
    assert info.quota_source == "/sys/fs/cgroup/app/cpu.max"


def test_an_empty_root_still_gives_a_count(tmp_path: Path) -> None:
    info = cpu.linux_cpu(tmp_path, affinity=None)
    assert info.name == "unknown"
    assert info.physical_cores is None
    assert info.logical_cores == (os.cpu_count() or 1)


def test_apple_silicon() -> None:
    values = cpu_text.parse_sysctl((DATA / "sysctl_m3_pro_handwritten.txt").read_text())
    info = cpu.mac_cpu(values, "arm64")
    assert info.name == "Apple M3 Pro"
    assert (info.performance_cores, info.efficiency_cores, info.physical_cores) == (5, 6, 11)
    assert info.instruction_sets == ("neon", "fp16", "dotprod", "i8mm", "bf16")
    assert info.last_level_cache_bytes == 16 << 20
    assert not info.virtual_machine


def test_intel_mac() -> None:
    values = cpu_text.parse_sysctl((DATA / "sysctl_intel_mac_handwritten.txt").read_text())
    info = cpu.mac_cpu(values, "x86_64")
    assert (info.physical_cores, info.logical_cores) == (6, 12)
    assert {"avx", "avx2", "fma", "f16c"} <= set(info.instruction_sets)
    assert info.efficiency_cores is None
    assert info.last_level_cache_bytes == 12 << 20


def windows_core(efficiency: int, mask: int) -> bytes:
    """One record of GetLogicalProcessorInformationEx, laid out by hand after winnt.h."""
    head = struct.pack("<IIBB20xH", 0, 48, 0, efficiency, 1)
    return head + struct.pack("<QH6x", mask, 0)


def test_windows_cores_and_flags() -> None:
    buffer = windows_core(1, 0b11) + windows_core(1, 0b1100) + windows_core(0, 0b10000)
    cores = cpu_text.windows_cores(buffer)
    assert cores == [(1, 2), (1, 2), (0, 1)]
    info = cpu_from("Intel(R)  Core", "AMD64", {39, 40}, cores, 4)
    assert (info.physical_cores, info.logical_cores, info.usable_cpus) == (3, 5, 4)
    assert (info.performance_cores, info.efficiency_cores) == (2, 1)
    assert info.instruction_sets == ("avx", "avx2", "f16c", "fma")
    arm = cpu_from("Snapdragon", "ARM64", {19, 43, 66}, [(0, 1)], None)
    assert arm.instruction_sets == ("neon", "dotprod", "i8mm")
    assert arm.efficiency_cores is None


@pytest.mark.parametrize("cut", [0, 5, 31, 47, 60])
def test_a_cut_off_windows_buffer_is_no_crash(cut: int) -> None:
    assert len(cpu_text.windows_cores((windows_core(0, 1) * 2)[:cut])) == cut // 48


@pytest.mark.skipif(sys.platform != "linux", reason="asks this Linux machine")
def test_this_machine_agrees_with_python() -> None:
    info = cpu.probe_cpu()
    assert info.affinity_cpus == len(os.sched_getaffinity(0))
    assert 1 <= info.usable_cpus <= info.logical_cores
    assert info.name != "unknown"
