"""The main window: rail, pages, status bar; pages are built when they are first shown."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

from PySide6.QtCore import QSettings, Qt, Signal
from PySide6.QtGui import (
    QCloseEvent,
    QKeySequence,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QShortcut,
)
from PySide6.QtWidgets import QHBoxLayout, QMainWindow, QStackedWidget, QVBoxLayout, QWidget

from desktop.core.errors import AppError, ErrorCode
from desktop.ui.context import Context
from desktop.ui.downloads.panel import DownloadsPanel
from desktop.ui.messages import message, notice_words
from desktop.ui.models.standing import budget_words, left_words, restart_words
from desktop.ui.shell.commands import Commands
from desktop.ui.shell.page import Page
from desktop.ui.shell.palette import Palette
from desktop.ui.shell.rail import Rail
from desktop.ui.shell.servicebanner import ServiceBanner
from desktop.ui.shell.statusbar import StatusBar
from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.filedrop import FileDrop
from desktop.ui.widgets.toast import Toasts

PageMaker = Callable[[Context], Page]


class Canvas(QWidget):
    """The window's ground."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        theme.changed.connect(self.update)

    def paintEvent(self, event: QPaintEvent) -> None:
        QPainter(self).fillRect(self.rect(), self._theme.colour("window"))


def _enter(pane: QWidget) -> bool:
    """Give the keyboard to the first thing in a pane that takes it."""
    for child in pane.findChildren(QWidget):
        tab = bool(child.focusPolicy() & Qt.FocusPolicy.TabFocus)
        if tab and child.isVisible() and child.isEnabled():
            child.setFocus(Qt.FocusReason.ShortcutFocusReason)
            return True
    return False


