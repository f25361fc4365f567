"""What is told of a model before it is loaded."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from desktop.core.library.entry import ModelEntry
from desktop.core.service.model_cards import ModelCards
from tests.helpers.scripted_engine import entry


def tried(**marks: tuple[str, str]) -> ModelEntry:
    checks = [{"name": n, "mark": mark, "code": code} for n, (mark, code) in marks.items()]
    return replace(entry(), mmproj=Path("/m/mmproj.gguf"), acceptance={"checks": checks})


async def card(model: ModelEntry, cards: ModelCards | None = None) -> dict[str, Any]:
    return await (cards or ModelCards()).card(model, None, None)


@pytest.mark.parametrize(
    ("model", "able"),
    [
        (entry(), {"completion": True, "tools": None, "vision": False, "thinking": None}),
        (entry(chat_template=False), {"tools": False, "thinking": False}),
        (replace(entry(), mmproj=Path("/m/p.gguf")), {"vision": None, "audio": None}),
        (tried(tools=("passed", "tools_ok")), {"tools": True, "vision": None}),
        (
            tried(tools=("failed", "tools_no_call"), vision=("passed", "vision_ok")),
            {"tools": False, "vision": True},
        ),
        (
            tried(tools=("skipped", "tools_none"), thinking=("skipped", "thinking_unseen")),
            {"tools": False, "thinking": None},
        ),
        (entry(is_embedding=True), {"completion": False, "embeddings": True, "rerank": False}),
        (entry(is_embedding=True, pooling_type="rank"), {"embeddings": False, "rerank": True}),
    ],
)
async def test_what_it_can_do(model: ModelEntry, able: dict[str, bool | None]) -> None:
    found = (await card(model))["capabilities"]
    assert {name: found[name] for name in able} == able


async def test_its_kind() -> None:
    assert (await card(entry()))["type"] == "llm"
    assert (await card(tried(vision=("passed", "vision_ok"))))["type"] == "vlm"
    assert (await card(entry(is_embedding=True)))["type"] == "embeddings"
    assert (await card(entry(is_embedding=True, pooling_type="rank")))["type"] == "reranker"


async def test_how_fast_it_is() -> None:
    asked: list[Any] = []

    def expected(model: ModelEntry, priced: Any) -> dict[str, Any]:
        asked.append(priced)
        return {"value": 5.0, "low": 4.0, "high": 6.0, "source": "calibrated"}

    cards = ModelCards(expected)
    guess = (await card(entry(), cards))["decode_tokens_per_second"]
    assert guess["source"] == "calibrated" and asked == [None]
    known = (await card(replace(entry(), tokens_per_second=7.5), cards))["decode_tokens_per_second"]
    assert (known["value"], known["source"], len(asked)) == (7.5, "measured", 1)
    assert (await card(entry(is_embedding=True), cards))["decode_tokens_per_second"] is None
