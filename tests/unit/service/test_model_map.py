"""Which model stands for a name that no model has."""

from __future__ import annotations

import pytest

from desktop.core.errors import AppError, ErrorCode
from desktop.core.service.model_map import mapped, with_map
from tests.helpers.scripted_loader import entry

MAP = {"claude-*": "big", "claude-haiku-*": "small", "GPT-4o": "big", "*": "tiny"}


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("claude-sonnet-4-5-20250929", "big"),
        ("Claude-Haiku-4-5", "small"),
        ("gpt-4o", "big"),
        ("gpt-4o-mini", "tiny"),
    ],
)
def test_the_entry_that_says_most_counts(name: str, model: str) -> None:
    assert mapped(name, MAP) == model


async def test_a_model_of_that_name_comes_first() -> None:
    models = {name: entry(name) for name in ("big", "claude-mine")}

    async def find(name: str):  # type: ignore[no-untyped-def]
        if name == "many":
            raise AppError(ErrorCode.MODEL_AMBIGUOUS, model=name, matches="a, b", ids=[])
        if name not in models:
            raise AppError(ErrorCode.MODEL_NOT_FOUND, model=name)
        return models[name]

    names = {"claude-*": "big", "many": "big", "gone-*": "nobody"}
    found = with_map(find, lambda: names)
    assert (await found("claude-mine")).id == "claude-mine"
    assert (await found("claude-opus")).id == "big"
    assert (await found("claude-mine:latest")).id == "claude-mine", "no tag is no other name"
    for name, code in (
        ("many", ErrorCode.MODEL_AMBIGUOUS),
        ("gone-1", ErrorCode.MODEL_NOT_FOUND),
        ("gpt-4o", ErrorCode.MODEL_NOT_FOUND),
    ):
        with pytest.raises(AppError) as raised:
            await found(name)
        assert raised.value.code is code
