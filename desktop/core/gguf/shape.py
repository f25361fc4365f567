"""A model's shape, layer by layer: what memory and speed are computed from.

`ModelShape.of(facts)` takes a header's facts; `from_dims.shape_from_dims` makes such facts of a
table's row, so that a row and the file it describes go through the same rules.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from desktop.core.gguf import layer_kinds
from desktop.core.gguf.facts import MAX_LAYERS, NO_WEIGHTS, ShapeFacts, Value, Weights
from desktop.core.gguf.layer_kinds import per_layer

Attention = Literal["full", "sliding", "none"]

# Bytes per number in the KV cache: ggml's block sizes (32 numbers and their scales).
KV_BYTES: dict[str, float] = {
    "f32": 4.0,
    "f16": 2.0,
    "bf16": 2.0,
    "q8_0": 34 / 32,
    "q5_1": 24 / 32,
    "q5_0": 22 / 32,
    "q4_1": 20 / 32,
    "q4_0": 18 / 32,
    "iq4_nl": 18 / 32,
}


@dataclass(frozen=True)
class Layer:
    """One layer.

    Attributes:
        attention: "full" and "sliding" layers attend; "none" has no attention.
        recurrent: it keeps a recurrent state (a Falcon-H1 layer also attends).
        own_cache: it stores keys and values; false where it reads an earlier layer's.
        feed_forward: width of the dense (or of the shared experts') feed-forward part; 0: none.
        dense, experts: its weights without experts, and all its experts.
    """

    attention: Attention
    recurrent: bool
    own_cache: bool
    n_heads: int
    n_kv_heads: int
    head_dim_k: int
    head_dim_v: int
    feed_forward: int
    expert_feed_forward: int
    n_experts_used: int
    dense: Weights
    experts: Weights

    def kv_bytes_per_cell(self, kv_type_k: str, kv_type_v: str, *, latent: bool = False) -> float:
        """Bytes one token takes in this layer's cache. `latent`: the model's `mla`."""
        if not self.own_cache:
            return 0.0
        keys = self.n_kv_heads * self.head_dim_k * KV_BYTES[kv_type_k]
        if latent:  # values are computed from the keys
            return keys
        return keys + self.n_kv_heads * self.head_dim_v * KV_BYTES[kv_type_v]


class _Hashed:
    """A large value whose hash is computed once."""

    def __init__(self, value: Hashable) -> None:
        self._value = value
        self._hash = hash(value)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Hashed) and (other is self or self._value == other._value)


@dataclass(frozen=True)
class ModelShape:
    """What a model is made of.

    Attributes:
        layers: those that compute; prediction heads for several tokens (MTP) are left out.
        window: tokens a sliding layer sees; 0 without such layers.
        mla: the cache holds one latent vector per token instead of keys and values.
        state_r, state_s: float32 numbers per recurrent layer and sequence (convolution, state).
        cacheless: an encoder or a diffusion model, which keeps nothing between calls.
        output: empty where the token embedding serves as the output matrix too (`tied`).
        unused: weights in the file that the engine does not load (MTP heads).
        matrices: bytes by type of the layers' matrices; `packable` are those AMX can take.
        roles: weights by what they do and by type; empty where it comes from a table's row.
        exact: it comes from a header, not from a table's row.
    """

    architecture: str
    layers: tuple[Layer, ...]
    embedding_length: int
    vocab_size: int
    context_tokens: int | None
    window: int
    mla: bool
    state_r: int
    state_s: int
    cacheless: bool
    n_experts: int
    inputs: Weights
    embedding: Weights
    output: Weights
    others: Weights
    unused: Weights
    matrices: Mapping[str, int]
    packable: Mapping[str, int]
    embedding_type: str | None
    embedding_rows: int
    output_type: str | None
    parts: frozenset[str]
    keys: Mapping[str, Value]
    roles: Mapping[str, Mapping[str, int]]
    exact: bool = True

    @property
    def n_layers(self) -> int:
        return len(self.layers)

    @property
    def tied(self) -> bool:
        return self.output.size_bytes == 0 and self.embedding.size_bytes > 0

    @property
    def dense(self) -> Weights:
        """All layers' weights without experts."""
        return sum((layer.dense for layer in self.layers), NO_WEIGHTS)

    @property
    def experts(self) -> Weights:
        """All experts of all layers."""
        return sum((layer.experts for layer in self.layers), NO_WEIGHTS)

    @property
    def weights_bytes(self) -> int:
        """Bytes of all tensors that are loaded, each once."""
        parts = (self.inputs, self.output, self.others, self.dense, self.experts)
        return sum(part.size_bytes for part in parts)

    @cached_property
    def operations(self) -> Hashable:
        """Equal for models that compute the same, whatever types their weights have."""
        layers = tuple(
            (
                *(layer.attention, layer.recurrent, layer.own_cache, layer.n_heads),
                *(layer.n_kv_heads, layer.head_dim_k, layer.head_dim_v, layer.feed_forward),
                *(layer.expert_feed_forward, layer.n_experts_used, layer.experts.count > 0),
            )
            for layer in self.layers
        )
        keys = tuple(sorted(self.keys.items()))
        return _Hashed((self.architecture, self.vocab_size, self.parts, keys, layers))

    def number(self, key: str, default: int = 0) -> int:
        """A key's value where it is one number; the largest of a list."""
        value = self.keys.get(key, default)
        return value if isinstance(value, int) else max(value, default=default)

    # What one token costs, for the speed.

    def active(self, layer: Layer) -> tuple[Weights, Weights]:
        """What one token reads of a layer: its dense part, and of its experts those it uses."""
        if not self.n_experts or not layer.experts.count:
            return layer.dense, NO_WEIGHTS
        used = min(layer.n_experts_used, self.n_experts)
        size, count = layer.experts.size_bytes, layer.experts.count
        return layer.dense, Weights(size * used // self.n_experts, count * used // self.n_experts)

    @property
    def head(self) -> Weights:
        """The matrix that makes logits of a token's last state (the embedding's where tied)."""
        return self.embedding if self.tied else self.output

    def kv_bytes_per_token(self, kv_type_k: str = "f16", kv_type_v: str = "f16") -> float:
        """Bytes each further token of context takes in the layers whose cache grows for ever."""
        return sum(
            layer.kv_bytes_per_cell(kv_type_k, kv_type_v, latent=self.mla)
            for layer in self.layers
            if layer.attention == "full"
        )

    def kv_read_bytes(self, depth: int, kv_type_k: str = "f16", kv_type_v: str = "f16") -> float:
        """Bytes of cache one new token reads when `depth` tokens are in it; states included.

        A layer that reads an earlier layer's cache reads as much as one with its own.
        """
        total = 0.0
        for layer in self.layers:
            if layer.attention != "none":
                seen = min(depth, self.window) if layer.attention == "sliding" else depth
                keys = layer.n_kv_heads * layer.head_dim_k * KV_BYTES[kv_type_k]
                values = layer.n_kv_heads * layer.head_dim_v * KV_BYTES[kv_type_v]
                total += seen * (keys if self.mla else keys + values)
            if layer.recurrent:
                total += 4 * (self.state_r + self.state_s)
        return total

    def flops_per_token(self, depth: int = 0) -> float:
        """Multiplications and additions of one token with `depth` tokens before it."""
        total = 2.0 * self.head.count
        for layer in self.layers:
            dense, experts = self.active(layer)
            total += 2.0 * (dense.count + experts.count)
            if layer.attention != "none":
                seen = min(depth, self.window) if layer.attention == "sliding" else depth
                total += 2.0 * seen * layer.n_heads * (layer.head_dim_k + layer.head_dim_v)
        return total

    # Making one.

    @classmethod
    def of(cls, facts: ShapeFacts, *, exact: bool = True) -> ModelShape | None:
        """The shape; None where the facts describe no model of layers (adapters, projectors)."""
        keys, architecture = dict(facts.keys or {}), facts.architecture

        def one(key: str, default: int = 0) -> int:
            value = keys.get(key, default)
            return value if isinstance(value, int) else max(value, default=default)

        n_all, width = one("block_count"), one("embedding_length")
        if architecture is None or not 0 < n_all <= MAX_LAYERS or not width:
            return None
        n_layers = n_all - min(one("nextn_predict_layers"), n_all)
        if not n_layers:
            return None
        window, sliding = layer_kinds.sliding_layers(architecture, keys, n_layers)
        recurrent = layer_kinds.recurrent_layers(architecture, keys, n_layers)
        cached = layer_kinds.cached_layers(architecture, keys, n_layers, recurrent)
        attends = (
            (True,) * n_layers
            if architecture in layer_kinds.CACHELESS or architecture in ("gemma3n", "gemma4")
            else cached
        )
        weights = facts.layers + ((NO_WEIGHTS, NO_WEIGHTS),) * (n_all - len(facts.layers))
        heads = per_layer(keys.get("attention.head_count"), n_layers)
        kv_heads = per_layer(
            keys.get("attention.head_count_kv", keys.get("attention.head_count")), n_layers
        )
        widths = per_layer(keys.get("feed_forward_length"), n_layers)
        expert_widths = per_layer(keys.get("expert_feed_forward_length"), n_layers)
        used = per_layer(keys.get("expert_used_count"), n_layers)
        mla = bool(one("attention.key_length_mla") and one("attention.value_length_mla"))
        shared = one("expert_shared_feed_forward_length") or (
            one("expert_shared_count") * one("expert_feed_forward_length")
        )
        beside = architecture == "gemma4"  # its experts stand beside a dense part
        default_dim = width // heads[0] if heads[0] else 0
        layers = []
        for index in range(n_layers):
            dense, experts = weights[index]
            dims = _head_dims(keys, default_dim, sliding=sliding[index])
            attention: Attention = "none"
            if attends[index] and heads[index]:
                attention = "sliding" if sliding[index] else "full"
            routed = bool(experts.count)
            layers.append(
                Layer(
                    attention=attention,
                    recurrent=recurrent[index],
                    own_cache=cached[index] and kv_heads[index] > 0,
                    n_heads=heads[index],
                    n_kv_heads=kv_heads[index],
                    head_dim_k=dims[0],
                    head_dim_v=dims[1],
                    feed_forward=shared if routed and not beside else widths[index],
                    expert_feed_forward=(expert_widths[index] or widths[index]) if routed else 0,
                    n_experts_used=used[index] if routed else 0,
                    dense=dense,
                    experts=experts,
                )
            )
        unused = sum((a + b for a, b in weights[n_layers:]), NO_WEIGHTS)
        state_r, state_s = layer_kinds.state_sizes(architecture, keys)
        return cls(
            architecture=architecture,
            layers=tuple(layers),
            embedding_length=width,
            vocab_size=facts.embedding_rows or one("vocab_size"),
            context_tokens=one("context_length") or None,
            window=window,
            mla=mla,
            state_r=state_r,
            state_s=state_s,
            cacheless=architecture in layer_kinds.CACHELESS,
            n_experts=one("expert_count"),
            inputs=facts.inputs,
            embedding=facts.embedding,
            output=facts.output,
            others=facts.others,
            unused=unused,
            matrices=dict(facts.matrices or {}),
            packable=dict(facts.packable or {}),
            embedding_type=facts.embedding_type,
            embedding_rows=facts.embedding_rows,
            output_type=facts.output_type,
            parts=facts.parts,
            keys=keys,
            roles=dict(facts.roles or {}),
            exact=exact,
        )


def _head_dims(keys: Mapping[str, Value], default: int, *, sliding: bool) -> tuple[int, int]:
    """Numbers per head of key and of value."""

    def one(key: str, otherwise: int) -> int:
        value = keys.get(key, otherwise)
        return value if isinstance(value, int) else max(value, default=otherwise)

    k, v = one("attention.key_length", default), one("attention.value_length", default)
    if sliding:
        k, v = one("attention.key_length_swa", k), one("attention.value_length_swa", v)
    return k, v
