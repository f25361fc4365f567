"""A model's shape: from a header, from parts of one, and from a table's row."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from desktop.core.gguf.facts import ShapeFacts, Weights, facts_of, merge_facts
from desktop.core.gguf.from_dims import Dims, shape_from_dims
from desktop.core.gguf.header import parse_header
from desktop.core.gguf.reader import HeaderReader
from desktop.core.gguf.shape import ModelShape
from tests.helpers.gguf_files import (
    ARR,
    BOOL,
    STR,
    U32,
    Gguf,
    TensorSpec,
    tiny_llama,
    write_tiny_llama,
)


def facts(made: Gguf) -> ShapeFacts:
    data = made.to_bytes()
    return facts_of(parse_header(data, len(data)))


def shape(made: Gguf) -> ModelShape:
    found = ModelShape.of(facts(made))
    assert found is not None
    return found


def keyed(architecture: str, keys: dict[str, object]) -> ModelShape:
    """The shape of a header that has keys and no tensors."""
    made = Gguf().set("general.architecture", STR, architecture)
    for key, value in {"block_count": 8, "embedding_length": 64, **keys}.items():
        full = f"{architecture}.{key}"
        if isinstance(value, list):
            kind = BOOL if isinstance(value[0], bool) else U32
            made.set(full, ARR, (kind, value))
        else:
            made.set(full, U32, value)
    return shape(made)


HEADS = {"attention.head_count": 4, "attention.head_count_kv": 2}


def test_a_llama() -> None:
    made = tiny_llama(n_layers=3, hidden=256, feed_forward=512, n_heads=4, n_kv_heads=2)
    found = shape(made)
    assert found.architecture == "llama" and found.n_layers == 3 and found.exact
    layer = found.layers[1]
    assert (layer.attention, layer.recurrent, layer.own_cache) == ("full", False, True)
    assert (layer.n_heads, layer.n_kv_heads, layer.head_dim_k, layer.head_dim_v) == (4, 2, 64, 64)
    assert layer.kv_bytes_per_cell("f16", "q8_0") == 2 * 64 * (2 + 34 / 32)
    assert found.kv_bytes_per_token() == 3 * 2 * (64 + 64) * 2
    assert found.weights_bytes == sum(tensor.size for tensor in made.tensors)
    assert found.head == found.output and not found.tied
    count = sum(t.dims[0] * (t.dims[1] if len(t.dims) > 1 else 1) for t in made.tensors)
    embedding = made.tensors[0].dims[0] * made.tensors[0].dims[1]
    assert found.flops_per_token() == pytest.approx(2 * (count - embedding), rel=0.01)
    assert found.flops_per_token(100) - found.flops_per_token() == 3 * 2 * 100 * 4 * 128


def test_facts_survive_the_cache() -> None:
    kept = facts(tiny_llama())
    assert ShapeFacts.from_dict(json.loads(json.dumps(kept.to_dict()))) == kept
    for broken in ({}, {**kept.to_dict(), "layers": [[1]]}, {**kept.to_dict(), "keys": None}):
        with pytest.raises((TypeError, ValueError, KeyError, AttributeError)):
            ShapeFacts.from_dict(broken)


def test_a_split_model_is_one(tmp_path: Path) -> None:
    whole = tiny_llama(n_layers=5)
    parts = []
    for start in range(0, len(whole.tensors), 20):
        part = Gguf(pairs=whole.pairs if start == 0 else [])
        part.tensors = whole.tensors[start : start + 20]
        parts.append(facts(part))
    assert len(parts) == 3
    assert merge_facts(parts) == facts(whole)


def test_a_tied_output_and_experts() -> None:
    made = Gguf().set("general.architecture", STR, "qwen3moe")
    keys = {"block_count": 1, "embedding_length": 64, "expert_count": 8, "expert_used_count": 2}
    keys |= {"expert_feed_forward_length": 32, **HEADS}
    for key, value in keys.items():
        made.set(f"qwen3moe.{key}", U32, value)
    made.tensors = [
        TensorSpec("token_embd.weight", (64, 100), "F16"),
        TensorSpec("blk.0.attn_q.weight", (64, 64), "F16"),
        TensorSpec("blk.0.ffn_up_exps.weight", (64, 32, 8), "F16"),
        TensorSpec("blk.0.ffn_gate_inp.weight", (64, 8), "F32"),
    ]
    found = shape(made)
    assert found.tied and found.head.size_bytes == 64 * 100 * 2 and found.vocab_size == 100
    assert found.experts == Weights(64 * 32 * 8 * 2, 64 * 32 * 8)
    dense, experts = found.active(found.layers[0])
    assert dense == Weights(64 * 64 * 2 + 64 * 8 * 4, 64 * 64 + 64 * 8)
    assert experts == Weights(64 * 32 * 2 * 2, 64 * 32 * 2)


@pytest.mark.parametrize(
    ("architecture", "keys", "full"),
    [
        ("llama", {}, {0, 1, 2, 3, 4, 5, 6, 7}),
        ("gemma3", {"attention.sliding_window": 512}, {5}),
        ("gemma3", {}, {0, 1, 2, 3, 4, 5, 6, 7}),
        ("gemma2", {}, {1, 3, 5, 7}),
        ("gpt-oss", {"attention.sliding_window": 128}, {1, 3, 5, 7}),
        ("cohere2moe", {"attention.sliding_window": 128}, {0, 4}),
        (
            "gemma3",
            {"attention.sliding_window": 512, "attention.sliding_window_pattern": 2},
            {1, 3, 5, 7},
        ),
        (
            "gemma4",
            {
                "attention.sliding_window": 512,
                "attention.sliding_window_pattern": [True] * 6 + [False, True],
            },
            {6},
        ),
    ],
)
def test_which_layers_slide(architecture: str, keys: dict[str, object], full: set[int]) -> None:
    found = keyed(architecture, {**HEADS, **keys})
    assert {i for i, layer in enumerate(found.layers) if layer.attention == "full"} == full
    others = [layer for i, layer in enumerate(found.layers) if i not in full]
    assert all(layer.attention == "sliding" for layer in others)
    assert bool(found.window) == bool(others)


def test_hybrids() -> None:
    ssm = {"ssm.conv_kernel": 4, "ssm.inner_size": 128, "ssm.state_size": 16, "ssm.group_count": 1}
    found = keyed("qwen3next", {**HEADS, **ssm})
    assert [layer.recurrent for layer in found.layers] == [True, True, True, False] * 2
    assert [layer.attention for layer in found.layers] == ["none", "none", "none", "full"] * 2
    assert (found.state_r, found.state_s) == (3 * (128 + 2 * 16), 16 * 128)
    granite = keyed("granitehybrid", {**ssm, **HEADS, "attention.head_count_kv": [0, 2] * 4})
    assert [layer.own_cache for layer in granite.layers] == [False, True] * 4
    nemotron = keyed(
        "nemotron_h",
        {
            **ssm,
            **HEADS,
            "attention.head_count_kv": [0, 0, 2, 0] * 2,
            "feed_forward_length": [0, 64, 0, 64] * 2,
        },
    )
    assert [layer.recurrent for layer in nemotron.layers] == [True, False, False, False] * 2
    assert [layer.own_cache for layer in nemotron.layers] == [False, False, True, False] * 2
    falcon = keyed("falcon-h1", {**HEADS, **ssm})
    assert all(layer.recurrent and layer.own_cache for layer in falcon.layers)


def test_layers_that_read_others_caches() -> None:
    keys = {"attention.sliding_window": 512, "attention.shared_kv_layers": 3}
    found = keyed("gemma4", {**HEADS, **keys, "attention.sliding_window_pattern": [True] * 8})
    assert [layer.own_cache for layer in found.layers] == [True] * 5 + [False] * 3
    assert all(layer.attention == "sliding" for layer in found.layers)
    assert found.kv_read_bytes(10_000) == 8 * 512 * 2 * (16 + 16) * 2


def test_latent_caches_and_prediction_heads() -> None:
    mla = {"attention.key_length": 576, "attention.value_length": 512}
    mla |= {"attention.key_length_mla": 192, "attention.value_length_mla": 128}
    found = keyed(
        "deepseek2",
        {"attention.head_count": 4, "attention.head_count_kv": 1, **mla, "nextn_predict_layers": 1},
    )
    assert found.mla and found.n_layers == 7
    assert found.kv_bytes_per_token() == 7 * 576 * 2


def test_what_is_no_model_has_no_shape() -> None:
    assert ModelShape.of(facts(Gguf())) is None
    projector = Gguf().set("general.architecture", STR, "clip")
    assert ModelShape.of(facts(projector)) is None
    endless = Gguf().set("general.architecture", STR, "llama")
    endless.set("llama.block_count", U32, 1 << 30).set("llama.embedding_length", U32, 64)
    assert ModelShape.of(facts(endless)) is None


def test_a_row_of_a_table_is_like_the_file_it_describes() -> None:
    made = tiny_llama(n_layers=4, hidden=256, feed_forward=768, n_heads=4, n_kv_heads=2)
    real = shape(made)
    row = shape_from_dims(
        Dims(
            "llama",
            4,
            256,
            4,
            real.vocab_size,
            real.weights_bytes,
            n_kv_heads=2,
            feed_forward=768,
            quant_type="F16",
        )
    )
    assert row is not None and not row.exact
    assert row.kv_bytes_per_token() == real.kv_bytes_per_token()
    assert row.weights_bytes == pytest.approx(real.weights_bytes, rel=1e-3)
    for part in ("embedding", "output", "dense"):
        expected, found = getattr(real, part), getattr(row, part)
        assert found.size_bytes == pytest.approx(expected.size_bytes, rel=0.01), part
    assert row.flops_per_token() == pytest.approx(real.flops_per_token(), rel=0.01)


def test_rows_of_hybrids_and_experts() -> None:
    row = shape_from_dims(
        Dims(
            "qwen35moe",
            40,
            2048,
            16,
            248320,
            22_000_000_000,
            n_kv_heads=2,
            head_dim=256,
            n_experts=256,
            n_experts_used=8,
            expert_feed_forward=512,
            parameters=35_950_000_000,
            n_full_layers=10,
        )
    )
    assert row is not None
    assert row.kv_bytes_per_token() == 20480  # the table's own figure for this model
    assert sum(layer.recurrent for layer in row.layers) == 30
    assert row.experts.count > 0.9 * 30e9 and row.weights_bytes == pytest.approx(22e9, rel=1e-6)
    read = sum(sum(w.size_bytes for w in row.active(layer)) for layer in row.layers)
    assert read < 0.2 * row.weights_bytes


def test_facts_are_read_in_the_child_and_kept(tmp_path: Path) -> None:
    path = write_tiny_llama(tmp_path / "tiny.gguf", n_layers=3)
    with HeaderReader(tmp_path / "cache") as reader:
        first = reader.read_facts(path)
    found = ModelShape.of(first)
    assert found is not None and found.n_layers == 3
    with HeaderReader(tmp_path / "cache", command=["/nonexistent"]) as reader:
        assert reader.read_facts(path) == first  # no child was needed
        assert reader.read(path).n_layers == 3
