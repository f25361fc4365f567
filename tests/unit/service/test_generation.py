"""What a request becomes on its way to the engine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from desktop.core.gguf.summary import ModelSummary
from desktop.core.library.cards import Card
from desktop.core.library.entry import ModelEntry
from desktop.core.service.api_errors import ApiError
from desktop.core.service.generation import check_generative, prepared, with_card

USER = {"role": "user", "content": "Hi"}
SHOT = {"role": "assistant", "content": "Yes?"}


def entry(**card: Any) -> ModelEntry:
    return ModelEntry(
        id="tiny:f16",
        path=Path("/m/tiny.gguf"),
        shard_paths=(Path("/m/tiny.gguf"),),
        size_bytes=1,
        fingerprint="quick-1",
        summary=None,
        error=None,
        kind="model",
        source="folder",
        root=Path("/m"),
        card=Card().changed(card),
    )


@pytest.mark.parametrize(("pooling", "route"), [("mean", "/v1/embeddings"), ("rank", "/v1/rerank")])
def test_a_model_that_cannot_answer_says_what_it_can(pooling: str, route: str) -> None:
    summary = ModelSummary(is_embedding=True, pooling_type=pooling)
    with pytest.raises(ApiError, match=route):
        check_generative(replace(entry(), summary=summary))


def test_a_card_that_says_nothing_changes_nothing() -> None:
    body = {"model": "x", "messages": [USER], "temperature": 0.1}
    assert with_card(body, entry(notes="mine", tags=["a"])) == body


def test_sampling_counts_where_the_request_says_nothing() -> None:
    model = entry(sampling={"temperature": 0.2, "top_k": 5, "max_tokens": 9, "stop": ["END"]})
    body = {"messages": [USER], "temperature": 0, "max_completion_tokens": 3, "top_k": None}
    filled = with_card(body, model)
    assert (filled["temperature"], filled["top_k"], filled["stop"]) == (0, 5, ["END"])
    assert "max_tokens" not in filled
    assert with_card({"prompt": "a"}, model)["max_tokens"] == 9
    assert prepared(filled, model)["temperature"] == 0


@pytest.mark.parametrize("role", ["system", "developer"])
def test_a_system_prompt_of_the_request_stands(role: str) -> None:
    own = {"role": role, "content": "Mine"}
    filled = with_card({"messages": [own, USER]}, entry(system="Be brief.", messages=[SHOT]))
    assert filled["messages"] == [own, SHOT, USER]


def test_the_cards_system_prompt_and_messages_come_first() -> None:
    body = {"messages": [USER]}
    filled = with_card(body, entry(system="Be brief.", messages=[SHOT]))
    assert filled["messages"] == [{"role": "system", "content": "Be brief."}, SHOT, USER]
    assert body == {"messages": [USER]}, "the client's request stays as it came"
    assert with_card(body, entry(messages=[SHOT]))["messages"] == [SHOT, USER]


def test_what_has_no_messages_gets_none() -> None:
    assert with_card({"prompt": "a"}, entry(system="Be brief.")) == {"prompt": "a"}
