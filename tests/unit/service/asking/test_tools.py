"""Tools: what the engine is asked so that a choice holds, and the calls that come back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.helpers.scripted_engine import HI, ScriptedEngine, call, delta, gateway, said

WEATHER: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "How warm it is.",
        "strict": True,
        "parameters": {
            "type": "object",
            "properties": {"unit": {"$ref": "#/$defs/unit"}},
            "$defs": {"unit": {"enum": ["c", "f"]}},
        },
    },
}
CLOCK: dict[str, Any] = {"type": "function", "function": {"name": "clock"}}
BOTH = {"tools": [WEATHER, CLOCK]}
FORCED = {"type": "function", "function": {"name": "clock"}}
CALLS_CLOCK = [delta(tool_calls=[call("clock", "{}", id="c1")]), delta(finish="tool_calls")]


def without_tools() -> ScriptedEngine:
    engine = ScriptedEngine()
    engine.props["chat_template_caps"] = {"supports_tools": False, "supports_tool_calls": False}
    return engine


def names(body: dict[str, Any]) -> list[str]:
    return [tool["function"]["name"] for tool in body.get("tools", [])]


@pytest.mark.parametrize(
    ("choice", "offered", "mode"),
    [
        (None, ["weather", "clock"], "auto"),
        ("auto", ["weather", "clock"], "auto"),
        ("required", ["weather", "clock"], "required"),
        (FORCED, ["clock"], "required"),
        ({"type": "function", "name": "clock"}, ["clock"], "required"),
        (
            {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [FORCED]}},
            ["clock"],
            "auto",
        ),
        ("none", [], None),
    ],
)
async def test_what_a_template_with_tools_is_asked(
    choice: Any, offered: list[str], mode: str | None
) -> None:
    async with gateway() as served:
        served.engine.script = lambda body: CALLS_CLOCK if mode == "required" else said("Hi")
        reply = await served.chat(**BOTH, tool_choice=choice, parallel_tool_calls=False)
        asked = served.engine.last
        assert names(asked) == offered and asked.get("tool_choice") == mode
        assert asked.get("parallel_tool_calls") is (None if mode is None else False)
        assert reply["choices"][0]["finish_reason"] == (
            "tool_calls" if mode == "required" else "stop"
        )


async def test_calls_have_ids_and_only_one_where_only_one_may_be() -> None:
    async with gateway() as served:
        served.engine.script = lambda body: [
            delta(tool_calls=[call("weather", "")]),
            delta(tool_calls=[call(None, '{"unit":"c"}')]),
            delta(tool_calls=[call("clock", "{}", 1, id="second")]),
            delta(finish="tool_calls"),
        ]
        both = (await served.chat(**BOTH))["choices"][0]["message"]["tool_calls"]
        assert [each["function"]["name"] for each in both] == ["weather", "clock"]
        assert both[0]["id"].startswith("call_") and both[1]["id"] == "second"
        assert both[0]["function"]["arguments"] == '{"unit":"c"}'
        one = (await served.chat(**BOTH, parallel_tool_calls=False))["choices"][0]["message"]
        assert len(one["tool_calls"]) == 1
        chunks = await served.chat(**BOTH, parallel_tool_calls=False, stream=True)
        pieces = [c["choices"][0]["delta"].get("tool_calls", []) for c in chunks]
        assert [piece["index"] for each in pieces for piece in each] == [0, 0]


async def test_a_tool_that_was_not_offered_is_never_called() -> None:
    async with gateway() as served:
        served.engine.script = lambda body: [
            delta(content="Let me see."),
            delta(tool_calls=[call("rm", "{}", id="c")]),
            delta(finish="tool_calls"),
        ]
        error = await served.refused(**BOTH)
        assert (error["status"], error["code"]) == (502, "unknown_tool")


async def test_nor_in_the_midst_of_a_stream() -> None:
    came = asyncio.Event()
    async with gateway() as served:
        served.engine.script = lambda body: [
            delta(content="Let me see."),
            delta(tool_calls=[call("rm", "{}", id="c")]),
        ]
        served.engine.pause = pauses(came)
        async with served.session.post(
            f"{served.url}/v1/chat/completions", json={"model": "m", **HI, **BOTH, "stream": True}
        ) as reply:
            text = (await reply.content.readuntil(b"\n\n")).decode()
            assert reply.status == 200 and "Let me see." in text
            came.set()
            rest = (await reply.read()).decode()
    assert '"unknown_tool"' in rest and "tool_calls" not in rest and "[DONE]" not in rest


def pauses(until: asyncio.Event) -> Callable[[], Awaitable[None]]:
    """After the first chunk of a stream."""
    sent = 0

    async def pause() -> None:
        nonlocal sent
        sent += 1
        if sent == 2:
            await until.wait()

    return pause


async def test_a_call_that_had_to_be_made_and_was_not_is_an_error() -> None:
    async with gateway() as served:
        error = await served.refused(**BOTH, tool_choice="required")
        assert (error["status"], error["code"]) == (502, "tool_not_called")


async def test_a_form_does_not_keep_a_forced_call_from_being_made() -> None:
    form = {"response_format": {"type": "json_object"}}
    async with gateway() as served:
        served.engine.script = lambda body: CALLS_CLOCK
        await served.chat(**BOTH, **form, tool_choice="required")
        assert "anyOf" in served.engine.last["response_format"]["json_schema"]["schema"]
        served.engine.script = lambda body: said("{}")
        _, _, reply = await served.post("/v1/chat/completions", {**HI, **BOTH, **form})
        assert served.engine.last["response_format"] == form["response_format"]
        assert reply.headers["x-paddock-notices"] == "response_format_over_tools"


async def test_a_call_that_must_be_made_has_a_form_beside_the_templates_tools() -> None:
    """The engine's grammar for "required" lets a model talk on and on before it calls."""
    async with gateway() as served:
        served.engine.script = lambda body: said('{"name":"weather",', '"arguments":{"unit":"f"}}')
        reply = await served.chat(**BOTH, tool_choice="required")
        function = reply["choices"][0]["message"]["tool_calls"][0]["function"]
        assert function == {"name": "weather", "arguments": '{"unit":"f"}'}
        assert names(served.engine.last) == ["weather", "clock"], "in the words of the template"
        served.engine.script = lambda body: said(" {", "}")
        reply = await served.chat(**BOTH, tool_choice=FORCED)
        function = reply["choices"][0]["message"]["tool_calls"][0]["function"]
        assert function == {"name": "clock", "arguments": " {}"}
        assert reply["choices"][0]["finish_reason"] == "tool_calls"


