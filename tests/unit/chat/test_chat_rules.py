"""Titles, sampling, and what a conversation looks like as a file."""

from __future__ import annotations

import json
from typing import Any

import pytest

from desktop.core.chat.export import export
from desktop.core.chat.messages import Conversation, Message, MessageState, leaf_below, path_to
from desktop.core.chat.rules import SAMPLING, checked_sampling, title_of
from desktop.core.errors import AppError, ErrorCode


@pytest.mark.parametrize(
    ("message", "title"),
    [
        ("Hello", "Hello"),
        ("  # A *very* **bold** `plan`\n\n> quoted", "A very bold plan quoted"),
        ("- see [the docs](https://example.org/x) now", "see the docs now"),
        ("```python\nprint(a_b * c_d)\n```", "print(a_b * c_d)"),
        ("2 * 3 * 4 = snake_case_name", "2 * 3 * 4 = snake_case_name"),
        ("```", "```"),
        ("word " * 40, "word word word word word word word word word word word…"),
        ("東京の天気を教えてください。" * 10, ("東京の天気を教えてください。" * 10)[:59] + "…"),
    ],
)
def test_titles(message: str, title: str) -> None:
    assert title_of(message) == title
    assert len(title) <= 60


def test_sampling_in_bounds() -> None:
    assert checked_sampling({name: high for name, (_, high, _) in SAMPLING.items()})
    assert checked_sampling({name: low for name, (low, _, _) in SAMPLING.items()})
    assert checked_sampling({"top_p": None}) == {}


@pytest.mark.parametrize(
    "sampling",
    [
        {"temperature": -0.1},
        {"temperature": 2.1},
        {"temperature": "1"},
        {"temperature": True},
        {"temperature": float("nan")},
        {"top_p": float("inf")},
        {"top_k": 1.5},
        {"max_tokens": 0},
        {"max_tokens": 10**400},
        {"seed": -1},
        {"ignore_eos": True},
        {"grammar": "root ::= x"},
        [],
        "hot",
    ],
)
def test_sampling_out_of_bounds(sampling: object) -> None:
    with pytest.raises(AppError) as caught:
        checked_sampling(sampling)
    assert caught.value.code is ErrorCode.SETTING_INVALID


def message(number: int, parent: int | None, content: str, **more: Any) -> Message:
    values: dict[str, Any] = {"reasoning": "", "state": MessageState.DONE, "model_id": None}
    values |= {"figures": None}
    values |= {"error": None, "created": 1.7e9, "role": "user"} | more
    return Message(number, 1, parent, content=content, **values)


MESSAGES = [
    message(1, None, "What is *this*?"),
    message(2, 1, "First try", role="assistant", model_id="tiny", reasoning="Hm.\nA test."),
    message(
        3,
        1,
        "Second",
        role="assistant",
        model_id="tiny",
        state=MessageState.FAILED,
        error={"title": "The engine broke off"},
    ),
]


def conversation(title: str = "What: is/this?", current: int | None = 3) -> Conversation:
    return Conversation(1, title, "tiny", "Be brief.", {"seed": 1}, current, 1.0, 2.0, None, "", 3)


def test_markdown_is_the_branch_that_is_shown() -> None:
    made = export(conversation(), MESSAGES, "md")
    assert made["file_name"] == "What is this.md"
    text = made["text"]
    assert text.startswith("# What: is/this?\n\n## System\n\nBe brief.\n\n## You, ")
    assert "What is *this*?" in text and "First try" not in text
    assert "(failed)\n\nSecond\n\n*The engine broke off*\n" in text
    other = export(conversation(current=2), MESSAGES, "md")["text"]
    assert "> Hm.\n> A test.\n\nFirst try\n" in other and "Second" not in other


def test_json_is_everything() -> None:
    made = export(conversation(title="日本語"), MESSAGES, "json")
    assert made["file_name"] == "日本語.json" and "日本語" in made["text"]
    whole = json.loads(made["text"])
    assert [each["content"] for each in whole["messages"]] == [m.content for m in MESSAGES]
    assert whole["conversation"]["sampling"] == {"seed": 1}


@pytest.mark.parametrize("title", ["", "...", "///", "\x00"])
def test_a_file_has_a_name(title: str) -> None:
    assert export(conversation(title=title), [], "md")["file_name"] == "conversation.md"


def test_unknown_form() -> None:
    with pytest.raises(AppError):
        export(conversation(), MESSAGES, "pdf")


def test_a_damaged_tree_does_not_go_in_circles() -> None:
    circle = [message(1, 2, "a"), message(2, 1, "b")]
    assert [m.id for m in path_to(circle, 2)] == [1, 2]
    assert leaf_below(circle, 1) == 2
