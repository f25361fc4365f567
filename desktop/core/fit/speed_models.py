"""Small models that exist only to be timed: real shapes, random weights, no download.

The weights are random bits with small scales: how long a multiplication takes must not depend on
numbers that no real model has. One random block is written over and over: what counts is where
the bytes lie, not whether they repeat.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from desktop.core.gguf.tensor_types import TENSOR_TYPES

if TYPE_CHECKING:
    import numpy as np

_U32, _F32, _STRING = 4, 6, 8
_ALIGNMENT = 32
_TILE_BYTES = 4 << 20
_NUMBERS = {kind.name: number for number, kind in TENSOR_TYPES.items()}
# Where a block of a type holds its half-precision scales (ggml-common.h of the pinned engine).
_HALF_SCALES: dict[str, tuple[int, ...]] = {
    **dict.fromkeys(("Q4_0", "Q5_0", "Q8_0", "IQ4_NL", "IQ4_XS"), (0,)),
    **dict.fromkeys(("IQ1_S", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ3_XXS", "IQ3_S"), (0,)),
    **dict.fromkeys(("Q4_1", "Q5_1", "Q4_K", "Q5_K"), (0, 2)),
    "Q2_K": (80, 82),
    "Q3_K": (108,),
    "Q6_K": (208,),
}
_SCALE = 0.001
_MXFP4_EXPONENT = 118  # 2^-9: its first byte is an exponent with a bias of 127
_FLOATS = ("F32", "F16", "BF16")
TYPES = (*_FLOATS, *_HALF_SCALES, "MXFP4")


@dataclass(frozen=True)
class SyntheticModel:
    """A llama, or with `experts` a mixture of them, whose matrices are all of one type.

    Attributes:
        vocab: rows of the only matrix outside the layers; it is embedding and output in one.
        feed_forward: of one expert where there are several.
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

    @property
    def head_dim(self) -> int:
        return self.hidden // self.heads

    def tensors(self) -> Iterator[tuple[str, tuple[int, ...], str]]:
        """Name, dimensions (ggml's order: a row's length first) and type of every tensor."""
        width, kind, ff = self.hidden, self.type_name, self.feed_forward
        kv = self.head_dim * self.kv_heads
        yield "token_embd.weight", (width, self.vocab), kind
        yield "output_norm.weight", (width,), "F32"
        for layer in range(self.layers):
            blk = f"blk.{layer}"
            yield f"{blk}.attn_norm.weight", (width,), "F32"
            yield f"{blk}.attn_q.weight", (width, width), kind
            yield f"{blk}.attn_k.weight", (width, kv), kind
            yield f"{blk}.attn_v.weight", (width, kv), kind
            yield f"{blk}.attn_output.weight", (width, width), kind
            yield f"{blk}.ffn_norm.weight", (width,), "F32"
            if self.experts:
                yield f"{blk}.ffn_gate_inp.weight", (width, self.experts), "F32"
            stem, many = ("_exps", (self.experts,)) if self.experts else ("", ())
            yield f"{blk}.ffn_gate{stem}.weight", (width, ff, *many), kind
            yield f"{blk}.ffn_up{stem}.weight", (width, ff, *many), kind
            yield f"{blk}.ffn_down{stem}.weight", (ff, width, *many), kind

    def values(self) -> dict[str, str | int | float]:
        """The metadata; without a vocabulary, because nothing is ever tokenized."""
        numbers: dict[str, str | int | float] = {
            "context_length": self.context,
            "embedding_length": self.hidden,
            "block_count": self.layers,
            "feed_forward_length": self.feed_forward,
            "attention.head_count": self.heads,
            "attention.head_count_kv": self.kv_heads,
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


def tensor_bytes(dims: tuple[int, ...], type_name: str) -> int:
    kind = TENSOR_TYPES[_NUMBERS[type_name]]
    return math.prod(dims) // kind.block * kind.block_bytes


def write_model(
    path: Path,
    tensors: Sequence[tuple[str, tuple[int, ...], str]],
    values: dict[str, Any],
    *,
    check: Callable[[], None] = lambda: None,
    zeros: bool = False,
    seed: int = 1,
) -> None:
    """Write a GGUF file with random weights of finite, small value.

    Args:
        values: metadata; texts, whole numbers and decimals.
        check: called after every few MB; what it raises ends the writing.
        zeros: write zeros instead, to compare.

    Raises:
        OSError: it cannot be written, a full disk among others.
    """
    import numpy as np

    rng = np.random.default_rng(seed)
    tiles: dict[str, bytes] = {}
    with path.open("wb") as stream:
        stream.write(_header(tensors, values))
        for name, dims, kind in tensors:
            size = tensor_bytes(dims, kind)
            norm = len(dims) == 1 and "norm" in name
            key = "norm" if norm else kind
            if key not in tiles:
                tiles[key] = (
                    struct.pack("<f", 1.0) * 4096 if norm else _tile(kind, rng, zeros=zeros)
                )
            _fill(stream, tiles[key], size, check)
            stream.write(bytes(-size % _ALIGNMENT))


def _fill(stream: BinaryIO, tile: bytes, size: int, check: Callable[[], None]) -> None:
    while size > 0:
        check()
        size -= stream.write(tile[: min(size, len(tile))])


def _tile(kind: str, rng: np.random.Generator, *, zeros: bool) -> bytes:
    """Some MB of whole blocks of a type."""
    import numpy as np

    info = TENSOR_TYPES[_NUMBERS[kind]]
    blocks = _TILE_BYTES // info.block_bytes
    if zeros:
        return bytes(blocks * info.block_bytes)
    if kind in _FLOATS:
        floats = rng.standard_normal(blocks, dtype=np.float32) * np.float32(0.02)
        if kind == "BF16":
            return (floats.view(np.uint32) >> 16).astype(np.uint16).tobytes()
        return floats.astype(np.float16 if kind == "F16" else np.float32).tobytes()
    raw = rng.integers(0, 256, (blocks, info.block_bytes), dtype=np.uint8)
    if kind == "MXFP4":
        raw[:, 0] = _MXFP4_EXPONENT
    else:
        scale = np.frombuffer(struct.pack("<e", _SCALE), dtype=np.uint8)
        for place in _HALF_SCALES[kind]:
            raw[:, place : place + 2] = scale
    return raw.tobytes()


def _text(value: str) -> bytes:
    raw = value.encode()
    return struct.pack("<Q", len(raw)) + raw


def _pair(key: str, value: Any) -> bytes:
    if isinstance(value, str):
        return _text(key) + struct.pack("<I", _STRING) + _text(value)
    if isinstance(value, float):
        return _text(key) + struct.pack("<If", _F32, value)
    return _text(key) + struct.pack("<II", _U32, value)


def _header(tensors: Sequence[tuple[str, tuple[int, ...], str]], values: dict[str, Any]) -> bytes:
    out = [b"GGUF", struct.pack("<IQQ", 3, len(tensors), len(values))]
    out += [_pair(key, value) for key, value in values.items()]
    offset = 0
    for name, dims, kind in tensors:
        out.append(_text(name) + struct.pack(f"<I{len(dims)}Q", len(dims), *dims))
        out.append(struct.pack("<IQ", _NUMBERS[kind], offset))
        size = tensor_bytes(dims, kind)
        offset += size + -size % _ALIGNMENT
    raw = b"".join(out)
    return raw + bytes(-len(raw) % _ALIGNMENT)
