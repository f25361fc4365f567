"""The official `openai` client against the real service and engine."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import openai
import pytest

from tests.helpers.service import RunningService, wait_for

HELLO = [{"role": "user", "content": "hello"}]


@pytest.fixture(scope="module")
def client(public_url: str) -> Iterator[openai.OpenAI]:
    url = f"{public_url}/v1"
    with openai.OpenAI(base_url=url, api_key="unused", max_retries=0) as client:
        yield client


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
