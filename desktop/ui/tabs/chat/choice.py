"""Which models can chat, and the one that answers next."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QObject, Signal

from desktop.core.client.client import Client
from desktop.ui.context import Context

Json = dict[str, Any]


class ModelChoice(QObject):
    """Signals: changed: models that can be chosen, or the one that is."""

    changed = Signal()

    def __init__(self, context: Context, parent: QObject) -> None:
        super().__init__(parent)
        self._context = context
        self.models: list[Json] = []
        self.model_id: str | None = None
        self.read = False
        self._picked = False  # a person chose the model: what is loaded later changes nothing
        self.free = True  # to follow what is loaded: no conversation is open, none begins
        context.state.loaded_changed.connect(self._on_loaded_changed)

    def refresh(self) -> None:
        self._context.ask(Client.models, self._on_models)

    def choose(self, model_id: str) -> None:
        """Use it from the next message on; nothing is loaded before."""
        self.model_id, self._picked = model_id, True
        self.changed.emit()

    def choose_default(self) -> None:
        """The one that was chosen where it is loaded, else the loaded one that was used last, else
        the one that was chosen, else the first."""
        ids = [model["id"] for model in self.models]
        if self.model_id not in self.loaded_ids:
            known = self.model_id if self.model_id in ids else next(iter(ids), None)
            self.model_id = self._latest(ids) or known
        self._picked = False
        self.changed.emit()

    @property
    def model(self) -> Json | None:
        """The one that is chosen."""
        return next((model for model in self.models if model["id"] == self.model_id), None)

    @property
    def loaded_ids(self) -> set[str]:
        """Those that answer at once, and those on their way."""
        models = self._context.state.models.values()
        return {model["id"] for model in models if model["state"] != "stopping"}

    def _latest(self, among: list[str]) -> str | None:
        """The model on its way in, else the loaded one that was used last."""
        state = self._context.state
        coming = [state.loading] if state.loading else []
        return next((m["id"] for m in [*coming, *state.ready] if m["id"] in among), None)

    def context_tokens(self) -> int | None:
        """How many tokens one request may have: as loaded, else as trained."""
        loaded = self._context.state.models.get(self.model_id or "")
        if loaded is not None and loaded.get("settings"):
            return int(loaded["settings"]["context_tokens"])
        return (self.model or {}).get("context_tokens")

    def _on_models(self, found: list[Json]) -> None:
        self.models = [
            model
            for model in found
            if model["kind"] == "model" and not model["broken"] and not model["embedding"]
        ]
        self.read = True
        self._sort()
        if self.free and self.model is None:
            self.choose_default()
        self.changed.emit()

    def _on_loaded_changed(self) -> None:
        self._sort()
        if self.free and not self._picked and self.model_id not in self.loaded_ids:
            self.model_id = self._latest([model["id"] for model in self.models]) or self.model_id
        self.changed.emit()

    def _sort(self) -> None:
        """The loaded ones first, the bundled one last."""
        loaded = self.loaded_ids
        self.models.sort(key=lambda m: (m["id"] not in loaded, m["bundled"], m["id"]))
