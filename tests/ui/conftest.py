"""What tests of the window start from: one QApplication without a screen, and nothing left behind.

`context` is the whole of what a page is given, with real parts but for the service: set what it
answers on `context.client` (tests/helpers/window.py), have things happen with `context.link.tell`.
"""

from __future__ import annotations

import os

os.environ["QT_QPA_PLATFORM"] = "offscreen"  # before the first import of Qt

import contextlib
import functools
import gc
import re
import threading
import time
from collections.abc import Iterator

import pytest
import shiboken6
from PySide6.QtCore import (
    QCoreApplication,
    QEvent,
    QMessageLogContext,
    QTimer,
    QtMsgType,
    qInstallMessageHandler,
)
from PySide6.QtWidgets import QApplication, QWidget

from desktop.core.paths import paths
from desktop.ui.bridge import Bridge
from desktop.ui.i18n import Language
from desktop.ui.models.state import ServiceState
from desktop.ui.shell.window import MainWindow
from desktop.ui.tasks import Tasks
from desktop.ui.theme.theme import Theme
from tests.helpers.window import (
    FakeLink,
    RecordingContext,
    StubPage,
    let_unbound_methods_reach_fakes,
)

PAGES = ("chat", "library", "server", "bench", "machine")
_GRACE_SECONDS = 5.0
# Starts children on Linux; there is one for as long as the process lives (core/procs.py).
_LASTING_THREADS = {"spawner"}

# Warnings of Qt that no code of ours can do anything about, each with its reason.
KNOWN_WARNINGS = [
    # The offscreen platform has no way to do these; every real platform has.
    r"This plugin does not support propagateSizeHints\(\)",
    r"This plugin does not support raise\(\)",
    r"This plugin does not support grabbing the (keyboard|mouse)",
    r"No such signal QPlatformNativeInterface::systemTrayWindowChanged",
    # Machines without a font of the wanted family: Qt takes the next one, and says what it cost.
    r"Populating font family aliases took",
]


@pytest.fixture(autouse=True)
def qt_is_quiet(qapp: QApplication) -> Iterator[list[str]]:
    """Fail a test on any warning of Qt that is not known; yields the warnings so far."""
    said: list[str] = []

    def on_message(kind: QtMsgType, where: QMessageLogContext, text: str) -> None:
        if kind in (QtMsgType.QtDebugMsg, QtMsgType.QtInfoMsg):
            return
        if not any(re.search(known, text) for known in KNOWN_WARNINGS):
            said.append(text)

    previous = qInstallMessageHandler(on_message)
    yield said
    qInstallMessageHandler(previous)
    if said:
        pytest.fail("Qt warned:\n  " + "\n  ".join(said), pytrace=False)


def _settle() -> None:
    """Do what waits: deletions, queued calls, and Python's own garbage."""
    gc.collect()
    for _ in range(3):
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        QCoreApplication.processEvents()


def _windows() -> list[QWidget]:
    return [each for each in QApplication.topLevelWidgets() if each.parent() is None]


def _timers() -> list[QTimer]:
    found = []
    for each in gc.get_objects():
        with contextlib.suppress(ReferenceError):
            if isinstance(each, QTimer) and shiboken6.isValid(each) and each.isActive():
                found.append(each)
    return found


def _is_left(thread: threading.Thread) -> bool:
    return thread.is_alive() and thread.name not in _LASTING_THREADS


@pytest.fixture(autouse=True)
def nothing_left_in_the_window(qt_is_quiet: list[str]) -> Iterator[None]:
    """Fail a test that leaves a window, a running timer or a thread behind (daemons too)."""
    # Earlier tests may have filled caches (the syntax trees of the whole program): `_settle` and
    # `_timers` walk what comes from here on.
    gc.collect()
    gc.freeze()
    windows, timers, threads = _windows(), _timers(), set(threading.enumerate())
    yield
    _settle()
    deadline = time.monotonic() + _GRACE_SECONDS
    while left := [t for t in threading.enumerate() if t not in threads and _is_left(t)]:
        if time.monotonic() > deadline:
            break
        QCoreApplication.processEvents()
        left[0].join(0.02)
    words = [f"thread {thread.name}" for thread in left]
    for window in _windows():
        if window not in windows:
            words.append(f"window {type(window).__name__} {window.windowTitle()!r}")
            window.close()
            window.deleteLater()
    for timer in _timers():
        if timer not in timers:
            words.append(f"running timer of {type(timer.parent()).__name__}")
            timer.stop()
    if words:
        pytest.fail("the test left behind:\n  " + "\n  ".join(words), pytrace=False)


@pytest.fixture
def theme(qapp: QApplication) -> Iterator[Theme]:
    palette = qapp.palette()
    theme = Theme(qapp, "light")
    yield theme
    qapp.setPalette(palette)
    theme.deleteLater()


@pytest.fixture
def language(qapp: QApplication) -> Iterator[Language]:
    language = Language(qapp, "en")
    yield language
    language.set("en")
    language.deleteLater()


@pytest.fixture
def context(
    qapp: QApplication, theme: Theme, language: Language, monkeypatch: pytest.MonkeyPatch
) -> Iterator[RecordingContext]:
    """A page's surroundings, with the service answering and idle."""
    let_unbound_methods_reach_fakes(monkeypatch)
    bridge = Bridge(qapp)
    tasks, link, state = Tasks(bridge, qapp), FakeLink(qapp), ServiceState(qapp)
    link.connected.connect(state.on_connected)
    link.event_received.connect(state.on_event)
    link.lost.connect(state.on_lost)
    toasts: list[tuple[str, str, object]] = []
    errors: list[object] = []
    visits: list[str] = []

    def toast(text: str, kind: str = "info", action: object = None) -> None:
        toasts.append((text, kind, action))

    client = link.client
    made = RecordingContext(
        paths=paths().ensure(),
        theme=theme,
        language=language,
        tasks=tasks,
        link=link,  # type: ignore[arg-type]
        state=state,
        toast=toast,
        show_error=errors.append,
        go_to=lambda page, what="": visits.append(f"{page} {what}".strip()),
        toasts=toasts,
        errors=errors,  # type: ignore[arg-type]
        visits=visits,
    )
    link.start()
    yield made
    tasks.close()
    for thread in tasks._threads:
        thread.join()
    for each in (link, state, tasks, bridge):
        each.deleteLater()
    if client.unexpected:
        names = ", ".join(sorted(set(client.unexpected)))
        pytest.fail(f"set what the client answers to: {names}", pytrace=False)


@pytest.fixture
def window(context: RecordingContext) -> Iterator[MainWindow]:
    """The main window with stub pages; toasts, errors and page changes are its own."""
    makers = {name: functools.partial(StubPage, name=name) for name in PAGES}
    window = MainWindow(context.theme, makers)
    for name, value in (
        ("toast", window.toasts.show),
        ("show_error", window.show_error),
        ("go_to", window.go_to),
    ):
        object.__setattr__(context, name, value)
    window.set_up(context, "chat")
    window.show()
    yield window
    window.close_for_good()
    window.deleteLater()
