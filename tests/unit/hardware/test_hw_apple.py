from __future__ import annotations

import pytest

from desktop.core.hardware.apple import accelerator, apple_gpu, working_set_bytes
from desktop.core.hardware.cpu import mac_cpu
from desktop.core.hardware.cpu_text import parse_sysctl
from desktop.core.hardware.memory import MemoryInfo
from desktop.core.hardware.sources import GIB
from tests.unit.hardware.sysfs import DATA

RAM = MemoryInfo(36 * GIB, 20 * GIB, 36 * GIB, "ram", "ram", 0, 0)
M3 = parse_sysctl((DATA / "sysctl_m3_pro_handwritten.txt").read_text("utf-8"))
IOREG = (DATA / "handmade_ioreg_m3_pro.txt").read_text("utf-8")


@pytest.mark.parametrize(
    ("ram_gib", "printed_mb"),
    [
        (16, 10922.67),  # M1 Pro: github.com/abetlen/llama-cpp-python/issues/687
        (32, 21845.34),  # M1 Max: github.com/ggml-org/llama.cpp/pull/2011
        (64, 49152.00),  # M1 Max: github.com/ggml-org/llama.cpp/issues/1870
        (96, 73728.00),  # M2 Max: github.com/ggml-org/llama.cpp/issues/3213
    ],
)
def test_the_share_metal_keeps_is_what_it_printed_on_real_macs(
    ram_gib: int, printed_mb: float
) -> None:
    assert working_set_bytes(ram_gib * GIB) / (1 << 20) == pytest.approx(printed_mb, abs=0.7)


def test_an_apple_chip() -> None:
    gpu = apple_gpu(M3, "arm64", RAM, IOREG)
    assert gpu is not None
    assert (gpu.name, gpu.backend, gpu.vendor, gpu.cores) == ("Apple M3 Pro", "metal", "Apple", 18)
    assert (gpu.total_bytes, gpu.free_bytes) == (24 * GIB, 20 * GIB)
    assert gpu.shares_ram and gpu.integrated and gpu.total_is_estimate
    cpu = mac_cpu(M3, "arm64")
    assert (cpu.performance_cores, cpu.efficiency_cores) == (5, 6)


def test_a_limit_that_was_set_counts_up_to_the_ram() -> None:
    raised = apple_gpu({**M3, "iogpu.wired_limit_mb": "32768"}, "arm64", RAM)
    assert raised is not None
    assert (raised.total_bytes, raised.total_is_estimate) == (32 * GIB, False)
    absurd = apple_gpu({**M3, "iogpu.wired_limit_mb": "99999999"}, "arm64", RAM)
    assert absurd is not None and absurd.total_bytes == 36 * GIB


@pytest.mark.parametrize("value", ["0", "", "-4", "nonsense"])
def test_no_limit_or_nonsense_is_the_systems_own_share(value: str) -> None:
    gpu = apple_gpu({"iogpu.wired_limit_mb": value}, "arm64", RAM)
    assert gpu is not None
    assert (gpu.name, gpu.total_bytes, gpu.total_is_estimate) == ("Apple GPU", 24 * GIB, True)


@pytest.mark.parametrize("text", ["", '"gpu-core-count" = 0', '"gpu-core-count" = many', "\0"])
def test_cores_nobody_tells(text: str) -> None:
    gpu = apple_gpu(M3, "arm64", RAM, text)
    assert gpu is not None and gpu.cores is None


def test_an_intel_mac_has_none() -> None:
    assert apple_gpu(M3, "x86_64", RAM) is None
    assert accelerator() == "" or '"' in accelerator()  # asked of a Mac only
