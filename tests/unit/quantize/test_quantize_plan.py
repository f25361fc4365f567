"""What files will be and take, before they are made: asked from the real build."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from desktop.core.events import CancelToken
from desktop.core.gguf.reader import HeaderReader
from desktop.core.gguf.summary import ModelSummary
from desktop.core.gguf.synthetic import SyntheticModel
from quantize import make, outline, plan, tool, types
from quantize import recipe as recipes
from quantize.dry_runs import DryRuns
from quantize.plan import Matrix, Plan, Request, Wanted, make_plan
from quantize.rates import Figure, Rates
from quantize.recipe import Recipe

Tools = Callable[[str], Path]
NARROW = SyntheticModel("F16", 2, 192, 320, 4, 4)  # rows that K-quants cannot be cut from
DEEP = SyntheticModel("F16", 8, 256, 512, 4, 2)
KNOWN = Rates(
    {"Q4_0": Figure(1e6, 8e5, 1.25e6, "measured")}, {"F16": Figure(1e9, 9e8, 1.1e9, "measured")}
)


@pytest.fixture
def quantizer(tools: Tools) -> Path:
    return tools("llama-quantize")


@pytest.fixture
def summary(whole: Path, tmp_path: Path) -> ModelSummary:
    with HeaderReader(tmp_path / "headers", work_root=tmp_path) as reader:
        return reader.read(whole)


@pytest.fixture
def request_of(whole: Path, summary: ModelSummary, tmp_path: Path) -> Callable[..., Request]:
    """A request for plain files of these types."""
    source = make.Source(whole, "", quantized=False, size_bytes=whole.stat().st_size)

    def build(*names: str) -> Request:
        wanted = (Wanted(name, Recipe(name), tmp_path / f"guide-{name}.gguf") for name in names)
        return Request(source, summary, tuple(wanted), tmp_path / "cache")

    return build


def planned(request: Request, quantizer: Path, rates: Rates = KNOWN, memory: int = 1 << 40) -> Plan:
    return make_plan(
        request, DryRuns(), quantizer, rates=rates, memory_available_bytes=memory,
        cancel=CancelToken(),
    )  # fmt: skip


def codes(found: Plan) -> list[str]:
    return [each["code"] for each in found.warnings]


# --- sizes ----------------------------------------------------------------------------------------


def test_types_come_from_the_build_with_what_they_make_of_a_usual_model(
    quantizer: Path, tmp_path: Path
) -> None:
    found = types.described(quantizer, DryRuns(), tmp_path, CancelToken())
    bits = {each.type.name: each.bits_per_weight for each in found}
    assert len(bits) == len(types.offered(quantizer))
    assert bits["F16"] == 16.0 and bits["Q8_0"] == 8.5
    # As published for Llama 3 8B: a file of 4.58 GiB.
    assert bits["Q4_K_M"] == pytest.approx(4.58 * 2**30 * 8 / 8.03e9, abs=0.02)
    known = [value for value in bits.values() if value is not None]
    assert known == sorted(known, reverse=True) and len(known) == len(bits)
    assert list(tmp_path.iterdir()) == []


def test_the_types_that_need_a_matrix_are_those_the_build_refuses_without(
    quantizer: Path, tmp_path: Path
) -> None:
    names = [each.name for each in types.offered(quantizer)]
    with outline.outlined(outline.REFERENCE, tmp_path) as model:
        asked = [Recipe(name) for name in names]
        found = DryRuns().of(quantizer, model, asked, CancelToken(), has_matrix=False)
        own = Recipe("Q8_0", tensor_types=(("ffn_up", "IQ2_XS"),))
        (mixed,) = DryRuns().of(quantizer, model, [own], CancelToken(), has_matrix=False)
    refused = {name for name, each in zip(names, found, strict=True) if each.needs_imatrix}
    assert refused == types.NEEDS_IMATRIX
    assert mixed.needs_imatrix, "a tensor of such a type needs it in a mix of any name"


def test_a_matrix_decides_types_before_it_is_there(quantizer: Path, tmp_path: Path) -> None:
    with outline.outlined(DEEP, tmp_path) as model:
        runs, asked = DryRuns(), [Recipe("IQ4_NL")]
        (bare,) = runs.of(quantizer, model, asked, CancelToken(), has_matrix=False)
        (told,) = runs.of(quantizer, model, asked, CancelToken(), has_matrix=True)
    # Without one the first layer's ffn_down gets Q5_K (llama-quant.cpp).
    assert told.size_bytes < bare.size_bytes
    assert {row.target for row in bare.rows} - {row.target for row in told.rows} == {"Q5_K"}


def test_a_dry_run_is_made_once(
    quantizer: Path, whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs, asked = DryRuns(), [Recipe("Q4_0"), Recipe("Q8_0"), Recipe("Q4_0")]
    first = runs.of(quantizer, whole, asked, CancelToken(), has_matrix=False)
    assert first[0] == first[2] and first[0].size_bytes < first[1].size_bytes

    def never(*args: object, **options: object) -> None:
        raise AssertionError("it was asked before")

    monkeypatch.setattr(recipes.tool, "run", never)
    assert runs.of(quantizer, whole, asked, CancelToken(), has_matrix=False) == first
    with pytest.raises(AssertionError):
        runs.of(quantizer, whole, asked, CancelToken(), has_matrix=True)


def test_tensors_that_fall_back_are_named(quantizer: Path, tmp_path: Path) -> None:
    with outline.outlined(NARROW, tmp_path) as model:
        found = recipes.plan(quantizer, model, Recipe("Q4_K_M"), CancelToken())
        fitting = recipes.plan(quantizer, model, Recipe("Q4_0"), CancelToken())
    assert "blk.1.ffn_down.weight" in found.fallbacks and len(found.fallbacks) == 14
    kinds = {row.target for row in found.rows if row.name in found.fallbacks}
    assert kinds <= {"Q5_0", "Q8_0"}, "what the engine takes instead of Q4_K and Q6_K"
    assert fitting.fallbacks == ("token_embd.weight",), "it is the output, which would be Q6_K"


def test_a_file_is_as_large_as_planned(
    quantizer: Path, whole: Path, request_of: Callable[..., Request]
) -> None:
    found = planned(request_of("Q4_K_M", "Q8_0"), quantizer)
    for each in found.outputs:
        target = each.wanted.path
        tool.run([quantizer, whole, target, each.wanted.recipe.quant_type], CancelToken())
        assert each.size_bytes is not None
        assert abs(target.stat().st_size - each.size_bytes) < 512, "the header's few new values"


# --- what it takes --------------------------------------------------------------------------------


def test_the_disk_is_asked_for_what_is_needed_when_it_is_most(
    quantizer: Path, request_of: Callable[..., Request]
) -> None:
    request = request_of("Q4_0", "Q8_0")
    fresh = planned(request, quantizer)
    sizes = [each.size_bytes or 0 for each in fresh.outputs]
    assert fresh.disk_bytes == sum(sizes) + make.ROOM_BYTES
    # A file that is replaced goes when the new one is whole, and its room is there for the next.
    request.outputs[0].path.write_bytes(bytes(sizes[0]))
    again = planned(replace(request, replace=True), quantizer)
    assert again.disk_bytes == max(sizes[0], sizes[1]) + make.ROOM_BYTES
    compared = planned(replace(request, replace=True, chunks=10), quantizer)
    answers = (compared.disk_bytes or 0) - (again.disk_bytes or 0)
    assert answers == pytest.approx(10 * 255 * (4096 + 4) * 2, rel=0.02)
    first = planned(replace(request, replace=True, before=((Path("/tmp"), 1 << 20),)), quantizer)
    same = Path("/tmp").stat().st_dev == request.outputs[0].path.parent.stat().st_dev
    assert (first.disk_bytes or 0) - (again.disk_bytes or 0) == (1 << 20 if same else 0)


def test_what_would_be_refused_is_told(
    quantizer: Path,
    request_of: Callable[..., Request],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    request = request_of("Q4_0", "IQ2_XXS")
    assert codes(planned(request, quantizer)) == ["imatrix_needed"]
    assert codes(planned(replace(request, matrix=Matrix.GIVEN), quantizer)) == []
    request.outputs[0].path.write_bytes(b"x")
    source = replace(request.source, quantized=True)
    found = planned(replace(request, source=source, matrix=Matrix.GIVEN), quantizer)
    assert codes(found) == ["quantize_again", "output_exists"]
    allowed = replace(request, source=source, matrix=Matrix.GIVEN, requantize=True, replace=True)
    assert codes(planned(allowed, quantizer)) == []
    assert found.outputs[0].exists and not found.outputs[1].exists
    usage = shutil.disk_usage(tmp_path)._replace(free=1 << 20)
    monkeypatch.setattr(plan.shutil, "disk_usage", lambda path: usage)
    short = planned(allowed, quantizer, memory=1 << 20)
    assert codes(short) == ["disk_full", "quant_memory"]
    assert "GiB are needed" in short.warnings[0]["params"]["reason"]


def test_memory_is_that_of_the_tool_that_needs_most(
    quantizer: Path, request_of: Callable[..., Request], whole: Path
) -> None:
    request = request_of("Q8_0")
    making = planned(request, quantizer).memory_bytes or 0
    reading = planned(replace(request, chunks=5), quantizer).memory_bytes or 0
    assert reading - making > whole.stat().st_size / 2, "a model that is read stays in memory"
    other = replace(request.summary, vocab_size=200_000)
    more = planned(replace(request, summary=other, chunks=5), quantizer).memory_bytes or 0
    assert more - reading > 195_000 * 512 * 4, "logits of a large vocabulary count"


# --- how long -------------------------------------------------------------------------------------


def test_time_is_what_was_learned_for_each_part(
    quantizer: Path, request_of: Callable[..., Request]
) -> None:
    request = request_of("Q4_0")
    weights = request.summary.parameters
    making = planned(request, quantizer).seconds
    assert making is not None and making.source == "measured"
    assert making.value == pytest.approx(weights / 1e6)
    assert making.low < making.value < making.high
    compared = planned(replace(request, chunks=10), quantizer).seconds
    assert compared is not None and compared.source == "calibrated"  # it never read a Q4_0
    assert compared.value - making.value > 2 * 10 * 512 * weights / 1e9
    matrix = replace(request, matrix=Matrix.COMPUTED, matrix_chunks=10)
    computed = planned(matrix, quantizer).seconds
    assert computed is not None and computed.value > making.value + 10 * 512 * weights / 1e9
    assert planned(replace(request, chunks=10), quantizer, Rates(KNOWN.making)).seconds is None


def test_a_budget_decides_how_much_of_the_text_is_read(
    quantizer: Path, request_of: Callable[..., Request]
) -> None:
    request = replace(request_of("Q4_0"), chunks=100)
    assert planned(request, quantizer).chunks == 100
    chunk = 512 * request.summary.parameters / 1e9
    some = planned(replace(request, budget_seconds=60 * chunk), quantizer)
    assert 10 < some.chunks < 30, "two files are read, and their speed is measured"
    assert some.seconds is not None
    making = planned(request_of("Q4_0"), quantizer).seconds
    assert making is not None and some.seconds.value <= making.value + 60 * chunk
    little = planned(replace(request, budget_seconds=0.01), quantizer)
    assert little.chunks == 5, "fewer say nothing"


# --- of a checkpoint ------------------------------------------------------------------------------


def test_a_config_tells_the_shape() -> None:
    config = {
        "hidden_size": 2048, "num_hidden_layers": 3, "intermediate_size": 5632, "vocab_size": 32000,
        "num_attention_heads": 16, "num_key_value_heads": 8, "tie_word_embeddings": True,
    }  # fmt: skip
    found = outline.of_config(config)
    assert found == SyntheticModel("F16", 3, 2048, 5632, 16, 8, vocab=32000)
    nested = outline.of_config({"text_config": config, "tie_word_embeddings": False})
    assert nested == found
    experts = outline.of_config({**config, "num_experts": 8, "moe_intermediate_size": 512})
    assert experts is not None and (experts.experts, experts.feed_forward) == (8, 512)
    for wrong in ({}, {**config, "hidden_size": "2048"}, {**config, "num_attention_heads": 7}):
        assert outline.of_config(wrong) is None


def test_an_outline_stands_for_a_model_of_more_weights(quantizer: Path, tmp_path: Path) -> None:
    summary = outline.summary_of(DEEP)
    wanted = (Wanted("Q8_0", Recipe("Q8_0"), tmp_path / "x.gguf"),)
    with outline.outlined(DEEP, tmp_path / "stubs") as model:
        source = make.Source(model, "", quantized=False, size_bytes=model.stat().st_size)
        once = planned(Request(source, summary, wanted, tmp_path), quantizer)
        twice = planned(Request(source, summary, wanted, tmp_path, scale=2.0), quantizer)
    tensors = (once.outputs[0].planned or pytest.fail()).size_bytes
    assert (twice.outputs[0].size_bytes or 0) - (once.outputs[0].size_bytes or 0) == tensors
    assert twice.source["parameters"] == 2 * once.source["parameters"]
