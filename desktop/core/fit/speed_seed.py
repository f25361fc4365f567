"""What a device's speed is taken for before it was calibrated: from what others measured.

`resources/known/speed_seeds.json` holds the fits (`packaging/speed_seeds.py`); bandwidth and
compute come from the table of known devices, a CPU's bandwidth from a measurement of its memory.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from desktop.core.fit.speed import DeviceSpeed, unpacking_of
from desktop.core.gguf.tensor_types import TENSOR_TYPES
from desktop.core.hardware.known import KnownGpu
from desktop.core.paths import resources

# 2- and 3-bit types and i-quants are unpacked slower than the memory gives them: an RTX 5080 reads
# 569 GB/s of a Q2_K file and 695 of the same model's Q4_0 (speeds.json, user-submitted rows).
_SLOW_TO_UNPACK = 1.22
_SLOW_TYPES = re.compile(r"IQ[123]|Q[123]_|TQ")
# A CPU reads 0.70 of its memory's theoretical bandwidth and takes 120 µs a layer: Ryzen 7 7840HS
# with DDR5-5600, three models of speeds.json. That 0.85 of the theory can be measured is assumed.
_CPU_ETA = 0.70 / 0.85
_CPU_LAYER_SECONDS = 120e-6
# Billions of operations per second and core while a prompt is read, from the prefill figures of
# speeds.json: Ryzen AI Max+ 395 (16 cores) 248, Ryzen 7 7840HS 167, Apple M4 Max 105, Core Ultra 7
# 155H 37, EPYC 7352 27. For CPUs without any of these sets it is an assumption.
_GFLOPS_PER_CORE = {"avx512": 170.0, "avx2": 35.0, "neon": 80.0, "": 15.0}
_CPU_SPREADS = (0.5, 1.0)
# Attention of a generated token: 77 ns a head of 128 numbers and cell on 2 cores of a Xeon with
# AVX-512 (llama.cpp 0c1e570, three models, depths of 1,024 and 4,096); an EPYC took 30 to 60.
_CPU_ATTENTION_SECONDS_PER_HEAD_AND_CORE = 1.54e-7
_MACS_PER_HEAD = 2 * 128
# PCI Express 4.0 with 16 lanes moves 25 GB/s of its 31.5; the many with 8 lanes or 3.0 half of it.
_COPY_SECONDS_PER_BYTE = 1 / 12e9
# A multiplication of a prompt's attention takes longer than one of its matrices: on the same Xeon
# 22 against 6 ps. For GPUs it is an assumption.
_ATTENTION_FACTOR = 3.0
_MAKERS = frozenset({"nvidia", "geforce", "amd", "radeon", "intel", "gpu", "graphics"})
_UNIFIED = frozenset({"metal"})
_KINDS = {"rocm": "hip", "sycl": "vulkan"}


@dataclass(frozen=True)
class Seeds:
    """The fits of one file, and the day their rows were collected."""

    date: str
    kinds: Mapping[str, Mapping[str, Any]]
    devices: Mapping[tuple[str, str], Mapping[str, Any]]


@cache
def seeds() -> Seeds:
    """The shipped fits."""
    data = json.loads((resources() / "known" / "speed_seeds.json").read_text("utf-8"))
    devices = {(_plain(each["device"]), each["kind"]): each for each in data["devices"]}
    return Seeds(data["date"], data["kinds"], devices)


def _plain(name: str) -> str:
    """A device's name without its maker, its size and separators."""
    name = re.sub(r"\b\d+ ?gb\b|\(r\)|\(tm\)|[()]", "", name.casefold())
    words = re.findall(r"[a-z0-9+]+", name)
    return " ".join(word for word in words if word not in _MAKERS)


