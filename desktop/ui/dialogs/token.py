"""The hub's token: whether there is one and whose, setting it, removing it. It is never shown."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Literal

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices, QKeyEvent
from PySide6.QtWidgets import QLineEdit, QVBoxLayout, QWidget

from desktop.core.errors import AppError
from desktop.core.paths import Paths
from desktop.ui.context import Context
from desktop.ui.i18n import Translated
from desktop.ui.messages import message
from desktop.ui.widgets.base import GAP, Button, Text, row
from desktop.ui.widgets.flow import FlowLayout

Source = Literal["environment", "own", "tools", "none"]
SECRET = "hub_token"


def token_source(where: Paths, environ: Mapping[str, str] = os.environ) -> Source:
    """Whose token the hub is asked with; for a thread: a keychain takes a moment."""
    from desktop.core.hub.access import web_settings  # the network's modules take their time
    from desktop.core.secrets import Secrets, choose_backend

    settings = web_settings(where, environ)
    if settings.token is not None:
        return "environment"
    secrets = Secrets(lambda: choose_backend(where.secrets_file))
    if secrets.get(SECRET):
        return "own"
    found = None if settings.stored_token is None else settings.stored_token()
    return "tools" if found else "none"


class _Secret(QLineEdit):
    """Enter saves what is written and leaves the dialog open, whose button it would press else."""

    def __init__(self) -> None:
        super().__init__()
        self.setEchoMode(QLineEdit.EchoMode.Password)
        self.setMaxLength(500)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.returnPressed.emit()
            event.accept()
        else:
            super().keyPressEvent(event)


class TokenField(Translated, QWidget):
    """A field for a new one, and what is known of the one there is."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._context = context
        self._source: Source | None = None
        theme = context.theme
        self._state = Text(theme, wrap=True)
        self.field = _Secret()
        self.field.setObjectName("settings-token")
        self.field.returnPressed.connect(self._on_save_clicked)
        self.field.textChanged.connect(self._on_text_changed)
        self.save, self.remove = Button(theme), Button(theme)
        self.page = Button(theme, kind="quiet", icon_name="globe")
        self.save.clicked.connect(self._on_save_clicked)
        self.remove.clicked.connect(self._on_remove_clicked)
        self.page.clicked.connect(self._on_page_clicked)
        self._error = Text(theme, token="error", wrap=True)
        self._error.hide()
        buttons = QWidget()
        flow = FlowLayout(buttons, GAP)
        for button in (self.save, self.remove, self.page):
            flow.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GAP)
        layout.addWidget(self._state)
        line = row(self.field)
        layout.addLayout(line)
        layout.addWidget(buttons)
        layout.addWidget(self._error)
        self.setFocusProxy(self.field)
        self.retranslate()
        self._read()

    def retranslate(self) -> None:
        self.field.setPlaceholderText(self.tr("hf_…"))
        self.field.setAccessibleName(self.tr("Token for Hugging Face"))
        self.save.setText(self.tr("Save"))
        self.save.setAccessibleName(self.tr("Save the token"))
        self.remove.setText(self.tr("Remove"))
        self.remove.setAccessibleName(self.tr("Remove the token"))
        self.page.setText(self.tr("Make one at Hugging Face"))
        for button in (self.save, self.remove, self.page):
            button.updateGeometry()
        self._show()

    def _show(self) -> None:
        words = {
            None: self.tr("Looking for a token…"),
            "environment": self.tr("The token in HF_TOKEN is used: it comes before one set here."),
            "own": self.tr(
                "A token is set. It is kept in the system's keychain where there is one."
            ),
            "tools": self.tr("The token of the Hugging Face tools is used."),
            "none": self.tr("No token is set. Most models need none."),
        }
        self._state.setText(words[self._source])
        self.remove.setVisible(self._source == "own")
        self._on_text_changed(self.field.text())

    def _read(self) -> None:
        where = self._context.paths
        self._context.tasks.run(lambda: token_source(where), self._on_read, self._on_failed)

    def _on_read(self, source: Source) -> None:
        self._source = source
        self._show()

    def _on_failed(self, error: AppError) -> None:
        self._error.setText(message(error).line)
        self._error.show()
        self._show()

    def _on_text_changed(self, text: str) -> None:
        self.save.setEnabled(bool(text.strip()))

    def _on_save_clicked(self) -> None:
        token = self.field.text().strip()
        if token:
            self._store(token)

    def _on_remove_clicked(self) -> None:
        self._store(None)

    def _store(self, token: str | None) -> None:
        self._error.hide()
        self.save.setEnabled(False)
        self._context.ask(
            lambda client: client.set_secret(SECRET, token), self._on_stored, self._on_failed
        )

    def _on_stored(self, answer: object) -> None:
        self.field.clear()
        self._read()

    def _on_page_clicked(self) -> None:
        from desktop.core.hub.access import TOKEN_PAGE

        QDesktopServices.openUrl(QUrl(TOKEN_PAGE))
