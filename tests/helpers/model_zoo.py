"""Models of many architectures, as headers over a hole or with random weights.

`zoo(...)` lays a model out as its converter would: the engine plans and loads it. Dimensions are
free, so that one function makes both a stub the size of a real model and a tiny file to load.
"""

from __future__ import annotations

import os
import random
import struct
from collections.abc import Iterator
from pathlib import Path

from tests.helpers.gguf_files import TYPES, Gguf
from tests.helpers.model_layouts import LAYOUTS, transformer
from tests.helpers.model_maker import Maker, Spec

__all__ = ["Spec", "write_random", "write_stub", "zoo"]

_TILE = 1 << 20
# Where a block of a type holds its half-precision scales (ggml-common.h of the pinned engine).
_SCALES = {"Q4_0": (0,), "Q5_0": (0,), "Q8_0": (0,), "Q4_K": (0, 2), "Q5_K": (0, 2)}
_SCALES |= {"Q6_K": (208,), "Q2_K": (80, 82), "Q3_K": (108,), "IQ4_NL": (0,), "IQ4_XS": (0,)}


def zoo(spec: Spec) -> Gguf:
    """The model's keys and tensors; their data are zeros until `write_random` fills them."""
    made = Maker(spec)
    made.tensor("token_embd.weight", spec.hidden, spec.vocab, kind=spec.embedding_kind)
    LAYOUTS.get(spec.architecture, transformer)(made)
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
