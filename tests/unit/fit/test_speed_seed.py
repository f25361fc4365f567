"""Speeds before any calibration: fitted to published rows by a script, looked up by device."""

from __future__ import annotations

import importlib.util
import json
import sys
from types import ModuleType

import pytest

from desktop.core.fit import speed_seed
from desktop.core.fit.speed import SpeedFigure, Speeds, together
from desktop.core.fit.speed_work import Work, work_of
from desktop.core.gguf.from_dims import Dims, shape_from_dims
from desktop.core.hardware.known import known_gpus, known_speeds
from tests.architecture.tree import ROOT


@pytest.fixture(scope="module")
def script() -> ModuleType:
    where = ROOT / "packaging" / "speed_seeds.py"
    spec = importlib.util.spec_from_file_location("speed_seeds_script", where)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["speed_seeds_script"] = module
    spec.loader.exec_module(module)
    return module


def test_what_ships_is_what_the_script_makes(script: ModuleType) -> None:
    shipped = json.loads(script.TARGET.read_text("utf-8"))
    assert script.build() == shipped


def test_every_fit_names_its_sources_and_its_error() -> None:
    for kind, fitted in speed_seed.seeds().kinds.items():
        assert fitted["sources"], kind
        assert fitted["rows"] >= 8
        assert fitted["mean_error"] < 0.2
        assert fitted["decode_spread"] >= fitted["mean_error"]
        assert 0.3 < fitted["eta"] <= 1.0


LLAMA_7B = Dims(
    "llama",
    32,
    4096,
    32,
    32_000,
    3_825_000_000,
    feed_forward=11_008,
    quant_type="Q4_0",
    parameters=6_740_000_000,
)


def work(device: str) -> Work:
    shape = shape_from_dims(LLAMA_7B)
    assert shape is not None
    return work_of(shape, layers_on={} if device == "CPU" else {device: 99})


def seeded(name: str, backend: str) -> SpeedFigure:
    gpu = next(gpu for gpu in known_gpus().gpus if gpu.name == name)
    speed = speed_seed.known_gpu_seed(gpu, backend)
    assert speed is not None
    found = Speeds({"GPU0": speed, "CPU": speed}).decode(work("GPU0"))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("name", "backend", "published"),
    [
        ("GeForce RTX 4090", "cuda", 186.21),
        ("GeForce RTX 3090", "cuda", 158.16),
        ("Apple M1 Max", "metal", 61.19),
        ("Apple M4 Max", "metal", 83.06),
        ("Radeon RX 7900 XTX", "vulkan", 182.63),
    ],
)
def test_a_published_speed_lies_in_its_devices_band(
    name: str, backend: str, published: float
) -> None:
    assert published in {row.decode_tokens_per_second for row in known_speeds().speeds}
    found = seeded(name, backend)
    assert found.low <= published <= found.high
    assert found.source == "seed_table"


def test_a_device_without_rows_of_its_own_has_a_wider_band() -> None:
    own, other = seeded("GeForce RTX 4090", "cuda"), seeded("GeForce RTX 4070 SUPER", "cuda")
    assert other.high / other.low > own.high / own.low


def test_a_laptops_gpu_is_not_taken_for_the_desktops() -> None:
    assert "0 of this device" in seed_note("GeForce RTX 4090 Laptop")
    assert "0 of this device" not in seed_note("GeForce RTX 4090")
    # what a driver calls it finds the same rows
    assert "0 of this device" not in seed_note("NVIDIA GeForce RTX 4090")


def seed_note(name: str) -> str:
    found = speed_seed.gpu_seed("cuda", name, bandwidth_gb_per_second=1008.0, fp16_tflops=82.6)
    assert found is not None
    return found.note


def test_without_bandwidth_or_kind_there_is_no_figure() -> None:
    assert speed_seed.gpu_seed("cuda", "GeForce RTX 4090", bandwidth_gb_per_second=None) is None
    assert speed_seed.gpu_seed("cann", "Ascend 910", bandwidth_gb_per_second=1000.0) is None


def test_a_cpu_goes_by_its_measured_bandwidth() -> None:
    # Ryzen 7 7840HS with DDR5-5600 in two channels: 89.6 GB/s in theory, Llama 3.2 1B 68 tok/s.
    speed = speed_seed.cpu_seed(
        "Ryzen 7 7840HS", bandwidth_gb_per_second=76.0, cores=8, instruction_sets=("avx512f",)
    )
    shape = shape_from_dims(
        Dims(
            "llama",
            16,
            2048,
            32,
            128_256,
            805_000_000,
            n_kv_heads=8,
            feed_forward=8192,
            parameters=1_240_000_000,
            tied=True,
        )
    )
    assert shape is not None
    speeds = Speeds({"CPU": speed})
    decode, prefill = speeds.decode(work_of(shape)), speeds.prefill(work_of(shape))
    assert decode is not None
    assert prefill is not None
    assert decode.low < 68.24 < decode.high
    assert prefill.low < 493.8 < prefill.high


def test_more_bandwidth_and_more_cores_are_faster() -> None:
    def at(gb: float, cores: int) -> tuple[float, float]:
        seed = speed_seed.cpu_seed("x", bandwidth_gb_per_second=gb, cores=cores)
        speeds = Speeds({"CPU": seed})
        decode, prefill = speeds.decode(work("CPU")), speeds.prefill(work("CPU"))
        assert decode is not None
        assert prefill is not None
        return decode.value, prefill.value

    assert at(80, 8)[0] > 1.8 * at(40, 8)[0]
    assert at(40, 16)[1] > 1.5 * at(40, 8)[1]


def test_two_bit_types_are_slower_than_their_size_says() -> None:
    seed = speed_seed.cpu_seed("x", bandwidth_gb_per_second=50, cores=4)
    (_, memory), *_ = seed.memory
    assert together(seed.decode["IQ2_XXS"], memory) == pytest.approx(memory * 1.22)
    assert together(seed.decode["Q2_K"], memory) == pytest.approx(memory * 1.22)
    assert together(seed.decode["Q4_K"], memory) == pytest.approx(memory)
