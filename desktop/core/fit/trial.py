"""The price of one file with settings that somebody is choosing: at once, then exactly.

`Trial.quick` asks the closed formula, which takes a millisecond, so that a price can follow a
slider. `Trial.exact` asks the engine itself; it needs a file, or a stub of one.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from desktop.core.engine.flags import LoadSettings
from desktop.core.errors import AppError, ErrorCode
from desktop.core.fit.candidates import Candidate, FileOption
from desktop.core.fit.estimate import (
    GPU_RESERVE_BYTES,
    HOST,
    OS_RESERVE_BYTES,
    Available,
    DeviceNeed,
    Estimate,
    Figure,
    Verdict,
    check_fits,
    verdict,
)
from desktop.core.fit.expected import ExpectedSpeed, speed_of_shape
from desktop.core.fit.formula import HostTraits, estimate
from desktop.core.fit.layers import Gpu
from desktop.core.fit.placement import ALIKE_FACTOR, Load
from desktop.core.fit.pricing import Pricing, Wishes
from desktop.core.fit.recommend import DEFAULT_CONTEXT, Choice
from desktop.core.fit.simulate import Machine
from desktop.core.fit.speed import Speeds
from desktop.core.fit.speed_book import SpeedBook
from desktop.core.fit.speed_predict import Predictor
from desktop.core.gguf.facts import Weights
from desktop.core.gguf.shape import ModelShape

_RANK: Mapping[Verdict, int] = {
    "wont_fit": 0,
    "cpu": 1,
    "partial": 2,
    "experts_on_cpu": 3,
    "gpu": 4,
}
SMALLEST_CONTEXT = 512
Held = Mapping[str, int]  # bytes by device


@dataclass(frozen=True)
class Place:
    """What a file is to be loaded on.

    Attributes:
        available: what each device can give; the host is among them.
        total_bytes: of each device, by name; where it is not known it is not there.
        cpu: how the host stores weights.
    """

    available: tuple[Available, ...]
    gpus: tuple[Gpu, ...]
    predictor: Predictor
    total_bytes: Mapping[str, int] = field(default_factory=dict)
    cpu: HostTraits = field(default_factory=HostTraits)

    @classmethod
    def of_machine(
        cls, machine: Machine, speeds: Speeds, total_bytes: Mapping[str, int] | None = None
    ) -> Place:
        """A machine as recommendations see it: its largest GPU and its memory."""
        gpu = machine.gpu
        gpus: tuple[Gpu, ...] = ()
        if gpu is not None:
            borrows = gpu.backend not in ("metal", "rpc")
            room = gpu.available_bytes
            gpus = (Gpu(gpu.name, room, unified=gpu.unified, host_buffers=borrows),)
        available = tuple(
            replace(each, unified=gpu is not None and gpu.unified and each.name == gpu.name)
            for each in machine.available
        )
        sets = machine.cpu.instruction_sets if machine.cpu else ("avx2",)
        predictor = Predictor(speeds, SpeedBook(), "", {})
        return cls(available, gpus, predictor, total_bytes or {}, HostTraits.of(sets))


@dataclass(frozen=True)
class Lack:
    """The device that decides whether a load fits: the fullest one.

    Attributes:
        need_bytes, room_bytes: what it is asked for, and what it may give.
        unified: its memory is the machine's.
    """

    name: str
    description: str
    need_bytes: int
    room_bytes: int


@dataclass(frozen=True)
class Price:
    """What a load would take and do.

    Attributes:
        estimate: None where only the engine can tell.
        problem: why it does not fit, or why the engine cannot plan it.
        exact: the engine planned it; otherwise it is the formula's.
    """

    settings: LoadSettings
    estimate: Estimate | None
    available: tuple[Available, ...]
    problem: AppError | None = None
    speed: ExpectedSpeed = field(default_factory=ExpectedSpeed)
    exact: bool = False

    @property
    def verdict(self) -> Verdict | None:
        if self.problem is not None and self.problem.code is ErrorCode.LOAD_WONT_FIT:
            return "wont_fit"
        return None if self.estimate is None else self.estimate.verdict

    @property
    def total_bytes(self) -> int:
        return 0 if self.estimate is None else self.estimate.total_bytes.value

    @property
    def binding(self) -> Lack | None:
        """The device with the least room left, in proportion."""
        if self.estimate is None:
            return None
        found = []
        for need in self.estimate.devices:
            given = next((each for each in self.available if each.name == need.name), None)
            if given is not None:
                room = room_bytes(given)
                found.append(Lack(need.name, given.description, need.total_bytes.value, room))
        return max(found, key=lambda each: each.need_bytes / max(1, each.room_bytes), default=None)


def room_bytes(available: Available) -> int:
    """What a load may take of a device."""
    reserve = OS_RESERVE_BYTES if available.name == HOST else GPU_RESERVE_BYTES
    return max(0, available.available_bytes - reserve)


@dataclass(frozen=True)
class PricedFile:
    """A file as far as its price goes.

    Attributes:
        shape: what the formula is asked about; None: only the engine can tell.
        speed_shape: whose tokens are timed; the same, but for files whose header was not read.
        work_factor: by which working memory is larger than the formula's, where the formula knows
            only a similar architecture.
        extra_bytes: what is loaded beside it, on a GPU where there is one (a projector).
        fingerprint: of the file where it is here.
    """

    name: str
    shape: ModelShape | None
    context_tokens: int | None
    speed_shape: ModelShape | None = None
    embedding: bool = False
    work_factor: float = 1.0
    extra_bytes: int = 0
    fingerprint: str | None = None

    @classmethod
    def of_option(cls, candidate: Candidate, option: FileOption) -> PricedFile:
        """A file of a list: its model's shape, as large as the file is."""
        load, body = option.load, option.load.body
        shape = scaled(load)
        return cls(
            f"{candidate.id}:{option.quant_type}",
            shape,
            candidate.context_tokens,
            _of_one_type(shape, load.main_type),
            candidate.embedding,
            ALIKE_FACTOR if body.rough else 1.0,
            load.extra_bytes,
        )

    @property
    def n_layers(self) -> int:
        return 0 if self.shape is None else self.shape.n_layers

    @property
    def has_experts(self) -> bool:
        return self.shape is not None and self.shape.experts.count > 0


