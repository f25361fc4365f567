"""Which models a machine should run, with which quant and settings, and why.

The rule, in the order in which it decides:

1. Of a model's files and placements: those as fast as wished, of them the one that loses least
   (in five levels, so that nobody pays gigabytes for a loss nobody notices), of them the smallest.
   Where none is as fast as wished: the fastest that does not lose plainly.
2. Between models: one that is as fast as wished before one that is not; then the size class: each
   doubling of the parameters is one more, each year of age one less, because models of one size
   get better, and each level of loss beyond "good" one less; then the speed class, the level of
   loss, the release, and how often it is downloaded.

Nothing here looks at benchmark scores: those in the catalogue come from different tests and makers
and cannot be compared (see `CatalogModel.scores`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any, Literal, NamedTuple

from desktop.core.engine.flags import LoadSettings
from desktop.core.errors import AppError, ErrorCode
from desktop.core.fit.candidates import Candidate, FileOption, LeftOut, Reason
from desktop.core.fit.estimate import Verdict
from desktop.core.fit.placement import KV_TYPES, Placement, Room
from desktop.core.fit.quality import LEVELS
from desktop.core.fit.simulate import Machine
from desktop.core.fit.speed import SpeedFigure, Speeds

Purpose = Literal["chat", "code", "reasoning", "vision", "embeddings", "japanese"]
PURPOSES: tuple[Purpose, ...] = ("chat", "code", "reasoning", "vision", "embeddings", "japanese")
_CAPABILITY = {"embeddings": "embedding", "japanese": "chat"}

# Tokens per second from which a service counts as of this class; below the lowest it is slow.
SpeedClass = Literal["A", "B", "C", "slow"]
SPEED_CLASSES: tuple[tuple[float, SpeedClass], ...] = ((70.0, "A"), (30.0, "B"), (15.0, "C"))
_CLASS_ORDER: tuple[SpeedClass, ...] = ("slow", "C", "B", "A")
DEFAULT_SPEED = 15.0
DEFAULT_CONTEXT = 8192

_GOOD, _USABLE = LEVELS.index("good"), LEVELS.index("visible")


class Choice(NamedTuple):
    """One of a model's files, placed.

    Attributes:
        context_tokens, kv_type: what it was priced with.
    """

    option: FileOption
    placement: Placement
    context_tokens: int
    kv_type: str
    embedding: bool
    decode: SpeedFigure | None

    @property
    def settings(self) -> LoadSettings:
        """What to load it with. To the engine the output is one more layer.

        Layers are always counted: left to itself the engine keeps 1 GiB of a GPU free.
        """
        layers = self.placement.layers_on_gpu
        return LoadSettings(
            context_tokens=self.context_tokens,
            kv_type_k=self.kv_type,
            kv_type_v=self.kv_type,
            gpu_layers=layers + 1 if layers else 0,
            experts_on_cpu=self.placement.verdict == "experts_on_cpu",
            embedding=self.embedding,
        )

    @property
    def speed_class(self) -> SpeedClass | None:
        return None if self.decode is None else speed_class(self.decode.value)

    @property
    def level(self) -> int:
        return self.option.level

    @property
    def usable(self) -> bool:
        """It loses no more than visibly."""
        return self.level <= _USABLE

    def reaches(self, speed: float) -> bool:
        """Whether it is as fast as that; where its speed is not known, whether it is on a GPU."""
        if self.decode is None:
            return self.placement.verdict == "gpu"
        return self.decode.value >= speed

    def worth(self, speed: float) -> tuple[float, ...]:
        """Rule 1 of this module: the greatest is chosen."""
        fast = 0.0 if self.decode is None else self.decode.value
        level, size = self.option.level, self.option.size.value
        plain_cache = self.kv_type == KV_TYPES[0]
        if self.reaches(speed):
            return 1, level <= _USABLE, -level, plain_cache, -size, fast
        return 0, level <= _USABLE, fast, -level, plain_cache, -size


@dataclass(frozen=True)
class Wish:
    """What somebody wants.

    Attributes:
        speed: tokens per second it should generate at least.
        models: only these ids; empty for all.
    """

    purpose: Purpose = "chat"
    context_tokens: int = DEFAULT_CONTEXT
    speed: float = DEFAULT_SPEED
    models: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.context_tokens <= 0 or not self.speed > 0 or not math.isfinite(self.speed):
            raise AppError(
                ErrorCode.BAD_REQUEST,
                reason="A context and a speed to wish for are numbers above zero.",
            )


@dataclass(frozen=True)
class Recommendation:
    """A model with what to load of it, and why.

    Attributes:
        considered: what it was chosen from; `room` is what the machine can give.
    """

    candidate: Candidate
    choice: Choice
    considered: Sequence[Choice]
    room: Room
    wish: Wish

    @property
    def verdict(self) -> Verdict:
        return self.choice.placement.verdict

    @cached_property
    def reasons(self) -> tuple[Reason, ...]:
        """Why this file, placed so; made when somebody wants to read them."""
        return tuple(_reasons(self))


def speed_class(tokens_per_second: float) -> SpeedClass:
    for bound, name in SPEED_CLASSES:
        if tokens_per_second >= bound:
            return name
    return "slow"


# Choosing.


def choose(
    candidate: Candidate, machine: Machine, speeds: Speeds, wish: Wish
) -> Recommendation | LeftOut:
    """The best of one model's files and placements by rule 1, or why there is none."""

    def out(code: str, **params: Any) -> LeftOut:
        return LeftOut(candidate.id, candidate.name, Reason(code, params))

    trained = candidate.context_tokens
    if trained is not None and wish.context_tokens > trained and not candidate.embedding:
        return out("context_too_long", trained=trained, wanted=wish.context_tokens)
    context = min(wish.context_tokens, trained) if trained else wish.context_tokens
    room = Room.of(machine)
    most = room.host + (0 if room.unified else room.gpu)
    smallest = candidate.options[0]

    def too_large() -> LeftOut:
        size = smallest.size.value
        return out("too_large", quant=smallest.quant_type, size_bytes=size, room_bytes=most)

    if smallest.load.body.fixed(context, KV_TYPES[0]) is None:
        return out("engine_must_tell")
    if smallest.size.low > most:
        return too_large()
    choices: list[Choice] = []
    best: Choice | None = None
    best_worth: tuple[float, ...] = ()
    improvable = False  # a smaller cache could make more of the files fit, or more of them
    for kv_type in KV_TYPES:
        for level, options in candidate.by_level:
            if best is not None and best_worth[0] and best.level <= level:
                break  # neither a greater loss nor a smaller cache would be better
            for option in options:
                if best is not None and best_worth[0] and best.level == level:
                    break  # the level's larger files are no better
                placed = option.load.placements(context, kv_type, room) or ()
                improvable |= not placed or (room.gpu > 0 and placed[0].verdict != "gpu")
                for placement in placed:
                    decode = None
                    if not candidate.embedding:
                        decode = option.load.decode(placement, speeds)
                    choice = Choice(
                        option, placement, context, kv_type, candidate.embedding, decode
                    )
                    choices.append(choice)
                    worth = choice.worth(wish.speed)
                    if worth > best_worth:
                        best, best_worth = choice, worth
        if not improvable:
            break
    if best is None:
        return too_large()
    return Recommendation(candidate, best, choices, room, wish)


