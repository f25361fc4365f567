"""What recipes will lose, foreseen from those that were measured.

For small errors the divergence grows with the square of the logits' error, and the squares of
independent errors add up: so what a recipe loses is close to a sum over its groups of tensors. The
parts of that sum are learned by Bayesian linear regression from every recipe that was measured,
and the best recipe under a limit is then a knapsack.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from quantize.space import Assignment

if TYPE_CHECKING:
    import numpy as np

# How far off the first guess of a part may be, as shares of it: all types of a group together, and
# each by itself; and how far a sum of parts is from what is measured.
_GROUP_SPREAD, _OWN_SPREAD = 0.2, 0.2
_NOISE = 0.03
# A file that loses nothing still differs by the rounding of the stored answers.
_FLOOR = 2e-6
_CELLS = 2048


@dataclass(frozen=True)
class Problem:
    """What to choose, and what each choice takes of what there is.

    Attributes:
        types: of each group, those it can get.
        costs: of each group, by type: bytes, or seconds a token.
        limit: of the sum of costs.
        shares: of each group, its share of the weights.
    """

    types: tuple[tuple[str, ...], ...]
    costs: tuple[Mapping[str, float], ...]
    limit: float
    shares: tuple[float, ...]

    def cost(self, assignment: Assignment) -> float:
        return sum(cost[name] for cost, name in zip(self.costs, assignment, strict=True))

    def allowed(self, assignment: Assignment) -> bool:
        return self.cost(assignment) <= self.limit

    def least(self) -> Assignment:
        """The assignment that costs least."""
        return tuple(min(cost, key=lambda name: cost[name]) for cost in self.costs)


Parts = tuple[dict[str, float], ...]  # what each group adds to the loss, by type


@dataclass(frozen=True)
class _Learned:
    """What was measured, as equations, and how much each of them moves the parts."""

    rows: np.ndarray
    losses: np.ndarray
    noise: np.ndarray
    gain: np.ndarray


class Surrogate:
    """What each group adds to the loss as each type.

    Args:
        damage: what a model loses that is all of one type, for every type there is.
    """

    def __init__(self, problem: Problem, damage: Mapping[str, float]) -> None:
        import numpy as np  # not at the program's start

        self._problem = problem
        self._index = [
            (number, name) for number, names in enumerate(problem.types) for name in names
        ]
        self._place = {pair: at for at, pair in enumerate(self._index)}
        first = [max(problem.shares[g] * damage[name], _FLOOR) for g, name in self._index]
        self._first = np.array(first)
        self._groups = np.array([g for g, _ in self._index])
        self._learned: _Learned | None = None

    def weigh(self, singles: Mapping[int, tuple[str, float]]) -> None:
        """Take groups' measured shares of the loss instead of their shares of the weights.

        Args:
            singles: by group, the type it alone had, and the loss.
        """
        import numpy as np

        scale = np.ones(len(self._problem.types))
        for group, (name, loss) in singles.items():
            scale[group] = max(loss, _FLOOR) / self._first[self._place[group, name]]
        self._first = self._first * scale[self._groups]

    def learn(self, measured: Sequence[tuple[Assignment, float]]) -> None:
        """Take in all that was measured, anew; the noise keeps the system regular."""
        import numpy as np

        if not measured:
            return
        rows = np.zeros((len(measured), len(self._index)))
        losses = np.array([loss for _, loss in measured])
        for row, (assignment, _) in zip(rows, measured, strict=True):
            for pair in enumerate(assignment):
                row[self._place[pair]] = 1.0
        together = np.equal.outer(self._groups, self._groups) * _GROUP_SPREAD**2
        prior = np.outer(self._first, self._first) * together
        prior += np.diag((self._first * _OWN_SPREAD) ** 2)
        noise = _NOISE * losses + _FLOOR
        gain = np.linalg.solve(rows @ prior @ rows.T + np.diag(noise**2), rows @ prior).T
        self._learned = _Learned(rows, losses, noise, gain)

    def parts(self, generator: np.random.Generator | None = None) -> Parts:
        """The likeliest parts; with a generator, others by how likely they are to be so.

        A sample of what was known before is moved by what it would have been wrong about, which
        makes it one of what is known now (Matheron's rule).
        """
        import numpy as np

        values, wrong = self._first, 0.0
        if generator is not None:
            own = generator.standard_normal(len(self._first)) * _OWN_SPREAD
            groups = generator.standard_normal(len(self._problem.types)) * _GROUP_SPREAD
            values = self._first * (1.0 + own + groups[self._groups])
        if self._learned is not None:
            if generator is not None:
                wrong = generator.standard_normal(len(self._learned.noise)) * self._learned.noise
            missed = self._learned.losses - self._learned.rows @ values - wrong
            values = values + self._learned.gain @ missed
        values = np.maximum(values, 0.02 * self._first)  # nothing gains by being coarser
        found: Parts = tuple({} for _ in self._problem.types)
        for (group, name), value in zip(self._index, values, strict=True):
            found[group][name] = float(value)
        return found


def foreseen(parts: Parts, assignment: Assignment) -> float:
    return sum(part[name] for part, name in zip(parts, assignment, strict=True))


def best(problem: Problem, parts: Parts) -> Assignment | None:
    """The assignment that loses least within the limit; None where none is within.

    By dynamic programming over what may be spent beyond the cheapest types, in `_CELLS` steps that
    costs are rounded up to; what rounding left over is then spent greedily.
    """
    import numpy as np

    least = problem.least()
    room = problem.limit - problem.cost(least)
    if room < 0:
        return None
    unit = room / _CELLS or 1.0
    loss = np.zeros(_CELLS + 1)
    taken = []
    for part, costs, cheapest in zip(parts, problem.costs, least, strict=True):
        names = list(part)
        steps = [math.ceil((costs[name] - costs[cheapest]) / unit - 1e-9) for name in names]
        table = np.full((len(names), _CELLS + 1), np.inf)
        for row, name, step in zip(table, names, steps, strict=True):
            if step <= _CELLS:
                row[step:] = loss[: _CELLS + 1 - step] + part[name]
        taken.append((names, steps, table.argmin(axis=0)))
        loss = table.min(axis=0)
    at, chosen = _CELLS, []
    for names, steps, choice in reversed(taken):
        number = int(choice[at])
        chosen.append(names[number])
        at -= steps[number]
    return filled(problem, parts, tuple(reversed(chosen)))


def filled(problem: Problem, parts: Parts, assignment: Assignment) -> Assignment:
    """An assignment brought within the limit at the least loss, then raised while there is room."""
    chosen = list(assignment)
    cost = problem.cost(assignment)

    def steps(up: bool) -> list[tuple[float, int, str]]:
        """Changes of one group, with what they are worth for what they cost."""
        found = []
        for group, (part, costs) in enumerate(zip(parts, problem.costs, strict=True)):
            now = chosen[group]
            for name in part:
                more, gain = costs[name] - costs[now], part[now] - part[name]
                if up and gain > 0 and cost + more <= problem.limit:
                    found.append((gain / more if more > 0 else float("inf"), group, name))
                elif not up and more < 0:
                    found.append((gain / -more, group, name))  # the gain is a loss here
        return found

    for up in (False, True):
        while up or cost > problem.limit:
            possible = steps(up)
            if not possible:
                break
            _, group, name = max(possible)
            cost += problem.costs[group][name] - problem.costs[group][chosen[group]]
            chosen[group] = name
    return tuple(chosen)
