"""Models of many architectures, as headers over a hole or with random weights.

`zoo(...)` lays a model out as its converter would: the engine plans and loads it. Dimensions are
free, so that one function makes both a stub the size of a real model and a tiny file to load.
"""

from __future__ import annotations

import os
import random
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.helpers.gguf_files import (
    ARR,
    BOOL,
    F32,
    I32,
    STR,
    TYPES,
    U32,
    Gguf,
    TensorSpec,
    spm_vocab,
)

_TILE = 1 << 20
# Where a block of a type holds its half-precision scales (ggml-common.h of the pinned engine).
_SCALES = {"Q4_0": (0,), "Q5_0": (0,), "Q8_0": (0,), "Q4_K": (0, 2), "Q5_K": (0, 2)}
_SCALES |= {"Q6_K": (208,), "Q2_K": (80, 82), "Q3_K": (108,), "IQ4_NL": (0,), "IQ4_XS": (0,)}


@dataclass(frozen=True)
class Spec:
    """A model to be made; what an architecture does not use is left at 0."""

    architecture: str
    layers: int = 4
    hidden: int = 512
    heads: int = 8
    kv_heads: int = 2
    head_dim: int = 64
    ff: int = 1024
    vocab: int = 4096
    context: int = 32_768
    kind: str = "Q8_0"
    embedding_kind: str | None = None
    output: bool = True
    experts: int = 0
    used: int = 0
    expert_ff: int = 0
    shared_ff: int = 0
    dense_lead: int = 0
    window: int = 0
    full_every: int = 4
    ssm_groups: int = 4
    ssm_heads: int = 8
    ssm_state: int = 64
    per_layer: int = 0
    shared_kv: int = 0
    keys: dict[str, Any] = field(default_factory=dict)

    @property
    def ssm_inner(self) -> int:
        return self.ssm_heads * self.ssm_state


def zoo(spec: Spec) -> Gguf:
    """The model's keys and tensors; their data are zeros until `write_random` fills them."""
    made = _Maker(spec)
    made.tensor("token_embd.weight", spec.hidden, spec.vocab, kind=spec.embedding_kind)
    _LAYOUTS.get(spec.architecture, _transformer)(made)
    made.header_keys()
    return made.made


