"""A label above its input."""

from __future__ import annotations

from PySide6.QtWidgets import QVBoxLayout, QWidget

from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.base import TIGHT, Text


class Field(QWidget):
    """Names its input, also for who does not see the label."""

    def __init__(self, theme: Theme, control: QWidget) -> None:
        super().__init__()
        self.label = Text(theme, role="caption")
        self.label.setBuddy(control)
        self._control = control
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(TIGHT)
        layout.addWidget(self.label)
        layout.addWidget(control)

    def set_name(self, name: str, tip: str = "") -> None:
        self.label.setText(name)
        self._control.setAccessibleName(name)
        self._control.setAccessibleDescription(tip)
        self._control.setToolTip(tip)
