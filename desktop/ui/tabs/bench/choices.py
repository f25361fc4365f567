"""The models that can be measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QObject, Signal

from desktop.core.client.client import Client
from desktop.ui.context import Context


@dataclass(frozen=True)
class ModelChoice:
    """A model that can be measured; `context_tokens` is what it was trained for."""

    id: str
    context_tokens: int | None
    embedding: bool
    bundled: bool


class ModelChoices(QObject):
    """Signals: changed: the models, or which of them is the default.

    Attributes:
        models: None while the library is asked for the first time.
    """

    changed = Signal()

    def __init__(self, context: Context, parent: QObject) -> None:
        super().__init__(parent)
        self._context = context
        self.models: list[ModelChoice] | None = None
        context.state.library_changed.connect(self.read)
        context.state.loaded_changed.connect(self._on_loaded_changed)

    def read(self) -> None:
        if self._context.state.online:
            self._context.ask(_models, self._on_models_read)

    def default(self) -> ModelChoice | None:
        """The loaded model that was used last, else the bundled one, else the first."""
        models = self.models or []
        for loaded in self._context.state.ready:
            if found := [m for m in models if m.id == loaded["id"]]:
                return found[0]
        if bundled := [m for m in models if m.bundled]:
            return bundled[0]
        return models[0] if models else None

    def _on_models_read(self, models: list[dict[str, Any]]) -> None:
        self.models = [
            ModelChoice(each["id"], each["context_tokens"], each["embedding"], each["bundled"])
            for each in models
            if each["kind"] == "model" and not each["broken"]
        ]
        self.changed.emit()

    def _on_loaded_changed(self) -> None:
        if self.models is not None:
            self.changed.emit()


def _models(client: Client) -> list[dict[str, Any]]:
    """In a task. What checking a run needs next is imported here, off the main thread."""
    from desktop.core.bench import runner  # noqa: F401

    return client.models()
