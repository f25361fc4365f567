"""Ollama's store as the library lists it: by files, with their names, and variants of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from desktop.core.errors import AppError
from desktop.core.library.adopt.ollama import OllamaModel
from desktop.core.library.given import Given


@dataclass(frozen=True)
class Listed:
    """A blob under the names that mean the same settings.

    Attributes:
        variant: its name, where the blob has other settings under another name, which stands for
            the file itself.
    """

    path: Path
    given: Given
    variant: str | None = None
    error: AppError | None = None


def listed(models: Sequence[OllamaModel]) -> list[Listed]:
    """Each blob once with its names, and behind it its variants.

    For the blob itself stands the name that was pulled: the others were made from it.
    """
    groups: dict[Path, list[OllamaModel]] = {}
    for model in models:
        if model.model is not None:
            groups.setdefault(model.model, []).append(model)
    found = []
    for path, group in groups.items():
        kinds: list[list[OllamaModel]] = []
        for model in sorted(group, key=lambda each: (each.derived, each.name.shown)):
            same = next((kind for kind in kinds if _same_settings(kind[0], model)), None)
            if same is None:
                kinds.append([model])
            else:
                same.append(model)
        for place, kind in enumerate(kinds):
            names = tuple(model.name.shown for model in kind)
            given = replace(kind[0].given, names=names)
            found.append(Listed(path, given, names[0] if place else None, kind[0].error))
    return found


def _same_settings(one: OllamaModel, other: OllamaModel) -> bool:
    return replace(one.given, names=()) == replace(other.given, names=())
