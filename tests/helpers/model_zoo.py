"""Models of many architectures, as headers over a hole or with random weights.

`zoo(...)` lays a model out as its converter would: the engine plans and loads it. Dimensions are
free, so that one function makes both a stub the size of a real model and a tiny file to load.
"""

from __future__ import annotations

import os
from pathlib import Path

from desktop.core.fit.speed_models import RandomWeights
from tests.helpers.gguf_files import Gguf
from tests.helpers.model_layouts import LAYOUTS, transformer
from tests.helpers.model_maker import Maker, Spec

__all__ = ["Spec", "write_random", "write_stub", "zoo"]


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
    """The model with the random weights of the models that a calibration times."""
    made, weights = zoo(spec), RandomWeights(seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as stream:
        stream.write(made.header())
        for tensor in made.tensors:
            if tensor.data is not None:
                stream.write(tensor.data)
            else:
                weights.write(stream, tensor.name, tensor.type_name, tensor.size)
            stream.write(bytes(-tensor.size % made.alignment))
    return path