def write_stub(path: Path, spec: Spec) -> Path:
    """The header and, in place of the weights, a hole of their size."""
    made = zoo(spec)
    path.parent.mkdir(parents=True, exist_ok=True)
    header = made.header()
    size = len(header) + sum(-(-t.size // made.alignment) * made.alignment for t in made.tensors)
    path.write_bytes(header)
    os.truncate(path, size)
    return path


def write_random(path: Path, spec: Spec, seed: int = 1) -> Path:
    """The model with random weights: finite, small, and no two blocks of a tile alike."""
    made, randomness = zoo(spec), random.Random(seed)
    tiles: dict[str, bytes] = {}
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as stream:
        stream.write(made.header())
        for tensor in made.tensors:
            if tensor.data is not None:
                data: Iterator[bytes] = iter([tensor.data])
            else:
                tile = tiles.setdefault(tensor.type_name, _tile(tensor.type_name, randomness))
                data = _repeat(tile, tensor.size)
            for chunk in data:
                stream.write(chunk)
            stream.write(bytes(-tensor.size % made.alignment))
    return path


def _repeat(tile: bytes, size: int) -> Iterator[bytes]:
    while size > 0:
        yield tile[: min(size, len(tile))]
        size -= len(tile)


def _tile(kind: str, randomness: random.Random) -> bytes:
    if kind == "F32":
        numbers = [randomness.gauss(0, 0.02) for _ in range(4096)]
        return struct.pack("<4096f", *numbers) * (_TILE // 16384)
    if kind in ("F16", "BF16"):
        raw = struct.pack("<4096e", *(randomness.gauss(0, 0.02) for _ in range(4096)))
        if kind == "BF16":
            raw = b"".join(struct.pack("<f", randomness.gauss(0, 0.02))[2:] for _ in range(4096))
        return raw * (_TILE // 8192)
    _, _, size = TYPES[kind]
    blocks = bytearray(randomness.randbytes(size * 4096))
    for start in range(0, len(blocks), size):
        for offset in _SCALES.get(kind, ()):
            struct.pack_into("<e", blocks, start + offset, 0.0005)
        if kind == "MXFP4":
            blocks[start] = 118  # 2^-9: an exponent with a bias of 127
    return bytes(blocks) * max(1, _TILE // len(blocks))


class _Maker:
    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.made = Gguf()
        self.keys: dict[str, Any] = {}

    def tensor(self, name: str, *dims: int, kind: str | None = None) -> None:
        chosen = kind or self.spec.kind
        if len(dims) < 2:
            chosen = kind or "F32"
        elif dims[0] % TYPES[chosen][1]:
            chosen = "F16"  # as llama-quantize falls back
        data = struct.pack("<f", 1.0) * dims[0] if "norm" in name and len(dims) == 1 else None
        self.made.tensors.append(TensorSpec(name, dims, chosen, data))

    def block(self, index: int, name: str, *dims: int, kind: str | None = None) -> None:
        suffix = "" if name.endswith((".bias", ".scale", "ssm_a", "ssm_d")) else ".weight"
        self.tensor(f"blk.{index}.{name}{suffix}", *dims, kind=kind)

    def header_keys(self) -> None:
        spec, made = self.spec, self.made
        arch = spec.architecture
        made.set("general.architecture", STR, arch).set("general.type", STR, "model")
        made.set("general.name", STR, "Zoo")  # some names have rules of their own in the engine
        keys: dict[str, Any] = {
            "context_length": spec.context,
            "embedding_length": spec.hidden,
            "block_count": spec.layers,
            "feed_forward_length": spec.ff,
            "attention.head_count": spec.heads,
            "attention.head_count_kv": spec.kv_heads,
            "attention.key_length": spec.head_dim,
            "attention.value_length": spec.head_dim,
            "rope.dimension_count": spec.head_dim,
            "vocab_size": spec.vocab,
            "attention.layer_norm_rms_epsilon": 1e-6,
        }
        if spec.experts:
            keys |= {"expert_count": spec.experts, "expert_used_count": spec.used}
            keys["expert_feed_forward_length"] = spec.expert_ff
        if spec.window:
            keys["attention.sliding_window"] = spec.window
        keys |= self.keys | spec.keys
        for key, value in keys.items():
            if isinstance(value, list):
                made.set(f"{arch}.{key}", ARR, (I32, value))
            elif isinstance(value, bool):
                made.set(f"{arch}.{key}", BOOL, value)
            elif isinstance(value, float):
                made.set(f"{arch}.{key}", F32, value)
            elif value is not None:
                made.set(f"{arch}.{key}", STR if isinstance(value, str) else U32, value)
        words = max(0, spec.vocab - len(spm_vocab()))
        vocab = spm_vocab([f"▁word{number}" for number in range(words)])[: spec.vocab]
        made.set("tokenizer.ggml.model", STR, "llama").set("tokenizer.ggml.pre", STR, "default")
        made.set("tokenizer.ggml.tokens", ARR, (STR, [piece for piece, _, _ in vocab]))
        made.set("tokenizer.ggml.scores", ARR, (F32, [score for _, score, _ in vocab]))
        made.set("tokenizer.ggml.token_type", ARR, (I32, [kind for _, _, kind in vocab]))
        for key, value in {"bos": 1, "eos": 2, "unknown": 0}.items():
            made.set(f"tokenizer.ggml.{key}_token_id", U32, value)

    # The parts that architectures share.

    def head(self, norm: str = "output_norm.weight") -> None:
        self.tensor(norm, self.spec.hidden)
        if self.spec.output:
            self.tensor("output.weight", self.spec.hidden, self.spec.vocab)

    def attention(self, i: int, *, norms: bool = False, q_factor: int = 1) -> None:
        spec = self.spec
        q, kv = spec.heads * spec.head_dim, spec.kv_heads * spec.head_dim
        self.block(i, "attn_q", spec.hidden, q * q_factor)
        self.block(i, "attn_k", spec.hidden, kv)
        self.block(i, "attn_v", spec.hidden, kv)
        self.block(i, "attn_output", q, spec.hidden)
        if norms:
            self.block(i, "attn_q_norm", spec.head_dim)
            self.block(i, "attn_k_norm", spec.head_dim)

    def feed_forward(self, i: int, ff: int, *, gate: bool = True, suffix: str = "") -> None:
        if gate:
            self.block(i, f"ffn_gate{suffix}", self.spec.hidden, ff)
        self.block(i, f"ffn_up{suffix}", self.spec.hidden, ff)
        self.block(i, f"ffn_down{suffix}", ff, self.spec.hidden)

    def routed(self, i: int, *, gate: bool = True) -> None:
        spec = self.spec
        self.block(i, "ffn_gate_inp", spec.hidden, spec.experts, kind="F32")
        for name in ("gate", "up") if gate else ("up",):
            self.block(i, f"ffn_{name}_exps", spec.hidden, spec.expert_ff, spec.experts)
        self.block(i, "ffn_down_exps", spec.expert_ff, spec.hidden, spec.experts)

    def ssm_keys(self, inner: int) -> None:
        spec = self.spec
        self.keys |= {
            "ssm.conv_kernel": 4,
            "ssm.inner_size": inner,
            "ssm.group_count": spec.ssm_groups,
        }
        self.keys |= {"ssm.state_size": spec.ssm_state, "ssm.time_step_rank": spec.ssm_heads}

    def mamba2(self, i: int, inner: int) -> None:
        spec = self.spec
        conv = inner + 2 * spec.ssm_groups * spec.ssm_state
        self.block(i, "ssm_in", spec.hidden, inner + conv + spec.ssm_heads)
        self.block(i, "ssm_conv1d", 4, conv, kind="F32")
        self.block(i, "ssm_conv1d.bias", conv)
        self.block(i, "ssm_dt.bias", spec.ssm_heads)
        self.block(i, "ssm_a", 1, spec.ssm_heads, kind="F32")
        self.block(i, "ssm_d", 1, spec.ssm_heads, kind="F32")
        self.block(i, "ssm_norm", inner // spec.ssm_groups, spec.ssm_groups, kind="F32")
        self.block(i, "ssm_out", inner, spec.hidden)


def _transformer(made: _Maker) -> None:
    """llama, qwen2, qwen3 and their kind, with or without experts."""
    spec = made.spec
    made.head()
    for i in range(spec.layers):
        made.block(i, "attn_norm", spec.hidden)
        made.attention(i, norms=spec.architecture.startswith(("qwen3", "mellum")))
        made.block(i, "ffn_norm", spec.hidden)
        if spec.experts:
            made.routed(i)
        else:
            made.feed_forward(i, spec.ff)
    if spec.architecture == "llama" and spec.experts:
        made.keys["feed_forward_length"] = spec.expert_ff


def _qwen2(made: _Maker) -> None:
    spec = made.spec
    _transformer(made)
    for i in range(spec.layers):
        made.block(i, "attn_q.bias", spec.heads * spec.head_dim)
        for name in ("attn_k.bias", "attn_v.bias"):
            made.block(i, name, spec.kv_heads * spec.head_dim)


def _gemma(made: _Maker) -> None:
    """gemma2 and gemma3: the embedding is the output too."""
    spec = made.spec
    made.tensor("output_norm.weight", spec.hidden)
    for i in range(spec.layers):
        for norm in ("attn_norm", "post_attention_norm", "ffn_norm", "post_ffw_norm"):
            made.block(i, norm, spec.hidden)
        made.attention(i, norms=spec.architecture != "gemma2")
        made.feed_forward(i, spec.ff)


def _gemma4(made: _Maker) -> None:
    """Sliding layers but every `full_every`-th; experts and inputs per layer where asked for."""
    spec = made.spec
    made.head()
    if spec.per_layer:
        wide = spec.per_layer * spec.layers
        made.tensor("per_layer_token_embd.weight", wide, spec.vocab)
        made.tensor("per_layer_model_proj.weight", spec.hidden, wide)
        made.tensor("per_layer_proj_norm.weight", spec.per_layer)
    made.tensor("rope_freqs.weight", spec.head_dim // 2)
    for i in range(spec.layers):
        for norm in ("attn_norm", "post_attention_norm", "ffn_norm", "post_ffw_norm"):
            made.block(i, norm, spec.hidden)
        made.attention(i, norms=True)
        made.feed_forward(i, spec.ff)
        if spec.experts:
            made.routed(i)
            made.block(i, "ffn_gate_inp.scale", spec.hidden)
            for norm in ("pre_ffw_norm_2", "post_ffw_norm_1", "post_ffw_norm_2"):
                made.block(i, norm, spec.hidden)
        if spec.per_layer:
            made.block(i, "inp_gate", spec.hidden, spec.per_layer)
            made.block(i, "proj", spec.per_layer, spec.hidden)
            made.block(i, "post_norm", spec.hidden)
    made.keys |= {
        "attention.sliding_window_pattern": [int(not _full(spec, i)) for i in range(spec.layers)],
        "attention.key_length_swa": spec.head_dim,
        "attention.value_length_swa": spec.head_dim,
        "attention.shared_kv_layers": spec.shared_kv,
        "embedding_length_per_layer_input": spec.per_layer,
        "final_logit_softcapping": 30.0,
    }


def _phi3(made: _Maker) -> None:
    spec = made.spec
    made.head()
    q, kv = spec.heads * spec.head_dim, spec.kv_heads * spec.head_dim
    for i in range(spec.layers):
        made.block(i, "attn_norm", spec.hidden)
        made.block(i, "attn_qkv", spec.hidden, q + 2 * kv)
        made.block(i, "attn_output", q, spec.hidden)
        made.block(i, "ffn_norm", spec.hidden)
        made.block(i, "ffn_up", spec.hidden, 2 * spec.ff)
        made.block(i, "ffn_down", spec.ff, spec.hidden)


def _glm4moe(made: _Maker) -> None:
    spec = made.spec
    made.head()
    for i in range(spec.layers):
        made.block(i, "attn_norm", spec.hidden)
        made.attention(i)
        made.block(i, "post_attention_norm", spec.hidden)
        if i < spec.dense_lead:
            made.feed_forward(i, spec.ff)
        else:
            made.routed(i)
            made.block(i, "exp_probs_b.bias", spec.experts)
            made.feed_forward(i, spec.expert_ff, suffix="_shexp")
    made.keys |= {"leading_dense_block_count": spec.dense_lead, "expert_shared_count": 1}


def _qwen3vl(made: _Maker) -> None:
    _transformer(made)
    quarter = made.spec.head_dim // 8
    made.keys |= {"rope.dimension_sections": [quarter, quarter, quarter, 0]}
    made.keys |= {"n_deepstack_layers": 3}


def _olmo2(made: _Maker) -> None:
    spec = made.spec
    made.head()
    for i in range(spec.layers):
        made.attention(i)
        made.block(i, "attn_q_norm", spec.heads * spec.head_dim)
        made.block(i, "attn_k_norm", spec.kv_heads * spec.head_dim)
        made.block(i, "post_attention_norm", spec.hidden)
        made.feed_forward(i, spec.ff)
        made.block(i, "post_ffw_norm", spec.hidden)


def _glm4(made: _Maker) -> None:
    spec = made.spec
    made.head()
    for i in range(spec.layers):
        for norm in ("attn_norm", "post_attention_norm", "ffn_norm", "post_ffw_norm"):
            made.block(i, norm, spec.hidden)
        made.attention(i)
        made.block(i, "ffn_up", spec.hidden, 2 * spec.ff)
        made.block(i, "ffn_down", spec.ff, spec.hidden)


def _minimax_m2(made: _Maker) -> None:
    spec = made.spec
    made.head()
    for i in range(spec.layers):
        made.block(i, "attn_norm", spec.hidden)
        made.attention(i)
        made.block(i, "attn_q_norm", spec.heads * spec.head_dim)
        made.block(i, "attn_k_norm", spec.kv_heads * spec.head_dim)
        made.block(i, "ffn_norm", spec.hidden)
        made.routed(i)
        made.block(i, "exp_probs_b.bias", spec.experts)
    made.keys |= {"feed_forward_length": spec.expert_ff, "expert_gating_func": 2}


def _seed_oss(made: _Maker) -> None:
    spec = made.spec
    made.head()
    for i in range(spec.layers):
        made.block(i, "attn_norm", spec.hidden)
        made.attention(i)
        made.block(i, "post_attention_norm", spec.hidden)
        made.feed_forward(i, spec.ff)


def _qwen2moe(made: _Maker) -> None:
    spec = made.spec
    _qwen2(made)
    for i in range(spec.layers):
        made.feed_forward(i, spec.shared_ff, suffix="_shexp")
        made.block(i, "ffn_gate_inp_shexp", spec.hidden)
    made.keys |= {"expert_shared_feed_forward_length": spec.shared_ff}


def _gpt_oss(made: _Maker) -> None:
    spec = made.spec
    made.head()
    for i in range(spec.layers):
        made.block(i, "attn_norm", spec.hidden)
        made.block(i, "post_attention_norm", spec.hidden)
        made.attention(i)
        for name, width in (("q", spec.heads), ("k", spec.kv_heads), ("v", spec.kv_heads)):
            made.block(i, f"attn_{name}.bias", width * spec.head_dim)
        made.block(i, "attn_output.bias", spec.hidden)
        made.block(i, "attn_sinks", spec.heads)
        made.routed(i)
        made.block(i, "ffn_gate_inp.bias", spec.experts)
        for name, width in (
            ("gate", spec.expert_ff),
            ("up", spec.expert_ff),
            ("down", spec.hidden),
        ):
            made.block(i, f"ffn_{name}_exps.bias", width, spec.experts, kind="F32")


def _deepseek2(made: _Maker) -> None:
    spec = made.spec
    rank, rope, nope, v_dim, q_rank = 512, 64, 128, 128, 768
    lite = spec.layers in (26, 27)
    made.head()
    for i in range(spec.layers):
        made.block(i, "attn_norm", spec.hidden)
        if lite:
            made.block(i, "attn_q", spec.hidden, spec.heads * (nope + rope))
        else:
            made.block(i, "attn_q_a_norm", q_rank)
            made.block(i, "attn_q_a", spec.hidden, q_rank)
            made.block(i, "attn_q_b", q_rank, spec.heads * (nope + rope))
        made.block(i, "attn_kv_a_norm", rank)
        made.block(i, "attn_kv_a_mqa", spec.hidden, rank + rope)
        made.block(i, "attn_k_b", nope, rank, spec.heads, kind="F16")
        made.block(i, "attn_v_b", rank, v_dim, spec.heads, kind="F16")
        made.block(i, "attn_output", spec.heads * v_dim, spec.hidden)
        made.block(i, "ffn_norm", spec.hidden)
        if i < spec.dense_lead:
            made.feed_forward(i, spec.ff)
        else:
            made.routed(i)
            made.feed_forward(i, spec.expert_ff, suffix="_shexp")
    made.keys |= {
        "attention.head_count_kv": 1,
        "rope.scaling.type": "none",
        "attention.key_length": rank + rope,
        "attention.value_length": rank,
        "attention.key_length_mla": nope + rope,
        "attention.value_length_mla": v_dim,
        "attention.kv_lora_rank": rank,
        "attention.q_lora_rank": None if lite else q_rank,
        "rope.dimension_count": rope,
        "leading_dense_block_count": spec.dense_lead,
        "expert_shared_count": 1,
        "expert_gating_func": 2,
    }


def _full(spec: Spec, i: int) -> bool:
    return (i + 1) % spec.full_every == 0


def _granitehybrid(made: _Maker) -> None:
    spec = made.spec
    inner = 2 * spec.hidden
    made.head()
    for i in range(spec.layers):
        made.block(i, "attn_norm", spec.hidden)
        if _full(spec, i):
            made.attention(i)
        else:
            made.mamba2(i, inner)
        made.block(i, "ffn_norm", spec.hidden)
        if spec.experts:
            made.routed(i)
            made.feed_forward(i, spec.shared_ff, suffix="_shexp")
        else:
            made.feed_forward(i, spec.ff)
    heads = [spec.kv_heads if _full(spec, i) else 0 for i in range(spec.layers)]
    made.keys |= {"attention.head_count_kv": heads}
    if spec.experts:
        made.keys |= {"feed_forward_length": spec.expert_ff}
        made.keys |= {"expert_shared_feed_forward_length": spec.shared_ff}
    made.ssm_keys(inner)


def _nemotron_h(made: _Maker) -> None:
    spec = made.spec
    inner = spec.ssm_inner
    made.head()
    kv_heads, widths = [], []
    for i in range(spec.layers):
        made.block(i, "attn_norm", spec.hidden)
        attends, feeds = _full(spec, i), not _full(spec, i) and i % 2 == 1
        kv_heads.append(spec.kv_heads if attends else 0)
        widths.append(spec.ff if feeds else 0)
        if attends:
            made.attention(i)
        elif feeds and spec.experts:
            made.routed(i, gate=False)
            made.block(i, "exp_probs_b.bias", spec.experts)
            made.feed_forward(i, spec.shared_ff, gate=False, suffix="_shexp")
        elif feeds:
            made.feed_forward(i, spec.ff, gate=False)
        else:
            made.mamba2(i, inner)
    made.keys |= {"attention.head_count_kv": kv_heads, "feed_forward_length": widths}
    made.keys |= {"attention.layer_norm_epsilon": 1e-6}
    if spec.experts:
        made.keys |= {"expert_shared_feed_forward_length": spec.shared_ff}
    made.ssm_keys(inner)


def _qwen35(made: _Maker) -> None:
    """qwen35 and qwen35moe, and qwen3next, whose gates are one matrix."""
    spec = made.spec
    keys, values = spec.ssm_groups * spec.ssm_state, spec.ssm_inner
    made.head()
    for i in range(spec.layers):
        made.block(i, "attn_norm", spec.hidden)
        made.block(i, "post_attention_norm", spec.hidden)
        if _full(spec, i):
            made.attention(i, norms=True, q_factor=2)
        else:
            made.block(i, "attn_qkv", spec.hidden, 2 * keys + values)
            made.block(i, "attn_gate", spec.hidden, values)
            made.block(i, "ssm_conv1d", 4, 2 * keys + values, kind="F32")
            made.block(i, "ssm_dt.bias", spec.ssm_heads)
            made.block(i, "ssm_a", spec.ssm_heads)
            if spec.architecture == "qwen3next":
                made.block(i, "ssm_ba", spec.hidden, 2 * spec.ssm_heads)
            else:
                made.block(i, "ssm_beta", spec.hidden, spec.ssm_heads)
                made.block(i, "ssm_alpha", spec.hidden, spec.ssm_heads)
            made.block(i, "ssm_norm", spec.ssm_state)
            made.block(i, "ssm_out", values, spec.hidden)
        if spec.experts:
            made.routed(i)
            made.feed_forward(i, spec.shared_ff, suffix="_shexp")
            made.block(i, "ffn_gate_inp_shexp", spec.hidden)
        else:
            made.feed_forward(i, spec.ff)
    if spec.experts:
        made.keys |= {"expert_shared_feed_forward_length": spec.shared_ff}
    made.keys |= {"full_attention_interval": spec.full_every}
    if spec.architecture != "qwen3next":
        quarter = spec.head_dim // 8
        made.keys |= {"rope.dimension_sections": [quarter, quarter, quarter, 0]}
    made.ssm_keys(values)


def _lfm2(made: _Maker) -> None:
    spec = made.spec
    made.head("token_embd_norm.weight")
    for i in range(spec.layers):
        made.block(i, "attn_norm", spec.hidden)
        made.block(i, "ffn_norm", spec.hidden)
        if _full(spec, i):
            made.attention(i, norms=True)
        else:
            made.block(i, "shortconv.conv", 3, spec.hidden, kind="F32")
            made.block(i, "shortconv.in_proj", spec.hidden, 3 * spec.hidden)
            made.block(i, "shortconv.out_proj", spec.hidden, spec.hidden)
        if spec.experts and i >= spec.dense_lead:
            made.routed(i)
            made.block(i, "exp_probs_b.bias", spec.experts)
        else:
            made.feed_forward(i, spec.ff)
    heads = [spec.kv_heads if _full(spec, i) else 0 for i in range(spec.layers)]
    made.keys |= {"attention.head_count_kv": heads, "shortconv.l_cache": 3}
    if spec.experts:
        made.keys |= {"leading_dense_block_count": spec.dense_lead, "expert_gating_func": 2}


def _bert(made: _Maker) -> None:
    spec = made.spec
    made.tensor("token_types.weight", spec.hidden, 2, kind="F32")
    made.tensor("position_embd.weight", spec.hidden, spec.context, kind="F32")
    made.tensor("token_embd_norm.weight", spec.hidden)
    made.tensor("token_embd_norm.bias", spec.hidden)
    for i in range(spec.layers):
        made.attention(i)
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            made.block(i, f"{name}.bias", spec.hidden)
        for name in ("attn_output_norm", "layer_output_norm"):
            made.block(i, name, spec.hidden)
            made.block(i, f"{name}.bias", spec.hidden)
        made.feed_forward(i, spec.ff, gate=False)
        made.block(i, "ffn_up.bias", spec.ff)
        made.block(i, "ffn_down.bias", spec.hidden)
    made.keys |= {
        "attention.causal": False,
        "pooling_type": 1,
        "attention.layer_norm_epsilon": 1e-6,
    }
    made.made.set("tokenizer.ggml.token_type_count", U32, 2)


_LAYOUTS = {
    "qwen2": _qwen2,
    "gemma2": _gemma,
    "gemma3": _gemma,
    "gpt-oss": _gpt_oss,
    "deepseek2": _deepseek2,
    "granitehybrid": _granitehybrid,
    "nemotron_h": _nemotron_h,
    "qwen3next": _qwen35,
    "qwen35": _qwen35,
    "qwen35moe": _qwen35,
    "lfm2": _lfm2,
    "lfm2moe": _lfm2,
    "nemotron_h_moe": _nemotron_h,
    "gemma4": _gemma4,
    "phi3": _phi3,
    "seed_oss": _seed_oss,
    "olmo2": _olmo2,
    "glm4": _glm4,
    "minimax-m2": _minimax_m2,
    "glm4moe": _glm4moe,
    "qwen3vl": _qwen3vl,
    "qwen3vlmoe": _qwen3vl,
    "qwen2moe": _qwen2moe,
    "bert": _bert,
}
