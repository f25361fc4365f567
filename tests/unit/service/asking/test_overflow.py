"""Conversations longer than the context: an error with both numbers, or the oldest turns go."""

from __future__ import annotations

import json
from typing import Any

import pytest

from desktop.core.service.key_policy import KeyPolicy
from tests.helpers.scripted_engine import Refusal, ScriptedEngine, gateway, said

CONTEXT = 100
SYSTEM = {"role": "system", "content": "S" * 10}


def user(size: int) -> dict[str, Any]:
    return {"role": "user", "content": "u" * size}


def answer(size: int) -> dict[str, Any]:
    return {"role": "assistant", "content": "a" * size}


CALLING = {"role": "assistant", "content": "c" * 5, "tool_calls": [{"id": "1"}]}
RESULT = {"role": "tool", "tool_call_id": "1", "content": "r" * 5}


def engine() -> ScriptedEngine:
    """Each character of a message is a token."""
    made = ScriptedEngine()

    def count(body: dict[str, Any]) -> int:
        return sum(len(message["content"]) for message in body["messages"])

    def script(body: dict[str, Any]) -> list[Any]:
        tokens = count(body)
        if tokens >= CONTEXT:
            more = {"n_prompt_tokens": tokens, "n_ctx": CONTEXT}
            raise Refusal(400, "exceed_context_size_error", **more)
        return said("Yes")

    made.script = script
    made.plain["/v1/chat/completions/input_tokens"] = lambda body: {"input_tokens": count(body)}
    return made


LATER = [SYSTEM, user(30), SYSTEM, user(9)]
LONG = [SYSTEM, user(30), answer(30), user(5), CALLING, RESULT, answer(20), user(20), answer(9)]


async def test_without_the_policy_it_is_an_error() -> None:
    async with gateway(engine()) as served:
        error = await served.refused(messages=[*LONG, user(10)])
        assert error["code"] == "context_length_exceeded" and error["n_ctx"] == CONTEXT
        assert error["n_prompt_tokens"] == 144
        assert len(served.engine.asked) == 1


@pytest.mark.parametrize(
    ("messages", "bound", "kept", "dropped"),
    [
        # The first turn is enough: 84 tokens, and 10 for the answer.
        ([*LONG, user(10)], 10, [SYSTEM, *LONG[3:], user(10)], 2),
        # Room for 40 tokens of an answer: the call goes with its result.
        ([*LONG, user(10)], 40, [SYSTEM, *LONG[7:], user(10)], 6),
        # Whatever the answer wants: the last question is not dropped.
        ([SYSTEM, user(90), answer(1), user(85)], 50, [SYSTEM, user(85)], 2),
        # What stands before the first question is a turn as well; a later system prompt stays.
        (
            [answer(60), SYSTEM, user(30), SYSTEM, user(9)],
            10,
            [SYSTEM, user(30), SYSTEM, user(9)],
            1,
        ),
    ],
)
async def test_the_oldest_turns_are_dropped(
    messages: list[Any], bound: int, kept: list[Any], dropped: int
) -> None:
    async with gateway(engine()) as served:
        served.policy = KeyPolicy(overflow="drop_oldest")
        status, reply, head = await served.post(
            "/v1/chat/completions", {"messages": messages, "max_tokens": bound}
        )
        assert status == 200, reply
        assert served.engine.last["messages"] == kept
        assert head.headers["x-paddock-dropped-messages"] == str(dropped)
        assert reply["usage"]["dropped_messages"] == dropped
        options = {"stream": True, "stream_options": {"include_usage": True}}
        _, chunks, head = await served.post(
            "/v1/chat/completions", {"messages": messages, "max_tokens": bound, **options}
        )
        assert head.headers["x-paddock-dropped-messages"] == str(dropped)
        assert chunks[-1]["usage"]["dropped_messages"] == dropped
        assert "dropped" not in json.dumps(chunks[:-1])


async def test_what_fits_is_left_alone() -> None:
    async with gateway(engine()) as served:
        served.policy = KeyPolicy(overflow="drop_oldest")
        _, reply, head = await served.post("/v1/chat/completions", {"messages": [user(50)]})
        assert "x-paddock-dropped-messages" not in head.headers
        assert "dropped_messages" not in reply["usage"]


async def test_an_engine_that_does_not_count_is_asked_otherwise() -> None:
    made = engine()

    def unknown(body: dict[str, Any]) -> Any:
        raise Refusal(404, "not_found_error")

    made.plain["/v1/chat/completions/input_tokens"] = unknown
    made.plain["/apply-template"] = lambda body: {
        "prompt": "".join(message["content"] for message in body["messages"])
    }
    made.plain["/tokenize"] = lambda body: {"tokens": [1] * len(body["content"])}
    async with gateway(made) as served:
        served.policy = KeyPolicy(overflow="drop_oldest")
        reply = await served.chat(messages=[user(90), answer(1), user(50)], max_tokens=9)
        assert reply["usage"]["dropped_messages"] == 2
        del made.plain["/tokenize"], made.plain["/apply-template"]
        made.script = lambda body: unknown(body) if "prompt" in body else engine().script(body)
        made.plain["/apply-template"] = unknown
        error = await served.refused(messages=[user(90), answer(1), user(50)], max_tokens=9)
        assert error["code"] == "context_length_exceeded"


@pytest.mark.parametrize("messages", [[user(200)], [user(5), answer(5), SYSTEM, user(95)]])
async def test_what_cannot_fit_stays_an_error(messages: list[Any]) -> None:
    async with gateway(engine()) as served:
        served.policy = KeyPolicy(overflow="drop_oldest")
        error = await served.refused(messages=messages)
        assert error["code"] == "context_length_exceeded"
        assert error["n_prompt_tokens"] == sum(len(each["content"]) for each in messages)
