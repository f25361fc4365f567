"""What the programs of this machine say of a file that lies in one of their folders."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from desktop.core.library.adopt import gpt4all, jan, lmstudio
from desktop.core.library.adopt.places import AppPlace
from desktop.core.library.given import Given


class KnownApps:
    """Made for one look at the disks: settings are read once.

    Args:
        places: as `Machine.places` finds them.
    """

    def __init__(self, places: Sequence[AppPlace]) -> None:
        # The deepest folder first: a folder of models may lie in another program's.
        self._places = sorted(places, key=lambda place: -len(place.folder.parts))
        self._jan: dict[Path, Given] | None = None

    def given(self, file: Path) -> Given:
        """What came along with a file; nothing where it lies in nobody's folder."""
        imported = self._imported().get(file)
        if imported is not None:
            return imported
        for place in self._places:
            inside = _inside(file, place.folder)
            if inside is not None:
                return _said(place, place.folder / inside)
        return Given()

    def _imported(self) -> Mapping[Path, Given]:
        """Jan names files that may lie anywhere."""
        if self._jan is None:
            self._jan = {
                model.path: model.given
                for place in self._places
                if place.app == "jan" and place.home is not None
                for model in jan.read_models(place.folder, place.home)
            }
        return self._jan


def _inside(file: Path, folder: Path) -> Path | None:
    """The file's place in the folder, whichever way both are spelled; None where it is not in it.

    Only folders are resolved: a model's file may itself be a link to somewhere else.
    """
    if file.is_relative_to(folder):
        return file.relative_to(folder)
    real = Path(os.path.realpath(file.parent)) / file.name
    real_folder = Path(os.path.realpath(folder))
    return real.relative_to(real_folder) if real.is_relative_to(real_folder) else None


def _said(place: AppPlace, file: Path) -> Given:
    if place.app == "lmstudio" and place.home is not None:
        return lmstudio.given_for(file, place.folder, place.home)
    if place.app == "gpt4all" and place.home is not None:
        return gpt4all.given_for(file, place.home)
    return Given(app=place.app, names=() if place.app == "ollama" else (file.stem,))
