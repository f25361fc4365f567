"""Asked before a model is deleted: what goes for good, what stays and why."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QCoreApplication, Qt, Signal
from PySide6.QtWidgets import QDialog, QVBoxLayout, QWidget

from desktop.core.library.removal import REASONS
from desktop.ui import units
from desktop.ui.context import Context
from desktop.ui.i18n import Translated
from desktop.ui.widgets.base import GAP, MARGIN, Button, Text, column, row

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
        self._files = [Text(theme, role="mono", wrap=True) for _ in removal["removed"]]
        # That a file was to be kept is nothing new to who takes a model out of the list.
        self._stays = [file for file in removal["kept"] if file["code"] != "asked"]
        self._kept = [Text(theme, token="secondary", wrap=True) for _ in self._stays]
        self._more = Text(theme, token="secondary")
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
        lines = (self._title, self._text, *self._files, self._more, *self._kept, self._warning)
        layout.addLayout(column(*lines))
        layout.addLayout(row(1, self._cancel, self._remove))
        for text in (*self._files[_SHOWN_FILES:], *self._kept[_SHOWN_FILES:]):
            text.hide()
        self.setMinimumWidth(self.fontMetrics().averageCharWidth() * 64)
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
        for text, file in zip(self._files, removal["removed"], strict=True):
            path = _breakable(file["path"])
            linked = self.tr("{path} (its content has a second name elsewhere and stays there)")
            text.setText(linked.format(path=path) if file["linked"] else path)
        for text, file in zip(self._kept, self._stays, strict=True):
            reason = QCoreApplication.translate("Removal", REASONS.get(file["code"], ""))
            line = self.tr("Stays: {path}. {reason}").format(
                path=_breakable(file["path"]), reason=reason.format_map(file["params"])
            )
            text.setText(line)
        more = sum(max(0, len(each) - _SHOWN_FILES) for each in (self._files, self._kept))
        self._more.setText(self.tr("and {count} more").format(count=more))
        self._more.setVisible(more > 0)
        self._warning.setText("\n".join(self._warnings()))
        self._warning.setVisible(bool(self._warning.text()))
        self._cancel.setText(self.tr("Cancel"))
        self._remove.setText(self.tr("Take out") if hides else self.tr("Delete"))

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


def _breakable(path: str) -> str:
    return path.replace("/", f"/{_BREAK}").replace("\\", f"\\{_BREAK}")
