"""Where downloads go: shown, and changed where the environment does not decide it."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFileDialog, QVBoxLayout, QWidget

from desktop.core.paths import hf_cache, models_folder_fixed_by
from desktop.ui.downloads.words import breakable
from desktop.ui.i18n import Translated
from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.base import GAP, Button, Text
from desktop.ui.widgets.flow import FlowLayout


class FolderField(Translated, QWidget):
    """Signals:
    chosen: a folder's path; None: the usual one.
    """

    chosen = Signal(object)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._folder: str | None = None
        self._fixed_by = models_folder_fixed_by()
        self._dialog: QFileDialog | None = None
        self._path = Text(theme, role="mono", wrap=True)
        self._why = Text(theme, role="caption", wrap=True)
        self.change, self.usual = Button(theme, icon_name="folder"), Button(theme, kind="quiet")
        self.change.setObjectName("settings-folder")
        self.change.clicked.connect(self._on_change_clicked)
        self.usual.clicked.connect(self._on_usual_clicked)
        buttons = QWidget()
        flow = FlowLayout(buttons, GAP)
        flow.addWidget(self.change)
        flow.addWidget(self.usual)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GAP)
        for widget in (self._path, self._why, buttons):
            layout.addWidget(widget)
        buttons.setVisible(self._fixed_by is None)
        self._why.setVisible(self._fixed_by is not None)
        self.setFocusProxy(self.change)
        self.retranslate()

    def retranslate(self) -> None:
        self.change.setText(self.tr("Change…"))
        self.change.setAccessibleName(self.tr("Change the models folder"))
        self.usual.setText(self.tr("Use the usual one"))
        for button in (self.change, self.usual):
            button.updateGeometry()
        if self._fixed_by is not None:
            text = self.tr("{name} in the environment decides it, so it cannot be changed here.")
            self._why.setText(text.format(name=self._fixed_by))
        self._show()

    def show_folder(self, folder: str | None) -> None:
        """Args: folder: as it is set; None: the usual one."""
        self._folder = folder
        self._show()

    def _show(self) -> None:
        own = self._folder is not None and self._fixed_by is None
        shown = self._folder if own and self._folder else str(hf_cache().absolute())
        self._path.setText(breakable(shown))
        self.usual.setVisible(own)

    def _on_change_clicked(self) -> None:
        dialog = QFileDialog(self, self.tr("Choose a folder for downloads"))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        dialog.fileSelected.connect(self.chosen)
        self._dialog = dialog
        dialog.open()

    def _on_usual_clicked(self) -> None:
        self.chosen.emit(None)
