"""Models as API clients see them: context, what they can do, how fast they are."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from desktop.core.fit.estimate import Estimate
from desktop.core.library.entry import ModelEntry
from desktop.core.service.asking.abilities import NOTHING_SAID, Abilities
from desktop.core.service.asking.adapters import names_of
from desktop.core.service.loaded import Loaded

Expected = Callable[[ModelEntry, Estimate | None], dict[str, Any] | None]


class ModelCards:
    """Args:
    expected: how fast a model will be as it is priced, or would be; called in a worker thread.
    """

    def __init__(self, expected: Expected | None = None) -> None:
        self._expected = expected

    async def card(
        self, entry: ModelEntry, loaded: Loaded | None, abilities: Abilities | None
    ) -> dict[str, Any]:
        """The model; of a loaded one also what it was given, and why not more.

        Args:
            abilities: what its engine says.
        """
        summary = entry.summary
        prepared = loaded.prepared if loaded is not None else None
        able = capabilities(entry, abilities or NOTHING_SAID)
        trained = summary.context_tokens if summary else None
        quant = summary.quant_type if summary else None
        return {
            "id": entry.id,
            "object": "model",
            "created": int(_mtime(entry)),
            "owned_by": entry.repo.split("/")[0] if entry.repo else "paddock",
            "type": kind_of(able),
            "context_length": trained,
            "max_context_length": trained,
            "loaded_context_length": prepared.settings.context_tokens if prepared else None,
            "slots": prepared.settings.slots if prepared else None,
            "size_bytes": entry.size_bytes,
            "architecture": summary.architecture if summary else None,
            "parameters": summary.parameters if summary else None,
            "quant_type": quant,
            "quantization": quant,
            "capabilities": able,
            "input_modalities": [
                name
                for name, does in (
                    ("text", True),
                    ("image", able["vision"]),
                    ("audio", able["audio"]),
                )
                if does
            ],
            "decode_tokens_per_second": await self._speed(entry, loaded),
            "lora": names_of(prepared.settings.adapters) if prepared else [],
            "state": loaded.state.value if loaded else "not_loaded",
            "notices": [vars(notice) for notice in prepared.notices] if prepared else [],
        }

    async def _speed(self, entry: ModelEntry, loaded: Loaded | None) -> dict[str, Any] | None:
        """Of one request at a time: measured where it ever was, else predicted."""
        measured: dict[str, Any] | None = entry.to_dict()["decode_tokens_per_second"]
        if measured is not None or self._expected is None:
            return measured
        if entry.summary is None or entry.summary.is_embedding:
            return None
        prepared = loaded.prepared if loaded is not None else None
        priced = prepared.estimate if prepared is not None else None
        return await asyncio.to_thread(self._expected, entry, priced)


def capabilities(entry: ModelEntry, abilities: Abilities) -> dict[str, bool | None]:
    """What a model can do; None: nobody knows before it is loaded.

    From its engine where it is loaded, else from its header and from the trial it had when it came.
    """
    summary = entry.summary
    vectors = bool(summary and summary.is_embedding)
    ranks = bool(summary and summary.pooling_type == "rank")
    if vectors:
        nothing = dict.fromkeys(("completion", "tools", "vision", "audio", "thinking"), False)
        return {**nothing, "embeddings": not ranks, "rerank": ranks}
    plain = summary is not None and not summary.chat_template and not entry.card.template
    return {
        "completion": True,
        "tools": _first(abilities.tools, _tried(entry, "tools"), False if plain else None),
        "vision": _first(
            abilities.vision, _tried(entry, "vision"), False if entry.mmproj is None else None
        ),
        "audio": _first(abilities.audio, False if entry.mmproj is None else None),
        "thinking": _first(abilities.thinking, _tried(entry, "thinking"), False if plain else None),
        "embeddings": False,
        "rerank": False,
    }


def kind_of(able: dict[str, bool | None]) -> str:
    """As LM Studio's clients know it."""
    if able["rerank"]:
        return "reranker"
    if able["embeddings"]:
        return "embeddings"
    return "vlm" if able["vision"] else "llm"


def _first(*found: bool | None) -> bool | None:
    return next((each for each in found if each is not None), None)


def _tried(entry: ModelEntry, name: str) -> bool | None:
    """How a check of the trial came out; None where it was not made.

    A check that was skipped because the model knows nothing of the matter is a no.
    """
    for check in (entry.acceptance or {}).get("checks") or ():
        if check.get("name") == name:
            if check.get("mark") == "skipped":
                return False if str(check.get("code", "")).endswith("_none") else None
            return bool(check.get("mark") == "passed")
    return None


def _mtime(entry: ModelEntry) -> float:
    try:
        return entry.path.stat().st_mtime
    except OSError:
        return time.time()
