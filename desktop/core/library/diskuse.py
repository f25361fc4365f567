"""What all models together take on their disks, by the folders they lie in."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from desktop.core.library.disk import DiskFile, Inode, taken_bytes
from desktop.core.library.entry import ModelEntry


def disk_use(entries: Iterable[ModelEntry], caches: Iterable[Path]) -> dict[str, Any]:
    """{"total_bytes", "places": [{"folder", "app", "bundled", "models", "disk_bytes",
    "free_bytes"}]}, the place that takes most first.

    Each content counts once, where it was found first; `free_bytes` is of the folder's disk, None
    where it cannot be told. Variants add nothing: their file is another model's.
    """
    folders = list(caches)
    files: dict[tuple[str, str | None, bool], list[DiskFile]] = {}
    models: dict[tuple[str, str | None, bool], int] = {}
    seen: set[Inode] = set()
    for entry in entries:
        if entry.variant is not None:
            continue
        place = (str(_folder(entry, folders)), entry.app, entry.bundled)
        own = [file for file in entry.files if file.inode not in seen]
        seen |= {file.inode for file in own}
        files.setdefault(place, []).extend(own)
        models[place] = models.get(place, 0) + (entry.kind == "model")
        for copy in entry.copy_files:
            own = [file for file in copy if file.inode not in seen]
            seen |= {file.inode for file in own}
            if own:
                elsewhere = (str(own[0].path.parent), None, False)
                files.setdefault(elsewhere, []).extend(own)
                models.setdefault(elsewhere, 0)
    places = [
        {
            "folder": folder,
            "app": app,
            "bundled": bundled,
            "models": models[folder, app, bundled],
            "disk_bytes": taken_bytes(found),
            "free_bytes": _free_bytes(folder),
        }
        for (folder, app, bundled), found in files.items()
    ]
    places.sort(key=lambda place: (-int(place["disk_bytes"] or 0), str(place["folder"])))
    total = sum(int(place["disk_bytes"] or 0) for place in places)
    return {"total_bytes": total, "places": places}


def _folder(entry: ModelEntry, caches: Iterable[Path]) -> Path:
    """The cache or folder a model lies in."""
    return next((cache for cache in caches if entry.path.is_relative_to(cache)), entry.root)


def _free_bytes(folder: str) -> int | None:
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None
