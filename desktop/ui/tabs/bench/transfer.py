"""Runs to files and from files: the two buttons, the menu of formats, the dialogs."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QMenu, QWidget

from desktop.ui.i18n import Translated
from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.base import GAP, Button

_FORMATS = ("json", "csv", "md")


class Transfer(Translated, QWidget):
    """Signals:
    export_chosen: a file to write the chosen runs to, and its format.
    import_chosen: a file to take runs from.
    """

    export_chosen = Signal(str, str)
    import_chosen = Signal(str)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.import_button = Button(theme)
        self.export_button = Button(theme, icon_name="export")
        self.import_button.clicked.connect(self._on_import_clicked)
        self.export_button.clicked.connect(self._on_export_clicked)
        self.menu = QMenu(self)
        self._form = "json"
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GAP)
        layout.addWidget(self.import_button)
        layout.addWidget(self.export_button)
        self.retranslate()

    def retranslate(self) -> None:
        self.import_button.setText(self.tr("Import"))
        self.import_button.setToolTip(self.tr("Take over runs from a file that Paddock exported"))
        self.export_button.setText(self.tr("Export"))
        self.export_button.setToolTip(self.tr("Write the chosen runs to a file"))
        self.menu.clear()
        for form, words in zip(
            _FORMATS, ("JSON", self.tr("CSV for spreadsheets"), "Markdown"), strict=True
        ):
            action = self.menu.addAction(words)
            action.setData(form)
            action.triggered.connect(self._on_export_triggered)

    def ask_format(self, place: QPoint) -> None:
        self.menu.popup(place)

    def _on_export_clicked(self) -> None:
        button = self.export_button
        self.ask_format(button.mapToGlobal(button.rect().bottomLeft()))

    def _on_export_triggered(self) -> None:
        self._form = self.sender().data()  # type: ignore[attr-defined]
        dialog = QFileDialog(self, self.tr("Export the chosen runs"))
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix(self._form)
        dialog.setNameFilter(f"*.{self._form}")
        dialog.selectFile(f"paddock-runs.{self._form}")
        dialog.fileSelected.connect(self._on_export_selected)
        self._open(dialog)

    def _on_export_selected(self, path: str) -> None:
        self.export_chosen.emit(path, self._form)

    def _on_import_clicked(self) -> None:
        dialog = QFileDialog(self, self.tr("Import runs"))
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.setNameFilter("*.json")
        dialog.fileSelected.connect(self.import_chosen)
        self._open(dialog)

    def _open(self, dialog: QFileDialog) -> None:
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()
