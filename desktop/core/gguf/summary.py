"""What Paddock wants to know of a model file, as plain data taken from its header."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from desktop.core.gguf.header import Header, Skipped, Tensor
from desktop.core.gguf.quant import quant_name
from desktop.core.gguf.words import clean

_EMBEDDING_ARCHITECTURES = frozenset(
    {
        *("bert", "modern-bert", "nomic-bert", "nomic-bert-moe", "neo-bert", "eurobert"),
        *("jina-bert-v2", "jina-bert-v3", "t5encoder", "gemma-embedding", "llama-embed"),
    }
)
# `enum llama_pooling_type` in llama.h
_POOLING = {0: "none", 1: "mean", 2: "cls", 3: "last", 4: "rank"}
_NAME_LIMIT, _WORD_LIMIT = 160, 64


@dataclass(frozen=True)
class ModelSummary:
    """One file's header, or several parts' headers merged, in a few plain fields.

    Texts are cleaned and cut: they come from strangers. Sizes are in bytes, counts of layers and
    heads are the largest where a model has them per layer. None means the file does not say.
    """

    architecture: str | None = None
    name: str | None = None
    basename: str | None = None
    finetune: str | None = None
    size_label: str | None = None
    general_type: str | None = None
    parameters: int = 0
    size_bytes: int = 0
    tensor_bytes: int = 0
    quant_type: str | None = None
    bits_per_weight: float | None = None
    tensor_types: dict[str, int] = field(default_factory=dict)
    context_tokens: int | None = None
    n_layers: int | None = None
    n_heads: int | None = None
    n_kv_heads: int | None = None
    head_dim_k: int | None = None
    head_dim_v: int | None = None
    embedding_length: int | None = None
    feed_forward_length: int | None = None
    n_experts: int | None = None
    n_experts_used: int | None = None
    sliding_window: int | None = None
    vocab_size: int | None = None
    tokenizer: str | None = None
    tokenizer_pre: str | None = None
    chat_template: bool = False
    pooling_type: str | None = None
    projection_dim: int | None = None
    license: str | None = None
    languages: tuple[str, ...] = ()
    split_no: int | None = None
    split_count: int | None = None
    alignment: int = 32
    file_type: int | None = None
    is_embedding: bool = False
    is_projector: bool = False
    is_adapter: bool = False
    is_vocab_only: bool = False
    # what `quant_type` is decided on; see `quant_name`
    weight_types: dict[str, int] = field(default_factory=dict)
    odd_weight_types: dict[str, int] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        data = asdict(self)
        data["languages"] = list(self.languages)
        return data

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> ModelSummary:
        """The inverse of `to_dict`; unknown keys are left out.

        Raises:
            TypeError, ValueError: it is no such dictionary.
        """
        known = {entry.name for entry in fields(cls)}
        kept = {name: value for name, value in data.items() if name in known}
        kept["languages"] = tuple(str(word) for word in kept.get("languages", ()))
        for name in ("tensor_types", "weight_types", "odd_weight_types"):
            kept[name] = {str(kind): int(count) for kind, count in kept.get(name, {}).items()}
        for name in ("parameters", "size_bytes", "tensor_bytes", "alignment"):
            kept[name] = int(kept.get(name, 0))
        return cls(**kept)


class _Values:
    """A header's values by key, each of the wanted kind or None."""

    def __init__(self, header: Header) -> None:
        self._values = header.values
        self.architecture = self.text("general.architecture", _WORD_LIMIT)

    def text(self, key: str, limit: int = _WORD_LIMIT) -> str | None:
        value = self._values.get(key)
        return (clean(value, limit) or None) if isinstance(value, str) else None

    def number(self, key: str) -> int | None:
        """A count; the largest of a list of one per layer. Nonsense is None."""
        value = self._values.get(key)
        if isinstance(value, tuple):
            value = max((item for item in value if _is_count(item)), default=None)
        return value if isinstance(value, int) and _is_count(value) and value < 1 << 53 else None

    def of_model(self, key: str) -> int | None:
        return self.number(f"{self.architecture}.{key}") if self.architecture else None

    def length(self, key: str) -> int | None:
        value = self._values.get(key)
        if isinstance(value, Skipped):
            return value.count
        return len(value) if isinstance(value, tuple) else None

    def words(self, key: str) -> tuple[str, ...]:
        value = self._values.get(key)
        if not isinstance(value, tuple):
            return ()
        texts = (clean(word, 32) for word in value[:16] if isinstance(word, str))
        return tuple(text for text in texts if text)

    def has(self, key: str) -> bool:
        value = self._values.get(key)
        return isinstance(value, Skipped) or (isinstance(value, str) and bool(value.strip()))


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_recipe_weight(tensor: Tensor) -> bool:
    """Whether quantization recipes decide this tensor's type by what most weights get."""
    name = tensor.name
    return (
        len(tensor.dims) >= 2
        and name.endswith(".weight")
        and "norm" not in name
        and not name.startswith(("token_embd", "output.", "position_embd", "token_types"))
    )


