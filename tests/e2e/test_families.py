"""Checkpoints of several families, made by transformers, converted with the real toolkit and asked
through the service: they answer as transformers does.

It gets about 300 MB the first time; uv keeps them for the next.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openai
import pytest

from desktop.core.engine.runtime import environment_folder
from desktop.core.engine.server import free_port
from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken
from desktop.core.jobs.handlers.toolkit import root_of
from desktop.core.paths import demo_model
from quantize import tool, toolkit
from tests.helpers.service import RunningService, running_service
from tests.helpers.tensor_data import contents

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

Json = dict[str, Any]
DATA = Path(__file__).resolve().parents[1] / "data" / "convert"
GUIDE = demo_model().parent
QUESTION, COUNT = "What is Q4_K_M?", 12
ASKED = f"<s><|user|>{QUESTION}<|assistant|>"  # as the bundled model's chat template has it
TEXTS = [
    "Where is the quarterly report?",
    "The report is due on Friday; café prices rise.",
    "東京は日本の首都です。",
    "こんにちは、世界",
    "for i in range(10): print(i)",
]
# A red and a blue square of 56 pixels.
PICTURE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAHAAAAA4CAIAAACqiesdAAAAcElEQVR42u3QAQkAAAzDsPk3vevYCVRASZpMNLLZAAUK"
    "FChQoECBAgUKFChQoECBAgUKFChQoECBAgUKFChQoECBAgUKFChQoECBAgUKFChQoECBAgUKFChQoECBAgUKFChQoECB"
    "AgUKFChQoEC/gh7zrWjpUkNZFwAAAABJRU5ErkJggg=="
)


@dataclass(frozen=True)
class Lab:
    """A service with the toolkit, and transformers beside it."""

    service: RunningService
    client: openai.OpenAI
    python: Path
    folder: Path

    def job(self, kind: str, **params: Any) -> Json:
        number = self.service.client.submit(kind, params)["id"]
        done = self.service.client.follow_job(number, lambda event: None)
        return dict(done["result"])

    def make(self, family: str, *more: Path, name: str = "") -> Path:
        place = self.folder / (name or family)
        tool.run([self.python, "-I", DATA / "make_checkpoint.py", family, place, *more],
                 CancelToken())  # fmt: skip
        return place

    def transformers(self, *words: str | Path) -> Any:
        lines = tool.run([self.python, "-I", DATA / "answer.py", *words], CancelToken())
        return json.loads(next(line for line in reversed(lines) if line[:1] in "{["))

    def tokens(self, model: Path) -> list[int]:
        """What the engine cuts the question into."""
        folder = environment_folder()
        assert folder is not None
        command = [folder / "bin" / "llama-tokenize", "-m", model, "--ids", "--no-bos"]
        lines = tool.run([*command, "-p", ASKED], CancelToken())
        return list(json.loads(next(line for line in reversed(lines) if line.startswith("["))))

    def going_on(self, model: Path, folder: Path, *adapter: str | Path) -> Json:
        """What transformers answers to the question, as the engine cuts it up."""
        given = json.dumps(self.tokens(model))
        return dict(self.transformers("go-on", folder, given, str(COUNT), *adapter))

    def converted(self, folder: Path, name: str, **more: Any) -> Path:
        target = self.folder / f"{name}.gguf"
        self.job("convert", path=str(folder), output=str(target), **more)
        return target

    def added(self, path: Path) -> Json:
        """The library's entry of a file."""
        self.service.client.add_models(str(path))
        entry = next(m for m in self.service.client.models() if m["path"] == str(path))
        assert not entry["broken"], entry
        return dict(entry)

    def answers_as(self, wanted: Json, model: str) -> None:
        """The same words, each as sure as transformers is of it."""
        reply = self.client.chat.completions.create(
            model=model, messages=[{"role": "user", "content": QUESTION}], temperature=0,
            max_tokens=COUNT, logprobs=True, top_logprobs=1,
        )  # fmt: skip
        choice = reply.choices[0]
        assert choice.message.content == wanted["text"]
        assert choice.logprobs is not None and choice.logprobs.content is not None
        found = [each.logprob for each in choice.logprobs.content]
        assert len(wanted["logprobs"]) >= 5
        for one, other in zip(found, wanted["logprobs"], strict=False):
            assert one == pytest.approx(other, abs=0.03), (found, wanted["logprobs"])


def cosine(one: list[float], other: list[float]) -> float:
    product = sum(a * b for a, b in zip(one, other, strict=True))
    return product / math.hypot(*one) / math.hypot(*other)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp("families")
    with running_service(tmp_path_factory.mktemp("home")) as service:
        number = service.client.submit("toolkit", {})["id"]
        service.client.follow_job(number, lambda event: None)
        found = toolkit.find(root_of(service.paths))
        assert found is not None
        service.client.public_on(port=free_port())
        url = service.client.state()["public"]["url"]
        with openai.OpenAI(base_url=f"{url}/v1", api_key="x", max_retries=0) as client:
            yield Lab(service, client, toolkit.python_of(found.folder), folder)


@pytest.fixture(scope="module")
def guide(lab: Lab) -> Path:
    """The bundled checkpoint's file: made once, since the library shows the same content once."""
    return lab.converted(GUIDE, "llama-f16", type="f16")


