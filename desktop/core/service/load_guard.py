"""What a load is refused for, and what a person must be told of one that is not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from desktop.core.engine.flags import DEFAULT_CONTEXT, UNKNOWN_CONTEXT, LoadSettings
from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import Notice
from desktop.core.fit.choices import better_choices, choice_dict
from desktop.core.fit.pricing import Pricing, Wishes
from desktop.core.library.entry import ModelEntry
from desktop.core.notices import notice
from desktop.core.service.load_request import NONE, LoadRequest

_DEFAULT_SLOTS = 4


def check_request(entry: ModelEntry, request: LoadRequest) -> None:
    """Refuse what makes no sense for this model.

    Raises:
        AppError: SETTING_INVALID.
    """
    if entry.summary is None:
        return
    check_context(entry, request.context_tokens)
    for name in ("draft", "ngram"):
        value = getattr(request, name)
        if entry.summary.is_embedding and value not in (None, NONE):
            reason = f"{entry.id} makes vectors and no text: there is nothing to propose."
            raise AppError(ErrorCode.SETTING_INVALID, name=name, value=value, reason=reason)


def check_context(entry: ModelEntry, context_tokens: int | None) -> None:
    """Raises:
    AppError: SETTING_INVALID, for more tokens than the model was trained for.
    """
    trained = entry.summary.context_tokens if entry.summary else None
    if context_tokens and trained and context_tokens > trained:
        raise AppError(
            ErrorCode.SETTING_INVALID,
            name="ctx",
            value=context_tokens,
            reason=f"{entry.id} was trained for a context of {trained} tokens.",
        )


def with_choices(problem: AppError, price: Pricing, settings: LoadSettings) -> AppError:
    """LOAD_WONT_FIT with what would fit (`choices`); another problem as it is."""
    if problem.code is not ErrorCode.LOAD_WONT_FIT:
        return problem
    choices = [choice_dict(each, settings) for each in better_choices(price, settings, None)]
    return AppError(problem.code, **{**problem.params, "choices": choices})


def load_notices(
    entry: ModelEntry,
    price: Pricing,
    wishes: Wishes,
    settings: LoadSettings,
    *,
    standard: int | None,
    problem: AppError | None,
) -> Iterator[Notice]:
    """What was decided otherwise than a person would expect.

    Args:
        standard: the context in the settings.
        problem: why it should not fit; it is loaded all the same.
    """
    trained = entry.summary.context_tokens if entry.summary else None
    if problem is not None:
        yield notice("load_forced", problem)
    if standard and trained and standard > trained and wishes.context_tokens == trained:
        yield notice("context_trained", tokens=trained, wanted=standard)
    wanted = min(trained or UNKNOWN_CONTEXT, DEFAULT_CONTEXT)
    if wishes.context_tokens is None and settings.context_tokens < wanted:
        why = _why(price, replace(settings, context_tokens=wanted))
        yield notice("context_reduced", why, tokens=settings.context_tokens, wanted=wanted)
    elif wishes.slots is None and settings.slots < _DEFAULT_SLOTS:
        yield notice("slots_reduced", _why(price, replace(settings, slots=_DEFAULT_SLOTS)))


def _why(price: Pricing, settings: LoadSettings) -> AppError | None:
    """What stands against settings that were not taken; None where the engine cannot tell."""
    try:
        return price.problem(settings)
    except AppError as error:
        if error.code is ErrorCode.CANCELLED:
            raise
        return None
