"""Recommendations: what fits where, the rules of choice and rank, and what must never happen."""

from __future__ import annotations

import dataclasses
import math
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desktop.cli.reasons import WORDS, words
from desktop.core.engine.flags import LoadSettings
from desktop.core.errors import AppError, ErrorCode
from desktop.core.fit.candidates import (
    Candidate,
    KnownFile,
    LeftOut,
    catalog_candidates,
    files_candidate,
)
from desktop.core.fit.catalog import Catalog, load_catalog
from desktop.core.fit.estimate import GIB, HOST
from desktop.core.fit.formula import estimate, supported
from desktop.core.fit.layers import Gpu
from desktop.core.fit.placement import CONTEXTS, Room
from desktop.core.fit.quality import measured_loss
from desktop.core.fit.recommend import (
    PURPOSES,
    Choice,
    Ranking,
    Recommendation,
    Wish,
    choose,
    recommend,
    size_class,
    speed_class,
    suits,
)
from desktop.core.fit.simulate import GPU, GpuRoom, Machine, parse_machine, simulated
from desktop.core.fit.speed import DeviceSpeed, Speeds
from desktop.core.fit.suited import hardware_for
from desktop.core.gguf.facts import facts_of
from desktop.core.gguf.local import read_header
from desktop.core.gguf.shape import ModelShape
from desktop.core.hardware.known import known_gpus
from tests.helpers.model_zoo import Spec, write_stub

CATALOG = load_catalog()
CANDIDATES, LEFT_OUT = catalog_candidates(CATALOG)
BY_NAME = {candidate.name: candidate for candidate in CANDIDATES}
RATES = {"cpu": 0.7, "cuda": 0.75}  # of the bandwidth


def _device(backend: str, gb_per_second: float) -> DeviceSpeed:
    per_byte = 1 / (gb_per_second * 1e9 * RATES[backend])
    return DeviceSpeed(
        build="",
        backend=backend,
        device=backend,
        memory=((1e9, per_byte),),
        decode={},
        prefill={},
        layer=1e-5,
        moe_layer=2e-5,
        source="seed_table",
    )


def speeds_of(machine: Machine) -> Speeds:
    """Speeds that follow from the bandwidths alone."""
    devices = {}
    if machine.ram_gb_per_second:
        devices["CPU"] = _device("cpu", machine.ram_gb_per_second)
    if machine.gpu is not None and machine.gpu.bandwidth_gb_per_second:
        devices[GPU] = _device("cuda", machine.gpu.bandwidth_gb_per_second)
    return Speeds(devices)


def ask(text: str, wish: Wish | None = None) -> Ranking:
    machine = parse_machine(text)
    return recommend(
        CANDIDATES,
        machine,
        speeds_of(machine),
        wish or Wish(),
        today=CATALOG.collected,
        left_out=LEFT_OUT,
        collected=CATALOG.collected,
    )


def one(name: str, text: str, wish: Wish | None = None) -> Recommendation:
    machine = parse_machine(text)
    answer = choose(BY_NAME[name], machine, speeds_of(machine), wish or Wish())
    assert isinstance(answer, Recommendation), answer
    return answer


def codes(answer: Recommendation) -> list[str]:
    return [reason.code for reason in answer.reasons]


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


def _worth(candidate: Candidate, machine: Machine, wish: Wish) -> tuple[float, ...]:
    answer = choose(candidate, machine, speeds_of(machine), wish)
    return answer.choice.worth(wish.speed) if isinstance(answer, Recommendation) else (-1.0,)


@settings(deadline=None, max_examples=150)
@given(_MODELS, _RAM, _RAM, _WISHES)
def test_more_ram_never_makes_the_answer_worse(
    candidate: Candidate, one_size: int, other: int, wish: Wish
) -> None:
    less, more = (simulated(size) for size in sorted((one_size, other)))
    assert _worth(candidate, more, wish) >= _worth(candidate, less, wish)


@settings(deadline=None, max_examples=200)
@given(_MODELS, _RAM, st.integers(1, 96), st.integers(1, 96), _WISHES)
def test_more_gpu_memory_never_makes_the_answer_worse(
    candidate: Candidate, ram: int, one_size: int, other: int, wish: Wish
) -> None:
    less, more = (
        dataclasses.replace(simulated(ram), gpu=GpuRoom(GPU, "a GPU", size * GIB, 500.0))
        for size in sorted((one_size, other))
    )
    assert _worth(candidate, more, wish) >= _worth(candidate, less, wish)


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