def scaled(load: Load) -> ModelShape:
    """The shape of a file that was not read: each part by the same factor."""
    shape, scale = load.body.priced, load.scale
    if scale == 1.0:
        return shape

    def size(part: Weights) -> Weights:
        return replace(part, size_bytes=round(part.size_bytes * scale))

    layers = tuple(
        replace(each, dense=size(each.dense), experts=size(each.experts)) for each in shape.layers
    )
    return replace(
        shape,
        layers=layers,
        inputs=size(shape.inputs),
        embedding=size(shape.embedding),
        output=size(shape.output),
        others=size(shape.others),
        exact=False,
    )


def _of_one_type(shape: ModelShape, kind: str | None) -> ModelShape:
    """As if all weights were of one type: what a label says of the speed."""
    if kind is None:
        return shape
    matrices = {kind: max(1, shape.dense.size_bytes + shape.experts.size_bytes)}
    return replace(shape, matrices=matrices, roles={}, embedding_type=kind, output_type=kind)


class Trial:
    """One file on one place. Its methods may be called from any thread, one at a time.

    Args:
        pricing: of the file or of its stub; without it there is no exact price, and what is not
            chosen is one slot, a cache in f16, and as much on the GPU as fits.
        base: what holds where nothing is chosen: saved for the model, or a setting.
    """

    def __init__(
        self,
        file: PricedFile,
        place: Place,
        pricing: Pricing | None = None,
        *,
        base: Wishes | None = None,
    ) -> None:
        self.file = file
        self.place = place
        self._pricing = pricing
        self._base = base or Wishes()
        self._close: Callable[[], None] = lambda: None
        self._known: dict[LoadSettings, Estimate | None] = {}

    @property
    def can_be_exact(self) -> bool:
        return self._pricing is not None

    def on_close(self, free: Callable[[], None]) -> None:
        """What is to be done at `close`: a stub that is to be removed, say."""
        self._close = free

    def close(self) -> None:
        self._close()

    def quick(self, wishes: Wishes) -> Price:
        """By the formula; without an estimate where only the engine can tell."""
        settings = self._decide(self._over_base(wishes))
        found = self._formula(settings)
        if found is None:
            return Price(settings, None, self.place.available)
        return self._price(settings, found, exact=False)

    def exact(self, wishes: Wishes) -> Price:
        """By the engine.

        Raises:
            AppError: why the engine cannot plan it; CANCELLED.
        """
        pricing = self._pricing
        assert pricing is not None
        settings = pricing.decide(self._over_base(wishes))
        try:
            return self._price(settings, pricing.of(settings), exact=True)
        except AppError as error:
            if error.code is not ErrorCode.LOAD_WONT_FIT:
                raise
            # Too much even to ask: the formula's figures beside the engine's refusal.
            found = self._formula(settings)
            return Price(settings, found, self.place.available, error)

    def larger_context(self, price: Price) -> Price | None:
        """The same with twice the context, or all that the model was trained for."""
        tokens = price.settings.context_tokens
        trained = self.file.context_tokens or 0
        wanted = min(2 * tokens, trained)
        if wanted <= tokens:
            return None
        return self._changed(price, context_tokens=wanted)

    def smaller_choice(self, price: Price) -> Price | None:
        """The smallest change that ends better, or half the context where nothing is amiss."""
        settings = price.settings
        tries: list[dict[str, int | str]] = []
        if settings.slots > 1:
            tries.append({"slots": 1})
        if settings.kv_type_k == "f16":
            tries.append({"slots": 1, "kv_type_k": "q8_0", "kv_type_v": "q8_0"})
        half = settings.context_tokens // 2
        while half >= SMALLEST_CONTEXT:
            tries.append({"slots": 1, "context_tokens": half})
            half //= 2
        now = _RANK[price.verdict or "wont_fit"]
        best = _RANK["gpu" if self.place.gpus else "cpu"]
        found = [self._changed(price, **each) for each in tries]
        if now < best:
            better = [each for each in found if _RANK[each.verdict or "wont_fit"] > now]
            return better[0] if better else None
        return next((each for each in found if each.total_bytes < price.total_bytes), None)

    # --- its parts ------------------------------------------------------------------------------

    def _over_base(self, wishes: Wishes) -> Wishes:
        chosen = {each.name: getattr(wishes, each.name) for each in fields(Wishes)}
        chosen = {name: value for name, value in chosen.items() if value not in (None, ())}
        return replace(self._base, **chosen)

    def _changed(self, price: Price, **changes: int | str) -> Price:
        settings = replace(price.settings, **changes)  # type: ignore[arg-type]
        found = self._formula(settings)
        if found is None:
            return Price(settings, None, self.place.available)
        return self._price(settings, found, exact=False)

    def _price(self, settings: LoadSettings, found: Estimate, *, exact: bool) -> Price:
        available = self.place.available
        found = replace(found, verdict=verdict(found, available))
        shape = self.file.speed_shape or self.file.shape
        speed = ExpectedSpeed()
        if not self.file.embedding:
            fingerprint = self.file.fingerprint
            speed = speed_of_shape(shape, found, self.place.predictor, fingerprint=fingerprint)
        return Price(settings, found, available, check_fits(found, available), speed, exact)

    def _problem(self, settings: LoadSettings) -> AppError | None:
        found = self._formula(settings)
        return None if found is None else check_fits(found, self.place.available)

    def _formula(self, settings: LoadSettings) -> Estimate | None:
        if settings not in self._known:
            self._known[settings] = self._ask(settings)
        return self._known[settings]

    def _ask(self, settings: LoadSettings) -> Estimate | None:
        file = self.file
        if file.shape is None:
            return None
        found = estimate(
            file.shape, settings, self.place.gpus, host=self.place.cpu, model=file.name
        )
        if found is None:
            return None
        devices = [_with_work(need, file.work_factor) for need in found.devices]
        if file.extra_bytes:
            devices[0] = _with_weights(devices[0], file.extra_bytes)
        return replace(found, devices=tuple(devices))

    def _decide(self, wishes: Wishes) -> LoadSettings:
        if self._pricing is not None:
            return self._pricing.decide(wishes, self._problem)
        trained = self.file.context_tokens or DEFAULT_CONTEXT
        kv_type = wishes.kv_type or "f16"
        settings = LoadSettings(
            context_tokens=wishes.context_tokens or min(DEFAULT_CONTEXT, trained),
            slots=wishes.slots or 1,
            kv_type_k=kv_type,
            kv_type_v=kv_type,
            gpu_layers=wishes.gpu_layers,
            experts_on_cpu=wishes.experts_on_cpu or False,
            embedding=self.file.embedding,
        )
        return self._placed(settings, wishes)

    def _placed(self, settings: LoadSettings, wishes: Wishes) -> LoadSettings:
        """Where the layers were not chosen: on the GPU whole, else all but the experts, else as
        many as fit. Layers are counted, because left to itself the engine keeps 1 GiB free."""
        count = self.file.n_layers
        if not self.place.gpus or not count:
            return settings

        if wishes.gpu_layers is not None:
            return settings
        whole = replace(settings, gpu_layers=count + 1)
        if self._problem(whole) is None:
            return whole
        good, bad = 0, count + 1
        while bad - good > 1:
            middle = (good + bad) // 2
            if self._gpu_holds(replace(settings, gpu_layers=middle)):
                good = middle
            else:
                bad = middle
        partly = replace(settings, gpu_layers=good)
        if not self.file.has_experts or wishes.experts_on_cpu is not None:
            return partly
        away = replace(whole, experts_on_cpu=True)
        fitting = [each for each in (away, partly) if self._problem(each) is None]
        return max(fitting, key=self._rate, default=partly)

    def _gpu_holds(self, settings: LoadSettings) -> bool:
        """Whether what the GPUs are asked for fits on them, whatever the host is left with."""
        found = self._formula(settings)
        if found is None:
            return False
        rooms = {each.name: room_bytes(each) for each in self.place.available}
        return all(
            need.total_bytes.value <= rooms.get(need.name, 0)
            for need in found.devices
            if need.name != HOST
        )

    def _rate(self, settings: LoadSettings) -> float:
        found = self._formula(settings)
        speed = None if found is None else self._price(settings, found, exact=False).speed.decode
        return 0.0 if speed is None else speed.value


