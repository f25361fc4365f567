"""What is made of a header: names of quant types checked against the engine's own tool."""

from __future__ import annotations

import json
import subprocess
import sysconfig
from pathlib import Path

import pytest

from desktop.core.gguf.header import parse_header
from desktop.core.gguf.local import read_header
from desktop.core.gguf.quant import quant_name
from desktop.core.gguf.summary import ModelSummary, merge, summarize
from tests.helpers.gguf_files import (
    ARR,
    I32,
    STR,
    U32,
    Gguf,
    TensorSpec,
    tiny_llama,
    write_adapter,
    write_projector,
    write_split_llama,
    write_tiny_llama,
    write_vocab_only,
)


def summary_of(made: Gguf) -> ModelSummary:
    raw = made.to_bytes()
    return summarize(parse_header(raw, len(raw)))


def engine_tool(name: str) -> Path:
    return Path(sysconfig.get_path("purelib")) / "bin" / name


def test_a_llama_in_plain_fields() -> None:
    made = tiny_llama(n_layers=3, context=4096, size_label="1.3M")
    made.set("general.license", STR, "mit").set("general.languages", ARR, (STR, ["en", "ja"]))
    summary = summary_of(made)
    assert summary.architecture == "llama"
    assert (summary.name, summary.size_label, summary.license) == ("Tiny Llama", "1.3M", "mit")
    assert (summary.n_layers, summary.n_heads, summary.n_kv_heads) == (3, 4, 2)
    assert (summary.head_dim_k, summary.head_dim_v, summary.embedding_length) == (64, 64, 256)
    assert (summary.context_tokens, summary.vocab_size) == (4096, 300)
    assert (summary.tokenizer, summary.tokenizer_pre) == ("llama", "default")
    assert summary.chat_template and not summary.is_embedding
    assert summary.languages == ("en", "ja")
    assert summary.quant_type == "F16"
    assert summary.parameters == sum(
        spec.dims[0] * (spec.dims[1] if len(spec.dims) > 1 else 1) for spec in made.tensors
    )
    assert summary.tensor_bytes == sum(spec.size for spec in made.tensors)
    assert summary.bits_per_weight == pytest.approx(16, abs=0.1)
    assert ModelSummary.from_dict(json.loads(json.dumps(summary.to_dict()))) == summary


def test_values_per_layer_give_the_largest() -> None:
    made = tiny_llama().set("llama.attention.head_count_kv", ARR, (I32, [0, 8, 2]))
    made.set("llama.attention.key_length", U32, 128).set("llama.expert_count", U32, 8)
    summary = summary_of(made)
    assert (summary.n_kv_heads, summary.head_dim_k, summary.head_dim_v) == (8, 128, 64)
    assert summary.n_experts == 8


def test_values_of_the_wrong_kind_are_nothing() -> None:
    made = tiny_llama().set("llama.context_length", STR, "many")
    made.set("llama.attention.head_count", I32, -4).set("general.name", U32, 5)
    made.set("llama.block_count", ARR, (STR, ["x"]))
    summary = summary_of(made)
    assert (summary.context_tokens, summary.n_heads, summary.n_layers) == (None, None, None)
    assert summary.name is None


def test_texts_are_cut_and_cleaned() -> None:
    summary = summary_of(tiny_llama(name="Evil\x1b[31m\n\u202eemaN\0 " + "x" * 10_000))
    assert summary.name is not None and len(summary.name) == 160
    assert summary.name.startswith("Evil [31m emaN xxx")
    assert summary.name.isprintable()


@pytest.mark.parametrize(
    ("architecture", "pooling", "embedding"),
    [("bert", None, True), ("nomic-bert", 1, True), ("qwen3", 3, True), ("qwen3", 0, False)],
)
def test_embedding_models(architecture: str, pooling: int | None, embedding: bool) -> None:
    made = Gguf(tensors=[TensorSpec("token_embd.weight", (32, 4))])
    made.set("general.architecture", STR, architecture)
    if pooling is not None:
        made.set(f"{architecture}.pooling_type", U32, pooling)
    assert summary_of(made).is_embedding is embedding


