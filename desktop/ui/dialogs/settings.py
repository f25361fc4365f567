"""Settings: language, look, the server's port. Each choice counts at once."""

from __future__ import annotations

from typing import Any

from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QGridLayout,
    QSizePolicy,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from desktop.core.client.client import Client
from desktop.ui.context import Context
from desktop.ui.i18n import LANGUAGES, Translated
from desktop.ui.theme.theme import MODES
from desktop.ui.widgets.base import MARGIN, Button, Surface, Text, column, row
from desktop.ui.widgets.parts import Line


class SettingsDialog(Translated, QDialog):
    """Writes through the service, which owns the settings."""

    def __init__(self, context: Context, parent: QWidget) -> None:
        super().__init__(parent)
        self._context = context
        self._language, self._theme, self._port = QComboBox(), QComboBox(), QSpinBox()
        self._language.setObjectName("settings-language")
        self._theme.setObjectName("settings-theme")
        self._port.setRange(1, 65535)
        for code in ("system", *LANGUAGES):
            self._language.addItem("", code)
        for mode in MODES:
            self._theme.addItem("", mode)
        self._labels = [Text(context.theme) for _ in range(3)]
        self._hints = [Text(context.theme, role="caption", wrap=True) for _ in range(3)]
        self._close = Button(context.theme)
        self._close.setDefault(True)
        self._close.clicked.connect(self.reject)
        self._stored_port = 0
        self._build()
        self.retranslate()
        self._language.activated.connect(self._on_language_activated)
        self._theme.activated.connect(self._on_theme_activated)
        self._port.editingFinished.connect(self._on_port_finished)
        context.ask(Client.settings, self._on_read)

    def _build(self) -> None:
        box = Surface(self._context.theme)
        grid = QGridLayout()
        grid.setHorizontalSpacing(32)
        grid.setVerticalSpacing(12)
        grid.setColumnStretch(0, 1)
        metrics = self.fontMetrics()
        for number, (label, hint, field) in enumerate(
            zip(self._labels, self._hints, self._fields(), strict=True)
        ):
            if number:
                grid.addWidget(Line(self._context.theme), 2 * number - 1, 0, 1, 2)
            label.setBuddy(field)
            hint.setMinimumWidth(metrics.averageCharWidth() * 36)
            field.setEnabled(False)  # until it is known what is stored
            field.setMinimumWidth(metrics.averageCharWidth() * 26)
            field.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
            grid.addLayout(column(label, hint, spacing=2), 2 * number, 0)
            grid.addWidget(field, 2 * number, 1)
        box.body.addLayout(grid)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(MARGIN, MARGIN, MARGIN, MARGIN)
        layout.setSpacing(16)
        layout.setSizeConstraint(QVBoxLayout.SizeConstraint.SetFixedSize)
        layout.addWidget(box)
        layout.addLayout(row(1, self._close))

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
        hints = (
            self.tr("Of the window; models answer in the language they are asked in."),
            self.tr("High contrast is light or dark, as the system is."),
            self.tr("Counts from the next time the server is turned on."),
        )
        fields = self._fields()
        for label, hint, widget, text, more in zip(
            self._labels, self._hints, fields, words, hints, strict=True
        ):
            label.setText(text)
            hint.setText(more)
            widget.setAccessibleName(text)
            widget.setAccessibleDescription(more)
        self._close.setText(self.tr("Close"))
        self._close.updateGeometry()

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
