"""The OpenAPI document: whole, true to the routes, and kept to."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from desktop.core.paths import paths
from desktop.core.service.anthropic.routes import Anthropic, by_header
from desktop.core.service.calls import Calls
from desktop.core.service.gateway import Gateway as OpenAiChat
from desktop.core.service.lock import ServiceLock
from desktop.core.service.openai.document import document
from desktop.core.service.openai.routes import OpenAi
from desktop.core.service.service import Service
from tests.unit.service.openai.fuzzing import fuzz
from tests.unit.service.openai.scripted import Gateway, Json, entry

DOCUMENT = document("http://127.0.0.1:8484", False)
ELSEWHERE = ("/api/", "/metrics")  # not over a scripted engine


def parts(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for each in value.values():
            yield from parts(each)
    elif isinstance(value, list):
        for each in value:
            yield from parts(each)


def test_every_reference_leads_somewhere() -> None:
    references = {part["$ref"] for part in parts(DOCUMENT) if isinstance(part.get("$ref"), str)}
    assert len(references) > 30
    for reference in references:
        found: Any = DOCUMENT
        for name in reference.removeprefix("#/").split("/"):
            found = found[name]


def test_keys_are_asked_for_where_they_are_needed() -> None:
    assert {} in DOCUMENT["security"]
    assert {} not in document("http://paddock.example", True)["security"]
    opened = [
        path
        for path, item in DOCUMENT["paths"].items()
        if item.get("get", {}).get("security") == []
    ]
    assert opened == ["/", "/openapi.json", "/health", "/ready"]


async def test_the_document_and_the_routes_are_the_same(own_environment: Path) -> None:
    where = paths().ensure()
    service = Service(where, ServiceLock(where.lock_file), None)
    try:
        routes = {
            (route.method.lower(), re.sub(r":[^{}]*}", "}", route.path))
            for route in service._api_routes()
        }
    finally:
        await service._shut_down()
    told = {(method, path) for path, item in DOCUMENT["paths"].items() for method in item}
    assert routes == told


def everything(calls: Calls) -> list[Any]:
    anthropic = Anthropic(calls)
    openai = OpenAiChat(calls).routes()
    return [
        *anthropic.routes(),
        *by_header(anthropic.by_path(), openai),
        *OpenAi(calls, lambda: False).routes(),
    ]


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    made = Gateway(
        [
            entry("chat", mmproj="/models/mmproj.gguf", chat_template=True),
            entry("vectors", is_embedding=True),
            entry("ranker", is_embedding=True, pooling_type="rank"),
        ]
    )
    usage = {"prompt_tokens": 1, "total_tokens": 1}

    def each(body: Json) -> int:
        given = body["input"]
        return len(given) if isinstance(given, list) and isinstance(given[0], str | list) else 1

    made.engine.plain |= {
        "/tokenize": lambda body: {"tokens": [1, 2]},
        "/detokenize": lambda body: {"content": "abc"},
        "/apply-template": lambda body: {"prompt": "abc"},
        "/v1/chat/completions/input_tokens": lambda body: {"input_tokens": 11},
        "/v1/embeddings": lambda body: {
            "object": "list",
            "usage": usage,
            "data": [{"index": i, "embedding": [0.6, 0.8]} for i in range(each(body))],
        },
        "/v1/rerank": lambda body: {
            "usage": usage,
            "results": [{"index": i, "relevance_score": -i} for i in range(len(body["documents"]))],
        },
    }
    async with made.running(everything):
        yield made


async def test_requests_made_of_the_document_find_no_fault(
    gateway: Gateway, tmp_path: Path
) -> None:
    found = await fuzz(
        gateway.url,
        tmp_path,
        list(gateway.models),
        examples=2,
        phases="examples,fuzzing",
        without=ELSEWHERE,
    )
    assert found.good, found.words
    assert found.generated > 50


@pytest.mark.slow
async def test_every_limit_of_the_document_is_tried(gateway: Gateway, tmp_path: Path) -> None:
    found = await fuzz(
        gateway.url,
        tmp_path,
        list(gateway.models),
        examples=20,
        phases="coverage,fuzzing",
        without=ELSEWHERE,
    )
    assert found.good, found.words
    assert found.generated > 2000
