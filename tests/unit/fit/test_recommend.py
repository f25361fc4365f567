"""Recommendations: what fits where, the rules of choice and rank, and what must never happen."""

from __future__ import annotations

import dataclasses
import math
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desktop.cli.reasons import WORDS, words
from desktop.core.errors import AppError, ErrorCode
from desktop.core.fit.candidates import (
    Candidate,
    LeftOut,
    catalog_candidates,
)
from desktop.core.fit.estimate import GIB
from desktop.core.fit.placement import Room
from desktop.core.fit.recommend import (
    PURPOSES,
    Recommendation,
    Wish,
    choose,
    recommend,
    size_class,
    speed_class,
    suits,
)
from desktop.core.fit.simulate import GPU, GpuRoom, Machine, parse_machine, simulated
from desktop.core.hardware.known import known_gpus
from tests.unit.fit.recommending import (
    BY_NAME,
    CANDIDATES,
    CATALOG,
    ask,
    codes,
    one,
    speeds_of,
    worth,
)

# What fits where.


def test_a_small_model_goes_to_the_gpu_whole_with_little_loss() -> None:
    answer = one("Llama 3.1 8B", "ram=32,gpu=RTX_4090")
    choice = answer.choice
    assert answer.verdict == "gpu"
    assert choice.option.loss is not None and choice.option.loss.level == "near_lossless"
    assert choice.settings.gpu_layers == 33 and not choice.settings.experts_on_cpu
    # weights, 8,192 tokens of cache at 128 KiB, and room to work in
    least = choice.option.size.value + 8192 * 131_072
    assert least < choice.placement.gpu_bytes < least + 2 * GIB
    assert codes(answer)[:3] == ["fits_gpu", "fast_enough", "loss_near_lossless"]


def test_a_mixtures_experts_go_to_the_ram_when_that_is_faster_than_some_layers() -> None:
    answer = one("gpt-oss 120B", "ram=96,vram=8,gpu=RTX 4060")
    assert answer.verdict == "experts_on_cpu"
    choice = answer.choice
    assert choice.settings.experts_on_cpu is True
    assert choice.placement.host_bytes > 55 * GIB > 8 * GIB > choice.placement.gpu_bytes
    assert {"experts_on_cpu", "native_type"} <= set(codes(answer))


def test_a_model_larger_than_the_gpu_is_split_by_layers() -> None:
    answer = one("Llama 3.3 70B", "ram=64,gpu=RTX_4090", Wish(speed=2))
    choice = answer.choice
    assert answer.verdict == "partial"
    assert 20 < choice.placement.layers_on_gpu < 80
    assert choice.settings.gpu_layers == choice.placement.layers_on_gpu + 1
    assert choice.placement.gpu_bytes <= 24 * GIB


def test_without_a_gpu_it_runs_in_ram() -> None:
    answer = one("Llama 3.2 3B", "ram=16")
    assert answer.verdict == "cpu" and answer.choice.settings.gpu_layers == 0
    assert answer.choice.placement.gpu_bytes == 0


def test_what_does_not_fit_is_left_out_with_its_size() -> None:
    machine = parse_machine("ram=16,vram=8")
    answer = choose(BY_NAME["Llama 3.3 70B"], machine, speeds_of(machine), Wish())
    assert isinstance(answer, LeftOut) and answer.reason.code == "too_large"
    assert answer.reason.params["size_bytes"] > answer.reason.params["room_bytes"] > 0


def test_a_machine_with_no_memory_left_runs_nothing() -> None:
    machine = Machine(0, 50.0, GpuRoom(GPU, "a GPU", 0, None))
    ranking = recommend(CANDIDATES, machine, speeds_of(machine), Wish(), today=CATALOG.collected)
    assert not ranking.items
    assert {each.reason.code for each in ranking.left_out} <= {"too_large", "engine_must_tell"}


def test_unified_memory_is_not_spent_twice() -> None:
    room = Room.of(parse_machine("ram=64,gpu=M4 Max"))
    for candidate in CANDIDATES:
        for option in candidate.options:
            for placement in option.load.placements(8192, "f16", room) or ():
                assert placement.gpu_bytes + placement.host_bytes <= 64 * GIB, candidate.name


def test_a_longer_context_than_trained_is_refused_not_cut() -> None:
    machine = parse_machine("ram=32,gpu=RTX_4090")
    answer = choose(BY_NAME["Phi-4 14B"], machine, speeds_of(machine), Wish(context_tokens=32_768))
    assert isinstance(answer, LeftOut)
    assert answer.reason.code == "context_too_long"
    assert answer.reason.params == {"trained": 16_384, "wanted": 32_768}


def test_a_cache_of_8_bits_is_taken_where_it_makes_a_model_fit() -> None:
    wish = Wish(context_tokens=131_072, speed=25)
    answer = one("Llama 3.1 8B", "ram=32,vram=16,gpu=RTX 4060 Ti", wish)
    assert answer.choice.kv_type == "q8_0" and answer.verdict == "gpu"
    assert "smaller_cache" in codes(answer)
    assert one("Llama 3.1 8B", "ram=32,gpu=RTX_4090").choice.kv_type == "f16"


