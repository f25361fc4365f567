"""Counting and cutting texts into tokens, over a scripted engine."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from desktop.core.service.loaded import ModelState
from desktop.core.service.openai.tokens import Tokens
from tests.unit.service.openai.scripted import Gateway, entry

MESSAGES = [{"role": "user", "content": "Hi"}]


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    made = Gateway([entry(), entry("vectors", is_embedding=True)])
    async with made.running(lambda calls: Tokens(calls).routes()):
        made.engine.plain |= {
            "/tokenize": lambda body: {"tokens": [1, 2, 3]},
            "/detokenize": lambda body: {"content": "abc"},
            "/apply-template": lambda body: {"prompt": f"<{body['messages'][0]['content']}>"},
            "/v1/chat/completions/input_tokens": lambda body: {"input_tokens": 11},
        }
        yield made


async def post(gateway: Gateway, path: str, **body: Any) -> tuple[int, Any]:
    asked = {"model": "m", **body}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{gateway.url}{path}", json=asked) as reply,
    ):
        return reply.status, await reply.json()


@pytest.mark.parametrize("base", ["", "/v1"])
async def test_there_and_back(gateway: Gateway, base: str) -> None:
    status, body = await post(gateway, f"{base}/tokenize", content="abc", add_special=True)
    assert (status, body) == (200, {"model": "m", "count": 3, "tokens": [1, 2, 3]})
    asked = gateway.engine.last
    assert (asked["content"], asked["add_special"], asked["parse_special"]) == ("abc", True, True)
    status, body = await post(gateway, f"{base}/detokenize", tokens=[1, 99])
    assert (status, body) == (200, {"model": "m", "content": "abc"})
    status, body = await post(gateway, f"{base}/apply-template", messages=MESSAGES)
    assert (status, body) == (200, {"model": "m", "prompt": "<Hi>"})
    assert (await post(gateway, f"{base}/tokenize", model="vectors", content=""))[0] == 200


async def test_counting_a_conversation(gateway: Gateway) -> None:
    path = "/v1/chat/completions/input_tokens"
    status, body = await post(gateway, path, messages=MESSAGES)
    assert (status, body) == (200, {"object": "response.input_tokens", "input_tokens": 11})
    assert gateway.supervisor.slots_given == 0


async def test_a_model_that_is_not_there_is_loaded(gateway: Gateway) -> None:
    gateway.supervisor.loaded("m").state = ModelState.LOADING
    assert (await post(gateway, "/tokenize", content="abc"))[0] == 200
    assert gateway.supervisor.slots_given == 1


@pytest.mark.parametrize(
    ("path", "fields", "param"),
    [
        ("/tokenize", {}, "content"),
        ("/tokenize", {"content": 3}, "content"),
        ("/tokenize", {"content": [None]}, "content"),
        ("/tokenize", {"content": ["a", 100]}, "content"),
        ("/tokenize", {"content": "a", "with_pieces": "yes"}, "with_pieces"),
        ("/detokenize", {}, "tokens"),
        ("/detokenize", {"tokens": "abc"}, "tokens"),
        ("/detokenize", {"tokens": [-1]}, "tokens"),
        ("/detokenize", {"tokens": [100]}, "tokens"),
        ("/detokenize", {"tokens": [True]}, "tokens"),
        ("/detokenize", {"tokens": [2**80]}, "tokens"),
        ("/apply-template", {}, "messages"),
        ("/apply-template", {"messages": []}, "messages"),
        ("/v1/chat/completions/input_tokens", {"messages": "Hi"}, "messages"),
        ("/v1/chat/completions/input_tokens", {"model": "vectors", "messages": MESSAGES}, "model"),
    ],
)
async def test_what_is_refused(
    gateway: Gateway, path: str, fields: dict[str, Any], param: str
) -> None:
    status, body = await post(gateway, path, **fields)
    assert (status, body["error"]["param"]) == (400, param)
    assert gateway.engine.asked == []


async def test_pictures_are_not_fetched_for_a_model_that_cannot_see(gateway: Gateway) -> None:
    gateway.engine.props["modalities"]["vision"] = False
    picture = {"type": "image_url", "image_url": {"url": "http://127.0.0.1:1/secret"}}
    for path in ("/apply-template", "/v1/chat/completions/input_tokens"):
        status, _ = await post(gateway, path, messages=[{"role": "user", "content": [picture]}])
        assert status == 400
    assert gateway.engine.asked == []