@pytest.mark.parametrize("context", [512, 5000, 8192, 40_000, 600_000])
@pytest.mark.parametrize("kv_type", ["f16", "q8_0"])
def test_lists_are_priced_as_the_formula_prices_one_model(context: int, kv_type: str) -> None:
    compared = 0
    for candidate in CANDIDATES:
        body = candidate.options[0].load.body
        ours = body.fixed(context, kv_type)
        settings = LoadSettings(
            context_tokens=context,
            kv_type_k=kv_type,
            kv_type_v=kv_type,
            embedding=candidate.embedding,
        )
        if not supported(body.shape) or ours is None:
            continue
        theirs = estimate(body.shape, settings, [Gpu(GPU, 1 << 62)])
        assert theirs is not None
        compared += 1
        work = next(need for need in theirs.devices if need.name == GPU).compute_bytes.value
        assert ours.kv == pytest.approx(theirs.part("kv_bytes").value, abs=64), candidate.name
        assert ours.work >= 0.97 * work or context > CONTEXTS[-1], candidate.name
        assert ours.work <= 1.25 * work + (8 << 20), candidate.name
    assert compared > 40


def test_a_plain_transformer_stands_in_for_those_the_formula_does_not_know() -> None:
    """Checked on those it knows: what it would be off if it did not."""
    compared = 0
    for model in CATALOG.models:
        shape = model.shape
        plain = ("gemma3", "gemma4", "gpt-oss", "granite", "mistral3", "phi3", "smollm3", "qwen3")
        if shape is None or shape.architecture not in plain:
            continue
        alike = dataclasses.replace(shape, architecture="qwen3moe" if shape.n_experts else "llama")
        for context in (1024, 65_536):
            settings = LoadSettings(context_tokens=context, gpu_layers=shape.n_layers + 1)
            works = []
            for each in (shape, alike):
                priced = estimate(each, settings, [Gpu(GPU, 1 << 62)])
                assert priced is not None
                works.append(next(n for n in priced.devices if n.name == GPU).compute_bytes.value)
            compared += 1
            assert 0.99 * works[0] <= works[1] <= 1.1 * works[0], model.name
    assert compared > 40


def test_a_model_priced_by_another_architecture_says_so() -> None:
    for candidate in CANDIDATES:
        body = candidate.options[0].load.body
        rough = not supported(body.shape) and body.fixed(8192, "f16") is not None
        assert ("memory_rough" in candidate.flags_shown) == rough, candidate.name


def test_two_rankings_at_once_do_not_mix_their_contexts() -> None:
    body = BY_NAME["Llama 3.1 8B"].options[0].load.body
    expected = {context: body.fixed(context, "f16") for context in (2048, 65_536)}

    def ask_often(context: int) -> bool:
        return all(body.fixed(context, "f16") == expected[context] for _ in range(5000))

    with ThreadPoolExecutor(2) as pool:
        assert all(pool.map(ask_often, expected))


# Files whose headers were read.


def _file(folder: Path, quant: str, kind: str) -> KnownFile:
    spec = Spec(
        "llama",
        layers=16,
        hidden=2048,
        heads=16,
        kv_heads=4,
        head_dim=128,
        ff=5632,
        vocab=32_000,
        kind=kind,
    )
    path = write_stub(folder / f"{quant}.gguf", spec)
    shape = ModelShape.of(facts_of(read_header(path)))
    assert shape is not None
    return KnownFile(quant, path.stat().st_size, shape)


_SHAPES = {
    "dense": Spec(
        "llama",
        layers=32,
        hidden=4096,
        heads=32,
        kv_heads=8,
        head_dim=128,
        ff=14336,
        vocab=128_256,
        kind="Q4_K",
    ),
    "tied": Spec(
        "qwen3",
        layers=28,
        hidden=1024,
        heads=16,
        kv_heads=8,
        head_dim=128,
        ff=3072,
        vocab=151_936,
        kind="Q8_0",
        output=False,
    ),
    "experts": Spec(
        "qwen3moe",
        layers=48,
        hidden=2048,
        heads=32,
        kv_heads=4,
        head_dim=128,
        experts=128,
        used=8,
        expert_ff=768,
        vocab=151_936,
        kind="Q4_K",
    ),
    "sliding": Spec(
        "gemma3",
        layers=34,
        hidden=2560,
        heads=8,
        kv_heads=4,
        head_dim=256,
        ff=10240,
        vocab=262_144,
        window=1024,
        kind="Q4_K",
        output=False,
    ),
}


