"""Asked before a model is deleted: what goes for good, what stays and why."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QCoreApplication, Qt, Signal
from PySide6.QtWidgets import QDialog, QVBoxLayout, QWidget

from desktop.core.library.removal import REASONS
from desktop.ui import units
from desktop.ui.context import Context
from desktop.ui.i18n import Translated
from desktop.ui.widgets.base import GAP, MARGIN, Button, Text, row
from desktop.ui.widgets.scrolled import Scrolled

Json = dict[str, Any]
_BREAK = "\u200b"
_SHOWN_FILES = 6  # of a split model with dozens of parts


class RemovingDialog(Translated, QDialog):
    """Delete or not; Esc keeps the model.

    Args:
        removal: what it would do (`Client.removal`).
        of: the model whose file it is, where it is a variant.

    Signals:
        confirmed: the model's id.
    """

    confirmed = Signal(str)

    def __init__(
        self, context: Context, parent: QWidget, removal: Json, of: str | None = None
    ) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._removal, self._of = removal, of
        theme = context.theme
        self._title = Text(theme, role="strong", wrap=True)
        self._text = Text(theme, token="secondary", wrap=True)
        folders = dict.fromkeys(_split(file["path"])[0] for file in removal["removed"])
        self._files = {
            folder: (Text(theme, role="caption", wrap=True), Text(theme, role="mono", wrap=True))
            for folder in folders
        }
        # That a file was to be kept is nothing new to who takes a model out of the list.
        self._stays = [file for file in removal["kept"] if file["code"] != "asked"]
        self._kept = [Text(theme, token="secondary", wrap=True) for _ in self._stays]
        self._warning = Text(theme, token="warning", wrap=True)
        self._cancel = Button(theme, kind="quiet")
        self._cancel.setDefault(True)
        self._cancel.clicked.connect(self.reject)
        self._remove = Button(theme, icon_name="trash")
        self._remove.setObjectName("remove-confirm")
        self._remove.clicked.connect(self._on_remove)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(MARGIN, MARGIN, MARGIN, MARGIN)
        layout.setSpacing(2 * GAP)
        inner = QWidget()
        lines = QVBoxLayout(inner)
        lines.setContentsMargins(0, 0, 0, 0)
        lines.setSpacing(GAP)
        files = [text for texts in self._files.values() for text in texts]
        for widget in (self._text, *files, *self._kept, self._warning):
            lines.addWidget(widget)
        lines.addStretch(1)
        layout.addWidget(self._title)
        self._scroll = Scrolled(inner, self.fontMetrics().averageCharWidth() * 72)
        layout.addWidget(self._scroll, 1)
        layout.addLayout(row(1, self._cancel, self._remove))
        for text in self._kept[_SHOWN_FILES:]:
            text.hide()
        self.retranslate()
        self._cancel.setFocus()

    def retranslate(self) -> None:
        removal = self._removal
        hides = removal["hidden"]
        title = (
            self.tr("Take {model} out of the list?") if hides else self.tr("Delete {model}?")
        ).format(model=removal["model"])
        self.setWindowTitle(self.tr("Take out of the list") if hides else self.tr("Delete"))
        self._title.setText(title)
        self._text.setText(self._what())
        for folder, (place, names) in self._files.items():
            place.setText(_breakable(folder))
            names.setText("\n".join(self._names_in(folder)))
        for text, file in zip(self._kept, self._stays, strict=True):
            reason = QCoreApplication.translate("Removal", REASONS.get(file["code"], ""))
            line = self.tr("Stays: {path}. {reason}").format(
                path=_breakable(file["path"]), reason=reason.format_map(file["params"])
            )
            text.setText(line)
        self._warning.setText("\n".join(self._warnings()))
        self._warning.setVisible(bool(self._warning.text()))
        self._cancel.setText(self.tr("Cancel"))
        self._remove.setText(self.tr("Take out") if hides else self.tr("Delete"))
        self._scroll.updateGeometry()

    def _names_in(self, folder: str) -> list[str]:
        """The files that go from there; some of them where there are many."""
        names = []
        for file in self._removal["removed"]:
            place, name = _split(file["path"])
            if place == folder:
                linked = self.tr("{name} (its content has a second name elsewhere and stays there)")
                names.append(linked.format(name=name) if file["linked"] else name)
        if len(names) > _SHOWN_FILES:
            more = self.tr("and {count} more").format(count=len(names) - _SHOWN_FILES)
            names = [*names[:_SHOWN_FILES], more]
        return [_breakable(name) for name in names]

    def _what(self) -> str:
        removal = self._removal
        if removal["hidden"]:
            return self.tr("Its files are not deleted. It can be shown again at any time.")
        if not removal["removed"]:
            words = self.tr("It is a name with its own settings; the file of {model} stays.")
            return words.format(model=self._of or "")
        size = units.size(removal["freed_bytes"])
        words = self.tr("These files are deleted for good; {size} become free:")
        return words.format(size=size)

    def _warnings(self) -> list[str]:
        removal = self._removal
        if removal["hidden"] or not removal["removed"]:
            return []
        found = []
        if removal["needed_by"]:
            words = self.tr("These cannot be loaded without it: {models}.")
            found.append(words.format(models=", ".join(removal["needed_by"])))
        if removal["remains"]:
            found.append(self.tr("It stays in the list: its content also lies in another place."))
        return found

    def _on_remove(self) -> None:
        self.accept()
        self.confirmed.emit(self._removal["model"])


def _split(path: str) -> tuple[str, str]:
    """Folder and name, of whatever system the path is."""
    at = max(path.rfind("/"), path.rfind("\\")) + 1
    return path[:at], path[at:]


def _breakable(path: str) -> str:
    for mark in "/\\-":
        path = path.replace(mark, f"{mark}{_BREAK}")
    return path