def _with_work(need: DeviceNeed, factor: float) -> DeviceNeed:
    if factor == 1.0:
        return need
    work = need.compute_bytes
    grown = Figure(round(work.value * factor), work.low, round(work.high * factor), work.source)
    return replace(need, compute_bytes=grown)


def _with_weights(need: DeviceNeed, more: int) -> DeviceNeed:
    return replace(need, weights_bytes=need.weights_bytes + Figure(more, more, more, "formula"))


def wishes_of(choice: Choice) -> Wishes:
    """What a recommendation was priced with, as choices; the layers are left to what fits."""
    return Wishes(context_tokens=choice.context_tokens, slots=1, kv_type=choice.kv_type)


def trials_of(candidate: Candidate, place: Place) -> dict[str, Trial]:
    """A trial for each of a model's files, the smallest first."""
    return {
        option.quant_type: Trial(PricedFile.of_option(candidate, option), place)
        for option in candidate.options
    }


def close_all(trials: Sequence[Trial]) -> None:
    """Free what trials hold, each one whatever happens to the others."""
    with contextlib.ExitStack() as stack:
        for trial in trials:
            stack.callback(trial.close)


def held_bytes(loaded: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """What loaded models (`Loaded.to_dict`) can give back before another one is loaded."""
    parts = ("weights_bytes", "kv_bytes", "compute_bytes")
    held: dict[str, int] = {}
    for model in loaded:
        for each in () if model.get("pinned") else model.get("memory") or ():
            size = sum(int(each[part]) for part in parts)
            held[each["name"]] = held.get(each["name"], 0) + size
    return held