@pytest.mark.parametrize("name", _SHAPES)
def test_a_placement_needs_what_the_formula_says_of_its_settings(name: str, tmp_path: Path) -> None:
    path = write_stub(tmp_path / "stub.gguf", _SHAPES[name])
    shape = ModelShape.of(facts_of(read_header(path)))
    assert shape is not None
    (option,) = files_candidate("m", [KnownFile("Q", path.stat().st_size, shape)]).options
    seen = set()
    for gib in (1, 2, 3, 6, 12, 30):
        machine = Machine(64 * GIB, 50.0, GpuRoom(GPU, "a GPU", gib * GIB, 500.0))
        for context in (4096, 20_000, 65_536):
            for placement in option.load.placements(context, "f16", Room.of(machine)) or ():
                seen.add(placement.verdict)
                choice = Choice(option, placement, context, "f16", False, None)
                priced = estimate(shape, choice.settings, [Gpu(GPU, gib * GIB)])
                assert priced is not None
                needs = {need.name: need.total_bytes.value for need in priced.devices}
                gpu, host = needs.get(GPU, 0), needs[HOST]
                assert placement.gpu_bytes == pytest.approx(gpu, abs=48 << 20, rel=0.01)
                assert placement.host_bytes == pytest.approx(host, abs=80 << 20, rel=0.01)
    assert {"gpu", "partial", "cpu"} <= seen
    assert ("experts_on_cpu" in seen) == (name == "experts")


def test_a_list_of_files_is_recommended_like_a_row(tmp_path: Path) -> None:
    files = [_file(tmp_path, "Q8_0", "Q8_0"), _file(tmp_path, "Q4_K", "Q4_K")]
    candidate = files_candidate("someone/model", files)
    assert [option.quant_type for option in candidate.options] == ["Q4_K", "Q8_0"]
    machine = parse_machine("ram=16,gpu=RTX_3060_12GB")
    answer = choose(candidate, machine, speeds_of(machine), Wish(context_tokens=4096))
    assert isinstance(answer, Recommendation)
    assert answer.choice.option.quant_type == "Q8_0" and answer.verdict == "gpu"
    assert answer.choice.option.size.predicted is False
    # the file itself, not a scaled shape, is what is placed
    size = files[0].size_bytes
    assert size < answer.choice.placement.gpu_bytes + answer.choice.placement.host_bytes


def test_a_measured_loss_is_taken_before_an_expected_one(tmp_path: Path) -> None:
    file = dataclasses.replace(_file(tmp_path, "Q4_K", "Q4_K"), loss=measured_loss(0.9, 0.6))
    (option,) = files_candidate("someone/model", [file]).options
    assert option.loss is not None and option.loss.level == "broken"
    assert option.loss.kld_mean.source == "measured"


# The other way round.


def test_hardware_for_a_model_reaches_what_was_wished_and_starts_small() -> None:
    wish = Wish(speed=30)
    found = hardware_for(BY_NAME["Qwen3.6 27B"], wish, known_gpus().gpus, speeds_of)
    assert len(found) > 10
    for each in found:
        assert each.choice.decode is not None and each.choice.decode.value >= 30
        assert each.choice.usable
    memory = [
        each.ram_gib if each.gpu.unified_memory else each.gpu.memory_gb or 0
        for each in found
        if each.gpu is not None
    ]
    assert memory == sorted(memory)
    names = {each.gpu.name for each in found if each.gpu is not None}
    assert "GeForce RTX 4090" in names and "GeForce GTX 1050 Ti" not in names


def test_a_small_model_needs_no_gpu_and_a_named_file_is_kept() -> None:
    found = hardware_for(
        BY_NAME["Llama 3.2 1B"], Wish(speed=15), known_gpus().gpus, speeds_of, quant_type="q8_0"
    )
    assert found[0].gpu is None and found[0].ram_gib == 8
    assert {each.choice.option.quant_type for each in found} == {"Q8_0"}
    with pytest.raises(AppError) as caught:
        hardware_for(BY_NAME["Llama 3.2 1B"], Wish(), (), speeds_of, quant_type="Q9_Z")
    assert caught.value.code is ErrorCode.HUB_QUANT_UNKNOWN
    assert "Q4_K_M" in caught.value.cause


def test_less_ram_than_the_answer_is_not_enough() -> None:
    wish = Wish(speed=20)
    for each in hardware_for(BY_NAME["gpt-oss 120B"], wish, known_gpus().gpus, speeds_of)[:10]:
        smaller = simulated(each.ram_gib / 2, each.gpu)
        worth = _worth(BY_NAME["gpt-oss 120B"], smaller, wish)
        assert worth[0] < 1.0 or worth[1] < 1.0


def test_the_catalogue_is_the_shipped_one() -> None:
    assert isinstance(CATALOG, Catalog) and len(CANDIDATES) > 80
