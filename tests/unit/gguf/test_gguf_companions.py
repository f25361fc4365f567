"""Adapters, draft models and projectors: which go with a model, told by the headers alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop.core.errors import AppError, ErrorCode
from desktop.core.gguf.reader import HeaderReader
from tests.helpers.gguf_files import (
    STR,
    U32,
    Gguf,
    TensorSpec,
    spm_vocab,
    tiny_llama,
    write_adapter,
    write_lora,
    write_projector,
    write_split_llama,
    write_tiny_llama,
    write_vocab_only,
)


@pytest.fixture
def reader() -> Iterator[HeaderReader]:
    with HeaderReader(None) as made:
        yield made


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_llama(tmp_path_factory.mktemp("model") / "model.gguf")


def test_an_adapter_of_the_model_goes_with_it(
    reader: HeaderReader, model: Path, tmp_path: Path
) -> None:
    assert reader.problem_with("adapter", [model], write_lora(tmp_path / "lora.gguf")) is None


def test_all_parts_of_a_split_model_count(reader: HeaderReader, tmp_path: Path) -> None:
    parts = write_split_llama(tmp_path, "split")
    lora = write_lora(tmp_path / "lora.gguf")
    assert reader.problem_with("adapter", parts, lora) is None
    found = reader.problem_with("adapter", parts[:1], lora)
    assert found is not None and "has no tensor “blk.1.attn_q.weight”" in found


def test_an_embedding_is_adapted_the_other_way_round(
    reader: HeaderReader, model: Path, tmp_path: Path
) -> None:
    def adapter(rows: int) -> Path:
        made = Gguf().set("general.architecture", STR, "llama")
        made.set("general.type", STR, "adapter").set("adapter.type", STR, "lora")
        for half, dims in (("a", (4, rows)), ("b", (4, 256))):
            made.tensors.append(TensorSpec(f"token_embd.weight.lora_{half}", dims))
        return made.write(tmp_path / f"embedding-{rows}.gguf")

    rows = len(spm_vocab())
    assert reader.problem_with("adapter", [model], adapter(rows)) is None
    assert "another shape" in (reader.problem_with("adapter", [model], adapter(rows - 1)) or "")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"hidden": 128}, "has another shape than the model's"),
        ({"n_layers": 3}, "The model has no tensor “blk.2.attn_q.weight”"),
        ({"architecture": "qwen3"}, "made for the architecture qwen3; the model is llama"),
    ],
)
def test_an_adapter_of_another_model_does_not(
    reader: HeaderReader, model: Path, tmp_path: Path, options: dict[str, int], said: str
) -> None:
    found = reader.problem_with("adapter", [model], write_lora(tmp_path / "lora.gguf", **options))
    assert found is not None and said in found


def test_what_is_no_adapter_is_called_by_its_name(
    reader: HeaderReader, model: Path, tmp_path: Path
) -> None:
    half = write_adapter(tmp_path / "half.gguf")
    projector = write_projector(tmp_path / "projector.gguf")
    said = [reader.problem_with("adapter", [model], path) for path in (model, projector, half)]
    assert said == [
        "It is no LoRA adapter but a model (llama).",
        "It is no LoRA adapter but a projector.",
        "Of its tensor “blk.0.attn_q.weight” one half is missing.",
    ]


def test_a_draft_shares_the_vocabulary_but_for_its_first_tokens(
    reader: HeaderReader, model: Path, tmp_path: Path
) -> None:
    def draft(place: int) -> Path:
        vocab = list(spm_vocab())
        vocab[place] = ("▁other", *vocab[place][1:])
        return write_tiny_llama(tmp_path / f"{place}.gguf", n_layers=1, vocab=vocab)

    assert reader.problem_with("draft", [model], draft(4)) is None  # the engine compares from 5 on
    assert reader.problem_with("draft", [model], draft(5)) == (
        "Its vocabulary is another one: token 5 differs from the model's."
    )


def test_a_draft_may_have_a_few_tokens_more(
    reader: HeaderReader, model: Path, tmp_path: Path
) -> None:
    def draft(more: int) -> Path:
        words = [f"▁more{number}" for number in range(more)]
        vocab = [*spm_vocab(), *((word, -1.0, 1) for word in words)]
        return write_tiny_llama(tmp_path / f"{more}.gguf", n_layers=1, vocab=vocab)

    assert reader.problem_with("draft", [model], draft(128)) is None
    assert "429 tokens; the model's: 300" in (
        reader.problem_with("draft", [model], draft(129)) or ""
    )


def test_a_draft_with_another_kind_or_other_ends_is_refused(
    reader: HeaderReader, model: Path, tmp_path: Path
) -> None:
    other = tiny_llama(n_layers=1).set("tokenizer.ggml.model", STR, "gpt2")
    ends = tiny_llama(n_layers=1).set("tokenizer.ggml.eos_token_id", U32, 7)
    said = [
        reader.problem_with("draft", [model], made.write(tmp_path / f"{number}.gguf"))
        for number, made in enumerate((other, ends))
    ]
    assert said == [
        "Its vocabulary is of another kind (byte pairs; the model's: SentencePiece).",
        "Its EOS token is another one (7; the model's: 2).",
    ]
    lora = write_lora(tmp_path / "lora.gguf")
    assert reader.problem_with("draft", [model], lora) == (
        "It is no model that can propose tokens but an adapter."
    )


def test_a_file_of_words_alone_proposes_nothing(
    reader: HeaderReader, model: Path, tmp_path: Path
) -> None:
    words = write_vocab_only(tmp_path / "words.gguf")
    assert "holds a vocabulary and no weights" in (
        reader.problem_with("draft", [model], words) or ""
    )


def test_a_projector_makes_vectors_as_wide_as_the_model(
    reader: HeaderReader, model: Path, tmp_path: Path
) -> None:
    right = write_projector(tmp_path / "right.gguf", projection_dim=256)
    wrong = write_projector(tmp_path / "wrong.gguf", projection_dim=512)
    assert reader.problem_with("projector", [model], right) is None
    assert reader.problem_with("projector", [model], wrong) == (
        "It makes vectors of 512 numbers; the model takes 256: it is another's."
    )
    assert reader.problem_with("projector", [model], model) == (
        "It is no projector but a model (llama)."
    )


def test_files_that_cannot_be_read_are_errors(
    reader: HeaderReader, model: Path, tmp_path: Path
) -> None:
    with pytest.raises(AppError) as caught:
        reader.problem_with("adapter", [model], tmp_path / "nothing.gguf")
    assert caught.value.code is ErrorCode.PATH_NOT_FOUND
    text = tmp_path / "text.gguf"
    text.write_text("hello")
    with pytest.raises(AppError) as caught:
        reader.problem_with("projector", [model], text)
    assert caught.value.code is ErrorCode.GGUF_NOT_GGUF
