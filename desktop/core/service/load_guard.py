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
        yield Notice("load_forced", f"It is loaded although: {problem.cause}")
    if standard and trained and standard > trained and wishes.context_tokens == trained:
        yield Notice(
            "context_trained",
            f"The context is {trained:,} tokens, which the model was trained for, instead of the "
            f"{standard:,} of the settings.",
        )
    wanted = min(trained or UNKNOWN_CONTEXT, DEFAULT_CONTEXT)
    if wishes.context_tokens is None and settings.context_tokens < wanted:
        yield Notice(
            "context_reduced",
            f"The context is {settings.context_tokens:,} tokens instead of {wanted:,}: more does "
            f"not fit in memory.{_why(price, replace(settings, context_tokens=wanted))}",
        )
    elif wishes.slots is None and settings.slots < _DEFAULT_SLOTS:
        more = replace(settings, slots=_DEFAULT_SLOTS)
        yield Notice(
            "slots_reduced",
            "One request is answered at a time instead of four: more slots do not fit in memory."
            f"{_why(price, more)}",
        )


def _why(price: Pricing, settings: LoadSettings) -> str:
    """The figures of what was not taken; nothing where the engine cannot tell them."""
    try:
        problem = price.problem(settings)
    except AppError as error:
        if error.code is ErrorCode.CANCELLED:
            raise
        return ""
    return "" if problem is None else f" For that: {problem.cause}"
