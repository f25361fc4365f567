"""What a file's header says about a model's layers, as plain data that can be cached and merged.

A split model has its keys in the first file and its tensors in all of them: each file gives its
own `ShapeFacts`, and `merge_facts` makes them one. `shape.ModelShape` is computed from that.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

from desktop.core.gguf.header import Header, Skipped, Tensor
from desktop.core.gguf.roles import role_of

# `LLAMA_MAX_LAYERS` of llama-hparams.h is 512.
MAX_LAYERS = 512
_MAX_COUNT = 1 << 31
_KEYS_TEXT = """
    block_count context_length embedding_length embedding_length_out vocab_size feed_forward_length
    leading_dense_block_count nextn_predict_layers expert_count expert_used_count
    expert_latent_length expert_feed_forward_length expert_shared_feed_forward_length
    expert_shared_count n_deepstack_layers
    interleave_moe_layer_step full_attention_interval pooling_type rope.dimension_count
    attention.head_count attention.head_count_kv attention.key_length attention.value_length
    attention.key_length_swa attention.value_length_swa attention.key_length_mla
    attention.value_length_mla attention.kv_lora_rank attention.q_lora_rank attention.causal
    attention.sliding_window attention.sliding_window_pattern attention.shared_kv_layers
    attention.recurrent_layers attention.indexer.key_length embedding_length_per_layer_input
    ssm.conv_kernel ssm.inner_size ssm.state_size ssm.time_step_rank ssm.group_count
    shortconv.l_cache altup.num_inputs
"""
_KEYS = frozenset(_KEYS_TEXT.split())
# Tensors whose presence changes what a layer computes.
_WATCHED_TEXT = """
    attn_qkv attn_q attn_q_norm attn_k_norm attn_gate attn_sinks attn_kv_a_mqa attn_kv_b attn_k_b
    attn_q_a ffn_gate ffn_up ffn_gate_exps ffn_up_exps ffn_gate_up_exps ffn_gate_shexp ffn_up_shexp
    ffn_gate_inp_shexp
    post_attention_norm post_ffw_norm ssm_in ssm_conv1d ssm_a
