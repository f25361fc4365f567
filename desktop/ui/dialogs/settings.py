"""Settings: language, look, the server's port. Each choice counts at once."""

from __future__ import annotations

from typing import Any

from PySide6.QtWidgets import QComboBox, QDialog, QDialogButtonBox, QFormLayout, QSpinBox, QWidget

from desktop.core.client.client import Client
from desktop.ui.context import Context
from desktop.ui.i18n import LANGUAGES, Translated
from desktop.ui.theme.theme import MODES
from desktop.ui.widgets.base import Text


class SettingsDialog(Translated, QDialog):
    """Writes through the service, which owns the settings."""

    def __init__(self, context: Context, parent: QWidget) -> None:
        super().__init__(parent)
        self._context = context
        self.setMinimumWidth(420)
        self._language, self._theme, self._port = QComboBox(), QComboBox(), QSpinBox()
        self._language.setObjectName("settings-language")
        self._theme.setObjectName("settings-theme")
        self._port.setRange(1, 65535)
        for box in (self._language, self._theme):
            box.setMinimumContentsLength(14)
        for code in ("system", *LANGUAGES):
            self._language.addItem("", code)
        for mode in MODES:
            self._theme.addItem("", mode)
        self._form = QFormLayout(self)
        self._form.setContentsMargins(24, 24, 24, 24)
        self._form.setSpacing(12)
        self._labels = [Text(context.theme) for _ in range(3)]
        self._stored_port = 0
        for label, widget in zip(self._labels, self._fields(), strict=True):
            label.setBuddy(widget)
            widget.setEnabled(False)  # until it is known what is stored
            self._form.addRow(label, widget)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        self._close = buttons.button(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        self._form.addRow(buttons)
        self.retranslate()
        self._language.activated.connect(self._on_language_activated)
        self._theme.activated.connect(self._on_theme_activated)
        self._port.editingFinished.connect(self._on_port_finished)
        context.ask(Client.settings, self._on_read)

    def _fields(self) -> tuple[QComboBox, QComboBox, QSpinBox]:
        return self._language, self._theme, self._port

    def retranslate(self) -> None:
        self.setWindowTitle(self.tr("Settings"))
        names = {"system": self.tr("As the system"), **LANGUAGES}
        for index in range(self._language.count()):
            self._language.setItemText(index, names[self._language.itemData(index)])
        modes = {
            "system": self.tr("As the system"),
            "light": self.tr("Light"),
            "dark": self.tr("Dark"),
            "contrast": self.tr("High contrast"),
        }
        for index in range(self._theme.count()):
            self._theme.setItemText(index, modes[self._theme.itemData(index)])
        words = (self.tr("Language"), self.tr("Look"), self.tr("Port of the server"))
        for label, widget, text in zip(self._labels, self._fields(), words, strict=True):
            label.setText(text)
            widget.setAccessibleName(text)
        self._close.setText(self.tr("Close"))

    def _on_read(self, settings: dict[str, Any]) -> None:
        self._language.setCurrentIndex(self._language.findData(settings["general"]["language"]))
        self._theme.setCurrentIndex(self._theme.findData(settings["general"]["theme"]))
        self._stored_port = settings["server"]["port"]
        self._port.setValue(self._stored_port)
        for widget in self._fields():
            widget.setEnabled(True)

    def _on_language_activated(self) -> None:
        code = self._language.currentData()
        self._context.language.set(code)
        self._store("general.language", code)

    def _on_theme_activated(self) -> None:
        mode = self._theme.currentData()
        self._context.theme.set_mode(mode)
        self._store("general.theme", mode)

    def _on_port_finished(self) -> None:
        if self._port.value() != self._stored_port:  # leaving the field is no change
            self._stored_port = self._port.value()
            self._store("server.port", self._stored_port)

    def _store(self, name: str, value: object) -> None:
        self._context.ask(lambda client: client.change_settings({name: value}))
