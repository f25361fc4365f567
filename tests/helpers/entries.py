"""Entries of the library as the service sends them, without files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from desktop.core.library.entry import ModelEntry

Json = dict[str, Any]


def entry_json(model: str, /, **more: Any) -> Json:
    """An entry of which nothing but its name is known, with these keys of `ModelEntry.to_dict`.

    Raises:
        ValueError: a key that no entry has.
    """
    path = Path("/models") / f"{model.replace(':', '-')}.gguf"
    made = ModelEntry(
        id=model,
        path=path,
        shard_paths=(path,),
        size_bytes=100 << 20,
        fingerprint=f"quick-{model}",
        summary=None,
        error=None,
        kind="model",
        source="folder",
        root=path.parent,
    ).to_dict()
    unknown = set(more) - set(made)
    if unknown:
        raise ValueError(f"no keys of an entry: {sorted(unknown)}")
    return {**made, "name": model, "disk_bytes": 100 << 20, "added": 1_764_000_000.0, **more}
