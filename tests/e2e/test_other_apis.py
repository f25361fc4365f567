"""Anthropic's and Ollama's own clients against the real service and engine."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anthropic
import ollama
import pytest

from desktop.core.engine.server import free_port
from desktop.core.errors import AppError, ErrorCode
from tests.helpers.bert_file import DIMENSION, write_tiny_bert
from tests.helpers.service import RunningService, wait_for

HELLO: Any = [{"role": "user", "content": "hello"}]
GREEDY = {"temperature": 0, "seed": 1}


@pytest.fixture(scope="module")
def claude(public_url: str) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=public_url, api_key="unused", max_retries=0) as client:
        yield client


@pytest.fixture(scope="module")
def llama(public_url: str) -> Iterator[ollama.Client]:
    with ollama.Client(host=public_url) as client:
        yield client


# --- Anthropic's


def test_messages_plain_and_streamed_agree(claude: anthropic.Anthropic, tiny: str) -> None:
    asked: Any = {"model": tiny, "max_tokens": 12, "messages": HELLO, "extra_body": GREEDY}
    plain = claude.messages.create(**asked)
    with claude.messages.stream(**asked) as stream:
        streamed = stream.get_final_message()
    assert [block.to_dict() for block in streamed.content] == [
        block.to_dict() for block in plain.content
    ]
    assert (plain.stop_reason, streamed.stop_reason) == ("max_tokens", "max_tokens")
    assert plain.usage.output_tokens == streamed.usage.output_tokens == 12
    read = [
        each.usage.input_tokens + (each.usage.cache_read_input_tokens or 0)
        for each in (plain, streamed)
    ]
    counted = claude.messages.count_tokens(model=tiny, messages=HELLO)
    assert read == [counted.input_tokens] * 2
    assert streamed.usage.cache_read_input_tokens, "the second time most of it was there"


def test_a_stop_sequence_is_named(claude: anthropic.Anthropic, tiny: str) -> None:
    asked: Any = {"model": tiny, "max_tokens": 12, "messages": HELLO, "extra_body": GREEDY}
    [block] = claude.messages.create(**asked).content
    assert block.type == "text"
    middle = block.text[len(block.text) // 2 :][:2]
    stopped = claude.messages.create(**asked, stop_sequences=["never said", middle])
    assert (stopped.stop_reason, stopped.stop_sequence) == ("stop_sequence", middle)


def test_anthropics_list_and_errors(
    claude: anthropic.Anthropic, service: RunningService, tiny: str
) -> None:
    assert tiny in [each.id for each in claude.models.list()]
    with pytest.raises(anthropic.NotFoundError):
        claude.messages.create(model="claude-here", max_tokens=3, messages=HELLO)
    service.client.change_settings({"server.model_map": {"claude-*": tiny}})
    reply = claude.messages.create(model="claude-here[1m]", max_tokens=3, messages=HELLO)
    assert reply.usage.output_tokens == 3
    service.client.change_settings({"server.model_map": None})
    with pytest.raises(anthropic.BadRequestError, match="prompt is too long: "):
        claude.messages.create(
            model=tiny, max_tokens=3, messages=[{"role": "user", "content": "hello " * 5000}]
        )


# --- Ollama's


def test_ollamas_answers(llama: ollama.Client, tiny: str) -> None:
    assert tiny in [each.model for each in llama.list().models]
    options = {**GREEDY, "num_predict": 8}
    plain = llama.chat(tiny, HELLO, options=options)
    pieces = list(llama.chat(tiny, HELLO, options=options, stream=True))
    assert "".join(each.message.content or "" for each in pieces) == plain.message.content
    assert (plain.eval_count, plain.done_reason, pieces[-1].done_reason) == (8, "length", "length")
    assert plain.eval_duration and plain.prompt_eval_duration
    text = llama.generate(tiny, "hello", raw=True, options=options)
    assert text.eval_count == 8 and text.response
    shown = llama.show(tiny)
    assert shown.modelinfo and shown.modelinfo["general.architecture"] == "llama"
    with pytest.raises(ollama.ResponseError, match="not found, try pulling it first"):
        llama.chat("nobody", HELLO)
    with pytest.raises(ollama.ResponseError, match=r"server\.manage_models"):
        llama.delete(tiny)


def test_ollamas_clients_load_and_unload(
    llama: ollama.Client, service: RunningService, tiny: str
) -> None:
    llama.generate(tiny, options={"num_ctx": 512})
    [there] = llama.ps().models
    context = there.context_length or 0
    assert there.model == tiny and context >= 512, "never less than it would have"
    assert there.size and there.size > 1 << 20
    assert llama.generate(tiny, keep_alive=0).done_reason == "unload"
    wait_for(lambda: not llama.ps().models, "the model leaves")
    wait_for(lambda: not service.engines(), "its engine ends")


def test_ollamas_vectors(llama: ollama.Client, service: RunningService, tmp_path: Path) -> None:
    service.client.add_models(str(write_tiny_bert(tmp_path / "vectors.gguf")))
    one, other = llama.embed("tiny-bert", ["hello", "a b c"]).embeddings
    assert len(one) == len(other) == DIMENSION and one != other
    assert sum(value * value for value in one) == pytest.approx(1.0, abs=1e-3)
    long = "a b c d e f g h i j " * 60
    cut = llama.embed("tiny-bert", long)
    assert sum(value * value for value in cut.embeddings[0]) == pytest.approx(1.0, abs=1e-3)
    assert cut.prompt_eval_count == 128, "as much as the model reads"
    with pytest.raises(ollama.ResponseError) as raised:
        llama.embed("tiny-bert", long, truncate=False)
    assert raised.value.status_code == 400
    raw = llama.embeddings("tiny-bert", "hello").embedding
    length = sum(value * value for value in raw) ** 0.5
    assert [value / length for value in raw] == pytest.approx(list(one), abs=1e-3)
    llama.embed("tiny-bert", [], keep_alive=0)


def test_ollamas_own_port(service: RunningService, public_url: str) -> None:
    port, main = free_port(), int(public_url.rpartition(":")[2])
    service.client.change_settings({"server.ollama_port": port})
    public = service.client.public_on(port=main, ollama=True)
    assert public["url"] == public_url, "the server itself stays where it is"
    assert public["ollama_url"] == f"http://127.0.0.1:{port}"
    with urllib.request.urlopen(public["ollama_url"], timeout=10) as answer:
        assert answer.read() == b"Ollama is running"
    with ollama.Client(host=public["ollama_url"]) as client:
        assert client.list().models
    service.client.change_settings({"server.ollama_port": main})
    with pytest.raises(AppError) as raised:
        service.client.public_on(port=main, ollama=True)
    assert raised.value.code is ErrorCode.OLLAMA_PORT_TAKEN
    assert service.client.state()["public"] == public, "what was on stays on"
    public = service.client.public_on(port=main, ollama=False)
    assert (public["url"], public["ollama_url"]) == (public_url, None)
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(f"http://127.0.0.1:{port}", timeout=10)
