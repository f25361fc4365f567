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


class RemovingDialog(Translated, QDialog):
    """Delete or not; Esc keeps the model.

    Args:
        removal: what it would do (`Client.removal`).

    Signals:
        confirmed: the model's id.
    """

    confirmed = Signal(str)

    def __init__(self, context: Context, parent: QWidget, removal: Json) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._removal = removal
        theme = context.theme
        self._title = Text(theme, role="strong", wrap=True)
        self._text = Text(theme, token="secondary", wrap=True)
        self._files = [Text(theme, role="mono", wrap=True) for _ in removal["removed"]]
        self._kept = [Text(theme, token="secondary", wrap=True) for _ in removal["kept"]]
        self._cancel = Button(theme, kind="quiet")
        self._cancel.setDefault(True)
        self._cancel.clicked.connect(self.reject)
        self._remove = Button(theme, icon_name="trash")
        self._remove.setObjectName("remove-confirm")
        self._remove.clicked.connect(self._on_remove)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(MARGIN, MARGIN, MARGIN, MARGIN)
        layout.setSpacing(2 * GAP)
        layout.addLayout(column(self._title, self._text, *self._files, *self._kept))
        layout.addLayout(row(1, self._cancel, self._remove))
        self.setMinimumWidth(self.fontMetrics().averageCharWidth() * 64)
        self.retranslate()
        self._cancel.setFocus()

    def retranslate(self) -> None:
        removal = self._removal
        model, hides = removal["model"], removal["hidden"]
        title = self.tr("Take {model} out of the list?") if hides else self.tr("Delete {model}?")
        self.setWindowTitle(self.tr("Delete"))
        self._title.setText(title.format(model=model))
        if hides:
            self._text.setText(self.tr("Its files are not deleted."))
        else:
            size = units.size(removal["freed_bytes"])
            self._text.setText(
                self.tr("These files are deleted for good; {size} become free:").format(size=size)
            )
        for text, file in zip(self._files, removal["removed"], strict=True):
            text.setText(_breakable(file["path"]))
        for text, file in zip(self._kept, removal["kept"], strict=True):
            reason = QCoreApplication.translate("Removal", REASONS.get(file["code"], ""))
            line = self.tr("Stays: {path}. {reason}").format(
                path=_breakable(file["path"]), reason=reason.format_map(file["params"])
            )
            text.setText(line)
        self._cancel.setText(self.tr("Cancel"))
        self._remove.setText(self.tr("Take out") if hides else self.tr("Delete"))

    def _on_remove(self) -> None:
        self.accept()
        self.confirmed.emit(self._removal["model"])


def _breakable(path: str) -> str:
    return path.replace("/", f"/{_BREAK}").replace("\\", f"\\{_BREAK}")
