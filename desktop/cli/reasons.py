"""The words of `recommend`'s reasons: why a model, why this file, why not a better one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from desktop.cli.units import figure, number, size

if TYPE_CHECKING:
    from desktop.core.fit.speed import SpeedFigure

# Where a model runs, by its verdict.
WHERE = {
    "gpu": "full GPU",
    "experts_on_cpu": "experts on CPU",
    "partial": "partial",
    "cpu": "CPU",
}

Words = Callable[[Mapping[str, Any]], str]


def _rate(params: Mapping[str, Any]) -> str:
    return f"~{figure(params['tokens_per_second'], 0)} tok/s"


def _same(params: Mapping[str, Any]) -> str:
    return f"the most likely token stays the same in ~{100 * params['same_top_rate']:.0f} %"


WORDS: dict[str, Words] = {
    # why it is recommended
    "fits_gpu": lambda p: (
        f"fits on the GPU whole ({size(p['need_bytes'])} of {size(p['room_bytes'])})"
    ),
    "experts_on_cpu": lambda p: (
        f"its experts lie in RAM ({size(p['host_bytes'])}), the rest on "
        f"the GPU ({size(p['gpu_bytes'])})"
    ),
    "partial": lambda p: f"{p['layers']} of {p['n_layers']} layers fit on the GPU",
    "cpu": lambda p: f"runs in RAM ({size(p['need_bytes'])} of {size(p['room_bytes'])})",
    "fast_enough": lambda p: f"{_rate(p)}, class {p['class']}",
    "slower_than_wished": lambda p: (
        f"{_rate(p)}, slower than the {figure(p['wished'], 0)} wished for"
    ),
    "speed_unknown": lambda p: "how fast is not known: nobody measured such a device",
    "native_type": lambda p: f"trained in {p['quant']}: this file is the whole model",
    "loss_near_lossless": lambda p: f"loses next to nothing ({_same(p)})",
    "loss_good": lambda p: f"loses little ({_same(p)})",
    "loss_visible": lambda p: f"loses visibly ({_same(p)})",
    "loss_strong": lambda p: f"loses much ({_same(p)})",
    "loss_broken": lambda p: f"hardly the same model any more ({_same(p)})",
    "smaller_cache": lambda p: f"with the KV cache in {p['kv_type']}",
    "better_needs_memory": lambda p: (
        f"{p['quant']} loses less and is {size(p['bytes'])} larger: it does not fit"
    ),
    "better_is_slower": lambda p: f"{p['quant']} loses less at {_rate(p)}",
    # why it was left out
    "context_too_long": lambda p: f"was trained for {number(p['trained'])} tokens of context",
    "too_large": lambda p: (
        f"does not fit: {p['quant']} alone has {size(p['size_bytes'])} of {size(p['room_bytes'])}"
    ),
    "no_repository": lambda p: "no GGUF repository of it was verified",
    "shape_unknown": lambda p: "its dimensions are not known before its header is read",
    "sizes_unknown": lambda p: "no size of its files is known",
    "engine_must_tell": lambda p: "only the engine can price its cache, from its file's header",
    # which hardware
    "too_slow": lambda p: f"would reach {_rate(p)}",
}


def words(code: str, params: Mapping[str, Any]) -> str:
    """A reason as people read it."""
    return WORDS[code](params)


def rate(decode: SpeedFigure) -> str:
    """Tokens per second with their band, and whether they were measured."""
    mark = "✓" if decode.source == "measured" else "~"
    return f"{mark} {decode.value:.0f} ({decode.low:.0f}–{decode.high:.0f})"