async def test_words_before_the_engines_own_call_are_no_arguments() -> None:
    async with gateway() as served:
        served.engine.script = lambda body: [*said("Let me ", "see.")[:-1], *CALLS_CLOCK]
        for choice in (FORCED, "required"):
            message = (await served.chat(**BOTH, tool_choice=choice))["choices"][0]["message"]
            assert message["content"] == "Let me see."
            assert [c["function"]["name"] for c in message["tool_calls"]] == ["clock"]


async def test_a_template_without_tools_may_answer() -> None:
    async with gateway(without_tools()) as served:
        status, found, reply = await served.post("/v1/chat/completions", {**HI, **BOTH})
        assert status == 200 and found["choices"][0]["message"]["content"] == "Hello there"
        assert reply.headers["x-paddock-notices"] == "model_has_no_tools"
        assert "tools" not in served.engine.last and "tool_choice" not in served.engine.last


async def test_a_template_without_tools_is_made_to_call_one() -> None:
    engine = without_tools()
    engine.script = lambda body: said('{"unit"', ': "c"}')
    async with gateway(engine) as served:
        choice = {"type": "function", "function": {"name": "weather"}}
        reply = await served.chat(**BOTH, tool_choice=choice)
        message = reply["choices"][0]["message"]
        assert message["content"] is None
        assert message["tool_calls"][0]["function"] == {
            "name": "weather",
            "arguments": '{"unit": "c"}',
        }
        assert reply["choices"][0]["finish_reason"] == "tool_calls"
        asked = engine.last
        schema = asked["response_format"]["json_schema"]["schema"]
        assert schema == WEATHER["function"]["parameters"]
        assert asked["messages"][0]["role"] == "system"
        assert "How warm it is." in asked["messages"][0]["content"]
        assert asked["messages"][1:] == HI["messages"]

        chunks = await served.chat(**BOTH, tool_choice=choice, stream=True)
        pieces = [
            piece
            for chunk in chunks
            for piece in chunk["choices"][0]["delta"].get("tool_calls", [])
        ]
        assert [piece["function"].get("name") for piece in pieces] == ["weather", None]
        assert "".join(piece["function"]["arguments"] for piece in pieces) == '{"unit": "c"}'
        assert "id" in pieces[0] and "id" not in pieces[1]
        assert not any(chunk["choices"][0]["delta"].get("content") for chunk in chunks)


@pytest.mark.parametrize(
    ("answer", "finish", "arguments", "reason"),
    [
        ('{"name": "weather", "arguments": {"unit": "c"} }', "stop", '{"unit": "c"}', "tool_calls"),
        ('{ "name":"weather","arguments":{"unit": "', "length", '{"unit": "', "length"),
    ],
)
async def test_a_template_without_tools_is_made_to_choose_one(
    answer: str, finish: str, arguments: str, reason: str
) -> None:
    engine = without_tools()
    engine.script = lambda body: said(answer[:9], answer[9:], finish=finish)
    async with gateway(engine) as served:
        mine = {"role": "system", "content": "Be brief."}
        reply = await served.chat(messages=[mine, *HI["messages"]], **BOTH, tool_choice="required")
        function = reply["choices"][0]["message"]["tool_calls"][0]["function"]
        assert function == {"name": "weather", "arguments": arguments}
        assert reply["choices"][0]["finish_reason"] == reason
        schema = engine.last["response_format"]["json_schema"]["schema"]
        assert [each["properties"]["name"]["const"] for each in schema["anyOf"]] == names(BOTH)
        moved = schema["$defs"]["0"]["properties"]["unit"]
        assert moved == {"$ref": "#/$defs/0/$defs/unit"}, "a reference still finds its schema"
        assert engine.last["messages"][0]["content"].startswith("Be brief.\n\n")


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"tools": {}}, "tools"),
        ({"tools": [{"type": "function"}]}, "tools.function"),
        ({"tools": [{"type": "web_search"}]}, "tools"),
        ({"tools": [CLOCK, CLOCK]}, "tools"),
        ({"tools": [{"type": "function", "function": {"name": ""}}]}, "tools"),
        ({**BOTH, "tool_choice": "always"}, "tool_choice"),
        ({**BOTH, "tool_choice": {"type": "function", "function": {"name": "x"}}}, "tool_choice"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({**BOTH, "parallel_tool_calls": "no"}, "parallel_tool_calls"),
        ({**BOTH, "logprobs": True}, "logprobs"),
        ({"functions": []}, "functions"),
    ],
)
async def test_what_makes_no_sense_is_refused(body: dict[str, Any], param: str) -> None:
    async with gateway() as served:
        error = await served.refused(**body)
        assert (error["status"], error["param"]) == (400, param)
        assert served.engine.asked == []
