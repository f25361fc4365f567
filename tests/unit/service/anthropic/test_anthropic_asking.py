"""What a request for a message becomes, in tables."""

from __future__ import annotations

from typing import Any

import pytest

from desktop.core.service.anthropic.asking import asked_of, model_name
from desktop.core.service.anthropic.content import messages_of
from desktop.core.service.api_errors import ApiError

Json = dict[str, Any]
PIXEL = {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}
IMAGE = {"type": "image", "source": PIXEL}
SEEN = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
TOOL = {"name": "weather", "description": "Of a city.", "input_schema": {"type": "object"}}
CLOCK = {"name": "clock", "input_schema": {"type": "object"}}
STAMP = "x-anthropic-billing-header: cc_version=2.1.101.e51; cc_entrypoint=cli; cch=a5145;"


def user(content: Any) -> Json:
    return {"role": "user", "content": content}


def assistant(content: Any, **more: Any) -> Json:
    return {"role": "assistant", "content": content, **more}


def said(text: str) -> Json:
    return {"type": "text", "text": text}


def use(call: str, **given: Any) -> Json:
    return {"type": "tool_use", "id": call, "name": "weather", "input": given}


def call(call: str, arguments: str) -> Json:
    return {
        "id": call,
        "type": "function",
        "function": {"name": "weather", "arguments": arguments},
    }


def result(call: str, content: Any = None, **more: Any) -> Json:
    return {"type": "tool_result", "tool_use_id": call, "content": content, **more}


def tool(call: str, content: Any) -> Json:
    return {"role": "tool", "tool_call_id": call, "content": content}


CONVERSATIONS: dict[str, tuple[list[Json], list[Json]]] = {
    "a text": ([user("Hi")], [user("Hi")]),
    "blocks of text": ([user([said("a"), said("b")])], [user("a\nb")]),
    "turns of one role": (
        [user("a"), user("b"), assistant("c"), assistant([said("d")])],
        [user("a\nb"), assistant("cd")],
    ),
    "a picture": ([user([said("What?"), IMAGE])], [user([said("What?"), SEEN])]),
    "a picture elsewhere": (
        [user([{"type": "image", "source": {"type": "url", "url": "https://a/b.png"}}])],
        [user([{"type": "image_url", "image_url": {"url": "https://a/b.png"}}])],
    ),
    "a call and its result": (
        [
            user("Rain?"),
            assistant([said("I look."), use("t1", city="Kyoto")]),
            user([result("t1", "wet"), said("And?")]),
        ],
        [
            user("Rain?"),
            assistant("I look.", tool_calls=[call("t1", '{"city": "Kyoto"}')]),
            tool("t1", "wet"),
            user("And?"),
        ],
    ),
    "results come before what is said beside them": (
        [
            assistant([use("t1"), use("t2")]),
            user([said("Both:"), result("t1", [said("a"), said("b")]), result("t2")]),
        ],
        [
            assistant("", tool_calls=[call("t1", "{}"), call("t2", "{}")]),
            tool("t1", "a\nb"),
            tool("t2", ""),
            user("Both:"),
        ],
    ),
    "a failed call": (
        [assistant([use("t1")]), user([result("t1", "no such city", is_error=True)])],
        [assistant("", tool_calls=[call("t1", "{}")]), tool("t1", "Error:\nno such city")],
    ),
    "a result with a picture": (
        [assistant([use("t1")]), user([result("t1", [said("See:"), IMAGE])])],
        [assistant("", tool_calls=[call("t1", "{}")]), tool("t1", [said("See:"), SEEN])],
    ),
    "thoughts": (
        [
            user("7+5"),
            assistant(
                [
                    {"type": "thinking", "thinking": "Twelve.", "signature": "x"},
                    {"type": "redacted_thinking", "data": "sealed"},
                    said("12"),
                ]
            ),
            user("Sure?"),
        ],
        [user("7+5"), assistant("12", reasoning_content="Twelve."), user("Sure?")],
    ),
    "documents": (
        [
            user(
                [
                    {
                        "type": "document",
                        "title": "Notes",
                        "source": {"type": "text", "media_type": "text/plain", "data": "One."},
                    },
                    {
                        "type": "document",
                        "source": {"type": "content", "content": [said("Two."), IMAGE]},
                    },
                ]
            )
        ],
        [user([said("Notes\nOne."), said("Two."), SEEN])],
    ),
    "what was found": (
        [
            user(
                [
                    {
                        "type": "search_result",
                        "title": "T",
                        "source": "https://a",
                        "content": [said("It rains.")],
                    }
                ]
            )
        ],
        [user("T\nhttps://a\nIt rains.")],
    ),
    "a word of the system in between": (
        [
            {"role": "system", "content": "First."},
            user("Hi"),
            {"role": "system", "content": [said("Later.")]},
        ],
        [{"role": "system", "content": "First."}, user("Hi\nSystem: Later.")],
    ),
}


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_a_conversation(name: str) -> None:
    theirs, ours = CONVERSATIONS[name]
    assert messages_of({"messages": theirs}) == ours


