"""What calibration measures: small synthetic models, each there to show one thing.

All differ from the reference in one respect, so that what it costs can be told apart: many narrow
layers show the cost of a layer, a cache with tokens in it that of attention (heads of 64, 128 and
256 numbers, and heads of which more share their keys and values or fewer), other types that of
their unpacking, larger models what the memory gives when no cache holds them. Three more models, of
other shapes and types, are only predicted: how well that works is the honest part of the band.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from desktop.core.gguf.synthetic import SyntheticModel

REFERENCE_TYPE = "Q4_K"
MEMORY_TYPE = "Q8_0"  # so quickly unpacked that it shows what the memory takes
# In the order of how much there is of them in the world's files.
CPU_TYPES = (
    *("Q4_K", "Q6_K", "Q8_0", "Q5_K", "Q4_0", "F16", "Q3_K", "IQ4_XS", "Q2_K", "MXFP4", "IQ3_S"),
    *("IQ3_XXS", "IQ2_XXS", "IQ4_NL", "Q5_0", "BF16", "IQ2_S", "IQ2_XS", "Q5_1", "Q4_1", "IQ1_S"),
)
GPU_TYPES = CPU_TYPES[:13]
_COMMON = CPU_TYPES[:8]
# Four layers with so much in their caches are beyond the CPU's nearer ones, as real models are: two
# layers with 1,024 tokens took little more than half as long for each as ten did (EPYC, q8_0).
KV_DEPTH = 768
_MB = 1_000_000

Role = Literal["type", "layers", "depth", "experts", "memory", "check"]


@dataclass(frozen=True)
class Point:
    """One model with one type of cache, at one depth; at 0 as well where that is another."""

    name: str
    role: Role
    model: SyntheticModel
    depth: int = 0
    kv_type: str = "f16"
    rare: bool = False  # its prompt is measured once

    @property
    def decode_only(self) -> bool:
        """A prompt reads the weights once for many tokens, and the memory plays no part."""
        return self.role == "memory"


@dataclass(frozen=True)
class CalibrationPlan:
    """The points in the order of their weight, which is that of a round, and how long each is
    worked on."""

    points: tuple[Point, ...]
    prompt_tokens: int
    gen_tokens: int
    repetitions: int = 1  # more rounds are worth more than more repetitions of one

    @property
    def disk_bytes(self) -> int:
        return sum(model.size_bytes for model in {point.model for point in self.points})


def plan(*, gpu: bool, free_bytes: int, largest_cache_bytes: int = 0) -> CalibrationPlan:
    """What to measure.

    Args:
        gpu: the device is a GPU: models must be larger to keep it busy.
        free_bytes: memory of the device that may be used; large models stay below a quarter.
        largest_cache_bytes: the CPU's last-level cache: the large models go beyond it.
    """
    k = REFERENCE_TYPE
    base = SyntheticModel(k, *((2, 4096, 11008, 32, 8) if gpu else (3, 1536, 4096, 12, 4)))
    narrow = SyntheticModel(k, 16, 512, 1536, 8, 4)
    attends = SyntheticModel(k, 4, 512, 1024, 16, 4)
    points = [
        Point("narrow layers", "layers", SyntheticModel(k, 24, 256, 768, 4, 2)),
        Point("narrow", "layers", narrow),
        Point("middle", "layers", SyntheticModel(k, 8, 1024, 2816, 16, 4)),
        Point(f"type {k}", "type", base),
        *(
            Point(
                f"depth {kind}, {model.heads}/{model.kv_heads} heads of {model.head_dim}",
                *("depth", model, KV_DEPTH, kind),
            )
            for kind in ("f16", "q8_0")
            for model in (
                replace(attends, heads=16, kv_heads=4, head_length=64),
                replace(attends, heads=16, kv_heads=4, head_length=128),
                replace(attends, heads=16, kv_heads=8, head_length=128),
                replace(attends, heads=8, kv_heads=4, head_length=256),
            )
        ),
    ]
    memory = replace(base, type_name=MEMORY_TYPE)
    for size in _memory_sizes(memory, free_bytes, largest_cache_bytes):
        model = replace(memory, layers=max(1, round(size / memory.size_bytes * memory.layers)))
        points.append(Point(f"memory {model.size_bytes // _MB} MB", "memory", model))
    types = [kind for kind in (GPU_TYPES if gpu else CPU_TYPES) if kind != k]
    points += [
        Point("few experts", "experts", SyntheticModel(k, 3, 1024, 1024, 16, 4, 512, 8, 2)),
        Point("many experts", "experts", SyntheticModel(k, 3, 1024, 512, 16, 4, 512, 32, 8)),
        Point("experts Q8_0", "experts", SyntheticModel("Q8_0", 3, 1024, 1024, 16, 4, 512, 8, 2)),
        Point("check Q5_K", "check", SyntheticModel("Q5_K", 4, 1536, 4096, 12, 4, 8192)),
        Point("check Q8_0", "check", SyntheticModel("Q8_0", 8, 768, 2048, 12, 4, 8192)),
        Point("check Q6_K", "check", SyntheticModel("Q6_K", 3, 2048, 5632, 16, 4, 8192)),
        *(
            Point(f"type {kind}", "type", replace(base, type_name=kind), rare=kind not in _COMMON)
            for kind in types
        ),
    ]
    if gpu:
        return CalibrationPlan(tuple(points), 512, 64)
    return CalibrationPlan(tuple(points), 256, 32)


def _memory_sizes(base: SyntheticModel, free_bytes: int, cache_bytes: int) -> list[int]:
    """A third of a type's model, about the largest cache's size, and well beyond it."""
    own, most = base.size_bytes, free_bytes // 4
    beyond = min(max(400 * _MB, round(2.2 * cache_bytes)), 1200 * _MB)
    sizes = [own // 3, round((own * beyond) ** 0.5), beyond]
    return [size for size in sizes if size < most and not own <= size < 2 * own]
