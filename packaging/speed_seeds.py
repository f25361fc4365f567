"""Fit the figures a machine starts with before it was calibrated: resources/known/speed_seeds.json.

    uv run python packaging/speed_seeds.py

Reads `speeds.json` and `gpus.json` beside it, whose rows keep their sources, and fits for each kind
of backend the two parameters of ENGINE.md, "Speed": a generated token takes

    bytes read / (eta × bandwidth) + c × layers   (+ c of experts × layers)

and a prompt token takes 2 × active parameters / (share × the device's FP16 figure). Devices with
rows of their own also get how they differ from their kind. The spreads are those of the rows about
what was fitted. `desktop/core/fit/speed_seed.py` reads the result.
"""

from __future__ import annotations

import json
import math
import re
import statistics
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from desktop.core.hardware.known import (  # noqa: E402
    KnownGpu,
    KnownSpeed,
    known_gpus,
    known_speeds,
)

TARGET = ROOT / "resources" / "known" / "speed_seeds.json"

# Layers, and the share of the weights one token reads (1 where there are no experts).
# Source: the models' config.json and cards at huggingface.co; gpt-oss: 3.6 of 20.9 and 5.1 of 116.8
# billion parameters are active, Qwen3-30B-A3B: 3.35 of 30.5.
SHAPES: dict[str, tuple[int, float]] = {
    "LLaMA 7B": (32, 1.0),
    "Llama 2 7B": (32, 1.0),
    "Llama 3 8B": (32, 1.0),
    "Llama 3 70B": (80, 1.0),
    "Llama 3.1 8B": (32, 1.0),
    "Llama 3.2 1B": (16, 1.0),
    "Llama 3.2 3B": (28, 1.0),
    "Mistral 7B v0.3": (32, 1.0),
    "Qwen2.5 14B": (48, 1.0),
    "Qwen2.5-Coder 7B": (28, 1.0),
    "Qwen3 1.7B": (28, 1.0),
    "Qwen3 4B": (36, 1.0),
    "Qwen3 8B": (36, 1.0),
    "Qwen3 14B": (40, 1.0),
    "Qwen3 32B": (64, 1.0),
    "Gemma 3 4B": (34, 1.0),
    "Gemma 3 27B": (62, 1.0),
    "gpt-oss 20B": (24, 3.6 / 20.9),
    "gpt-oss 120B": (36, 5.1 / 116.8),
    "Qwen3 30B-A3B": (48, 3.35 / 30.53),
    "Qwen3-Coder 30B-A3B": (48, 3.35 / 30.53),
}
FEWEST_ROWS = 8
SMALLEST_SPREAD = 0.15  # a few rows that agree are not yet a narrow band
KINDS = {
    "cuda": "cuda",
    "metal": "metal",
    "vulkan": "vulkan",
    "vulkan+fa": "vulkan",
    "hip": "hip",
    "rocm": "hip",
    "hip+wmma+fa": "hip",
    "hip/vulkan": "hip",
    "cpu": "cpu",
}
_TOKEN = re.compile(r"[a-z0-9+]+")
_NOISE = {"nvidia", "geforce", "amd", "radeon", "intel", "gpu", "gddr5", "igpu", "ryzen"}


@dataclass(frozen=True)
class Row:
    """A published speed with what the fit needs of it."""

    speed: KnownSpeed
    kind: str
    device: str
    layers: int
    active: float
    gpu: KnownGpu | None

    @property
    def bytes_read(self) -> float:
        return float(self.speed.size_bytes or 0) * self.active

    @property
    def bandwidth(self) -> float:
        return float(self.speed.bandwidth_gb_per_second or 0) * 1e9

    @property
    def moe(self) -> bool:
        return self.active < 1


def tokens(name: str) -> frozenset[str]:
    return frozenset(_TOKEN.findall(name.lower().replace("-", " "))) - _NOISE


def plain_device(name: str) -> str:
    """Without core counts and memory sizes: what a driver calls it does not hold them."""
    name = re.sub(r"\b(\d+)[- ]?(c|Core GPU)\b.*", "", name)
    name = re.sub(r"\b\d+ ?GB\b", "", name)
    return re.sub(r"\(\s*\)", "", name).strip()


def find(name: str, gpus: Sequence[KnownGpu]) -> KnownGpu | None:
    """The device whose name's words are all in `name`; the one with most of them."""
    words = tokens(name)
    fitting = [gpu for gpu in gpus if tokens(re.sub(r"\b\d+GB\b", "", gpu.name)) <= words]
    return max(fitting, key=lambda gpu: len(tokens(gpu.name)), default=None)


def rows_of(speeds: Sequence[KnownSpeed], gpus: Sequence[KnownGpu]) -> list[Row]:
    """The rows that can be used: known shape, known kind, all of the model on the device."""
    found = []
    for speed in speeds:
        kind = KINDS.get(speed.backend)
        shape = SHAPES.get(speed.model)
        if kind is None or shape is None or "offload" in speed.notes or not speed.size_bytes:
            continue
        device = plain_device(speed.device)
        gpu = None if kind == "cpu" else find(device, gpus)
        found.append(Row(speed, kind, device, shape[0], shape[1], gpu))
    return found


