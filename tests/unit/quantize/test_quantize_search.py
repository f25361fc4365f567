"""The search: it finds what is best where that is known, and always the same way."""

from __future__ import annotations

import itertools
import random
from collections.abc import Generator

import numpy as np
import pytest

from quantize.search import Search, Tried
from quantize.space import Assignment
from quantize.surrogate import Parts, Problem, Surrogate, best, filled, foreseen

BITS = {"Q2_K": 2.6, "Q3_K": 3.4, "Q4_K": 4.5, "Q6_K": 6.6}
DAMAGE = {"Q2_K": 0.5, "Q3_K": 0.15, "Q4_K": 0.03, "Q6_K": 0.003}
WHOLE = "F16"


def problem_of(groups: int, bits: float, seed: int) -> tuple[Problem, Parts]:
    """Groups of different sizes, and what each really adds to the loss as each type."""
    chance = random.Random(seed)
    weights = [chance.uniform(0.5, 3.0) for _ in range(groups)]
    total = sum(weights)
    costs = tuple({n: w * b for n, b in (*BITS.items(), (WHOLE, 16.0))} for w in weights)
    matters = [chance.uniform(0.1, 4.0) for _ in range(groups)]
    truth = tuple(
        {n: m / groups * d * chance.uniform(0.7, 1.4) for n, d in DAMAGE.items()} | {WHOLE: 0.0}
        for m in matters
    )
    types = tuple(tuple(cost) for cost in costs)
    shares = tuple(weight / total for weight in weights)
    return Problem(types, costs, bits * total, shares), truth


def optimum(problem: Problem, parts: Parts) -> float:
    allowed = filter(problem.allowed, itertools.product(*problem.types))
    return min(foreseen(parts, assignment) for assignment in allowed)


class Bench:
    """Measures as the truth has it, a little more for each type that differs from its neighbour."""

    def __init__(self, truth: Parts, trials: int) -> None:
        self.truth = truth
        self.left = trials
        self.asked: list[Assignment] = []
        self.steps = 0

    def value(self, assignment: Assignment) -> float:
        mixed = sum(a != b for a, b in itertools.pairwise(assignment))
        return foreseen(self.truth, assignment) * (1 + 0.004 * mixed) + 1e-6

    def measure(self, assignment: Assignment) -> Generator[float, None, None]:
        self.asked.append(assignment)
        self.left -= 1
        for factor in (1.1, 1.0):  # the small part of the text is harder
            self.steps += 1
            yield self.value(assignment) * factor

    def search(self, problem: Problem, seed: int = 0) -> list[Tried]:
        found = Search(
            problem, (WHOLE,) * len(self.truth), {**DAMAGE, WHOLE: 0.0}, self.measure,
            time_left=lambda: self.left > 0, seed=seed,
        )  # fmt: skip
        uniform = [(name,) * len(self.truth) for name in reversed(DAMAGE)]  # the best first
        return found.run(("Q3_K",) * len(self.truth), uniform)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("bits", [3.2, 4.6, 5.5])
def test_the_knapsack_is_close_to_the_best_there_is(seed: int, bits: float) -> None:
    problem, truth = problem_of(6, bits, seed)
    found = best(problem, truth)
    assert found is not None and problem.allowed(found)
    assert foreseen(truth, found) <= 1.02 * optimum(problem, truth)


def test_a_limit_below_everything_has_no_solution() -> None:
    problem, truth = problem_of(4, 2.5, 0)
    assert best(problem, truth) is None


def test_what_is_too_large_is_brought_down_and_what_is_left_is_used() -> None:
    problem, truth = problem_of(6, 4.0, 1)
    for start in ((WHOLE,) * 6, ("Q2_K",) * 6):
        found = filled(problem, truth, start)
        assert problem.allowed(found)
        for group, name in enumerate(found):  # nothing better fits any more
            for other in problem.types[group]:
                changed = (*found[:group], other, *found[group + 1 :])
                better = truth[group][other] < truth[group][name]
                assert not (better and problem.allowed(changed))


def test_parts_are_learned_from_sums() -> None:
    problem, truth = problem_of(6, 4.0, 2)
    surrogate = Surrogate(problem, {**DAMAGE, WHOLE: 0.0})
    chance = random.Random(0)
    seen = [tuple(chance.choice(names) for names in problem.types) for _ in range(60)]
    unseen = [tuple(chance.choice(names) for names in problem.types) for _ in range(20)]

    def error() -> float:
        parts = surrogate.parts()
        return float(np.mean([abs(foreseen(parts, a) / foreseen(truth, a) - 1) for a in unseen]))

    before = error()
    surrogate.learn([(assignment, foreseen(truth, assignment)) for assignment in seen])
    assert error() < 0.1 < before


@pytest.mark.parametrize("seed", range(4))
def test_it_comes_close_to_the_best_recipe_there_is(seed: int) -> None:
    problem, truth = problem_of(7, 4.2, seed)
    bench = Bench(truth, 45)
    tried = bench.search(problem, seed=seed)
    uniform = bench.value(("Q3_K",) * 7)  # what fits of one type for all
    assert tried[0].loss == pytest.approx(bench.value(tried[0].assignment))
    assert tried[0].loss is not None and tried[0].loss <= 1.15 * optimum(problem, truth)
    assert tried[0].loss < 0.6 * uniform
    assert all(problem.allowed(each.assignment) for each in tried)
    assert [each.loss for each in tried] == sorted(each.loss or 0.0 for each in tried)
    assert len(set(bench.asked)) == len(bench.asked), "nothing is measured twice"


def test_all_sources_propose() -> None:
    problem, truth = problem_of(7, 4.2, 1)
    bench = Bench(truth, 80)
    origins = {each.origin for each in bench.search(problem)}
    assert origins == {"guess", "knapsack", "sampled", "tpe"}


def test_the_same_search_takes_the_same_way() -> None:
    problem, truth = problem_of(6, 4.2, 3)
    first, second, other = Bench(truth, 40), Bench(truth, 40), Bench(truth, 40)
    first.search(problem)
    second.search(problem)
    other.search(problem, seed=1)
    assert first.asked == second.asked
    assert first.asked != other.asked


def test_hopeless_trials_end_early() -> None:
    problem, truth = problem_of(7, 4.2, 1)
    bench = Bench(truth, 80)
    tried = bench.search(problem)
    looked_at = 7 + len(DAMAGE)  # groups alone, and recipes of one type
    trials = len(bench.asked) - looked_at
    assert bench.steps < looked_at + 2 * trials, "some of them have no second step"
    assert len(tried) < trials


def test_a_model_that_loses_nothing_is_no_problem() -> None:
    problem, truth = problem_of(3, 4.2, 1)
    bench = Bench(truth, 20)
    bench.value = lambda assignment: 0.0  # type: ignore[method-assign]
    assert all(each.loss == 0.0 for each in bench.search(problem))


def test_without_time_nothing_is_tried() -> None:
    problem, truth = problem_of(4, 4.2, 1)
    bench = Bench(truth, 0)
    assert bench.search(problem) == [] and bench.asked == []


def test_it_ends_when_there_is_nothing_left_to_try() -> None:
    problem, truth = problem_of(2, 4.2, 1)
    bench = Bench(truth, 10_000)
    bench.search(problem)
    assert len(bench.asked) < 30
