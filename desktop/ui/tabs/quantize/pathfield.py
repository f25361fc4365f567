"""A file or folder: a button that opens a dialog, and what was chosen."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFileDialog, QVBoxLayout, QWidget

from desktop.ui.downloads.words import breakable
from desktop.ui.i18n import Translated
from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.base import TIGHT, Button, Text


class PathField(Translated, QWidget):
    """Args:
        what: "gguf", "folder", "text" or "matrix".

    Signals:
        chosen: a path that a person chose.
    """

    chosen = Signal(str)

    def __init__(self, theme: Theme, what: str) -> None:
        super().__init__()
        self._what = what
        self.path = ""
        self.button = Button(theme, icon_name="folder", shrinks=True)
        self.button.setObjectName(f"quantize-choose-{what}")
        self.button.clicked.connect(self._on_clicked)
        self._text = Text(theme, role="caption", wrap=True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(TIGHT)
        layout.addWidget(self.button)
        layout.addWidget(self._text)
        self.set_path("")
        self.retranslate()

    def retranslate(self) -> None:
        words = {
            "gguf": self.tr("Choose a file…"),
            "folder": self.tr("Choose a folder…"),
            "text": self.tr("Choose a text…"),
            "matrix": self.tr("Choose a matrix…"),
        }[self._what]
        self.button.setText(words)
        self.button.setToolTip(words)
        self.button.updateGeometry()

    def set_path(self, path: str) -> None:
        """Show it; says nothing."""
        self.path = path
        self._text.setText(breakable(path))
        self._text.setVisible(bool(path))

    def _on_clicked(self) -> None:
        dialog = QFileDialog(self, self.button.text())
        if self._what == "folder":
            dialog.setFileMode(QFileDialog.FileMode.Directory)
            dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        else:
            dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        if self._what == "gguf":
            dialog.setNameFilter(self.tr("GGUF models (*.gguf)"))
        elif self._what == "matrix":
            dialog.setNameFilter(self.tr("Importance matrices (*.gguf *.dat *.imatrix)"))
        if self.path:
            dialog.selectFile(self.path)
        dialog.fileSelected.connect(self._on_selected)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    def _on_selected(self, path: str) -> None:
        self.set_path(path)
        self.chosen.emit(path)
