"""The context menu of a model: everything that can be done to it, by its name."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu, QWidget

from desktop.ui.tabs.library.columns import deletable, loadable
from desktop.ui.tabs.library.rows import LibraryRows

Json = dict[str, Any]


class ModelMenu(QMenu):
    """Built for one entry, shown once.

    Signals:
        chosen: what was chosen, and the entry.
    """

    chosen = Signal(str, dict)

    def __init__(self, parent: QWidget, rows: LibraryRows, entry: Json) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._entry = entry
        action, usable = rows.action(entry), loadable(entry)
        if action:
            self._add(action, rows.action_text(entry))
        kept = rows.kept(entry)
        if kept is not None:
            self._add(
                "let_go" if kept else "keep",
                self.tr("Do not keep it loaded") if kept else self.tr("Keep loaded"),
            )
        if usable and not entry["embedding"]:
            self._add("chat", self.tr("Chat"))
        if not self.isEmpty():
            self.addSeparator()
        self._add("copy_id", self.tr("Copy id"), QKeySequence(QKeySequence.StandardKey.Copy))
        self._add("copy_path", self.tr("Copy path"))
        self._add("folder", self.tr("Open folder"))
        self.addSeparator()
        if usable:
            self._add("names", self.tr("Names and tags…"), QKeySequence("F2"))
            self._add("try", self.tr("Try it once"))
        if entry["variant"] is None:
            self._add("verify", self.tr("Check the file"))
        if entry["repo"]:
            self._add("newer", self.tr("Look for a newer upload"))
            if (entry["upstream"] or {}).get("newer"):
                self._add("get_newer", self.tr("Get the newer upload"))
        if usable:
            self._add("export", self.tr("Export as a Modelfile…"))
        if entry["bundled"]:
            return
        self.addSeparator()
        if entry["hidden"]:
            self._add("show", self.tr("Show in the list"))
        else:
            self._add("hide", self.tr("Hide from the list"))
        if deletable(entry):
            self._add("remove", self.tr("Delete…"), QKeySequence(QKeySequence.StandardKey.Delete))

    def _add(self, what: str, text: str, keys: QKeySequence | None = None) -> None:
        action = QAction(text, self)
        action.setObjectName(f"model-{what}")
        action.setData(what)
        if keys is not None:
            action.setShortcut(keys)
        action.triggered.connect(self._on_triggered)
        self.addAction(action)

    def _on_triggered(self) -> None:
        action = self.sender()
        assert isinstance(action, QAction)
        self.chosen.emit(action.data(), self._entry)
