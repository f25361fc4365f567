"""Models that nobody trained: real shapes, to be timed or to be asked about."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from desktop.core.gguf.write import TensorSpec, Value, tensor_bytes


@dataclass(frozen=True)
class SyntheticModel:
    """A llama, or with `experts` a mixture of them, whose matrices are all of one type.

    Attributes:
        vocab: rows of the matrix outside the layers.
        feed_forward: of one expert where there are several.
        tied: the embedding is the output as well; else the output has a matrix of its own.
        head_length: numbers per head; 0: the width shared among the heads.
    """

    type_name: str
    layers: int
    hidden: int
    feed_forward: int
    heads: int
    kv_heads: int
    vocab: int = 512
    experts: int = 0
    experts_used: int = 0
    context: int = 8192
    tied: bool = True
    head_length: int = 0

    @property
    def head_dim(self) -> int:
        return self.head_length or self.hidden // self.heads

    def tensors(self) -> Iterator[TensorSpec]:
        """Name, dimensions (ggml's order: a row's length first) and type of every tensor."""
        width, kind, ff = self.hidden, self.type_name, self.feed_forward
        queries, kv = self.head_dim * self.heads, self.head_dim * self.kv_heads
        yield "token_embd.weight", (width, self.vocab), kind
        yield "output_norm.weight", (width,), "F32"
        if not self.tied:
            yield "output.weight", (width, self.vocab), kind
        for layer in range(self.layers):
            blk = f"blk.{layer}"
            yield f"{blk}.attn_norm.weight", (width,), "F32"
            yield f"{blk}.attn_q.weight", (width, queries), kind
            yield f"{blk}.attn_k.weight", (width, kv), kind
            yield f"{blk}.attn_v.weight", (width, kv), kind
            yield f"{blk}.attn_output.weight", (queries, width), kind
            yield f"{blk}.ffn_norm.weight", (width,), "F32"
            if self.experts:
                yield f"{blk}.ffn_gate_inp.weight", (width, self.experts), "F32"
            stem, many = ("_exps", (self.experts,)) if self.experts else ("", ())
            yield f"{blk}.ffn_gate{stem}.weight", (width, ff, *many), kind
            yield f"{blk}.ffn_up{stem}.weight", (width, ff, *many), kind
            yield f"{blk}.ffn_down{stem}.weight", (ff, width, *many), kind

    def values(self) -> dict[str, Value]:
        """The metadata; without a vocabulary, because nothing is ever tokenized."""
        numbers: dict[str, Value] = {
            "context_length": self.context,
            "embedding_length": self.hidden,
            "block_count": self.layers,
            "feed_forward_length": self.feed_forward,
            "attention.head_count": self.heads,
            "attention.head_count_kv": self.kv_heads,
            "attention.key_length": self.head_dim,
            "attention.value_length": self.head_dim,
            "rope.dimension_count": self.head_dim,
            "vocab_size": self.vocab,
            "attention.layer_norm_rms_epsilon": 1e-5,
        }
        if self.experts:
            numbers |= {"expert_count": self.experts, "expert_used_count": self.experts_used}
        return {
            "general.architecture": "llama",
            "tokenizer.ggml.model": "none",
            **{f"llama.{key}": value for key, value in numbers.items()},
        }

    @property
    def size_bytes(self) -> int:
        return sum(tensor_bytes(dims, kind) for _, dims, kind in self.tensors())
