"""Where a file of Discover stands on its way here: not asked for, on its way, failed, here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from PySide6.QtCore import QObject, Signal

from desktop.core.errors import AppError
from desktop.core.fit.quality import Loss
from desktop.core.hub.names import parse_name
from desktop.ui.context import Context
from desktop.ui.downloads.actions import DownloadActions
from desktop.ui.models.downloads import Download, key_of

Json = dict[str, Any]
Kind = Literal["elsewhere", "remote", "asked", "under_way", "failed", "here", "loading", "ready"]


@dataclass
class LocalModels:
    """What of it is in the library.

    Attributes:
        files: ids by repository (in small letters) and quant; losses: likewise, those measured.
        models: the entries by id; loading: ids that were asked to be loaded.
    """

    files: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    losses: Mapping[str, Mapping[str, Loss]] = field(default_factory=dict)
    models: dict[str, Json] = field(default_factory=dict)
    loading: set[str] = field(default_factory=set)

    def id_of(self, repository: str, quant: str) -> str | None:
        return self.files.get(repository.casefold(), {}).get(quant)


@dataclass(frozen=True)
class Way:
    """How far a file is.

    Attributes:
        kind: "elsewhere": it lies at no hub, and is not downloaded from here; "remote": it can
            be; "asked": a moment ago; "under_way", "failed"; of one that is in the library
            "here", "loading" and "ready".
        name: by which it is downloaded.
        local: its id in the library.
    """

    kind: Kind
    name: str = ""
    download: Download | None = None
    error: AppError | None = None
    local: str | None = None

    @property
    def is_here(self) -> bool:
        return self.kind in ("here", "loading", "ready")

    @property
    def is_coming(self) -> bool:
        return self.kind in ("asked", "under_way")


def pull_name(repository: str, quant: str) -> str | None:
    """By which name a file of a card is downloaded; None where it lies at no hub."""
    if "://" in repository or repository.lower().endswith(".gguf"):
        name = parse_name(repository, _endpoint())
        if name is None:
            return None
        if name.file is not None:
            return f"{name.repo}/{name.file}"
        repository = name.repo
    if quant.lower().endswith(".gguf"):  # a label that is the file's path
        return f"{repository}/{quant}"
    return f"{repository}:{quant}"


def _endpoint() -> str:
    from desktop.core.web import WebSettings  # the network's modules take their time

    return WebSettings.from_environment().endpoint


class Getting(QObject):
    """Signals:
    changed: the way of some file is another.
    progressed: the name of one whose figures changed.
    """

    changed = Signal()
    progressed = Signal(str)

    def __init__(self, context: Context, shelf: LocalModels, parent: QObject) -> None:
        super().__init__(parent)
        self._context, self._shelf = context, shelf
        self.actions = DownloadActions(context)
        downloads = context.state.downloads
        downloads.changed.connect(self.changed)
        downloads.progressed.connect(self._on_progressed)

    def _on_progressed(self, number: int) -> None:
        download = self._context.state.downloads.get(number)
        if download is not None:
            self.progressed.emit(download.key)

    def local(self, repository: str, quant: str) -> str | None:
        """The library's id of a file: by its repository and quant, or as a download ended with
        it."""
        found = self._shelf.id_of(repository, quant)
        if found is not None:
            return found
        name = pull_name(repository, quant)
        if name is not None:
            key = key_of(name)
            for each in self._context.state.downloads.history:
                if each.key == key and each.local_model in self._shelf.models:
                    return each.local_model
        return None

    def entry(self, repository: str, quant: str) -> Json | None:
        """The library's entry of a file."""
        local = self.local(repository, quant)
        return None if local is None else self._shelf.models.get(local)

    def way(self, repository: str, quant: str) -> Way:
        """How far a file is."""
        name = pull_name(repository, quant)
        local = self.local(repository, quant)
        if local is not None:
            return Way(self._here(local), name or "", local=local)
        if name is None:
            return Way("elsewhere")
        downloads = self._context.state.downloads
        download = downloads.of(name)
        if download is not None and not download.ended:
            return Way("under_way", name, download)
        if downloads.is_asked(name):
            return Way("asked", name)
        refused = downloads.refused.get(key_of(name))
        if refused is not None:
            return Way("failed", name, error=refused)
        if download is not None:
            return Way("failed", name, download, download.error)
        return Way("remote", name)

    def _here(self, local: str) -> Kind:
        loaded = self._context.state.models.get(local)
        if loaded is not None:
            return "ready" if loaded["state"] == "ready" else "loading"
        return "loading" if local in self._shelf.loading else "here"

    def get(self, way: Way, *, projector: bool = True, draft: bool = False) -> None:
        """Download it, or try again where that failed."""
        if way.kind == "failed" and way.download is not None:
            self.actions.resume(way.download.id)
        elif way.kind in ("remote", "failed"):
            self.actions.get(way.name, projector=projector, draft=draft)
