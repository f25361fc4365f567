"""What would fit where something does not: other settings, priced, the least changed first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from desktop.core.engine.flags import SMALLEST_CONTEXT, LoadSettings
from desktop.core.errors import AppError, ErrorCode
from desktop.core.fit.estimate import Estimate, Verdict, gib
from desktop.core.fit.pricing import Pricing

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
_Better = Callable[[LoadSettings], Estimate | None]


def better_choices(
    pricing: Pricing, settings: LoadSettings, now: Verdict | None
) -> tuple[Estimate, ...]:
    """Settings that end better than these, each with as small a change as does it.

    Args:
        now: how these end; None or "wont_fit": they do not fit.
    """
    best_here: Verdict = "gpu" if pricing.has_gpu else "cpu"
    if _RANK[now] >= _RANK[best_here]:
        return ()

    def better(settings: LoadSettings) -> Estimate | None:
        try:
            estimate = pricing.of(settings)
        except AppError as error:
            if error.code is ErrorCode.LOAD_WONT_FIT:
                return None
            raise
        return estimate if _RANK[estimate.verdict] > _RANK[now] else None

    found: dict[LoadSettings, Estimate] = {}
    for changed in _changes(settings, better):
        estimate = None if changed in found else better(changed)
        if estimate is not None:
            found[changed] = estimate
        if len(found) == MAX_CHOICES:
            break
    return tuple(found.values())


def _changes(settings: LoadSettings, better: _Better) -> Iterator[LoadSettings]:
    """What to try: nothing that proposes tokens, layers where they fit, then one slot, smaller
    caches, and for each cache the largest context."""
    if settings.draft is not None:
        yield replace(settings, draft=None, draft_gpu_layers=None)
    if settings.ngram is not None:
        yield replace(settings, ngram=None)
    bare = replace(settings, draft=None, draft_gpu_layers=None, ngram=None)
    if settings.gpu_layers is not None:
        bare = replace(bare, gpu_layers=None)
    one = replace(bare, slots=1)
    for changed in (bare, one):
        if changed != settings:
            yield changed
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


def _largest_context(settings: LoadSettings, better: _Better) -> LoadSettings | None:
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


def choice_dict(estimate: Estimate, asked: LoadSettings) -> dict[str, Any]:
    """A choice as JSON; `without` names what it leaves out of the settings that were asked for."""
    settings = estimate.settings
    return {
        "context_tokens": settings.context_tokens,
        "slots": settings.slots,
        "kv_type": settings.kv_type_k,
        "gpu_layers": settings.gpu_layers,
        "without": [
            name for name in ("draft", "ngram") if getattr(settings, name) != getattr(asked, name)
        ],
        "verdict": estimate.verdict,
        "total_bytes": estimate.total_bytes.to_dict(),
    }


def choices_words(choices: Sequence[dict[str, Any]]) -> str:
    """Choices (`choice_dict`) in a sentence, for errors of the API and for logs."""
    if not choices:
        return "No smaller context or cache would fit."
    return f"It would fit with {'; with '.join(_words(each) for each in choices)}."


def _words(choice: dict[str, Any]) -> str:
    slots = choice["slots"]
    names = {"draft": "no draft model", "ngram": "no n-grams"}
    less = "".join(f", {names[name]}" for name in choice["without"])
    return (
        f"{choice['context_tokens']:,} tokens of context × "
        f"{'1 slot' if slots == 1 else f'{slots} slots'}, KV cache {choice['kv_type']}{less} "
        f"({gib(choice['total_bytes']['value'])})"
    )
