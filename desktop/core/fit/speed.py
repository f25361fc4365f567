"""How fast a model will run: predicted tokens per second, always with a band.

A generated token takes, on each device that holds a part of the model,

    Σ over types (bytes read × seconds per byte) + c × layers + attention(depth)

and a prompt token takes multiplications × seconds each instead of the bytes. The parts of several
devices work one after the other, so their times add up. The seconds per byte of a type follow from
what its unpacking takes and from what the memory takes, which depends on how much is gone through
for a token, because caches hold small models. Both happen at the same time, so that the larger
counts, and a little more where they are alike (`together`).

ENGINE.md, "Speed": with two parameters per machine 78 published runs came within 2 to 9 %, with the
best single factor within 3 to 18 %. Here the parameters come from calibration (`speed_calibrate`),
else from published measurements (`speed_seed`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from itertools import pairwise
from typing import Any, Literal

from desktop.core.fit.speed_work import Portion, Work
from desktop.core.gguf.tensor_types import TENSOR_TYPES

SpeedSource = Literal["seed_table", "calibrated", "measured"]

_WIDER_FOR_HYBRIDS = 0.15  # recurrent layers: their own steps are not calibrated
_WIDER_FOR_OTHER_TYPES = 0.15  # a type that was not measured takes its neighbour's figure
_VERSION = 4
# How nearly reading and unpacking hide each other: seven types in models of 7 and of 400 MB, on an
# EPYC with 32 MB of cache, were within 10 % of the sixth root of the sum of sixth powers; their sum
# is 60 % too much for Q8_0, and the larger alone 12 % too little where they are alike.
_OVERLAP = 6.0
_SMALLEST_BATCH = 32  # of tokens for which the engine sends weights to the GPU (ggml's own limit)

# The types by how they are unpacked; one that was not measured takes its family's figure.
_FAMILIES: tuple[tuple[str, ...], ...] = (
    ("F32",),
    ("F16", "BF16"),
    ("Q8_0", "Q8_1", "Q8_K"),
    ("Q4_0", "Q4_1", "Q5_0", "Q5_1", "IQ4_NL", "MXFP4", "NVFP4"),
    ("Q4_K", "Q5_K", "Q6_K", "IQ4_XS"),
    ("Q3_K", "Q2_K", "Q2_0", "Q1_0", "TQ1_0", "TQ2_0"),
    ("IQ3_S", "IQ3_XXS", "IQ2_S", "IQ2_XS", "IQ2_XXS", "IQ1_S", "IQ1_M"),
)
_BYTES_PER_WEIGHT = {kind.name: kind.block_bytes / kind.block for kind in TENSOR_TYPES.values()}


@dataclass(frozen=True)
class SpeedFigure:
    """Tokens per second with a band, and where the figure comes from."""

    value: float
    low: float
    high: float
    source: SpeedSource

    def to_dict(self) -> dict[str, Any]:
        return {"value": self.value, "low": self.low, "high": self.high, "source": self.source}

    def corrected(self, factor: float, spread: float) -> SpeedFigure:
        """Multiplied by what real runs showed, with their spread (of the logarithm) as band."""
        return figure(self.value * factor, spread, self.source)


def figure(value: float, spread: float, source: SpeedSource) -> SpeedFigure:
    """A figure whose band is `spread` wide on each side, as a part of the value (0.1: ± 10 %)."""
    return SpeedFigure(value, value / (1 + spread), value * (1 + spread), source)


@dataclass(frozen=True)
class DeviceSpeed:
    """What one device takes for each unit of work, in seconds, with one build of the engine.

    Attributes:
        build: the engine's version and commit.
        device: the CPU's or GPU's name.
        memory: (bytes gone through for a token, seconds per byte), ascending.
        decode: seconds per byte that unpacking takes, by type.
        memory_share: of types that are read faster than `memory` says, the part they take of it.
        layer, moe_layer: seconds per layer, and more for one with experts, for a generated token.
        attention: seconds per multiplication for one cell of the cache, by the cache's type and
            the numbers per head ("f16@128"), or by the type alone: heads of 128 take more than
            twice what heads of 64 do.
        attention_byte: seconds per byte of one cell, by the cache's type: heads that share their
            keys and values share what reading them takes. Both are empty where reading the cache
            is as fast as reading weights. (On the same EPYC 12 models with 8 to 20 heads of 64
            to 256 took 13 to 60 ns for a head and a cell; these two come within a quarter.)
        prefill, prefill_layer, prefill_moe_layer: the same for a token of a prompt, `prefill` per
            multiplication.
        prefill_attention: as `attention`.
        expert_prefill: how many times longer a multiplication takes in experts, by type: those that
            are rearranged for whole prompts lose that in experts (Q4_K 3.8 times on an EPYC, Q8_0
            2.2); empty: no longer.
        prompt_tokens: how many prompt tokens are worked on together when these figures hold.
        copy: seconds per byte for weights that stay on the host and are sent to a GPU to read a
            prompt; 0 where that does not happen.
        spread_decode, spread_prefill: half the band, as a part of the value.
        note: in words, where the figures come from.
    """

    build: str
    backend: str
    device: str
    memory: tuple[tuple[float, float], ...]
    decode: Mapping[str, float]
    prefill: Mapping[str, float]
    memory_share: Mapping[str, float] = field(default_factory=dict)
    layer: float = 0.0
    moe_layer: float = 0.0
    attention: Mapping[str, float] = field(default_factory=dict)
    attention_byte: Mapping[str, float] = field(default_factory=dict)
    prefill_layer: float = 0.0
    prefill_moe_layer: float = 0.0
    prefill_attention: Mapping[str, float] = field(default_factory=dict)
    expert_prefill: Mapping[str, float] = field(default_factory=dict)
    prompt_tokens: int = 512
    copy: float = 0.0
    spread_decode: float = 0.3
    spread_prefill: float = 0.5
    source: SpeedSource = "calibrated"
    note: str = ""

    def to_dict(self) -> dict[str, Any]:
        data = asdict(self)
        data["memory"] = [list(point) for point in self.memory]
        return {**data, "version": _VERSION}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> DeviceSpeed:
        """The inverse of `to_dict`; keys of a newer version are left out.

        Raises:
            TypeError, ValueError, KeyError: it is no such dictionary, or an older version's, whose
                figures meant something else.
        """
        if data["version"] != _VERSION:
            raise ValueError(f"version {data['version']!r}")
        known = {each.name for each in fields(cls)}
        kept = {name: value for name, value in data.items() if name in known}
        kept["memory"] = tuple((float(size), float(each)) for size, each in data["memory"])
        return cls(**kept)

    # --- one token

    def memory_seconds_per_byte(self, footprint_bytes: float) -> float:
        """Between two measured sizes, in proportion to the logarithm of the size."""
        return _between(self.memory, footprint_bytes) if self.memory else 0.0

    def decode_seconds(self, portion: Portion, depth: float, kv_type: str) -> float:
        """Of one generated token with `depth` tokens before it, on this device."""
        cache_bytes = sum(each.seen(depth) * each.cell_bytes for each in portion.attention)
        memory = self.memory_seconds_per_byte(portion.held_bytes + cache_bytes)
        seconds = portion.state_bytes * memory
        for kind, size in portion.read_bytes.items():
            unpacking = _like(self.decode, kind, per_byte=True)[0]
            seconds += size * together(unpacking, memory * self.memory_share.get(kind, 1.0))
        seconds += self.layer * portion.layers + self.moe_layer * portion.moe_layers
        if self.attention or self.attention_byte:
            seconds += attention_seconds(self.attention, portion, depth, kv_type)
            return seconds + cache_bytes * _of_type(self.attention_byte, kv_type)
        return seconds + cache_bytes * memory

    def prefill_seconds(self, portion: Portion, tokens: int, depth: float, kv_type: str) -> float:
        """Of one prompt token, the mean of `tokens` after `depth`, on this device."""
        seconds = 0.0
        for macs, factors in ((portion.macs, {}), (portion.expert_macs, self.expert_prefill)):
            for kind, count in macs.items():
                factor = _like(factors, kind, per_byte=False)[0] if factors else 1.0
                seconds += count * factor * _like(self.prefill, kind, per_byte=False)[0]
        seconds += self.prefill_layer * portion.layers
        seconds += self.prefill_moe_layer * portion.moe_layers
        middle = depth + tokens / 2
        return seconds + attention_seconds(self.prefill_attention, portion, middle, kv_type)

    def knows(self, portion: Portion) -> bool:
        """Whether every type of its weights was measured."""
        kinds = portion.read_bytes.keys()
        return all(kind in self.decode and kind in self.prefill for kind in kinds)


def together(unpacking: float, memory: float) -> float:
    """What two costs of the same bytes take that hide each other for the most part."""
    less, more = sorted((unpacking, memory))
    return float(more * (1 + (less / more) ** _OVERLAP) ** (1 / _OVERLAP)) if more else 0.0


def unpacking_of(seconds: float, memory: float) -> float:
    """The inverse of `together`: 0 where the memory explains it all."""
    rest = max(0.0, 1 - (memory / seconds) ** _OVERLAP)
    return float(seconds * rest ** (1 / _OVERLAP))


def attention_seconds(
    costs: Mapping[str, float], portion: Portion, depth: float, kv_type: str
) -> float:
    """Of one token that sees `depth` tokens, without what `attention_byte` is for."""
    return sum(
        each.seen(depth) * each.cell_macs * _of_cache(costs, kv_type, each.head_dim)
        for each in portion.attention
    )


def cache_key(kv_type: str, head_dim: int) -> str:
    """How a measured cost of attention is called."""
    return f"{kv_type}@{head_dim}"


def _kinds_like(kv_type: str) -> tuple[str, str, str]:
    """The types of cache whose costs can stand for this one's, the nearest first."""
    return kv_type, "f16" if kv_type in ("f16", "f32", "bf16") else "q8_0", "f16"


