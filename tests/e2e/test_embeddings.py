"""An embedding model through the service: a tiny BERT with random weights."""

from __future__ import annotations

import math

import openai
import pytest

from tests.helpers.bert_file import DIMENSION, write_tiny_bert
from tests.helpers.service import RunningService


@pytest.fixture(scope="module")
def bert(service: RunningService, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = write_tiny_bert(tmp_path_factory.mktemp("bert") / "tiny-bert-f32.gguf")
    service.client.add_models(str(path))
    entry = next(m for m in service.client.models() if m["path"] == str(path))
    assert entry["embedding"] and not entry["broken"]
    return str(entry["id"])


def test_embeddings(public_url: str, bert: str) -> None:
    with openai.OpenAI(base_url=f"{public_url}/v1", api_key="x", max_retries=0) as client:
        texts = ["hello a b", "c d e f g h", "hello a b"]
        reply = client.embeddings.create(model=bert, input=texts, encoding_format="float")
        vectors = [item.embedding for item in reply.data]
        assert [len(vector) for vector in vectors] == [DIMENSION] * 3
        assert all(math.isclose(math.hypot(*vector), 1, abs_tol=1e-3) for vector in vectors)
        assert vectors[0] == pytest.approx(vectors[2], abs=1e-4) and vectors[0] != vectors[1]
        assert reply.usage.prompt_tokens > 0
        as_base64 = client.embeddings.create(model=bert, input=texts[0])
        assert as_base64.data[0].embedding == pytest.approx(vectors[0], abs=1e-4)


def test_an_embedding_model_does_not_chat(public_url: str, bert: str) -> None:
    messages = [{"role": "user", "content": "hello"}]
    with openai.OpenAI(base_url=f"{public_url}/v1", api_key="x", max_retries=0) as client:
        with pytest.raises(openai.BadRequestError) as caught:
            client.chat.completions.create(model=bert, messages=messages)  # type: ignore[arg-type]
        assert caught.value.code == "model_not_generative"
        with pytest.raises(openai.BadRequestError) as caught:
            client.embeddings.create(model=bert, input=["a"] * 2049)
        assert caught.value.code == "too_many"
