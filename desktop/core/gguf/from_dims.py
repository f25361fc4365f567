"""The facts of a header made up from a table's row: dimensions and the file's size."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from desktop.core.gguf import layer_kinds
from desktop.core.gguf.facts import NO_WEIGHTS, ShapeFacts, Value, Weights
from desktop.core.gguf.shape import ModelShape

_INTERVAL = frozenset({"qwen3next", "qwen35", "qwen35moe"})
_LISTED = frozenset({"granitehybrid", "jamba", "plamo2", "lfm2", "lfm2moe"})
# What a row does not say: the states that hybrids keep per recurrent layer, layers that pictures
# feed; as the published models of each family have them (Qwen3-Next, Qwen3.5, Qwen3-VL, Granite 4,
# Nemotron-H, LFM2), from their configs.
_STATES: dict[str, dict[str, Value]] = {
    "qwen3next": {"ssm.conv_kernel": 4, "ssm.state_size": 128, "ssm.group_count": 16},
    "qwen35": {"ssm.conv_kernel": 4, "ssm.state_size": 128, "ssm.group_count": 16},
    "qwen35moe": {"ssm.conv_kernel": 4, "ssm.state_size": 128, "ssm.group_count": 16},
    "granitehybrid": {"ssm.conv_kernel": 4, "ssm.state_size": 128, "ssm.group_count": 1},
    "nemotron_h": {"ssm.conv_kernel": 4, "ssm.state_size": 128, "ssm.group_count": 8},
    "nemotron_h_moe": {"ssm.conv_kernel": 4, "ssm.state_size": 128, "ssm.group_count": 8},
    "falcon-h1": {"ssm.conv_kernel": 4, "ssm.state_size": 256, "ssm.group_count": 1},
    "lfm2": {"shortconv.l_cache": 3},
    "qwen3vl": {"n_deepstack_layers": 3},
    "qwen3vlmoe": {"n_deepstack_layers": 3},
    "lfm2moe": {"shortconv.l_cache": 3},
}
# DeepSeek-V2 and V3, Kimi K2, GLM-4.7-Flash: a latent of 512 numbers and a rotated key of 64.
_MLA: dict[str, Value] = {
    "attention.key_length": 576,
    "attention.value_length": 512,
    "attention.head_count_kv": 1,
    "attention.key_length_mla": 192,
    "attention.value_length_mla": 128,
    "attention.kv_lora_rank": 512,
    "rope.dimension_count": 64,
}


@dataclass(frozen=True)
class Dims:
    """A table's row about a file.

    Attributes:
        size_bytes: of the whole file; every weight gets the same share of it.
        parameters: of the whole model; what the dimensions do not explain goes to the layers.
        expert_feed_forward: width of one expert; 0: `feed_forward` is that.
        n_full_layers: how many layers have a cache that grows with the context; None: all of
            them, or what the architecture does by itself.
        quant_type: ggml's type of most weights.
        tied: the token embedding serves as the output matrix.
        keys: further keys as a header has them, which override what is made up here.
    """

    architecture: str
    n_layers: int
    embedding_length: int
    n_heads: int
    vocab_size: int
    size_bytes: int
    n_kv_heads: int | None = None
    head_dim: int | None = None
    feed_forward: int = 0
    n_experts: int = 0
    n_experts_used: int = 0
    expert_feed_forward: int = 0
    parameters: int | None = None
    window: int | None = None
    n_full_layers: int | None = None
    context_tokens: int | None = None
    quant_type: str = "Q4_K"
    tied: bool = False
    keys: Mapping[str, Value] = field(default_factory=dict)


def shape_from_dims(dims: Dims) -> ModelShape | None:
    """The shape such a row describes; None where it makes no sense."""
    return ModelShape.of(_weighed(dims, _keys(dims)), exact=False)


def _keys(dims: Dims) -> dict[str, Value]:
    n_layers = dims.n_layers
    n_kv_heads = dims.n_heads if dims.n_kv_heads is None else dims.n_kv_heads
    made: dict[str, Value] = {
        "block_count": n_layers,
        "embedding_length": dims.embedding_length,
        "vocab_size": dims.vocab_size,
        "feed_forward_length": dims.feed_forward,
        "attention.head_count": dims.n_heads,
        "attention.head_count_kv": n_kv_heads,
        **_STATES.get(dims.architecture, {}),
    }
    if dims.context_tokens:
        made["context_length"] = dims.context_tokens
    if dims.head_dim:
        made["attention.key_length"] = made["attention.value_length"] = dims.head_dim
    if dims.n_experts:
        made["expert_count"], made["expert_used_count"] = dims.n_experts, dims.n_experts_used
        made["expert_feed_forward_length"] = dims.expert_feed_forward or dims.feed_forward
    if dims.window:
        made["attention.sliding_window"] = dims.window
    if dims.architecture in _STATES and "ssm.state_size" in made:
        made["ssm.inner_size"] = 2 * dims.embedding_length
        head = 128 if dims.architecture in _INTERVAL else 64
        made["ssm.time_step_rank"] = max(1, 2 * dims.embedding_length // head)
    if dims.architecture in ("deepseek2", "mistral4"):
        made |= _MLA
    full = dims.n_full_layers
    if full is not None and 0 < full < n_layers:
        grows = _spread(full, n_layers)
        if dims.architecture in _INTERVAL:
            made["attention.recurrent_layers"] = tuple(int(not g) for g in grows)
        elif dims.architecture in _LISTED or dims.architecture in ("nemotron_h", "nemotron_h_moe"):
            made["attention.head_count_kv"] = tuple(n_kv_heads if g else 0 for g in grows)
        elif dims.window:
            made["attention.sliding_window_pattern"] = tuple(int(not g) for g in grows)
    if dims.architecture in ("nemotron_h", "nemotron_h_moe"):
        # Half of the layers that do not attend are feed-forward, the other half recurrent.
        heads = layer_kinds.per_layer(made["attention.head_count_kv"], n_layers)
        made["feed_forward_length"] = tuple(
            0 if heads[i] or i % 2 == 0 else dims.feed_forward or dims.expert_feed_forward
            for i in range(n_layers)
        )
    return made | dict(dims.keys)


def _spread(count: int, total: int) -> tuple[bool, ...]:
    """`count` of `total`, as evenly as can be, the last one included."""
    return tuple((i + 1) * count // total > i * count // total for i in range(total))


def _weighed(dims: Dims, keys: dict[str, Value]) -> ShapeFacts:
    n_layers, n_experts = dims.n_layers, dims.n_experts

    def one(key: str) -> int:
        value = keys.get(key, 0)
        return value if isinstance(value, int) else max(value, default=0)

    width, heads = one("embedding_length"), one("attention.head_count")
    dim_k = one("attention.key_length") or (width // heads if heads else 0)
    embedding = one("vocab_size") * width
    expert_width = one("expert_feed_forward_length")
    experts = 3 * width * expert_width * n_experts
    kv_heads = layer_kinds.per_layer(keys.get("attention.head_count_kv"), n_layers)
    widths = layer_kinds.per_layer(keys.get("feed_forward_length"), n_layers)
    lead = one("leading_dense_block_count")
    routed = [n_experts > 0 and index >= lead for index in range(n_layers)]
    dense = [
        2 * width * dim_k * (heads + kv_heads[i]) + (0 if routed[i] else 3 * width * widths[i])
        for i in range(n_layers)
    ]
    head = 0 if dims.tied else embedding
    known = embedding + head + sum(dense) + experts * sum(routed)
    total = max(dims.parameters or known, embedding + head + 1)
    rest = total - embedding - head
    # What the dimensions leave unexplained belongs to the layers (shared experts, gates, states).
    scale = rest / max(1, known - embedding - head)
    per_weight = dims.size_bytes / total

    def weights(count: float) -> Weights:
        return Weights(round(count * per_weight), round(count))

    layers = tuple(
        (weights(dense[i] * scale), weights(experts * scale) if routed[i] else NO_WEIGHTS)
        for i in range(n_layers)
    )
    matrices = sum(a.size_bytes + b.size_bytes for a, b in layers)
    parts = {"attn_q", "ffn_gate", "ffn_up"}
    if n_experts:
        parts |= {"ffn_gate_exps", "ffn_up_exps"}
    return ShapeFacts(
        architecture=dims.architecture,
        keys=keys,
        layers=layers,
        inputs=weights(embedding),
        embedding=weights(embedding),
        output=weights(head),
        matrices={dims.quant_type: matrices},
        packable={dims.quant_type: matrices - sum(b.size_bytes for _, b in layers)},
        embedding_type=dims.quant_type,
        embedding_rows=one("vocab_size"),
        output_type=None if dims.tied else dims.quant_type,
        parts=frozenset(parts),
    )