def _reasons(answer: Recommendation) -> Iterable[Reason]:
    candidate, best, room, wish = answer.candidate, answer.choice, answer.room, answer.wish
    placement, option = best.placement, best.option
    n_layers = option.load.body.shape.n_layers
    match placement.verdict:
        case "gpu":
            yield Reason("fits_gpu", {"need_bytes": placement.gpu_bytes, "room_bytes": room.gpu})
        case "experts_on_cpu":
            yield Reason(
                "experts_on_cpu",
                {"gpu_bytes": placement.gpu_bytes, "host_bytes": placement.host_bytes},
            )
        case "partial":
            yield Reason("partial", {"layers": placement.layers_on_gpu, "n_layers": n_layers})
        case _:
            yield Reason("cpu", {"need_bytes": placement.host_bytes, "room_bytes": room.host})
    if best.decode is not None:
        params = {
            "tokens_per_second": best.decode.value,
            "class": best.speed_class,
            "wished": wish.speed,
        }
        yield Reason("fast_enough" if best.reaches(wish.speed) else "slower_than_wished", params)
    elif not candidate.embedding:
        yield Reason("speed_unknown")
    if "native_quant" in candidate.flags:
        yield Reason("native_type", {"quant": option.quant_type})
    elif option.loss is not None and not candidate.embedding:  # which has no tokens to lose
        yield Reason(
            f"loss_{option.loss.level}", {"same_top_rate": option.loss.same_top_rate.value}
        )
    if best.kv_type != KV_TYPES[0]:
        yield Reason("smaller_cache", {"kv_type": best.kv_type})
    yield from _next_better(candidate, best, answer.considered)


