"""Target mode: the best quality under a size, or at a speed, found by trying recipes.

Recipes are tried on other parts of the text than the one on which the one that was found is judged
beside the plain types, each of them a plain `llama-quantize` run.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

from desktop.core.errors import AppError, ErrorCode
from quantize.recipe import Recipe
from quantize.search import Search, Tried
from quantize.space import (
    Assignment,
    Group,
    Model,
    Tensor,
    Types,
    assigned,
    bits_of,
    grouped,
)
from quantize.surrogate import Problem
from quantize.trials import DECODE, SPEED, Facts, Files

# What a file is measured on: a small and a larger part of the search's text; another part of it,
# for the best few; the text that judges.
FEW, REST, CHECK, JUDGE = "few", "rest", "check", "judge"
# Types with so many times to so many times the bits there is room for are looked at.
_NARROWEST, _WIDEST = 0.55, 2.1
_FEWEST_TYPES = 3
# Where it is speed that is asked for, types are looked at in this order: soon they are far apart.
_SPREAD = ("Q4_K", "Q8_0", "Q3_K", "Q6_K", "Q4_0", "Q5_K", "Q2_K", "IQ4_XS", "Q5_0", "IQ3_S")
# How much of the time that is left may go into types, plain types, and groups by themselves.
_TYPES_SHARE, _PLAIN_SHARE, _GROUPS_SHARE = 0.2, 0.2, 0.4
_MOST_GROUPS = 48
# What a group becomes to see what it matters: a type of so many times the bits there is room for.
_COARSER = 0.75
FINALISTS = 3
# So many plain types are measured on the search's text, and so many of them judged.
PLAIN_TRIED = 5
PLAIN_JUDGED = 2
# Files that are still made when the search is over.
_AFTER = FINALISTS + PLAIN_JUDGED + 4
# A recipe is to be faster than asked for by this, as foreseen; so often another one is taken where
# it is not, as measured.
_MARGIN = 0.97
_ATTEMPTS = 3
_SURE = 1.96  # standard errors: 95 %


@dataclass(frozen=True)
class Asked:
    """One of the two is given.

    Attributes:
        seconds: when the search is to end, counted with what went before it.
    """

    most_bytes: int | None
    least_tokens_per_second: float | None
    seconds: float


@dataclass(frozen=True)
class Found:
    """What a search came to.

    Attributes:
        recipe: the best one; None where none was found that reaches what was asked for.
        plain: the names of the plain types that do, the best on the search's text first.
        beyond: the smallest plain type that is no smaller than the recipe's file.
        tried: how many recipes within the limit were tried.
        speeds: of the recipe and of the best plain type, where speed was asked for.
    """

    recipe: Recipe | None
    plain: tuple[str, ...]
    beyond: str | None
    tried: int
    origin: str | None
    speeds: tuple[float, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        recipe = self.recipe.to_dict() if self.recipe else None
        return {**vars(self), "recipe": recipe}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Found:
        recipe = Recipe.from_dict(data["recipe"]) if data["recipe"] else None
        plain, speeds = tuple(data["plain"]), tuple(data["speeds"])
        return cls(recipe, plain, data["beyond"], data["tried"], data["origin"], speeds)


def better(found: Facts, plain: Facts) -> bool:
    """Whether a file surely loses less than another: by more than 95 % of chance explains.

    Both are measured on the same tokens, where what is hard is hard for both. Their errors are
    taken as independent all the same, which asks for more than needed.
    """
    error = math.hypot(found["kld_error"], plain["kld_error"])
    return bool(plain["kld_mean"] - found["kld_mean"] > _SURE * error)


class Finder:
    """One search.

    Args:
        tell: told before each trial how many there were, and the best loss and size so far.
    """

    def __init__(
        self,
        asked: Asked,
        model: Model,
        files: Files,
        *,
        tell: Callable[[int, float | None, int | None], None] = lambda tried, loss, size: None,
        seed: int = 0,
    ) -> None:
        self._asked = asked
        self._model = model
        self._files = files
        self._tell = tell
        self._seed = seed
        self._seconds_each: list[float] = []

    def find(self) -> Found:
        """The best recipe, and the plain types to hold it against.

        Raises:
            AppError: SETTING_INVALID, where nothing reaches what was asked for; what making and
                measuring raise.
        """
        damage, paces = self._look_at_types()
        plain = self._plain(damage, paces)
        groups = grouped(self._model.movable, tuple(damage), self._most_groups())
        problem = self._problem(groups, paces)
        tried = self._search(groups, problem, damage)
        chosen = self._chosen(groups, problem, tried)
        if self._asked.least_tokens_per_second is not None:
            if chosen is None and not plain:
                raise self._too_fast(1 / min(paces.values()))
            return self._fast_enough(groups, problem, tried, chosen, plain)
        if chosen is None and not plain:
            raise self._out_of_reach("There was no time to try a recipe. Give it more.")
        if chosen is None:
            return Found(None, plain, None, len(tried), None)
        recipe = self._recipe(groups, chosen)
        beyond = self._beyond(assigned(groups, chosen.assignment))
        return Found(recipe, plain, beyond, len(tried), chosen.origin)

    # --- what it is about -----------------------------------------------------------------------

    @property
    def _room_bits(self) -> float | None:
        """Bits a weight may take on average; None where size does not matter."""
        if self._asked.most_bytes is None:
            return None
        room = self._asked.most_bytes - self._model.fixed_bytes
        return room * 8 / sum(each.weights for each in self._model.movable)

    def _share_of_time(self, share: float) -> float:
        """When a share of the time that is left from now on is over."""
        return self._files.spent + share * (self._asked.seconds - self._files.spent)

    def _time_left(self) -> bool:
        each = statistics.median(self._seconds_each)
        return self._files.spent + _AFTER * each < self._asked.seconds

    def _look_at_types(self) -> tuple[dict[str, float], dict[str, float]]:
        """What the model loses that is all of one type, and seconds a token where that counts.

        Types that are no smaller, no better and no faster than another are left out.
        """
        names = [name for name in _SPREAD if name in self._model.types]
        if (room := self._room_bits) is not None:
            names = list(self._model.types)
            near = [n for n in names if _NARROWEST * room <= bits_of(n) <= _WIDEST * room]
            names.sort(key=lambda name: abs(math.log(bits_of(name) / room)))
            names = [n for n in names if n in near or n in names[:_FEWEST_TYPES]]
        end = self._share_of_time(_TYPES_SHARE)
        damage: dict[str, float] = {}
        paces: dict[str, float] = {}
        for name in names:
            if len(damage) >= _FEWEST_TYPES and self._files.spent > end:
                break
            self._tell(0, None, None)
            before = self._files.spent
            uniform = self._model.uniform(name)
            recipe = self._model.recipe(uniform)
            wanted = [FEW] if room is not None else [FEW, SPEED]
            with closing(self._files.ask(recipe, *wanted)) as answers:
                facts = next(answers)
                damage[name] = facts["kld_mean"]
                self._know_header(uniform, facts["size_bytes"])
                self._seconds_each.append(self._files.spent - before)
                if room is None:
                    paces[name] = 1 / next(answers)[DECODE]
        if room is None:
            pace = 1 / self._files.first(None, SPEED)[DECODE]
            paces |= {each.type_name: pace for each in self._model.movable}
        kept = {name: loss for name, loss in damage.items() if not self._idle(name, damage, paces)}
        return kept, paces

    def _know_header(self, types: Types, size_bytes: int) -> None:
        """Every file has the same header: from the first one on sizes are known to the byte."""
        tensors = self._model.file_bytes(types) - self._model.header_bytes
        self._model = replace(self._model, header_bytes=size_bytes - tensors)

    def _idle(self, name: str, damage: dict[str, float], paces: dict[str, float]) -> bool:
        """Whether another type is at least as good in everything."""
        mine = [each for each in self._model.movable if each.fits(name)]

        def beaten_by(other: str) -> bool:
            size, loss = bits_of(other) - bits_of(name), damage[other] - damage[name]
            time = paces.get(other, 0.0) - paces.get(name, 0.0)
            return max(size, loss, time) <= 0 and min(size, loss, time) < 0

        return any(beaten_by(each) and all(t.fits(each) for t in mine) for each in damage)

    def _most_groups(self) -> int:
        each = statistics.median(self._seconds_each)
        left = self._asked.seconds - self._files.spent - _AFTER * each
        return max(1, min(_MOST_GROUPS, int(_GROUPS_SHARE * left / max(each, 1e-6))))

    def _problem(self, groups: Sequence[Group], paces: Mapping[str, float]) -> Problem:
        types = tuple(group.types for group in groups)
        total = sum(group.weights for group in groups)
        shares = tuple(group.weights / total for group in groups)
        if self._asked.most_bytes is not None:
            sizes = tuple({n: float(group.size_bytes(n)) for n in group.types} for group in groups)
            limit = float(self._asked.most_bytes - self._model.fixed_bytes)
            return Problem(types, sizes, limit, shares)
        assert self._asked.least_tokens_per_second is not None
        # A token's time is that of a fixed part and of each weight by its type: so a mix takes the
        # mean of what the model takes that is all of one type, weighted by what is read.
        read = [sum(t.weights * self._model.read.get(t, 1.0) for t in g.tensors) for g in groups]
        times = tuple(
            {name: weights / sum(read) * paces[name] for name in group.types}
            for group, weights in zip(groups, read, strict=True)
        )
        return Problem(types, times, _MARGIN / self._asked.least_tokens_per_second, shares)

    # --- recipes --------------------------------------------------------------------------------

    def _search(
        self,
        groups: Sequence[Group],
        problem: Problem,
        damage: Mapping[str, float],
    ) -> list[Tried]:
        uniform = {name: tuple(g.nearest(name) for g in groups) for name in damage}
        within = [name for name, each in uniform.items() if problem.allowed(each)]
        room = self._room_bits or max(map(bits_of, within), default=min(map(bits_of, damage)))
        coarser = min(damage, key=lambda name: abs(bits_of(name) - _COARSER * room))

        def on_trial(tried: Sequence[Tried]) -> None:
            first = min((t for t in tried if t.loss is not None), key=_loss, default=None)
            if first is None:
                self._tell(len(tried), None, None)
            else:
                size = self._model.file_bytes(assigned(groups, first.assignment))
                self._tell(len(tried), first.loss, size)

        whole = tuple(group.whole for group in groups)
        search = Search(
            problem,
            whole,
            {**dict.fromkeys(whole, 0.0), **damage},
            lambda assignment: self._losses(groups, assignment),
            time_left=self._time_left,
            on_trial=on_trial,
            seed=self._seed,
        )
        return search.run(
            tuple(g.nearest(coarser) for g in groups),
            list(uniform.values()),
        )

    def _losses(
        self, groups: Sequence[Group], assignment: Assignment
    ) -> Generator[float, None, None]:
        recipe = self._model.recipe(assigned(groups, assignment))
        with closing(self._files.ask(recipe, FEW, REST)) as answers:
            few = next(answers)
            yield few["kld_mean"]
            yield _joined(few, next(answers))

    def _chosen(
        self, groups: Sequence[Group], problem: Problem, tried: Sequence[Tried]
    ) -> Tried | None:
        """Of the best few the one that loses least on text on which none was chosen."""
        few = [each for each in tried if problem.allowed(each.assignment)][:FINALISTS]
        checked = {
            each: self._files.first(self._recipe(groups, each), CHECK)["kld_mean"] for each in few
        }
        return min(checked, key=lambda each: checked[each], default=None)

    def _recipe(self, groups: Sequence[Group], tried: Tried) -> Recipe:
        return self._model.recipe(assigned(groups, tried.assignment))

    # --- the plain types ------------------------------------------------------------------------

    def _plain(self, damage: Mapping[str, float], paces: Mapping[str, float]) -> tuple[str, ...]:
        """Those that reach what is asked for, as foreseen; the best first, as measured."""
        foreseen = {
            name: self._mean(types, lambda each: _between(damage, each))
            for name, types in self._model.plain.items()
            if self._reaches(types, paces)
        }
        likely = sorted(foreseen, key=lambda name: foreseen[name])[:PLAIN_TRIED]
        losses: dict[str, float] = {}
        end = self._share_of_time(_PLAIN_SHARE)
        for name in likely:
            if len(losses) >= PLAIN_JUDGED and self._files.spent > end:
                break
            self._tell(0, None, None)
            with closing(self._files.ask(Recipe(name), FEW, REST)) as answers:
                losses[name] = _joined(next(answers), next(answers))
        return tuple(sorted(losses, key=lambda name: losses[name]))

    def _reaches(self, types: Types, paces: Mapping[str, float]) -> bool:
        if self._asked.most_bytes is not None:
            return self._model.file_bytes(types) <= self._asked.most_bytes
        assert self._asked.least_tokens_per_second is not None
        seconds = self._mean(types, lambda each: _between(paces, each), self._model.read)
        # Those just too slow as foreseen may be fast enough: they are measured.
        return seconds * _MARGIN <= 1 / self._asked.least_tokens_per_second

    def _mean(
        self,
        types: Types,
        value: Callable[[str], float],
        read: Mapping[Tensor, float] | None = None,
    ) -> float:
        """The mean of the types' values over all weights, or over what is read of them."""
        weights = {t: t.weights * (read or {}).get(t, 1.0) for t in self._model.movable}
        total = sum(value(types[tensor]) * weight for tensor, weight in weights.items())
        return total / sum(weights.values())

    def _beyond(self, types: Types) -> str | None:
        """The smallest plain type that is no smaller than a file of these types."""
        least = self._model.file_bytes(types)
        sizes = self._model.plain_bytes
        larger = [name for name, size in sizes.items() if size >= least]
        return min(larger, key=lambda name: sizes[name], default=None)

    # --- speed ----------------------------------------------------------------------------------

    def _fast_enough(
        self,
        groups: Sequence[Group],
        problem: Problem,
        tried: Sequence[Tried],
        chosen: Tried | None,
        plain: tuple[str, ...],
    ) -> Found:
        """The recipe and the best plain type that are as fast as asked for, measured in turns."""
        wanted = self._asked.least_tokens_per_second
        assert wanted is not None
        fastest, attempts = 0.0, 0
        while chosen or plain:
            recipe = None if chosen is None else self._recipe(groups, chosen)
            rival = Recipe(plain[0]) if plain else None
            racing = [each for each in (recipe, rival) if each is not None]
            speeds = dict(zip(racing, self._files.race(racing), strict=True))
            fastest = max(fastest, *speeds.values())
            slow = {each for each, speed in speeds.items() if speed < wanted}
            if not slow:
                origin = None if chosen is None else chosen.origin
                return Found(recipe, plain, None, len(tried), origin, tuple(speeds.values()))
            if rival in slow:
                plain = plain[1:]
            if recipe is not None and recipe in slow:
                attempts += 1
                problem = replace(problem, limit=problem.limit * speeds[recipe] / wanted * _MARGIN)
                chosen = self._chosen(groups, problem, tried) if attempts < _ATTEMPTS else None
        raise self._too_fast(fastest)

    def _too_fast(self, fastest: float) -> AppError:
        reason = f"The fastest of what was looked at makes {fastest:.1f} tokens a second here."
        return self._out_of_reach(reason)

    def _out_of_reach(self, reason: str) -> AppError:
        size = self._asked.most_bytes
        name = "most_bytes" if size is not None else "least_tokens_per_second"
        value = str(size or self._asked.least_tokens_per_second)
        return AppError(ErrorCode.SETTING_INVALID, name=name, value=value, reason=reason)


def _loss(tried: Tried) -> float:
    assert tried.loss is not None
    return tried.loss


def _joined(one: Facts, other: Facts) -> float:
    """The mean loss on two parts of a text."""
    chunks = one["chunks"] + other["chunks"]
    total = one["kld_mean"] * one["chunks"] + other["kld_mean"] * other["chunks"]
    return float(total / chunks)


def _between(known: Mapping[str, float], name: str) -> float:
    """A type's value, or that of the known type of the most similar size."""
    nearest = min(known, key=lambda each: (each != name, abs(bits_of(each) - bits_of(name))))
    return known[nearest]
