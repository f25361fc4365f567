"""What lies in GGUF files, tensor by tensor."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from desktop.core.gguf.local import read_header

_FLOATS: dict[str, type[np.floating[Any]]] = {"F32": np.float32, "F16": np.float16}


def contents(paths: Sequence[Path]) -> dict[str, tuple[str, tuple[int, ...], bytes]]:
    """Type, shape and bytes of each tensor of a model's files."""
    found = {}
    for path in paths:
        header, raw = read_header(path), path.read_bytes()
        for tensor in header.tensors:
            start = header.data_offset + tensor.offset
            data = raw[start : start + tensor.size_bytes]
            assert tensor.name not in found, "no tensor is there twice"
            found[tensor.name] = (tensor.type.name, tensor.dims, data)
    return found


def matrix(path: Path, name: str) -> np.ndarray[Any, np.dtype[np.float32]]:
    """A tensor of 16 or 32 bits, as rows."""
    kind, dims, data = contents([path])[name]
    return np.frombuffer(data, _FLOATS[kind]).reshape(dims[::-1]).astype(np.float32)
