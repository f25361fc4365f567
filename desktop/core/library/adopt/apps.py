"""The models of the other programs on this machine, as they are offered for adoption."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken, NullReporter, Reporter
from desktop.core.gguf.words import shown
from desktop.core.library.adopt import jan
from desktop.core.library.adopt.known import KnownApps
from desktop.core.library.adopt.ollama import read_store
from desktop.core.library.adopt.places import AppPlace, Machine
from desktop.core.library.given import TITLES, App, Given
from desktop.core.library.scan import Found, Scanner


@dataclass(frozen=True)
class FoundModel:
    """One model of a program.

    Attributes:
        files: all its files on this disk, the one to load first; empty where there is none.
        size_bytes: of all of them.
        problem: why it cannot be used; None where nothing is known against it.
    """

    name: str
    files: tuple[Path, ...]
    size_bytes: int
    given: Given
    problem: AppError | None = None

    def to_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "path": str(self.files[0]) if self.files else None,
            "files": [str(path) for path in self.files],
            "size_bytes": self.size_bytes,
            "card": self.given.card.to_dict(),
            "load_defaults": dict(self.given.defaults),
            "left_out": [each.to_dict() for each in self.given.left_out],
            "problem": None if self.problem is None else self.problem.to_dict(),
        }


@dataclass(frozen=True)
class AppModels:
    """A folder of a program, and what lies in it.

    Attributes:
        further: files elsewhere that belong to its models; adopting remembers them, too.
        error: why the folder cannot be read.
    """

    app: App
    folder: Path
    models: tuple[FoundModel, ...] = ()
    further: tuple[Path, ...] = ()
    error: AppError | None = None

    @property
    def usable(self) -> tuple[FoundModel, ...]:
        return tuple(model for model in self.models if model.problem is None)

    @property
    def size_bytes(self) -> int:
        """Of all files, those that several models share once."""
        sizes: dict[tuple[Path, ...], int] = {}
        for model in self.models:
            sizes.setdefault(model.files, model.size_bytes)
        return sum(sizes.values())

    def to_dict(self) -> dict[str, Any]:
        return {
            "app": self.app,
            "title": TITLES[self.app],
            "folder": str(self.folder),
            "further": [str(path) for path in self.further],
            "size_bytes": self.size_bytes,
            "models": [model.to_dict() for model in self.models],
            "error": None if self.error is None else self.error.to_dict(),
        }


def find_apps(
    environ: Mapping[str, str],
    platform: str,
    *,
    root: Path = Path("/"),
    reporter: Reporter | None = None,
    cancel: CancelToken | None = None,
) -> list[AppModels]:
    """Every folder of another program that holds models or cannot be read. No file is opened but
    small ones that describe models.

    Args:
        environ, platform, root: as `Machine`.

    Raises:
        AppError: CANCELLED.
    """
    reporter, cancel = reporter or NullReporter(), cancel or CancelToken()
    places = Machine(environ, platform, root).places()
    finder = _Finder(places, reporter, cancel)
    found = [finder.look(place) for place in places]
    return [each for each in found if each.models or each.error is not None]


@dataclass
class _Finder:
    places: Iterable[AppPlace]
    reporter: Reporter
    cancel: CancelToken
    known: KnownApps = field(init=False)

    def __post_init__(self) -> None:
        self.known = KnownApps(list(self.places))

    def look(self, place: AppPlace) -> AppModels:
        try:
            if place.app == "ollama":
                return AppModels(place.app, place.folder, tuple(self._ollama(place.folder)))
            models = [_of_file(found) for found in self._files(place.folder)]
            further = self._imported(place) if place.app == "jan" else []
        except AppError as error:
            if error.code is ErrorCode.CANCELLED:
                raise
            return AppModels(place.app, place.folder, error=error)
        models += further
        return AppModels(
            place.app,
            place.folder,
            tuple(models),
            tuple(model.files[0] for model in further if model.problem is None),
        )

    def _ollama(self, store: Path) -> Iterable[FoundModel]:
        for model in read_store(store, self.cancel):
            files = () if model.model is None else (model.model, *model.others)
            yield FoundModel(model.name.shown, files, model.size_bytes, model.given, model.error)

    def _files(self, folder: Path) -> list[Found]:
        scanner = Scanner(self.reporter, self.cancel, self.known.given)
        return scanner.scan((), [folder], None)

    def _imported(self, place: AppPlace) -> list[FoundModel]:
        """Files that lie outside of Jan's folder, where a person chose them."""
        assert place.home is not None
        found = []
        for model in jan.read_models(place.folder, place.home):
            if model.path.is_relative_to(place.folder):
                continue
            scanner = Scanner(self.reporter, self.cancel, self.known.given)
            files = scanner.scan((), [model.path], None) if not model.path.is_dir() else []
            if files:
                found.append(_of_file(files[0]))
            else:
                gone = AppError(ErrorCode.PATH_NOT_FOUND, path=shown(model.path))
                name = model.given.names[0]
                found.append(FoundModel(name, (model.path,), 0, model.given, gone))
        return found


def _of_file(found: Found) -> FoundModel:
    name = found.given.names[0] if found.given.names else found.path.stem
    beside = () if found.given.mmproj is None else (found.given.mmproj,)
    return FoundModel(name, (*found.paths, *beside), sum(found.sizes), found.given, found.error)
