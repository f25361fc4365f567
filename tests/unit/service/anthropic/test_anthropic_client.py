"""Anthropic's own client against the gateway, over an engine that answers from a script."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import anthropic
import pytest
from aiohttp import web

from desktop.core.service import request_ids
from desktop.core.service.anthropic.routes import Anthropic, by_header
from desktop.core.service.api_errors import ApiError
from desktop.core.service.calls import Calls
from desktop.core.service.gateway import Gateway as OpenAI
from tests.unit.service.openai import scripted
from tests.unit.service.openai.scripted import called, delta, entry, said

pytestmark = pytest.mark.timeout(20)
PING_SECONDS = 0.05
HI: Any = [{"role": "user", "content": "Hi"}]
PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJg"
    "gg=="
)
WEATHER: Any = {"name": "weather", "input_schema": {"type": "object"}}


class Gateway(scripted.Gateway):
    def application(self, *how: Any) -> web.Application:
        app = super().application(*how)
        app.on_response_prepare.append(request_ids.mark)
        return app


def routes(calls: Calls) -> list[web.RouteDef]:
    calls._early_seconds = PING_SECONDS
    theirs = Anthropic(calls, ping_seconds=PING_SECONDS)
    return [*theirs.routes(), *by_header(theirs.by_path(), OpenAI(calls).routes())]


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    made = Gateway([entry(), entry("claude-local"), entry("vectors", is_embedding=True)])
    async with made.running(routes):
        yield made


@pytest.fixture
async def client(gateway: Gateway) -> AsyncIterator[anthropic.AsyncAnthropic]:
    async with anthropic.AsyncAnthropic(base_url=gateway.url, api_key="x", max_retries=0) as client:
        yield client


async def test_a_message(gateway: Gateway, client: anthropic.AsyncAnthropic) -> None:
    message = await client.messages.create(
        model="m", max_tokens=64, system="Be brief.", messages=HI, extra_body={"temperature": 0.5}
    )
    [block] = message.content
    assert block.type == "text" and block.text == "Hello there"
    assert (message.stop_reason, message.model) == ("end_turn", "m")
    assert message._request_id == gateway.log.latest()[0]["id"]
    usage = message.usage
    assert (usage.input_tokens, usage.cache_read_input_tokens, usage.output_tokens) == (6, 3, 4)
    path, asked = gateway.engine.asked[-1]
    assert path == "/v1/chat/completions"
    assert asked["messages"][0] == {"role": "system", "content": "Be brief."}
    assert (asked["stream"], asked["max_tokens"], asked["temperature"]) == (True, 64, 0.5)
    [record] = gateway.log.latest()
    assert (record["route"], record["model"], record["status"]) == ("/v1/messages", "m", 200)
    assert (record["completion_tokens"], record["stream"]) == (4, False)


async def test_a_stream(gateway: Gateway, client: anthropic.AsyncAnthropic) -> None:
    gateway.engine.chunks = [delta(reasoning_content="Hm."), *said("Hel", "lo")]
    thinking: Any = {"type": "enabled", "budget_tokens": 1024}
    async with client.messages.stream(
        model="m", max_tokens=64, messages=HI, thinking=thinking
    ) as stream:
        texts = [text async for text in stream.text_stream]
        message = await stream.get_final_message()
    assert texts == ["Hel", "lo"]
    assert [block.type for block in message.content] == ["thinking", "text"]
    assert (message.stop_reason, message.usage.output_tokens) == ("end_turn", 4)
    assert gateway.engine.last["reasoning_budget_tokens"] == 1024
    assert gateway.log.latest()[0]["stream"] is True


async def test_a_tool_is_called(gateway: Gateway, client: anthropic.AsyncAnthropic) -> None:
    gateway.engine.chunks = [
        called(0, "weather", '{"city": ', "c1"),
        called(0, arguments='"Kyoto"}'),
        delta("tool_calls"),
    ]
    async with client.messages.stream(
        model="m", max_tokens=64, messages=HI, tools=[WEATHER], tool_choice={"type": "any"}
    ) as stream:
        message = await stream.get_final_message()
    [block] = message.content
    assert block.type == "tool_use" and block.input == {"city": "Kyoto"}
    assert message.stop_reason == "tool_use"
    assert gateway.engine.last["tool_choice"] == "required"
    result: Any = {"type": "tool_result", "tool_use_id": block.id, "content": "wet"}
    turns: Any = [*HI, message.to_param(), {"role": "user", "content": [result]}]
    gateway.engine.chunks = said("It rains.")
    await client.messages.create(model="m", max_tokens=64, messages=turns, tools=[WEATHER])
    sent = gateway.engine.last["messages"]
    assert [each["role"] for each in sent] == ["user", "assistant", "tool"]
    assert sent[1]["tool_calls"][0]["id"] == sent[2]["tool_call_id"] == block.id


async def test_pictures_reach_the_model_wherever_they_stand(
    gateway: Gateway, client: anthropic.AsyncAnthropic
) -> None:
    source = {"type": "base64", "media_type": "image/png", "data": PIXEL}
    seen: Any = {"type": "image", "source": source}
    turns: Any = [
        {"role": "user", "content": [seen, {"type": "text", "text": "What?"}]},
        {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": "t", "name": "weather", "input": {}}],
        },
        {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": "t", "content": [seen]}],
        },
    ]
    await client.messages.create(model="m", max_tokens=9, messages=turns, tools=[WEATHER])
    user, _, tool = gateway.engine.last["messages"]
    parts = [user["content"][0], tool["content"][0]]
    assert [part["image_url"]["url"] for part in parts] == [f"data:image/png;base64,{PIXEL}"] * 2
    local: Any = {"type": "image", "source": {"type": "url", "url": "http://127.0.0.1/a.png"}}
    with pytest.raises(anthropic.BadRequestError):
        await client.messages.create(
            model="m", max_tokens=9, messages=[{"role": "user", "content": [local]}]
        )


async def test_counting_tokens(gateway: Gateway, client: anthropic.AsyncAnthropic) -> None:
    gateway.engine.plain["/v1/chat/completions/input_tokens"] = lambda body: {"input_tokens": 17}
    counted = await client.messages.count_tokens(model="m", messages=HI, tools=[WEATHER])
    assert counted.input_tokens == 17
    assert gateway.engine.last["tools"][0]["function"]["name"] == "weather"


FAILURES: list[tuple[dict[str, Any], type[anthropic.APIStatusError], str]] = [
    ({"model": "claude-nobody"}, anthropic.NotFoundError, "not_found_error"),
    ({"model": "vectors"}, anthropic.BadRequestError, "invalid_request_error"),
    ({"max_tokens": -3}, anthropic.BadRequestError, "invalid_request_error"),
    ({"messages": []}, anthropic.BadRequestError, "invalid_request_error"),
]


@pytest.mark.parametrize(("wrong", "raises", "kind"), FAILURES)
async def test_errors(
    client: anthropic.AsyncAnthropic,
    wrong: dict[str, Any],
    raises: type[anthropic.APIStatusError],
    kind: str,
) -> None:
    body: dict[str, Any] = {"model": "m", "max_tokens": 9, "messages": HI, **wrong}
    with pytest.raises(raises) as raised:
        await client.messages.create(**body)
    body = raised.value.body
    assert isinstance(body, dict)
    assert (body["error"]["type"], body["request_id"]) == (kind, raised.value.request_id)


async def test_what_the_engine_refuses_has_its_status(
    gateway: Gateway, client: anthropic.AsyncAnthropic
) -> None:
    kind = "exceed_context_size_error"
    gateway.engine.refuses = (
        400,
        {"code": 400, "message": "long", "type": kind, "n_prompt_tokens": 9, "n_ctx": 8},
    )
    with pytest.raises(anthropic.BadRequestError, match="prompt is too long: 9 tokens > 8 maximum"):
        async with client.messages.stream(model="m", max_tokens=9, messages=HI):
            pass


async def test_a_break_in_the_middle_is_an_event(
    gateway: Gateway, client: anthropic.AsyncAnthropic
) -> None:
    gateway.engine.breaks_off = True
    texts = []
    with pytest.raises(anthropic.APIStatusError, match="stopped in the middle") as raised:
        async with client.messages.stream(model="m", max_tokens=9, messages=HI) as stream:
            async for text in stream.text_stream:
                texts.append(text)
    assert texts == ["Hello", " there"]
    assert raised.value.body["error"]["type"] == "api_error"  # type: ignore[index]
    assert gateway.log.latest()[0]["status"] == 502


async def test_no_room_is_overload(gateway: Gateway) -> None:
    async def refuse(name: str) -> Any:
        raise ApiError(503, "No room.", retry_after_seconds=7)

    gateway._find = refuse  # type: ignore[method-assign]
    async with gateway.running(routes), aiohttp.ClientSession() as session:
        body = {"model": "m", "max_tokens": 9, "messages": HI}
        async with session.post(f"{gateway.url}/v1/messages", json=body) as answer:
            assert (answer.status, answer.headers["Retry-After"]) == (529, "7")
            told = await answer.json()
    assert (told["type"], told["error"]["type"]) == ("error", "overloaded_error")


async def test_the_list_of_models(client: anthropic.AsyncAnthropic) -> None:
    first = await client.models.list(limit=2)
    assert [each.id for each in first.data] == ["m", "claude-local"]
    assert (first.has_more, first.first_id, first.last_id) == (True, "m", "claude-local")
    assert [each.id async for each in first] == ["m", "claude-local", "vectors"]
    assert [each.id for each in (await client.models.list(before_id="vectors")).data] == [
        "m",
        "claude-local",
    ]
    one = await client.models.retrieve("claude-local")
    assert (one.type, one.max_input_tokens, one.lifecycle) == ("model", 4096, "active")
    with pytest.raises(anthropic.NotFoundError):
        await client.models.retrieve("nobody")


async def test_without_the_header_the_list_is_openais(gateway: Gateway) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{gateway.url}/v1/models") as answer,
    ):
        assert (await answer.json())["object"] == "list"


async def test_a_client_that_leaves_ends_the_engines_answer(gateway: Gateway) -> None:
    left = asyncio.Event()

    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        try:
            while True:
                await response.write(f"data: {json.dumps(delta(content='a'))}\n\n".encode())
                await asyncio.sleep(0.001)
        finally:
            left.set()

    gateway.engine.answer = endless  # type: ignore[method-assign]
    async with gateway.running(routes):
        client = anthropic.AsyncAnthropic(base_url=gateway.url, api_key="x")
        async with client, client.messages.stream(model="m", max_tokens=9, messages=HI) as stream:
            async for _ in stream.text_stream:
                break
        await asyncio.wait_for(left.wait(), 10)


async def test_a_long_prompt_is_no_silence(gateway: Gateway) -> None:
    """Pings come until the engine has read it."""
    read = asyncio.Event()

    async def slow(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await read.wait()
        for chunk in said("Hi"):
            await response.write(f"data: {json.dumps(chunk)}\n\n".encode())
        await response.write(b"data: [DONE]\n\n")
        return response

    kinds = []
    async for kind in kinds_of(gateway, slow):
        kinds.append(kind)
        if kinds == ["ping", "ping"]:
            read.set()
    while kinds[0] == "ping":
        del kinds[0]
    assert kinds == [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]


async def test_thoughts_nobody_asked_for_are_no_silence(gateway: Gateway) -> None:
    heard = asyncio.Event()

    async def thinking(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        while not heard.is_set():
            chunk = json.dumps(delta(reasoning_content="Hm."))
            await response.write(f"data: {chunk}\n\n".encode())
            await asyncio.sleep(0.01)
        await response.write(b"data: [DONE]\n\n")
        return response

    kinds = []
    async for kind in kinds_of(gateway, thinking):
        kinds.append(kind)
        if kind == "ping" and "message_start" in kinds:
            heard.set()
    assert kinds[-2:] == ["message_delta", "message_stop"]
    assert "content_block_start" not in kinds


async def kinds_of(gateway: Gateway, engine: Any) -> AsyncIterator[str]:
    """The events of an answer that such an engine gives."""
    gateway.engine.answer = engine  # type: ignore[method-assign]
    body = {"model": "m", "max_tokens": 9, "messages": HI, "stream": True}
    async with (
        gateway.running(routes),
        aiohttp.ClientSession() as session,
        session.post(f"{gateway.url}/v1/messages", json=body) as answer,
    ):
        async for line in answer.content:
            if line.startswith(b"event: "):
                yield line[7:-1].decode()