def summarize(header: Header) -> ModelSummary:
    """The summary of one file's header. Never fails: what makes no sense is None."""
    values = _Values(header)
    bytes_by_type: Counter[str] = Counter()
    weights: Counter[str] = Counter()
    odd: Counter[str] = Counter()
    for tensor in header.tensors:
        bytes_by_type[tensor.type.name] += tensor.size_bytes
        if _is_recipe_weight(tensor):
            (odd if tensor.dims[0] % 256 else weights)[tensor.type.name] += tensor.weights
    heads, width = values.of_model("attention.head_count"), values.of_model("embedding_length")
    head_dim = width // heads if heads and width else None
    general_type = values.text("general.type")
    architecture = values.architecture
    pooling = values.of_model("pooling_type")
    pooling_type = None if pooling is None else _POOLING.get(pooling, str(pooling))
    summary = ModelSummary(
        architecture=architecture,
        name=values.text("general.name", _NAME_LIMIT),
        basename=values.text("general.basename", _NAME_LIMIT),
        finetune=values.text("general.finetune"),
        size_label=values.text("general.size_label"),
        general_type=general_type,
        parameters=sum(tensor.weights for tensor in header.tensors),
        size_bytes=header.file_size,
        tensor_bytes=sum(bytes_by_type.values()),
        tensor_types=dict(bytes_by_type.most_common()),
        context_tokens=values.of_model("context_length"),
        n_layers=values.of_model("block_count"),
        n_heads=heads,
        n_kv_heads=_first(values.of_model("attention.head_count_kv"), heads),
        head_dim_k=_first(values.of_model("attention.key_length"), head_dim),
        head_dim_v=_first(values.of_model("attention.value_length"), head_dim),
        embedding_length=width,
        feed_forward_length=values.of_model("feed_forward_length"),
        n_experts=values.of_model("expert_count"),
        n_experts_used=values.of_model("expert_used_count"),
        sliding_window=values.of_model("attention.sliding_window"),
        vocab_size=_first(values.length("tokenizer.ggml.tokens"), values.of_model("vocab_size")),
        tokenizer=values.text("tokenizer.ggml.model"),
        tokenizer_pre=values.text("tokenizer.ggml.pre"),
        chat_template=values.has("tokenizer.chat_template"),
        pooling_type=pooling_type,
        projection_dim=_first(
            values.number("clip.vision.projection_dim"), values.number("clip.audio.projection_dim")
        ),
        license=values.text("general.license"),
        languages=values.words("general.languages"),
        split_no=values.number("split.no"),
        split_count=values.number("split.count"),
        alignment=header.alignment,
        file_type=values.number("general.file_type"),
        is_embedding=architecture in _EMBEDDING_ARCHITECTURES or pooling_type not in (None, "none"),
        is_projector=architecture == "clip" or general_type == "mmproj",
        is_adapter=general_type == "adapter" or architecture == "controlvector",
        weight_types=dict(weights.most_common()),
        odd_weight_types=dict(odd.most_common()),
    )
    return _decided(summary)


def merge(parts: Sequence[ModelSummary]) -> ModelSummary:
    """One summary of a model split into files, in their order; the first carries the metadata."""
    if len(parts) == 1:
        return parts[0]

    def added(name: str) -> dict[str, int]:
        total: Counter[str] = Counter()
        for part in parts:
            total.update(getattr(part, name))
        return dict(total.most_common())

    return _decided(
        replace(
            parts[0],
            parameters=sum(part.parameters for part in parts),
            size_bytes=sum(part.size_bytes for part in parts),
            tensor_bytes=sum(part.tensor_bytes for part in parts),
            tensor_types=added("tensor_types"),
            weight_types=added("weight_types"),
            odd_weight_types=added("odd_weight_types"),
            split_no=None,
            split_count=len(parts),
        ),
        whole=True,
    )


def _decided(summary: ModelSummary, whole: bool = False) -> ModelSummary:
    """With the fields that follow from the sums over all tensors."""
    quant = quant_name(summary.weight_types, summary.odd_weight_types, summary.file_type)
    if quant is None and summary.tensor_types:
        quant = next(iter(summary.tensor_types))  # nothing but embeddings, say
    alone = whole or (summary.split_count or 1) <= 1
    return replace(
        summary,
        quant_type=quant,
        bits_per_weight=(
            round(summary.tensor_bytes * 8 / summary.parameters, 3) if summary.parameters else None
        ),
        is_vocab_only=alone and not summary.parameters and bool(summary.vocab_size),
    )


def _first(*candidates: int | None) -> int | None:
    return next((value for value in candidates if value is not None), None)
