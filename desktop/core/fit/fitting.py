"""The whole answer to "does it fit here": price, verdict, warnings, and what would fit better."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from desktop.core.engine.flags import SMALLEST_CONTEXT, LoadSettings
from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import Notice
from desktop.core.fit.estimate import (
    GPU_RESERVE_BYTES,
    HOST,
    OS_RESERVE_BYTES,
    Available,
    Estimate,
    Verdict,
)
from desktop.core.fit.pricing import Pricing, Wishes
from desktop.core.fit.subject import Subject

_RANK: dict[Verdict | None, int] = {
    None: 0,
    "wont_fit": 0,
    "cpu": 1,
    "partial": 2,
    "experts_on_cpu": 3,
    "gpu": 4,
}
MAX_CHOICES = 3
_STEP = 256  # contexts are offered in multiples of it


@dataclass(frozen=True)
class Fitting:
    """A model's price on this machine and what it means.

    Attributes:
        estimate: with its verdict.
        problem: what is lacking where it does not fit.
        choices: other settings with a better verdict, the smallest change first.
        available: what each device can give now; `room_bytes` is that less the reserve.
    """

    subject: Subject
    estimate: Estimate
    available: tuple[Available, ...]
    problem: AppError | None
    warnings: tuple[Notice, ...]
    choices: tuple[Estimate, ...]

    @property
    def verdict(self) -> Verdict:
        return self.estimate.verdict or "wont_fit"

    def to_dict(self) -> dict[str, Any]:
        """The keys of `paddock fit --json`, but for the speeds."""
        summary, settings = self.subject.summary, self.estimate.settings
        return {
            **self.estimate.to_dict(),
            "verdict": self.verdict,
            "source": self.subject.source,
            "size_bytes": self.subject.size_bytes,
            "fetched_bytes": self.subject.fetched_bytes,
            "architecture": summary.architecture,
            "quant_type": summary.quant_type,
            "parameters": summary.parameters,
            "trained_context_tokens": summary.context_tokens,
            "kv_type": settings.kv_type_k,
            "ubatch": settings.ubatch,
            "available": [
                {
                    "name": each.name,
                    "description": each.description,
                    "available_bytes": each.available_bytes,
                    "room_bytes": room_bytes(each),
                }
                for each in self.available
            ],
            "problem": None if self.problem is None else self.problem.to_dict(),
            "warnings": [{"code": each.code, "text": each.text} for each in self.warnings],
            "choices": [_choice(each) for each in self.choices],
        }


def _choice(estimate: Estimate) -> dict[str, Any]:
    return {
        "context_tokens": estimate.settings.context_tokens,
        "slots": estimate.settings.slots,
        "kv_type": estimate.settings.kv_type_k,
        "verdict": estimate.verdict,
        "total_bytes": estimate.total_bytes.to_dict(),
    }


def room_bytes(available: Available) -> int:
    """What a load may take of a device now."""
    reserve = OS_RESERVE_BYTES if available.name == HOST else GPU_RESERVE_BYTES
    return max(0, available.available_bytes - reserve)


def fit(subject: Subject, pricing: Pricing, wishes: Wishes) -> Fitting:
    """Price the model with these wishes on this machine.

    Raises:
        AppError: why the engine cannot plan it; LOAD_WONT_FIT where even planning would take more
            memory than there is; CANCELLED.
    """
    settings = pricing.decide(wishes)
    estimate = pricing.of(settings)
    problem = pricing.problem(settings)
    return Fitting(
        subject=subject,
        estimate=estimate,
        available=pricing.available,
        problem=problem,
        warnings=(*_warnings(subject, settings, estimate), *subject.notices),
        choices=_choices(pricing, estimate),
    )


def _warnings(subject: Subject, settings: LoadSettings, estimate: Estimate) -> Iterator[Notice]:
    trained = subject.summary.context_tokens
    if trained and settings.context_tokens > trained:
        yield Notice(
            "context_beyond_training",
            f"The model was trained for a context of {trained:,} tokens; {subject.name} cannot be "
            f"relied on beyond it, and `paddock load` refuses {settings.context_tokens:,}.",
        )
    for note in estimate.notes:
        yield Notice("estimate_note", note)


def _choices(pricing: Pricing, now: Estimate) -> tuple[Estimate, ...]:
    """Settings that end better than these, each with as small a change as does it."""
    best_here: Verdict = "gpu" if pricing.has_gpu else "cpu"
    if _RANK[now.verdict] >= _RANK[best_here]:
        return ()

    def better(settings: LoadSettings) -> Estimate | None:
        try:
            estimate = pricing.of(settings)
        except AppError as error:
            if error.code is ErrorCode.LOAD_WONT_FIT:
                return None
            raise
        return estimate if _RANK[estimate.verdict] > _RANK[now.verdict] else None

    found: dict[LoadSettings, Estimate] = {}
    for settings in _changes(now.settings, better):
        estimate = better(settings)
        if estimate is not None:
            found[settings] = estimate
        if len(found) == MAX_CHOICES:
            break
    return tuple(found.values())


def _changes(
    settings: LoadSettings, better: Callable[[LoadSettings], Estimate | None]
) -> Iterator[LoadSettings]:
    """What to try, in this order: one slot, smaller caches, and for each the largest context."""
    one = replace(settings, slots=1)
    if settings.slots > 1:
        yield one
    caches = {"f16": ("f16", "q8_0", "q4_0"), "q8_0": ("q8_0", "q4_0"), "q4_0": ("q4_0",)}
    types = caches.get(settings.kv_type_k, (settings.kv_type_k,))
    for kv_type in types[1:]:
        yield replace(one, kv_type_k=kv_type, kv_type_v=kv_type)
    for kv_type in types:
        smaller = replace(one, kv_type_k=kv_type, kv_type_v=kv_type)
        if better(smaller) is None:  # else it has been offered with all of its context
            largest = _largest_context(smaller, better)
            if largest is not None:
                yield largest


def _largest_context(
    settings: LoadSettings, better: Callable[[LoadSettings], Estimate | None]
) -> LoadSettings | None:
    """These settings with the largest context that ends better, within an eighth of it."""

    def with_context(tokens: int) -> LoadSettings:
        return replace(settings, context_tokens=tokens)

    good, bad = SMALLEST_CONTEXT, settings.context_tokens
    if bad <= good or better(with_context(good)) is None:
        return None
    while bad - good > max(_STEP, good // 8):
        middle = max(good + _STEP, (good + bad) // 2 // _STEP * _STEP)
        if better(with_context(middle)) is not None:
            good = middle
        else:
            bad = middle
    return with_context(good)
