"""The official `openai` client against the real service and engine."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.helpers.gguf_files import write_lora
from tests.helpers.service import RunningService, wait_for

HELLO = [{"role": "user", "content": "hello"}]


@pytest.fixture(scope="module")
def client(public_url: str) -> Iterator[openai.OpenAI]:
    url = f"{public_url}/v1"
    with openai.OpenAI(base_url=url, api_key="unused", max_retries=0) as client:
        yield client


@pytest.fixture(scope="module")
def bundled(service: RunningService) -> str:
    return next(model["id"] for model in service.client.models() if model["bundled"])


def test_lists_models(client: openai.OpenAI, tiny: str) -> None:
    assert tiny in [model.id for model in client.models.list()]
    assert client.models.retrieve(tiny).id == tiny
    with pytest.raises(openai.NotFoundError) as caught:
        client.models.retrieve("nothing-like-it")
    assert caught.value.code == "model_not_found"


def test_chat(client: openai.OpenAI, tiny: str) -> None:
    reply = client.chat.completions.create(model=tiny, messages=HELLO, max_tokens=4)
    assert reply.model == tiny and reply.object == "chat.completion"
    assert reply.choices[0].finish_reason == "length"
    assert reply.usage is not None and reply.usage.completion_tokens == 4
    assert reply.choices[0].message.role == "assistant"


def test_stream_and_plain_agree(client: openai.OpenAI, tiny: str) -> None:
    options = {"model": tiny, "messages": HELLO, "max_tokens": 12, "temperature": 0, "seed": 1}
    plain = client.chat.completions.create(**options)
    chunks = list(client.chat.completions.create(**options, stream=True))
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert text == plain.choices[0].message.content
    assert all(chunk.choices for chunk in chunks), "usage was not asked for"
    assert chunks[-1].choices[0].finish_reason == "length"


def test_usage_comes_when_asked_for(client: openai.OpenAI, tiny: str) -> None:
    chunks = list(
        client.chat.completions.create(
            model=tiny,
            messages=HELLO,
            max_tokens=3,
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    assert chunks[-1].choices == [] and chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == 3
    assert [c for c in chunks[:-1] if c.usage is not None] == []


def test_completions(client: openai.OpenAI, tiny: str) -> None:
    reply = client.completions.create(model=tiny, prompt="once", max_tokens=3)
    assert reply.object == "text_completion"
    assert reply.usage is not None and reply.usage.completion_tokens == 3
    stream = client.completions.create(model=tiny, prompt="once", max_tokens=3, stream=True)
    assert list(stream)[-1].choices[0].finish_reason == "length"


def test_several_answers(client: openai.OpenAI, tiny: str) -> None:
    reply = client.chat.completions.create(model=tiny, messages=HELLO, max_tokens=3, n=2)
    assert [choice.index for choice in reply.choices] == [0, 1]
    assert reply.usage is not None and reply.usage.completion_tokens == 6
    assert reply.usage.prompt_tokens < 100, "the prompt counts once"


def test_texts_in_the_old_shape(client: openai.OpenAI, tiny: str) -> None:
    reply = client.completions.create(
        model=tiny, prompt=["once", "twice"], max_tokens=2, n=2, echo=True, temperature=0
    )
    assert [choice.index for choice in reply.choices] == [0, 1, 2, 3]
    assert [c.text[:5] for c in reply.choices] == ["once" + reply.choices[0].text[4]] * 2 + [
        "twice"
    ] * 2
    assert reply.usage is not None and reply.usage.completion_tokens == 8
    asked = client.completions.create(model=tiny, prompt=[1, 5, 9], max_tokens=3, logprobs=2)
    found = asked.choices[0].logprobs
    assert found is not None and found.tokens is not None and found.top_logprobs is not None
    assert len(found.tokens) == len(found.token_logprobs or ()) == len(found.text_offset or ()) == 3
    assert found.text_offset == [0, len(found.tokens[0]), len(found.tokens[0] + found.tokens[1])]
    with pytest.raises(openai.BadRequestError) as caught:
        client.completions.create(model=tiny, prompt=[1, 10_000_000], max_tokens=1)
    assert caught.value.param == "prompt"


TOOL: Any = {
    "type": "function",
    "function": {
        "name": "set_colour",
        "parameters": {
            "type": "object",
            "properties": {
                "colour": {"enum": ["red", "green"]},
                "shade": {"$ref": "#/$defs/shade"},
            },
            "required": ["colour", "shade"],
            "additionalProperties": False,
            "$defs": {"shade": {"type": "integer", "minimum": 0, "maximum": 9}},
        },
    },
}
OTHER: Any = {"type": "function", "function": {"name": "stop", "parameters": {"type": "object"}}}


def is_meant(arguments: str) -> bool:
    found = json.loads(arguments)
    return set(found) == {"colour", "shade"} and found["colour"] in ("red", "green")


def test_a_model_without_tools_calls_what_it_is_told_to(
    client: openai.OpenAI, bundled: str
) -> None:
    """Its template knows nothing of tools; the engine would leave them out and say nothing."""
    forced: Any = {"type": "function", "function": {"name": "set_colour"}}
    options: Any = {"model": bundled, "messages": HELLO, "tools": [OTHER, TOOL], "max_tokens": 400}
    for choice in (forced, "required"):
        reply = client.chat.completions.create(**options, tool_choice=choice)
        assert reply.choices[0].finish_reason == "tool_calls"
        (call,) = reply.choices[0].message.tool_calls or ()
        assert call.id and call.function.name in ("set_colour", "stop")
        if choice == forced:
            assert call.function.name == "set_colour"
        if call.function.name == "set_colour":
            assert is_meant(call.function.arguments)
    stream = client.chat.completions.create(**options, tool_choice=forced, stream=True)
    pieces = [
        piece
        for chunk in stream
        for choice in chunk.choices
        for piece in choice.delta.tool_calls or ()
    ]
    assert pieces[0].id and pieces[0].function.name == "set_colour"
    assert is_meant("".join(piece.function.arguments for piece in pieces))
    told = client.chat.completions.with_raw_response.create(**{**options, "max_tokens": 3})
    assert told.headers["x-paddock-notices"] == "model_has_no_tools"


# As Hermes' and Qwen's: the engine finds out from it how calls are written.
TOOL_TEMPLATE = """\
{%- if tools %}<|im_start|>system
You may call these: {% for tool in tools %}{{ tool | tojson }} {% endfor %}<|im_end|>
{% endif %}
{%- for message in messages %}<|im_start|>{{ message.role }}
{{ message.content or "" }}
{%- for call in message.tool_calls or [] %}
<tool_call>
{"name": "{{ call.function.name }}", "arguments": {{ call.function.arguments | tojson }}}
</tool_call>
{%- endfor %}<|im_end|>
{% endfor %}
{%- if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""


def test_a_model_with_tools_calls_what_it_is_told_to(
    client: openai.OpenAI, bundled: str, service: RunningService
) -> None:
    """The engine's own grammar would let it talk until it has no tokens left."""
    service.client.unload(bundled)
    service.client.change_card(bundled, {"template": TOOL_TEMPLATE})
    try:
        options: Any = {"model": bundled, "messages": HELLO, "tools": [TOOL], "max_tokens": 400}
        reply = client.chat.completions.create(**options, tool_choice="required")
        assert client.models.retrieve(bundled).model_dump()["capabilities"]["tools"] is True
    finally:
        service.client.change_card(bundled, {"template": None})
        service.client.unload(bundled)
    (call,) = reply.choices[0].message.tool_calls or ()
    assert call.function.name == "set_colour" and is_meant(call.function.arguments)
    assert reply.choices[0].finish_reason == "tool_calls"


def test_a_form_is_kept_to(client: openai.OpenAI, bundled: str) -> None:
    form: Any = {
        "type": "json_schema",
        "json_schema": {
            "name": "colour",
            "strict": True,
            "schema": TOOL["function"]["parameters"],
        },
    }
    reply = client.chat.completions.create(
        model=bundled, messages=HELLO, response_format=form, max_tokens=200
    )
    assert is_meant(reply.choices[0].message.content or "")
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(
            model=bundled, messages=HELLO, extra_body={"grammar": "root ::= nothing"}
        )
    assert caught.value.code == "invalid_grammar"


def test_what_is_told_of_a_model(client: openai.OpenAI, tiny: str) -> None:
    client.chat.completions.create(model=tiny, messages=HELLO, max_tokens=1)
    card = client.models.retrieve(tiny).model_dump()
    assert card["loaded_context_length"] == card["context_length"] == 2048
    assert card["capabilities"]["completion"] and not card["capabilities"]["vision"]
    assert card["capabilities"]["tools"] is False, "as its engine says"


def test_the_oldest_turns_go_where_the_key_says_so(
    service: RunningService, public_url: str, tiny: str
) -> None:
    key = service.client.create_key("dropper", {"overflow": "drop_oldest"})["key"]
    turn = [
        {"role": "user", "content": "ab " * 200},
        {"role": "assistant", "content": "cd " * 100},
    ]
    messages: Any = [{"role": "system", "content": "Be brief."}, *turn * 4, *HELLO]
    with openai.OpenAI(base_url=f"{public_url}/v1", api_key=key, max_retries=0) as client:
        told = client.chat.completions.with_raw_response.create(
            model=tiny, messages=messages, max_tokens=4
        )
    reply = told.parse()
    dropped = int(told.headers["x-paddock-dropped-messages"])
    assert dropped in (2, 4, 6) and reply.usage is not None
    assert reply.usage.model_dump()["dropped_messages"] == dropped
    assert reply.usage.prompt_tokens < 2048
    service.client.revoke_key("dropper")


def test_long_prompt_with_progress_looks_like_any_other(client: openai.OpenAI, tiny: str) -> None:
    messages = [{"role": "user", "content": "ab " * 600}]
    with client.chat.completions.with_streaming_response.create(
        model=tiny, messages=messages, max_tokens=2, stream=True, user="x" * 5000
    ) as reply:
        text = reply.read().decode()
    assert text.endswith("data: [DONE]\n\n") and "prompt_progress" not in text


def test_context_overflow_names_both_numbers(client: openai.OpenAI, tiny: str) -> None:
    for stream in (False, True):
        with pytest.raises(openai.BadRequestError) as caught:
            client.chat.completions.create(
                model=tiny, messages=[{"role": "user", "content": "ab " * 4000}], stream=stream
            )
        body = caught.value.body
        assert isinstance(body, dict)
        assert body["code"] == "context_length_exceeded" and body["param"] == "messages"
        assert body["n_prompt_tokens"] > body["n_ctx"] >= 2048
        assert str(body["n_ctx"]) in body["message"]


def test_embeddings_of_a_chat_model(client: openai.OpenAI, tiny: str) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.embeddings.create(model=tiny, input="hello")
    assert caught.value.code == "model_not_embedding"


@pytest.mark.parametrize(
    ("request_body", "code"),
    [
        ({"messages": HELLO}, "missing_parameter"),
        ({"model": 5, "messages": HELLO}, "missing_parameter"),
        ({"model": "{tiny}"}, "missing_parameter"),
        ({"model": "{tiny}", "messages": []}, "invalid_value"),
        ({"model": "{tiny}", "messages": HELLO, "stream": "yes"}, "invalid_value"),
        ({"model": "{tiny}", "messages": HELLO, "n": 100}, "invalid_value"),
        ({"model": "{tiny}", "messages": HELLO, "id_slot": 0}, "unsupported"),
    ],
)
def test_bad_requests(
    client: openai.OpenAI, tiny: str, request_body: dict[str, object], code: str
) -> None:
    body = json.loads(json.dumps(request_body).replace("{tiny}", tiny))
    with pytest.raises(openai.BadRequestError) as caught:
        client.post("/chat/completions", body=body, cast_to=object)
    assert caught.value.code == code


def test_a_client_that_leaves_frees_its_slot(
    client: openai.OpenAI, tiny: str, service: RunningService
) -> None:
    stream = client.chat.completions.create(
        model=tiny,
        messages=HELLO,
        max_tokens=1900,
        stream=True,
        extra_body={"ignore_eos": True},
    )
    next(iter(stream))
    assert service.client.state()["models"][0]["active_requests"] == 1
    stream.close()
    left = time.monotonic()
    wait_for(
        lambda: service.client.state()["models"][0]["active_requests"] == 0, "the slot is free", 5
    )
    assert time.monotonic() - left < 2
    last = service.client.requests()[0]
    assert last["status"] == 499


def test_requests_are_recorded_without_their_text(
    client: openai.OpenAI, tiny: str, service: RunningService
) -> None:
    secret = "a-very-private-sentence"
    client.chat.completions.create(
        model=tiny, messages=[{"role": "user", "content": secret}], max_tokens=2
    )
    last = service.client.requests()[0]
    assert (last["model"], last["completion_tokens"], last["status"]) == (tiny, 2, 200)
    assert last["ttft_seconds"] <= last["total_seconds"]
    for log in service.paths.logs.iterdir():
        assert secret not in log.read_text("utf-8", "replace"), log.name


def test_adapters_are_chosen_per_request(
    client: openai.OpenAI, tiny: str, service: RunningService, tmp_path: Path
) -> None:
    lora = write_lora(tmp_path / "poet.gguf", n_layers=8)
    service.client.load(tiny, adapters=[{"path": str(lora), "scale": 1.0}])

    def answer(**chosen: Any) -> str:
        reply = client.chat.completions.create(
            model=tiny, messages=HELLO, max_tokens=16, temperature=0, extra_body=chosen
        )
        return reply.choices[0].message.content or ""

    without, strong = answer(lora=[]), answer(lora=[{"name": "poet", "scale": 1.0}])
    assert answer(lora=[{"id": 0, "scale": 0}]) == without != strong == answer()
    assert client.models.retrieve(tiny).model_dump()["lora"] == ["poet"]
    with pytest.raises(openai.BadRequestError):
        answer(lora=[{"id": 1, "scale": 1}])
