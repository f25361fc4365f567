"""A form that the engine cannot hold a chat to is asked for as a text completion."""

from __future__ import annotations

from typing import Any

from tests.helpers.scripted_engine import Refusal, ScriptedEngine, gateway, said, text_piece

SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}}
FORM = {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA}}}
TOOL = {"type": "function", "function": {"name": "f", "parameters": SCHEMA}}


def stubborn() -> ScriptedEngine:
    """It trips over its template's last words, as with SentencePiece's models."""
    engine = ScriptedEngine()
    engine.props["chat_template_caps"] = {"supports_tools": False, "supports_tool_calls": False}
    engine.plain["/apply-template"] = lambda body: {
        "prompt": "".join(f"{each['role']}: {each['content']}\n" for each in body["messages"])
    }

    def script(body: dict[str, Any]) -> list[Any]:
        if "messages" in body:
            reason = "Failed to initialize samplers: std::exception"
            raise Refusal(400, "invalid_request_error", reason)
        token = {"token": "{", "logprob": -1.0, "top_logprobs": [{"token": "{"}]}
        return [
            text_piece('{"a":', logprobs={"content": [token]} if body.get("n_probs") else None),
            text_piece(" 1}"),
            text_piece("", finish="stop"),
        ]

    engine.script = script
    return engine


async def test_the_answer_is_a_chats() -> None:
    async with gateway(stubborn()) as served:
        reply = await served.chat(**FORM, max_tokens=9, temperature=0.5)
        assert reply["object"] == "chat.completion" and reply["id"].startswith("chatcmpl-")
        assert reply["choices"][0]["message"]["content"] == '{"a": 1}'
        asked = served.engine.last
        assert asked["json_schema"] == SCHEMA and asked["prompt"] == "user: Hi\n"
        assert (asked["max_tokens"], asked["temperature"]) == (9, 0.5)
        assert "messages" not in asked and "response_format" not in asked
        options = {"stream": True, "stream_options": {"include_usage": True}}
        chunks = await served.chat(**FORM, **options)
        deltas = [chunk["choices"][0]["delta"] for chunk in chunks[:-1]]
        assert deltas == [{"role": "assistant", "content": '{"a":'}, {"content": " 1}"}, {}]
        assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
        assert chunks[-1]["usage"]["completion_tokens"] == 4


async def test_a_call_can_be_forced_all_the_same() -> None:
    async with gateway(stubborn()) as served:
        reply = await served.chat(tools=[TOOL], tool_choice="required")
        (call,) = reply["choices"][0]["message"]["tool_calls"]
        assert call["function"] == {"name": "f", "arguments": '{"a": 1}'}


async def test_probabilities_come_along() -> None:
    async with gateway(stubborn()) as served:
        choice = (await served.chat(**FORM, logprobs=True))["choices"][0]
        assert [token["token"] for token in choice["logprobs"]["content"]] == ["{"]
        assert choice["logprobs"]["content"][0]["top_logprobs"] == []


async def test_a_template_for_which_the_engine_knows_no_forms() -> None:
    engine = stubborn()
    engine.props |= {
        "chat_template": "<|tool_calls_section_begin|><|tool_call_begin|>",
        "chat_template_caps": {"supports_tools": True, "supports_tool_calls": True},
        "modalities": {"vision": True},
    }
    async with gateway(engine) as served:
        reply = await served.chat(**FORM)
        assert reply["choices"][0]["message"]["content"] == '{"a": 1}'
        assert [path for path, _ in engine.asked] == ["/apply-template", "/v1/completions"]
        reply = await served.chat(tools=[TOOL], tool_choice="required")
        assert reply["choices"][0]["message"]["tool_calls"][0]["function"]["name"] == "f"
        assert engine.asked[-2][1]["tools"], "in the words of the template"
        engine.script = lambda body: said("words")
        url = "data:image/png;base64,AAAA"
        seen = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}]
        _, _, head = await served.post("/v1/chat/completions", {"messages": seen, **FORM})
        assert head.headers["x-paddock-notices"] == "response_format_not_enforced"


async def test_what_has_no_form_stays_refused() -> None:
    async with gateway(stubborn()) as served:
        error = await served.refused(grammar="root ::= x")
        assert (error["status"], error["code"]) == (400, "invalid_grammar")
        assert len(served.engine.asked) == 1
