"""A model that is its tensors' names and shapes: enough for the engine's dry run to size files."""

from __future__ import annotations

import contextlib
import math
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from desktop.core.gguf.stub import StubPart, sparse_model
from desktop.core.gguf.summary import ModelSummary
from desktop.core.gguf.synthetic import SyntheticModel
from desktop.core.gguf.write import file_bytes, header_bytes

# Llama 3 8B, on which llama-quantize's own list of types gives its sizes.
REFERENCE = SyntheticModel("F16", 32, 4096, 14_336, 32, 8, vocab=128_256, tied=False)
_MOST = 1 << 24  # of any of a config's numbers


@contextlib.contextmanager
def outlined(model: SyntheticModel, folder: Path) -> Iterator[Path]:
    """A file with the model's header and a hole for its weights; removed when the block ends.

    Args:
        folder: where it may lie.

    Raises:
        AppError: SPARSE_UNSUPPORTED, DISK_FULL.
    """
    tensors = list(model.tensors())
    head = header_bytes(tensors, model.values())
    with tempfile.TemporaryDirectory(prefix="paddock-outline-") as place:
        written = Path(place) / "header"
        written.write_bytes(head)
        with sparse_model([StubPart(written, len(head) + file_bytes(tensors))], folder) as path:
            yield path


def summary_of(model: SyntheticModel) -> ModelSummary:
    """What the header of such a model's file would say."""
    weights = sum(math.prod(dims) for _, dims, _ in model.tensors())
    return ModelSummary(
        parameters=weights,
        size_bytes=model.size_bytes,
        bits_per_weight=round(model.size_bytes * 8 / weights, 3),
        n_layers=model.layers,
        n_heads=model.heads,
        n_kv_heads=model.kv_heads,
        head_dim_k=model.head_dim,
        head_dim_v=model.head_dim,
        embedding_length=model.hidden,
        feed_forward_length=model.feed_forward,
        vocab_size=model.vocab,
    )


def of_config(config: Mapping[str, Any]) -> SyntheticModel | None:
    """The outline of a checkpoint as its config.json describes it, as a llama of its dimensions;
    None where it does not name them."""
    nested = config.get("text_config")
    said = {**config, **nested} if isinstance(nested, dict) else dict(config)

    def number(*names: str) -> int | None:
        found = (said.get(name) for name in names)
        return next((each for each in found if type(each) is int and 0 < each < _MOST), None)

    hidden, layers = number("hidden_size", "n_embd"), number("num_hidden_layers", "n_layer")
    heads, vocab = number("num_attention_heads", "n_head"), number("vocab_size")
    if not hidden or not layers or not heads or not vocab or hidden % heads:
        return None
    experts = number("num_local_experts", "num_experts", "n_routed_experts") or 0
    wide = number("intermediate_size", "n_inner") or 4 * hidden
    return SyntheticModel(
        "F16",
        layers,
        hidden,
        (number("moe_intermediate_size") or wide) if experts else wide,
        heads,
        number("num_key_value_heads") or heads,
        vocab=vocab,
        experts=experts,
        experts_used=min(experts, number("num_experts_per_tok") or 1),
        tied=said.get("tie_word_embeddings") is True,
    )