@pytest.mark.parametrize(
    ("family", "architecture"),
    [
        ("llama", "llama"),
        ("qwen2", "qwen2"),
        ("qwen3", "qwen3"),
        ("gemma3_text", "gemma3"),
        ("mistral", "llama"),
    ],
)
def test_a_family_answers_as_transformers_does(
    lab: Lab, guide: Path, family: str, architecture: str
) -> None:
    folder, made = GUIDE, guide
    if family != "llama":
        folder = lab.make(family, GUIDE)
        made = lab.converted(folder, f"{family}-f16", type="f16")
    entry = lab.added(made)
    assert entry["architecture"] == architecture and entry["quant_type"] == "F16"
    if family == "llama":
        assert lab.tokens(made) == lab.transformers("tokens", folder, QUESTION)
    lab.answers_as(lab.going_on(made, folder), entry["id"])


def test_tensors_that_the_type_cannot_hold_are_named(lab: Lab) -> None:
    folder = lab.make("qwen3", GUIDE, name="uneven")
    target = str(lab.folder / "uneven.gguf")
    made = lab.job("convert", path=str(folder), output=target, type="q8_0")
    assert made["fallbacks"] == [f"blk.{layer}.ffn_down.weight" for layer in range(3)]
    kinds = {name: kind for name, (kind, _, _) in contents([Path(target)]).items()}
    assert kinds["blk.0.ffn_down.weight"] == "F16" and kinds["blk.0.ffn_up.weight"] == "Q8_0"


def test_an_embedding_model_gives_the_vectors_that_transformers_gives(lab: Lab) -> None:
    folder = lab.make("bert")
    entry = lab.added(lab.converted(folder, "bert-f16", type="f16"))
    assert entry["architecture"] == "bert" and entry["embedding"]
    reply = lab.client.embeddings.create(model=entry["id"], input=TEXTS, encoding_format="float")
    wanted = lab.transformers("embed", folder, *TEXTS)
    for text, row, vector in zip(TEXTS, reply.data, wanted, strict=True):
        assert cosine(row.embedding, vector) > 0.999, text
    # Not because all vectors are alike.
    assert all(cosine(wanted[0], other) < 0.99 for other in wanted[1:])


def test_an_adapter_works_beside_its_model_and_in_it(lab: Lab, guide: Path) -> None:
    adapter = lab.make("lora", GUIDE)
    model = lab.added(guide)
    file = lab.converted(adapter, "adapter", base=str(GUIDE))
    wanted = lab.going_on(guide, GUIDE, adapter, "0.7")
    assert wanted["text"] != lab.going_on(guide, GUIDE)["text"], "it changes the answer"

    adapters = [{"path": str(file), "scale": 0.7}]
    lab.service.client.load(model["id"], adapters=adapters)
    lab.answers_as(wanted, model["id"])
    lab.service.client.unload(model["id"])

    target = lab.folder / "merged-f16.gguf"
    lab.job("merge", path=model["path"], adapters=adapters, output=str(target))
    lab.answers_as(wanted, lab.added(target)["id"])

    # In parts it answers so, too.
    lab.job("split", path=str(target), folder=str(lab.folder / "parts"), max_bytes=3_000_000)
    first = sorted((lab.folder / "parts").glob("*.gguf"))[0]
    lab.answers_as(wanted, lab.added(first)["id"])


def test_a_model_that_sees(lab: Lab) -> None:
    folder = lab.make("qwen2_vl", GUIDE)
    model = lab.converted(folder, "seeing-f16", type="f16")
    eyes = lab.converted(folder, "mmproj-seeing-f16", type="f16", projector=True)
    entry = lab.added(model)
    assert entry["architecture"] == "qwen2vl"
    lab.service.client.load(entry["id"], mmproj=str(eyes), context_tokens=1024, slots=1)
    picture = "data:image/png;base64," + base64.b64encode(PICTURE).decode()
    words = [
        {"type": "text", "text": "What is it?"},
        {"type": "image_url", "image_url": {"url": picture}},
    ]
    reply = lab.client.chat.completions.create(
        model=entry["id"], max_tokens=4, temperature=0,
        messages=[{"role": "user", "content": words}],  # type: ignore[typeddict-item, misc]
    )  # fmt: skip
    assert reply.usage is not None and reply.usage.completion_tokens > 0
    plain = lab.client.chat.completions.create(
        model=entry["id"], max_tokens=4, messages=[{"role": "user", "content": "What is it?"}]
    )
    assert plain.usage is not None
    assert reply.usage.prompt_tokens > plain.usage.prompt_tokens + 4, "the picture was read"


def test_what_the_converter_does_not_know_is_named(lab: Lab) -> None:
    # A tokenizer that cuts the converter's text up as no other does.
    folder = lab.make("bert", name="odd")
    words = json.loads((folder / "tokenizer.json").read_text("utf-8"))
    words["model"]["vocab"]["report"], words["model"]["vocab"]["3"] = (
        words["model"]["vocab"]["3"], words["model"]["vocab"]["report"],
    )  # fmt: skip
    (folder / "tokenizer.json").write_text(json.dumps(words), "utf-8")
    with pytest.raises(AppError) as caught:
        lab.converted(folder, "odd")
    assert caught.value.code is ErrorCode.TOKENIZER_UNKNOWN
    assert caught.value.params["tokenizer"] == "BertTokenizer"
    assert len(str(caught.value.params["hash"])) == 64

    config = json.loads((folder / "config.json").read_text("utf-8"))
    (folder / "config.json").write_text(json.dumps({**config, "architectures": ["NewModel"]}))
    with pytest.raises(AppError) as caught:
        lab.converted(folder, "odd")
    assert caught.value.code is ErrorCode.ARCHITECTURE_UNSUPPORTED
    assert caught.value.params["architecture"] == "NewModel"
    assert not (lab.folder / "odd.gguf").exists()
