"""Settings: language, look, the server's port, downloads. Each choice counts at once."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QSignalBlocker, QSize, Qt
from PySide6.QtWidgets import QComboBox, QDialog, QSpinBox, QVBoxLayout, QWidget

from desktop.core.client.client import Client
from desktop.ui.context import Context
from desktop.ui.dialogs.folder import FolderField
from desktop.ui.dialogs.rows import Group, SettingRow
from desktop.ui.dialogs.token import TokenField
from desktop.ui.downloads.limit import NAME as LIMIT
from desktop.ui.downloads.limit import LimitBox
from desktop.ui.i18n import LANGUAGES, Translated
from desktop.ui.shell.page import BAR_ROOM, ScrollingColumn
from desktop.ui.theme.theme import MODES
from desktop.ui.widgets.base import MARGIN, Button, row
from desktop.ui.widgets.switch import Switch

_LETTERS = 92  # the width of its rows
_EDGE = 24  # pixels of the window that stay in sight around it


class SettingsDialog(Translated, QDialog):
    """Writes through the service, which owns the settings."""

    def __init__(self, context: Context, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._context, self._over = context, parent
        theme = context.theme
        self._language, self._theme, self._port = QComboBox(), QComboBox(), QSpinBox()
        self.limit, self.connections = LimitBox(), QSpinBox()
        self.folder = FolderField(context)
        self.token = TokenField(context)
        self.test = Switch(theme)
        self._language.setObjectName("settings-language")
        self._theme.setObjectName("settings-theme")
        self._port.setRange(1, 65535)
        self.connections.setRange(1, 32)
        self.connections.setObjectName("settings-connections")
        self.test.setObjectName("settings-test")
        for code in ("system", *LANGUAGES):
            self._language.addItem("", code)
        for mode in MODES:
            self._theme.addItem("", mode)
        self._close = Button(theme)
        self._close.setDefault(True)
        self._close.clicked.connect(self.reject)
        self._stored_port = 0
        self._build()
        self.retranslate()
        self._connect()
        context.ask(Client.settings, self._on_read)

    def _build(self) -> None:
        theme = self._context.theme
        self._token_row = SettingRow(theme, self.token, self._token_words, wide=True)
        window = [
            SettingRow(theme, self._language, self._language_words),
            SettingRow(theme, self._theme, self._theme_words),
        ]
        server = [SettingRow(theme, self._port, self._port_words)]
        downloads = [
            SettingRow(theme, self.limit, self._limit_words),
            SettingRow(theme, self.connections, self._connections_words),
            SettingRow(theme, self.folder, self._folder_words, wide=True),
            self._token_row,
            SettingRow(theme, self.test, self._test_words),
        ]
        self._inside = QWidget()
        column = QVBoxLayout(self._inside)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(MARGIN)
        column.addWidget(Group(theme, lambda: self.tr("Window"), window))
        column.addWidget(Group(theme, lambda: self.tr("Server"), server))
        column.addWidget(Group(theme, lambda: self.tr("Downloads and library"), downloads))
        self._scroll = ScrollingColumn(self._inside)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(MARGIN, MARGIN, MARGIN - BAR_ROOM, 16)
        layout.setSpacing(16)
        layout.addWidget(self._scroll, 1)
        closing = row(1, self._close)
        closing.setContentsMargins(0, 0, BAR_ROOM, 0)
        layout.addLayout(closing)
        for field in self._fields():
            field.setEnabled(False)  # until it is known what is stored
        self.resize(self.sizeHint())

    def sizeHint(self) -> QSize:
        """As large as its rows want it, and no larger than the window it belongs to."""
        window = self._over.window().size() - QSize(_EDGE, _EDGE)
        inside = self._inside
        width = min(_LETTERS * self.fontMetrics().averageCharWidth() + 2 * MARGIN, window.width())
        layout = inside.layout()
        assert layout is not None
        rows = width - 2 * MARGIN
        height = layout.totalHeightForWidth(rows) if layout.hasHeightForWidth() else 0
        height = max(height, inside.sizeHint().height()) + self._close.sizeHint().height()
        return QSize(width, min(height + MARGIN + 16 + 16, window.height()))

    def _connect(self) -> None:
        self._language.activated.connect(self._on_language_activated)
        self._theme.activated.connect(self._on_theme_activated)
        self._port.editingFinished.connect(self._on_port_finished)
        self.limit.limit_chosen.connect(self._on_limit_chosen)
        self.connections.setKeyboardTracking(False)
        self.connections.valueChanged.connect(self._on_connections_changed)
        self.test.asked.connect(self._on_test_asked)

    def _fields(self) -> tuple[QWidget, ...]:
        boxes = (self._language, self._theme, self._port, self.limit, self.connections)
        return (*boxes, self.folder, self.test)

    # --- words ----------------------------------------------------------------------------------

    def _language_words(self) -> tuple[str, str]:
        hint = self.tr("Of the window; models answer in the language they are asked in.")
        return self.tr("Language"), hint

    def _theme_words(self) -> tuple[str, str]:
        return self.tr("Look"), self.tr("High contrast is light or dark, as the system is.")

    def _port_words(self) -> tuple[str, str]:
        hint = self.tr("Counts from the next time the server is turned on.")
        return self.tr("Port of the server"), hint

    def _limit_words(self) -> tuple[str, str]:
        return self.tr("Speed limit"), self.tr("Of all downloads together; counts at once.")

    def _connections_words(self) -> tuple[str, str]:
        hint = self.tr("More can be faster where a server limits each of them.")
        return self.tr("Most connections of a download"), hint

    def _folder_words(self) -> tuple[str, str]:
        hint = self.tr("Downloads go there, in the form other Hugging Face tools share.")
        return self.tr("Models folder"), hint

    def _token_words(self) -> tuple[str, str]:
        hint = self.tr(
            "For models that ask for consent, and your own. It is sent to Hugging Face only."
        )
        return self.tr("Token for Hugging Face"), hint

    def _test_words(self) -> tuple[str, str]:
        hint = self.tr("Whether its template, tools and stops work is told in the Library.")
        return self.tr("Try new models once when the machine is idle"), hint

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
        on, off = self.tr("On"), self.tr("Off")
        self.test.set_word(on if self.test.on else off, (on, off))
        self._close.setText(self.tr("Close"))
        self._close.updateGeometry()

    # --- what is stored -------------------------------------------------------------------------

    def _on_read(self, settings: dict[str, Any]) -> None:
        self._language.setCurrentIndex(self._language.findData(settings["general"]["language"]))
        self._theme.setCurrentIndex(self._theme.findData(settings["general"]["theme"]))
        self._stored_port = settings["server"]["port"]
        self._port.setValue(self._stored_port)
        downloads, library = settings["downloads"], settings["library"]
        self.limit.set_limit(downloads["limit_mib_per_second"])
        with QSignalBlocker(self.connections):
            self.connections.setValue(downloads["connections"])
        self.folder.show_folder(library["models_folder"])
        self.test.set_on(library["test_new_models"])
        self.retranslate()
        for widget in self._fields():
            widget.setEnabled(True)

    def show_token(self) -> None:
        """Bring the field for the hub's token into sight, ready to be written in."""
        self._scroll.ensureWidgetVisible(self._token_row)
        self.token.field.setFocus()

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

    def _on_limit_chosen(self, limit: float | None) -> None:
        self._store(LIMIT, limit)

    def _on_connections_changed(self, connections: int) -> None:
        self._store("downloads.connections", connections)

    def _on_test_asked(self, on: bool) -> None:
        self.test.set_on(on)
        self.retranslate()
        self._store("library.test_new_models", on)

    def _store(self, name: str, value: object) -> None:
        self._context.ask(lambda client: client.change_settings({name: value}))
