"""What the engine's tools print, read from recorded output."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from desktop.core.errors import AppError, ErrorCode
from quantize import evaluate, recipe, tool, types
from quantize.loss import read_loss

Recorded = Callable[[str], list[str]]


def test_types_are_those_the_build_lists(recorded: Recorded) -> None:
    found = types.parse(recorded("help.txt"))
    names = [each.name for each in found]
    assert {"Q4_K_M", "IQ2_XXS", "MXFP4_MOE", "BF16", "Q8_0", "TQ1_0"} <= set(names)
    assert "Q4_K" not in names, "an alias is no type of its own"
    assert "COPY" not in names and len(names) == len(set(names)) == 35
    assert {each.name for each in found if each.needs_imatrix} >= {"IQ1_S", "IQ2_XS", "Q2_K_S"}


def test_names_are_taken_as_people_write_them(tools: Callable[[str], Path]) -> None:
    quantizer = tools("llama-quantize")
    assert [each.name for each in types.named(quantizer, ["q4_k", " Q8_0", "q4_k_m"])] == [
        "Q4_K_M",
        "Q8_0",
    ]
    for names in (["Q4_K_XXL"], []):
        with pytest.raises(AppError) as caught:
            types.named(quantizer, names)
        assert caught.value.code is ErrorCode.SETTING_INVALID


def test_a_dry_run_tells_size_and_tensors(recorded: Recorded) -> None:
    lines = recorded("dry_run.txt")
    planned = recipe.read_plan(lines)
    # By hand of its 38 rows; the tool itself rounds to 2.79 MiB.
    assert planned.size_bytes == 2_921_472 and planned.bits_per_weight == 5.24
    assert planned.tensors == 38 and planned.fallbacks == () and not planned.needs_imatrix
    assert planned.source_bytes == 4_744_192
    # The embedding, 256 × 4096, as numbers of 4 bytes and in Q6_K.
    assert planned.buffer_bytes == 256 * 4096 * 4 + 4096 * 210
    with pytest.raises(AppError) as caught:
        recipe.read_plan(["killed"])
    assert caught.value.code is ErrorCode.ENGINE_TOOL_FAILED


def test_a_type_we_do_not_know_leaves_the_tools_own_total(recorded: Recorded) -> None:
    lines = [line.replace("(q6_K)", "(q9_Z)") for line in recorded("dry_run.txt")]
    planned = recipe.read_plan(lines)
    assert planned.size_bytes == round(2.79 * (1 << 20))
    assert planned.rows == ()


def test_loss_of_a_whole_comparison(recorded: Recorded) -> None:
    loss = read_loss(recorded("kl_divergence.txt"))
    assert loss is not None and loss.chunks == 20
    assert (loss.kld_mean, loss.kld_median, loss.kld_99) == (0.019756, 0.011536, 0.128188)
    assert loss.kld_error == pytest.approx(0.00039, abs=1e-5)
    assert loss.same_top_rate == pytest.approx(0.93157)
    assert loss.perplexity == pytest.approx(878857.848)


def test_lines_that_were_lost_cost_no_more_than_they_said(recorded: Recorded) -> None:
    loss = read_loss(recorded("kl_divergence_cut.txt"))
    assert loss is not None and loss.kld_99 is None and loss.kld_median is None
    assert loss.kld_mean == pytest.approx(0.01976) and loss.chunks >= 19
    assert read_loss(recorded("base.txt")) is None


def test_the_base_fits_into_what_it_may_take() -> None:
    assert evaluate.base_bytes(4096, 20) >= 41_860_980  # measured
    assert evaluate.base_bytes(4096, 20) < 41_860_980 * 1.01
    chunks = evaluate.chunks_within(151_936, 1 << 30)
    assert (
        evaluate.base_bytes(151_936, chunks) <= 1 << 30 < evaluate.base_bytes(151_936, chunks + 1)
    )
    assert evaluate.chunks_within(10**9, 1) == 1


def test_the_reason_is_what_the_tool_marked() -> None:
    lines = [
        "0.00.082.941 I compute_imatrix: tokenization took 0.045 ms, no error so far",
        "0.00.082.951 E compute_imatrix: you need at least 1024 tokens",
        "0.00.082.952 E compute_imatrix: the data file you provided tokenizes to only 5 tokens",
        "0.00.083.000 I bye",
    ]
    said = tool.reason(lines)
    assert said.startswith("You need at least 1024 tokens.") and "only 5 tokens" in said
    assert tool.reason(["main: failed to open x", "bye"]) == "Main: failed to open x."
    assert tool.reason([]) == ""


def test_recipes_travel_and_refuse_what_is_no_name() -> None:
    own = recipe.Recipe("Q4_K_M", "Q8_0", None, (("attn_v", "Q6_K"),), True)
    assert recipe.Recipe.from_dict(own.to_dict()) == own and not own.plain
    assert own.arguments() == [
        "--pure", "--output-tensor-type", "Q8_0", "--tensor-type", "attn_v=Q6_K",
    ]  # fmt: skip
    assert recipe.Recipe.from_dict({"quant_type": "q4_k_m"}) == recipe.Recipe("Q4_K_M")
    for wrong in (
        {},
        {"quant_type": "--help"},
        {"quant_type": 7},
        {"quant_type": "Q4_0", "tensor_types": [["a b", "Q8_0"]]},
        {"quant_type": "Q4_0", "tensor_types": [["attn(", "Q8_0"]]},
        {"quant_type": "Q4_0", "tensor_types": [["attn", "Q4_K_M"]]},  # a mix, no tensor's type
        {"quant_type": "Q4_0", "tensor_types": ["attn"]},
        {"quant_type": "Q4_0", "tensor_types": 3},
        {"quant_type": "Q4_0", "output_type": "x/../y"},
    ):
        with pytest.raises(AppError) as caught:
            recipe.Recipe.from_dict(wrong)
        assert caught.value.code is ErrorCode.SETTING_INVALID, wrong
