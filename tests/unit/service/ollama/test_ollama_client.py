"""Ollama's own client: lists, answers, embeddings, loading, errors."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp
import ollama
import pytest
from aiohttp import web

from tests.unit.service.ollama.world import World
from tests.unit.service.openai.scripted import called, delta, said

pytestmark = pytest.mark.timeout(20)
Json = dict[str, Any]
TINY = "tiny:f16"
HI = [{"role": "user", "content": "Hi"}]
WEATHER: Json = {
    "type": "function",
    "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}},
}


async def test_what_there_is(world: World, client: ollama.AsyncClient) -> None:
    listed = {each.model: each for each in (await client.list()).models}
    assert set(listed) >= {TINY, "tiny-bert:f32"}
    tiny = listed[TINY]
    assert tiny.size and tiny.digest and len(tiny.digest) == 64 and tiny.modified_at
    assert tiny.details and (tiny.details.family, tiny.details.format) == ("llama", "gguf")
    assert tiny.details.quantization_level == "F16"
    shown = await client.show("tiny")
    assert shown.modelinfo and shown.modelinfo["llama.context_length"] == 65_536
    assert shown.capabilities == ["completion"] and shown.template
    assert shown.modelfile and f"FROM {TINY}" in shown.modelfile
    assert str(world.models.library.resolve(TINY).path) not in shown.modelfile
    assert (await client.show("tiny-bert")).capabilities == ["embedding"]


async def test_names_that_people_gave_are_listed_and_answer(
    world: World, client: ollama.AsyncClient
) -> None:
    entry = world.models.library.resolve(TINY)
    await world.models.change_card(entry, {"aliases": ["mine", "llama3.2:3b"]})
    names = [each.model for each in (await client.list()).models]
    assert "mine:latest" in names and "llama3.2:3b" in names
    for name in ("mine", "mine:latest", "MINE", "Llama3.2:3B"):
        assert (await client.chat(name, HI)).message.content == "Hello there"


async def test_a_name_from_elsewhere_stands_for_a_model(
    world: World, client: ollama.AsyncClient
) -> None:
    world.set(model_map={"gpt-*": "tiny-bert:f32", "gpt-oss*": TINY})
    assert (await client.chat("gpt-oss:20b", HI)).message.content == "Hello there"


async def test_a_chat(world: World, client: ollama.AsyncClient) -> None:
    world.engine.chunks = [delta(reasoning_content="Hm."), *said("Hel", "lo")]
    reply = await client.chat(
        TINY, HI, options={"temperature": 0.5, "num_predict": 9, "stop": ["x"]}
    )
    assert (reply.message.content, reply.message.thinking) == ("Hello", "Hm.")
    assert (reply.model, reply.done, reply.done_reason) == (TINY, True, "stop")
    assert (reply.prompt_eval_count, reply.eval_count) == (9, 4)
    assert reply.total_duration and reply.load_duration
    asked = world.engine.last
    assert (asked["temperature"], asked["max_tokens"], asked["stop"]) == (0.5, 9, ["x"])
    assert asked["stream"] is True
    [record] = world.log.latest()
    assert (record["route"], record["model"], record["status"]) == ("/api/chat", TINY, 200)


async def test_a_stream(world: World, client: ollama.AsyncClient) -> None:
    pieces = [each async for each in await client.chat(TINY, HI, stream=True)]
    assert [each.message.content for each in pieces] == ["Hello", " there", ""]
    assert [each.done for each in pieces] == [False, False, True]
    assert pieces[-1].eval_count == 4


async def test_tools(world: World, client: ollama.AsyncClient) -> None:
    world.engine.chunks = [
        called(0, "weather", '{"city": ', "c1"),
        called(0, arguments='"Kyoto"}'),
        delta("tool_calls"),
    ]
    reply = await client.chat(TINY, HI, tools=[WEATHER])
    assert reply.message.tool_calls is not None
    [call] = reply.message.tool_calls
    assert (call.function.name, call.function.arguments) == ("weather", {"city": "Kyoto"})
    world.engine.chunks = said("It rains.")
    result = {"role": "tool", "content": "wet", "tool_name": "weather"}
    await client.chat(TINY, [*HI, reply.message, result], tools=[WEATHER])
    sent = world.engine.last["messages"]
    assert json.loads(sent[1]["tool_calls"][0]["function"]["arguments"]) == {"city": "Kyoto"}
    assert sent[2]["tool_call_id"] == sent[1]["tool_calls"][0]["id"]


async def test_a_form(world: World, client: ollama.AsyncClient) -> None:
    schema = {"type": "object", "properties": {"age": {"type": "integer"}}}
    await client.chat(TINY, HI, format=schema)
    assert world.engine.last["response_format"]["json_schema"]["schema"] == schema
    await client.generate(TINY, "Hi", format="json")
    assert world.engine.last["response_format"] == {"type": "json_object"}


async def test_thinking_that_a_model_cannot_do(world: World, client: ollama.AsyncClient) -> None:
    world.engine.props["chat_template"] = "{{ messages }}"
    with pytest.raises(ollama.ResponseError, match="does not support thinking") as raised:
        await client.chat(TINY, HI, think=True)
    assert raised.value.status_code == 400
    world.engine.props["chat_template"] = "{% if enable_thinking %}<think>{% endif %}"
    await client.chat(TINY, HI, think=False)


async def test_a_prompt(world: World, client: ollama.AsyncClient) -> None:
    reply = await client.generate(TINY, "Hi", system="Be brief.")
    assert (reply.response, reply.done_reason, reply.eval_count) == ("Hello there", "stop", 4)
    assert world.engine.last["messages"][0] == {"role": "system", "content": "Be brief."}
    world.engine.chunks = [{"choices": [{"text": "there", "index": 0, "finish_reason": "length"}]}]
    pieces = [each async for each in await client.generate(TINY, "<s>Hi", raw=True, stream=True)]
    assert [each.response for each in pieces] == ["there", ""]
    assert pieces[-1].done_reason == "length"
    path, asked = world.engine.asked[-1]
    assert (path, asked["prompt"]) == ("/v1/completions", "<s>Hi")


async def test_loading_and_leaving(world: World, client: ollama.AsyncClient) -> None:
    assert (await client.ps()).models == []
    reply = await client.generate(TINY)
    assert (reply.done_reason, reply.response, world.engine.asked) == ("load", "", [])
    [there] = (await client.ps()).models
    assert (there.model, there.context_length, there.size_vram) == (TINY, 8192, 0)
    assert there.expires_at and there.expires_at.year == 9999
    await client.chat(TINY, [], keep_alive="10m")
    [there] = (await client.ps()).models
    assert there.expires_at and there.expires_at.year < 9999
    reply = await client.generate(TINY, keep_alive=0)
    assert reply.done_reason == "unload"
    async with asyncio.timeout(10):
        while world.loaded:  # noqa: ASYNC110  (it leaves in a task of its own)
            await asyncio.sleep(0.005)
    assert (await client.generate(TINY, keep_alive=0)).done_reason == "unload"
    assert world.loaded == [], "what is not there is not loaded to leave"


async def test_a_model_leaves_after_the_time_that_a_request_says(
    world: World, client: ollama.AsyncClient
) -> None:
    await client.chat(TINY, HI, keep_alive="20ms")
    async with asyncio.timeout(10):
        while world.loaded:  # noqa: ASYNC110  (a clock decides)
            await asyncio.sleep(0.005)


async def test_more_context_is_given_and_less_is_never_taken(
    world: World, client: ollama.AsyncClient
) -> None:
    for tokens in (2048, 16_384, 4096, 999_999):
        await client.chat(TINY, HI, options={"num_ctx": tokens})
    assert world.loader.contexts == [8192, 16_384, 65_536]
    await client.generate(TINY, keep_alive=0)


async def test_embeddings(world: World, client: ollama.AsyncClient) -> None:
    def vectors(body: Json) -> Json:
        found = [[3.0, 4.0, 12.0] for _ in body["input"]]
        data = [{"index": place, "embedding": each} for place, each in enumerate(found)]
        return {"data": data[::-1], "usage": {"prompt_tokens": 7}}

    world.engine.plain["/v1/embeddings"] = vectors
    reply = await client.embed("tiny-bert", ["a", "b"])
    assert (list(map(list, reply.embeddings)), reply.prompt_eval_count) == (
        [[3.0, 4.0, 12.0]] * 2,
        7,
    )
    cut = await client.embed("tiny-bert", "a", dimensions=2)
    assert list(cut.embeddings[0]) == [0.6, 0.8]
    old = await client.embeddings("tiny-bert", "a")
    assert list(old.embedding) == [3.0, 4.0, 12.0]
    assert world.engine.last["embd_normalize"] == -1
    with pytest.raises(ollama.ResponseError, match="have 3 dimensions"):
        await client.embed("tiny-bert", "a", dimensions=4)
    with pytest.raises(ollama.ResponseError, match="does not support embeddings"):
        await client.embed(TINY, "a")


async def test_texts_that_are_too_long_are_cut_where_they_end(
    world: World, client: ollama.AsyncClient
) -> None:
    """The mark of the end stays at the end; ubatch and context bound what a model reads at once."""
    world.engine.plain["/v1/embeddings"] = lambda body: {"data": [{"embedding": [1.0]}]}
    world.engine.plain["/tokenize"] = lambda body: {
        "tokens": [2, *range(10, 10 + len(body["content"])), 3]
    }
    await client.embed("tiny-bert", "x" * 600)
    [sent] = world.engine.last["input"]
    assert (len(sent), sent[0], sent[-2:]) == (512, 2, [519, 3])
    await client.embed("tiny-bert", "x" * 600, truncate=False)
    assert world.engine.last["input"] == ["x" * 600]


async def test_errors(world: World, client: ollama.AsyncClient) -> None:
    words = 'model "nobody:7b" not found, try pulling it first'
    for ask in (
        client.chat("nobody:7b", HI),
        client.show("nobody:7b"),
        client.generate("nobody:7b"),
    ):
        with pytest.raises(ollama.ResponseError) as raised:
            await ask
        assert (raised.value.status_code, raised.value.error) == (404, words)
    with pytest.raises(ollama.ResponseError, match="makes embeddings") as raised:
        await client.chat("tiny-bert", HI)
    assert raised.value.status_code == 400
    world.models.library.resolve(TINY).path.write_bytes(b"GGUF no more")
    with pytest.raises(ollama.ResponseError, match="cannot be") as raised:
        await client.show(TINY)
    assert raised.value.status_code == 400
    world.engine.breaks_off = True
    with pytest.raises(ollama.ResponseError, match="stopped in the middle"):
        async for _ in await client.chat(TINY, HI, stream=True):
            pass
    with pytest.raises(ollama.ResponseError, match="stopped in the middle") as raised:
        await client.chat(TINY, HI)
    assert raised.value.status_code == 502


async def test_a_client_that_leaves_ends_the_engines_answer(
    world: World, client: ollama.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
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

    world.engine.override = endless
    stream = await client.chat(TINY, HI, stream=True)
    await anext(aiter(stream))
    await stream.aclose()
    await asyncio.wait_for(left.wait(), 10)


async def test_a_command_that_names_no_type_is_answered_and_a_page_is_not(world: World) -> None:
    body = json.dumps({"model": TINY, "prompt": "Hi", "stream": False})
    url, form = f"{world.url}/api/generate", "application/x-www-form-urlencoded"
    async with aiohttp.ClientSession(headers={"Content-Type": form}) as session:
        async with session.post(url, data=body) as answer:
            assert (answer.status, (await answer.json())["response"]) == (200, "Hello there")
        for page in ({"Sec-Fetch-Site": "cross-site"}, {"Referer": "https://evil.example/"}):
            async with session.post(url, data=body, headers=page) as answer:
                assert answer.status == 415
        async with session.get(f"{world.url}/") as answer:
            assert await answer.text() == "Ollama is running"
        async with session.head(f"{world.url}/") as answer:
            assert answer.status == 200
        async with session.get(f"{world.url}/api/version") as answer:
            assert (await answer.json())["version"].count(".") == 2
