"""Responses through OpenAI's own client, over an engine that answers from a script."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import aiohttp
import openai
import pydantic
import pytest

from desktop.core.db import Database
from desktop.core.service.keys import KeyStore
from desktop.core.service.openai.responses import Responses
from tests.unit.service.openai.scripted import Gateway, called, delta, entry, said

WEATHER: Any = {
    "type": "function",
    "name": "weather",
    "description": "The weather of a city.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
}


def messages(gateway: Gateway) -> list[dict[str, Any]]:
    """What the engine was asked last."""
    found: list[dict[str, Any]] = gateway.engine.last["messages"]
    return found


async def test_a_plain_response(gateway: Gateway, client: openai.AsyncOpenAI) -> None:
    made = await client.responses.create(
        model="m",
        instructions="Be brief.",
        input="Hi",
        temperature=0.5,
        max_output_tokens=32,
        metadata={"a": "b"},
    )
    assert (made.status, made.output_text, made.model) == ("completed", "Hello there", "m")
    assert [item.type for item in made.output] == ["message"]
    assert made.usage is not None
    assert (made.usage.input_tokens, made.usage.output_tokens, made.usage.total_tokens) == (
        9,
        4,
        13,
    )
    assert made.usage.input_tokens_details.cached_tokens == 3
    assert (made.instructions, made.temperature, made.metadata) == ("Be brief.", 0.5, {"a": "b"})
    assert made.id.startswith("resp_") and made.completed_at is not None
    path, asked = gateway.engine.asked[-1]
    assert path == "/v1/chat/completions"
    assert asked["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hi"},
    ]
    assert (asked["max_tokens"], asked["temperature"], asked["stream"]) == (32, 0.5, True)
    [record] = gateway.log.latest()
    assert (record["route"], record["completion_tokens"], record["status"]) == (
        "/v1/responses",
        4,
        200,
    )


async def test_the_events_of_a_text(gateway: Gateway, client: openai.AsyncOpenAI) -> None:
    events = [
        event async for event in await client.responses.create(model="m", input="Hi", stream=True)
    ]
    assert [event.type for event in events] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    texts = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert texts == ["Hello", " there"]
    first, last = events[0], events[-1]
    assert first.type == "response.created" and last.type == "response.completed"
    assert first.response.output == [] and first.response.status == "in_progress"
    assert first.response.id == last.response.id and last.response.output_text == "Hello there"
    again = await client.responses.retrieve(last.response.id)
    assert again.output_text == "Hello there"


async def test_reasoning_text_and_calls_are_items_of_their_own(
    gateway: Gateway, client: openai.AsyncOpenAI
) -> None:
    gateway.engine.chunks = [
        delta(reasoning_content="Let me"),
        delta(reasoning_content=" see."),
        delta(content="I look."),
        called(0, "weather", '{"city":', "call_1"),
        called(0, arguments='"Kyoto"}'),
        called(1, "weather", '{"city":"Nara"}', "call_2"),
        delta("tool_calls"),
    ]
    async with client.responses.stream(model="m", input="Hi", tools=[WEATHER]) as stream:
        kinds = [event.type async for event in stream]
        made = await stream.get_final_response()
    assert kinds.count("response.reasoning_text.delta") == 2
    assert "response.reasoning_text.done" in kinds
    assert kinds.count("response.function_call_arguments.done") == 2
    assert kinds.index("response.reasoning_text.done") < kinds.index("response.output_text.delta")
    thought, message, first, second = made.output
    assert thought.type == "reasoning" and thought.content is not None
    assert thought.content[0].text == "Let me see." and thought.summary == []
    assert message.type == "message" and message.status == "completed"
    assert first.type == second.type == "function_call"
    assert (first.call_id, first.name, first.arguments) == ("call_1", "weather", '{"city":"Kyoto"}')
    assert (second.call_id, second.arguments) == ("call_2", '{"city":"Nara"}')
    assert made.usage is not None and made.usage.output_tokens_details.reasoning_tokens == 2
    tool = gateway.engine.last["tools"][0]
    assert tool["function"]["name"] == "weather"


async def test_reasoning_as_a_summary(gateway: Gateway, client: openai.AsyncOpenAI) -> None:
    gateway.engine.chunks = [delta(reasoning_content="Hm."), *said("12")]
    stream = await client.responses.create(
        model="m", input="7+5", reasoning={"effort": "low", "summary": "auto"}, stream=True
    )
    events = [event async for event in stream]
    kinds = [event.type for event in events]
    for kind in ("part.added", "text.delta", "text.done", "part.done"):
        assert f"response.reasoning_summary_{kind}" in kinds
    last = events[-1]
    assert last.type == "response.completed"
    thought = last.response.output[0]
    assert thought.type == "reasoning" and thought.summary[0].text == "Hm."
    assert gateway.engine.last["reasoning_effort"] == "low"


async def test_an_answer_that_was_cut_is_incomplete(
    gateway: Gateway, client: openai.AsyncOpenAI
) -> None:
    gateway.engine.chunks = said("One two", finish="length")
    made = await client.responses.create(model="m", input="Count", max_output_tokens=2)
    assert made.status == "incomplete" and made.incomplete_details is not None
    assert made.incomplete_details.reason == "max_output_tokens"
    [message] = made.output
    assert message.type == "message" and message.status == "incomplete"
    stream = await client.responses.create(model="m", input="Count", stream=True)
    assert [event.type async for event in stream][-1] == "response.incomplete"


async def test_an_answer_without_a_word_is_an_empty_message(
    gateway: Gateway, client: openai.AsyncOpenAI
) -> None:
    gateway.engine.chunks = [delta("stop")]
    made = await client.responses.create(model="m", input="Hi")
    assert made.output_text == "" and [item.type for item in made.output] == ["message"]


class Person(pydantic.BaseModel):
    name: str
    age: int


async def test_structured_answers(gateway: Gateway, client: openai.AsyncOpenAI) -> None:
    gateway.engine.chunks = said('{"name": "Anna",', ' "age": 31}')
    made = await client.responses.parse(model="m", input="Who?", text_format=Person)
    assert made.output_parsed == Person(name="Anna", age=31)
    wanted = gateway.engine.last["response_format"]
    assert wanted["type"] == "json_schema"
    assert wanted["json_schema"]["schema"]["properties"].keys() == {"name", "age"}
    await client.responses.create(model="m", input="J", text={"format": {"type": "json_object"}})
    assert gateway.engine.last["response_format"] == {"type": "json_object"}


async def test_probabilities(gateway: Gateway, client: openai.AsyncOpenAI) -> None:
    token = {"token": "A", "logprob": -0.1, "bytes": [65], "top_logprobs": []}
    gateway.engine.chunks = [delta(content="A", logprobs={"content": [token]}), delta("stop")]
    made = await client.responses.create(
        model="m", input="Hi", include=["message.output_text.logprobs"], top_logprobs=3
    )
    [message] = made.output
    assert message.type == "message" and message.content[0].type == "output_text"
    found = message.content[0].logprobs
    assert found is not None and [each.token for each in found] == ["A"]
    assert (gateway.engine.last["logprobs"], gateway.engine.last["top_logprobs"]) == (True, 3)


# --- going on ---------------------------------------------------------------------------------


async def test_going_on_from_a_response(gateway: Gateway, client: openai.AsyncOpenAI) -> None:
    gateway.engine.chunks = [
        delta(reasoning_content="Look it up."),
        called(0, "weather", '{"city":"Kyoto"}', "call_1"),
        delta("tool_calls"),
    ]
    first = await client.responses.create(
        model="m", instructions="Old.", input="Weather in Kyoto?", tools=[WEATHER]
    )
    gateway.engine.chunks = said("21 degrees.")
    second = await client.responses.create(
        model="m",
        instructions="New.",
        previous_response_id=first.id,
        input=[{"type": "function_call_output", "call_id": "call_1", "output": "21"}],
        tools=[WEATHER],
    )
    assert second.previous_response_id == first.id
    function = {"name": "weather", "arguments": '{"city":"Kyoto"}'}
    conversation = [
        {"role": "system", "content": "New."},
        {"role": "user", "content": "Weather in Kyoto?"},
        {
            "role": "assistant",
            "content": None,
            "reasoning_content": "Look it up.",
            "tool_calls": [{"id": "call_1", "type": "function", "function": function}],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": "21"},
    ]
    assert messages(gateway) == conversation
    third = await client.responses.create(model="m", previous_response_id=second.id, input="Thanks")
    assert messages(gateway) == [
        *conversation[1:],
        {"role": "assistant", "content": "21 degrees."},
        {"role": "user", "content": "Thanks"},
    ]
    items = await client.responses.input_items.list(third.id, order="asc", limit=2)
    assert [item.type for item in items.data] == ["message", "reasoning"]
    every = [item.type async for item in client.responses.input_items.list(third.id, limit=2)]
    assert every == [
        "message",
        "message",
        "function_call_output",
        "function_call",
        "reasoning",
        "message",
    ]


async def test_a_program_may_keep_the_conversation_itself(
    gateway: Gateway, client: openai.AsyncOpenAI
) -> None:
    gateway.engine.chunks = [delta(reasoning_content="Hm."), *said("12")]
    made = await client.responses.create(model="m", input="7+5", store=False)
    with pytest.raises(openai.NotFoundError):
        await client.responses.retrieve(made.id)
    await client.responses.create(
        model="m",
        store=False,
        input=[
            {"role": "user", "content": "7+5"},
            *made.output,  # type: ignore[list-item]
            {"role": "user", "content": [{"type": "input_text", "text": "And 1?"}]},
        ],
    )
    assert messages(gateway) == [
        {"role": "user", "content": "7+5"},
        {"role": "assistant", "content": "12", "reasoning_content": "Hm."},
        {"role": "user", "content": "And 1?"},
    ]
    with pytest.raises(openai.BadRequestError) as caught:
        await client.responses.create(model="m", previous_response_id=made.id, input="More")
    assert caught.value.code == "previous_response_not_found"
    assert caught.value.param == "previous_response_id"


async def test_a_kept_item_can_be_named(gateway: Gateway, client: openai.AsyncOpenAI) -> None:
    made = await client.responses.create(model="m", input="Hi")
    item_id = made.output[0].id
    assert item_id is not None
    await client.responses.create(
        model="m",
        input=[{"type": "item_reference", "id": item_id}, {"role": "user", "content": "And?"}],
    )
    assert messages(gateway)[0] == {"role": "assistant", "content": "Hello there"}
    with pytest.raises(openai.NotFoundError):
        await client.responses.create(
            model="m", input=[{"type": "item_reference", "id": "msg_of_nobody"}]
        )


async def test_a_response_is_deleted(gateway: Gateway, client: openai.AsyncOpenAI) -> None:
    made = await client.responses.create(model="m", input="Hi")
    await client.responses.delete(made.id)
    for ask in (client.responses.retrieve, client.responses.delete):
        with pytest.raises(openai.NotFoundError) as caught:
            await ask(made.id)
        assert caught.value.code == "response_not_found"
    with pytest.raises(openai.NotFoundError):
        await client.responses.input_items.list(made.id)


async def test_what_a_key_made_is_seen_by_that_key_only(tmp_path: Path) -> None:
    keys = KeyStore(Database(tmp_path / "paddock.db", tmp_path / "backups"))
    gateway = Gateway([entry()], keys)

    def of(key: str) -> openai.AsyncOpenAI:
        return openai.AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key=key, max_retries=0)

    running = gateway.running(lambda calls: Responses(calls).routes())
    async with running, of(keys.create("anna")) as anna, of(keys.create("ben")) as ben:
        made = await anna.responses.create(model="m", input="A secret")
        assert (await anna.responses.retrieve(made.id)).id == made.id
        with pytest.raises(openai.NotFoundError):
            await ben.responses.retrieve(made.id)
        with pytest.raises(openai.NotFoundError):
            await ben.responses.delete(made.id)
        with pytest.raises(openai.BadRequestError):
            await ben.responses.create(model="m", input="?", previous_response_id=made.id)
        with pytest.raises(openai.NotFoundError):
            named: Any = [{"type": "item_reference", "id": made.output[0].id}]
            await ben.responses.create(model="m", input=named)
        assert len(gateway.engine.asked) == 1


# --- what goes wrong --------------------------------------------------------------------------


async def test_an_engine_that_breaks_off(gateway: Gateway, client: openai.AsyncOpenAI) -> None:
    gateway.engine.breaks_off = True
    stream = await client.responses.create(model="m", input="Hi", stream=True)
    events = [event async for event in stream]
    problem, last = events[-2:]
    assert problem.type == "error" and problem.code == "upstream_failed"
    assert last.type == "response.failed" and last.response.error is not None
    assert last.response.error.code == "server_error"
    assert last.response.output_text == "Hello there", "as far as it came"
    assert [event.sequence_number for event in events] == list(range(len(events)))
    with pytest.raises(openai.NotFoundError):
        await client.responses.retrieve(last.response.id)
    with pytest.raises(openai.InternalServerError):
        await client.responses.create(model="m", input="Hi")
    assert [each["status"] for each in gateway.log.latest()] == [502, 502]


async def test_a_refusal_of_the_engine_is_a_plain_answer(
    gateway: Gateway, client: openai.AsyncOpenAI
) -> None:
    error = {"type": "exceed_context_size_error", "message": "x", "n_prompt_tokens": 9, "n_ctx": 4}
    gateway.engine.refuses = 400, error
    for stream in (False, True):
        with pytest.raises(openai.BadRequestError) as caught:
            await client.responses.create(model="m", input="Hi", stream=stream)
        assert caught.value.code == "context_length_exceeded"


async def test_old_turns_are_left_out_where_the_client_says_so(
    gateway: Gateway, client: openai.AsyncOpenAI
) -> None:
    turns: Any = [{"role": "user", "content": f"Turn {number}"} for number in range(6)]
    error = {
        "type": "exceed_context_size_error",
        "message": "x",
        "n_prompt_tokens": 60,
        "n_ctx": 40,
    }

    def chat(body: dict[str, Any]) -> tuple[int, dict[str, Any]] | None:
        return (400, error) if len(body["messages"]) > 3 else None

    gateway.engine.refuses_chat = chat
    count = "/v1/chat/completions/input_tokens"
    gateway.engine.plain[count] = lambda body: {"input_tokens": 10 * len(body["messages"])}
    with pytest.raises(openai.BadRequestError):
        await client.responses.create(model="m", input=turns)
    raw = await client.responses.with_raw_response.create(model="m", input=turns, truncation="auto")
    made = raw.parse()
    assert made.truncation == "auto" and made.output_text == "Hello there"
    left = messages(gateway)
    assert left == turns[-len(left) :] and 0 < len(left) <= 3
    assert raw.headers["x-paddock-dropped-messages"] == str(6 - len(left))
    assert made.usage.to_dict()["dropped_messages"] == 6 - len(left)  # type: ignore[union-attr]


CALL = {"type": "function_call", "call_id": "c", "name": "weather", "arguments": "{}"}
REFUSED = [
    ({"input": None}, "input"),
    ({"input": 3}, "input"),
    ({"input": ["a"]}, "input[0]"),
    ({"input": [{"role": "robot", "content": "a"}]}, "input[0].role"),
    ({"input": [{"role": "user"}]}, "input[0].content"),
    (
        {"input": [{"role": "user", "content": [{"type": "input_file"}]}]},
        "input[0].content[0].type",
    ),
    ({"input": [{"type": "web_search_call", "id": "x"}]}, "input[0].type"),
    ({"input": [{"type": ["a"]}]}, "input[0].type"),
    ({"input": [CALL]}, "input"),
    ({"input": [{"type": "function_call_output", "call_id": "c", "output": "1"}]}, "input"),
    ({"tools": [{"type": "web_search"}]}, "tools[0].type"),
    ({"tools": [{"type": "function"}]}, "tools[0].name"),
    ({"tools": "all"}, "tools"),
    ({"tool_choice": "required"}, "tool_choice"),
    ({"tool_choice": {"type": "function", "name": "other"}, "tools": [WEATHER]}, "tool_choice"),
    ({"tool_choice": {"type": "file_search"}, "tools": [WEATHER]}, "tool_choice"),
    ({"background": True}, "background"),
    ({"conversation": "conv_1"}, "conversation"),
    ({"truncation": "some"}, "truncation"),
    ({"temperature": 3}, "temperature"),
    ({"temperature": "hot"}, "temperature"),
    ({"max_output_tokens": 0}, "max_output_tokens"),
    ({"metadata": {"a": 1}}, "metadata"),
    ({"metadata": {str(i): "" for i in range(17)}}, "metadata"),
    ({"text": {"format": {"type": "xml"}}}, "text.format.type"),
    ({"text": {"format": {"type": "json_schema", "name": "a"}}}, "text.format.schema"),
    ({"reasoning": "much"}, "reasoning"),
    ({"include": "all"}, "include"),
    ({"store": "yes"}, "store"),
    ({"stream": 1}, "stream"),
]


@pytest.mark.parametrize(("fields", "param"), REFUSED)
async def test_what_cannot_be_honoured_is_refused_by_name(
    gateway: Gateway, fields: dict[str, Any], param: str
) -> None:
    body = {"model": "m", "input": "Hi", **fields}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{gateway.url}/v1/responses", json=body) as reply,
    ):
        error = (await reply.json())["error"]
    assert (reply.status, error["param"]) == (400, param)
    assert error["type"] == "invalid_request_error" and error["message"]
    assert gateway.engine.asked == []


async def test_choosing_among_tools(gateway: Gateway, client: openai.AsyncOpenAI) -> None:
    other: Any = {**WEATHER, "name": "time"}
    choices: list[tuple[Any, list[str], str | None]] = [
        ("auto", ["weather", "time"], "auto"),
        ("required", ["weather", "time"], "required"),
        ("none", [], None),
        ({"type": "function", "name": "time"}, ["time"], "required"),
        (
            {
                "type": "allowed_tools",
                "mode": "auto",
                "tools": [{"type": "function", "name": "weather"}],
            },
            ["weather"],
            "auto",
        ),
    ]
    for choice, names, mode in choices:
        call = [called(0, names[-1], "{}", "c1"), delta("tool_calls")] if names else []
        gateway.engine.chunks = call if mode == "required" else said("Hi")
        made = await client.responses.create(
            model="m",
            input="Hi",
            tools=[WEATHER, other],
            tool_choice=choice,
            parallel_tool_calls=False,
        )
        asked = gateway.engine.last
        assert [tool["function"]["name"] for tool in asked.get("tools", [])] == names
        assert asked.get("tool_choice") == mode
        assert asked.get("parallel_tool_calls") is (None if mode is None else False)
        assert len(made.tools) == 2
    assert made.tool_choice.type == "allowed_tools"  # type: ignore[union-attr]


async def test_images_and_sounds_are_parts_of_a_message(
    gateway: Gateway, client: openai.AsyncOpenAI
) -> None:
    url = "data:image/png;base64,AAAA"
    parts: Any = [
        {"type": "input_text", "text": "What is this?"},
        {"type": "input_image", "image_url": url, "detail": "low"},
        {"type": "input_audio", "input_audio": {"data": "BBBB", "format": "wav"}},
    ]
    await client.responses.create(model="m", input=[{"role": "user", "content": parts}])
    assert messages(gateway)[0]["content"] == [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": url}},
        {"type": "input_audio", "input_audio": {"data": "data:audio/wav;base64,BBBB"}},
    ]


async def test_system_messages_at_the_beginning_are_one(
    gateway: Gateway, client: openai.AsyncOpenAI
) -> None:
    await client.responses.create(
        model="m",
        instructions="One.",
        input=[
            {"role": "developer", "content": "Two."},
            {"role": "user", "content": "Hi"},
            {"role": "developer", "content": "Three."},
        ],
    )
    assert messages(gateway) == [
        {"role": "system", "content": "One.\n\nTwo."},
        {"role": "user", "content": "Hi"},
        {"role": "system", "content": "Three."},
    ]


async def test_counting_what_a_response_would_read(
    gateway: Gateway, client: openai.AsyncOpenAI
) -> None:
    path = "/v1/chat/completions/input_tokens"
    gateway.engine.plain[path] = lambda body: {"input_tokens": 7 * len(body["messages"])}
    made = await client.responses.input_tokens.count(model="m", instructions="Brief.", input="Hi")
    assert made.input_tokens == 14
    assert gateway.supervisor.slots_given == 0, "a count takes no slot of a loaded model"
