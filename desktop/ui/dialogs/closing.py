"""Asked when the window closes, the server is on, and there is no tray to say so."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialog, QVBoxLayout, QWidget

from desktop.ui.context import Context
from desktop.ui.i18n import Translated
from desktop.ui.widgets.base import GAP, MARGIN, Button, Text, column, row


class ClosingDialog(Translated, QDialog):
    """Keep the server on or not; Esc keeps the window.

    Signals:
        closing_chosen: whether the server is to be switched off.
    """

    closing_chosen = Signal(bool)

    def __init__(self, context: Context, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        theme = context.theme
        self._title = Text(theme, role="strong", wrap=True)
        self._text = Text(theme, token="secondary", wrap=True)
        self._cancel = Button(theme, kind="quiet")
        self._cancel.clicked.connect(self.reject)
        self._off = Button(theme)
        self._off.clicked.connect(self._on_off_clicked)
        self._keep = Button(theme, kind="primary")
        self._keep.setDefault(True)
        self._keep.clicked.connect(self._on_keep_clicked)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(MARGIN, MARGIN, MARGIN, MARGIN)
        layout.setSpacing(2 * GAP)
        layout.addLayout(column(self._title, self._text))
        layout.addLayout(row(1, self._cancel, self._off, self._keep))
        self.retranslate()
        self._keep.setFocus()

    def retranslate(self) -> None:
        self.setWindowTitle(self.tr("Close Paddock"))
        self._title.setText(self.tr("The server is on"))
        self._text.setText(
            self.tr(
                "Programs can use it while no window is open. Open Paddock again to see it or to "
                "switch it off."
            )
        )
        self._cancel.setText(self.tr("Cancel"))
        self._off.setText(self.tr("Switch it off and close"))
        self._keep.setText(self.tr("Leave it on and close"))

    def _on_keep_clicked(self) -> None:
        self.accept()
        self.closing_chosen.emit(False)

    def _on_off_clicked(self) -> None:
        self.accept()
        self.closing_chosen.emit(True)
