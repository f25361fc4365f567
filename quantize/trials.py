"""Files of recipes that are made, measured and removed; what stays is what was measured.

So a search that was interrupted takes the same way when it is begun again, and makes nothing twice.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import statistics
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from quantize.make import UNFINISHED, sidecar_of
from quantize.recipe import Recipe

Facts = dict[str, Any]
# The measurement of a file's speed, and what it says of it.
SPEED = "speed"
DECODE, PREFILL = "decode_tokens_per_second", "prefill_tokens_per_second"
# Speeds that are compared are measured in turns, so many rounds.
ROUNDS = 3


class Files:
    """Makes the files of recipes, has them measured and removes them; forgets no measurement.

    Args:
        make: writes a recipe's file.
        measures: by name, what measures a file.
        source: the model itself, which stands for "no recipe".
        folder: where files lie for as long as they are measured, and where measurements are kept.
        spent: seconds that went before.
    """

    def __init__(
        self,
        make: Callable[[Recipe, Path], object],
        measures: Mapping[str, Callable[[Path], Facts]],
        source: Path,
        folder: Path,
        *,
        spent: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.spent = spent
        self._clock = clock
        self._make = make
        self._measures = measures
        self._source = source
        self._folder = folder
        self._journal = folder / "measured.jsonl"
        self._known = _read_journal(self._journal)
        self._counted: set[str] = set()
        self._mark = clock()

    @property
    def seconds(self) -> float:
        """What was spent up to now, the file in progress with it."""
        return self.spent + self._clock() - self._mark

    def ask(self, recipe: Recipe | None, *wanted: str) -> Generator[Facts, None, None]:
        """Its measurements one by one, as they are asked for; the file is gone at the end."""
        path = self._folder / "trial.gguf" if recipe else self._source
        made = recipe is None
        try:
            for name in wanted:
                key = f"{_key(recipe)} {name}"
                if key not in self._known:
                    if recipe is not None and not made:
                        made = True
                        self._make(recipe, path)
                    facts = {**self._measures[name](path), "size_bytes": path.stat().st_size}
                    self._remember(key, facts)
                yield self._taken(key)
        finally:
            if made and recipe is not None:
                _remove(path)

    def race(self, recipes: Sequence[Recipe]) -> list[float]:
        """Tokens per second of each, measured in turns: the medians."""
        key = f"{' '.join(map(_key, recipes))} race"
        if key not in self._known:
            paths = [self._folder / f"race-{number}.gguf" for number in range(len(recipes))]
            try:
                for recipe, path in zip(recipes, paths, strict=True):
                    self._make(recipe, path)
                rounds = [
                    [float(self._measures[SPEED](path)[DECODE]) for path in paths]
                    for _ in range(ROUNDS)
                ]
            finally:
                for path in paths:
                    _remove(path)
            medians = [statistics.median(each) for each in zip(*rounds, strict=True)]
            self._remember(key, {"medians": medians})
        return [float(each) for each in self._taken(key)["medians"]]

    def first(self, recipe: Recipe | None, name: str) -> Facts:
        """One measurement."""
        with closing(self.ask(recipe, name)) as answers:
            return next(answers)

    def _remember(self, key: str, facts: Facts) -> None:
        self._known[key] = {**facts, "seconds": self._clock() - self._mark}
        with self._journal.open("a", encoding="utf-8") as file:
            # A line of its own, also behind one that was cut off.
            file.write(f"\n{json.dumps({key: self._known[key]})}\n")

    def _taken(self, key: str) -> Facts:
        """What is known; the time it took, now or in an earlier run, counts once."""
        facts = self._known[key]
        if key not in self._counted:
            self._counted.add(key)
            self.spent += facts["seconds"]
        self._mark = self._clock()
        return facts


def _key(recipe: Recipe | None) -> str:
    if recipe is None:
        return "source"
    text = json.dumps(recipe.to_dict(), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def _read_journal(path: Path) -> dict[str, Facts]:
    known: dict[str, Facts] = {}
    if path.exists():
        for line in path.read_text("utf-8").splitlines():
            with contextlib.suppress(ValueError):  # the last one, where writing it was cut off
                known.update(json.loads(line))
    return known


def _remove(path: Path) -> None:
    for each in (path, sidecar_of(path), path.with_name(path.name + UNFINISHED)):
        each.unlink(missing_ok=True)


def deal(text: str, parts: Sequence[int], block: int = 2000) -> list[str]:
    """A text in parts each of which has something of all of it.

    Args:
        parts: how large they are, by each other.
        block: about so many characters stay together.
    """
    turns = [number for number, share in enumerate(parts) for _ in range(share)]
    dealt: list[list[str]] = [[] for _ in parts]
    turn = length = 0
    for line in text.splitlines(keepends=True):
        dealt[turns[turn % len(turns)]].append(line)
        length += len(line)
        if length >= block:
            turn, length = turn + 1, 0
    return ["".join(each) for each in dealt]
