"""The tray icon: the server's switch, the loaded model, the base URL, open, quit."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QAction, QGuiApplication
from PySide6.QtWidgets import QMenu, QSystemTrayIcon

from desktop.ui.context import Context
from desktop.ui.theme.icons import icon


class Tray(QObject):
    """Present only where the desktop has a tray; `available` says so."""

    open_asked = Signal()
    quit_asked = Signal()

    def __init__(self, context: Context, parent: QObject) -> None:
        super().__init__(parent)
        self._context = context
        self._icon = QSystemTrayIcon(icon(context.theme, "paddock", "accent"), self)
        self._menu = QMenu()
        self._server = QAction(self)
        self._server.setCheckable(True)
        self._model = QAction(self)
        self._model.setEnabled(False)
        self._copy, self._open, self._quit = QAction(self), QAction(self), QAction(self)
        for action in (self._server, self._model, self._copy):
            self._menu.addAction(action)
        self._menu.addSeparator()
        for action in (self._open, self._quit):
            self._menu.addAction(action)
        self._server.triggered.connect(self._on_server_triggered)
        self._copy.triggered.connect(self._on_copy_triggered)
        self._open.triggered.connect(self.open_asked)
        self._quit.triggered.connect(self.quit_asked)
        self._icon.activated.connect(self._on_icon_activated)
        self._icon.setContextMenu(self._menu)
        context.state.public_changed.connect(self.retranslate)
        context.state.loaded_changed.connect(self.retranslate)
        context.language.changed.connect(self.retranslate)
        self.retranslate()
        self._icon.show()  # where a tray comes later, the icon comes with it

    @property
    def available(self) -> bool:
        return QSystemTrayIcon.isSystemTrayAvailable()

    def retranslate(self) -> None:
        public, loaded = self._context.state.public, self._context.state.loaded
        self._server.setText(self.tr("Server"))
        self._server.setChecked(bool(public["on"]))
        none = self.tr("No model loaded")
        self._model.setText(loaded["id"] if loaded else none)
        self._copy.setText(self.tr("Copy base URL"))
        self._copy.setEnabled(bool(public["on"]))
        self._open.setText(self.tr("Open Paddock"))
        self._quit.setText(self.tr("Quit"))
        state = self.tr("server on") if public["on"] else self.tr("server off")
        self._icon.setToolTip(f"Paddock: {state}")

    def say(self, title: str, text: str) -> None:
        self._icon.showMessage(title, text)

    def hide(self) -> None:
        self._icon.hide()

    def _on_server_triggered(self, on: bool) -> None:
        self._context.ask(lambda client: client.public_on() if on else client.public_off())

    def _on_copy_triggered(self) -> None:
        url = self._context.state.public.get("url")
        if url:
            QGuiApplication.clipboard().setText(f"{url}/v1")

    def _on_icon_activated(self, reason: QSystemTrayIcon.ActivationReason) -> None:
        if reason is QSystemTrayIcon.ActivationReason.Trigger:
            self.open_asked.emit()
