"""From measured points to a device's figures: small least-squares fits, none of them negative."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from desktop.core.errors import AppError, ErrorCode
from desktop.core.fit.speed import DeviceSpeed, attention_seconds, cache_key, unpacking_of
from desktop.core.fit.speed_plan import MEMORY_TYPE, REFERENCE_TYPE, Point
from desktop.core.fit.speed_work import Portion

# No machine repeats itself better than this from one hour to the next, and a calibration's models
# are fewer than the world's (on an EPYC the points of ten others lay 15 % apart from what was
# predicted, at the same hour): a band is never narrower.
_SMALLEST_SPREAD = 0.15
_LARGEST_SPREAD = 1.0
# 81 of 100 normally distributed errors lie within 1.3 standard deviations; more of the real ones,
# because a calibration's points are disturbed more than what is judged by them.
_SPREAD_FACTOR = 1.3
# The standard deviation of such errors over their mean distance from nothing, which one disturbed
# point does not double as it does the mean square.
_DEVIATIONS = math.sqrt(math.pi / 2)


@dataclass(frozen=True)
class Measured:
    """A point's times for one token, in seconds (medians; NaN: not measured), and its work.

    `noise` is half the spread between rounds, as a part of the value. Of a point with a depth the
    same model's times without tokens in the cache stand beside it.
    """

    point: Point
    portion: Portion
    decode_seconds: float
    prefill_seconds: float
    noise: float = 0.0
    flat_decode_seconds: float | None = None
    flat_prefill_seconds: float | None = None


def fit(
    measured: Sequence[Measured],
    *,
    build: str,
    backend: str,
    device: str,
    prompt_tokens: int,
) -> DeviceSpeed:
    """The device's figures.

    Raises:
        AppError: ENGINE_TOOL_FAILED, when what must be there was not measured.
    """
    by_name = {each.point.name: each for each in measured}
    reference = by_name.get(f"type {REFERENCE_TYPE}")
    shapes = [each for each in measured if each.point.role == "layers"]
    if reference is None or not shapes:
        reason = "The reference model was not measured."
        raise AppError(ErrorCode.ENGINE_TOOL_FAILED, tool="llama-bench", reason=reason)
    shapes.append(reference)
    per_byte, layer = _solve(
        [(m.portion.total_read_bytes, m.portion.layers) for m in shapes],
        [m.decode_seconds for m in shapes],
    )
    attention, attention_byte = _attention(measured)
    prefill_attention = _prefill_attention(measured)
    mean_depth = prompt_tokens / 2
    per_mac, prefill_layer = _solve(
        [(_macs(m.portion), m.portion.layers) for m in shapes],
        [
            _positive(
                m.prefill_seconds,
                attention_seconds(prefill_attention, m.portion, mean_depth, "f16"),
            )
            for m in shapes
        ],
    )
    speed = DeviceSpeed(
        build=build,
        backend=backend,
        device=device,
        memory=(),
        decode={REFERENCE_TYPE: per_byte},
        prefill={REFERENCE_TYPE: per_mac},
        layer=layer,
        attention=attention,
        attention_byte=attention_byte,
        prefill_layer=prefill_layer,
        prefill_attention=prefill_attention,
        prompt_tokens=prompt_tokens,
    )
    speed = _with_memory(speed, measured)
    speed = _with_types(speed, measured)
    speed = _with_experts(speed, measured)
    return _with_bands(speed, measured)


def _macs(portion: Portion) -> float:
    return sum(portion.macs.values())


def _attention(measured: Sequence[Measured]) -> tuple[dict[str, float], dict[str, float]]:
    """Seconds of a generated token per multiplication, by the cache's type and the heads' length,
    and per byte of the cache: from the same models with and without tokens in the cache."""
    per_mac: dict[str, float] = {}
    per_byte: dict[str, float] = {}
    for kind in {each.point.kv_type for each in measured if each.flat_decode_seconds is not None}:
        points = [each for each in measured if each.point.kv_type == kind and each.point.depth]
        dims = sorted({each.portion.attention[0].head_dim for each in points})
        rows, times = [], []
        for each in points:
            (work,) = each.portion.attention
            seen = work.seen(each.point.depth)
            macs = [seen * work.cell_macs * (dim == work.head_dim) for dim in dims]
            rows.append((seen * work.cell_bytes, *macs))
            times.append(_positive(each.decode_seconds, each.flat_decode_seconds or 0.0))
        per_byte[kind], *costs = _solve(rows, times)
        per_mac |= {cache_key(kind, dim): cost for dim, cost in zip(dims, costs, strict=True)}
    return per_mac, per_byte


def _prefill_attention(measured: Sequence[Measured]) -> dict[str, float]:
    """Seconds of a prompt token per multiplication, by the cache's type and the heads' length."""
    found: dict[str, list[float]] = {}
    for each in measured:
        if each.flat_prefill_seconds is not None:
            (work,) = each.portion.attention
            more = max(0.0, each.prefill_seconds - each.flat_prefill_seconds)
            key = cache_key(each.point.kv_type, work.head_dim)
            found.setdefault(key, []).append(more / (work.seen(each.point.depth) * work.cell_macs))
    return {key: statistics.fmean(costs) for key, costs in found.items()}


def _with_types(speed: DeviceSpeed, measured: Sequence[Measured]) -> DeviceSpeed:
    """Each type's own cost: what its model took beyond all that is known. The same weights are
    more bytes in a larger type, and may be too many for a cache that holds the reference."""
    decode, prefill, shares = dict(speed.decode), dict(speed.prefill), dict(speed.memory_share)
    for each in measured:
        kind, portion = each.point.model.type_name, each.portion
        if each.point.role != "type":
            continue
        own = speed.decode[kind] if kind == REFERENCE_TYPE else _per_byte(speed, each)
        memory = speed.memory_seconds_per_byte(portion.held_bytes)
        decode[kind] = unpacking_of(own, memory)
        if own < memory and kind != MEMORY_TYPE:
            shares[kind] = own / memory
        if kind == REFERENCE_TYPE:
            continue
        steps = speed.prefill_layer * portion.layers
        steps += attention_seconds(speed.prefill_attention, portion, speed.prompt_tokens / 2, "f16")
        prefill[kind] = _positive(each.prefill_seconds, steps) / _macs(portion)
    return replace(speed, decode=decode, prefill=prefill, memory_share=shares)


def _per_byte(speed: DeviceSpeed, each: Measured) -> float:
    """Seconds of a byte of the weights, in a generated token."""
    steps = speed.layer * each.portion.layers
    return _positive(each.decode_seconds, steps) / each.portion.total_read_bytes


def _positive(seconds: float, known: float) -> float:
    """What is left, or a tenth of it all where the known parts were taken for too large."""
    return max(seconds - known, seconds / 10)


def _with_memory(speed: DeviceSpeed, measured: Sequence[Measured]) -> DeviceSpeed:
    """Seconds per byte by how much is gone through, of the type that is unpacked fastest; where
    a smaller model took more than a larger one, both take their mean. Without such models the
    memory is taken for as slow as the reference."""
    sizes, levels = [], list[list[float]]()
    for each in sorted(measured, key=lambda m: m.portion.held_bytes):
        if each.point.role in ("memory", "type") and each.point.model.type_name == MEMORY_TYPE:
            sizes.append(each.portion.held_bytes)
            levels.append([_per_byte(speed, each)])
            while len(levels) > 1 and statistics.fmean(levels[-2]) > statistics.fmean(levels[-1]):
                levels[-2:] = [levels[-2] + levels[-1]]
    costs = [statistics.fmean(level) for level in levels for _ in level]
    points = zip(sizes, costs, strict=True) if sizes else [(1.0, speed.decode[REFERENCE_TYPE])]
    return replace(speed, memory=tuple(points))


def _with_experts(speed: DeviceSpeed, measured: Sequence[Measured]) -> DeviceSpeed:
    experts = [each for each in measured if each.point.role == "experts"]
    if not any(each.point.model.type_name == REFERENCE_TYPE for each in experts):
        return speed
    extra = [
        (each.decode_seconds - speed.decode_seconds(each.portion, 0, "f16"))
        / max(1, each.portion.moe_layers)
        for each in experts
    ]
    rows: dict[str, list[tuple[float, float]]] = {}
    times: dict[str, list[float]] = {}
    for each in experts:
        kind = each.point.model.type_name
        dense = replace(each.portion, expert_macs={})
        known = speed.prefill_seconds(dense, speed.prompt_tokens, 0, "f16")
        cost = sum(c * speed.prefill.get(kind, 0.0) for c in each.portion.expert_macs.values())
        rows.setdefault(kind, []).append((cost, each.portion.moe_layers))
        times.setdefault(kind, []).append(_positive(each.prefill_seconds, known))
    factor, per_layer = _solve(rows[REFERENCE_TYPE], times[REFERENCE_TYPE])
    factors = {REFERENCE_TYPE: factor}
    for kind, ((cost, layers), *_) in rows.items():
        if kind != REFERENCE_TYPE and cost > 0:
            factors[kind] = _positive(times[kind][0], per_layer * layers) / cost
    return replace(
        speed,
        moe_layer=max(0.0, statistics.fmean(extra)),
        expert_prefill=factors,
        prefill_moe_layer=per_layer,
    )


def _with_bands(speed: DeviceSpeed, measured: Sequence[Measured]) -> DeviceSpeed:
    """Bands from what the figures say of the points, those that played no part counted twice."""
    errors: dict[str, list[float]] = {"decode": [], "prefill": []}
    for each in measured:
        depth, kind, tokens = each.point.depth, each.point.kv_type, speed.prompt_tokens
        decode = speed.decode_seconds(each.portion, depth, kind)
        prefill = speed.prefill_seconds(each.portion, tokens, depth, kind)
        times = 3 if each.point.role == "check" else 1
        if each.point.role != "type":  # a type's own figure fits its own point by itself
            errors["decode"] += [math.log(decode / each.decode_seconds)] * times
            if not each.point.decode_only:
                errors["prefill"] += [math.log(prefill / each.prefill_seconds)] * times
    noise = statistics.median(each.noise for each in measured)
    return replace(
        speed,
        spread_decode=_spread(errors["decode"], noise),
        spread_prefill=_spread(errors["prefill"], noise),
    )


def _spread(errors: Sequence[float], noise: float) -> float:
    distance = statistics.fmean(abs(error) for error in errors) if errors else 0.0
    spread = math.expm1(_SPREAD_FACTOR * math.hypot(_DEVIATIONS * distance, noise))
    return min(_LARGEST_SPREAD, max(_SMALLEST_SPREAD, spread))


def _solve(rows: Sequence[Sequence[float]], times: Sequence[float]) -> tuple[float, ...]:
    """Costs per unit that explain the times best, relative to each time; none is negative.

    A cost that would come out negative is taken for zero and the others are solved again. The
    first is what nothing goes without: before it came out at nothing, others must.
    """
    import numpy as np

    matrix = np.array([[value / t for value in row] for row, t in zip(rows, times, strict=True)])
    scale = np.abs(matrix).max(axis=0)
    scale[scale == 0] = 1.0
    active = list(range(matrix.shape[1]))
    costs = np.zeros(matrix.shape[1])
    while active:
        found, *_ = np.linalg.lstsq(matrix[:, active] / scale[active], np.ones(len(rows)))
        if found.min() >= 0 and (found[0] > 0 or len(active) == 1):
            costs[active] = found / scale[active]
            break
        rest = found[1:]
        del active[1 + int(rest.argmin() if rest.min() < 0 else rest.argmax())]
    return tuple(float(cost) for cost in costs)


def errors_of(
    speed: DeviceSpeed, measured: Sequence[Measured]
) -> Mapping[str, tuple[float, float]]:
    """Predicted over measured time of each point, decode and prefill: for reports."""
    return {
        each.point.name: (
            speed.decode_seconds(each.portion, each.point.depth, each.point.kv_type)
            / each.decode_seconds,
            speed.prefill_seconds(
                each.portion, speed.prompt_tokens, each.point.depth, each.point.kv_type
            )
            / each.prefill_seconds,
        )
        for each in measured
    }
