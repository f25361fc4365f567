"""The window's composition root: builds every part once and hands it on."""

from __future__ import annotations

import gc
import importlib
import sys
import time
from collections.abc import Iterable, Mapping
from typing import Any

from PySide6.QtCore import QLockFile, QTimer
from PySide6.QtNetwork import QLocalServer, QLocalSocket
from PySide6.QtWidgets import QApplication

from desktop.core import logs
from desktop.core.client.client import Client
from desktop.core.paths import Paths, paths
from desktop.core.settings import SettingsFile
from desktop.ui.bridge import Bridge
from desktop.ui.context import Context
from desktop.ui.downloads.notices import DownloadNotices
from desktop.ui.i18n import Language
from desktop.ui.link import ServiceLink
from desktop.ui.models.state import ServiceState
from desktop.ui.shell import firstrun
from desktop.ui.shell.tray import Tray
from desktop.ui.shell.window import MainWindow, PageMaker
from desktop.ui.signals import Signals
from desktop.ui.tasks import Tasks
from desktop.ui.theme.icons import icon
from desktop.ui.theme.theme import Theme

_OTHER_SECONDS = 10.0
_LOOK_SECONDS = 0.05
_TRAY_LOOK_MS = 2000
_READ_PAGES_MS = 300  # after the window: it comes first
_NEXT_PAGE_MS = 100
PAGES = ("library", "discover", "server", "machine", "bench", "quantize")
_COMPUTING = (
    *("fit.recommend", "fit.trial", "fit.speed_here", "hardware.doctor", "hub.drafts"),
    *("library.acceptance_words", "library.removal", "library.scan", "library.variants"),
    *("bench.compare", "bench.export", "bench.published"),
)
# A thread that computes lets the main one in after so long. Python's own 5 ms add up: Qt calls into
# Python dozens of times for one paint, and each call may have to wait.
_SWITCH_SECONDS = 0.0005


def read_core() -> None:
    """Import what the pages compute with, so that they need not; for a thread.

    Nothing of Qt is imported there: PySide makes its classes when they are first asked for, and
    ends the process when the main thread asks for some, to paint, in the same moment.
    """
    for name in _COMPUTING:
        importlib.import_module(f"desktop.core.{name}")


def read_pages(names: Iterable[str] = PAGES) -> None:
    """Import the pages' modules, so that none has to when it is first shown; on the main thread."""
    for name in names:
        importlib.import_module(f"desktop.ui.tabs.{name}.view")


def page_makers() -> Mapping[str, PageMaker]:
    """The pages in the order of the rail; each module is imported when its page is first shown."""

    def chat(context: Context):  # type: ignore[no-untyped-def]
        from desktop.ui.tabs.chat.view import ChatPage

        return ChatPage(context)

    def discover(context: Context):  # type: ignore[no-untyped-def]
        from desktop.ui.tabs.discover.view import DiscoverPage

        return DiscoverPage(context)

    def library(context: Context):  # type: ignore[no-untyped-def]
        from desktop.ui.tabs.library.view import LibraryPage

        return LibraryPage(context)

    def server(context: Context):  # type: ignore[no-untyped-def]
        from desktop.ui.tabs.server.view import ServerPage

        return ServerPage(context)

    def bench(context: Context):  # type: ignore[no-untyped-def]
        from desktop.ui.tabs.bench.view import BenchPage

        return BenchPage(context)

    def quantize(context: Context):  # type: ignore[no-untyped-def]
        from desktop.ui.tabs.quantize.view import QuantizePage

        return QuantizePage(context)

    def machine(context: Context):  # type: ignore[no-untyped-def]
        from desktop.ui.tabs.machine.view import MachinePage

        return MachinePage(context)

    return {
        "chat": chat,
        "discover": discover,
        "library": library,
        "server": server,
        "bench": bench,
        "quantize": quantize,
        "machine": machine,
    }


