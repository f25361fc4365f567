"""What a load gives up when its engine runs out of memory."""

from __future__ import annotations

from desktop.core.engine.flags import LoadSettings
from desktop.core.service.ladder import FEWEST_CONTEXT, next_step
from desktop.core.service.load_request import LoadRequest


def steps(settings: LoadSettings, request: LoadRequest, layers: int | None = None) -> list[str]:
    """The codes of all steps down; each step asks for less."""
    codes = []
    while (step := next_step(settings, request, layers)) is not None:
        assert step[0] != settings and step[1].text
        settings = step[0]
        codes.append(step[1].code.removeprefix("oom_"))
        assert len(codes) < 100
    return codes


def test_one_thing_after_another_down_to_the_foot() -> None:
    settings = LoadSettings(context_tokens=8192, slots=4)
    assert steps(settings, LoadRequest()) == ["slots", "slots", "kv", "context", "context"]
    with_gpu = steps(settings, LoadRequest(), layers=7)
    assert with_gpu[5:] == ["gpu_layers"] * 4  # 8, output layer and all: 4, 2, 1, 0


def test_what_somebody_asked_for_is_never_made_less() -> None:
    settings = LoadSettings(context_tokens=8192, slots=4, kv_type_k="f16", gpu_layers=8)
    wished = {"context_tokens": 8192, "slots": 4, "kv_type": "f16", "gpu_layers": 8}
    for name, code in zip(wished, ("context", "slots", "kv", "gpu_layers"), strict=True):
        told = steps(settings, LoadRequest(**{name: wished[name]}), layers=8)  # type: ignore[arg-type]
        assert code not in told and len(set(told)) == 3
    assert steps(settings, LoadRequest(**wished), layers=8) == []  # type: ignore[arg-type]


def test_what_there_is_nothing_left_of() -> None:
    small = LoadSettings(context_tokens=FEWEST_CONTEXT, slots=1, kv_type_k="q8_0", gpu_layers=0)
    assert next_step(small, LoadRequest(), 32) is None
    assert next_step(LoadSettings(context_tokens=300, slots=1), LoadRequest(), None) is not None
    embedding = LoadSettings(context_tokens=FEWEST_CONTEXT, slots=1, embedding=True)
    assert next_step(embedding, LoadRequest(), None) is None  # it keeps no such cache


def test_both_halves_of_the_cache_shrink_together() -> None:
    step = next_step(LoadSettings(kv_type_k="f32", kv_type_v="f32"), LoadRequest(), None)
    assert step is not None
    assert (step[0].kv_type_k, step[0].kv_type_v) == ("f16", "f16")
    assert step[1].params == {"kv_type": "f16"}


def test_a_context_is_not_halved_below_the_least() -> None:
    settings = LoadSettings(context_tokens=3000, slots=1, kv_type_k="q8_0")
    step = next_step(settings, LoadRequest(), None)
    assert step is not None and step[0].context_tokens == FEWEST_CONTEXT
