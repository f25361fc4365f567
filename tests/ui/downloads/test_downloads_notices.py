"""The end of a download is told once, where a person sees it: in the window, or beside the tray."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from PySide6.QtWidgets import QApplication, QSystemTrayIcon
from pytestqt.qtbot import QtBot

from desktop.ui.downloads.notices import DownloadNotices
from desktop.ui.shell.tray import Tray
from desktop.ui.shell.window import MainWindow
from desktop.ui.widgets.toast import Toast
from tests.helpers.window import RecordingContext
from tests.visual import downloads as made
from tests.visual.data import GIB

DONE = {**made.DONE, "id": 21}


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    monkeypatch.setattr(Tray, "say", lambda self, title, text: found.append((title, text)))
    return found


@pytest.fixture
def tray(
    qapp: QApplication,
    window: MainWindow,
    context: RecordingContext,
    monkeypatch: pytest.MonkeyPatch,
    said: list[tuple[str, str]],
) -> Iterator[Tray]:
    monkeypatch.setattr(QSystemTrayIcon, "show", lambda self: None)
    tray = Tray(context, qapp)
    notices = DownloadNotices(context, window, tray, qapp)
    yield tray
    notices.deleteLater()
    tray._menu.deleteLater()
    tray.deleteLater()


def _end(context: RecordingContext, job: dict[str, Any]) -> None:
    running = {**made.RUNNING, "id": job["id"], "params": job["params"]}
    context.link.tell("job.changed", running)  # type: ignore[attr-defined]
    context.link.tell("job.changed", job)  # type: ignore[attr-defined]


def _toasts(window: MainWindow) -> list[Toast]:
    return [each for each in window.findChildren(Toast) if each.isVisible()]


def _in_front(qtbot: QtBot, window: MainWindow) -> None:
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)


def test_in_front_a_toast_leads_to_the_chat(
    qtbot: QtBot,
    window: MainWindow,
    context: RecordingContext,
    tray: Tray,
    said: list[tuple[str, str]],
) -> None:
    _in_front(qtbot, window)
    _end(context, DONE)
    (toast,) = _toasts(window)
    assert toast.accessibleName() == "Qwen3-4B-Thinking-2507-GGUF Q4_K_M is in your library."
    assert not said


def test_the_open_panel_tells_by_itself(
    qtbot: QtBot, window: MainWindow, context: RecordingContext, tray: Tray
) -> None:
    _in_front(qtbot, window)
    window.downloads.open_up()
    _end(context, DONE)
    assert not _toasts(window) and len(window.downloads.list.ended) == 1


def test_a_hidden_window_has_the_tray_tell(
    qtbot: QtBot,
    window: MainWindow,
    context: RecordingContext,
    tray: Tray,
    said: list[tuple[str, str]],
) -> None:
    window.hide()
    _end(context, DONE)
    assert said == [("Qwen3-4B-Thinking-2507-GGUF Q4_K_M is here", "2.3 GiB in 4 min")]
    assert not _toasts(window)
    tray.message_clicked.emit()
    assert window.isVisible() and window.page == "chat"


def test_a_failure_is_told_and_leads_to_the_panel(
    window: MainWindow, context: RecordingContext, tray: Tray, said: list[tuple[str, str]]
) -> None:
    window.hide()
    _end(context, made.NO_SPACE)
    assert said == [("Qwen3-32B-GGUF Q8_0 was not downloaded", "The disk is full")]
    tray.message_clicked.emit()
    assert window.isVisible() and window.downloads.isVisible()


def test_what_ended_before_the_window_opened_is_not_told(
    window: MainWindow, context: RecordingContext, tray: Tray, said: list[tuple[str, str]]
) -> None:
    window.hide()
    context.state.downloads.read_history(made.HISTORY)
    assert not said


def test_the_tray_has_them_in_its_tooltip_and_menu(
    window: MainWindow, context: RecordingContext, tray: Tray, qtbot: QtBot
) -> None:
    assert not tray._downloads.isVisible()
    context.link.tell_state(jobs=[made.RUNNING, made.QUEUED])  # type: ignore[attr-defined]
    assert tray._downloads.isVisible() and tray._downloads.text() == "2 downloads · 34 %"
    assert "2 downloads · 34 % · 5 min left" in tray._icon.toolTip()
    files = [{**made.FILES[0], "done_bytes": 3 * GIB}, made.FILES[1]]
    told = {"id": 21, "progress": made.progress(files)}
    context.link.tell("job.progress", told)  # type: ignore[attr-defined]
    qtbot.waitUntil(lambda: "53 %" in tray._icon.toolTip())
    with qtbot.waitSignal(tray.downloads_asked):
        tray._downloads.trigger()
    context.link.tell_state()  # type: ignore[attr-defined]
    assert not tray._downloads.isVisible() and "%" not in tray._icon.toolTip()
