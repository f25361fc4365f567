"""A result to a file or to the clipboard: the button, its menu, the dialog."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFileDialog, QMenu, QWidget

from desktop.core.errors import AppError, ErrorCode
from desktop.core.files import write_atomic
from desktop.core.quant_table import to_csv, to_markdown
from desktop.ui.i18n import Translated
from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.base import Button

COPY = "copy"


def save(result: Mapping[str, Any], path: Path, form: str) -> Path:
    """Write a result to a file, whole or not at all; called in a task.

    Args:
        form: "csv" or "md".

    Raises:
        AppError: DISK_FULL, PATH_UNREADABLE.
    """
    # Table programs know by a mark that it is UTF-8.
    text, encoding = (
        (to_csv(result), "utf-8-sig") if form == "csv" else (to_markdown(result), "utf-8")
    )
    try:
        write_atomic(path, text.encode(encoding))
    except OSError as error:
        reason = error.strerror or str(error)
        raise AppError(ErrorCode.PATH_UNREADABLE, path=str(path), reason=reason) from error
    return path


class ExportButton(Translated, Button):
    """Signals:
    export_chosen: a file to write the result to, and its format: "csv" or "md".
    copy_chosen: the result is to be copied as Markdown.
    """

    export_chosen = Signal(str, str)
    copy_chosen = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, icon_name="export", parent=parent)
        self._form = "csv"
        self.menu_of_forms = QMenu(self)
        self.clicked.connect(self._on_clicked)
        self.retranslate()

    def retranslate(self) -> None:
        self.setText(self.tr("Export"))
        self.setToolTip(self.tr("Write this result to a file, or copy it"))
        self.updateGeometry()
        self.menu_of_forms.clear()
        for form, words in (
            ("csv", self.tr("CSV for spreadsheets")),
            ("md", "Markdown"),
            (COPY, self.tr("Copy as Markdown")),
        ):
            action = self.menu_of_forms.addAction(words)
            action.setData(form)
            action.triggered.connect(self._on_form_triggered)

    def _on_clicked(self) -> None:
        self.menu_of_forms.popup(self.mapToGlobal(self.rect().bottomLeft()))

    def _on_form_triggered(self) -> None:
        self._form = self.sender().data()  # type: ignore[attr-defined]
        if self._form == COPY:
            self.copy_chosen.emit()
            return
        dialog = QFileDialog(self, self.tr("Export the result"))
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix(self._form)
        dialog.setNameFilter(f"*.{self._form}")
        dialog.selectFile(f"paddock-quantized.{self._form}")
        dialog.fileSelected.connect(self._on_file_selected)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    def _on_file_selected(self, path: str) -> None:
        self.export_chosen.emit(path, self._form)
