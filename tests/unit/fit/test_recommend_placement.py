"""Prices of lists and files against the formula, and hardware for a model."""

from __future__ import annotations

import dataclasses
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from desktop.core.engine.flags import LoadSettings
from desktop.core.errors import AppError, ErrorCode
from desktop.core.fit.candidates import (
    KnownFile,
    files_candidate,
)
from desktop.core.fit.catalog import Catalog
from desktop.core.fit.estimate import GIB, HOST
from desktop.core.fit.formula import estimate, supported
from desktop.core.fit.layers import Gpu
from desktop.core.fit.placement import CONTEXTS, Room
from desktop.core.fit.quality import measured_loss
from desktop.core.fit.recommend import (
    Choice,
    Recommendation,
    Wish,
    choose,
)
from desktop.core.fit.simulate import GPU, GpuRoom, Machine, parse_machine, simulated
from desktop.core.fit.suited import hardware_for
from desktop.core.gguf.facts import facts_of
from desktop.core.gguf.local import read_header
from desktop.core.gguf.shape import ModelShape
from desktop.core.hardware.known import known_gpus
from tests.helpers.model_zoo import Spec, write_stub
from tests.unit.fit.recommending import (
    BY_NAME,
    CANDIDATES,
    CATALOG,
    speeds_of,
    worth,
)


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
        less = worth(BY_NAME["gpt-oss 120B"], smaller, wish)
        assert less[0] < 1 or less[1] < 1


def test_the_catalogue_is_the_shipped_one() -> None:
    assert isinstance(CATALOG, Catalog) and len(CANDIDATES) > 80
