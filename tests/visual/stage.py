"""The whole window on a stage: the real shell and pages, and a service that tells what is set."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from PySide6.QtCore import QAbstractAnimation, QCoreApplication, QEvent, QPoint
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from desktop.core.db import Database
from desktop.core.paths import paths
from desktop.core.service import trials
from desktop.ui.app import page_makers
from desktop.ui.bridge import Bridge
from desktop.ui.context import Context
from desktop.ui.dialogs import token
from desktop.ui.i18n import Language
from desktop.ui.models.state import ServiceState
from desktop.ui.shell import firstrun
from desktop.ui.shell.window import MainWindow
from desktop.ui.tabs.discover import world
from desktop.ui.tabs.machine import presenter as machine
from desktop.ui.tasks import Tasks
from desktop.ui.theme.theme import Theme
from tests.helpers.window import FakeClient, FakeLink, let_unbound_methods_reach_fakes
from tests.visual import data
from tests.visual.pricing import Trials, shelf

_PATIENCE_SECONDS = 20.0
_QUIET_SECONDS = 0.04  # nothing has come in for so long: what was asked for is there
_QUIET_TURNS = 6  # and for so many turns of the event loop, however slow the machine is


class _CountedTasks(Tasks):
    """Knows how much work is under way."""

    def __init__(self, bridge: Bridge) -> None:
        super().__init__(bridge)
        self._lock = threading.Lock()
        self.pending = 0

    def run(self, work: Callable[[], Any], done: Any = None, failed: Any = None) -> None:
        with self._lock:
            self.pending += 1

        def counted() -> Any:
            try:
                return work()
            finally:
                with self._lock:
                    self.pending -= 1

        super().run(counted, done, failed)


class _Store:
    """The engines of a machine that is not this one."""

    chosen = "environment"

    def __init__(self, where: object, chosen: str | None = None) -> None:
        pass

    def entries(self) -> list[Any]:
        return list(data.ENGINES)

    def current(self) -> Any:
        return data.RUNTIME


class Stage:
    """One window. `play` a scene on it, then look; `close` it before the next.

    Attributes:
        top: what the scene is about where it is not the window: a dialog, a menu.
    """

    def __init__(self, application: QApplication, theme: Theme, language: Language) -> None:
        self.theme, self.language = theme, language
        self._patch = pytest.MonkeyPatch()
        let_unbound_methods_reach_fakes(self._patch)
        self.machine = data.LAPTOP
        for module in (machine, firstrun, world):
            self._patch.setattr(module, "probe", lambda *args, **how: self.machine)
        self._patch.setattr(machine, "RuntimeStore", _Store)
        self._patch.setattr(world, "RuntimeStore", _Store)
        self._patch.setattr(trials, "TrialSources", lambda where: Trials(self.machine))
        self._patch.setattr(world, "read_shelf", shelf)
        self._patch.setattr(token, "token_source", lambda where: "none")
        self._patch.setattr(machine, "probe_memory", lambda: self.machine.ram)
        self._patch.setattr(machine, "resident_bytes", lambda pids: 180 * data.MIB)
        self._bridge = Bridge()
        self._tasks = _CountedTasks(self._bridge)
        self.link, self.state = FakeLink(application), ServiceState(application)
        self.link.connected.connect(self.state.on_connected)
        self.link.event_received.connect(self.state.on_event)
        self.link.lost.connect(self.state.on_lost)
        self.window = MainWindow(theme, page_makers())
        self.top: QWidget = self.window
        self.context = Context(
            paths=paths().ensure(),
            theme=theme,
            language=language,
            tasks=self._tasks,
            link=self.link,  # type: ignore[arg-type]
            state=self.state,
            toast=self.window.toasts.show,
            show_error=self.window.show_error,
            go_to=self.window.go_to,
        )
        self.client.models = data.LIBRARY
        self.client.conversations = lambda query: data.conversations(language.code)
        self.client.ledger = {"requests": [], "next": None}
        self.client.list_keys = []
        self._released = threading.Event()  # lets streams go that never end by themselves
        self.client.follow_message = self._follow

    def _follow(self, number: int, cancel: Any) -> Any:
        self._released.wait(_PATIENCE_SECONDS)
        yield from ()

    @property
    def client(self) -> FakeClient:
        found: FakeClient = self.link.client
        return found

    def open(self, page: str, width: int, height: int, **state: Any) -> None:
        """Args: state: parts of what the service says of itself."""
        self.window.resize(width, height)
        self.window.set_up(self.context, page)
        self.window.resize(width, height)
        self.link.tell_state(**state)
        self.window.show()
        self.settle()

    def page(self, name: str) -> Any:
        return self.window.page_of(name)

    def store_results(self, documents: list[data.Json]) -> None:
        from desktop.core.bench.results import ResultStore

        where = self.context.paths
        database = Database(where.database, where.backups)
        store = ResultStore(database)
        for number, document in enumerate(documents, 1):
            store.rename(store.add(number, document), document["name"])
        database.close()

    def settle(self, until: Callable[[], object] | None = None) -> None:
        """Let the window work until nothing is asked for any more (and `until` holds)."""
        end = time.monotonic() + _PATIENCE_SECONDS
        quiet_since, turns = time.monotonic(), 0
        while time.monotonic() < end:
            QTest.qWait(5)
            moving = any(
                each.state() is QAbstractAnimation.State.Running
                for each in self.window.findChildren(QAbstractAnimation)
            )
            if moving or self._tasks.pending or (until is not None and not until()):
                quiet_since, turns = time.monotonic(), 0
            elif time.monotonic() - quiet_since > _QUIET_SECONDS and turns > _QUIET_TURNS:
                return
            turns += 1
        raise TimeoutError("the window did not come to rest")

    def click_row(self, table: Any, row: int, column: int = 0) -> None:
        from PySide6.QtCore import Qt

        place: QPoint = table.visualRect(table.model().index(row, column)).center()
        QTest.mouseClick(
            table.viewport(),
            Qt.MouseButton.LeftButton,
            Qt.KeyboardModifier.NoModifier,
            place,
        )
        self.settle()

    def close(self) -> None:
        for widget in QApplication.topLevelWidgets():
            if widget is not self.window and widget.isVisible():
                widget.close()
        page = self.window.page
        if page:
            self.window.page_of(page).hidden()
        self._released.set()
        self.window.close_for_good()
        self.link.close()
        self._tasks.close()
        for each in (self.window, self.link, self.state, self._tasks, self._bridge):
            each.deleteLater()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        self._patch.undo()
        if self.client.unexpected:
            raise AssertionError(f"the data do not say: {sorted(set(self.client.unexpected))}")
