"""A projector that hears, with random weights: the engine loads it and gives sound to the model."""

from __future__ import annotations

import random
import struct
from pathlib import Path

from tests.helpers.gguf_files import BOOL, F32, STR, U32, Gguf, TensorSpec

_MELS, _WIDTH, _FORWARD, _STACK, _MIDDLE = 80, 64, 128, 10, 64
_POSITIONS = 1500  # of 30 seconds, which every sound is filled up to


def write_ears(path: Path, hidden: int = 256) -> Path:
    """Write an Ultravox projector (whisper-enc.cpp of llama.cpp 0c1e570) for a model as wide as
    `hidden`; a sound of up to 30 seconds becomes 150 tokens that mean nothing."""
    randomness = random.Random(5)
    made = Gguf()
    made.set("general.architecture", STR, "clip").set("general.type", STR, "mmproj")
    made.set("general.name", STR, "Tiny Ears")
    made.set("clip.projector_type", STR, "ultravox").set("clip.has_audio_encoder", BOOL, True)
    numbers = {
        "embedding_length": _WIDTH,
        "attention.head_count": 2,
        "feed_forward_length": _FORWARD,
        "block_count": 1,
        "projection_dim": hidden,
        "num_mel_bins": _MELS,
        "projector.stack_factor": _STACK,
    }
    for key, value in numbers.items():
        made.set(f"clip.audio.{key}", U32, value)
    made.set("clip.audio.attention.layer_norm_epsilon", F32, 1e-5)

    def tensor(name: str, *dims: int, kind: str = "F32", value: float | None = None) -> None:
        count = 1
        for size in dims:
            count *= size
        numbers = [randomness.gauss(0, 0.05) if value is None else value for _ in range(count)]
        letter = "f" if kind == "F32" else "e"
        made.tensors.append(
            TensorSpec(name, dims, kind, struct.pack(f"<{count}{letter}", *numbers))
        )

    def norm(name: str) -> None:
        tensor(f"{name}.weight", _WIDTH, value=1.0)
        tensor(f"{name}.bias", _WIDTH, value=0.0)

    def linear(name: str, wide: int, out: int, *, bias: bool = True) -> None:
        tensor(f"{name}.weight", wide, out)
        if bias:
            tensor(f"{name}.bias", out)

    for number, wide in ((1, _MELS), (2, _WIDTH)):
        tensor(f"a.conv1d.{number}.weight", 3, wide, _WIDTH, kind="F16")
        tensor(f"a.conv1d.{number}.bias", 1, _WIDTH)
    tensor("a.position_embd.weight", _WIDTH, _POSITIONS)
    for part in ("attn_q", "attn_k", "attn_v", "attn_out"):
        linear(f"a.blk.0.{part}", _WIDTH, _WIDTH, bias=part != "attn_k")
    norm("a.blk.0.ln1")
    norm("a.blk.0.ln2")
    linear("a.blk.0.ffn_up", _WIDTH, _FORWARD)
    linear("a.blk.0.ffn_down", _FORWARD, _WIDTH)
    norm("a.post_ln")
    tensor("mm.a.norm_pre.weight", _WIDTH * _STACK, value=1.0)
    linear("mm.a.mlp.1", _WIDTH * _STACK, 2 * _MIDDLE, bias=False)
    tensor("mm.a.norm_mid.weight", _MIDDLE, value=1.0)
    linear("mm.a.mlp.2", _MIDDLE, hidden, bias=False)
    return made.write(path)
