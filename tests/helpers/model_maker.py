"""What a model's file is made of, and the parts that architectures share."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
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


class Maker:
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
