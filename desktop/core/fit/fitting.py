"""The whole answer to "does it fit here": price, verdict, warnings, and what would fit better."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from desktop.core.engine.flags import LoadSettings
from desktop.core.errors import AppError
from desktop.core.events import Notice
from desktop.core.fit.choices import better_choices, choice_dict
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
            "choices": [choice_dict(each, settings) for each in self.choices],
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
        choices=better_choices(pricing, settings, estimate.verdict),
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