def gpu_seed(
    backend: str,
    name: str,
    *,
    bandwidth_gb_per_second: float | None,
    fp16_tflops: float | None = None,
) -> DeviceSpeed | None:
    """A GPU's figures; None where its kind or its bandwidth is not known.

    Args:
        backend: the engine's ("cuda", "metal", "vulkan", "hip", "rocm", "sycl").
        name: as the driver or the table calls it.
    """
    kind = _KINDS.get(backend, backend)
    fitted = seeds().kinds.get(kind)
    if fitted is None or not bandwidth_gb_per_second:
        return None
    own = seeds().devices.get((_plain(name), kind), {})
    factor = float(own.get("decode_factor", 1.0))
    per_byte = 1 / (float(fitted["eta"]) * bandwidth_gb_per_second * 1e9 * factor)
    tflops = own.get("prefill_tflops")
    prefill_spread = 0.3 if tflops else float(fitted["prefill_spread"] or 1.0)
    if tflops is None:
        share = fitted["prefill_share_of_fp16"]
        # Without a figure of compute: what devices of this bandwidth have (20 TFLOPS at 400 GB/s).
        tflops = share * fp16_tflops if share and fp16_tflops else bandwidth_gb_per_second / 20
        prefill_spread = prefill_spread if fp16_tflops else 1.0
    per_mac = 2 / (float(tflops) * 1e12)
    spread = "own_rows_spread" if own.get("decode_factor") else "decode_spread"
    return DeviceSpeed(
        build="",
        backend=backend,
        device=name,
        memory=((1.0, per_byte),),
        decode=_unpacking(per_byte),
        prefill=dict.fromkeys(_TYPES, per_mac),
        layer=float(fitted["layer_seconds"]) / factor,
        moe_layer=float(fitted["moe_layer_seconds"]) / factor,
        prefill_attention={"f16": per_mac * _ATTENTION_FACTOR},
        copy=0.0 if kind in _UNIFIED else _COPY_SECONDS_PER_BYTE,
        spread_decode=float(fitted[spread]),
        spread_prefill=prefill_spread,
        source="seed_table",
        note=f"{fitted['rows']} published speeds, {own.get('rows', 0)} of this device, "
        f"collected {seeds().date}",
    )


def known_gpu_seed(gpu: KnownGpu, backend: str) -> DeviceSpeed | None:
    """The same from a row of the table of known devices."""
    return gpu_seed(
        backend,
        gpu.name,
        bandwidth_gb_per_second=gpu.bandwidth_gb_per_second,
        fp16_tflops=gpu.fp16_tflops,
    )


def backend_of(vendor: str) -> str:
    """The backend a vendor's devices usually run on."""
    return {"nvidia": "cuda", "apple": "metal"}.get(vendor.casefold(), "vulkan")


def cpu_seed(
    name: str,
    *,
    bandwidth_gb_per_second: float,
    cores: int,
    instruction_sets: tuple[str, ...] = (),
    architecture: str = "",
) -> DeviceSpeed:
    """A CPU's figures from its measured (or assumed) memory bandwidth and its cores."""
    per_byte = 1 / (_CPU_ETA * bandwidth_gb_per_second * 1e9)
    sets = set(instruction_sets)
    if any(each.startswith("avx512") for each in sets):
        vectors = "avx512"
    elif "avx2" in sets:
        vectors = "avx2"
    elif architecture.lower() in ("aarch64", "arm64"):
        vectors = "neon"
    else:
        vectors = ""
    per_mac = 2 / (_GFLOPS_PER_CORE[vectors] * max(1, cores) * 1e9)
    per_head = _CPU_ATTENTION_SECONDS_PER_HEAD_AND_CORE / max(1, cores)
    return DeviceSpeed(
        build="",
        backend="cpu",
        device=name,
        memory=((1.0, per_byte),),
        decode=_unpacking(per_byte),
        prefill=dict.fromkeys(_TYPES, per_mac),
        layer=_CPU_LAYER_SECONDS,
        attention={"f16": per_head / _MACS_PER_HEAD},
        prefill_attention={"f16": per_mac * _ATTENTION_FACTOR},
        spread_decode=_CPU_SPREADS[0],
        spread_prefill=_CPU_SPREADS[1],
        source="seed_table",
        note=f"the memory's bandwidth and published speeds of other CPUs, {seeds().date}",
    )


_TYPES = tuple(kind.name for kind in TENSOR_TYPES.values())


def _unpacking(per_byte: float) -> dict[str, float]:
    """Nothing where the memory alone explains the speed."""
    slow = unpacking_of(per_byte * _SLOW_TO_UNPACK, per_byte)
    return {kind: slow if _SLOW_TYPES.match(kind) else 0.0 for kind in _TYPES}
