"""How long quantizing takes, learned from what earlier jobs came to."""

from __future__ import annotations

from typing import Any

import pytest

from quantize import rates
from quantize.rates import Figure, Rates, learned

Json = dict[str, Any]


def output(name: str, seconds: float, **other: Any) -> Json:
    """A file of a billion weights."""
    return {
        "label": name, "quant_type": name, "seconds": seconds, "foreign": False,
        "size_bytes": 500_000_000, "bits_per_weight": 4.0, **other,
    }  # fmt: skip


def test_what_was_made_tells_how_fast_it_is_made() -> None:
    found = learned([{"outputs": [output("Q4_K_M", 10.0), output("Q8_0", 2.0)]}])
    rate = found.of_making("Q4_K_M")
    assert rate is not None and (rate.value, rate.source) == (1e8, "measured")
    assert rate.seconds_for(2e9).value == pytest.approx(20.0)
    assert rate.seconds_for(2e9).low < 20.0 < rate.seconds_for(2e9).high


def test_the_latest_runs_count_and_their_spread_shows() -> None:
    runs = [{"outputs": [output("Q4_0", seconds)]} for seconds in (10, 12, 30, 10, 11, 500, 500)]
    rate = learned(runs).of_making("Q4_0")
    assert rate is not None and rate.value == pytest.approx(1e9 / 11)
    assert rate.low == pytest.approx(1e9 / 30)


def test_figures_that_say_nothing_are_passed_over() -> None:
    files = [
        output("Q4_0", 0.1),  # how a tool starts
        output("Q5_0", 10.0, foreign=True),
        output("Q6_K", 10.0, label="mine"),  # another mix
        output("Q8_0", 10.0, bits_per_weight=None),
    ]
    found = learned([{"outputs": files}, {}])
    assert not found.making and not found.reading
    assert found.of_making("Q4_0") is not None, "a guess stays"


def test_a_type_that_was_never_made_is_guessed_from_others() -> None:
    usual = rates.PER_THREAD
    fresh = Rates(threads=4).of_making("Q6_K")
    assert fresh is not None and fresh.source == "seed_table"
    assert fresh.value == 4 * usual["Q6_K"] and fresh.high / fresh.low >= 8
    known = learned([{"outputs": [output("Q4_0", 1e9 / (10 * usual["Q4_0"]))]}])
    scaled = known.of_making("Q6_K")
    assert scaled is not None and scaled.source == "calibrated"
    assert scaled.value == pytest.approx(10 * usual["Q6_K"])
    assert scaled.high / scaled.low < fresh.high / fresh.low
    assert known.of_making("Q99_X") is None


def test_every_type_of_the_build_has_a_guess(tools: Any) -> None:
    from quantize import types

    named = {each.name for each in types.offered(tools("llama-quantize"))}
    assert named == set(rates.PER_THREAD)


def test_reading_is_learned_by_type() -> None:
    base = {"label": "F16", "size_bytes": 2 * 10**9, "bits_per_weight": 16.0}
    base["prefill_tokens_per_second"] = 100.0
    files = [output("Q4_0", 1.0, prefill_tokens_per_second=200.0)]
    found = learned([{"base": base, "outputs": files}])
    whole, file = found.of_reading("F16"), found.of_reading("Q4_0")
    assert whole is not None and file is not None and file.value == 2 * whole.value
    other = found.of_reading("Q8_0")
    assert other is not None and other.source == "calibrated"
    assert whole.value < other.value < file.value
    assert Rates().chunk_seconds("F16", 10**9) is None
    expected = rates.expected((100.0, 50.0, 200.0), 10**9)
    chunk = Rates(expected=expected).chunk_seconds("F16", 10**9)
    assert chunk is not None and chunk.value == pytest.approx(5.12 / 0.8)
    assert chunk.low < chunk.value < chunk.high


def test_a_sum_is_as_sure_as_its_least_sure_part() -> None:
    sure, guess = Figure(1, 1, 1, "measured"), Figure(2, 1, 4, "seed_table")
    total = sure + guess
    assert (total.value, total.low, total.high, total.source) == (3, 2, 5, "seed_table")
    assert total.at_most(2.5) == Figure(2.5, 2, 2.5, "seed_table")
