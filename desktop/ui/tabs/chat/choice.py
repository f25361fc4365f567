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
        self.free = True  # to follow what is loaded: no conversation is open, none begins
        context.state.loaded_changed.connect(self._on_loaded_changed)

    def refresh(self) -> None:
        self._context.ask(Client.models, self._on_models)

    def choose(self, model_id: str) -> None:
        """Use it from the next message on; nothing is loaded before."""
        self.model_id = model_id
        self.changed.emit()

    def choose_default(self) -> None:
        """The model that is loaded, else the one that was chosen, else the first."""
        ids = [model["id"] for model in self.models]
        if self.model_id not in ids or self.loaded_id in ids:
            self.model_id = self.loaded_id if self.loaded_id in ids else ids[0] if ids else None
        self.changed.emit()

    @property
    def model(self) -> Json | None:
        """The one that is chosen."""
        return next((model for model in self.models if model["id"] == self.model_id), None)

    @property
    def loaded_id(self) -> str | None:
        loaded = self._context.state.loaded
        return str(loaded["id"]) if loaded else None

    def context_tokens(self) -> int | None:
        """How many tokens one request may have: as loaded, else as trained."""
        loaded = self._context.state.loaded
        if loaded is not None and loaded["id"] == self.model_id and loaded.get("settings"):
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
        if self.free and self.loaded_id in [model["id"] for model in self.models]:
            self.model_id = self.loaded_id
        self.changed.emit()

    def _sort(self) -> None:
        """The loaded one first, the bundled one last."""
        loaded = self.loaded_id
        self.models.sort(key=lambda m: (m["id"] != loaded, m["bundled"], m["id"]))
