"""What a load needs beyond the engine's plan: the process, its vocabulary, a device's context.

Measured with llama.cpp 0c1e570 on Linux x86-64 by benchmarks/fit_accuracy.py: the peak of resident
memory after a generation that fills the context, less what the engine reports of its buffers.
"""

from __future__ import annotations

from desktop.core.engine.flags import LoadSettings
from desktop.core.fit.estimate import HOST, ZERO, Figure
from desktop.core.gguf.shape import KV_BYTES, ModelShape

MIB = 1 << 20
# Code, HTTP threads, buffers, requests: 22 to 24 MiB whatever the model, and a bit per slot.
PROCESS_BYTES = 23 * MIB
SLOT_BYTES = 3 * MIB // 4
# Per token of context: the cache's own bookkeeping, and a prompt as the server keeps it.
CELL_BYTES = 230
# The vocabulary in memory: tokens and hash tables. SentencePiece: 128,000 tokens took 20 MiB; with
# merges (byte-level BPE) twice that: qwen2's 151,936 took 47 MiB.
TOKEN_BYTES, MERGES_TOKEN_BYTES = 170, 340
# The engine reserves nodes for graphs, several times over: 20,480 nodes took 26 MiB.
NODE_BYTES = 1280
_NODES_PER_TENSOR, _TENSORS_PER_LAYER = 8, 14
# Delta nets get 40 nodes per token of a micro-batch (`llama_context::graph_max_nodes`).
_NODES_PER_TOKEN = dict.fromkeys(("qwen3next", "qwen35", "qwen35moe"), 40)
# A CUDA or Vulkan context, which no plan contains (ENGINE.md; NVIDIA's is 300 to 600 MiB).
GPU_CONTEXT_BYTES = 450 * MIB
# The server keeps copies of what cannot be rolled back (windows, recurrent states): two for each
# prompt, up to 32 per slot in long conversations (`--ctx-checkpoints`).
CHECKPOINTS, MOST_CHECKPOINTS = 2, 32
# Tables of n-grams: one of 4 Mi tokens for all slots, or 2^18 places for each (common/ngram-*.h).
NGRAM_MOD_BYTES, NGRAM_MAP_SLOT_BYTES = 16 * MIB, MIB


def overhead(
    name: str,
    vocab_size: int | None,
    *,
    shape: ModelShape | None = None,
    settings: LoadSettings | None = None,
) -> Figure:
    """What a device needs beyond the plan: the process on the host, a context on a GPU.

    Args:
        shape: with it also the engine's bookkeeping and the server's checkpoints are counted.
    """
    if name != HOST:
        return Figure(GPU_CONTEXT_BYTES, GPU_CONTEXT_BYTES // 2, GPU_CONTEXT_BYTES * 3 // 2)
    tokens = 128_000 if vocab_size is None else vocab_size
    merged = shape is None or shape.keys.get("tokenizer.merges") != 0
    value = PROCESS_BYTES + tokens * (MERGES_TOKEN_BYTES if merged else TOKEN_BYTES)
    settings = settings or LoadSettings()
    value += settings.slots * SLOT_BYTES + settings.total_context * CELL_BYTES
    value += ngram_bytes(settings)
    # The logits of what speculation proposes: their buffer grows when it first does.
    value += 4 * tokens * settings.slots * settings.proposed_tokens
    checkpoints = ZERO
    if shape is not None:
        value += NODE_BYTES * _nodes(shape, settings) + _scratch_bytes(shape, settings)
        if settings.embedding:  # logits of every token too, although nobody reads them
            value += 4 * settings.ubatch * (shape.vocab_size + shape.embedding_length)
        one = _checkpoint_bytes(shape, settings) * settings.slots
        # The longest conversation is one that fills a slot with prompts of a few hundred tokens.
        most = min(MOST_CHECKPOINTS, 2 + settings.context_tokens // 512)
        checkpoints = Figure(CHECKPOINTS * one, 0, most * one)
    return Figure(value, value * 2 // 3, value * 3 // 2) + checkpoints


def ngram_bytes(settings: LoadSettings) -> int:
    """Tables of speculation from the text itself."""
    if settings.ngram == "ngram-mod":
        return NGRAM_MOD_BYTES
    mapped = settings.ngram in ("ngram-map-k", "ngram-map-k4v")
    return settings.slots * NGRAM_MAP_SLOT_BYTES if mapped else 0


def _nodes(shape: ModelShape, settings: LoadSettings) -> int:
    per_token = _NODES_PER_TOKEN.get(shape.architecture)
    tensors = shape.n_layers * _TENSORS_PER_LAYER
    if per_token is None:
        return max(1024, _NODES_PER_TENSOR * tensors)
    return max(per_token * settings.ubatch, 4 * _NODES_PER_TENSOR * tensors)


def _scratch_bytes(shape: ModelShape, settings: LoadSettings) -> int:
    """The CPU's own buffer: the widest input of a product, in the weights' 8-bit form."""
    width = shape.embedding_length
    for layer in shape.layers:
        widths = (
            layer.feed_forward,
            layer.n_heads * layer.head_dim_v,
            layer.n_experts_used * layer.expert_feed_forward,
        )
        width = max(width, *widths)
    return settings.ubatch * width * 9 // 8


def _checkpoint_bytes(shape: ModelShape, settings: LoadSettings) -> int:
    """One slot's windows and recurrent states."""
    total = 0.0
    for layer in shape.layers:
        if layer.recurrent:
            total += 4 * (shape.state_r + shape.state_s)
        if layer.attention == "sliding" and layer.own_cache and not shape.cacheless:
            cells = min(settings.context_tokens, shape.window)
            keys = layer.n_kv_heads * layer.head_dim_k * KV_BYTES[settings.kv_type_k]
            values = layer.n_kv_heads * layer.head_dim_v * KV_BYTES[settings.kv_type_v]
            total += cells * (keys + values)
    return round(total)