"""
_WATCHED = frozenset(_WATCHED_TEXT.split())
# The engine keeps these on the host, wherever the layers lie (`LLM_TENSOR_LAYER_INPUT`).
_INPUT = ("token_embd.", "position_embd.", "token_types.", "per_layer_token_embd.")
# `LLM_FFN_EXPS_REGEX` of common.h: what --cpu-moe moves.
_EXPERTS = re.compile(r"\.ffn_(up|down|gate|gate_up)_(ch|)exps")
_BLOCK = re.compile(r"blk\.(\d{1,4})\.([A-Za-z0-9_]+)")

Value = int | tuple[int, ...]


@dataclass(frozen=True)
class Weights:
    """Bytes in the file and how many weights they hold."""

    size_bytes: int = 0
    count: int = 0

    def __add__(self, other: Weights) -> Weights:
        return Weights(self.size_bytes + other.size_bytes, self.count + other.count)


NO_WEIGHTS = Weights()


@dataclass(frozen=True)
class ShapeFacts:
    """The keys and sums over tensors that a model's shape follows from.

    Attributes:
        keys: numbers and lists of numbers by the key's name without the architecture.
        layers: per layer its weights without experts, and its experts.
        inputs: embeddings, which stay on the host.
        embedding: the token embedding alone, also part of `inputs`.
        output: the output matrix; empty where the token embedding serves as one.
        others: what belongs to no layer and is none of these (the last norm, poolers).
        matrices: bytes by type of all two- and three-dimensional tensors of layers.
        packable: the part of `matrices` that a CPU's matrix unit (AMX) can take.
        roles: weights by what they do (`roles.role_of`) and by type.
        embedding_type: the token embedding's type.
        parts: which of the tensors that change the computation there are.
    """

    architecture: str | None = None
    keys: dict[str, Value] | None = None
    layers: tuple[tuple[Weights, Weights], ...] = ()
    inputs: Weights = NO_WEIGHTS
    embedding: Weights = NO_WEIGHTS
    output: Weights = NO_WEIGHTS
    others: Weights = NO_WEIGHTS
    matrices: dict[str, int] | None = None
    embedding_type: str | None = None
    embedding_rows: int = 0
    output_type: str | None = None
    parts: frozenset[str] = frozenset()
    roles: dict[str, dict[str, int]] | None = None
    packable: dict[str, int] | None = None

    def to_dict(self) -> dict[str, Any]:
        return {
            "architecture": self.architecture,
            "keys": {
                k: list(v) if isinstance(v, tuple) else v for k, v in (self.keys or {}).items()
            },
            "layers": [
                [dense.size_bytes, dense.count, experts.size_bytes, experts.count]
                for dense, experts in self.layers
            ],
            **{
                name: [getattr(self, name).size_bytes, getattr(self, name).count]
                for name in ("inputs", "embedding", "output", "others")
            },
            "matrices": dict(self.matrices or {}),
            "embedding_type": self.embedding_type,
            "embedding_rows": self.embedding_rows,
            "output_type": self.output_type,
            "parts": sorted(self.parts),
            "roles": {role: dict(kinds) for role, kinds in (self.roles or {}).items()},
            "packable": dict(self.packable or {}),
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> ShapeFacts:
        """The inverse of `to_dict`.

        Raises:
            TypeError, ValueError, KeyError: it is no such dictionary.
        """

        def weights(name: str) -> Weights:
            size, count = data[name]
            return Weights(int(size), int(count))

        def text(name: str) -> str | None:
            return None if data[name] is None else str(data[name])

        return cls(
            architecture=text("architecture"),
            keys={str(key): _value(value) for key, value in data["keys"].items()},
            layers=tuple(
                (Weights(int(a), int(b)), Weights(int(c), int(d))) for a, b, c, d in data["layers"]
            ),
            inputs=weights("inputs"),
            embedding=weights("embedding"),
            output=weights("output"),
            others=weights("others"),
            matrices={str(kind): int(size) for kind, size in data["matrices"].items()},
            embedding_type=text("embedding_type"),
            embedding_rows=int(data["embedding_rows"]),
            output_type=text("output_type"),
            parts=frozenset(str(part) for part in data["parts"]),
            roles={
                str(role): {str(kind): int(count) for kind, count in kinds.items()}
                for role, kinds in data["roles"].items()
            },
            packable={str(kind): int(size) for kind, size in data["packable"].items()},
        )


def _value(value: Any) -> Value:
    return tuple(int(item) for item in value) if isinstance(value, list) else int(value)


def facts_of(header: Header) -> ShapeFacts:
    """The facts of one file. Never fails: what makes no sense is left out."""
    architecture = header.values.get("general.architecture")
    architecture = architecture[:64] if isinstance(architecture, str) else None
    keys = _keys(header, architecture) if architecture else {}
    tokens = header.values.get("tokenizer.ggml.tokens")
    if "vocab_size" not in keys and isinstance(tokens, tuple | Skipped):
        keys["vocab_size"] = tokens.count if isinstance(tokens, Skipped) else len(tokens)
    merges = header.values.get("tokenizer.ggml.merges", ())
    if isinstance(merges, tuple | Skipped):
        keys["tokenizer.merges"] = merges.count if isinstance(merges, Skipped) else len(merges)
    sums = _Sums()
    for tensor in header.tensors:
        sums.add(tensor)
    return sums.facts(architecture, keys)


def _keys(header: Header, architecture: str) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for key in _KEYS:
        value = header.values.get(f"{architecture}.{key}")
        if isinstance(value, tuple):
            if len(value) <= MAX_LAYERS and all(_is_count(item) for item in value):
                found[key] = tuple(int(item) for item in value)
        elif _is_count(value):
            found[key] = int(value)
    return found


def _is_count(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and 0 <= value < _MAX_COUNT  # a bool counts as 0 or 1


class _Sums:
    def __init__(self) -> None:
        self.layers: dict[int, tuple[Weights, Weights]] = {}
        self.matrices: dict[str, int] = {}
        self.inputs = self.embedding = self.output = self.others = NO_WEIGHTS
        self.embedding_type: str | None = None
        self.embedding_rows = 0
        self.output_type: str | None = None
        self.parts: set[str] = set()
        self.roles: dict[str, dict[str, int]] = {}
        self.packable: dict[str, int] = {}

    def add(self, tensor: Tensor) -> None:
        name, weights = tensor.name, Weights(tensor.size_bytes, tensor.weights)
        if role := role_of(name, len(tensor.dims)):
            kinds = self.roles.setdefault(role, {})
            kinds[tensor.type.name] = kinds.get(tensor.type.name, 0) + tensor.weights
        block = _BLOCK.match(name)
        if block is not None and int(block[1]) < MAX_LAYERS:
            dense, experts = self.layers.get(int(block[1]), (NO_WEIGHTS, NO_WEIGHTS))
            if _EXPERTS.search(name):
                experts += weights
            else:
                dense += weights
            self.layers[int(block[1])] = (dense, experts)
            if len(tensor.dims) > 1:
                kind = tensor.type.name
                self.matrices[kind] = self.matrices.get(kind, 0) + tensor.size_bytes
                if tensor.dims[1] % 32 == 0 and not _EXPERTS.search(name):
                    self.packable[kind] = self.packable.get(kind, 0) + tensor.size_bytes
            if block[2] in _WATCHED:
                self.parts.add(block[2])
        elif name.startswith(_INPUT):
            self.inputs += weights
            if name == "token_embd.weight":
                self.embedding, self.embedding_type = weights, tensor.type.name
                self.embedding_rows = tensor.dims[1] if len(tensor.dims) > 1 else 0
        elif name == "output.weight":
            self.output, self.output_type = weights, tensor.type.name
        else:
            self.others += weights

    def facts(self, architecture: str | None, keys: dict[str, Value]) -> ShapeFacts:
        count = max(self.layers, default=-1) + 1
        return ShapeFacts(
            architecture=architecture,
            keys=keys,
            layers=tuple(
                self.layers.get(index, (NO_WEIGHTS, NO_WEIGHTS)) for index in range(count)
            ),
            inputs=self.inputs,
            embedding=self.embedding,
            output=self.output,
            others=self.others,
            matrices=self.matrices,
            embedding_type=self.embedding_type,
            embedding_rows=self.embedding_rows,
            output_type=self.output_type,
            parts=frozenset(self.parts),
            roles=self.roles,
            packable=self.packable,
        )


def merge_facts(files: Sequence[ShapeFacts]) -> ShapeFacts:
    """One model of a split model's files, in their order; the first carries the keys."""
    if len(files) == 1:
        return files[0]
    first = files[0]
    layers = [
        (
            _sum(file.layers[i][0] for file in files if i < len(file.layers)),
            _sum(file.layers[i][1] for file in files if i < len(file.layers)),
        )
        for i in range(max(len(file.layers) for file in files))
    ]
    matrices: dict[str, int] = {}
    packable: dict[str, int] = {}
    roles: dict[str, dict[str, int]] = {}
    for file in files:
        for kind, size in (file.matrices or {}).items():
            matrices[kind] = matrices.get(kind, 0) + size
        for kind, size in (file.packable or {}).items():
            packable[kind] = packable.get(kind, 0) + size
        for role, kinds in (file.roles or {}).items():
            total = roles.setdefault(role, {})
            for kind, count in kinds.items():
                total[kind] = total.get(kind, 0) + count
    return ShapeFacts(
        architecture=first.architecture,
        keys=first.keys,
        layers=tuple(layers),
        inputs=_sum(file.inputs for file in files),
        embedding=_sum(file.embedding for file in files),
        output=_sum(file.output for file in files),
        others=_sum(file.others for file in files),
        matrices=matrices,
        embedding_type=next((f.embedding_type for f in files if f.embedding_type), None),
        embedding_rows=max(file.embedding_rows for file in files),
        output_type=next((f.output_type for f in files if f.output_type), None),
        parts=frozenset[str]().union(*(file.parts for file in files)),
        roles=roles,
        packable=packable,
    )


def _sum(weights: Iterable[Weights]) -> Weights:
    return sum(weights, NO_WEIGHTS)
