"""The menu of the models in the engines: each can be unloaded, or kept loaded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QWidget

from desktop.core.client.client import Client
from desktop.ui.context import Context
from desktop.ui.models import standing

Json = dict[str, Any]


class LoadedMenu(QMenu):
    """Shown once, for what is loaded at the moment.

    Args:
        models: as `Loaded.to_dict`.
        lines: what is said of each.
    """

    def __init__(
        self, context: Context, models: Sequence[Json], lines: Sequence[str], parent: QWidget
    ) -> None:
        super().__init__(parent)
        self._context = context
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for model, line in zip(models, lines, strict=True):
            name = str(model["id"])
            if len(models) > 1 or line != name:
                self.addAction(line.replace("&", "&&")).setEnabled(False)
            coming, going = model["state"] == "loading", model["state"] == "stopping"
            words = self.tr("Stop loading {model}") if coming else self.tr("Unload {model}")
            unload = self._add("unload", name, words.format(model=name))
            unload.setEnabled(not going)
            if model["state"] == "ready":
                keep = self._add("keep", name, self.tr("Keep {model} loaded").format(model=name))
                keep.setCheckable(True)
                keep.setChecked(bool(model.get("pinned")))
            self.addSeparator()
        if len(models) > 1:
            self._add("unload_all", "", self.tr("Unload all"))
        self._add("library", "", self.tr("Open the Library"))
        self.triggered.connect(self._on_triggered)

    def _add(self, what: str, model: str, text: str) -> QAction:
        action = QAction(text.replace("&", "&&"), self)
        action.setObjectName(f"loaded-{what}")
        action.setData((what, model))
        self.addAction(action)
        return action

    def _on_triggered(self, action: QAction) -> None:
        what, model = action.data()
        if what == "unload":
            self._context.ask(lambda client: client.unload(model))
        elif what == "unload_all":
            names = list(self._context.state.models)
            self._context.ask(lambda client: _unload(client, names))
        elif what == "keep":
            wanted = action.isChecked()
            self._context.ask(lambda client: standing.keep(client, model, wanted))
        else:
            self._context.go_to("library")


def _unload(client: Client, models: Sequence[str]) -> None:
    for model in models:
        client.unload(model)
