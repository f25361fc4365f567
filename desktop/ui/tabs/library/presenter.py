"""The library page's talk with the service: reading, adding, loading, unloading."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from desktop.core.client.client import Client
from desktop.core.errors import AppError, ErrorCode
from desktop.ui.context import Context
from desktop.ui.models.standing import keep

Json = dict[str, Any]


class LibraryPresenter(QObject):
    """Keeps what the page shows in step with the service.

    Signals:
        models_read: every entry (`ModelEntry.to_dict`).
        read_failed: why there is no list.
        disk_use_known: what all of it takes (`Client.disk_use`).
        busy_changed: whether the library is being read.
        loaded_changed: the models in the engines have changed.
        marks_changed: the loads that wait for their turn or failed have changed.
        added: (ids that are new, names of what was not taken because it is no model).
    """

    models_read = Signal(list)
    read_failed = Signal(object)
    disk_use_known = Signal(dict)
    busy_changed = Signal(bool)
    loaded_changed = Signal()
    marks_changed = Signal()
    added = Signal(list, list)

    def __init__(self, context: Context, parent: QObject) -> None:
        super().__init__(parent)
        self._context = context
        self._running = 0
        self._again = False
        self._reading = False
        self._hidden = False
        self.waiting: set[str] = set()
        self.failures: dict[str, AppError] = {}
        state = context.state
        state.online_changed.connect(self._on_online_changed)
        state.library_changed.connect(self.read)
        state.loaded_changed.connect(self._on_loaded_changed)
        state.model_failed.connect(self._on_model_failed)

    def start(self) -> None:
        """Show what is known already."""
        self._on_loaded_changed()
        if self._context.state.online:
            self.read()

    # --- the list -----------------------------------------------------------------------------

    def read(self) -> None:
        """Read the list again; asked again while one is under way, once more after it."""
        if self._reading:
            self._again = True
            return
        self._reading = True
        self._begin()
        hidden = self._hidden
        self._context.ask(
            lambda client: client.models(hidden=hidden), self._on_models_read, self._on_read_failed
        )

    def _on_models_read(self, models: list[Json]) -> None:
        self._end()
        self._reading = False
        self.models_read.emit(models)
        self._context.ask(Client.disk_use, self.disk_use_known.emit, self._on_disk_use_failed)
        if self._again:
            self._again = False
            self.read()

    def _on_disk_use_failed(self, error: AppError) -> None:
        """A tooltip without figures is no trouble of the user's; the list itself is there."""
        self.disk_use_known.emit({"total_bytes": 0, "places": []})

    def _on_read_failed(self, error: AppError) -> None:
        self._end()
        self._reading = self._again = False
        self.read_failed.emit(error)

    def list_hidden(self, on: bool) -> None:
        """Whether hidden models are listed, too."""
        self._hidden = on
        self.read()

    def rescan(self) -> None:
        """Look at all places again; what is new comes as `library_changed`."""
        self._begin()
        self._context.ask(Client.scan, self._on_scanned, self._on_work_failed)

    def _on_scanned(self, change: Json) -> None:
        self._end()
        self.read()

    def add(self, paths: list[str]) -> None:
        """Have the library read these files and folders in place."""
        if not paths:
            return
        self._begin()

        def work(client: Client) -> tuple[list[str], list[str]]:
            ids: list[str] = []
            refused: list[str] = []
            for path in paths:
                place = Path(path)
                if place.is_dir() or place.suffix.lower() == ".gguf":
                    ids += client.add_models(path)["added"]
                else:
                    refused.append(place.name)
            return ids, refused

        self._context.ask(work, self._on_added, self._on_work_failed)

    def _on_added(self, outcome: tuple[list[str], list[str]]) -> None:
        self._end()
        self.added.emit(*outcome)
        self.read()

    def _on_work_failed(self, error: AppError) -> None:
        self._end()
        self._context.show_error(error)
        self.read()

    def _begin(self) -> None:
        self._running += 1
        if self._running == 1:
            self.busy_changed.emit(True)

    def _end(self) -> None:
        self._running -= 1
        if self._running == 0:
            self.busy_changed.emit(False)

    # --- loading ------------------------------------------------------------------------------

    def load(self, model: str, wishes: Json) -> None:
        """Args: wishes: keyword arguments of `Client.load`."""
        self.failures.pop(model, None)
        self.waiting.add(model)
        self.marks_changed.emit()

        def done(answer: Json) -> None:
            self._forget(model, None)

        def failed(error: AppError) -> None:
            self._forget(model, error)

        self._context.ask(lambda client: client.load(model, **wishes), done, failed)

    def unload(self, model: str) -> None:
        self._context.ask(lambda client: client.unload(model))

    def keep(self, model: str, wanted: bool) -> None:
        """Whether it is to stay loaded whatever comes."""
        self._context.ask(lambda client: keep(client, model, wanted))

    def failure(self, model: str) -> AppError | None:
        return self.failures.get(model)

    def _forget(self, model: str, error: AppError | None) -> None:
        self.waiting.discard(model)
        if error is not None and error.code is not ErrorCode.LOAD_CANCELLED:
            self.failures[model] = error
        self.marks_changed.emit()

    def _on_loaded_changed(self) -> None:
        here = set(self._context.state.models)
        begun = here & (self.waiting | set(self.failures))
        for model in begun:
            self.waiting.discard(model)
            self.failures.pop(model, None)
        if begun:
            self.marks_changed.emit()
        self.loaded_changed.emit()

    def _on_model_failed(self, model: str, error: AppError) -> None:
        self._forget(model, error)

    def _on_online_changed(self) -> None:
        if not self._context.state.online:
            self.waiting.clear()
            self.marks_changed.emit()
