"""Which projector (mmproj) belongs to which model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from desktop.core.library.entry import ModelEntry

_ORDER = ("F16", "BF16", "Q8_0", "F32")  # most exact for its size first


def attach_projectors(entries: Sequence[ModelEntry]) -> tuple[ModelEntry, ...]:
    """The entries, with the models' `mmproj` set where one lies beside them and fits, and none is
    known yet."""
    projectors = sorted(
        (entry for entry in entries if entry.kind == "projector" and not entry.broken),
        key=_preference,
    )
    return tuple(
        replace(entry, mmproj=_projector_for(entry, projectors, entries))
        if entry.kind == "model" and entry.mmproj is None
        else entry
        for entry in entries
    )


def _preference(entry: ModelEntry) -> tuple[int, str]:
    quant = entry.summary.quant_type if entry.summary else None
    return (_ORDER.index(quant) if quant in _ORDER else len(_ORDER)), str(entry.path)


def _projector_for(
    model: ModelEntry, projectors: Iterable[ModelEntry], entries: Sequence[ModelEntry]
) -> Path | None:
    for projector in projectors:
        if model.repo is not None:
            # Uploads often keep quants in subfolders and one projector at the top.
            same_place = projector.repo == model.repo and projector.revision == model.revision
            if same_place and projector.path.parent in model.path.parents:
                return projector.path
        elif projector.path.parent == model.path.parent and _fits(model, projector, entries):
            return projector.path
    return None


def _fits(model: ModelEntry, projector: ModelEntry, entries: Sequence[ModelEntry]) -> bool:
    """In a folder of a user's own, models of many kinds may lie together."""
    made = projector.summary.projection_dim if projector.summary else None
    taken = model.summary.embedding_length if model.summary else None
    if made is not None and taken is not None:
        return made == taken
    architectures = {
        entry.summary.architecture
        for entry in entries
        if entry.kind == "model" and entry.summary and entry.path.parent == model.path.parent
    }
    return len(architectures) == 1
