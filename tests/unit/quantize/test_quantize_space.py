"""What target mode chooses from: the sizes it counts and the types it names are the engine's."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from desktop.core.events import CancelToken
from quantize import make
from quantize.recipe import Recipe, plan
from quantize.space import (
    Model,
    Tensor,
    assigned,
    choices,
    grouped,
    planned_types,
    read_for_a_token,
    recipe_of,
    tensors_bytes,
)
from tests.helpers.told import Told

Tools = Callable[[str], Path]
PLAIN = ("Q8_0", "Q4_K_M", "Q3_K_S", "Q2_K")


@pytest.fixture
def model(tools: Tools, whole: Path) -> Model:
    runs = {
        name: plan(tools("llama-quantize"), whole, Recipe(name), CancelToken()) for name in PLAIN
    }
    header = whole.stat().st_size - runs["Q8_0"].source_bytes
    types = {name: planned_types(run.rows) for name, run in runs.items()}
    return Model(types, choices(imatrix=False), {}, header)


def layered(layers: int, kinds: tuple[str, ...] = ("attn_v", "ffn_down")) -> list[Tensor]:
    tensors = [Tensor("token_embd.weight", (512, 1000), "F16")]
    for layer in range(layers):
        tensors += [Tensor(f"blk.{layer}.{kind}.weight", (512, 512), "F16") for kind in kinds]
    return tensors


def named(recipe: Recipe, tensor: Tensor) -> str | None:
    """The type a recipe gives, as llama-quantize reads it: the first pattern that is found."""
    found = (name for text, name in recipe.tensor_types if re.search(text, tensor.name))
    return next(found, None)


def test_what_no_type_changes_is_no_choice(model: Model) -> None:
    names = {tensor.name for tensor in model.movable}
    assert "token_embd.weight" in names and "blk.0.attn_v.weight" in names
    assert not [name for name in names if "norm" in name]


def test_any_assignment_gets_the_size_and_the_types_it_was_counted_with(
    model: Model, tools: Tools, whole: Path
) -> None:
    chance = random.Random(3)
    groups = grouped(model.movable, model.types, 100)
    assert len(groups) == len(model.movable)
    for _ in range(5):
        types = assigned(groups, tuple(chance.choice(group.types) for group in groups))
        run = plan(tools("llama-quantize"), whole, model.recipe(types), CancelToken())
        made = planned_types(run.rows)
        assert {tensor: made[tensor] for tensor in types} == types
        assert run.size_bytes == tensors_bytes(made)
        assert model.file_bytes(types) == model.header_bytes + run.size_bytes


def test_a_file_is_as_large_as_counted(
    model: Model, tools: Tools, whole: Path, tmp_path: Path, told: Told
) -> None:
    source = make.Source(whole, "0" * 64, quantized=False, size_bytes=whole.stat().st_size)
    sizes = {}
    for name in ("Q4_0", "Q6_K"):
        types = model.uniform(name)
        made = make.make(
            tools("llama-quantize"), source, tmp_path / f"{name}.gguf", model.recipe(types),
            reporter=told, cancel=CancelToken(),
        )  # fmt: skip
        sizes[name] = made.size_bytes - model.file_bytes(types)
    assert sizes["Q4_0"] == sizes["Q6_K"], "all files have one header"
    assert 0 <= sizes["Q4_0"] < 1024


def test_groups_are_as_fine_as_there_is_room_for() -> None:
    tensors = layered(16)
    types = choices(imatrix=False)
    ways = {most: {each.name for each in grouped(tensors, types, most)} for most in (99, 7, 5, 3)}
    assert len(ways[99]) == len(tensors)
    assert ways[7] == {
        "token_embd.weight", "attn_v.weight first", "attn_v.weight", "attn_v.weight last",
        "ffn_down.weight first", "ffn_down.weight", "ffn_down.weight last",
    }  # fmt: skip
    assert ways[5] == {
        "token_embd.weight", "attn_v.weight edge", "attn_v.weight",
        "ffn_down.weight edge", "ffn_down.weight",
    }  # fmt: skip
    assert ways[3] == {"token_embd.weight", "attn_v.weight", "ffn_down.weight"}
    edge = next(g for g in grouped(tensors, types, 5) if g.name == "attn_v.weight edge")
    assert [tensor.layer for tensor in edge.tensors] == [0, 1, 14, 15]
    roles = grouped(layered(4, ("attn_q", "attn_k", "ffn_up", "ffn_gate")), types, 3)
    assert {each.name for each in roles} == {"embedding", "attention", "ffn"}


def test_a_group_offers_what_fits_all_its_rows() -> None:
    odd = Tensor("blk.0.ffn_down.weight", (672, 512), "F16")  # 21 blocks of 32
    (group,) = grouped([odd], choices(imatrix=True), 1)
    assert group.types == ("IQ4_NL", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "F16")
    assert group.nearest("Q4_K") in ("IQ4_NL", "Q4_0") and group.nearest("Q8_0") == "Q8_0"
    (bare,) = grouped([Tensor("x.weight", (30, 5), "F16")], choices(imatrix=True), 1)
    assert bare.types == ("F16",), "it stays as it is"
    (embedding,) = grouped([Tensor("token_embd.weight", (512, 5), "F16")], ("IQ2_XS", "Q2_K"), 1)
    assert embedding.types == ("Q2_K", "F16"), "there is no matrix for it"


def test_types_that_need_a_matrix_are_no_choice_without() -> None:
    assert {"IQ2_XS", "IQ3_XXS"} & set(choices(imatrix=True))
    assert not {"IQ1_S", "IQ2_XS", "IQ3_XXS"} & set(choices(imatrix=False))


def test_patterns_of_many_layers_say_what_was_assigned() -> None:
    tensors = layered(120)
    chance = random.Random(1)
    types = {tensor: chance.choice(("Q4_K", "Q5_K", "Q6_K")) for tensor in tensors}
    recipe = recipe_of(types, "Q4_K_M")
    assert {tensor: named(recipe, tensor) for tensor in tensors} == types
    assert max(len(text) for text, _ in recipe.tensor_types) <= 200
    assert recipe == recipe_of(dict(reversed(types.items())), "Q4_K_M"), "one recipe for the same"
    other = Tensor("blk.1200.attn_v.weight", (512, 512), "F16")
    assert named(recipe, Tensor("x.blk.3.attn_v.weight", (1, 1), "F16")) is None
    assert named(recipe, other) is not None


def test_what_is_read_for_a_token() -> None:
    tied = [Tensor("token_embd.weight", (8, 9), "F16")]
    experts = Tensor("blk.0.ffn_up_exps.weight", (8, 8, 4), "F16")
    assert read_for_a_token(tied, 1.0) == {}
    output = Tensor("output.weight", (8, 9), "F16")
    read = read_for_a_token([*tied, output, experts], 0.25)
    assert set(read) == {tied[0], experts} and read[experts] == 0.25
    assert 0 < read[tied[0]] < 0.05, "a row of many"
