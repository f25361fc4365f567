"""Reasoning, adapters, probabilities, forms and foreign parameters of a chat."""

from __future__ import annotations

from typing import Any

import pytest

from desktop.core.engine.flags import Adapter
from tests.helpers.scripted_engine import ScriptedEngine, delta, gateway, said

ADAPTERS = (Adapter("/l/Poet.gguf"), Adapter("/l/coder-v2.gguf", 0.5))


async def test_foreign_parameters_do_not_reach_the_engine() -> None:
    foreign = {
        "user": "u",
        "store": True,
        "metadata": {"a": "b"},
        "service_tier": "auto",
        "tools": None,
        "grammar": None,
        "response_format": None,
        "modalities": ["text"],
    }
    async with gateway() as served:
        await served.chat(**foreign, temperature=0.5, seed=None)
        asked = served.engine.last
        assert not set(foreign) & set(asked) and "seed" not in asked
        assert asked["temperature"] == 0.5 and asked["stream"] is True


@pytest.mark.parametrize(
    "name", ["id_slot", "n_cmpl", "chat_parser", "grammar_triggers", "preserved_tokens", "verbose"]
)
async def test_what_the_engine_says_to_itself_is_refused(name: str) -> None:
    async with gateway() as served:
        error = await served.refused(**{name: 1})
        assert (error["param"], error["code"]) == (name, "unsupported")


@pytest.mark.parametrize(
    ("asked", "param", "kind"),
    [
        ({"stream": "yes"}, "stream", "true or false"),
        ({"stream_options": []}, "stream_options", "an object"),
        ({"stream_options": {"include_usage": 1}}, "include_usage", "true or false"),
    ],
)
async def test_how_to_stream_is_checked(asked: dict[str, Any], param: str, kind: str) -> None:
    async with gateway() as served:
        error = await served.refused(**asked)
        assert (error["param"], error["code"]) == (param, "invalid_value")
        assert error["message"] == f"“{param}” must be {kind}."


@pytest.mark.parametrize(
    ("asked", "effort", "budget", "thinking"),
    [
        ({"reasoning_effort": "none"}, "none", 0, False),
        ({"reasoning_effort": "minimal"}, "low", 1024, None),
        ({"reasoning_effort": "medium"}, "medium", 8192, None),
        ({"reasoning_effort": "high"}, "high", -1, None),
        ({"reasoning": {"effort": "low", "max_tokens": 50}}, "low", 50, None),
        ({"reasoning": {"enabled": False}}, "none", 0, False),
        ({"thinking_budget_tokens": 7}, None, 7, None),
        ({}, None, None, None),
    ],
)
async def test_reasoning(
    asked: dict[str, Any], effort: str | None, budget: int | None, thinking: bool | None
) -> None:
    async with gateway() as served:
        await served.chat(**asked)
        got = served.engine.last
        assert (got.get("reasoning_effort"), got.get("reasoning_budget_tokens")) == (effort, budget)
        assert got.get("chat_template_kwargs", {}).get("enable_thinking") is thinking
        assert "reasoning" not in got and "thinking_budget_tokens" not in got


async def test_a_template_with_levels_needs_no_budget() -> None:
    engine = ScriptedEngine()
    engine.props["chat_template_caps"] = {"supports_reasoning_effort": True}
    async with gateway(engine) as served:
        await served.chat(reasoning_effort="low")
        assert served.engine.last["reasoning_effort"] == "low"
        assert "reasoning_budget_tokens" not in served.engine.last


async def test_reasoning_is_told_apart_or_left_out() -> None:
    async with gateway() as served:
        served.engine.script = lambda body: [
            delta(role="assistant", content=None),
            delta(reasoning_content="hm"),
            *said("Yes")[1:],
        ]
        message = (await served.chat())["choices"][0]["message"]
        assert (message["content"], message["reasoning_content"]) == ("Yes", "hm")
        chunks = await served.chat(reasoning={"exclude": True}, stream=True)
        assert not any("reasoning_content" in c["choices"][0]["delta"] for c in chunks)
        assert len(chunks) == 3


@pytest.mark.parametrize(
    ("lora", "scales"),
    [
        ([{"id": 1, "scale": 0.25}], [0.0, 0.25]),
        ([{"name": "poet"}], [1.0, 0.0]),
        ([{"name": "Coder-V2.gguf", "scale": -2}, {"id": 0, "scale": 1}], [1.0, -2.0]),
        ([], [0.0, 0.0]),
    ],
)
async def test_adapters(lora: list[Any], scales: list[float]) -> None:
    async with gateway(adapters=ADAPTERS) as served:
        await served.chat(lora=lora)
        sent = served.engine.last["lora"]
        assert sent == [{"id": at, "scale": scale} for at, scale in enumerate(scales)]


