"""What Ollama's requests become, in tables."""

from __future__ import annotations

from typing import Any

import pytest

from desktop.core.service.api_errors import ApiError
from desktop.core.service.ollama.asking import CHAT, TEXT, chat_of, generate_of
from desktop.core.service.ollama.durations import keep_seconds
from desktop.core.service.ollama.options import options_of

Json = dict[str, Any]
PNG = "iVBORw0KGgo="
SEEN = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}
WEATHER = {"function": {"name": "weather", "arguments": {"city": "Kyoto"}}}


def user(content: Any, **more: Any) -> Json:
    return {"role": "user", "content": content, **more}


def call(number: str, name: str = "weather", arguments: str = '{"city": "Kyoto"}') -> Json:
    return {"id": number, "type": "function", "function": {"name": name, "arguments": arguments}}


MESSAGES: dict[str, tuple[list[Json], list[Json]]] = {
    "a text": ([user("Hi")], [user("Hi")]),
    "a picture": (
        [user("What?", images=[PNG])],
        [user([{"type": "text", "text": "What?"}, SEEN])],
    ),
    "a picture by itself": ([user("", images=[f"data:image/png;base64,{PNG}"])], [user([SEEN])]),
    "a call and its result": (
        [
            user("Rain?"),
            {"role": "assistant", "content": "", "tool_calls": [WEATHER]},
            {"role": "tool", "content": "wet", "tool_name": "weather"},
        ],
        [
            user("Rain?"),
            {"role": "assistant", "content": "", "tool_calls": [call("call_1_0")]},
            {"role": "tool", "content": "wet", "tool_call_id": "call_1_0"},
        ],
    ),
    "results in another order": (
        [
            {
                "role": "assistant",
                "tool_calls": [WEATHER, {"id": "c", "function": {"name": "clock"}}],
            },
            {"role": "tool", "content": "noon", "tool_name": "clock"},
            {"role": "tool", "content": "wet"},
        ],
        [
            {
                "role": "assistant",
                "content": "",
                "tool_calls": [call("call_0_0"), call("c", "clock", "{}")],
            },
            {"role": "tool", "content": "noon", "tool_call_id": "c"},
            {"role": "tool", "content": "wet", "tool_call_id": "call_0_0"},
        ],
    ),
    "two calls of one tool": (
        [
            {"role": "assistant", "tool_calls": [WEATHER, WEATHER]},
            {"role": "tool", "content": "a", "tool_name": "weather"},
            {"role": "tool", "content": "b", "tool_name": "weather"},
        ],
        [
            {
                "role": "assistant",
                "content": "",
                "tool_calls": [call("call_0_0"), call("call_0_1")],
            },
            {"role": "tool", "content": "a", "tool_call_id": "call_0_0"},
            {"role": "tool", "content": "b", "tool_call_id": "call_0_1"},
        ],
    ),
    "thoughts": (
        [{"role": "assistant", "content": "12", "thinking": "Twelve."}],
        [{"role": "assistant", "content": "12", "reasoning_content": "Twelve."}],
    ),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_messages(name: str) -> None:
    theirs, ours = MESSAGES[name]
    asked = chat_of({"model": "m", "messages": theirs})
    assert asked.body is not None and asked.body["messages"] == ours
    assert (asked.route, asked.stream) == (CHAT, True)


SCHEMA = {"type": "object", "properties": {"age": {"type": "integer"}}}
FIELDS: dict[str, tuple[Json, Json]] = {
    "any JSON": ({"format": "json"}, {"response_format": {"type": "json_object"}}),
    "a schema": (
        {"format": SCHEMA},
        {
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "answer", "schema": SCHEMA},
            }
        },
    ),
    "no format": ({"format": ""}, {}),
    "thinking": ({"think": True}, {"chat_template_kwargs": {"enable_thinking": True}}),
    "no thinking": ({"think": False}, {"reasoning_effort": "none"}),
    "some thinking": (
        {"think": "low"},
        {"chat_template_kwargs": {"enable_thinking": True}, "reasoning_effort": "low"},
    ),
    "logprobs": ({"logprobs": True, "top_logprobs": 2}, {"logprobs": True, "top_logprobs": 2}),
    "options": (
        {
            "options": {
                "temperature": 0.5,
                "num_predict": 100,
                "top_k": 20.0,
                "min_p": 0.1,
                "seed": 42,
                "repeat_penalty": 1.2,
                "mirostat": 1,
                "stop": ["\n", "user:"],
                "num_thread": 8,
                "use_mmap": True,
                "unknown": 1,
            }
        },
        {
            "temperature": 0.5,
            "max_tokens": 100,
            "top_k": 20,
            "min_p": 0.1,
            "seed": 42,
            "repeat_penalty": 1.2,
            "mirostat": 1,
            "stop": ["\n", "user:"],
        },
    ),
    "tools": ({"tools": [{"type": "function"}]}, {"tools": [{"type": "function"}]}),
}


