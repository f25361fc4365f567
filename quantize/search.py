"""The search for the recipe that loses least within a limit, by trials of real files.

The first trial takes every weight for as important as any other. Then each group of tensors is made
coarser alone: that says what it adds to the loss. From then on trials come from three sources in
turn: the knapsack of what is known so far (`surrogate`), the knapsack of what could as well be true
(Thompson's sampling), and Optuna's TPE, which knows nothing of sums. All of them are trials of one
Optuna study, whose pruner ends those early that lose more on a small part of the text than most
did.

A search with the same seed and the same measurements takes the same way. So an interrupted one is
simply begun again with what was measured remembered.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from quantize.space import Assignment
from quantize.surrogate import Parts, Problem, Surrogate, best, filled

if TYPE_CHECKING:
    import optuna

# Yields the loss on a small part of the text, then on all of it; closed early where that will do.
Measure = Callable[[Assignment], Generator[float, None, None]]
# A trial is ended early unless it is among this share of the best so far, and not before so many.
_KEEP_PERCENT = 50.0
_NEVER_PRUNED = 4
# So many proposals in a row that were tried before end the search: there is nothing left to try.
_STALE = 24


@dataclass(frozen=True)
class Tried:
    """A recipe within the limit that was measured.

    Attributes:
        loss: on all of the search's text; None where the trial was ended early.
        origin: who proposed it.
    """

    assignment: Assignment
    loss: float | None
    origin: str


class Search:
    """One search.

    Args:
        whole: the types the groups have in the source.
        damage: what a model loses that is all of one type.
        time_left: whether there is time for one more trial.
        on_trial: told of each trial before it is measured, with those that were.
    """

    def __init__(
        self,
        problem: Problem,
        whole: Assignment,
        damage: Mapping[str, float],
        measure: Measure,
        *,
        time_left: Callable[[], bool],
        on_trial: Callable[[Sequence[Tried]], None] = lambda tried: None,
        seed: int = 0,
    ) -> None:
        self._problem = problem
        self._whole = whole
        self._measure = measure
        self._time_left = time_left
        self._on_trial = on_trial
        self._seed = seed
        self._surrogate = Surrogate(problem, damage)
        self._observed: dict[Assignment, tuple[float, ...]] = {}
        self._tried: dict[Assignment, Tried] = {}

    def run(self, coarser: Assignment, known: Sequence[Assignment] = ()) -> list[Tried]:
        """Every recipe within the limit that was tried to the end, the best first.

        Args:
            coarser: what each group becomes when it is looked at alone.
            known: recipes to learn from on the small part of the text, such as those of one type
                for all; they need not be within the limit.
        """
        study = self._study()
        guess = best(self._problem, self._surrogate.parts())
        if guess is None:
            return []
        self._trial(study, guess, "guess")  # where there is no time for more
        self._look_at_each(coarser)
        for assignment in known:
            if self._time_left():
                self._observe(assignment)
        stale = 0
        for origin, assignment in self._proposals(study):
            if not self._time_left() or stale >= _STALE:
                break
            stale = stale + 1 if not self._trial(study, assignment, origin) else 0
        finished = [each for each in self._tried.values() if each.loss is not None]
        return sorted(finished, key=lambda each: each.loss or 0.0)

    # --- what each group matters ----------------------------------------------------------------

    def _look_at_each(self, coarser: Assignment) -> None:
        singles: dict[int, tuple[str, float]] = {}
        for group, name in enumerate(coarser):
            if name == self._whole[group] or not self._time_left():
                continue
            alone = (*self._whole[:group], name, *self._whole[group + 1 :])
            self._on_trial(list(self._tried.values()))
            singles[group] = (name, self._observe(alone))
        self._surrogate.weigh(singles)

    def _observe(self, assignment: Assignment) -> float:
        """Its loss on the small part of the text."""
        with closing(self._measure(assignment)) as losses:
            loss = next(losses)
        self._observed[assignment] = (loss,)
        return loss

    # --- trials ---------------------------------------------------------------------------------

    def _study(self) -> optuna.Study:
        import optuna  # takes a while

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        return optuna.create_study(
            sampler=optuna.samplers.TPESampler(seed=self._seed, n_startup_trials=_NEVER_PRUNED),
            pruner=optuna.pruners.PercentilePruner(_KEEP_PERCENT, n_startup_trials=_NEVER_PRUNED),
        )

    def _proposals(self, study: optuna.Study) -> Iterator[tuple[str, Assignment]]:
        import numpy as np

        generator = np.random.default_rng(self._seed)
        while True:
            for origin in ("knapsack", "sampled", "tpe", "sampled"):
                self._surrogate.learn(self._equations())
                likeliest = self._surrogate.parts()
                if origin == "tpe":
                    yield origin, self._suggested(study, likeliest)
                    continue
                parts = likeliest if origin == "knapsack" else self._surrogate.parts(generator)
                found = best(self._problem, parts)
                assert found is not None, "a problem has at least one solution"
                yield origin, found

    def _equations(self) -> list[tuple[Assignment, float]]:
        """What was measured, as if all of it had been on the small part of the text."""
        both = [losses for losses in self._observed.values() if len(losses) > 1 and losses[0]]
        ratios = [losses[-1] / losses[0] for losses in both]
        ratio = (statistics.median(ratios) if ratios else 0.0) or 1.0
        return [
            (assignment, losses[-1] / ratio if len(losses) > 1 else losses[0])
            for assignment, losses in self._observed.items()
        ]

    def _suggested(self, study: optuna.Study, parts: Parts) -> Assignment:
        """TPE's proposal, brought within the limit and up to it."""
        from optuna.trial import TrialState

        trial = study.ask()
        asked = tuple(
            names[trial.suggest_int(f"group {group}", 0, len(names) - 1)]
            for group, names in enumerate(self._problem.types)
        )
        study.tell(trial, state=TrialState.FAIL)  # it is not made as it was asked
        return filled(self._problem, parts, asked)

    def _trial(self, study: optuna.Study, assignment: Assignment, origin: str) -> bool:
        """Measure a recipe, if there is time and it is new; returns whether it was."""
        from optuna.trial import TrialState

        if assignment in self._tried or not self._time_left():
            return False
        self._on_trial(list(self._tried.values()))
        choice = {
            f"group {group}": names.index(name)
            for group, (names, name) in enumerate(zip(self._problem.types, assignment, strict=True))
        }
        study.enqueue_trial(choice)
        trial = study.ask()
        for group, names in enumerate(self._problem.types):
            trial.suggest_int(f"group {group}", 0, len(names) - 1)
        seen: list[float] = []
        pruned = False
        with closing(self._measure(assignment)) as losses:
            for step, loss in enumerate(losses):
                seen.append(loss)
                trial.report(loss, step)
                if step == 0 and trial.should_prune():
                    pruned = True
                    break
        if pruned:
            study.tell(trial, state=TrialState.PRUNED)
        else:
            study.tell(trial, seen[-1])
        self._observed[assignment] = tuple(seen)
        self._tried[assignment] = Tried(assignment, None if pruned else seen[-1], origin)
        return True
