"""What most models do alike: feed-forward parts, queries and keys, the last layer, the logits."""

from __future__ import annotations

from desktop.core.fit.graph import Graph, Tensor
from desktop.core.fit.graph_parts import Parts
from desktop.core.gguf.shape import Layer, ModelShape


def shown(shape: ModelShape) -> list[Layer]:
    """Enough of the layers: what repeats needs no more memory the third time."""
    seen: dict[tuple[object, ...], int] = {}
    chosen = []
    before: tuple[object, ...] = ()
    for layer in shape.layers:
        kind = (
            layer.attention,
            layer.recurrent,
            layer.own_cache,
            layer.n_heads,
            layer.n_kv_heads,
            layer.feed_forward,
            layer.expert_feed_forward,
            bool(layer.experts.count),
            layer.n_experts_used,
        )
        step = (before, kind)
        if seen.get(step, 0) < 2:
            seen[step] = seen.get(step, 0) + 1
            chosen.append(layer)
        before = kind
    last = shape.layers[-1]
    return chosen if chosen[-1] is last else [*chosen, last]


def finish(parts: Parts, current: Tensor, *, late: bool = False) -> None:
    """The last norm and the logits. `late`: only here the wanted rows are picked."""
    current = parts.norm(current)
    if late:
        current.is_output = True
        current = parts.rows(current)
    current.is_output = True
    logits = parts.linear(current, parts.shape.vocab_size)
    logits.is_output = True
    parts.graph.expand(logits)


def fed(parts: Parts, layer: Layer, source: Tensor) -> Tensor:
    """The feed-forward part of a layer, dense or routed, with a shared expert if there is one."""
    shape = parts.shape
    if not layer.experts.count:
        return parts.feed_forward(source, layer.feed_forward, gated="ffn_gate" in shape.parts)
    made = parts.experts(source, layer)
    if not layer.feed_forward:
        return made
    shared = parts.feed_forward(source, layer.feed_forward)
    if "ffn_gate_inp_shexp" in shape.parts:
        weight = Graph.over(parts.linear(source, 1))
        shared = Graph.over(shared, weight)
    return Graph.over(made, shared)


def cut(parts: Parts, layer: Layer, layers: list[Layer], *tensors: Tensor) -> tuple[Tensor, ...]:
    """In the last layer only the rows whose logits are wanted go on."""
    if layer is not layers[-1]:
        return tensors
    cut = tuple(parts.rows(tensor) for tensor in tensors)
    parts.tokens = parts.batch.outputs
    return cut


def queries(parts: Parts, layer: Layer, source: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Queries, keys and values, normed and rotated."""
    q, k, v = parts.qkv(source, layer)
    if "attn_q_norm" in parts.shape.parts:
        q, k = parts.norm(q), parts.norm(k)
    return parts.rope(q), parts.rope(k), v
