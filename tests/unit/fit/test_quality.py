"""Expected quality: against published measurements, and by what must hold for any mix of types."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.core.fit.published import OTHERS, SCOREBOARD, Published
from desktop.core.fit.quality import (
    BAND,
    DAMAGE,
    LEVELS,
    Loss,
    expected_loss,
    loss_of_shape,
    measured_loss,
    same_top_rate,
)
from desktop.core.fit.recipes import BITS, RECIPES
from desktop.core.gguf.facts import ShapeFacts, Weights
from desktop.core.gguf.roles import ROLES
from desktop.core.gguf.shape import ModelShape

FAMILIES = (
    ("Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "Q8_0", "BF16"),
    ("IQ1_S", "IQ1_M", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ3_XXS", "IQ3_S", "IQ4_XS", "IQ4_NL"),
    ("Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "F16"),
)


def _expected(row: Published) -> Loss:
    active = row.parameters if row.active is None else row.active
    loss = expected_loss(RECIPES[row.quant_type], math.sqrt(row.parameters * 1e9 * active * 1e9))
    assert loss is not None
    return loss


def test_the_scoreboard_the_damage_was_fitted_to_comes_back() -> None:
    """Up to the one factor between Llama 3 8B and models of its size in general."""
    ratios = [_expected(row).kld_mean.value / row.kld_mean for row in SCOREBOARD]
    middle = sorted(ratios)[len(ratios) // 2]
    assert 0.6 < middle < 0.9
    assert all(0.86 < ratio / middle < 1.16 for ratio in ratios)


def test_the_band_holds_four_of_five_published_figures() -> None:
    inside = [
        row
        for row in OTHERS
        if _expected(row).kld_mean.low <= row.kld_mean <= _expected(row).kld_mean.high
    ]
    assert len(inside) / len(OTHERS) >= 0.8
    never = {row.model for row in OTHERS} - {row.model for row in inside}
    assert never == {"Llama 3 70B"}  # which loses more than models a tenth its size


def test_the_order_of_a_models_own_quants_is_the_published_one() -> None:
    """Where two published figures differ by more than a quarter, so do ours, the same way."""
    checked = 0
    for first in OTHERS:
        for second in OTHERS:
            if first.model == second.model and first.kld_mean > 1.25 * second.kld_mean:
                if first.quant_type == second.quant_type or "Qwen3.5 9B" in first.model:
                    continue  # files of one label that differ
                checked += 1
                ours = _expected(first).kld_mean.value, _expected(second).kld_mean.value
                assert ours[0] > ours[1], (first, second)
    assert checked > 30


def test_the_same_top_rate_follows_from_the_divergence() -> None:
    pairs = [(row.kld_mean, row.same_top_rate) for row in OTHERS if row.same_top_rate is not None]
    assert len(pairs) == 21
    off = [(1 - same_top_rate(kld)) / (1 - rate) for kld, rate in pairs]
    assert sum(1 / 1.3 <= ratio <= 1.3 for ratio in off) / len(off) >= 0.8
    assert same_top_rate(0.0) == 1.0


@pytest.mark.parametrize("family", FAMILIES)
def test_more_bits_of_one_family_never_do_more_damage(family: tuple[str, ...]) -> None:
    assert [BITS[kind] for kind in family] == sorted(BITS[kind] for kind in family)
    damages = [DAMAGE[kind] for kind in family]
    assert damages == sorted(damages, reverse=True)


_FAMILY = st.sampled_from(FAMILIES)


@st.composite
def _upgrades(draw: st.DrawFn) -> tuple[dict[str, dict[str, float]], str, str, str]:
    """A mix of types, and a tensor's type with a better one of its family."""
    family = draw(_FAMILY)
    roles = {
        role: draw(
            st.dictionaries(st.sampled_from(family), st.floats(1, 1e9), min_size=1, max_size=3)
        )
        for role in ROLES
    }
    role = draw(st.sampled_from(ROLES))
    old = draw(st.sampled_from(sorted(roles[role])))
    better = draw(st.sampled_from(family[family.index(old) :]))
    return roles, role, old, better