class App:
    """One running window."""

    def __init__(self, application: QApplication, where: Paths) -> None:
        self._application = application
        sys.setswitchinterval(_SWITCH_SECONDS)
        settings = SettingsFile(where.settings_file).settings
        self.theme = Theme(application, settings.general.theme)
        application.setWindowIcon(icon(self.theme, "paddock", "accent"))
        self.language = Language(application, settings.general.language)
        self._bridge = Bridge(application)
        self.tasks = Tasks(self._bridge, application)
        self.link = ServiceLink(where, self._bridge, application)
        self.state = ServiceState(application)
        self.link.connected.connect(self.state.on_connected)
        self.link.event_received.connect(self.state.on_event)
        self.link.lost.connect(self.state.on_lost)
        self.window = MainWindow(self.theme, page_makers())
        self.context = Context(
            paths=where,
            theme=self.theme,
            language=self.language,
            tasks=self.tasks,
            link=self.link,
            state=self.state,
            toast=self.window.toasts.show,
            show_error=self.window.show_error,
            go_to=self.window.go_to,
        )
        self.tray = Tray(self.context, application)
        self.tray.open_asked.connect(self.window.raise_window)
        self.tray.quit_asked.connect(self.quit)
        self.tray.downloads_asked.connect(self._on_downloads_asked)
        self.window.close_asked.connect(self._on_close_asked)
        self.window.settings_asked.connect(self._on_settings_asked)
        self.window.token_asked.connect(self._on_token_asked)
        self.window.conversation_asked.connect(self._on_conversation_asked)
        self.notices = DownloadNotices(self.context, self.window, self.tray, application)
        self._told_of_tray = False
        self._hidden = QTimer(application)
        self._hidden.setInterval(_TRAY_LOOK_MS)
        self._hidden.timeout.connect(self._on_hidden_timeout)
        self._shown_a_while = QTimer(application)
        self._shown_a_while.setSingleShot(True)
        self._shown_a_while.setInterval(_READ_PAGES_MS)
        self._shown_a_while.timeout.connect(self._on_shown_a_while)
        self._unread = list(PAGES)
        self._next_page = QTimer(application)
        self._next_page.setInterval(_NEXT_PAGE_MS)
        self._next_page.timeout.connect(self._on_next_page)
        self.window.set_up(self.context, "chat")
        self.state.online_changed.connect(self._on_online_changed)
        self.state.server_lost.connect(self._on_server_lost)

    def start(self) -> None:
        self.window.show()
        if firstrun.is_due(self.context.paths):
            first = firstrun.FirstRun(self.context, self.window.ground)
            first.closed.connect(self._on_first_run_closed)
            self.window.covered = True
            first.begin()
        self.link.start()
        self._shown_a_while.start()

    def _on_shown_a_while(self) -> None:
        self.tasks.run(read_core, self._on_core_read)

    def _on_core_read(self, _: None) -> None:
        self._next_page.start()

    def _on_next_page(self) -> None:
        """One page at a time: each takes a moment in which nothing else is done."""
        read_pages([self._unread.pop(0)])
        if not self._unread:
            self._next_page.stop()
            # What is there now stays. Each full search for garbage would look through all of it
            # again, which takes 80 ms.
            gc.freeze()

    def quit(self) -> None:
        """Close the window and this process. The service goes on while somebody uses it."""
        self._hidden.stop()
        self._shown_a_while.stop()
        self._next_page.stop()
        self.tray.hide()
        self.window.close_for_good()
        self.link.close()
        self.tasks.close()
        self._application.quit()

    def _on_first_run_closed(self) -> None:
        self.window.covered = False
        self.window.go_to(self.window.page)  # which takes the keyboard

    def _on_close_asked(self) -> None:
        """To the tray while the server is on or something is downloaded, and there is a tray to
        come back from, else quit: without a tray nothing would tell of the server, so that is
        asked. Downloads are the service's and go on anyway."""
        on, downloads = self.state.public["on"], self.state.downloads.totals.going
        if self.tray.available and (on or downloads):
            self.window.hide()
            self._hidden.start()
            if not self._told_of_tray:
                self._told_of_tray = True
                text = self.window.tr("The server stays on. Open or quit Paddock here.")
                if not on:
                    text = self.window.tr("The downloads go on. Open or quit Paddock here.")
                self.tray.say("Paddock", text)
        elif not on:
            self.quit()
        else:
            from desktop.ui.dialogs.closing import ClosingDialog

            dialog = ClosingDialog(self.context, self.window)
            dialog.closing_chosen.connect(self._on_closing_chosen)
            dialog.open()

    def _on_closing_chosen(self, off: bool) -> None:
        if off:
            self.context.ask(lambda client: client.public_off(), lambda _: self.quit())
        else:
            self.quit()

    def _on_hidden_timeout(self) -> None:
        """A tray that ends while the window is hidden must not take it along."""
        if not self.window.isVisible() and not self.tray.available:
            self.window.raise_window()
        if self.window.isVisible():
            self._hidden.stop()

    def _on_conversation_asked(self, conversation_id: int) -> None:
        from desktop.ui.tabs.chat.view import ChatPage

        self.window.go_to("chat")
        page = self.window.page_of("chat")
        assert isinstance(page, ChatPage)
        page.open(conversation_id)

    def _on_downloads_asked(self) -> None:
        self.window.raise_window()
        self.window.downloads.open_up()

    def _on_settings_asked(self) -> None:
        from desktop.ui.dialogs.settings import SettingsDialog

        SettingsDialog(self.context, self.window).open()

    def _on_token_asked(self) -> None:
        """To the field for the hub's token, in the settings that may be open already."""
        from desktop.ui.dialogs.settings import SettingsDialog

        opened = self.window.findChildren(SettingsDialog)
        shown = next((each for each in opened if each.isVisible()), None)
        dialog = shown or SettingsDialog(self.context, self.window)
        dialog.open()
        dialog.show_token()

    def _on_online_changed(self) -> None:
        """Settings may have been changed by another window."""
        if self.state.online:
            self.context.ask(Client.settings, self._on_settings_read)

    def _on_server_lost(self, before: dict[str, Any]) -> None:
        """The service died, or was replaced, while the server was on: programs rely on it."""

        def done(public: dict[str, Any]) -> None:
            words = self.window.tr("The service was started anew. The server is on again at {url}.")
            self.context.toast(words.format(url=public["url"]), "check")

        self.context.ask(lambda client: client.public_on(before["host"], before["port"]), done)

    def _on_settings_read(self, settings: dict[str, dict[str, str]]) -> None:
        self.language.set(settings["general"]["language"])
        self.theme.set_mode(settings["general"]["theme"])  # type: ignore[arg-type]


