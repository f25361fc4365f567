"""LoRA adapters as people share them: what the converter can make of one, and what it cannot.

A GGUF adapter says one number, alpha, and is applied with alpha / rank; the converter copies
`lora_alpha` and looks at nothing else. What an adapter's config says beyond that is brought into
that form here, or refused: a file that works with another strength than its maker meant helps
nobody.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

CONFIG = "adapter_config.json"
WEIGHTS = "adapter_model.safetensors"
PICKLE = "adapter_model.bin"
# The two halves of a changed tensor; mergekit also writes norms, which the engine leaves out.
_HALVES = (".lora_A.weight", ".lora_B.weight", ".lora_embedding_A", ".lora_embedding_B")
_LEFT_OUT = ("_layernorm", ".norm", ".base_layer.weight")
# Settings of PEFT that change what the tensors mean, and what they are, for people.
_OTHERWISE = {
    "use_dora": "It is a DoRA adapter, which also scales whole weights.",
    "fan_in_fan_out": "Its tensors are stored the other way round (fan_in_fan_out).",
    "layer_replication": "It repeats layers of its model (layer_replication).",
}


class Unsupported(ValueError):
    """Why an adapter cannot be converted, in a sentence."""


def base_name(config: Mapping[str, Any]) -> str:
    """The model that an adapter says it was trained for."""
    named = config.get("base_model_name_or_path")
    return named[:120] if isinstance(named, str) and named.isprintable() and named else "?"


def told_to_converter(config: Mapping[str, Any]) -> dict[str, Any]:
    """The config that makes the converter write what the adapter means.

    Raises:
        Unsupported: no such file can mean the same.
    """
    kind = config.get("peft_type", "LORA")
    if kind != "LORA":
        raise Unsupported(f"It is an adapter of the type {str(kind)[:40]}, not LoRA.")
    for name, reason in _OTHERWISE.items():
        if config.get(name):
            raise Unsupported(reason)
    alpha = _number(config, "lora_alpha")
    others = config.get("alpha_pattern") or {}
    if not isinstance(others, dict) or any(value != alpha for value in others.values()):
        raise Unsupported("It changes some tensors more strongly than others (alpha_pattern).")
    if config.get("use_rslora"):  # applied with alpha / √rank
        if config.get("rank_pattern"):
            raise Unsupported("It is a rank-stabilized adapter with several ranks.")
        alpha *= math.sqrt(_number(config, "r"))
    told: dict[str, Any] = {"lora_alpha": alpha}
    tokens = config.get("alora_invocation_tokens")
    if tokens:
        if not isinstance(tokens, list) or not all(type(each) is int for each in tokens):
            raise Unsupported("The tokens that switch it on are no list of numbers.")
        told["alora_invocation_tokens"] = tokens
    elif config.get("invocation_string"):
        raise Unsupported("It is switched on by a text whose tokens it does not name (aLoRA).")
    return told


def _number(config: Mapping[str, Any], name: str) -> float:
    value = config.get(name)
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value < 1e9:
        raise Unsupported(f"Its {CONFIG} names no {name}.")
    return float(value)


def check_tensors(names: Iterable[str]) -> None:
    """Raises:
    Unsupported: it holds tensors that are no halves of changed ones, or none.
    """
    halves: dict[str, set[str]] = {}
    for name in names:
        half = next((each for each in _HALVES if each in name), None)
        if half is not None:
            halves.setdefault(name.replace(half, ""), set()).add(half)
        elif not any(each in name for each in _LEFT_OUT):
            raise Unsupported(f"It also replaces whole tensors (“{name[:80]}”).")
    if not halves:
        raise Unsupported("It holds no LoRA tensors.")
    single = next((name for name, found in halves.items() if len(found) < 2), None)
    if single is not None:
        raise Unsupported(f"Of its tensor “{single[:80]}” one half is missing.")
