"""Another port, chosen where the old one turned out to be taken."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QSpinBox, QWidget

from desktop.ui.i18n import Translated
from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.base import Button, Text, row


class PortRow(Translated, QWidget):
    """Signals:
    port_chosen: the port to listen on from now on.
    """

    port_chosen = Signal(int)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._label = Text(theme)
        self.port = QSpinBox()
        self.port.setRange(1, 65535)
        self.port.setGroupSeparatorShown(False)
        self.use = Button(theme)
        self.use.clicked.connect(self._on_use_clicked)
        self.setLayout(row(self._label, self.port, self.use, 1))
        self.retranslate()
        self.hide()

    def retranslate(self) -> None:
        self._label.setText(self.tr("Use another port"))
        self.port.setAccessibleName(self.tr("Port"))
        self.use.setText(self.tr("Turn on with this port"))
        self.use.updateGeometry()

    def offer(self, taken: int) -> None:
        """Propose the next one to a port that is taken."""
        self.port.setValue(taken + 1 if taken < 65535 else 8484)

    def _on_use_clicked(self) -> None:
        self.port_chosen.emit(self.port.value())
