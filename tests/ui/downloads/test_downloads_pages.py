"""From a download to its use: the chat begins with the model, the library shows it."""

from __future__ import annotations

import functools
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from desktop.core.paths import paths
from desktop.ui import app as app_module
from desktop.ui.app import App, page_makers
from desktop.ui.shell import firstrun
from desktop.ui.shell.tray import Tray
from desktop.ui.shell.window import MainWindow
from tests.helpers.window import (
    FakeLink,
    RecordingContext,
    StubPage,
    let_unbound_methods_reach_fakes,
)
from tests.visual import data
from tests.visual import downloads as made

NEW = data.entry("fresh-4b:q4_k_m", 2.3, "Q4_K_M", 4.0, repo="maker/Fresh-4B-GGUF")


@pytest.fixture
def real_window(context: RecordingContext, qtbot: QtBot) -> Any:
    """The main window with its real pages."""
    context.client.models = data.LIBRARY
    context.client.conversations = []
    window = MainWindow(context.theme, page_makers())
    for name, value in (("go_to", window.go_to), ("toast", window.toasts.show)):
        object.__setattr__(context, name, value)
    window.set_up(context, "chat")
    window.show()
    yield window
    window.page_of(window.page).hidden()
    window.close_for_good()
    window.deleteLater()


def test_a_chat_begins_with_the_new_model(
    real_window: MainWindow, context: RecordingContext, qtbot: QtBot
) -> None:
    page: Any = real_window.page_of("chat")
    qtbot.waitUntil(lambda: page.presenter.choice.model_id is not None)
    assert page.presenter.choice.model_id != NEW["id"]
    context.client.models = [*data.LIBRARY, NEW]
    real_window.go_to("chat", NEW["id"])
    qtbot.waitUntil(lambda: page.presenter.choice.model is not None)
    assert page.presenter.choice.model_id == NEW["id"]
    assert page.presenter.current is None, "a new conversation"


def test_the_library_selects_it_as_soon_as_it_is_read(
    real_window: MainWindow, context: RecordingContext, qtbot: QtBot
) -> None:
    real_window.go_to("library")
    page: Any = real_window.page_of("library")
    qtbot.waitUntil(lambda: page.list.filter.rowCount() == len(data.LIBRARY))
    page.filter.setText("gpt-oss")
    real_window.go_to("library", NEW["id"])
    assert page.filter.text() == "", "it would hide it"
    context.client.models = [*data.LIBRARY, NEW]
    context.link.tell("library.changed", {})  # type: ignore[attr-defined]
    qtbot.waitUntil(lambda: (page.list.current() or {}).get("id") == NEW["id"])
    assert page.split.panel.isVisible()


def test_the_palette_opens_the_downloads(real_window: MainWindow) -> None:
    commands = {each.title: each for each in real_window.commands._commands.now([])}
    commands["Downloads"].run()
    assert real_window.downloads.isVisible()


@pytest.mark.parametrize(
    ("jobs", "stays"), [([made.RUNNING], True), ([made.QUEUED], True), ([made.PAUSED], False)]
)
def test_closing_goes_to_the_tray_while_something_is_downloaded(
    qapp: Any, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, jobs: list[Any], stays: bool
) -> None:
    let_unbound_methods_reach_fakes(monkeypatch)
    stubs = {name: functools.partial(StubPage, name=name) for name in ("chat", "server")}
    monkeypatch.setattr(app_module, "page_makers", lambda: stubs)
    read: list[bool] = []
    monkeypatch.setattr(app_module, "read_core", lambda: None)
    monkeypatch.setattr(app_module, "read_pages", lambda names: read.append(True))
    monkeypatch.setattr(app_module, "ServiceLink", lambda where, bridge, parent: FakeLink(parent))
    monkeypatch.setattr(Tray, "available", True)
    said: list[str] = []
    monkeypatch.setattr(Tray, "say", lambda self, title, text: said.append(text))
    quits: list[bool] = []
    monkeypatch.setattr(type(qapp), "quit", lambda *_: quits.append(True))
    firstrun.mark_seen(paths().ensure())
    app = App(qapp, paths())
    app.start()
    qtbot.waitUntil(lambda: bool(read))  # what the window does a moment after it was shown
    app.link.tell_state(jobs=jobs)  # type: ignore[attr-defined]
    app.window.close()
    assert not app.window.isVisible() and bool(quits) is not stays
    assert said == (["The downloads go on. Open or quit Paddock here."] if stays else [])
    if stays:
        app.tray.downloads_asked.emit()
        assert app.window.isVisible() and app.window.downloads.isVisible()
        app.quit()
    for thread in app.tasks._threads:
        thread.join()
    app.window.deleteLater()
    app.tray._menu.deleteLater()
    for each in (app.tray, app.notices, app.theme, app.language, app.tasks, app.link, app.state):
        each.deleteLater()