def _of_type(costs: Mapping[str, float], kv_type: str) -> float:
    """The cost with a cache of this type, else with one like it."""
    return next((costs[kind] for kind in _kinds_like(kv_type) if kind in costs), 0.0)


def _between(points: Sequence[tuple[float, float]], at: float) -> float:
    """The value at `at`, in proportion to its logarithm; those of the ends beyond them."""
    if at <= points[0][0]:
        return points[0][1]
    for (low, a), (high, b) in pairwise(points):
        if at <= high:
            return a + (b - a) * math.log(at / low) / math.log(high / low)
    return points[-1][1]


def _of_cache(costs: Mapping[str, float], kv_type: str, head_dim: int) -> float:
    """The cost with a cache of this type, else with one like it, at the nearest length of heads."""
    for kind in _kinds_like(kv_type):
        if kind in costs:
            return costs[kind]
        dims = [int(key.split("@")[1]) for key in costs if key.startswith(f"{kind}@")]
        if dims:
            best = min(dims, key=lambda dim: abs(math.log(dim / max(1, head_dim))))
            return costs[cache_key(kind, best)]
    return 0.0


def _like(costs: Mapping[str, float], kind: str, *, per_byte: bool) -> tuple[float, bool]:
    """A type's cost, and whether it was measured; else its nearest relative's per weight."""
    if kind in costs:
        return costs[kind], True
    if not costs:
        return 0.0, False
    family = next((names for names in _FAMILIES if kind in names), ())
    near = [name for name in family if name in costs] or list(costs)
    size = _BYTES_PER_WEIGHT.get(kind, 1.0)
    best = min(near, key=lambda name: abs(_BYTES_PER_WEIGHT.get(name, 1.0) - size))
    if not per_byte:
        return costs[best], False
    return costs[best] * _BYTES_PER_WEIGHT.get(best, 1.0) / size, False


