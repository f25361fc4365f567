"""A run beside published speeds: what may be compared, and what only stands beside it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from desktop.core.bench.document import device_of
from desktop.core.bench.published import Kinship, beside, ranked, same_model
from desktop.core.hardware.known import known_speeds
from tests.unit.bench.documents import SPEED, document, result


def run(**model: Any) -> dict[str, Any]:
    made = document(results=[result("prefill", (100.0,)), result("decode", (15.0,))])
    return {**made, "model": {**made["model"], "parameters": 8_190_735_360, **model}}


def test_only_the_same_test_of_the_same_model_gets_a_ratio() -> None:
    prefill, decode = beside(SPEED, run())
    assert (prefill.kinship, prefill.share) == (Kinship.SAME_TEST, 0.02)
    assert (decode.kinship, decode.share) == (Kinship.SAME_MODEL, None)
    assert (decode.tokens_per_second, decode.test_words) == (150.0, "tg")


@pytest.mark.parametrize(
    "wrong",
    [
        {"architecture": "llama"},
        {"quant_type": "Q4_0"},
        {"quant_type": None},
        {"parameters": 8_800_000_000},
        {"parameters": None},
    ],
)
def test_another_model_is_never_compared(wrong: dict[str, Any]) -> None:
    assert not same_model(SPEED, run(**wrong))
    for each in beside(SPEED, run(**wrong)):
        assert (each.kinship, each.share) == (Kinship.OTHER_MODEL, None)


def test_a_test_at_depth_or_of_several_requests_is_another_test() -> None:
    deep = run()
    deep["results"] = [
        {**result("prefill", (100.0,)), "depth": 4096},
        {**result("prefill", (100.0,)), "concurrency": 4},
        {**result("prefill", (100.0,)), "tokens": 256},
    ]
    assert beside(SPEED, deep)[0].kinship is Kinship.SAME_MODEL


def test_a_figure_that_was_not_published_is_not_shown() -> None:
    (only,) = beside(replace(SPEED, prefill_tokens_per_second=None), run())
    assert only.test == "decode"


def test_the_runs_own_model_comes_first() -> None:
    other = replace(SPEED, device="A100", model="Llama 2 7B", architecture="llama")
    assert ranked([other, SPEED], run()) == [SPEED, other]
    assert ranked([SPEED, other], None) == [other, SPEED]


def test_a_real_models_shape_finds_its_published_speeds() -> None:
    """Llama 3.1 8B's own header: 8,030,261,248 parameters; Llama 3 has the same shape."""
    llama = run(architecture="llama", parameters=8_030_261_248)
    found = {each.model for each in known_speeds().speeds if same_model(each, llama)}
    assert found == {"Llama 3 8B", "Llama 3.1 8B"}


def test_where_a_run_was_computed() -> None:
    def on(settings: dict[str, Any], devices: Any) -> str | None:
        made = document()
        made["fingerprint"]["settings"] = settings
        made["fingerprint"]["runtime"]["devices"] = devices
        return device_of(made)

    two = [
        {"name": "CUDA0", "description": "NVIDIA L4"},
        {"name": "CUDA1", "description": "NVIDIA T4"},
    ]
    assert on({"gpu_layers": 99, "device": "auto"}, two) == "NVIDIA L4, NVIDIA T4"
    assert on({"gpu_layers": 99, "device": "CUDA1"}, two) == "NVIDIA T4"
    assert on({"gpu_layers": 0}, two) == "AMD EPYC"
    assert on({}, []) == "AMD EPYC"
    assert on({}, "nonsense") == on({}, [3, {"name": None}]) == "AMD EPYC"
    bare = document()
    bare["fingerprint"]["machine"] = {}
    assert device_of(bare) is None