def _next_better(candidate: Candidate, best: Choice, choices: Sequence[Choice]) -> Iterable[Reason]:
    """What stands between this file and one that loses a level less."""
    better = [
        option
        for option in candidate.options
        if option.loss is not None and LEVELS.index(option.loss.level) < best.level
    ]
    if not better:
        return
    option = better[0]
    placed = [choice for choice in choices if choice.option is option]
    if not placed:
        missing = option.size.value - best.option.size.value
        yield Reason("better_needs_memory", {"quant": option.quant_type, "bytes": missing})
        return
    fastest = max((c.decode.value for c in placed if c.decode is not None), default=None)
    if fastest is not None:
        yield Reason("better_is_slower", {"quant": option.quant_type, "tokens_per_second": fastest})


# Ranking.


@dataclass(frozen=True)
class Ranking:
    """The answer: models in order, and those left out with the reason.

    Attributes:
        collected: the catalogue's date; None where no catalogue was asked.
    """

    machine: Machine
    wish: Wish
    items: tuple[Recommendation, ...]
    left_out: tuple[LeftOut, ...]
    collected: date | None = None


def suits(candidate: Candidate, purpose: Purpose) -> bool:
    """Whether a model is made for a purpose, as far as its publisher says."""
    if _CAPABILITY.get(purpose, purpose) not in candidate.capabilities:
        return False
    return purpose != "japanese" or "ja" in candidate.languages


def size_class(candidate: Candidate, today: date) -> int:
    """Doublings above one billion parameters, less one for each year of age."""
    size = math.log2(max(candidate.effective_parameters, 1e6) / 1e9)
    if candidate.released is None:
        return round(size)
    year, month = candidate.released
    age = max(0.0, today.year - year + (today.month - month) / 12)
    return round(size - age)


def recommend(
    candidates: Sequence[Candidate],
    machine: Machine,
    speeds: Speeds,
    wish: Wish,
    *,
    today: date,
    left_out: Sequence[LeftOut] = (),
    collected: date | None = None,
) -> Ranking:
    """Rank models for a machine by rule 2.

    Args:
        candidates: made once, at start.
        today: ages are counted to this day; the catalogue's own date for it alone.
        left_out: those that could not be made candidates.
    """
    chosen, out = [], list(left_out)
    for candidate in candidates:
        if wish.models and candidate.id not in wish.models:
            continue
        if not wish.models and not suits(candidate, wish.purpose):
            continue
        found = choose(candidate, machine, speeds, wish)
        if isinstance(found, LeftOut):
            out.append(found)
        else:
            chosen.append(found)
    chosen.sort(key=lambda each: _order(each, wish, today), reverse=True)
    return Ranking(machine, wish, tuple(chosen), tuple(out), collected)


def _order(each: Recommendation, wish: Wish, today: date) -> tuple[Any, ...]:
    candidate, choice = each.candidate, each.choice
    own_language = wish.purpose == "japanese" and candidate.languages[:1] == ("ja",)
    speed = choice.speed_class
    return (
        candidate.embedding or choice.reaches(wish.speed),
        size_class(candidate, today) + own_language - max(0, choice.level - _GOOD),
        -1 if speed is None else _CLASS_ORDER.index(speed),
        -choice.level,
        candidate.released or (0, 0),
        candidate.downloads,
        candidate.id,
    )
