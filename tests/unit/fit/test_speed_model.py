"""The speed model: counting work, adding up times, bands; and the fit that finds its figures."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from desktop.core.errors import AppError
from desktop.core.fit import speed_fit, speed_plan
from desktop.core.fit.speed import (
    DeviceSpeed,
    Speeds,
    attention_seconds,
    figure,
    together,
    unpacking_of,
)
from desktop.core.fit.speed_calibrate import portion_of
from desktop.core.fit.speed_models import write_model
from desktop.core.fit.speed_work import AttentionWork, Portion, Work, work_of
from desktop.core.gguf.facts import facts_of
from desktop.core.gguf.local import read_header
from desktop.core.gguf.shape import ModelShape
from desktop.core.gguf.synthetic import SyntheticModel

Made = Callable[[SyntheticModel], Path]


@pytest.fixture
def made(tmp_path: Path) -> Made:
    def make(model: SyntheticModel) -> Path:
        path = tmp_path / f"{abs(hash(model))}.gguf"
        write_model(path, list(model.tensors()), model.values())
        return path

    return make


def shape_of(path: Path) -> ModelShape:
    shape = ModelShape.of(facts_of(read_header(path)))
    assert shape is not None
    return shape


DENSE = SyntheticModel("Q8_0", 4, 256, 512, 8, 2, vocab=1024)
MOE = SyntheticModel("Q4_K", 3, 256, 256, 4, 2, experts=8, experts_used=2)


def speed(**values: Any) -> DeviceSpeed:
    given: dict[str, Any] = {
        "build": "1 abc",
        "backend": "cpu",
        "device": "A CPU",
        "memory": ((1e7, 1e-10), (1e10, 3e-10)),
        "decode": {"Q8_0": 3e-10, "Q4_K": 3e-10},
        "prefill": {"Q8_0": 1e-11, "Q4_K": 1e-11},
        "layer": 1e-5,
        "attention": {"f16": 3e-11},
        "prefill_attention": {"f16": 1e-11},
        **values,
    }
    return DeviceSpeed(**given)


# --- what a token asks


def test_a_dense_models_work_is_its_own_tensors(made: Made) -> None:
    path = made(DENSE)
    (portion,) = work_of(shape_of(path)).portions
    attn = 256 * 256 * 2 + 2 * 256 * 64
    ffn = 3 * 256 * 512
    matrices = (4 * (attn + ffn) + 256 * 1024) * 34 / 32
    norms = 4 * 2 * 256 * 4
    assert portion.total_read_bytes == pytest.approx(matrices + norms, rel=1e-6)
    assert portion.held_bytes == pytest.approx(portion.total_read_bytes, rel=1e-6)
    # three whole layers; of the last only attention; the head for one token only
    assert sum(portion.macs.values()) == pytest.approx(3 * (attn + ffn + 512) + attn, rel=1e-6)
    (attention,) = portion.attention
    assert attention.cell_macs == 4 * 8 * 64
    assert attention.cell_bytes == 4 * 2 * 2 * 32 * 2
    assert portion.layers == 4


def test_of_experts_a_token_reads_those_it_uses(made: Made) -> None:
    (portion,) = work_of(shape_of(made(MOE))).portions
    one_layer = 3 * 256 * 256 * 8 * 144 / 256
    assert portion.held_bytes - portion.total_read_bytes == pytest.approx(3 * one_layer * 6 / 8)
    assert sum(portion.expert_macs.values()) == pytest.approx(2 * 3 * 256 * 256 * 2)
    assert portion.moe_layers == 3


def test_a_smaller_cache_type_is_read_faster(made: Made) -> None:
    shape = shape_of(made(DENSE))
    f16 = work_of(shape).portions[0].attention[0]
    q8 = work_of(shape, kv_type_k="q8_0", kv_type_v="q8_0").portions[0].attention[0]
    assert q8.cell_bytes == pytest.approx(f16.cell_bytes * 17 / 32)
    assert q8.cell_macs == f16.cell_macs


def test_layers_are_split_by_device_and_nothing_is_lost(made: Made) -> None:
    shape = shape_of(made(DENSE))
    whole = work_of(shape).portions[0]
    parts = {p.device: p for p in work_of(shape, layers_on={"CUDA0": 3}).portions}
    assert (parts["CPU"].layers, parts["CUDA0"].layers) == (1, 3)
    assert sum(p.total_read_bytes for p in parts.values()) == pytest.approx(whole.total_read_bytes)
    (all_there,) = work_of(shape, layers_on={"CUDA0": 99}).portions
    assert all_there.device == "CUDA0"
    assert all_there.total_read_bytes == pytest.approx(whole.total_read_bytes)


def test_experts_on_the_host_leave_the_rest_on_the_gpu(made: Made) -> None:
    shape = shape_of(made(MOE))
    parts = {p.device: p for p in work_of(shape, layers_on={"G": 9}, experts_on_cpu=True).portions}
    assert parts["CPU"].layers == 0
    assert parts["CPU"].held_bytes == pytest.approx(3 * 3 * 256 * 256 * 8 * 144 / 256)
    assert parts["G"].layers == 3
    assert not parts["G"].expert_macs
    some = {p.device: p for p in work_of(shape, layers_on={"G": 9}, experts_on_cpu=1).portions}
    assert some["CPU"].held_bytes == pytest.approx(parts["CPU"].held_bytes / 3)


# --- from work to time


def one(portion: Portion, kv_type: str = "f16") -> Work:
    return Work((portion,), kv_type)


def test_decode_adds_bytes_layers_and_attention(made: Made) -> None:
    portion = portion_of(made(DENSE))
    at_0 = speed().decode_seconds(portion, 0, "f16")
    assert at_0 == pytest.approx(portion.total_read_bytes * 3e-10 + 4e-5, rel=0.05)
    at_1000 = speed().decode_seconds(portion, 1000, "f16")
    assert at_1000 - at_0 == pytest.approx(1000 * 4 * 8 * 64 * 3e-11, rel=1e-6)


@pytest.mark.parametrize(
    ("kv_type", "head_dim", "cost"),
    [("f16", 64, 1.0), ("f16", 80, 1.0), ("f16", 96, 2.0), ("bf16", 256, 2.0), ("q4_0", 128, 3.0)],
)
def test_attention_goes_by_the_cache_and_the_heads(
    kv_type: str, head_dim: int, cost: float
) -> None:
    work = (AttentionWork(None, head_dim, 0.0, 10.0),)
    costs = {"f16@64": 1.0, "f16@128": 2.0, "q8_0@64": 3.0}
    assert attention_seconds(costs, Portion("CPU", attention=work), 7, kv_type) == 70 * cost


@pytest.mark.parametrize(
    ("kv_type", "cost"), [("f16", 10 + 200), ("f32", 10 + 200), ("q8_0", 30 + 400), ("q4_0", 430)]
)
def test_a_tokens_attention_goes_by_numbers_and_by_bytes(kv_type: str, cost: float) -> None:
    work = (AttentionWork(None, 64, 100.0, 10.0),)
    known = speed(
        attention={"f16": 1.0, "q8_0": 3.0}, attention_byte={"f16": 2.0, "q8_0": 4.0}, memory=()
    )
    assert known.decode_seconds(Portion("CPU", attention=work), 7, kv_type) == 7 * cost


def test_memory_takes_over_where_no_cache_holds_the_model(made: Made) -> None:
    portion = portion_of(made(DENSE))
    large = replace(portion, held_bytes=1e10)
    known = speed(decode={"Q8_0": 1e-10})
    ratio = (known.decode_seconds(large, 0, "f16") - 4e-5) / (
        known.decode_seconds(portion, 0, "f16") - 4e-5
    )
    # of two equal costs one hides the other, but for an eighth; of unequal ones the smaller is gone
    assert ratio == pytest.approx(3 / 2 ** (1 / 6), rel=0.01)


def test_unpacking_is_what_the_memory_does_not_explain() -> None:
    assert together(unpacking_of(5e-11, 3e-11), 3e-11) == pytest.approx(5e-11)
    assert unpacking_of(3e-11, 3e-11) == 0
    assert unpacking_of(2e-11, 3e-11) == 0
    assert together(0, 3e-11) == pytest.approx(3e-11)


def test_a_type_that_is_read_faster_takes_its_part_of_the_memorys_time(made: Made) -> None:
    portion = replace(portion_of(made(DENSE)), held_bytes=1e10)
    known = speed(decode={"Q8_0": 0.0}, layer=0.0)
    shared = replace(known, memory_share={"Q8_0": 0.8})
    whole = known.decode_seconds(portion, 0, "f16")
    assert shared.decode_seconds(portion, 0, "f16") == pytest.approx(0.8 * whole)


def test_memory_between_two_sizes_lies_between() -> None:
    between = speed().memory_seconds_per_byte(math.sqrt(1e7 * 1e10))
    assert between == pytest.approx(2e-10)
    assert speed().memory_seconds_per_byte(10) == 1e-10
    assert speed().memory_seconds_per_byte(1e12) == 3e-10


def test_a_type_that_was_not_measured_takes_its_relative_and_a_wider_band(made: Made) -> None:
    known = one(portion_of(made(DENSE)))
    unknown = one(portion_of(made(replace(DENSE, type_name="Q5_K"))))
    speeds = Speeds({"CPU": speed()})
    measured, guessed = speeds.decode(known), speeds.decode(unknown)
    assert measured is not None
    assert guessed is not None
    assert guessed.high / guessed.low > measured.high / measured.low
    per_weight = speed().decode["Q4_K"] * 144 / 256
    per_byte = per_weight / (176 / 256)
    portion = unknown.portions[0]
    assert 1 / guessed.value == pytest.approx(
        portion.read_bytes["Q5_K"] * per_byte
        + (portion.total_read_bytes - portion.read_bytes["Q5_K"]) * 3e-10
        + 4e-5,
        rel=0.01,
    )


def test_devices_work_one_after_the_other(made: Made) -> None:
    shape = shape_of(made(DENSE))
    work = work_of(shape, layers_on={"CUDA0": 2})
    fast = speed(backend="cuda", layer=0.0, memory=((1e6, 1e-13),), decode={"Q8_0": 1e-13})
    slow = speed()
    both = Speeds({"CPU": slow, "CUDA0": fast}).decode(work)
    assert both is not None
    parts = {p.device: p for p in work.portions}
    assert 1 / both.value == pytest.approx(
        slow.decode_seconds(parts["CPU"], 0, "f16") + fast.decode_seconds(parts["CUDA0"], 0, "f16")
    )
    assert Speeds({"CPU": slow}).decode(work) is None


def test_a_gpu_reads_a_long_prompt_for_the_host(made: Made) -> None:
    work = work_of(shape_of(made(DENSE)), layers_on={"CUDA0": 2})
    cpu = speed()
    gpu = speed(backend="cuda", prefill={"Q8_0": 1e-14}, memory=((1e6, 1e-12),))
    sends = replace(gpu, copy=1e-10)
    alone = Speeds({"CPU": cpu, "CUDA0": gpu}).prefill(work, 512)
    helped = Speeds({"CPU": cpu, "CUDA0": sends}).prefill(work, 512)
    short = Speeds({"CPU": cpu, "CUDA0": sends}).prefill(work, 8)
    assert alone is not None
    assert helped is not None
    assert short is not None
    assert helped.value > 2 * alone.value
    assert short.value < helped.value


def test_a_prompt_of_one_token_is_no_faster_than_a_generated_one(made: Made) -> None:
    speeds = Speeds({"CPU": speed()})
    work = one(portion_of(made(DENSE)))
    prefill, decode = speeds.prefill(work, 1), speeds.decode(work)
    assert prefill is not None
    assert decode is not None
    assert prefill.value <= decode.value * 1.0001


def test_the_weakest_source_names_the_figure(made: Made) -> None:
    work = work_of(shape_of(made(DENSE)), layers_on={"G": 2})
    seed = speed(source="seed_table", spread_decode=0.4)
    found = Speeds({"CPU": speed(), "G": seed}).decode(work)
    assert found is not None
    assert found.source == "seed_table"
    assert found.high / found.value == pytest.approx(1.4)


def test_a_band_holds_its_value_and_a_device_keeps_its_figures() -> None:
    found = figure(100.0, 0.25, "calibrated")
    assert (found.low, found.high) == (80.0, 125.0)
    kept = speed()
    assert DeviceSpeed.from_dict(kept.to_dict()) == kept
    assert DeviceSpeed.from_dict({**kept.to_dict(), "of_a_newer_version": 1}) == kept
    with pytest.raises(ValueError, match="version 1"):  # its attention was per multiplication
        DeviceSpeed.from_dict({**kept.to_dict(), "version": 1})


# --- the fit


@pytest.fixture
def small_plan() -> speed_plan.CalibrationPlan:
    """The real plan with every model made small."""
    whole = speed_plan.plan(gpu=False, free_bytes=64 << 30, largest_cache_bytes=32 << 20)

    def small(point: speed_plan.Point) -> speed_plan.Point:
        model = point.model
        shrunk = replace(model, hidden=256, feed_forward=512, heads=4, kv_heads=2)
        if point.role == "depth":
            shrunk = replace(model, layers=3, hidden=256)
        elif point.role == "type":
            shrunk = replace(shrunk, layers=2)
        elif point.role == "layers":
            shrunk = replace(shrunk, hidden=model.hidden // 2 if model.hidden > 512 else 256)
        return replace(point, model=shrunk)

    return replace(whole, points=tuple(small(point) for point in whole.points))


def measured_with(
    truth: DeviceSpeed, plan: speed_plan.CalibrationPlan, made: Made
) -> list[speed_fit.Measured]:
    found = []
    for point in plan.points:
        portion, kind = portion_of(made(point.model), point.kv_type), point.kv_type
        times = [
            (
                truth.decode_seconds(portion, depth, kind),
                truth.prefill_seconds(portion, plan.prompt_tokens, depth, kind),
            )
            for depth in (point.depth, 0)
        ]
        (decode, prefill), flat = times[0], times[1] if point.depth else (None, None)
        found.append(speed_fit.Measured(point, portion, decode, prefill, 0.0, *flat))
    return found


def test_the_fit_finds_the_figures_the_times_were_made_of(
    made: Made, small_plan: speed_plan.CalibrationPlan
) -> None:
    kinds = {point.model.type_name for point in small_plan.points}
    truth = speed(
        memory=((1e3, 5e-11),),
        decode={
            kind: 1e-10 * (1 + index / 10) if kind != speed_plan.MEMORY_TYPE else 0.0
            for index, kind in enumerate(sorted(kinds))
        },
        prefill={kind: 4e-12 * (1 + index / 10) for index, kind in enumerate(sorted(kinds))},
        layer=2e-5,
        moe_layer=1e-5,
        attention={
            **{"f16@64": 5e-11, "f16@128": 7e-11, "f16@256": 6e-11},
            **{"q8_0@64": 8e-11, "q8_0@128": 9e-11, "q8_0@256": 7e-11},
        },
        attention_byte={"f16": 2e-10, "q8_0": 5e-10},
        prefill_layer=1e-6,
        prefill_attention={
            **{"f16@64": 3e-11, "f16@128": 2e-11, "f16@256": 2e-11},
            **{"q8_0@64": 5e-11, "q8_0@128": 4e-11, "q8_0@256": 4e-11},
        },
        expert_prefill={"Q4_K": 3.0, "Q8_0": 1.5},
        prompt_tokens=128,
    )
    measured = measured_with(truth, small_plan, made)
    found = speed_fit.fit(measured, build="1 abc", backend="cpu", device="A CPU", prompt_tokens=128)
    for kind, cost in truth.attention.items():
        assert found.attention[kind] == pytest.approx(cost, rel=0.02), kind
    for kind, cost in truth.attention_byte.items():
        assert found.attention_byte[kind] == pytest.approx(cost, rel=0.02), kind
    for kind, cost in truth.prefill_attention.items():
        assert found.prefill_attention[kind] == pytest.approx(cost, rel=0.03), kind
    for kind, factor in truth.expert_prefill.items():
        assert found.expert_prefill[kind] == pytest.approx(factor, rel=0.1), kind
    assert found.layer == pytest.approx(2e-5, rel=0.05)
    assert found.decode["Q4_K"] == pytest.approx(truth.decode["Q4_K"], rel=0.05)
    assert found.prefill["IQ3_S"] == pytest.approx(truth.prefill["IQ3_S"], rel=0.1)
    for name, (decode, prefill) in speed_fit.errors_of(found, measured).items():
        assert decode == pytest.approx(1, abs=0.06), name
        assert prefill == pytest.approx(1, abs=0.1), name
    assert found.spread_decode == pytest.approx(0.15)  # no band is narrower


def test_what_does_not_fit_widens_the_band(
    made: Made, small_plan: speed_plan.CalibrationPlan
) -> None:
    kinds = {point.model.type_name for point in small_plan.points}
    truth = speed(
        memory=((1e3, 5e-11),),
        decode=dict.fromkeys(kinds, 1e-10),
        prefill=dict.fromkeys(kinds, 4e-12),
    )
    measured = measured_with(truth, small_plan, made)
    odd = [
        replace(each, decode_seconds=each.decode_seconds * 1.6)
        if each.point.role == "check"
        else each
        for each in measured
    ]

    def spread(points: list[speed_fit.Measured]) -> float:
        return speed_fit.fit(
            points, build="b", backend="cpu", device="d", prompt_tokens=128
        ).spread_decode

    assert spread(odd) > spread(measured) + 0.2


def test_bytes_always_cost_something(made: Made, small_plan: speed_plan.CalibrationPlan) -> None:
    """Times that only layers explain (everything lies in a cache, or the machine was busy)."""
    measured = [
        replace(
            each,
            decode_seconds=1e-3 * each.portion.layers,
            prefill_seconds=1e-4 * each.portion.layers,
        )
        for each in measured_with(speed(), small_plan, made)
    ]
    found = speed_fit.fit(measured, build="b", backend="cpu", device="d", prompt_tokens=128)
    assert min(found.prefill.values()) > 0
    assert found.memory[0][1] > 0


def test_without_the_reference_nothing_is_fitted(
    made: Made, small_plan: speed_plan.CalibrationPlan
) -> None:
    measured = measured_with(speed(), small_plan, made)
    rest = [each for each in measured if each.point.name != "type Q4_K"]
    with pytest.raises(AppError, match="reference"):
        speed_fit.fit(rest, build="b", backend="cpu", device="d", prompt_tokens=128)


def test_a_larger_model_is_never_taken_for_faster(
    made: Made, small_plan: speed_plan.CalibrationPlan
) -> None:
    truth = speed(memory=((1e5, 1e-10), (1e7, 3e-10)), decode={"Q4_K": 5e-10, "Q8_0": 0.0})
    measured = measured_with(truth, small_plan, made)
    sizes = sorted(each.portion.held_bytes for each in measured if each.point.role == "memory")
    disturbed = [
        replace(each, decode_seconds=each.decode_seconds * 3)
        if each.point.role == "memory" and each.portion.held_bytes == sizes[0]
        else each
        for each in measured
    ]
    found = speed_fit.fit(disturbed, build="b", backend="cpu", device="d", prompt_tokens=128)
    costs = [cost for _, cost in found.memory]
    assert len(costs) == 4
    assert costs == sorted(costs)


# --- the plan


def test_large_models_go_beyond_the_cache_and_stay_within_memory() -> None:
    def memory(free: int, cache: int) -> list[int]:
        points = speed_plan.plan(gpu=False, free_bytes=free, largest_cache_bytes=cache).points
        return [p.model.size_bytes for p in points if p.role == "memory"]

    assert max(memory(64 << 30, 256 << 20)) > 2 * (256 << 20)
    assert max(memory(64 << 30, 32 << 20)) < 600e6
    assert all(size < 1 << 30 for size in memory(4 << 30, 512 << 20))
    assert memory(100 << 20, 32 << 20) == []


def test_the_rarest_types_come_last() -> None:
    names = [p.name for p in speed_plan.plan(gpu=False, free_bytes=64 << 30).points]
    assert names.index("type Q8_0") < names.index("type IQ2_XS")
    assert names.index("type Q4_K") < names.index("type Q8_0")