@given(_upgrades(), st.floats(1e8, 4e11))
def test_a_better_type_for_any_tensor_never_loses_more(
    upgrade: tuple[dict[str, dict[str, float]], str, str, str], parameters: float
) -> None:
    roles, role, old, better = upgrade
    before = expected_loss(roles, parameters)
    kinds = dict(roles[role])
    moved = kinds.pop(old)
    kinds[better] = kinds.get(better, 0.0) + moved
    after = expected_loss({**roles, role: kinds}, parameters)
    assert before is not None and after is not None
    assert after.kld_mean.value <= before.kld_mean.value * (1 + 1e-9)
    assert after.same_top_rate.value >= before.same_top_rate.value - 1e-9
    assert LEVELS.index(after.level) <= LEVELS.index(before.level)


@given(st.sampled_from(sorted(RECIPES)), st.floats(1e7, 1e12), st.floats(1, 100))
def test_a_larger_model_never_loses_more_and_bands_hold_their_value(
    quant: str, parameters: float, times: float
) -> None:
    small, large = (
        expected_loss(RECIPES[quant], size) for size in (parameters, parameters * times)
    )
    assert small is not None and large is not None
    assert large.kld_mean.value <= small.kld_mean.value
    for loss in (small, large):
        for band in (loss.kld_mean, loss.same_top_rate):
            assert 0 <= band.low <= band.value <= band.high
            assert band.source == "seed_table"
        assert loss.same_top_rate.high <= 1
        assert loss.kld_mean.high == pytest.approx(loss.kld_mean.value * BAND)


def test_what_a_tensor_is_for_counts() -> None:
    """The same bits in ffn_down are worth more than in the embedding."""
    base = {role: {"Q4_K": 1.0} for role in ROLES}
    down = expected_loss({**base, "ffn_down": {"Q6_K": 1.0}}, 8e9)
    embedding = expected_loss({**base, "embedding": {"Q6_K": 1.0}}, 8e9)
    assert down is not None and embedding is not None
    assert down.kld_mean.value < 0.75 * embedding.kld_mean.value


def test_a_type_that_nobody_measured_gives_no_figure_unless_it_is_a_stray() -> None:
    base = {role: {"Q4_K": 1000.0} for role in ROLES}
    assert expected_loss({**base, "ffn": {"TQ1_0": 1.0}}, 8e9) is None
    assert expected_loss({**base, "ffn": {"Q4_K": 1000.0, "TQ1_0": 1.0}}, 8e9) is not None
    assert expected_loss({}, 8e9) is None
    assert expected_loss({"ffn": {}}, 8e9) is None


def _shape(
    architecture: str, expert_type: str, *, used: int = 2, shared: str = "Q8_0"
) -> ModelShape:
    experts = Weights(8_000_000, 8_000_000)
    facts = ShapeFacts(
        architecture=architecture,
        keys={
            "block_count": 1,
            "embedding_length": 256,
            "attention.head_count": 2,
            "expert_count": 8,
            "expert_used_count": used,
        },
        layers=((Weights(1_000_000, 1_000_000), experts),),
        embedding=Weights(100_000, 100_000),
        roles={
            "embedding": {"Q8_0": 100_000},
            "attention": {"Q8_0": 500_000},
            "ffn_down": {shared: 500_000},
            "expert_ffn": {expert_type: 5_000_000},
            "expert_ffn_down": {expert_type: 3_000_000},
        },
    )
    shape = ModelShape.of(facts)
    assert shape is not None
    return shape


def test_experts_count_as_often_as_they_are_used() -> None:
    """What always works weighs more against experts of which one in eight does."""
    few = loss_of_shape(_shape("llama", "Q3_K", used=1, shared="Q8_0"))
    all_of_them = loss_of_shape(_shape("llama", "Q3_K", used=8, shared="Q8_0"))
    assert few is not None and all_of_them is not None
    # fewer experts at work: a smaller model in effect (that loses more), but less of it is damaged
    smaller = math.pow(8, 0.35 / 2)
    assert few.kld_mean.value < all_of_them.kld_mean.value * smaller


def test_a_model_trained_in_four_bits_loses_nothing_to_them() -> None:
    native = loss_of_shape(_shape("gpt-oss", "MXFP4"))
    converted = loss_of_shape(_shape("qwen3moe", "MXFP4"))
    assert native is not None and converted is not None
    assert native.kld_mean.value < 0.1 * converted.kld_mean.value
    assert native.level == "near_lossless"


def test_a_measurement_says_that_it_is_one() -> None:
    loss = measured_loss(0.02, 0.94)
    assert loss.to_dict() == {
        "kld_mean": {"value": 0.02, "low": 0.02, "high": 0.02, "source": "measured"},
        "same_top_rate": {"value": 0.94, "low": 0.94, "high": 0.94, "source": "measured"},
        "level": "good",
    }