def solve(matrix: Sequence[Sequence[float]]) -> list[float]:
    """Costs, none negative, that make each row's sum nearest to 1."""
    values = np.array(matrix)
    scale = np.abs(values).max(axis=0)
    scale[scale == 0] = 1
    active = [i for i in range(values.shape[1]) if np.abs(values[:, i]).max() > 0]
    costs = np.zeros(values.shape[1])
    while active:
        found, *_ = np.linalg.lstsq(values[:, active] / scale[active], np.ones(len(values)))
        if found.min() >= 0:
            costs[active] = found / scale[active]
            break
        del active[int(found.argmin())]
    return [float(cost) for cost in costs]


def fit_decode(rows: Sequence[Row]) -> tuple[float, float, float]:
    """1/eta, c and c of experts, from rows with a bandwidth."""
    matrix = []
    for row in rows:
        seconds = 1 / float(row.speed.decode_tokens_per_second or 1)
        units = (row.bytes_read / row.bandwidth, row.layers, row.layers if row.moe else 0)
        matrix.append([unit / seconds for unit in units])
    inverse, layer, moe = solve(matrix)
    return inverse, layer, moe


def predicted(row: Row, fitted: tuple[float, float, float]) -> float:
    inverse, layer, moe = fitted
    seconds = row.bytes_read / row.bandwidth * inverse + layer * row.layers
    return 1 / (seconds + (moe * row.layers if row.moe else 0))


def spread(errors: Sequence[float]) -> float:
    """The half band that holds 9 of 10 of the rows, as a part of the value."""
    ranked = sorted(abs(error) for error in errors)
    return math.expm1(ranked[min(len(ranked) - 1, int(0.9 * len(ranked)))]) if ranked else 0.5


def shrunk(errors: Sequence[float]) -> float:
    """A device's own difference: one row says half of what many would, because its model and its
    build play a part too."""
    return statistics.median(errors) * len(errors) / (len(errors) + 1)


def left_out(rows: Sequence[Row], errors: Sequence[float]) -> list[float]:
    """Each row's error when only its device's other rows are known."""
    found = []
    for index, row in enumerate(rows):
        others = [
            error
            for at, error in enumerate(errors)
            if rows[at].device == row.device and at != index
        ]
        if others:
            found.append(errors[index] - shrunk(others))
    return found


def effective_tflops(row: Row) -> float:
    rate = float(row.speed.prefill_tokens_per_second or 0)
    return rate * 2 * float(row.speed.parameters or 0) * row.active / 1e12


def build() -> dict[str, Any]:
    gpus = known_gpus().gpus
    rows = rows_of(known_speeds().speeds, gpus)
    kinds: dict[str, Any] = {}
    devices: dict[tuple[str, str], dict[str, Any]] = {}
    for kind in sorted({row.kind for row in rows}):
        decode = [
            row
            for row in rows
            if row.kind == kind and row.bandwidth and row.speed.decode_tokens_per_second
        ]
        if len(decode) < FEWEST_ROWS:  # CPUs: `speed_seed.py` says what stands in for a fit
            continue
        fitted = fit_decode(decode)
        errors = [
            math.log(float(row.speed.decode_tokens_per_second or 1) / predicted(row, fitted))
            for row in decode
        ]
        prefill = [row for row in rows if row.kind == kind and row.speed.prefill_tokens_per_second]
        shares = [
            effective_tflops(row) / row.gpu.fp16_tflops
            for row in prefill
            if row.gpu is not None and row.gpu.fp16_tflops and not row.moe
        ]
        kinds[kind] = {
            "rows": len(decode),
            "eta": round(1 / fitted[0], 4),
            # To a picosecond a layer: the last bits differ from one processor to another.
            "layer_seconds": round(fitted[1], 12),
            "moe_layer_seconds": round(fitted[2], 12),
            "decode_spread": round(spread(errors), 3),
            "own_rows_spread": round(max(SMALLEST_SPREAD, spread(left_out(decode, errors))), 3),
            "mean_error": round(statistics.fmean(abs(math.expm1(e)) for e in errors), 3),
            "prefill_share_of_fp16": round(statistics.median(shares), 4) if shares else None,
            "prefill_spread": round(
                spread([math.log(s / statistics.median(shares)) for s in shares]), 3
            )
            if shares
            else None,
            "sources": sorted({row.speed.source for row in decode}),
        }
        by_device: dict[str, list[float]] = defaultdict(list)
        for row, error in zip(decode, errors, strict=True):
            by_device[row.device].append(error)
        for device, found in by_device.items():
            devices[device, kind] = {
                "device": device,
                "kind": kind,
                "rows": len(found),
                "decode_factor": round(math.exp(shrunk(found)), 4),
            }
        for device in {row.device for row in prefill}:
            own = [effective_tflops(r) for r in prefill if r.device == device and not r.moe]
            if own:
                entry = devices.setdefault(
                    (device, kind), {"device": device, "kind": kind, "rows": 0}
                )
                entry["prefill_tflops"] = round(statistics.median(own), 3)
    return {
        "date": known_speeds().collected.isoformat(),
        "kinds": kinds,
        "devices": sorted(devices.values(), key=lambda each: (each["kind"], each["device"])),
    }


def main() -> int:
    seeds = build()
    text = json.dumps(seeds, indent=1, ensure_ascii=False) + "\n"
    TARGET.write_text(text, "utf-8")
    for kind, found in seeds["kinds"].items():
        print(
            f"{kind:7s} {found['rows']:4d} rows  eta {found['eta']:.2f}  "
            f"c {found['layer_seconds'] * 1e6:.0f} us  "
            f"experts {found['moe_layer_seconds'] * 1e6:.0f} us  "
            f"mean error {found['mean_error']:.1%}  band ±{found['decode_spread']:.0%}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
