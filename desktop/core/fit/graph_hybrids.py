"""Models that mix attention with layers that keep a state, as operations in the engine's order
(granite-hybrid, nemotron-h, qwen3next, qwen35 and lfm2 in src/models/ of llama.cpp 0c1e570).
"""

from __future__ import annotations

from desktop.core.fit.graph import Graph, Tensor
from desktop.core.fit.graph_common import cut, fed, finish, queries, shown
from desktop.core.fit.graph_parts import Parts
from desktop.core.fit.graph_recurrent import RecurrentParts
from desktop.core.gguf.shape import Layer


def granite_hybrid(parts: RecurrentParts) -> None:
    current = parts.embeddings()
    parts.inputs(hybrid=True)
    layers = shown(parts.shape)
    for layer in layers:
        before = current
        current = parts.norm(current)
        if layer.recurrent:
            current = parts.mamba2(current)
        else:
            q, k, v = queries(parts, layer, current)
            current = parts.attend(layer, q, k, v, out=parts.width)
        current, before = cut(parts, layer, layers, current, before)
        middle = Graph.over(current, before)
        current = Graph.over(fed(parts, layer, parts.norm(middle)), middle)
    finish(parts, current)


def nemotron_h(parts: RecurrentParts) -> None:
    """Each layer is one thing: recurrent, attention, or feed-forward."""
    current = parts.embeddings()
    parts.inputs(hybrid=True, positions=False)
    for layer in shown(parts.shape):
        before = current
        current = parts.norm(current)
        if layer.recurrent:
            current = parts.mamba2(current)
        elif layer.own_cache:
            current = parts.attend(layer, *parts.qkv(current, layer), out=parts.width)
        elif layer.experts.count:
            current = _latent_experts(parts, layer, current)
        else:
            current = parts.feed_forward(current, layer.feed_forward, gated=False, acts=2)
        current = Graph.over(current, before)
    finish(parts, current, late=True)


def _latent_experts(parts: Parts, layer: Layer, source: Tensor) -> Tensor:
    """Nemotron's experts: they may work on a narrower copy of the states."""
    narrow = parts.shape.number("expert_latent_length") or parts.width
    down = source if narrow == parts.width else parts.linear(source, narrow)
    logits = parts.linear(source, parts.shape.n_experts)
    made = parts.experts(down, layer, gated=False, acts=2, biased_choice=True, logits=logits)
    if narrow != parts.width:
        made = parts.linear(made, parts.width)
    shared = parts.feed_forward(source, layer.feed_forward, gated=False, acts=2)
    return Graph.over(made, shared)


def qwen35(parts: RecurrentParts) -> None:
    """Qwen3-Next and Qwen3.5: gated delta nets, and gated attention every few layers."""
    shape = parts.shape
    joint = shape.architecture == "qwen3next"
    current = parts.embeddings()
    parts.inputs(hybrid=True)
    for layer in shown(shape):
        before = current
        current = parts.graph.expand(parts.norm(current))
        if layer.recurrent:
            current = parts.delta_net(current, joint_gates=joint)
        else:
            current = _gated_attention(parts, layer, current)
        middle = Graph.over(current, before)
        current = Graph.over(fed(parts, layer, parts.norm(middle)), middle)
    finish(parts, current, late=True)


def _gated_attention(parts: Parts, layer: Layer, source: Tensor) -> Tensor:
    dim, heads, tokens = layer.head_dim_k, layer.n_heads, parts.tokens
    both = parts.linear(source, 2 * dim * heads)
    k = parts.linear(source, layer.n_kv_heads * dim)
    v = parts.heads(parts.linear(source, layer.n_kv_heads * dim), dim, layer.n_kv_heads)
    q = Graph.view(both, dim, heads, tokens, contiguous=False)
    q = Graph.over(Graph.op(q.dims, q))
    k = parts.norm(parts.heads(k, dim, layer.n_kv_heads))
    gate = Graph.op((dim * heads, tokens), Graph.view(both, dim, contiguous=False))
    made = parts.attend(layer, parts.rope(q), parts.rope(k), v)
    made = Graph.over(made, Graph.over(gate))
    return parts.linear(made, parts.width)


def lfm2(parts: RecurrentParts) -> None:
    current = parts.embeddings()
    parts.inputs(hybrid=True)
    layers = shown(parts.shape)
    for layer in layers:
        before = current
        current = parts.norm(current)
        if layer.recurrent:
            current = parts.short_convolution(current)
        else:
            q, k, v = queries(parts, layer, current)
            current = parts.attend(layer, q, k, v, out=parts.width)
        current, before = cut(parts, layer, layers, current, before)
        current = Graph.over(before, current)
        current = Graph.over(current, fed(parts, layer, parts.norm(current)))
    finish(parts, current)
