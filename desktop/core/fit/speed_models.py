"""Small models that exist only to be timed: real shapes, random weights, no download.

The weights are random bits with small scales: how long a multiplication takes must not depend on
numbers that no real model has. One random block is written over and over: what counts is where
the bytes lie, not whether they repeat.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from desktop.core.gguf.tensor_types import TYPES_BY_NAME
from desktop.core.gguf.write import ALIGNMENT, TensorSpec, header_bytes, tensor_bytes

if TYPE_CHECKING:
    import numpy as np

_TILE_BYTES = 4 << 20
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


def write_model(
    path: Path,
    tensors: Sequence[TensorSpec],
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
        stream.write(header_bytes(tensors, values))
        for name, dims, kind in tensors:
            size = tensor_bytes(dims, kind)
            norm = len(dims) == 1 and "norm" in name
            key = "norm" if norm else kind
            if key not in tiles:
                tiles[key] = (
                    struct.pack("<f", 1.0) * 4096 if norm else _tile(kind, rng, zeros=zeros)
                )
            _fill(stream, tiles[key], size, check)
            stream.write(bytes(-size % ALIGNMENT))


def _fill(stream: BinaryIO, tile: bytes, size: int, check: Callable[[], None]) -> None:
    while size > 0:
        check()
        size -= stream.write(tile[: min(size, len(tile))])


def _tile(kind: str, rng: np.random.Generator, *, zeros: bool) -> bytes:
    """Some MB of whole blocks of a type."""
    import numpy as np

    info = TYPES_BY_NAME[kind]
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
