"""Telling that a download has ended: in the window where it is in front, else beside the tray."""

from __future__ import annotations

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QApplication

from desktop.ui.context import Context
from desktop.ui.downloads import words
from desktop.ui.models.downloads import Download
from desktop.ui.shell.tray import Tray
from desktop.ui.shell.window import MainWindow


class DownloadNotices(QObject):
    """Says it once, where a person sees it."""

    def __init__(
        self, context: Context, window: MainWindow, tray: Tray, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._context, self._window, self._tray = context, window, tray
        context.state.downloads.ended.connect(self._on_ended)
        tray.message_clicked.connect(self._on_message_clicked)
        self._last: Download | None = None  # the one the tray told of

    def _on_ended(self, download: Download) -> None:
        if self._in_front():
            self._tell_here(download)
            return
        QApplication.alert(self._window)
        self._last = download
        name = words.one_line(download.model)
        if download.state == "failed" and download.error is not None:
            told = words.failure(download.error)
            title = self.tr("{name} was not downloaded").format(name=name)
            self._tray.say(title, told.title)
        else:
            self._tray.say(
                self.tr("{name} is here").format(name=name),
                words.ended(download) or self.tr("It is in your library."),
            )

    def _in_front(self) -> bool:
        window = self._window
        return window.isVisible() and window.isActiveWindow() and not window.isMinimized()

    def _tell_here(self, download: Download) -> None:
        """The panel of downloads tells by itself while it is open."""
        if not self._window.downloads.isHidden():
            return
        name = words.one_line(download.model)
        if download.state == "failed" and download.error is not None:
            line = words.failure(download.error).line
            self._context.toast(
                self.tr("{name}: {error}").format(name=name, error=line),
                "error",
                (self.tr("Show"), self._window.downloads.open_up),
            )
            return
        model = download.local_model
        action = None
        if model is not None:
            action = (self.tr("Chat now"), lambda: self._context.go_to("chat", model))
        self._context.toast(
            self.tr("{name} is in your library.").format(name=name), "check", action
        )

    def _on_message_clicked(self) -> None:
        """To what it told of."""
        last, self._last = self._last, None
        self._window.raise_window()
        if last is not None and last.state == "done" and last.local_model is not None:
            self._context.go_to("chat", last.local_model)
        elif last is not None:
            self._window.downloads.open_up()