class SingleInstance:
    """A second start raises the first window instead of opening another."""

    def __init__(self, where: Paths) -> None:
        runtime = where.ensure().runtime
        self._name = str(runtime / "window.sock")
        self._lock = QLockFile(str(runtime / "window.lock"))
        self._lock.setStaleLockTime(0)  # however long a window is open
        self._server = QLocalServer()

    def raise_other(self, wait_seconds: float = _OTHER_SECONDS) -> bool:
        """Whether another window took the wish to be raised; else this one may open.

        One that was started a moment ago is waited for: it holds the lock before it listens.
        """
        deadline = time.monotonic() + wait_seconds
        while not self._lock.tryLock(0):
            socket = QLocalSocket()
            socket.connectToServer(self._name)
            if socket.waitForConnected(500):
                socket.write(b"raise\n")
                return socket.waitForBytesWritten(500)
            if self._lock.error() is not QLockFile.LockError.LockFailedError:
                return False  # no lock can be made (a full disk): rather two windows than none
            if time.monotonic() > deadline:
                return False
            time.sleep(_LOOK_SECONDS)
        return False

    def listen(self, app: App) -> None:
        QLocalServer.removeServer(self._name)
        self._server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        self._server.newConnection.connect(app.window.raise_window)
        self._server.listen(self._name)

    def close(self) -> None:
        self._server.close()
        self._lock.unlock()


def main(arguments: list[str]) -> int:
    """Open the window; returns the exit status."""
    where = paths().ensure()
    logs.set_up(where.logs, "window")
    application = QApplication([sys.argv[0], *arguments])
    application.setApplicationName("Paddock")
    application.setQuitOnLastWindowClosed(False)
    instance = SingleInstance(where)
    if instance.raise_other():
        return 0
    app = App(application, where)
    instance.listen(app)
    signals = Signals(app.quit, application)
    QTimer.singleShot(0, app.start)
    application.exec()
    signals.close()
    instance.close()
    return 0
