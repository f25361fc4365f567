"""What whole models compute, as far as it decides their working memory.

One function per family puts its parts together in the engine's order (src/models/ of llama.cpp
0c1e570). A model whose family is not here is priced by the engine's dry run only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from desktop.core.fit.graph import Graph, Tensor
from desktop.core.fit.graph_common import cut, fed, finish, queries, shown
from desktop.core.fit.graph_hybrids import granite_hybrid, lfm2, nemotron_h, qwen35
from desktop.core.fit.graph_parts import Batch, Parts
from desktop.core.fit.graph_recurrent import RecurrentParts
from desktop.core.gguf.shape import Layer, ModelShape


@dataclass(frozen=True)
class Working:
    """Bytes of the buffer for intermediate results.

    Attributes:
        peak_bytes: where everything is computed on one device.
        feeding_bytes: what the host needs to feed a device that computes all of it.
        embedding_bytes: the embeddings of a micro-batch, which only the host holds twice.
        masked: the masks, which grow with the context, were there at the peak.
    """

    peak_bytes: int
    feeding_bytes: int
    embedding_bytes: int
    masked: bool = True


def known(architecture: str) -> bool:
    """Whether this architecture's operations are known here."""
    return architecture in _FAMILIES


def working(shape: ModelShape, batch: Batch, alignment: int = 32) -> Working | None:
    """The working memory of a model; None where its operations are not known."""
    family = _FAMILIES.get(shape.architecture)
    if family is None:
        return None
    parts = RecurrentParts(shape, batch, alignment)
    family(parts)
    embedded = 4 * shape.embedding_length * batch.tokens
    feeding = parts.graph.input_bytes + embedded
    peak, masked = parts.graph.peak_beside(parts.masks.values())
    return Working(peak, feeding, embedded, masked)


def _transformer(
    parts: Parts,
    *,
    pre_norms: bool = True,
    post_norms: bool = False,
    wide_norms: bool = False,
    fused: bool = False,
) -> None:
    """llama, qwen, gemma and many more: attention, then a feed-forward part.

    Args:
        pre_norms, post_norms: where a part's input and its output are normed.
        wide_norms: queries and keys are normed before they are cut into heads.
        fused: gate and up projection are one matrix.
    """
    shape = parts.shape
    current = parts.embeddings()
    if post_norms:
        current = Graph.over(current)  # Gemma scales its embeddings
    parts.inputs()
    layers = shown(shape)
    deep = shape.number("n_deepstack_layers")
    for index, layer in enumerate(layers):
        before = current
        source = parts.norm(current) if pre_norms else current
        q, k, v = _wide(parts, layer, source) if wide_norms else queries(parts, layer, source)
        if post_norms:
            q = Graph.over(q)
        current = parts.attend(layer, q, k, v, out=parts.width)
        current, before = cut(parts, layer, layers, current, before)
        if post_norms:
            current = parts.norm(current)
        middle = Graph.over(current, before)
        source = parts.norm(middle) if pre_norms else middle
        current = _fused(parts, layer, source) if fused else fed(parts, layer, source)
        if post_norms:
            current = parts.norm(current)
        current = Graph.over(current, middle)
        if index < deep:
            current = Graph.over(current, parts.deep_states())
    finish(parts, current)


