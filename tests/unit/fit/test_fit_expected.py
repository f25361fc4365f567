"""Where the plan puts layers, told by the weights it puts on each device."""

from __future__ import annotations

from pathlib import Path

import pytest

from desktop.core.engine.flags import LoadSettings
from desktop.core.fit.estimate import DeviceNeed, Estimate, Figure
from desktop.core.fit.expected import ExpectedSpeed, expected_speed, layers_on
from desktop.core.fit.speed import DeviceSpeed, Speeds
from desktop.core.fit.speed_book import SpeedBook
from desktop.core.fit.speed_predict import Predictor
from desktop.core.fit.subject import Subject
from desktop.core.gguf.facts import ShapeFacts, facts_of
from desktop.core.gguf.header import parse_header
from desktop.core.gguf.shape import ModelShape
from desktop.core.gguf.summary import ModelSummary
from tests.helpers.model_zoo import Spec, zoo

DENSE = Spec("llama", 12, 2048, 16, 4, 128, 5632, vocab=4096, kind="Q4_K")
EXPERTS = Spec(
    *("qwen3moe", 12, 1024, 16, 4, 64, 2048),
    vocab=4096,
    kind="Q4_K",
    experts=32,
    used=4,
    expert_ff=512,
)


def facts(spec: Spec) -> ShapeFacts:
    head = zoo(spec).header()
    return facts_of(parse_header(head, 1 << 40))


def shape_of(spec: Spec) -> ModelShape:
    shape = ModelShape.of(facts(spec))
    assert shape is not None
    return shape


def planned(weights: dict[str, float], **settings: object) -> Estimate:
    """A plan that puts so many bytes of weights on each device."""
    needs = tuple(
        DeviceNeed(name, Figure(round(size), round(size), round(size)))
        for name, size in weights.items()
    )
    return Estimate("m", LoadSettings(context_tokens=4096, **settings), needs)  # type: ignore[arg-type]


def held(shape: ModelShape, layers: range, *, head: bool = False, experts: bool = True) -> float:
    size = sum(shape.layers[i].dense.size_bytes for i in layers)
    size += sum(shape.layers[i].experts.size_bytes for i in layers) if experts else 0
    return size + (shape.head.size_bytes if head else 0)


def test_layers_are_told_from_weights() -> None:
    shape = shape_of(DENSE)
    whole = held(shape, range(12), head=True)
    assert layers_on(shape, planned({"CPU": 5e8})) == {}
    assert layers_on(shape, planned({"CUDA0": whole, "CPU": 1e6})) == {"CUDA0": 12}
    part = held(shape, range(7, 12), head=True)
    assert layers_on(shape, planned({"CUDA0": part, "CPU": 5e8})) == {"CUDA0": 5}
    two = {
        "CUDA0": held(shape, range(2, 8)),
        "CUDA1": held(shape, range(8, 12), head=True),
        "CPU": held(shape, range(2)),
    }
    assert layers_on(shape, planned(two)) == {"CUDA0": 6, "CUDA1": 4}
    assert layers_on(shape, planned({"CUDA0": whole}, gpu_layers=0)) == {}
    assert layers_on(shape, planned({"CUDA0": 0, "CPU": whole})) == {}


def test_experts_on_the_host_do_not_count_there() -> None:
    shape = shape_of(EXPERTS)
    dense = held(shape, range(12), head=True, experts=False)
    assert layers_on(shape, planned({"CUDA0": dense}, experts_on_cpu=True)) == {"CUDA0": 12}
    some = dense + sum(shape.layers[i].experts.size_bytes for i in range(5, 12))
    assert layers_on(shape, planned({"CUDA0": some}, experts_on_cpu=5)) == {"CUDA0": 12}


def test_the_more_lies_on_the_gpu_the_faster_it_is(tmp_path: Path) -> None:
    slow, fast = (
        DeviceSpeed(
            "1 a",
            backend,
            backend,
            memory=((1e6, 1 / rate), (1e12, 1 / rate)),
            decode={"Q4_K": 1 / rate},
            prefill={"Q4_K": 1 / (50 * rate)},
        )
        for backend, rate in (("cpu", 20e9), ("cuda", 800e9))
    )
    names = {"CPU": ("cpu", "cpu"), "CUDA0": ("cuda", "cuda")}
    predictor = Predictor(Speeds({"CPU": slow, "CUDA0": fast}), SpeedBook(), "1 a", names)
    shape = shape_of(DENSE)
    subject = Subject("m", tmp_path, "file", 1, ModelSummary(architecture="llama"), facts(DENSE))

    def decode(layers: int) -> float:
        on_gpu = held(shape, range(12 - layers, 12), head=layers > 0)
        speed = expected_speed(subject, planned({"CUDA0": on_gpu, "CPU": 1e8}), predictor)
        assert speed.decode and speed.decode_full and speed.prefill
        assert speed.decode_full.value < speed.decode.value < speed.prefill.value
        return speed.decode.value

    none, half, whole = decode(0), decode(6), decode(12)
    assert none < half < whole
    assert whole / none == pytest.approx(40, rel=0.1)
    assert 1 / half == pytest.approx((1 / none + 1 / whole) / 2, rel=0.2)


def test_what_is_not_known_is_not_made_up(tmp_path: Path) -> None:
    nothing = Predictor(Speeds({}), SpeedBook(), "1 a", {})
    subject = Subject("m", tmp_path, "file", 1, ModelSummary(), facts(DENSE))
    assert expected_speed(subject, planned({"CPU": 5e8}), nothing) == ExpectedSpeed()
    assert set(ExpectedSpeed().to_dict().values()) == {None}
