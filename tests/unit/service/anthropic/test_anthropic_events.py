"""From the engine's chunks to Anthropic's events, and from those to one message."""

from __future__ import annotations

import json
from typing import Any

import pytest

from desktop.core.service.anthropic.asking import Asked
from desktop.core.service.anthropic.events import Answer, event, message_of
from desktop.core.service.streams import Usage

Json = dict[str, Any]


def chunk(finish: str | None = None, **delta: Any) -> Json:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


def called(index: int, **call: Any) -> Json:
    return chunk(tool_calls=[{"index": index, **call}])


def told(
    chunks: list[Json], *, usage: Usage | None = None, most: int = 100, **asked: Any
) -> list[Json]:
    known = usage or Usage(prompt_tokens=9, cached_tokens=4, completion_tokens=3)
    answer = Answer(Asked({}, most_tokens=most, **asked), "m", lambda: known)
    return [*(each for one in chunks for each in answer.feed(one)), *answer.end()]


def kinds(events: list[Json]) -> list[str]:
    return [each.get("delta", {}).get("type") or each["type"] for each in events]


def test_a_text() -> None:
    events = told(
        [
            chunk(role="assistant", content=None),
            chunk(content="Hel"),
            chunk(content="lo"),
            chunk("stop"),
        ]
    )
    assert kinds(events) == [
        "message_start",
        "content_block_start",
        "text_delta",
        "text_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    start = events[0]["message"]
    assert start["id"].startswith("msg_") and start["content"] == []
    assert (start["role"], start["model"], start["stop_reason"]) == ("assistant", "m", None)
    assert events[-2] == {
        "type": "message_delta",
        "delta": {"stop_reason": "end_turn", "stop_sequence": None},
        "usage": {
            "input_tokens": 5,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 4,
            "output_tokens": 3,
        },
    }
    whole = message_of(events)
    assert whole["content"] == [{"type": "text", "text": "Hello"}]
    assert (whole["stop_reason"], whole["usage"]["output_tokens"]) == ("end_turn", 3)


THOUGHT = [
    chunk(reasoning_content="Seven "),
    chunk(reasoning_content="and five."),
    chunk(content="12"),
    chunk("stop"),
]


def test_thoughts_have_a_block_of_their_own() -> None:
    events = told(THOUGHT, thinking=True)
    assert kinds(events)[1:9] == [
        "content_block_start",
        "thinking_delta",
        "thinking_delta",
        "signature_delta",
        "content_block_stop",
        "content_block_start",
        "text_delta",
        "content_block_stop",
    ]
    assert [each["index"] for each in events if each["type"] == "content_block_start"] == [0, 1]
    thinking, answer = message_of(events)["content"]
    assert thinking["thinking"] == "Seven and five." and len(thinking["signature"]) == 64
    assert answer == {"type": "text", "text": "12"}


def test_thoughts_that_were_not_asked_for_are_left_out() -> None:
    assert message_of(told(THOUGHT))["content"] == [{"type": "text", "text": "12"}]


def test_thoughts_without_their_text() -> None:
    sealed, shown = (
        message_of(told(THOUGHT, thinking=True, omitted=omitted))["content"][0]
        for omitted in (True, False)
    )
    assert sealed == {**shown, "thinking": ""}


def test_calls_of_tools() -> None:
    events = told(
        [
            chunk(content="I look."),
            called(0, id="c1", function={"name": "weather", "arguments": ""}),
            called(0, function={"arguments": '{"city": '}),
            called(0, function={"arguments": '"Kyoto"}'}),
            called(1, function={"name": "clock", "arguments": "{}"}),
            chunk("tool_calls"),
        ]
    )
    pieces = [each["delta"]["partial_json"] for each in events if "partial_json" in str(each)]
    assert pieces == ['{"city": ', '"Kyoto"}', "{}"]
    whole = message_of(events)
    first, second = whole["content"][1:]
    assert first == {"type": "tool_use", "id": "c1", "name": "weather", "input": {"city": "Kyoto"}}
    assert second["id"].startswith("toolu_") and second["name"] == "clock"
    assert whole["stop_reason"] == "tool_use"


def test_a_call_that_was_cut_off_has_no_input() -> None:
    events = told(
        [called(0, id="c1", function={"name": "weather", "arguments": '{"ci'}), chunk("length")],
        most=3,
    )
    whole = message_of(events)
    assert (whole["content"][0]["input"], whole["stop_reason"]) == ({}, "max_tokens")


VERBOSE = {"__verbose": {"stop_type": "word", "stopping_word": "END", "prompt": "…"}}


@pytest.mark.parametrize(
    ("last", "asked", "reason", "sequence"),
    [
        (chunk("stop"), {}, "end_turn", None),
        ({**chunk("stop"), **VERBOSE}, {"stops": ("END",)}, "stop_sequence", "END"),
        # The template's own end of a turn is no stop sequence of the client's.
        ({**chunk("stop"), **VERBOSE}, {"stops": ("OVER",)}, "end_turn", None),
        (chunk("length"), {"most": 3}, "max_tokens", None),
        (chunk("length"), {"most": 100}, "model_context_window_exceeded", None),
        (chunk("content_filter"), {}, "refusal", None),
    ],
)
def test_why_it_ended(last: Json, asked: Json, reason: str, sequence: str | None) -> None:
    whole = message_of(told([chunk(content="a"), last], **asked))
    assert (whole["stop_reason"], whole["stop_sequence"]) == (reason, sequence)


def test_an_answer_without_a_word() -> None:
    events = told([chunk("stop")], usage=Usage())
    assert kinds(events) == ["message_start", "message_delta", "message_stop"]
    assert message_of(events)["content"] == []


def test_an_event_on_the_wire() -> None:
    head, data, end = event({"type": "ping"}).split(b"\n", 2)
    assert (head, end) == (b"event: ping", b"\n")
    assert json.loads(data.removeprefix(b"data: ")) == {"type": "ping"}
