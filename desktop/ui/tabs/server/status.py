"""The server's state in one line: what it is, and where."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from desktop.ui.i18n import Translated
from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.base import Surface, Text, column
from desktop.ui.widgets.parts import CopyButton


class StatusLine(Translated, Surface):
    """The address, large, and a sentence about it."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, horizontal=True, parent=parent)
        self.address = Text(theme, role="figure")
        self.address.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.sentence = Text(theme, token="secondary", wrap=True)
        self.copy = CopyButton(theme, "")
        self.body.addLayout(column(self.address, self.sentence, spacing=2), 1)
        self.body.addWidget(self.copy, 0, Qt.AlignmentFlag.AlignVCenter)
        self._told = ("off", "", False)
        self.retranslate()

    def retranslate(self) -> None:
        self.copy.set_name(self.tr("Copy the address"))
        self.show_phase(*self._told)

    def show_phase(self, phase: str, url: str, network: bool) -> None:
        self._told = phase, url, network
        on = phase == "on"
        self.address.setText(url)
        self.address.set_token("text" if on else "secondary")
        self.copy.set_value(url)
        self.copy.setVisible(on)
        sentences = {
            "on": self.tr(
                "Programs in your network reach your models by the APIs of OpenAI, Anthropic "
                "and Ollama."
            )
            if network
            else self.tr(
                "Programs on this machine reach your models by the APIs of OpenAI, Anthropic "
                "and Ollama."
            ),
            "off": self.tr("Off. Turn it on to use your models from other programs."),
            "failed": self.tr("It could not be turned on."),
            "starting": self.tr("Opening the address …"),
            "stopping": self.tr("Closing the address …"),
            "away": self.tr("Waiting for Paddock's service."),
        }
        self.sentence.setText(sentences[phase])
