"""Models as Anthropic's clients list them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from desktop.core.library.entry import ModelEntry
from desktop.core.service.anthropic.checks import invalid
from desktop.core.service.loaded import Loaded

Json = dict[str, Any]

_PAGE, _MOST = 20, 1000


def model_list(
    entries: Iterable[ModelEntry], loaded: Mapping[str, Loaded], query: Mapping[str, str]
) -> Json:
    """One page of all models that can answer, each under its id and under the names it was given.

    Args:
        query: `limit`, `after_id`, `before_id`.

    Raises:
        ApiError: 400.
    """
    names = [
        (entry, name)
        for entry in entries
        if entry.error is None and entry.kind == "model"
        for name in (entry.id, *entry.aliases)
    ]
    limit = _limit(query.get("limit"))
    if (before := query.get("before_id")) is not None:
        end = _place(names, before, "before_id")
        start = max(0, end - limit)
        has_more = start > 0
    else:
        after = query.get("after_id")
        start = 0 if after is None else _place(names, after, "after_id") + 1
        end = min(start + limit, len(names))
        has_more = end < len(names)
    page = [model_info(entry, loaded.get(entry.id), name) for entry, name in names[start:end]]
    return {
        "data": page,
        "has_more": has_more,
        "first_id": page[0]["id"] if page else None,
        "last_id": page[-1]["id"] if page else None,
    }


def model_info(entry: ModelEntry, loaded: Loaded | None, name: str) -> Json:
    """One model, by the name it was asked by."""
    summary = entry.summary
    tokens = summary.context_tokens if summary is not None else None
    if loaded is not None and loaded.prepared is not None:
        tokens = loaded.prepared.settings.context_tokens
    return {
        "type": "model",
        "id": name,
        "display_name": (summary.name if summary is not None else None) or entry.id,
        "created_at": _created(entry),
        "lifecycle": "active",
        "max_input_tokens": tokens,
        "max_tokens": tokens,
    }


def _limit(value: str | None) -> int:
    if value is None:
        return _PAGE
    if not value.isascii() or not value.isdigit() or not 1 <= int(value) <= _MOST:
        raise invalid("limit", f"It must be a whole number from 1 to {_MOST}.")
    return int(value)


def _place(names: list[tuple[ModelEntry, str]], wanted: str, where: str) -> int:
    for place, (_, name) in enumerate(names):
        if name == wanted:
            return place
    raise invalid(where, f"There is no model “{wanted[:200]}” in the list.")


def _created(entry: ModelEntry) -> str:
    try:
        seconds = entry.path.stat().st_mtime
    except OSError:
        seconds = entry.added or 0.0
    return datetime.fromtimestamp(int(seconds), UTC).isoformat().replace("+00:00", "Z")
