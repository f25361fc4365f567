"""How a GPU is told in one line."""

from __future__ import annotations

import pytest

from desktop.cli.machine import gpu_line
from desktop.core.hardware.gpu import Gpu

GIB = 1 << 30


@pytest.mark.parametrize(
    ("gpu", "line"),
    [
        (
            Gpu("NVIDIA GeForce RTX 4090", "cuda", 24 * GIB, 22 * GIB),
            "NVIDIA GeForce RTX 4090 (cuda), 24.0 GiB, 22.0 GiB free",
        ),
        (
            Gpu(
                "Apple M3 Pro",
                "metal",
                24 * GIB,
                20 * GIB,
                shares_ram=True,
                integrated=True,
                total_is_estimate=True,
                cores=18,
            ),
            "Apple M3 Pro (metal, built into the processor, 18 cores), "
            "about 24.0 GiB of the RAM, 20.0 GiB free",
        ),
        (
            Gpu("Intel Arc B580", "sycl", None, None),
            "Intel Arc B580 (sycl), its memory is not known",
        ),
        (Gpu("Intel Arc B580", "sycl", 12 * GIB, None), "Intel Arc B580 (sycl), 12.0 GiB"),
    ],
)
def test_a_gpu_in_a_line(gpu: Gpu, line: str) -> None:
    assert gpu_line(gpu) == line