@pytest.mark.parametrize("name", FIELDS)
def test_fields_of_a_chat(name: str) -> None:
    more, expected = FIELDS[name]
    assert chat_of({"messages": [user("Hi")], **more}).body == {
        "messages": [user("Hi")],
        **expected,
    }


GENERATED: dict[str, tuple[Json, str, Json | None]] = {
    "a prompt": ({"prompt": "Hi"}, CHAT, {"messages": [user("Hi")]}),
    "a system prompt": (
        {"prompt": "Hi", "system": "Be brief."},
        CHAT,
        {"messages": [{"role": "system", "content": "Be brief."}, user("Hi")]},
    ),
    "a picture": (
        {"prompt": "What?", "images": [PNG]},
        CHAT,
        {"messages": [user([{"type": "text", "text": "What?"}, SEEN])]},
    ),
    "a raw prompt": ({"prompt": "<s>Hi", "raw": True}, TEXT, {"prompt": "<s>Hi"}),
    "a gap": (
        {"prompt": "def f(", "suffix": "return 1", "options": {"num_predict": 9}},
        TEXT,
        {"prompt": "def f(", "suffix": "return 1", "max_tokens": 9},
    ),
    "nothing": ({}, CHAT, None),
}


@pytest.mark.parametrize("name", GENERATED)
def test_a_prompt(name: str) -> None:
    body, route, expected = GENERATED[name]
    asked = generate_of({"model": "m", **body})
    assert (asked.route, asked.body) == (route, expected)


REFUSED: list[tuple[Any, Json, str]] = [
    (chat_of, {"messages": "Hi"}, "“messages” must be a list"),
    (chat_of, {"messages": [{"role": "robot"}]}, "“messages[0].role” must be one of"),
    (chat_of, {"messages": [user(3)]}, "“messages[0].content” must be a text"),
    (
        chat_of,
        {"messages": [user("", images=["aGVsbG8="])]},
        "“messages[0].images” must be pictures",
    ),
    (chat_of, {"messages": [{"role": "assistant", "tool_calls": [3]}]}, "“messages[0].tool_calls”"),
    (chat_of, {"format": "xml"}, "“format” must be"),
    (chat_of, {"think": "deep"}, 'invalid think value: "deep"'),
    (chat_of, {"keep_alive": "soon"}, 'invalid keep_alive: "soon"'),
    (chat_of, {"stream": "no"}, "“stream” must be true or false"),
    (chat_of, {"options": {"temperature": "hot"}}, 'option "temperature": It must be a number'),
    (chat_of, {"options": {"num_ctx": "big"}}, 'option "num_ctx": It must be a whole number'),
    (chat_of, {"options": []}, "“options” must be an object"),
    (generate_of, {"prompt": "a", "template": "{{ .Prompt }}"}, "“template” is in the language"),
    (generate_of, {"prompt": "a", "context": [1]}, "“context” is not kept here"),
    (generate_of, {"prompt": "a", "raw": True, "images": [PNG]}, "“raw” goes with a prompt alone"),
]


@pytest.mark.parametrize(("read", "body", "words"), REFUSED)
def test_what_makes_no_sense(read: Any, body: Json, words: str) -> None:
    with pytest.raises(ApiError) as raised:
        read(body)
    assert (raised.value.status, raised.value.message[: len(words)]) == (400, words)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        (0, 0.0),
        (300, 300.0),
        (0.5, 0.5),
        (-1, -1.0),
        ("0", 0.0),
        ("5m", 300.0),
        ("1h30m", 5400.0),
        ("1.5h", 5400.0),
        ("250ms", 0.25),
        ("-1m", -1.0),
        ("24h0m0s", 86400.0),
    ],
)
def test_how_long_a_model_stays(value: Any, seconds: float | None) -> None:
    assert keep_seconds(value) == seconds


@pytest.mark.parametrize("value", ["", "5 m", "m5", "5x", True, [], {}, float("nan")])
def test_no_time_at_all(value: Any) -> None:
    with pytest.raises(ApiError):
        keep_seconds(value)


@pytest.mark.parametrize(
    ("options", "tokens", "body"),
    [
        ({"num_ctx": 8192}, 8192, {}),
        ({"num_ctx": 8192.0, "temperature": None}, 8192, {}),
        ({"num_predict": -1}, None, {}),
        ({"num_predict": -2}, None, {}),
        ({"num_predict": 0}, None, {}),
        ({"num_ctx": 0}, None, {}),
        ({"seed": 2**40 + 7, "top_k": -1}, None, {"seed": 7, "top_k": 0}),
        ({"seed": -1}, None, {"seed": -1}),
        ({"stop": "x"}, None, {"stop": ["x"]}),
    ],
)
def test_options(options: Json, tokens: int | None, body: Json) -> None:
    found = options_of(options)
    assert (found.context_tokens, found.body) == (tokens, body)
