"""Small models that exist only to be timed: real shapes, random weights, no download.

How long most steps take does not depend on the numbers, but three do, and so the weights are random
bits with small scales that are like trained ones in three respects. No type's weights lean to one
side: else every token would look alike after a layer or two, and all would go to the same few
experts. No two experts are alike. And a token looks at all before it about evenly: with random
queries the scores of attention lie hundreds apart, where `expf` takes a slow way out that the
scores of a trained model hardly ever need (a third of the time that attention took, on an EPYC).
One random block is written over and over: what counts is where the bytes lie, not whether they
repeat.
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
# Where a block of a type holds its half-precision scales (ggml-common.h of the pinned engine), and
# how large each is, so that the weights' mean is nothing: what a type subtracts, or adds, is the
# middle of its numbers.
_HALF_SCALES: dict[str, tuple[tuple[int, float], ...]] = {
    **dict.fromkeys(("Q4_0", "Q5_0", "Q8_0", "IQ4_NL", "IQ4_XS"), ((0, 1.0),)),
    **dict.fromkeys(("IQ1_S", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ3_XXS", "IQ3_S"), ((0, 1.0),)),
    "Q4_1": ((0, 1.0), (2, -7.5)),
    "Q5_1": ((0, 1.0), (2, -15.5)),
    "Q2_K": ((80, 1.0), (82, 1.5)),
    "Q3_K": ((108, 1.0),),
    "Q4_K": ((0, 1.0), (2, 7.5)),
    "Q5_K": ((0, 1.0), (2, 15.5)),
    "Q6_K": ((208, 1.0),),
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
    weights = RandomWeights(seed, zeros=zeros)
    with path.open("wb") as stream:
        stream.write(header_bytes(tensors, values))
        for name, dims, kind in tensors:
            size = tensor_bytes(dims, kind)
            weights.write(stream, name, kind, size, check)
            stream.write(bytes(-size % ALIGNMENT))


class RandomWeights:
    """The contents of a model's tensors, the same for the same seed."""

    def __init__(self, seed: int, *, zeros: bool = False) -> None:
        import numpy as np

        self._rng = np.random.default_rng(seed)
        self._zeros = zeros
        self._tiles: dict[str, bytes] = {}

    def write(
        self,
        stream: BinaryIO,
        name: str,
        kind: str,
        size: int,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        """Write `size` bytes of the tensor `name`, whose type must be one of `TYPES`.

        Args:
            check: called after every few MB; what it raises ends the writing.
        """
        if name.endswith("norm.weight"):
            tile = struct.pack("<f", 1.0) * 4096
        elif name.endswith("attn_q.weight"):
            tile = bytes(_TILE_BYTES)
        else:
            tile = self._tiles.get(kind) or _tile(kind, self._rng, zeros=self._zeros)
            self._tiles[kind] = tile
        _fill(stream, tile, size, check)


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
        signs = rng.choice((-_SCALE, _SCALE), (blocks, 1))
        for place, factor in _HALF_SCALES[kind]:
            raw[:, place : place + 2] = (signs * factor).astype(np.float16).view(np.uint8)
    return raw.tobytes()
