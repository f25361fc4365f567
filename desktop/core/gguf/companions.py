"""Whether a file goes with a model: a LoRA adapter, a draft model, a projector; from the headers.

What the engine would find out when everything is loaded (llama.cpp 0c1e570: llama-adapter.cpp,
common/speculative.cpp, tools/mtmd/mtmd.cpp) and then end with. Runs in the reader's child.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Literal

from desktop.core.gguf.header import Header, Skipped, Tensor
from desktop.core.gguf.local import read_header, read_part
from desktop.core.gguf.words import clean

Companion = Literal["adapter", "draft", "projector"]

# `SPEC_VOCAB_MAX_SIZE_DIFFERENCE` and `SPEC_VOCAB_CHECK_START_TOKEN_ID` of common/speculative.cpp
_MOST_TOKENS_APART = 128
_FIRST_TOKEN_COMPARED = 5
_TOKENS = "tokenizer.ggml.tokens"
# How a vocabulary works (`LLAMA_VOCAB_TYPE_*`), by the header's word for it.
_TOKENIZERS = {
    "llama": "SentencePiece",
    "gpt2": "byte pairs",
    "bert": "WordPiece",
    "t5": "unigrams",
    "rwkv": "RWKV's",
}


def problem(kind: Companion, model_paths: Sequence[Path], path: Path) -> str | None:
    """Why the file does not go with the model, in a sentence; None where nothing is against it.

    Raises:
        AppError: as `read_header`, of either.
    """
    checks: dict[Companion, Callable[[Sequence[Path], Path], str | None]] = {
        "adapter": _adapter,
        "draft": _draft,
        "projector": _projector,
    }
    return checks[kind](model_paths, path)


def _word(header: Header, key: str) -> str:
    value = header.values.get(key)
    return clean(value, 64) if isinstance(value, str) else ""


def _what(header: Header) -> str:
    """What kind of file it is, for people."""
    kind, architecture = _word(header, "general.type"), _word(header, "general.architecture")
    if architecture == "clip" or kind == "mmproj":
        return "a projector"
    if kind == "adapter":
        return "an adapter"
    if kind == "imatrix":
        return "an importance matrix"
    return f"a model ({architecture})" if architecture else "no model"


# --- adapters


def _adapter(model_paths: Sequence[Path], path: Path) -> str | None:
    header = read_header(path)
    if _word(header, "general.type") != "adapter":
        return f"It is no LoRA adapter but {_what(header)}."
    if (kind := _word(header, "adapter.type")) != "lora":
        return f"It is an adapter of the type “{kind}”; the engine takes LoRA adapters."
    headers = [read_header(each) for each in model_paths]
    ours, theirs = (_word(each, "general.architecture") for each in (headers[0], header))
    if ours != theirs:
        return f"It was made for the architecture {theirs}; the model is {ours}."
    tensors = {tensor.name: tensor for each in headers for tensor in each.tensors}
    halves: dict[str, dict[str, Tensor]] = {}
    for tensor in header.tensors:
        name, _, half = tensor.name.rpartition(".")
        if half in ("lora_a", "lora_b"):
            halves.setdefault(name, {})[half] = tensor
        elif not tensor.name.endswith("_norm.weight"):
            return f"Its tensor “{clean(tensor.name, 64)}” is no part of a LoRA adapter."
    if not halves:
        return "It holds no tensors."
    wrong = (_pair(name, pair, tensors.get(name)) for name, pair in halves.items())
    return next((each for each in wrong if each is not None), None)


def _pair(name: str, pair: dict[str, Tensor], tensor: Tensor | None) -> str | None:
    shown = clean(name, 64)
    if len(pair) < 2:
        return f"Of its tensor “{shown}” one half is missing."
    if tensor is None:
        return f"The model has no tensor “{shown}”: it was made for another model."
    a, b = (_dims(pair[half]) for half in ("lora_a", "lora_b"))
    wide, high = _dims(tensor)
    if name.endswith("token_embd.weight"):  # its halves are stored the other way round
        fits = (wide, high) == (b[1], a[1])
    else:
        fits = (wide, high) == (a[0], b[1]) and a[1] == b[0]
    if fits:
        return None
    return (
        f"Its tensor “{shown}” has another shape than the model's: it was made for another model."
    )


def _dims(tensor: Tensor) -> tuple[int, int]:
    dims = (*tensor.dims, 1)
    return dims[0], dims[1]


# --- draft models


def _draft(model_paths: Sequence[Path], path: Path) -> str | None:
    ours, theirs = read_header(model_paths[0]), read_header(path)
    our_words, their_words = ours.values.get(_TOKENS), theirs.values.get(_TOKENS)
    if not isinstance(their_words, Skipped) or _what(theirs) != (
        f"a model ({_word(theirs, 'general.architecture')})"
    ):
        return f"It is no model that can propose tokens but {_what(theirs)}."
    if not theirs.tensors:
        return "It holds a vocabulary and no weights."
    if not isinstance(our_words, Skipped):
        return "The model has no vocabulary of its own to compare with."
    kinds = [_TOKENIZERS.get(_word(each, "tokenizer.ggml.model")) for each in (ours, theirs)]
    if None not in kinds and kinds[0] != kinds[1]:
        return f"Its vocabulary is of another kind ({kinds[1]}; the model's: {kinds[0]})."
    if abs(our_words.count - their_words.count) > _MOST_TOKENS_APART:
        sizes = f"{their_words.count:,} tokens; the model's: {our_words.count:,}"
        return f"Its vocabulary is another one ({sizes})."
    for which in ("bos", "eos"):
        key = f"tokenizer.ggml.{which}_token_id"
        ids = ours.values.get(key), theirs.values.get(key)
        if None not in ids and ids[0] != ids[1]:
            return f"Its {which.upper()} token is another one ({ids[1]}; the model's: {ids[0]})."
    pairs = zip(_texts(model_paths[0], our_words), _texts(path, their_words), strict=False)
    compared = islice(enumerate(pairs), _FIRST_TOKEN_COMPARED, None)
    differs = next((number for number, (one, other) in compared if one != other), None)
    if differs is not None:
        return f"Its vocabulary is another one: token {differs} differs from the model's."
    return None


def _texts(path: Path, words: Skipped) -> Iterator[bytes]:
    """The texts of a list whose place in the file is known; the header was checked before."""
    raw = read_part(path, words.start, words.end)
    position = 0
    while position < len(raw):
        length = int.from_bytes(raw[position : position + 8], "little")
        yield raw[position + 8 : position + 8 + length]
        position += 8 + length


# --- projectors


def _projector(model_paths: Sequence[Path], path: Path) -> str | None:
    header = read_header(path)
    if _what(header) != "a projector":
        return f"It is no projector but {_what(header)}."
    model = read_header(model_paths[0])
    width = model.values.get(f"{_word(model, 'general.architecture')}.embedding_length")
    keys = ("clip.vision.projection_dim", "clip.audio.projection_dim")
    made = [value for key in keys if isinstance(value := header.values.get(key), int)]
    if not isinstance(width, int) or not made or width in made:
        return None
    # Older files name another width there; then the last layer's own shape tells.
    if any(width in tensor.dims for tensor in header.tensors):
        return None
    return f"It makes vectors of {made[0]:,} numbers; the model takes {width:,}: it is another's."
