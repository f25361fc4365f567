"""Figures side by side: known ratios, known intervals, and what was not the same."""

from __future__ import annotations

import copy
import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.core.bench.compare import Verdict, compare, differences, ratio, t_975
from tests.unit.bench.documents import document, result


def test_a_ratio_and_its_interval_worked_by_hand() -> None:
    # means 100 and 150, both with variance 1 and 3 samples:
    # squared relative standard errors 1/30000 and 1/67500, together 4.8148e-5;
    # Welch: (4.8148e-5)^2 / ((3.3333e-5)^2/2 + (1.4815e-5)^2/2) = 3.4845 degrees of freedom,
    # so t(3) = 3.182 and half the width is 3.182 * sqrt(4.8148e-5) = 0.022080.
    found = ratio([99, 100, 101], [149, 150, 151])
    assert found is not None
    assert found.value == pytest.approx(1.5)
    assert found.low == pytest.approx(1.5 * 2.718281828**-0.022080, rel=1e-5)
    assert found.high == pytest.approx(1.5 * 2.718281828**0.022080, rel=1e-5)
    assert found.verdict is Verdict.FASTER


def test_noise_is_no_difference() -> None:
    found = ratio([100, 110, 90], [103, 113, 93])
    assert found is not None and found.low is not None and found.high is not None
    assert found.value == pytest.approx(1.03)
    assert found.low < 1 < found.high
    assert found.verdict is Verdict.SAME


def test_slower_is_called_slower() -> None:
    found = ratio([100, 101, 99], [50, 51, 49])
    assert found is not None and found.verdict is Verdict.SLOWER
    assert found.high is not None and found.high < 1


def test_one_sample_says_nothing_of_its_spread() -> None:
    found = ratio([100], [150, 151])
    assert found is not None
    assert (found.value, found.low, found.high) == (1.505, None, None)
    assert found.verdict is Verdict.UNKNOWN


def test_samples_without_any_spread() -> None:
    same, more = ratio([5, 5], [5, 5]), ratio([5, 5], [6, 6])
    assert same is not None and same.verdict is Verdict.SAME
    assert more is not None and more.verdict is Verdict.FASTER


def test_what_has_no_ratio() -> None:
    assert ratio([0, 0], [1, 1]) is None
    assert ratio([1, 1], [0, 0]) is None


def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    """A simulation of runs with three repeats and a true ratio of 1.1."""
    chance = random.Random(20261121)
    hits = 0
    for _ in range(2000):
        base = [chance.gauss(100, 3) for _ in range(3)]
        other = [chance.gauss(110, 6) for _ in range(3)]
        found = ratio(base, other)
        assert found is not None and found.low is not None and found.high is not None
        hits += found.low <= 1.1 <= found.high
    assert 0.94 <= hits / 2000 <= 0.985  # the table's lower t makes it a little wider than 95 %


def test_students_t_is_never_too_small() -> None:
    assert t_975(1) == 12.706 and t_975(0.4) == 12.706
    assert t_975(2.99) == 4.303 and t_975(3) == 3.182
    assert t_975(35) == 2.042 and t_975(40) == 2.021 and t_975(1e9) == 1.980


numbers = st.lists(st.floats(0, 1e300), min_size=1, max_size=5)


@given(numbers, numbers)
def test_no_samples_make_it_stumble(base: list[float], other: list[float]) -> None:
    found = ratio(base, other)
    if found is not None and found.low is not None and found.high is not None:
        assert found.low <= found.value * 1.0000001 and found.value <= found.high * 1.0000001
        json.dumps(found.value, allow_nan=False)


def test_the_same_tests_stand_side_by_side() -> None:
    first = document("a", results=[result(), result("decode", (50.0, 51.0, 49.0))])
    load = result("load", (70.0, 71.0, 69.0), concurrency=4, prompt_tokens=512)
    second = document("b", results=[result("decode", (75.0, 76.0, 74.0)), load])
    third = document("c", results=[result(samples=(100.0, 101.0, 99.5)), dict(load)])
    found = compare([first, second, third])
    assert found.names == ("a", "b", "c")
    assert [(row.test, [cell is not None for cell in row.cells]) for row in found.rows] == [
        ("prefill", [True, False, True]),
        ("decode", [True, True, False]),
        ("load", [False, True, True]),
    ]
    prefill, decode, loads = found.rows
    assert prefill.cells[0] is not None and prefill.cells[0].ratio is None
    assert prefill.cells[2] is not None and prefill.cells[2].ratio is not None
    assert prefill.cells[2].ratio.verdict is Verdict.SAME
    assert decode.cells[1] is not None and decode.cells[1].ratio is not None
    assert decode.cells[1].ratio.value == pytest.approx(1.5)
    assert loads.cells[1] is not None and loads.cells[1].ratio is None  # the first that has it
    assert (loads.concurrency, loads.prompt_tokens) == (4, 512)
    assert found.differences == ()
    assert json.loads(json.dumps(found.to_dict()))["rows"][1]["cells"][1]["ratio"]["verdict"] == (
        "faster"
    )


def test_a_disturbed_figure_is_marked() -> None:
    found = compare([document(results=[result(disturbed_requests=2)])])
    cell = found.rows[0].cells[0]
    assert cell is not None and cell.disturbed


def test_every_difference_is_shown() -> None:
    first, second = document(), copy.deepcopy(document())
    second["fingerprint"]["runtime"]["commit"] = "feedbee"
    second["fingerprint"]["settings"]["threads"] = 8
    second["fingerprint"]["settings"]["flash_attention"] = "on"
    second["fingerprint"]["machine"]["gpus"] = []
    second["fingerprint"]["machine"]["bandwidth_gb_per_second"] = 21.0  # within its own noise
    second["model"]["quant_type"] = "Q8_0"
    found = {each.key: each.values for each in differences([first, second])}
    assert found == {
        "runtime.commit": ("0c1e570", "feedbee"),
        "settings.threads": (2, 8),
        "settings.flash_attention": (None, "on"),
        "machine.gpus": ([{"name": "NVIDIA L4"}], []),
        "model.quant_type": ("Q4_K_M", "Q8_0"),
    }
    second["fingerprint"]["machine"]["bandwidth_gb_per_second"] = 40.0
    assert "machine.bandwidth_gb_per_second" in {d.key for d in differences([first, second])}