def test_a_projector_takes_room_when_pictures_are_wanted() -> None:
    with_eyes, _ = catalog_candidates(CATALOG, vision=True)
    seeing = next(each for each in with_eyes if each.name == "Gemma 3 4B")
    machine = parse_machine("ram=32,gpu=RTX_4090")
    answers = [
        choose(each.only("Q4_K_M"), machine, speeds_of(machine), Wish())
        for each in (BY_NAME["Gemma 3 4B"], seeing)
    ]
    blind, eyes = answers
    assert isinstance(blind, Recommendation) and isinstance(eyes, Recommendation)
    assert eyes.choice.placement.gpu_bytes - blind.choice.placement.gpu_bytes > 0.8e9


# The rules.


def test_a_wished_speed_takes_a_smaller_file() -> None:
    slow = one("Qwen3.6 27B", "ram=32,gpu=RTX_4090", Wish(speed=10))
    fast = one("Qwen3.6 27B", "ram=32,gpu=RTX_4090", Wish(speed=45))
    assert slow.choice.level < fast.choice.level
    assert slow.choice.option.size.value > fast.choice.option.size.value
    assert fast.choice.decode is not None and fast.choice.decode.value >= 45
    assert "better_is_slower" in codes(fast)


def test_a_speed_out_of_reach_gives_the_fastest_that_is_still_usable() -> None:
    answer = one("Llama 3.3 70B", "ram=64", Wish(speed=50))
    assert "slower_than_wished" in codes(answer)
    assert answer.choice.usable
    assert answer.choice.speed_class == "slow"


@pytest.mark.parametrize(
    ("rate", "name"), [(14.9, "slow"), (15, "C"), (29.9, "C"), (30, "B"), (70, "A"), (900, "A")]
)
def test_the_speed_classes(rate: float, name: str) -> None:
    assert speed_class(rate) == name


def test_models_are_ranked_by_the_rule_and_not_by_scores() -> None:
    """The order does not change when the scores do."""
    ranking = ask("ram=32,gpu=RTX_4090")
    no_scores = dataclasses.replace(
        CATALOG,
        models=tuple(dataclasses.replace(m, scores="") for m in reversed(CATALOG.models)),
    )
    candidates, _ = catalog_candidates(no_scores)
    machine = ranking.machine
    again = recommend(
        candidates, machine, speeds_of(machine), ranking.wish, today=CATALOG.collected
    )
    assert [e.candidate.id for e in again.items] == [e.candidate.id for e in ranking.items]


def test_what_reaches_the_speed_comes_before_what_does_not() -> None:
    ranking = ask("ram=64,gpu=RTX_4060", Wish(speed=30))
    reaching = [each.choice.reaches(30) for each in ranking.items]
    assert True in reaching and False in reaching
    assert reaching == sorted(reaching, reverse=True)


def test_size_counts_by_doublings_and_age_by_years() -> None:
    today = date(2026, 11, 21)
    eight = BY_NAME["Llama 3.1 8B"]

    def of(parameters: float, released: tuple[int, int] | None) -> int:
        made = dataclasses.replace(eight, effective_parameters=parameters, released=released)
        return size_class(made, today)

    assert of(16e9, (2026, 11)) == of(8e9, (2026, 11)) + 1
    assert of(8e9, (2025, 11)) == of(8e9, (2026, 11)) - 1
    assert of(8e9, None) == of(8e9, (2026, 12)) == 3


@pytest.mark.parametrize("purpose", PURPOSES)
def test_only_models_for_the_purpose_are_recommended(purpose: str) -> None:
    wish = Wish(purpose)  # type: ignore[arg-type]
    ranking = ask("ram=64,gpu=RTX_4090", wish)
    assert len(ranking.items) >= 5
    for each in ranking.items:
        assert suits(each.candidate, wish.purpose)
        if purpose == "japanese":
            assert "ja" in each.candidate.languages
        if purpose == "embeddings":
            assert each.choice.decode is None and each.choice.settings.embedding
            assert not [code for code in codes(each) if code.startswith("loss_")]
        if purpose == "chat":
            assert "embedding" not in each.candidate.capabilities
            assert "translation" not in each.candidate.name


def test_a_model_made_for_japanese_comes_before_its_equals() -> None:
    names = [e.candidate.name for e in ask("ram=16,gpu=RTX_3060_12GB", Wish("japanese")).items]
    assert names.index("LFM2.5 1.2B JP") < names.index("LFM2.5 1.2B")


def test_what_cannot_be_judged_is_named_with_the_reason() -> None:
    ranking = ask("ram=32,gpu=RTX_4090")
    reasons = {each.id: each.reason.code for each in ranking.left_out}
    assert reasons["llm-jp/llm-jp-4-8b-thinking"] == "no_repository"
    assert reasons["mistralai/Mistral-Small-4-119B-2603"] == "shape_unknown"
    assert reasons["deepseek-ai/DeepSeek-V3.2"] in ("engine_must_tell", "too_large")
    judged = {each.candidate.id for each in ranking.items} | set(reasons)
    chat = {model.id for model in CATALOG.models if "chat" in model.capabilities}
    assert chat <= judged