class MainWindow(QMainWindow):
    """Frame of the pages. `close_asked` decides what closing means; the window itself does not."""

    close_asked = Signal()
    settings_asked = Signal()
    token_asked = Signal()  # the settings, where the hub's token is
    conversation_asked = Signal(int)  # 0: a new one

    def __init__(self, theme: Theme, pages: Mapping[str, PageMaker]) -> None:
        super().__init__()
        self.setWindowTitle("Paddock")
        self.setMinimumSize(960, 600)
        self._theme = theme
        self._makers = dict(pages)
        self._pages: dict[str, Page] = {}
        self._context: Context | None = None
        self._may_close = False
        self.covered = False  # something lies over the pages and tells of failures itself
        self._rail = Rail(theme, list(pages))
        self._rail.chosen.connect(self.go_to)
        self._rail.settings_asked.connect(self.settings_asked)
        self._stack = QStackedWidget()
        ground = self.ground = Canvas(theme)
        right = self._right = QVBoxLayout()
        right.setContentsMargins(0, 0, 0, 0)
        right.setSpacing(0)
        right.addWidget(self._stack, 1)
        upper = QHBoxLayout()
        upper.setContentsMargins(0, 0, 0, 0)
        upper.setSpacing(0)
        upper.addWidget(self._rail)
        upper.addLayout(right, 1)
        self._whole = QVBoxLayout(ground)
        self._whole.setContentsMargins(0, 0, 0, 0)
        self._whole.setSpacing(0)
        self._whole.addLayout(upper, 1)
        self.setCentralWidget(ground)
        self.toasts = Toasts(theme, ground)
        self.drop = FileDrop(theme, ground)
        self.drop.paths_dropped.connect(self._on_paths_dropped)
        for number, name in enumerate(pages, 1):
            shortcut = QShortcut(QKeySequence(f"Ctrl+{number}"), self)
            shortcut.activated.connect(lambda name=name: self.go_to(name))
        settings = QShortcut(QKeySequence("Ctrl+,"), self)
        settings.activated.connect(self.settings_asked)
        for keys, slot in (("F6", self._on_next_pane), ("Shift+F6", self._on_pane_before)):
            QShortcut(QKeySequence(keys), self).activated.connect(slot)

    def set_up(self, context: Context, first: str) -> None:
        """Give the window its context and show the first page."""
        self._context = context
        self._status = StatusBar(context)
        self._whole.addWidget(self._status)
        self.downloads = DownloadsPanel(context, self.ground, self._status)
        self.downloads.token_asked.connect(self.token_asked)
        self._status.downloads_asked.connect(self.downloads.toggle)
        QShortcut(QKeySequence("Ctrl+J"), self).activated.connect(self.downloads.toggle_by_keys)
        found = Commands(context, self._rail.pages, self)
        found.settings_asked.connect(self.settings_asked)
        found.downloads_asked.connect(self.downloads.open_up)
        found.conversation_asked.connect(self.conversation_asked)
        self.commands = Palette(context, found, self.ground)
        self._rail.search_asked.connect(self.commands.open_up)
        QShortcut(QKeySequence("Ctrl+K"), self).activated.connect(self.commands.toggle)
        self._right.insertWidget(0, ServiceBanner(context))
        context.state.public_changed.connect(self._on_public_changed)
        context.state.model_failed.connect(self._on_model_failed)
        context.state.model_restarts.connect(self._on_model_restarts)
        context.state.model_left.connect(self._on_model_left)
        context.state.budget_warned.connect(self._on_budget_warned)
        context.state.ledger_changed.connect(self._on_ledger_changed)
        context.state.told.connect(self._on_told)
        self.go_to(first)
        geometry = QSettings(str(context.paths.config / "window.ini"), QSettings.Format.IniFormat)
        stored = geometry.value("geometry")
        if stored is None:
            self.resize(1200, 780)
        else:
            self.restoreGeometry(stored)

    @property
    def page(self) -> str:
        """The name of the page in front."""
        current = self._stack.currentWidget()
        return current.name if isinstance(current, Page) else ""

    def page_of(self, name: str) -> Page:
        """A page, built now if it never was shown."""
        assert self._context is not None
        if name not in self._pages:
            page = self._makers[name](self._context)
            page.retranslate()
            self._pages[name] = page
            self._stack.addWidget(page)
        return self._pages[name]

    def go_to(self, name: str, what: str = "") -> None:
        """To a page, which then shows the model `what`, or to what lies over the pages."""
        if name == "downloads":
            if what:
                self.downloads.ask_cancel(int(what))
            else:
                self.downloads.open_up()
            return
        if name == "settings":
            (self.token_asked if what == "token" else self.settings_asked).emit()
            return
        page = self.page_of(name)
        current = self._stack.currentWidget()
        if isinstance(current, Page) and current is not page:
            current.hidden()
        self._stack.setCurrentWidget(page)
        self._rail.choose(name)
        page.shown()
        if what:
            page.show_model(what)

    def show_error(self, error: AppError) -> None:
        self.toasts.show(message(error).line, "error")

    def raise_window(self) -> None:
        self.show()
        self.setWindowState(self.windowState() & ~self.windowState().WindowMinimized)
        self.raise_()
        self.activateWindow()

    def close_for_good(self) -> None:
        self._may_close = True
        self.close()
        self.hide()  # asked for from within closeEvent, `close` does nothing

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._rail.fit_to(self.width())

    def closeEvent(self, event: QCloseEvent) -> None:
        if self._context is not None:
            place = self._context.paths.config / "window.ini"
            QSettings(str(place), QSettings.Format.IniFormat).setValue(
                "geometry", self.saveGeometry()
            )
        if self._may_close:
            event.accept()
        else:
            event.ignore()
            self.close_asked.emit()

    # --- panes: F6 goes from one to the next --------------------------------------------------

    def _on_next_pane(self) -> None:
        self._go_pane(1)

    def _on_pane_before(self) -> None:
        self._go_pane(-1)

    def _go_pane(self, step: int) -> None:
        page = self._stack.currentWidget()
        inside = page.panes() if isinstance(page, Page) else []
        every = (self._rail, *inside, self.downloads, self._status)
        panes = [pane for pane in every if pane.isVisible()]
        focus = self.focusWidget()
        here = next((n for n, p in enumerate(panes) if focus and p.isAncestorOf(focus)), -1)
        for number in range(1, len(panes) + 1):
            if _enter(panes[(here + step * number) % len(panes)]):
                return

    def _on_public_changed(self) -> None:
        assert self._context is not None
        self._rail.set_dot("server", bool(self._context.state.public["on"]))

    def _on_model_failed(self, model: str, error: AppError) -> None:
        # What was stopped on purpose is no failure, and the Library tells failures in place.
        page = self._stack.currentWidget()
        in_place = self.covered or (isinstance(page, Page) and page.tells_failure_of(model))
        if error.code is not ErrorCode.LOAD_CANCELLED and not in_place:
            self.show_error(error)

    def _on_model_restarts(self, model: str, seconds: float, error: AppError) -> None:
        self.toasts.show(restart_words(model, seconds, message(error).cause), "warning")

    def _on_model_left(self, model: dict[str, Any], reason: str, guest: str) -> None:
        if words := left_words(model, reason, guest):
            self.toasts.show(words, "info")

    def _on_budget_warned(self, budget: dict[str, Any]) -> None:
        show = functools.partial(self.go_to, "server", "keys")
        self.toasts.show(budget_words(budget), "warning", (self.tr("Open the keys"), show))

    def _on_ledger_changed(self, ledger: dict[str, Any]) -> None:
        if ledger["problem"]:
            words = self.tr("Requests cannot be stored at the moment; they are kept in memory.")
            self.toasts.show(words, "warning")

    def _on_paths_dropped(self, paths: list[str]) -> None:
        """A file dropped anywhere, unless the page in front takes it, lands in the Library."""
        self.go_to("library")
        add = getattr(self.page_of("library"), "add_paths", None)
        if add is not None:
            add(paths)

    def _on_told(self, notice: dict[str, Any]) -> None:
        self.toasts.show(notice_words(notice), "warning")
