"""A small BERT with random weights that the engine loads as an embedding model."""

from __future__ import annotations

import random
import struct
from pathlib import Path

from tests.helpers.gguf_files import ARR, BOOL, F32, I32, STR, U32, Gguf, TensorSpec

DIMENSION = 64
_WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *(f"▁{letter}" for letter in "abcdefghij"), "▁hello"]


def write_tiny_bert(
    path: Path, n_layers: int = 2, context: int = 128, *, ranks: bool = False
) -> Path:
    """Write it; its embeddings have DIMENSION numbers and mean nothing.

    Args:
        ranks: it scores pairs of texts, and its scores mean nothing.
    """
    randomness = random.Random(3)
    made = Gguf()
    made.set("general.architecture", STR, "bert").set("general.name", STR, "Tiny Bert")
    numbers = {
        "block_count": n_layers,
        "context_length": context,
        "embedding_length": DIMENSION,
        "feed_forward_length": 128,
        "attention.head_count": 4,
        "pooling_type": 4 if ranks else 1,
    }
    for key, value in numbers.items():
        made.set(f"bert.{key}", U32, value)
    made.set("bert.attention.layer_norm_epsilon", F32, 1e-12)
    made.set("bert.attention.causal", BOOL, False)
    made.set("tokenizer.ggml.model", STR, "bert").set("tokenizer.ggml.pre", STR, "default")
    made.set("tokenizer.ggml.tokens", ARR, (STR, _WORDS))
    made.set("tokenizer.ggml.token_type", ARR, (I32, [3] * 4 + [1] * (len(_WORDS) - 4)))
    made.set("tokenizer.ggml.token_type_count", U32, 2)
    for key, value in {
        "padding": 0,
        "unknown": 1,
        "cls": 2,
        "bos": 2,
        "seperator": 3,
        "eos": 3,
    }.items():
        made.set(f"tokenizer.ggml.{key}_token_id", U32, value)

    def tensor(name: str, *dims: int, value: float | None = None) -> None:
        count = 1
        for size in dims:
            count *= size
        numbers = [value if value is not None else randomness.gauss(0, 0.1) for _ in range(count)]
        made.tensors.append(TensorSpec(name, dims, "F32", struct.pack(f"<{count}f", *numbers)))

    def norm(name: str) -> None:
        tensor(f"{name}.weight", DIMENSION, value=1.0)
        tensor(f"{name}.bias", DIMENSION, value=0.0)

    tensor("token_embd.weight", DIMENSION, len(_WORDS))
    tensor("token_types.weight", DIMENSION, 2)
    tensor("position_embd.weight", DIMENSION, context)
    norm("token_embd_norm")
    for layer in range(n_layers):
        at = f"blk.{layer}"
        for part in ("attn_q", "attn_k", "attn_v", "attn_output"):
            tensor(f"{at}.{part}.weight", DIMENSION, DIMENSION)
            tensor(f"{at}.{part}.bias", DIMENSION)
        norm(f"{at}.attn_output_norm")
        tensor(f"{at}.ffn_up.weight", DIMENSION, 128)
        tensor(f"{at}.ffn_up.bias", 128)
        tensor(f"{at}.ffn_down.weight", 128, DIMENSION)
        tensor(f"{at}.ffn_down.bias", DIMENSION)
        norm(f"{at}.layer_output_norm")
    if ranks:
        tensor("cls.weight", DIMENSION, DIMENSION)
        tensor("cls.bias", DIMENSION)
        tensor("cls.output.weight", DIMENSION, 1)
        tensor("cls.output.bias", 1)
    return made.write(path)