@pytest.mark.parametrize(
    ("system", "expected"),
    [
        ("Be brief.", "Be brief."),
        ([said("Be"), said("brief.")], "Be\nbrief."),
        ([{**said("Be brief."), "cache_control": {"type": "ephemeral"}}], "Be brief."),
        ([said(STAMP), said("You are a coder.")], "You are a coder."),
        (f"{STAMP}You are a coder.", "You are a coder."),
        ("x-rays are waves.", "x-rays are waves."),
    ],
)
def test_the_system_prompt(system: Any, expected: str) -> None:
    found = messages_of({"system": system, "messages": [user("Hi")]})
    assert found == [{"role": "system", "content": expected}, user("Hi")]


REFUSED_CONTENT: list[tuple[Any, str]] = [
    ([], "messages: At least one"),
    ("Hi", "messages: It must be a list"),
    ([{"role": "user"}], "messages.0.content: Field required"),
    ([{"role": "robot", "content": "x"}], "messages.0.role: It must be"),
    ([user([{"type": "video"}])], "messages.0.content.0.type: A block of the type “video”"),
    ([user([said("a"), {"text": "x"}])], "messages.0.content.1.type: Field required"),
    ([user([{"type": "text", "text": 3}])], "messages.0.content.0.text: It must be a text"),
    (
        [user([{"type": "image", "source": {"type": "file", "file_id": "f"}}])],
        "messages.0.content.0.source.type",
    ),
    (
        [user([{"type": "image", "source": {**PIXEL, "media_type": "image/tiff"}}])],
        "messages.0.content.0.source.media_type: Known are image/jpeg",
    ),
    (
        [user([{"type": "document", "source": {"type": "base64", "data": "JVBERi0="}}])],
        "messages.0.content.0.source.type: Only documents that are plain text",
    ),
    ([assistant([IMAGE])], "messages.0.content.0.type: An answer has no block"),
    ([assistant([{**use("t"), "input": "x"}])], "messages.0.content.0.input: It must be"),
    ([user([{"type": "tool_result"}])], "messages.0.content.0.tool_use_id: Field required"),
]


@pytest.mark.parametrize(("messages", "words"), REFUSED_CONTENT)
def test_a_conversation_that_makes_no_sense(messages: Any, words: str) -> None:
    with pytest.raises(ApiError) as raised:
        messages_of({"messages": messages})
    assert raised.value.status == 400
    assert raised.value.message.startswith(words)


def ask(**more: Any) -> Json:
    return {"model": "m", "max_tokens": 64, "messages": [user("Hi")], **more}