def test_what_is_no_model_of_its_own(tmp_path: Path) -> None:
    projector = summarize(read_header(write_projector(tmp_path / "p.gguf", projection_dim=512)))
    assert projector.is_projector and projector.projection_dim == 512
    assert summarize(read_header(write_adapter(tmp_path / "a.gguf"))).is_adapter
    vocab = summarize(read_header(write_vocab_only(tmp_path / "v.gguf")))
    assert vocab.is_vocab_only and vocab.quant_type is None and vocab.bits_per_weight is None


def test_parts_make_the_whole(tmp_path: Path) -> None:
    paths = write_split_llama(tmp_path, "tiny", parts=3)
    whole = summarize(read_header(write_tiny_llama(tmp_path / "whole.gguf")))
    parts = [summarize(read_header(path)) for path in paths]
    assert parts[1].architecture is None and not parts[0].is_vocab_only
    merged = merge(parts)
    for name in ("parameters", "tensor_bytes", "quant_type", "bits_per_weight", "tensor_types"):
        assert getattr(merged, name) == getattr(whole, name), name
    assert merged.size_bytes == sum(path.stat().st_size for path in paths)


# needs no importance matrix, and is a type of its own on a small llama
_TYPES = (
    "F16 BF16 Q4_0 Q4_1 Q5_0 Q5_1 Q8_0 Q2_K Q3_K_S Q3_K_M Q3_K_L Q4_K_S Q4_K_M Q5_K_S Q5_K_M Q6_K "
    "IQ3_S IQ3_M IQ4_NL IQ4_XS TQ1_0 TQ2_0"
)


@pytest.fixture(scope="module")
def source_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("quant") / "source.gguf"
    return write_tiny_llama(path, n_layers=8, n_kv_heads=1, feed_forward=768, type_name="F32")


@pytest.mark.parametrize("wanted", _TYPES.split())
def test_the_engines_quantizations_are_named_right(
    wanted: str, source_model: Path, tmp_path: Path
) -> None:
    made = tmp_path / "made.gguf"
    command = [str(engine_tool("llama-quantize")), str(source_model), str(made), wanted, "2"]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    summary = summarize(read_header(made))
    assert summary.quant_type == wanted
    without_label = quant_name(summary.weight_types, summary.odd_weight_types, None)
    assert without_label == wanted
    wrong_label = 7 if wanted != "Q8_0" else 15
    assert quant_name(summary.weight_types, summary.odd_weight_types, wrong_label) == wanted


def test_rows_that_fit_no_block_keep_the_files_label() -> None:
    # Qwen2.5-0.5B, Q4_K_M: rows of 896 weights, so most matrices hold the replacement Q5_0
    odd, weights = {"Q5_0": 270, "Q8_0": 10}, {"Q4_K": 50, "Q6_K": 52}
    assert quant_name(weights, odd, 15) == "Q4_K_M"
    assert quant_name({}, {"Q5_0": 270}, 15) == "Q4_K_M"
    assert quant_name({}, {"Q5_0": 270}, 8) == "Q5_0"
    assert quant_name({}, {"Q8_0": 270}, 15) == "Q8_0"


def test_labels_the_types_deny_are_not_believed() -> None:
    assert quant_name({"Q8_0": 100}, {}, 15) == "Q8_0"
    assert quant_name({"Q4_K": 80, "Q6_K": 20}, {}, 14) == "Q4_K_M"
    assert quant_name({"Q4_K": 95, "Q5_K": 5}, {}, 15) == "Q4_K_S"
    assert quant_name({"MXFP4": 95, "Q8_0": 5}, {}, 38) == "MXFP4_MOE"
    assert quant_name({"MXFP4": 95, "BF16": 5}, {}, None) == "MXFP4"
    assert quant_name({"Q4_K": 80, "Q6_K": 20}, {}, 9999) == "Q4_K_M"
    assert quant_name({}, {}, 15) is None