@pytest.mark.parametrize(
    "lora",
    [
        [{"id": 2}],
        [{"name": "nobody"}],
        [{"scale": 1}],
        [{"id": 0, "scale": 1e9}],
        [{"id": 0, "scale": "1"}],
        [{"id": True}],
        {"id": 0},
        [7],
    ],
)
async def test_adapters_that_are_none(lora: Any) -> None:
    async with gateway(adapters=ADAPTERS) as served:
        error = await served.refused(lora=lora)
        assert error["status"] == 400 and error["param"].startswith("lora")


async def test_every_request_says_how_strong_adapters_are() -> None:
    """The engine would take what it computed for other scales for its own."""
    async with gateway(adapters=ADAPTERS) as served:
        await served.chat()
        assert served.engine.last["lora"] == [{"id": 0, "scale": 1.0}, {"id": 1, "scale": 0.5}]
        await served.post("/v1/completions", {"prompt": "a"})
        assert served.engine.last["lora"] == [{"id": 0, "scale": 1.0}, {"id": 1, "scale": 0.5}]
    async with gateway() as served:
        await served.chat()
        assert "lora" not in served.engine.last


async def test_without_adapters_none_can_be_chosen() -> None:
    async with gateway() as served:
        assert (await served.refused(lora=[{"id": 0}]))["code"] == "unsupported"


async def test_probabilities_without_alternatives() -> None:
    """The engine gives none at all where no alternative is asked for."""
    token = {"token": "Hi", "logprob": -0.5, "bytes": [72], "top_logprobs": [{"token": "Hi"}]}
    piece = delta(content="Hi")
    piece["choices"][0]["logprobs"] = {"content": [token]}
    async with gateway() as served:
        served.engine.script = lambda body: [piece, delta(finish="stop")]
        choice = (await served.chat(logprobs=True))["choices"][0]
        assert served.engine.last["top_logprobs"] == 1
        assert choice["logprobs"]["content"] == [{**token, "top_logprobs": []}]
        choice = (await served.chat(logprobs=True, top_logprobs=1))["choices"][0]
        assert choice["logprobs"]["content"] == [token]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"reasoning_effort": "enormous"}, "reasoning_effort"),
        ({"thinking_budget_tokens": -5}, "thinking_budget_tokens"),
        ({"reasoning": "high"}, "reasoning"),
        ({"logprobs": 3}, "logprobs"),
        ({"top_logprobs": 3}, "top_logprobs"),
        ({"modalities": ["text", "audio"]}, "modalities"),
        ({"response_format": {"type": "xml"}}, "response_format"),
        ({"response_format": {"type": "json_schema"}}, "response_format"),
        ({"response_format": {"type": "json_object"}, "grammar": "root ::= x"}, "grammar"),
        ({"messages": [{"content": "Hi"}]}, "messages"),
        ({"messages": ["Hi"]}, "messages"),
    ],
)
async def test_what_makes_no_sense_is_refused(body: dict[str, Any], param: str) -> None:
    async with gateway() as served:
        error = await served.refused(**body)
        assert (error["status"], error["param"]) == (400, param)


async def test_several_answers_have_one_usage() -> None:
    async with gateway() as served:
        served.engine.script = lambda body: [*said("A"), delta(1, content="B")]
        reply = await served.chat(n=2)
        assert [c["message"]["content"] for c in reply["choices"]] == ["A", "B"]
        assert reply["usage"]["completion_tokens"] == 8 and reply["usage"]["prompt_tokens"] == 9
        chunks = await served.chat(n=2, stream=True, stream_options={"include_usage": True})
        assert [chunk["usage"] for chunk in chunks[:-1]] == [None] * (len(chunks) - 1)
        assert chunks[-1]["choices"] == [] and chunks[-1]["usage"]["total_tokens"] == 17
        assert served.log.latest()[0]["completion_tokens"] == 8


async def test_each_answer_takes_a_slot() -> None:
    async with gateway() as served:
        served.engine.script = lambda body: [*said("A"), *(delta(i, content="B") for i in (1, 2))]
        await served.chat(n=3)
        await served.chat()
        await served.chat(n=None)
        assert served.supervisor.taken == [3, 1, 1]


async def test_the_card_of_a_loaded_model() -> None:
    engine = ScriptedEngine()
    engine.props |= {
        "chat_template": "… <think> …",
        "modalities": {"vision": True, "audio": False},
    }
    async with gateway(engine, adapters=ADAPTERS) as served:
        async with served.session.get(f"{served.url}/v1/models") as reply:
            card = (await reply.json())["data"][0]
        assert card["capabilities"] == {
            "completion": True,
            "tools": True,
            "vision": True,
            "audio": False,
            "thinking": True,
            "embeddings": False,
            "rerank": False,
        }
        assert (card["context_length"], card["loaded_context_length"]) == (4096, 2048)
        assert card["type"] == "vlm" and card["input_modalities"] == ["text", "image"]
        assert card["lora"] == ["Poet", "coder-v2"]
        assert served.engine.asked == []
