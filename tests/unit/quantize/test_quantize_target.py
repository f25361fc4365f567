"""Target mode as a whole, on the bundled model's tensors, with losses and speeds that are known."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken
from quantize.recipe import Recipe, plan
from quantize.space import Model, Tensor, bits_of, choices, planned_types
from quantize.target import CHECK, FEW, JUDGE, REST, Asked, Finder, Found, better
from quantize.trials import DECODE, SPEED, Files

PLAIN = ("Q8_0", "Q6_K", "Q5_K_M", "Q5_K_S", "Q4_K_M", "Q4_K_S", "Q4_0", "Q3_K_M", "Q2_K")
HEADER = 777


@pytest.fixture(scope="session")
def model(tools: Callable[[str], Path], whole: Path) -> Model:
    types = {
        name: planned_types(plan(tools("llama-quantize"), whole, Recipe(name), CancelToken()).rows)
        for name in PLAIN
    }
    return Model(types, choices(imatrix=False), {}, HEADER + 500)


class World:
    """Files are as large as they really would be; what they lose and how fast they are is made up:
    each tensor adds its share, some much more than others, and weights of few bits take longer than
    their bytes."""

    def __init__(self, model: Model, folder: Path, cancel_after: float = math.inf) -> None:
        self.model = model
        self.made: list[Recipe] = []
        self.cancel_after = cancel_after
        self.now = 0.0
        folder.mkdir(exist_ok=True)
        source = folder / "source.gguf"
        source.write_bytes(b"")
        self.recipe = Recipe("F16")
        measures = {name: self.loss(factor) for name, factor in PARTS.items()} | {SPEED: self.speed}
        self.files = Files(self.make, measures, source, folder, clock=lambda: self.now)
        self.folder = folder

    def types(self, recipe: Recipe) -> Mapping[Tensor, str]:
        if recipe.plain:
            return self.model.plain[recipe.quant_type]
        found = {}
        for tensor in self.model.plain["Q8_0"]:
            names = (name for text, name in recipe.tensor_types if re.search(text, tensor.name))
            found[tensor] = next(names, tensor.type_name)
        return found

    def make(self, recipe: Recipe, path: Path) -> None:
        if len(self.made) >= self.cancel_after:
            raise AppError(ErrorCode.CANCELLED)
        self.made.append(recipe)
        self.recipe = recipe
        with path.open("wb") as file:
            size = sum(t.size_bytes(n) for t, n in self.types(recipe).items())
            file.truncate(HEADER + size)

    def value(self, recipe: Recipe) -> float:
        total = 0.0
        for tensor, name in self.types(recipe).items():
            if len(tensor.shape) == 2 and name != tensor.type_name:
                matters = 5.0 if "attn_v" in tensor.name or "down" in tensor.name else 0.5
                total += matters * tensor.weights / 4.5e6 * 4.0 ** (2 - bits_of(name))
        return total

    def loss(self, factor: float) -> Callable[[Path], dict[str, Any]]:
        def measured(path: Path) -> dict[str, Any]:
            self.now += 1.0
            return {
                "kld_mean": factor * self.value(self.recipe), "kld_error": 1e-5, "chunks": 4
            }  # fmt: skip

        return measured

    def pace(self, recipe: Recipe) -> float:
        """Seconds a token."""
        types = self.types(recipe)
        return 2e-4 + sum(t.size_bytes(n) * (2e-10 if bits_of(n) > 4 else 3e-10)
                          for t, n in types.items())  # fmt: skip

    def speed(self, path: Path) -> dict[str, Any]:
        if path.name == "source.gguf":
            return {DECODE: 500.0}
        # In a race files are measured in turns: their sizes tell which one it is.
        known = {HEADER + sum(t.size_bytes(n) for t, n in self.types(r).items()): r
                 for r in self.made}  # fmt: skip
        return {DECODE: 1 / self.pace(known[path.stat().st_size])}

    def find(self, *, size: int | None = None, speed: float | None = None, seed: int = 0) -> Found:
        asked = Asked(size, speed, SECONDS)
        return Finder(asked, self.model, self.files, seed=seed).find()

    def size(self, recipe: Recipe) -> int:
        return HEADER + sum(t.size_bytes(n) for t, n in self.types(recipe).items())


SECONDS = 120.0  # a measurement takes one, of a clock that does not run otherwise
PARTS = {FEW: 1.1, REST: 1.0, CHECK: 0.9, JUDGE: 1.05}


@pytest.mark.parametrize("name", ["Q5_K_S", "Q4_K_M", "Q3_K_M"])
def test_it_beats_the_plain_type_of_the_same_size(model: Model, tmp_path: Path, name: str) -> None:
    world = World(model, tmp_path / "work")
    limit = world.size(Recipe(name))
    found = world.find(size=limit)
    assert found.recipe is not None and found.tried > 3
    assert world.size(found.recipe) <= limit
    assert set(found.plain) <= {each for each in PLAIN if world.size(Recipe(each)) <= limit}
    losses = [world.value(Recipe(each)) for each in found.plain]
    assert losses == sorted(losses) and losses[0] == min(losses)
    assert world.value(found.recipe) < 0.8 * losses[0]
    assert found.beyond is not None
    larger = [each for each in PLAIN if world.size(Recipe(each)) >= world.size(found.recipe)]
    assert world.size(Recipe(found.beyond)) == min(world.size(Recipe(each)) for each in larger)
    assert all(each not in world.made or world.size(each) <= limit or each.tensor_types
               for each in world.made)  # fmt: skip
    assert [path.name for path in world.folder.glob("*.gguf")] == ["source.gguf"]
    assert Found.from_dict(found.to_dict()) == found


def test_an_interrupted_search_goes_on_where_it_was(model: Model, tmp_path: Path) -> None:
    limit = World(model, tmp_path / "size").size(Recipe("Q4_K_M"))
    broken = World(model, tmp_path / "work", cancel_after=40)
    with pytest.raises(AppError) as caught:
        broken.find(size=limit)
    assert caught.value.code is ErrorCode.CANCELLED
    assert [path.name for path in broken.folder.glob("*.gguf")] == ["source.gguf"]
    asked = Asked(limit, None, SECONDS)
    again = World(model, tmp_path / "work")
    found = Finder(asked, model, again.files).find()
    # Of what was measured to the end nothing is made again, but for what is asked of it later.
    assert len(set(again.made) & set(broken.made)) <= 3
    whole = World(model, tmp_path / "other")
    assert Finder(asked, model, whole.files).find() == found, "the way is the same"
    assert again.files.spent == whole.files.spent
    third = World(model, tmp_path / "work")
    assert Finder(asked, model, third.files).find() == found
    assert third.made == [], "all of it is known"


def test_a_speed_is_reached(model: Model, tmp_path: Path) -> None:
    world = World(model, tmp_path / "work")
    wanted = 0.98 / world.pace(Recipe("Q4_K_M"))
    found = world.find(speed=wanted)
    assert found.recipe is not None
    assert 1 / world.pace(found.recipe) >= wanted
    assert found.plain and 1 / world.pace(Recipe(found.plain[0])) >= wanted
    assert world.value(found.recipe) < world.value(Recipe(found.plain[0]))
    assert found.speeds == pytest.approx(
        [1 / world.pace(found.recipe), 1 / world.pace(Recipe(found.plain[0]))]
    )


def test_a_speed_that_nothing_has_is_refused(model: Model, tmp_path: Path) -> None:
    with pytest.raises(AppError) as caught:
        World(model, tmp_path / "work").find(speed=1e6)
    assert caught.value.code is ErrorCode.SETTING_INVALID
    assert caught.value.params["name"] == "least_tokens_per_second"


def test_little_time_is_used_for_what_promises_most(model: Model, tmp_path: Path) -> None:
    world = World(model, tmp_path / "work")
    limit = world.size(Recipe("Q4_K_M"))
    found = Finder(Asked(limit, None, 45.0), model, world.files).find()
    assert world.files.spent <= 45.0
    assert found.recipe is not None and found.tried <= 6
    assert world.value(found.recipe) < 0.9 * world.value(Recipe(found.plain[0]))


def test_without_time_the_plain_types_are_left(model: Model, tmp_path: Path) -> None:
    world = World(model, tmp_path / "work")
    limit = world.size(Recipe("Q4_K_M"))
    found = Finder(Asked(limit, None, 0.0), model, world.files).find()
    assert found.recipe is None and found.tried == 0
    assert found.plain and world.size(Recipe(found.plain[0])) <= limit


def test_below_all_plain_types_a_recipe_is_found_alone(model: Model, tmp_path: Path) -> None:
    world = World(model, tmp_path / "work")
    limit = world.size(Recipe("Q2_K")) - 50_000
    found = world.find(size=limit)
    assert found.plain == () and found.recipe is not None
    assert world.size(found.recipe) <= limit


@pytest.mark.parametrize(
    ("found", "plain", "expected"),
    [
        ((0.010, 0.0003), (0.011, 0.0003), True),
        ((0.0105, 0.0003), (0.011, 0.0003), False),  # chance would explain it
        ((0.012, 0.0003), (0.011, 0.0003), False),
        ((0.0, 0.0), (0.0, 0.0), False),
    ],
)
def test_better_is_more_than_chance(
    found: tuple[float, float], plain: tuple[float, float], expected: bool
) -> None:
    names = ("kld_mean", "kld_error")
    one, other = (dict(zip(names, each, strict=True)) for each in (found, plain))
    assert better(one, other) is expected
