"""OpenAI's routes beyond chat over the real engine, through OpenAI's own client."""

from __future__ import annotations

import asyncio
import io
import json
import math
import struct
import wave
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import openai
import pytest

from tests.helpers.bert_file import write_tiny_bert
from tests.helpers.ears_file import write_ears
from tests.helpers.gguf_files import write_tiny_llama
from tests.helpers.service import RunningService
from tests.unit.service.openai.fuzzing import fuzz


@pytest.fixture(scope="module")
def demo(service: RunningService) -> str:
    """The bundled model's id."""
    return next(str(m["id"]) for m in service.client.models() if m["bundled"])


@pytest.fixture(scope="module")
def ranker(service: RunningService, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A tiny reranker with random weights."""
    path = write_tiny_bert(tmp_path_factory.mktemp("rank") / "tiny-ranker-f32.gguf", ranks=True)
    service.client.add_models(str(path))
    return next(str(m["id"]) for m in service.client.models() if m["path"] == str(path))


def post(url: str, path: str, body: dict[str, Any]) -> tuple[int, Any]:
    async def ask() -> tuple[int, Any]:
        async with (
            aiohttp.ClientSession() as session,
            session.post(url + path, json=body) as reply,
        ):
            return reply.status, await reply.json()

    return asyncio.run(ask())


def test_a_conversation_of_responses(public_url: str, demo: str) -> None:
    with openai.OpenAI(base_url=f"{public_url}/v1", api_key="x", max_retries=0) as client:
        first = client.responses.create(model=demo, input="What is Paddock?")
        assert first.status == "completed" and first.output_text and first.usage is not None
        asked = client.responses.input_tokens.count(model=demo, input="What is Paddock?")
        assert asked.input_tokens == first.usage.input_tokens
        with client.responses.stream(
            model=demo, input="And who are you?", previous_response_id=first.id
        ) as stream:
            text = "".join(e.delta for e in stream if e.type == "response.output_text.delta")
            second = stream.get_final_response()
        assert second.output_text == text and second.usage is not None
        assert second.usage.input_tokens > first.usage.input_tokens
        items = client.responses.input_items.list(second.id, order="asc")
        assert [item.type for item in items.data] == ["message"] * 3
        short = client.responses.create(model=demo, input="Hello", max_output_tokens=1)
        assert short.status == "incomplete"
        with pytest.raises(openai.BadRequestError) as caught:
            client.responses.create(model=demo, input="long " * 20_000)
        assert caught.value.code == "context_length_exceeded"


def test_tokens(public_url: str, demo: str) -> None:
    text = "Hello, how are you?"
    status, cut = post(public_url, "/tokenize", {"model": demo, "content": text})
    assert status == 200 and cut["count"] == len(cut["tokens"]) > 2
    status, back = post(public_url, "/detokenize", {"model": demo, "tokens": cut["tokens"]})
    assert (status, back["content"].strip()) == (200, text)
    pieces = {"model": demo, "content": text, "with_pieces": True}
    assert "".join(each["piece"] for each in post(public_url, "/tokenize", pieces)[1]["tokens"])
    asked = {"model": demo, "messages": [{"role": "user", "content": text}]}
    status, template = post(public_url, "/apply-template", asked)
    assert status == 200 and text in template["prompt"]
    path = "/v1/chat/completions/input_tokens"
    status, counted = post(public_url, path, asked)
    assert status == 200 and counted["input_tokens"] > cut["count"]


def test_ranking(public_url: str, ranker: str) -> None:
    documents = ["hello a", "b c d", "hello"]
    body = {"model": ranker, "query": "hello", "documents": documents}
    status, ranked = post(public_url, "/v1/rerank", {**body, "return_documents": True})
    assert status == 200, ranked
    scores = [each["relevance_score"] for each in ranked["results"]]
    assert scores == sorted(scores, reverse=True) and all(map(math.isfinite, scores))
    assert [each["document"]["text"] for each in ranked["results"]] == [
        documents[each["index"]] for each in ranked["results"]
    ]
    assert ranked["usage"]["total_tokens"] > 0
    assert len(post(public_url, "/rerank", {**body, "top_n": 1})[1]["results"]) == 1
    status, body = post(public_url, "/v1/embeddings", {"model": ranker, "input": "hello"})
    assert status == 400, "a reranker makes no vectors"


def test_a_document_that_is_too_long_is_the_clients_fault(public_url: str, ranker: str) -> None:
    body = {"model": ranker, "query": "hello", "documents": ["a " * 3000]}
    status, reply = post(public_url, "/v1/rerank", body)
    error = reply["error"]
    assert (status, error["code"], error["param"]) == (400, "context_length_exceeded", "documents")
    assert error["n_prompt_tokens"] > error["n_ctx"] == 512


@pytest.fixture(scope="module")
def ears(service: RunningService, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A tiny model that hears, with random weights."""
    folder = tmp_path_factory.mktemp("ears")
    write_ears(folder / "mmproj-hearing.gguf")
    path = write_tiny_llama(folder / "hearing-f16.gguf", name="Hearing", context=512, seed=9)
    service.client.add_models(str(folder))
    return next(str(m["id"]) for m in service.client.models() if m["path"] == str(path))


def sound(seconds: float = 1.0) -> bytes:
    made = io.BytesIO()
    with wave.open(made, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        waves = (int(8000 * math.sin(i / 8)) for i in range(int(16_000 * seconds)))
        file.writeframes(b"".join(struct.pack("<h", each) for each in waves))
    return made.getvalue()


def test_speech_to_text(public_url: str, ears: str, demo: str) -> None:
    with openai.OpenAI(base_url=f"{public_url}/v1", api_key="x", max_retries=0) as client:
        # A model of random weights would say one thing for ever without chance in it.
        create: Any = partial(client.audio.transcriptions.create, temperature=1.0)
        heard = create(model=ears, file=("a.wav", sound()))
        assert heard.usage is not None and heard.usage.type == "tokens"
        assert heard.usage.output_tokens > 0
        assert heard.usage.input_tokens > 150, "a sound is many tokens"
        events = list(create(model=ears, file=("a.wav", sound()), stream=True))
        assert events[-1].type == "transcript.text.done"
        assert "".join(each.delta for each in events[:-1]) == events[-1].text
        card: Any = client.models.retrieve(ears)
        assert card.capabilities["audio"] is True and card.input_modalities == ["text", "audio"]
        for model, file, code in (
            (demo, sound(), "model_not_hearing"),
            (ears, b"RIFF\x08\0\0\0WAVE" + bytes(50), None),
        ):
            with pytest.raises(openai.BadRequestError) as caught:
                create(model=model, file=("a.wav", file))
            assert caught.value.code == code


def test_the_page_and_the_document(public_url: str, demo: str) -> None:
    async def read(path: str, **headers: str) -> tuple[int, str]:
        async with (
            aiohttp.ClientSession() as session,
            session.get(public_url + path, headers=headers) as reply,
        ):
            return reply.status, await reply.text()

    status, page = asyncio.run(read("/"))
    assert status == 200 and demo in page and f"{public_url}/v1" in page
    assert '<html lang="ja">' in asyncio.run(read("/", **{"Accept-Language": "ja"}))[1]
    status, document = asyncio.run(read("/openapi.json"))
    assert status == 200 and json.loads(document)["servers"] == [{"url": public_url}]
    assert asyncio.run(read("/", Host="evil.example"))[0] == 403


@pytest.fixture
def models(demo: str, ranker: str, ears: str) -> list[str]:
    return [demo, ranker, ears]


@pytest.mark.slow
def test_requests_made_of_the_document(
    service: RunningService, public_url: str, models: list[str], tmp_path: Path
) -> None:
    found = asyncio.run(fuzz(public_url, tmp_path, models, examples=8, phases="coverage,fuzzing"))
    assert found.good, found.words
    assert found.generated > 1000
    assert service.process.poll() is None
