"""A conversation that is longer than the context: its oldest turns are dropped, where that may be.

Counted by the engine, with the model's own template, tools and pictures.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from desktop.core.service.api_errors import ApiError
from desktop.core.service.asking.values import Body

Count = Callable[[Body], Awaitable[int]]

# Of the context, for an answer whose length the request does not bound.
_ANSWER_SHARE = 4


def is_overflow(error: ApiError) -> bool:
    return error.code == "context_length_exceeded"


async def shortened(body: Body, context_tokens: int, count: Count) -> tuple[Body, int] | None:
    """The conversation without its oldest turns, so few of them as is enough.

    System prompts and the last question with all that follows it stay. A turn is a question and
    everything up to the next one: a call goes together with its results.

    Args:
        context_tokens: how many tokens prompt and answer may have together.
        count: the tokens of a request's prompt.

    Returns: the request, and how many messages were dropped; None where it cannot fit.
    """
    turns = _turns(body["messages"])
    room = context_tokens - _answer_tokens(body, context_tokens)

    def without(dropped: int) -> Body:
        gone = {at for turn in turns[:dropped] for at in turn}
        kept = [each for at, each in enumerate(body["messages"]) if at not in gone]
        return {**body, "messages": kept}

    async def fits(dropped: int) -> bool:
        return await count(without(dropped)) <= room

    low, high = 1, len(turns) - 1
    if high < 1 or not await fits(high):
        # The answer may have less room before the request is refused.
        room = context_tokens - 1
        if high < 1 or not await fits(high):
            return None
        return without(high), sum(map(len, turns[:high]))
    while low < high:
        middle = (low + high) // 2
        if await fits(middle):
            high = middle
        else:
            low = middle + 1
    return without(high), sum(map(len, turns[:high]))


def _turns(messages: list[Any]) -> list[list[int]]:
    """The places of each turn's messages; system prompts are of none."""
    turns: list[list[int]] = [[]]
    for at, message in enumerate(messages):
        role = message.get("role") if isinstance(message, dict) else None
        if role in ("system", "developer"):
            continue
        if role == "user" and turns[-1]:
            turns.append([])
        turns[-1].append(at)
    return turns


def _answer_tokens(body: Body, context_tokens: int) -> int:
    wanted = [body.get(name) for name in ("max_completion_tokens", "max_tokens", "n_predict")]
    bounded = next((each for each in wanted if isinstance(each, int) and each >= 0), None)
    share = context_tokens // _ANSWER_SHARE
    return max(1, min(share if bounded is None else bounded, context_tokens // 2))