OFF = {"enable_thinking": False}
ON = {"enable_thinking": True}
FUNCTION = {
    "type": "function",
    "function": {"name": "weather", "description": "Of a city.", "parameters": {"type": "object"}},
}
CLOCK_FUNCTION = {"name": "clock", "description": "", "parameters": {"type": "object"}}
SETTINGS: dict[str, tuple[Json, Json]] = {
    "nothing more": ({}, {}),
    "sampling": (
        {"temperature": 0.2, "top_p": 0.9, "top_k": 40, "metadata": {"user_id": "u"}},
        {"temperature": 0.2, "top_p": 0.9, "top_k": 40},
    ),
    "stops": ({"stop_sequences": ["END"]}, {"stop": ["END"]}),
    "thinking": (
        {"thinking": {"type": "enabled", "budget_tokens": 1024}},
        {"chat_template_kwargs": ON, "thinking_budget_tokens": 1024},
    ),
    "no thinking": ({"thinking": {"type": "disabled"}}, {"reasoning_effort": "none"}),
    "thinking as it sees fit": (
        {"thinking": {"type": "adaptive"}, "output_config": {"effort": "max"}},
        {"chat_template_kwargs": ON, "reasoning_effort": "high"},
    ),
    "an effort without thinking": ({"output_config": {"effort": "low"}}, {}),
    "a schema": (
        {"output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}}},
        {
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "answer", "schema": {"type": "object"}},
            }
        },
    ),
    "tools": ({"tools": [{**TOOL, "type": "custom", "strict": True}]}, {"tools": [FUNCTION]}),
    "any of the tools": (
        {"tools": [TOOL], "tool_choice": {"type": "any", "disable_parallel_tool_use": True}},
        {"tools": [FUNCTION], "tool_choice": "required", "parallel_tool_calls": False},
    ),
    "none of the tools": (
        {"tools": [TOOL], "tool_choice": {"type": "none"}},
        {"tools": [FUNCTION], "tool_choice": "none"},
    ),
    "one of the tools": (
        {"tools": [TOOL, CLOCK], "tool_choice": {"type": "tool", "name": "weather"}},
        {
            "tools": [FUNCTION, {"type": "function", "function": CLOCK_FUNCTION}],
            "tool_choice": {"type": "function", "function": {"name": "weather"}},
        },
    ),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_settings(name: str) -> None:
    more, expected = SETTINGS[name]
    assert asked_of(ask(**more)).body == {
        "messages": [user("Hi")],
        "max_tokens": 64,
        "chat_template_kwargs": OFF,
        **expected,
    }


REFUSED_SETTINGS: list[tuple[Json, str]] = [
    ({"max_tokens": None}, "max_tokens: Field required"),
    ({"max_tokens": -1}, "max_tokens: It must be a whole number from 0"),
    ({"temperature": "hot"}, "temperature: It must be a number"),
    ({"top_k": 1.5}, "top_k: It must be a whole number"),
    ({"stop_sequences": "END"}, "stop_sequences: It must be a list"),
    ({"stop_sequences": [""]}, "stop_sequences.0: It must not be empty"),
    ({"thinking": {"type": "enabled"}}, "thinking.budget_tokens: Field required"),
    ({"thinking": {"type": "deep"}}, "thinking.type: Known are"),
    ({"output_config": {"effort": "huge"}}, "output_config.effort: Known are"),
    ({"tools": [{"type": "bash_20250124", "name": "bash"}]}, "tools.0.type: “bash_20250124” is a"),
    ({"tools": [{"name": "a b", "input_schema": {}}]}, "tools.0.name: It has 1 to 128"),
    ({"tools": [{"name": "a"}]}, "tools.0.input_schema: Field required"),
    ({"tool_choice": {"type": "any"}}, "tool_choice: There are no tools"),
    ({"mcp_servers": [{"url": "https://a"}]}, "mcp_servers: It is a service of Anthropic's own"),
    ({"tools": [TOOL], "tool_choice": {"type": "all"}}, "tool_choice.type: Known are"),
    (
        {"tools": [TOOL], "tool_choice": {"type": "tool", "name": "x"}},
        "tool_choice.name: There is no tool “x”",
    ),
]


@pytest.mark.parametrize(("more", "words"), REFUSED_SETTINGS)
def test_settings_that_make_no_sense(more: Json, words: str) -> None:
    with pytest.raises(ApiError) as raised:
        asked_of(ask(**more))
    assert (raised.value.status, raised.value.message[: len(words)]) == (400, words)


def test_a_long_context_is_no_part_of_a_models_name() -> None:
    assert model_name("claude-sonnet-4-5[1m]") == "claude-sonnet-4-5"
