"""Headers of GGUF files that are made here: models to be timed, or to be asked about.

Source of the layout: the GGUF specification, version 3, in ggml's docs/gguf.md.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Mapping, Sequence

from desktop.core.gguf.tensor_types import TENSOR_TYPES, TYPES_BY_NAME

# A tensor's name, its dimensions (ggml's order: a row's length first) and its type.
TensorSpec = tuple[str, tuple[int, ...], str]
Value = str | int | float
ALIGNMENT = 32  # GGUF_DEFAULT_ALIGNMENT; llama-quantize writes by no other
_U32, _F32, _STRING = 4, 6, 8
_NUMBERS = {kind.name: number for number, kind in TENSOR_TYPES.items()}


def tensor_bytes(dims: tuple[int, ...], type_name: str) -> int:
    kind = TYPES_BY_NAME[type_name]
    return math.prod(dims) // kind.block * kind.block_bytes


def file_bytes(tensors: Iterable[TensorSpec]) -> int:
    """What the tensors take in a file, behind its header."""
    return sum(padded(tensor_bytes(dims, kind)) for _, dims, kind in tensors)


def header_bytes(tensors: Sequence[TensorSpec], values: Mapping[str, Value]) -> bytes:
    """All that stands before the tensors.

    Args:
        values: metadata; texts, whole numbers (below 2^32) and decimals.
    """
    out = [b"GGUF", struct.pack("<IQQ", 3, len(tensors), len(values))]
    out += [_pair(key, value) for key, value in values.items()]
    offset = 0
    for name, dims, kind in tensors:
        out.append(_text(name) + struct.pack(f"<I{len(dims)}Q", len(dims), *dims))
        out.append(struct.pack("<IQ", _NUMBERS[kind], offset))
        offset += padded(tensor_bytes(dims, kind))
    raw = b"".join(out)
    return raw + bytes(padded(len(raw)) - len(raw))


def padded(size: int) -> int:
    """With what a file puts behind a tensor, or behind its header."""
    return -(-size // ALIGNMENT) * ALIGNMENT


def _text(value: str) -> bytes:
    raw = value.encode()
    return struct.pack("<Q", len(raw)) + raw


def _pair(key: str, value: Value) -> bytes:
    if isinstance(value, str):
        return _text(key) + struct.pack("<I", _STRING) + _text(value)
    if isinstance(value, float):
        return _text(key) + struct.pack("<If", _F32, value)
    return _text(key) + struct.pack("<II", _U32, value)
