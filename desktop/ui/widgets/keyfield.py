"""A secret in one line: hidden until asked for, copied without being seen."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from desktop.ui.i18n import Translated
from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.base import TIGHT, IconButton, Surface, Text
from desktop.ui.widgets.parts import CopyButton


class KeyField(Translated, Surface):
    """A key with show and copy. It keeps what it was given until `clear`."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, token="window", horizontal=True, padding=6, parent=parent)
        self._key = ""
        self._shown = False
        self._text = Text(theme, role="mono", wrap=False)
        self._text.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse
            | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.show_button = IconButton(theme, "eye", "")
        self.show_button.clicked.connect(self._on_show_clicked)
        self.copy_button = CopyButton(theme, "")
        self.body.setSpacing(TIGHT)
        self.body.setContentsMargins(12, TIGHT, TIGHT, TIGHT)
        self.body.addWidget(self._text, 1)
        self.body.addWidget(self.show_button)
        self.body.addWidget(self.copy_button)
        self.retranslate()

    def retranslate(self) -> None:
        self.show_button.set_name(
            self.tr("Hide the key") if self._shown else self.tr("Show the key")
        )
        self.copy_button.set_name(self.tr("Copy the key"))
        self.setAccessibleName(self.tr("Key"))

    def set_key(self, key: str) -> None:
        self._key, self._shown = key, False
        self.copy_button.set_value(key)
        self._tell()

    def clear(self) -> None:
        self.set_key("")

    def text(self) -> str:
        """What is to be seen."""
        return self._text.text()

    def _on_show_clicked(self) -> None:
        self._shown = not self._shown
        self._tell()

    def _tell(self) -> None:
        hidden = f"{self._key[:3]}{'•' * max(0, len(self._key) - 7)}{self._key[-4:]}"
        self._text.setText(self._key if self._shown else hidden)
        self.retranslate()