def _wide(parts: Parts, layer: Layer, source: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    q = parts.norm(parts.linear(source, layer.n_heads * layer.head_dim_k))
    k = parts.norm(parts.linear(source, layer.n_kv_heads * layer.head_dim_k))
    v = parts.linear(source, layer.n_kv_heads * layer.head_dim_v)
    return (
        parts.rope(parts.heads(q, layer.head_dim_k, layer.n_heads)),
        parts.rope(parts.heads(k, layer.head_dim_k, layer.n_kv_heads)),
        parts.heads(v, layer.head_dim_v, layer.n_kv_heads),
    )


def _fused(parts: Parts, layer: Layer, source: Tensor) -> Tensor:
    both = parts.linear(source, 2 * layer.feed_forward)
    gated = Graph.op((layer.feed_forward, *both.dims[1:]), both)
    return parts.linear(gated, parts.width)


def _olmo2(parts: Parts) -> None:
    _transformer(parts, pre_norms=False, post_norms=True, wide_norms=True)


def _glm4(parts: Parts) -> None:
    _transformer(parts, post_norms=True, fused=True)


def _minimax_m2(parts: Parts) -> None:
    _transformer(parts, wide_norms=True)


def _gemma(parts: Parts) -> None:
    _transformer(parts, post_norms=True)


def _gemma4(parts: Parts) -> None:
    """Gemma 4: inputs of its own for every layer, experts beside a dense part, shared caches."""
    shape, tokens, width = parts.shape, parts.tokens, parts.width
    current = Graph.over(parts.embeddings())
    parts.inputs()
    extra = shape.number("embedding_length_per_layer_input")
    mine: Tensor | None = None
    if extra:
        ids = Graph.input(tokens)
        chosen = Graph.op((extra * shape.n_layers, tokens), ids)
        chosen = Graph.over(Graph.view(chosen, extra, shape.n_layers, tokens))
        parts.graph.expand(chosen)
        made = Graph.over(parts.linear(current, extra * shape.n_layers))
        made = parts.norm(Graph.view(made, extra, shape.n_layers, tokens))
        made = Graph.over(Graph.over(made, chosen))
        turned = Graph.view(made, extra, tokens, shape.n_layers, contiguous=False)
        mine = Graph.op(turned.dims, turned)
    for layer in shown(shape):
        before = current
        normed = parts.norm(current)
        q, k, v = parts.qkv(normed, layer)
        q = parts.rope(parts.norm(q))
        if layer.own_cache:
            k, v = parts.rope(parts.norm(k)), Graph.over(v)
            current = parts.attend(layer, q, k, v, out=width)
        else:
            current = parts.attend(layer, q, None, None, out=width)
        middle = Graph.over(parts.norm(current), before)
        if layer.experts.count:
            dense = parts.norm(parts.feed_forward(parts.norm(middle), layer.feed_forward))
            routed = parts.norm(middle)
            scaled = Graph.over(Graph.over(Graph.over(middle)))
            logits = parts.linear(scaled, shape.n_experts)
            routed = parts.norm(parts.experts(routed, layer, logits=logits))
            current = Graph.over(dense, routed)
        else:
            current = parts.feed_forward(parts.norm(middle), layer.feed_forward)
        current = Graph.over(parts.norm(current), middle)
        if mine is not None:
            kept = current
            gate = Graph.over(parts.linear(current, extra))
            gate = Graph.over(gate, Graph.view(mine, extra, tokens))
            current = Graph.over(kept, parts.norm(parts.linear(gate, width)))
        current = Graph.over(current)
    finish(parts, current, late=True)


def _phi3(parts: Parts) -> None:
    """Phi-3 and 4: gate and up projection are one matrix."""
    current = parts.embeddings()
    parts.inputs()
    layers = shown(parts.shape)
    for layer in layers:
        before = current
        q, k, v = parts.qkv(parts.norm(current), layer)
        q = Graph.over(parts.rope(q))
        current = parts.attend(layer, q, parts.rope(k), v, out=parts.width)
        current, before = cut(parts, layer, layers, current, before)
        middle = Graph.over(current, before)
        current = Graph.over(middle, _fused(parts, layer, parts.norm(middle)))
    finish(parts, current)


def _gpt_oss(parts: Parts) -> None:
    """As the others, but its router chooses before it weighs, and everything has biases."""
    current = parts.embeddings()
    parts.inputs()
    layers = shown(parts.shape)
    for layer in layers:
        before = current
        q, k, v = parts.qkv(parts.norm(current), layer, bias=True)
        current = parts.attend(layer, parts.rope(q), parts.rope(k), v, out=parts.width, bias=True)
        middle = Graph.over(current, before)
        current = parts.experts(
            parts.norm(middle), layer, bias=True, normed=False, late_softmax=True
        )
        current = Graph.over(current, middle)
    current.is_output = True
    finish(parts, parts.rows(current))


def _latent(parts: Parts) -> None:
    """DeepSeek-V2 and V3: keys and values are unfolded from one latent vector."""
    shape, tokens = parts.shape, parts.tokens
    rank, rope = shape.number("attention.kv_lora_rank"), shape.number("rope.dimension_count")
    k_dim, v_dim = (
        shape.number("attention.key_length_mla"),
        shape.number("attention.value_length_mla"),
    )
    current = parts.embeddings()
    parts.inputs()
    layers = shown(shape)
    for layer in layers:
        before, heads = current, layer.n_heads
        current = parts.norm(current)
        if "attn_q_a" in shape.parts:
            q = parts.linear(current, shape.number("attention.q_lora_rank"))
            q = parts.linear(parts.norm(q), heads * k_dim)
        else:
            q = parts.linear(current, heads * k_dim)
        q = parts.heads(q, k_dim, heads)
        both = parts.linear(current, rank + rope)
        latent = Graph.view(both, rank, tokens, contiguous=False)
        turned = Tensor((rope, 1, tokens), (Graph.view(both, rope, contiguous=False),))
        plain = Graph.op((rank, tokens), latent)
        plain = Graph.over(plain)
        q_plain = Graph.view(q, k_dim - rope, heads, tokens, contiguous=False)
        q_turned = Graph.op((rope, heads, tokens), Graph.view(q, rope, contiguous=False))
        q_plain = Graph.view(q_plain, k_dim - rope, tokens, heads, contiguous=False)
        absorbed = Graph.op((rank, tokens, heads), q_plain)
        absorbed = Graph.view(absorbed, rank, heads, tokens, contiguous=False)
        asked = Graph.op((rank + rope, heads, tokens), absorbed, q_turned)
        plain = Graph.view(plain, rank, 1, tokens)
        keys = Graph.op((rank + rope, 1, tokens), plain, turned)
        current = parts.attend(layer, asked, keys, plain, latent_rows=v_dim, out=parts.width)
        current, before = cut(parts, layer, layers, current, before)
        middle = Graph.over(current, before)
        current = Graph.over(fed(parts, layer, parts.norm(middle)), middle)
    finish(parts, current)


def _bert(parts: Parts) -> None:
    """Encoders: no cache, layer norms after each part, one vector per text at the end."""
    shape = parts.shape
    parts.positions = Graph.input(parts.tokens)
    current = parts.embeddings()
    places = Graph.op((parts.width, parts.tokens), parts.positions)
    current = Graph.over(places, Graph.over(current))
    current = parts.norm(current, mean=True, bias=True)
    parts.inputs(positions=False)
    layers = shown(shape)
    for layer in layers:
        before = current
        q, k, v = parts.qkv(current, layer, bias=True)
        current = parts.attend(layer, q, k, v, out=parts.width, bias=True)
        current, before = cut(parts, layer, layers, current, before)
        current = parts.norm(Graph.over(current, before), mean=True, bias=True)
        middle = current
        current = parts.feed_forward(current, layer.feed_forward, gated=False, bias=True)
        current = parts.norm(Graph.over(current, middle), mean=True, bias=True)
    current.is_output = True
    parts.graph.expand(current)
    if parts.batch.pooled:
        turned = Graph.view(current, parts.batch.outputs, parts.width, contiguous=False)
        turned = Graph.op(turned.dims, turned)
        mean = Graph.input(parts.batch.outputs, parts.batch.sequences)
        pooled = Graph.op((parts.width, parts.batch.sequences), turned, mean)
        pooled.is_output = True
        parts.graph.expand(pooled)


_FAMILIES: dict[str, Callable[[RecurrentParts], None]] = {
    **dict.fromkeys(
        (
            *("llama", "qwen2", "qwen2moe", "qwen3", "qwen3moe", "mistral3", "smollm3"),
            *("granite", "granitemoe", "seed_oss", "glm4moe", "mellum", "qwen3vl", "qwen3vlmoe"),
        ),
        _transformer,
    ),
    **dict.fromkeys(("gemma2", "gemma3"), _gemma),
    "gemma4": _gemma4,
    "olmo2": _olmo2,
    "glm4": _glm4,
    "minimax-m2": _minimax_m2,
    "phi3": _phi3,
    "gpt-oss": _gpt_oss,
    "deepseek2": _latent,
    "granitehybrid": granite_hybrid,
    **dict.fromkeys(("nemotron_h", "nemotron_h_moe"), nemotron_h),
    **dict.fromkeys(("qwen3next", "qwen35", "qwen35moe"), qwen35),
    **dict.fromkeys(("lfm2", "lfm2moe"), lfm2),
    "bert": _bert,
}
