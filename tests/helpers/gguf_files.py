"""Small GGUF files for tests: written by hand, so that they can also be wrong on purpose.

`write_tiny_llama` makes a model with random weights that the engine really loads; `Gguf` writes
any header, right or wrong.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

U8, I8, U16, I16, U32, I32, F32, BOOL, STR, ARR, U64, I64, F64 = range(13)
_FORMATS = dict(zip((0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 12), "BbHhIif?Qqd", strict=True))
# number, weights per block, bytes per block
TYPES = {
    "F32": (0, 1, 4),
    "F16": (1, 1, 2),
    "Q4_0": (2, 32, 18),
    "Q5_0": (6, 32, 22),
    "Q8_0": (8, 32, 34),
    "Q2_K": (10, 256, 84),
    "Q3_K": (11, 256, 110),
    "Q4_K": (12, 256, 144),
    "Q5_K": (13, 256, 176),
    "Q6_K": (14, 256, 210),
    "IQ3_XXS": (18, 256, 98),
    "IQ4_NL": (20, 32, 18),
    "IQ3_S": (21, 256, 110),
    "IQ4_XS": (23, 256, 136),
    "BF16": (30, 1, 2),
    "MXFP4": (39, 32, 17),
}
CHAT_TEMPLATE = (
    "{% for message in messages %}{{ message.role }}: {{ message.content }}\n{% endfor %}"
    "{% if add_generation_prompt %}assistant: {% endif %}"
)


def text(value: str | bytes) -> bytes:
    raw = value.encode() if isinstance(value, str) else value
    return struct.pack("<Q", len(raw)) + raw


def packed(kind: int, value: Any) -> bytes:
    """A value as it stands in a file; `(kind, [...])` is the value of a list."""
    if kind == STR:
        return text(value)
    if kind == ARR:
        inner, items = value
        if inner in _FORMATS:
            body = struct.pack(f"<{len(items)}{_FORMATS[inner]}", *items)
        else:
            body = b"".join(packed(inner, item) for item in items)
        return struct.pack("<IQ", inner, len(items)) + body
    return struct.pack(f"<{_FORMATS[kind]}", value)


def pair(key: str, kind: int, value: Any) -> bytes:
    return text(key) + struct.pack("<I", kind) + packed(kind, value)


def size_of(dims: Sequence[int], type_name: str) -> int:
    _, block, block_bytes = TYPES[type_name]
    weights = 1
    for dim in dims:
        weights *= dim
    return weights // block * block_bytes


@dataclass
class TensorSpec:
    name: str
    dims: Sequence[int]
    type_name: str = "F32"
    data: bytes | None = None  # zeros when missing
    offset: int | None = None  # where it belongs when missing
    type_number: int | None = None

    @property
    def size(self) -> int:
        return size_of(self.dims, self.type_name)


@dataclass
class Gguf:
    """A GGUF file in the making. What is left alone comes out right."""

    pairs: list[tuple[str, int, Any]] = field(default_factory=list)
    tensors: list[TensorSpec] = field(default_factory=list)
    version: int = 3
    alignment: int = 32
    magic: bytes = b"GGUF"
    n_pairs: int | None = None
    n_tensors: int | None = None

    def set(self, key: str, kind: int, value: Any) -> Gguf:
        self.pairs = [entry for entry in self.pairs if entry[0] != key]
        self.pairs.append((key, kind, value))
        return self

    def header(self) -> bytes:
        n_tensors = len(self.tensors) if self.n_tensors is None else self.n_tensors
        n_pairs = len(self.pairs) if self.n_pairs is None else self.n_pairs
        out = [self.magic, struct.pack("<IQQ", self.version, n_tensors, n_pairs)]
        out += [pair(*entry) for entry in self.pairs]
        offset = 0
        for tensor in self.tensors:
            number = TYPES[tensor.type_name][0]
            if tensor.type_number is not None:
                number = tensor.type_number
            place = offset if tensor.offset is None else tensor.offset
            out.append(text(tensor.name) + struct.pack("<I", len(tensor.dims)))
            out.append(struct.pack(f"<{len(tensor.dims)}Q", *tensor.dims))
            out.append(struct.pack("<IQ", number, place))
            offset += self._padded(tensor.size)
        raw = b"".join(out)
        return raw.ljust(self._padded(len(raw)), b"\0")

    def _padded(self, size: int) -> int:
        return -(-size // self.alignment) * self.alignment

    def chunks(self) -> Iterator[bytes]:
        yield self.header()
        for tensor in self.tensors:
            data = bytes(tensor.size) if tensor.data is None else tensor.data
            yield data.ljust(self._padded(len(data)), b"\0")

    def to_bytes(self) -> bytes:
        return b"".join(self.chunks())

    def write(self, path: Path) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as stream:
            for chunk in self.chunks():
                stream.write(chunk)
        return path


def spm_vocab(words: Sequence[str] = ()) -> list[tuple[str, float, int]]:
    """A SentencePiece vocabulary of its own: the special tokens, 256 bytes, and some words."""
    vocab = [("<unk>", 0.0, 2), ("<s>", 0.0, 3), ("</s>", 0.0, 3)]
    vocab += [(f"<0x{byte:02X}>", 0.0, 6) for byte in range(256)]
    letters = [chr(code) for code in range(ord("a"), ord("z") + 1)] + ["▁", ".", ",", "!", "?"]
    known = ["▁the", "▁a", "▁is", "▁model", "▁hello", "▁world", "th", "he", "in", "er", *words]
    vocab += [(piece, -float(index), 1) for index, piece in enumerate([*known, *letters])]
    return vocab


def _weights(randomness: random.Random, dims: Sequence[int], type_name: str) -> bytes:
    """Small random weights; whatever their bytes, they are finite numbers."""
    count = 1
    for dim in dims:
        count *= dim
    if type_name == "F32":
        sample = struct.pack("<1024f", *(randomness.gauss(0, 0.05) for _ in range(1024)))
        return (sample * (count // 1024 + 1))[: 4 * count]
    if type_name == "F16":
        sample = struct.pack("<1024e", *(randomness.gauss(0, 0.05) for _ in range(1024)))
        return (sample * (count // 1024 + 1))[: 2 * count]
    if type_name == "Q8_0":
        block = struct.pack("<e", 0.0005)
        return b"".join(block + randomness.randbytes(32) for _ in range(count // 32))
    return bytes(size_of(dims, type_name))  # zero blocks are zero weights in every type


def tiny_llama(
    *,
    n_layers: int = 2,
    hidden: int = 256,
    feed_forward: int = 512,
    n_heads: int = 4,
    n_kv_heads: int = 2,
    context: int = 2048,
    vocab: Sequence[tuple[str, float, int]] | None = None,
    type_name: str = "F16",
    types: dict[str, str] | None = None,
    name: str = "Tiny Llama",
    size_label: str | None = None,
    file_type: int | None = None,
    chat_template: str | None = CHAT_TEMPLATE,
    seed: int = 1,
) -> Gguf:
    """A small llama with random weights, ready to write or to spoil.

    Args:
        vocab: pieces with score and type; `spm_vocab()` when missing.
        type_name: the type of every matrix; norms are F32.
        types: the types of single tensors by name, instead.
    """
    randomness = random.Random(seed)
    vocab = spm_vocab() if vocab is None else vocab
    made = Gguf()
    made.set("general.architecture", STR, "llama").set("general.type", STR, "model")
    made.set("general.name", STR, name)
    if size_label is not None:
        made.set("general.size_label", STR, size_label)
    if file_type is not None:
        made.set("general.file_type", U32, file_type)
    numbers = {
        "context_length": context,
        "embedding_length": hidden,
        "block_count": n_layers,
        "feed_forward_length": feed_forward,
        "attention.head_count": n_heads,
        "attention.head_count_kv": n_kv_heads,
        "rope.dimension_count": hidden // n_heads,
        "vocab_size": len(vocab),
    }
    for key, value in numbers.items():
        made.set(f"llama.{key}", U32, value)
    made.set("llama.attention.layer_norm_rms_epsilon", F32, 1e-5)
    made.set("tokenizer.ggml.model", STR, "llama").set("tokenizer.ggml.pre", STR, "default")
    made.set("tokenizer.ggml.tokens", ARR, (STR, [piece for piece, _, _ in vocab]))
    made.set("tokenizer.ggml.scores", ARR, (F32, [score for _, score, _ in vocab]))
    made.set("tokenizer.ggml.token_type", ARR, (I32, [kind for _, _, kind in vocab]))
    for key, value in {"bos": 1, "eos": 2, "unknown": 0}.items():
        made.set(f"tokenizer.ggml.{key}_token_id", U32, value)
    if chat_template is not None:
        made.set("tokenizer.chat_template", STR, chat_template)

    def matrix(tensor_name: str, *dims: int) -> None:
        kind = (types or {}).get(tensor_name, type_name)
        made.tensors.append(TensorSpec(tensor_name, dims, kind, _weights(randomness, dims, kind)))

    def norm(tensor_name: str) -> None:
        ones = struct.pack("<f", 1.0) * hidden
        made.tensors.append(TensorSpec(tensor_name, (hidden,), "F32", ones))

    kv = hidden // n_heads * n_kv_heads
    matrix("token_embd.weight", hidden, len(vocab))
    norm("output_norm.weight")
    matrix("output.weight", hidden, len(vocab))
    for layer in range(n_layers):
        norm(f"blk.{layer}.attn_norm.weight")
        matrix(f"blk.{layer}.attn_q.weight", hidden, hidden)
        matrix(f"blk.{layer}.attn_k.weight", hidden, kv)
        matrix(f"blk.{layer}.attn_v.weight", hidden, kv)
        matrix(f"blk.{layer}.attn_output.weight", hidden, hidden)
        norm(f"blk.{layer}.ffn_norm.weight")
        matrix(f"blk.{layer}.ffn_gate.weight", hidden, feed_forward)
        matrix(f"blk.{layer}.ffn_up.weight", hidden, feed_forward)
        matrix(f"blk.{layer}.ffn_down.weight", feed_forward, hidden)
    return made


def write_tiny_llama(path: Path, **options: Any) -> Path:
    """Write `tiny_llama(**options)`; the engine loads it and generates nonsense."""
    return tiny_llama(**options).write(path)


def write_split_llama(folder: Path, stem: str, parts: int = 3, **options: Any) -> list[Path]:
    """The same model in `stem-0000N-of-0000M.gguf` files, as llama-gguf-split makes them."""
    whole = tiny_llama(**options)
    per_part = -(-len(whole.tensors) // parts)
    paths = []
    for index in range(parts):
        part = Gguf(pairs=list(whole.pairs) if index == 0 else [])
        part.set("split.no", U16, index).set("split.count", U16, parts)
        part.set("split.tensors.count", I32, len(whole.tensors))
        part.tensors = whole.tensors[index * per_part : (index + 1) * per_part]
        paths.append(part.write(folder / f"{stem}-{index + 1:05}-of-{parts:05}.gguf"))
    return paths


def write_projector(path: Path, *, projection_dim: int = 256, name: str = "Tiny Vision") -> Path:
    made = Gguf(tensors=[TensorSpec("mm.0.weight", (64, 64), "F16")])
    made.set("general.architecture", STR, "clip").set("general.type", STR, "mmproj")
    made.set("general.name", STR, name)
    made.set("clip.has_vision_encoder", BOOL, True)
    made.set("clip.vision.projection_dim", U32, projection_dim)
    return made.write(path)


def write_adapter(path: Path, *, name: str = "Tiny Adapter") -> Path:
    made = Gguf(tensors=[TensorSpec("blk.0.attn_q.weight.lora_a", (256, 8), "F32")])
    made.set("general.architecture", STR, "llama").set("general.type", STR, "adapter")
    made.set("adapter.type", STR, "lora").set("general.name", STR, name)
    return made.write(path)


def write_lora(
    path: Path,
    *,
    hidden: int = 256,
    n_layers: int = 2,
    rank: int = 4,
    architecture: str = "llama",
    seed: int = 7,
) -> Path:
    """A LoRA adapter on the queries of a `tiny_llama`, strong enough to change every answer."""
    randomness = random.Random(seed)
    made = Gguf()
    made.set("general.architecture", STR, architecture).set("general.type", STR, "adapter")
    made.set("adapter.type", STR, "lora").set("adapter.lora.alpha", F32, 64.0 * rank)
    for layer in range(n_layers):
        for half, dims in (("a", (hidden, rank)), ("b", (rank, hidden))):
            name = f"blk.{layer}.attn_q.weight.lora_{half}"
            made.tensors.append(TensorSpec(name, dims, "F32", _weights(randomness, dims, "F32")))
    return made.write(path)


def write_vocab_only(path: Path, *, name: str = "Tiny Words") -> Path:
    made = tiny_llama(name=name)
    made.tensors = []
    return made.write(path)


def write_hf_file(
    cache: Path,
    repo: str,
    filename: str,
    content: bytes,
    *,
    revision: str = "a" * 40,
    ref: str | None = "main",
) -> Path:
    """Put a file into a Hugging Face cache as its own library lays it out."""
    import hashlib
    import os

    folder = cache / ("models--" + repo.replace("/", "--"))
    blob = folder / "blobs" / hashlib.sha256(content).hexdigest()
    blob.parent.mkdir(parents=True, exist_ok=True)
    if not blob.exists():
        blob.write_bytes(content)
    link = folder / "snapshots" / revision / filename
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(os.path.relpath(blob, link.parent))
    if ref is not None:
        (folder / "refs").mkdir(exist_ok=True)
        (folder / "refs" / ref).write_text(revision)
    return link
