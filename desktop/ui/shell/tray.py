"""The tray icon: the server's switch, the loaded model, the base URL, downloads, open, quit."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QAction, QGuiApplication
from PySide6.QtWidgets import QMenu, QSystemTrayIcon

from desktop.ui.context import Context
from desktop.ui.downloads import words
from desktop.ui.theme.icons import icon

_NAMES_SHOWN = 4  # of the loaded models; a tooltip of some systems holds little more


class Tray(QObject):
    """Present only where the desktop has a tray; `available` says so.

    Signals:
        open_asked, quit_asked: what the menu says, and a click on the icon.
        downloads_asked: the window with its downloads.
        message_clicked: a click on what `say` said.
    """

    open_asked = Signal()
    downloads_asked = Signal()
    message_clicked = Signal()
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
        self._downloads = QAction(self)
        self._downloads.setVisible(False)
        self._copy, self._open, self._quit = QAction(self), QAction(self), QAction(self)
        for action in (self._server, self._model, self._copy, self._downloads):
            self._menu.addAction(action)
        self._menu.addSeparator()
        for action in (self._open, self._quit):
            self._menu.addAction(action)
        self._server.triggered.connect(self._on_server_triggered)
        self._copy.triggered.connect(self._on_copy_triggered)
        self._downloads.triggered.connect(self.downloads_asked)
        self._open.triggered.connect(self.open_asked)
        self._quit.triggered.connect(self.quit_asked)
        self._icon.activated.connect(self._on_icon_activated)
        self._icon.messageClicked.connect(self.message_clicked)
        self._icon.setContextMenu(self._menu)
        context.state.public_changed.connect(self.retranslate)
        context.state.loaded_changed.connect(self.retranslate)
        context.state.downloads.changed.connect(self._show_downloads)
        context.state.downloads.progressed.connect(self._show_downloads)
        context.language.changed.connect(self.retranslate)
        self.retranslate()
        self._icon.show()  # where a tray comes later, the icon comes with it

    @property
    def available(self) -> bool:
        return QSystemTrayIcon.isSystemTrayAvailable()

    def retranslate(self) -> None:
        state = self._context.state
        public, names = state.public, list(state.models)
        self._server.setText(self.tr("Server"))
        self._server.setChecked(bool(public["on"]))
        none = self.tr("No model loaded")
        several = self.tr("{count} models loaded").format(count=len(names))
        self._model.setText(several if len(names) > 1 else (names or [none])[0].replace("&", "&&"))
        self._copy.setText(self.tr("Copy base URL"))
        self._copy.setEnabled(bool(public["on"]))
        self._open.setText(self.tr("Open Paddock"))
        self._quit.setText(self.tr("Quit"))
        self._show_downloads()

    def _show_downloads(self) -> None:
        """In the tooltip, and in the menu while there are any."""
        totals = self._context.state.downloads.totals
        on = self._context.state.public["on"]
        state = self.tr("server on") if on else self.tr("server off")
        told = words.counted(totals) if totals.count else ""
        left = words.left(totals.seconds_left)
        models = list(self._context.state.models)[:_NAMES_SHOWN]
        lines = [f"Paddock: {state}", *models, words.joined([told, left])]
        tip = "\n".join(line for line in lines if line)
        if tip != self._icon.toolTip():
            self._icon.setToolTip(tip)
        self._downloads.setVisible(bool(totals.count))
        self._downloads.setText(told)

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
