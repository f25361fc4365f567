"""Which layers of a model keep what in memory, as the engine decides it.

Facts read in llama.cpp 0c1e570: `load_arch_hparams` of each architecture (src/models/), the pattern
rules of llama-hparams.cpp and the layer filters of `llama_model::create_memory`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from desktop.core.gguf.facts import Value

RECURRENT = frozenset({"mamba", "mamba2", "rwkv6", "rwkv6qwen2", "rwkv7", "arwkv7"})
# Bidirectional or diffusion models: no cache at all.
_CACHELESS_TEXT = """
bert jina-bert-v2 jina-bert-v3 nomic-bert nomic-bert-moe neo-bert eurobert modern-bert
wavtokenizer-dec gemma-embedding dream llada llada-moe rnd1
"""
CACHELESS = frozenset(_CACHELESS_TEXT.split())
# Caches with indexers, compression, encoders or shared states: only the engine can price them.
_OTHER_TEXT = """
minimax-m3 glm-dsa deepseek32 glm5-next hy_v4 dots3note deepseek4 dflash eagle3 qwen4exp
kimi-linear kimi-k3 bailingmoe3 minimax-01 gemma4-assistant t5 t5encoder clip
graniteswitch nanbeige
"""
OTHER_CACHES = frozenset(_OTHER_TEXT.split())
_KV_HEADS_DECIDE = frozenset({"jamba", "granitehybrid", "plamo2", "lfm2", "lfm2moe"})
_INTERVAL = frozenset({"qwen3next", "qwen35", "qwen35moe"})


@dataclass(frozen=True)
class _Sliding:
    """How an architecture finds its sliding layers when the header has no list of them.

    period: one layer in so many sees everything; None where the header must say.
    dense_first: whether that layer is the first of its group, not the last.
    window: the window where the header gives none; `fixed` where the header's is not asked.
    """

    period: int | None = None
    dense_first: bool = False
    window: int | None = None
    fixed: bool = False


_SLIDING: dict[str, _Sliding] = {
    "afmoe": _Sliding(4),
    "cohere2": _Sliding(4),
    "cohere2moe": _Sliding(4, dense_first=True),
    "exaone4": _Sliding(4),
    "exaone-moe": _Sliding(4, window=128),
    "gemma-embedding": _Sliding(6),
    "gemma2": _Sliding(2, window=4096),
    "gemma3": _Sliding(6),
    "gemma3n": _Sliding(5),
    "gemma4": _Sliding(),
    "gpt-oss": _Sliding(2),
    "granite_swa": _Sliding(),
    "laguna": _Sliding(4, dense_first=True),
    "llama4": _Sliding(4, window=8192, fixed=True),
    "maple": _Sliding(),
    "mellum": _Sliding(4),
    "mimo2": _Sliding(),
    "modern-bert": _Sliding(3, dense_first=True),
    "muse-glimmer": _Sliding(4),
    "olmo2": _Sliding(4),
    "plamo3": _Sliding(8),
    "smallthinker": _Sliding(4, dense_first=True, window=4096, fixed=True),
    "spark2_5": _Sliding(),
    "step35": _Sliding(),
}


def sliding_layers(
    architecture: str, keys: Mapping[str, Value], n_layers: int
) -> tuple[int, tuple[bool, ...]]:
    """The window in tokens (0: none) and which layers see no further."""
    none = (False,) * n_layers
    stated = keys.get("attention.sliding_window")
    window = stated if isinstance(stated, int) else None
    if architecture in ("lfm2", "lfm2moe") and window:
        heads = per_layer(keys.get("attention.head_count_kv"), n_layers)
        return window, tuple(count > 0 for count in heads)
    rule = _SLIDING.get(architecture)
    if rule is None:
        return 0, none
    if architecture == "exaone4" and n_layers == 64:
        window = window or 4096
    if window is None and rule.window is not None and architecture != "smallthinker":
        window = rule.window
    if not window:
        return 0, none
    if rule.fixed and rule.window is not None:
        window = rule.window
    pattern = keys.get("attention.sliding_window_pattern")
    if isinstance(pattern, tuple):
        listed = [bool(item) for item in pattern[:n_layers]]
        return window, tuple(listed + [False] * (n_layers - len(listed)))
    period = pattern if isinstance(pattern, int) else rule.period
    if period is None:
        return 0, none
    if period == 0:
        return window, (True,) * n_layers
    if rule.dense_first:
        return window, tuple(index % period != 0 for index in range(n_layers))
    return window, tuple(index % period < period - 1 for index in range(n_layers))


def recurrent_layers(
    architecture: str, keys: Mapping[str, Value], n_layers: int
) -> tuple[bool, ...]:
    """Which layers keep a recurrent state."""
    if architecture in RECURRENT or architecture == "falcon-h1":
        return (True,) * n_layers
    kv_heads = per_layer(keys.get("attention.head_count_kv"), n_layers)
    if architecture in _KV_HEADS_DECIDE:
        return tuple(count == 0 for count in kv_heads)
    if architecture in ("nemotron_h", "nemotron_h_moe"):
        widths = per_layer(keys.get("feed_forward_length"), n_layers)
        return tuple(
            count == 0 and width == 0 for count, width in zip(kv_heads, widths, strict=True)
        )
    if architecture in _INTERVAL:
        listed = keys.get("attention.recurrent_layers")
        if listed is not None:
            return tuple(bool(item) for item in per_layer(listed, n_layers))
        interval = keys.get("full_attention_interval", 4)
        every = interval if isinstance(interval, int) and interval > 0 else 4
        return tuple((index + 1) % every != 0 for index in range(n_layers))
    return (False,) * n_layers


def cached_layers(
    architecture: str, keys: Mapping[str, Value], n_layers: int, recurrent: tuple[bool, ...]
) -> tuple[bool, ...]:
    """Which layers keep keys and values of their own."""
    if architecture in RECURRENT or architecture in CACHELESS:
        return (False,) * n_layers
    if architecture == "falcon-h1":
        return (True,) * n_layers
    if architecture in ("nemotron_h", "nemotron_h_moe"):
        widths = per_layer(keys.get("feed_forward_length"), n_layers)
        return tuple(not r and width == 0 for r, width in zip(recurrent, widths, strict=True))
    if architecture == "gemma3n":  # the rest read the caches of earlier layers
        return tuple(index < 20 for index in range(n_layers))
    if architecture == "gemma4":
        shared = keys.get("attention.shared_kv_layers", 0)
        own = n_layers - (shared if isinstance(shared, int) else 0)
        return tuple(index < own for index in range(n_layers))
    return tuple(not r for r in recurrent)


def state_sizes(architecture: str, keys: Mapping[str, Value]) -> tuple[int, int]:
    """Numbers (float32) of convolution and of state per recurrent layer and sequence."""

    def one(key: str) -> int:
        value = keys.get(key, 0)
        return value if isinstance(value, int) else 0

    if window := one("shortconv.l_cache"):
        return one("embedding_length") * (window - 1), 0
    kernel, inner, state = one("ssm.conv_kernel"), one("ssm.inner_size"), one("ssm.state_size")
    convolution = max(kernel - 1, 0) * (inner + 2 * one("ssm.group_count") * state)
    return convolution, state * inner


def per_layer(value: Value | None, n_layers: int, default: int = 0) -> tuple[int, ...]:
    """A key's value for each layer; a missing one is `default` everywhere."""
    if isinstance(value, tuple):
        return tuple(value[:n_layers]) + (default,) * (n_layers - len(value))
    return ((default if value is None else value),) * n_layers
