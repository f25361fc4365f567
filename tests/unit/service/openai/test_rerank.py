"""Ranking over a scripted engine."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from desktop.core.service.openai.rerank import Ranking
from tests.unit.service.openai.scripted import Gateway, Json, entry

SCORES = {"cat": 0.25, "dog": -3.5, "cow": 0.25, "hen": 4.0}


def ranked(body: Json) -> Json:
    """As llama-server ranks: in any order, with tokens counted."""
    results = [
        {"index": index, "relevance_score": SCORES[text]}
        for index, text in enumerate(body["documents"])
    ]
    usage = {"prompt_tokens": 12, "total_tokens": 12}
    return {"model": "x", "object": "list", "usage": usage, "results": results}


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    ranker = entry("ranker", is_embedding=True, pooling_type="rank")
    made = Gateway([ranker, entry("chat"), entry("vectors", is_embedding=True, pooling_type="cls")])
    async with made.running(lambda calls: Ranking(calls).routes()):
        made.engine.plain["/v1/rerank"] = ranked
        yield made


async def post(gateway: Gateway, path: str = "/v1/rerank", **body: Any) -> tuple[int, Any]:
    asked = {"model": "ranker", "query": "Which animal?", **body}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{gateway.url}{path}", json=asked) as reply,
    ):
        return reply.status, await reply.json()


@pytest.mark.parametrize("path", ["/v1/rerank", "/v1/reranking", "/rerank", "/reranking"])
async def test_the_best_comes_first(gateway: Gateway, path: str) -> None:
    status, body = await post(gateway, path, documents=list(SCORES), top_n=3)
    assert status == 200
    assert [(each["index"], each["relevance_score"]) for each in body["results"]] == [
        (3, 4.0),
        (0, 0.25),
        (2, 0.25),
    ]
    assert all("document" not in each for each in body["results"])
    assert body["model"] == "ranker" and body["usage"]["total_tokens"] == 12
    assert gateway.engine.last["documents"] == list(SCORES)
    assert gateway.log.latest()[0]["prompt_tokens"] == 12


async def test_documents_may_be_objects_and_come_back(gateway: Gateway) -> None:
    documents = [{"text": "dog", "id": 7}, "hen"]
    status, body = await post(gateway, documents=documents, return_documents=True, top_n=99)
    assert status == 200
    assert [each["document"]["text"] for each in body["results"]] == ["hen", "dog"]
    assert gateway.engine.last["documents"] == ["dog", "hen"]


async def test_texts_are_answered_as_tei_does(gateway: Gateway) -> None:
    status, body = await post(gateway, "/rerank", texts=["dog", "hen"], return_text=True)
    assert status == 200
    assert body == [
        {"index": 1, "score": 4.0, "text": "hen"},
        {"index": 0, "score": -3.5, "text": "dog"},
    ]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"query": None}, "query"),
        ({"query": 3}, "query"),
        ({"query": " \n\u0001\ufffd", "documents": [""]}, "query"),
        ({}, "documents"),
        ({"documents": []}, "documents"),
        ({"documents": "cat"}, "documents"),
        ({"documents": ["cat", 3]}, "documents[1]"),
        ({"documents": [{"image": "x"}]}, "documents[0]"),
        ({"documents": ["cat"] * 2049}, "documents"),
        ({"documents": ["cat"], "top_n": -1}, "top_n"),
        ({"documents": ["cat"], "top_n": True}, "top_n"),
        ({"documents": ["cat"], "return_documents": 1}, "return_documents"),
        ({"documents": ["cat"], "model": "chat"}, "model"),
        ({"documents": ["cat"], "model": "vectors"}, "model"),
    ],
)
async def test_what_is_refused(gateway: Gateway, fields: dict[str, Any], param: str) -> None:
    status, body = await post(gateway, **fields)
    assert (status, body["error"]["param"]) == (400, param)
    assert gateway.engine.asked == []


async def test_a_document_without_a_score_is_an_error(gateway: Gateway) -> None:
    gateway.engine.plain["/v1/rerank"] = lambda body: {
        "usage": {},
        "results": [{"index": 0, "relevance_score": None}],
    }
    status, body = await post(gateway, documents=["cat"])
    assert (status, body["error"]["code"]) == (502, "upstream_failed")
