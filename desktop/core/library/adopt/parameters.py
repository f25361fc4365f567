"""Ollama's parameters as ours: what a load is given, what a request gets, and what has no place.

Source of names and meanings: `api/types.go` (Options, Runner) and `docs/modelfile.mdx` of
ollama/ollama.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from desktop.core.errors import AppError
from desktop.core.gguf.words import clean
from desktop.core.library.cards import SAMPLING, STOP, Card
from desktop.core.library.given import LeftOut

_SHOWN_CHARS = 80
# Ollama's name → ours, where a request carries it.
_SAMPLING = {
    **{name: name for name in SAMPLING if name != "max_tokens"},
    "num_predict": "max_tokens",
}
_BACK = {ours: theirs for theirs, ours in _SAMPLING.items()}
_CONTEXT = (64, 16_777_216)  # as `LoadRequest` takes it
_MOST_LAYERS = 1024

_OURS = "Paddock decides this itself, for the machine it runs on."
_GONE = "The engine has no such setting any more."
_NO_PLACE = {
    "num_thread": _OURS,
    "num_batch": _OURS,
    "num_keep": "The engine never drops a part of a conversation, so that nothing must be kept.",
    "main_gpu": _OURS,
    "use_mmap": _OURS,
    "use_mlock": _OURS,
    "numa": _OURS,
    "low_vram": _GONE,
    "f16_kv": _GONE,
    "logits_all": _GONE,
    "vocab_only": _GONE,
    "embedding_only": _GONE,
    "num_gqa": _GONE,
    "rope_frequency_base": "The engine takes it from the model's file.",
    "rope_frequency_scale": "The engine takes it from the model's file.",
    "tfs_z": _GONE,
    "penalize_newline": _GONE,
}
WITHOUT_PLACE = frozenset(_NO_PLACE)
KNOWN = frozenset({*_SAMPLING, *_NO_PLACE, "num_ctx", "num_gpu", STOP})


@dataclass(frozen=True)
class Taken:
    """Parameters after they were taken over.

    Attributes:
        defaults: for loads, by the names of `LoadRequest`.
        sampling: for requests, as `Card.sampling`.
    """

    defaults: dict[str, Any] = field(default_factory=dict)
    sampling: dict[str, Any] = field(default_factory=dict)
    left_out: tuple[LeftOut, ...] = ()


def take_over(parameters: Mapping[str, Any]) -> Taken:
    """Parameters as Ollama stores them (numbers, texts, lists) or as a Modelfile writes them.

    Never fails: what makes no sense is left out, with the reason.
    """
    defaults: dict[str, Any] = {}
    sampling: dict[str, Any] = {}
    left: list[LeftOut] = []
    for name, raw in parameters.items():
        value = raw if name == STOP else _number(raw)
        if name == "num_ctx":
            if _is_whole(value) and _CONTEXT[0] <= value <= _CONTEXT[1]:
                defaults["context_tokens"] = value
            else:
                left.append(left_out(name, raw, f"It must be a whole number from {_CONTEXT[0]}."))
        elif name == "num_gpu":
            if _is_whole(value) and value >= 0:
                defaults["gpu_layers"] = min(value, _MOST_LAYERS)
            elif value != -1:  # which leaves it to the program, as we do
                left.append(left_out(name, raw, "It must be a whole number from 0."))
        elif name == "num_predict" and value == -1:
            continue  # no limit, as here
        elif name in _SAMPLING or name == STOP:
            ours = _SAMPLING.get(name, name)
            asked = [raw] if name == STOP and isinstance(raw, str) else value
            try:
                card = Card().changed({"sampling": {ours: asked}})
            except AppError as error:
                left.append(left_out(name, raw, error.cause))
            else:
                sampling |= card.sampling
        else:
            left.append(left_out(name, raw, _NO_PLACE.get(name, "Paddock knows no such setting.")))
    return Taken(defaults, sampling, tuple(left))


def left_out(name: str, value: Any, reason: str) -> LeftOut:
    """With name and value cut to what can be shown: both are a stranger's."""
    return LeftOut(clean(str(name), _SHOWN_CHARS), clean(str(value), _SHOWN_CHARS), reason)


def to_parameters(
    defaults: Mapping[str, Any], sampling: Mapping[str, Any]
) -> list[tuple[str, str]]:
    """The reverse: (name, value) of each PARAMETER line, in a fixed order."""
    lines: list[tuple[str, str]] = []
    if (context := defaults.get("context_tokens")) is not None:
        lines.append(("num_ctx", str(context)))
    if (layers := defaults.get("gpu_layers")) is not None:
        lines.append(("num_gpu", str(layers)))
    for name in SAMPLING:
        if name in sampling:
            value = sampling[name]
            text = repr(value) if isinstance(value, float) else str(value)
            lines.append((_BACK[name], text))
    lines += [(STOP, text) for text in sampling.get(STOP, ())]
    return lines


def _number(raw: Any) -> Any:
    """The number of a text; anything else as it is."""
    if not isinstance(raw, str):
        return raw
    for kind in (int, float):
        try:
            return kind(raw.strip())
        except ValueError:
            continue
    return raw


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