def test_rows_say_what_is_doubtful_about_them() -> None:
    assert BY_NAME["Ministral 3 8B"].flags_shown[0] == "remembered"
    assert "dims_of_sibling" in BY_NAME["Qwen3.8 27B"].flags_shown
    assert BY_NAME["Qwen3 8B"].flags_shown == ()
    assert "native_quant" in BY_NAME["gpt-oss 20B"].flags
    assert [o.quant_type for o in BY_NAME["gpt-oss 20B"].options] == ["MXFP4"]


def test_a_native_model_loses_nothing() -> None:
    (option,) = BY_NAME["gpt-oss 20B"].options
    assert option.loss is not None and option.loss.kld_mean.value == 0


def test_every_reason_has_words() -> None:
    machines = ("ram=8", "ram=32,vram=24", "ram=64,gpu=RTX_4060", "ram=512,gpu=H100 PCIe")
    seen = set()
    for text in machines:
        for purpose in PURPOSES:
            for speed in (1.0, 40.0):
                ranking = ask(text, Wish(purpose, 16_384, speed))
                reasons = [r for each in ranking.items for r in each.reasons]
                reasons += [each.reason for each in ranking.left_out]
                for reason in reasons:
                    assert len(words(reason.code, reason.params)) > 8
                    seen.add(reason.code)
    assert seen <= set(WORDS) and len(seen) > 12


@pytest.mark.parametrize("wrong", [(0, 15.0), (-5, 15.0), (8192, 0.0), (8192, math.nan)])
def test_a_wish_without_sense_is_refused(wrong: tuple[int, float]) -> None:
    with pytest.raises(AppError) as caught:
        Wish("chat", *wrong)
    assert caught.value.code is ErrorCode.BAD_REQUEST


# What must hold for every machine.

_MODELS = st.sampled_from([each for each in CANDIDATES if not each.embedding])
_GPUS = st.sampled_from(
    [gpu for gpu in known_gpus().gpus if gpu.memory_gb and gpu.bandwidth_gb_per_second]
)
_RAM = st.sampled_from((8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 512))
_WISHES = st.builds(
    Wish,
    st.just("chat"),
    st.sampled_from((512, 4096, 8192, 16_384)),
    st.sampled_from((1.0, 8.0, 15.0, 30.0, 70.0)),
)


@settings(deadline=None, max_examples=150)
@given(_MODELS, _RAM, _RAM, _WISHES)
def test_more_ram_never_makes_the_answer_worse(
    candidate: Candidate, one_size: int, other: int, wish: Wish
) -> None:
    less, more = (simulated(size) for size in sorted((one_size, other)))
    assert worth(candidate, more, wish) >= worth(candidate, less, wish)


@settings(deadline=None, max_examples=200)
@given(_MODELS, _RAM, st.integers(1, 96), st.integers(1, 96), _WISHES)
def test_more_gpu_memory_never_makes_the_answer_worse(
    candidate: Candidate, ram: int, one_size: int, other: int, wish: Wish
) -> None:
    less, more = (
        dataclasses.replace(simulated(ram), gpu=GpuRoom(GPU, "a GPU", size * GIB, 500.0))
        for size in sorted((one_size, other))
    )
    assert worth(candidate, more, wish) >= worth(candidate, less, wish)


@settings(deadline=None, max_examples=150)
@given(_MODELS, st.integers(9, 17), st.integers(1, 3), st.sampled_from(("f16", "q8_0")))
def test_a_larger_context_never_needs_less_memory(
    candidate: Candidate, power: int, more: int, kv_type: str
) -> None:
    def fixed(context: int) -> tuple[int, int]:
        found = candidate.options[0].load.body.fixed(context, kv_type)
        if found is None:
            return 0, 0
        return found.kv, found.kv + found.work + found.host

    small, large = fixed(1 << power), fixed(1 << (power + more))
    assert small[0] <= large[0] and small[1] <= large[1]


@settings(deadline=None, max_examples=150)
@given(_MODELS, _GPUS, _RAM, _WISHES)
def test_what_is_recommended_fits_as_it_says(
    candidate: Candidate, gpu: object, ram: int, wish: Wish
) -> None:
    machine = simulated(ram, gpu)  # type: ignore[arg-type]
    answer = choose(candidate, machine, speeds_of(machine), wish)
    if isinstance(answer, LeftOut):
        return
    placement = answer.choice.placement
    assert machine.gpu is not None
    assert placement.gpu_bytes <= machine.gpu.available_bytes
    assert placement.host_bytes <= machine.ram_bytes
    weights = placement.gpu_bytes + placement.host_bytes
    assert weights >= answer.choice.option.size.low
    assert answer.choice.settings.context_tokens == wish.context_tokens