# --- a whole model


@dataclass(frozen=True)
class Speeds:
    """What is known of the devices a model lies on, by the names its work uses ("CPU", "CUDA0")."""

    devices: Mapping[str, DeviceSpeed]

    def decode(self, work: Work, depth: int = 0) -> SpeedFigure | None:
        """Generated tokens per second after `depth` tokens; None where a device is not known."""
        used = self._used(work)
        if used is None:
            return None
        seconds = sum(speed.decode_seconds(portion, depth, work.kv_type) for portion, speed in used)
        if seconds <= 0:
            return None
        return figure(1 / seconds, self._spread(work, used, "spread_decode"), _source(used))

    def prefill(self, work: Work, tokens: int = 512, depth: int = 0) -> SpeedFigure | None:
        """Prompt tokens per second of a prompt of `tokens` after `depth`."""
        used = self._used(work)
        if used is None:
            return None
        gpu = next((speed for _, speed in used if speed.backend != "cpu"), None)
        seconds = 0.0
        for portion, speed in used:
            alone = speed.prefill_seconds(portion, tokens, depth, work.kv_type)
            if (
                gpu is not None
                and speed.backend == "cpu"
                and gpu.copy
                and tokens >= _SMALLEST_BATCH
            ):
                # The engine sends weights of the host to the GPU for a batch and computes there.
                sent = portion.held_bytes * gpu.copy / min(tokens, gpu.prompt_tokens)
                there = sent + gpu.prefill_seconds(portion, tokens, depth, work.kv_type)
                alone = min(alone, there)
            seconds += alone
        # However few they are, the weights must be read once for all of them.
        once = sum(each.decode_seconds(portion, depth, work.kv_type) for portion, each in used)
        seconds = max(seconds, once / max(1, tokens))
        if seconds <= 0:
            return None
        return figure(1 / seconds, self._spread(work, used, "spread_prefill"), _source(used))

    def _used(self, work: Work) -> list[tuple[Portion, DeviceSpeed]] | None:
        used = []
        for portion in work.portions:
            speed = self.devices.get(portion.device)
            if speed is None:
                return None
            used.append((portion, speed))
        return used

    @staticmethod
    def _spread(work: Work, used: Sequence[tuple[Portion, DeviceSpeed]], which: str) -> float:
        spread = max(float(getattr(speed, which)) for _, speed in used)
        if work.is_hybrid:
            spread += _WIDER_FOR_HYBRIDS
        if not all(speed.knows(portion) for portion, speed in used):
            spread += _WIDER_FOR_OTHER_TYPES
        return spread


def _source(used: Sequence[tuple[Portion, DeviceSpeed]]) -> SpeedSource:
    """The weakest of the devices'."""
    seeded = any(speed.source == "seed_table" for _, speed in used)
    return "seed_table" if seeded else "calibrated"
