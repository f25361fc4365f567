"""Models as Ollama's clients see them: listed, loaded, and shown."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

from desktop.core.library.adopt.parameters import to_parameters
from desktop.core.library.entry import ModelEntry
from desktop.core.service.asking.abilities import Abilities
from desktop.core.service.loaded import Loaded, ModelState
from desktop.core.service.model_cards import capabilities
from desktop.core.service.ollama.durations import NEVER, timestamp

Json = dict[str, Any]

_HOST = ("CPU", "Host")
_LATEST = ":latest"
# A header's keys that say a model can fill in between two texts (gguf-py/gguf/constants.py).
_FILLS_IN = ("tokenizer.ggml.fim_pre_token_id", "tokenizer.ggml.prefix_token_id")
_VOCABULARY = ("tokens", "scores", "token_type", "merges", "added_tokens", "precompiled_charsmap")


def shown_name(name: str) -> str:
    """A name as it is listed: with a tag, always."""
    return name if ":" in name.rpartition("/")[2] else name + _LATEST


def meant_names(name: str) -> tuple[str, ...]:
    """What a name can mean here, in this order: "latest" is Ollama's word for no tag."""
    plain = name.removesuffix(_LATEST) if name.lower().endswith(_LATEST) else name
    return (name,) if plain == name or not plain else (name, plain)


def tag_list(entries: Iterable[ModelEntry]) -> Json:
    """/api/tags: every model under its id and under each name that people gave it."""
    usable = [entry for entry in entries if entry.error is None and entry.kind == "model"]
    return {"models": [tag(entry, name) for entry in usable for name in (entry.id, *entry.aliases)]}


def tag(entry: ModelEntry, name: str) -> Json:
    shown = shown_name(name)
    return {
        "name": shown,
        "model": shown,
        "modified_at": modified(entry),
        "size": entry.size_bytes,
        "digest": digest(entry),
        "details": details(entry),
    }


def process_list(models: Iterable[Loaded]) -> Json:
    """/api/ps: what is in an engine."""
    ready = [each for each in models if each.state is ModelState.READY]
    return {"models": [_process(each) for each in ready]}


def _process(loaded: Loaded) -> Json:
    entry, prepared = loaded.entry, loaded.prepared
    memory = loaded.server.memory if loaded.server is not None else ()
    expires = loaded.expires
    if expires is None and loaded.active and loaded.keep_seconds is not None and not loaded.pinned:
        expires = loaded.last_used + loaded.keep_seconds  # counted anew when it is idle
    found = tag(entry, entry.id)
    del found["modified_at"]
    return {
        **found,
        "size": sum(device.total_bytes for device in memory) or entry.size_bytes,
        "size_vram": sum(
            device.total_bytes for device in memory if not device.name.startswith(_HOST)
        ),
        "expires_at": NEVER if expires is None else timestamp(expires),
        "context_length": prepared.settings.context_tokens if prepared is not None else None,
    }


def digest(entry: ModelEntry) -> str:
    """64 hexadecimal digits that name the model: its content and its settings' name."""
    return hashlib.sha256((entry.fingerprint or str(entry.path)).encode()).hexdigest()


def modified(entry: ModelEntry) -> str:
    try:
        return timestamp(entry.path.stat().st_mtime)
    except OSError:
        return timestamp(entry.added or 0.0)


def details(entry: ModelEntry) -> Json:
    summary = entry.summary
    family = (summary.architecture if summary is not None else None) or ""
    return {
        "parent_model": entry.variant_of or "",
        "format": "gguf",
        "family": family,
        "families": [family] if family else [],
        "parameter_size": _size(summary.parameters if summary is not None else 0),
        "quantization_level": (summary.quant_type if summary is not None else None) or "unknown",
    }


def _size(parameters: int) -> str:
    if parameters >= 1_000_000_000:
        return f"{parameters / 1e9:.1f}B"
    return f"{parameters / 1e6:.2f}M" if parameters >= 1_000_000 else f"{parameters / 1e3:.2f}K"


# --- /api/show


def show(
    entry: ModelEntry, values: Json, abilities: Abilities | None, modelfile: str, verbose: bool
) -> Json:
    """Everything about one model.

    Args:
        values: its header's (`HeaderReader.read_values`).
        abilities: what its engine says, where it is loaded.
    """
    template = entry.card.template or str(values.get("tokenizer.chat_template") or "")
    parameters = [
        f"{name:<30} {text}"
        for name, text in to_parameters(entry.load_defaults, entry.card.sampling)
    ]
    found: Json = {
        "modelfile": modelfile,
        "parameters": "\n".join(parameters),
        "template": template,
        "details": details(entry),
        "model_info": _info(entry, values, verbose),
        "capabilities": able(entry, values, abilities),
        "modified_at": modified(entry),
    }
    card = entry.card
    license = card.license or (entry.summary.license if entry.summary is not None else None)
    more = {
        "license": license,
        "system": card.system,
        "messages": [dict(each) for each in card.messages],
    }
    return {**found, **{name: value for name, value in more.items() if value}}


def able(entry: ModelEntry, values: Json, abilities: Abilities | None) -> list[str]:
    """What the model can do, in Ollama's words; where nobody tried it, as its template says."""
    template = entry.card.template or str(values.get("tokenizer.chat_template") or "")
    known = capabilities(entry, abilities or Abilities.of({"chat_template": template}))
    tools = known["tools"] if known["tools"] is not None else "tools" in template
    found = {
        "completion": known["completion"],
        "tools": tools,
        "insert": known["completion"] and any(key in values for key in _FILLS_IN),
        "vision": known["vision"] if known["vision"] is not None else entry.mmproj is not None,
        "embedding": known["embeddings"],
        "thinking": known["thinking"],
    }
    return [name for name, does in found.items() if does]


def _info(entry: ModelEntry, values: Json, verbose: bool) -> Json:
    kept = {
        key: value for key, value in values.items() if verbose or key != "tokenizer.chat_template"
    }
    for key in kept:
        if key.startswith("tokenizer.ggml.") and key.rpartition(".")[2] in _VOCABULARY:
            kept[key] = None
    if entry.summary is not None:
        kept["general.parameter_count"] = entry.summary.parameters
    return kept
