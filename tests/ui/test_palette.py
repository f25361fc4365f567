"""The command palette and F6: everything can be reached from the keyboard."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QInputMethodEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from desktop.core.errors import AppError, ErrorCode
from desktop.ui.shell.commands import Command, matching
from desktop.ui.shell.palette import Palette
from desktop.ui.shell.window import MainWindow
from tests.helpers.window import RecordingContext

MODELS = [
    {"id": "qwen3-8b:q4_k_m", "kind": "model", "broken": False},
    {"id": "broken:q8_0", "kind": "model", "broken": True},
    {"id": "eyes", "kind": "projector", "broken": False},
]
CONVERSATIONS = [{"id": 7, "title": "About horses"}, {"id": 9, "title": "No word of them here"}]


@pytest.fixture
def palette(window: MainWindow, context: RecordingContext, qtbot: QtBot) -> Palette:
    context.client.models = MODELS
    context.client.conversations = lambda query: CONVERSATIONS if "horse" in query else []
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    qtbot.keyClick(window, Qt.Key.Key_K, Qt.KeyboardModifier.ControlModifier)
    found = window.findChild(Palette)
    assert found is not None and found.isVisible()
    return found


def titles(palette: Palette) -> list[str]:
    model = palette.list.model()
    return [str(model.index(row, 0).data()) for row in range(model.rowCount())]


def test_it_offers_pages_the_server_models_and_looks(palette: Palette, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: "Load qwen3-8b:q4_k_m" in titles(palette))
    shown = titles(palette)
    assert shown[:5] == ["Chat", "Library", "Server", "Benchmark", "Machine"]
    for title in ("New chat", "Turn the server on", "Look: Dark", "Language: 日本語", "Settings"):
        assert title in shown
    assert not any("broken" in title or "eyes" in title for title in shown)


def test_letters_and_enter_go_to_a_page(palette: Palette, window: MainWindow, qtbot: QtBot) -> None:
    qtbot.keyClicks(palette.field, "mach")
    assert titles(palette)[0] == "Machine"
    qtbot.keyClick(palette.field, Qt.Key.Key_Return)
    assert not palette.isVisible()
    assert window.page == "machine"


def test_arrows_choose_and_the_ends_hold(
    palette: Palette, window: MainWindow, qtbot: QtBot
) -> None:
    qtbot.keyClick(palette.field, Qt.Key.Key_Up)
    assert palette.list.currentIndex().row() == 0
    qtbot.keyClick(palette.field, Qt.Key.Key_Down)
    qtbot.keyClick(palette.field, Qt.Key.Key_Down)
    qtbot.keyClick(palette.field, Qt.Key.Key_Return)
    assert window.page == "server"


def test_a_model_is_loaded(palette: Palette, context: RecordingContext, qtbot: QtBot) -> None:
    context.client.load = {}
    qtbot.waitUntil(lambda: "Load qwen3-8b:q4_k_m" in titles(palette))
    qtbot.keyClicks(palette.field, "load qwen")
    qtbot.keyClick(palette.field, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: bool(context.client.called("load")))
    assert context.client.called("load")[0].args == ("qwen3-8b:q4_k_m",)


def test_the_server_is_switched_as_it_stands(
    palette: Palette, context: RecordingContext, window: MainWindow, qtbot: QtBot
) -> None:
    context.client.public_off = {}
    url = "http://127.0.0.1:8484"
    context.link.tell("public.changed", {"on": True, "url": url, "port": 8484})
    qtbot.keyClicks(palette.field, "server off")
    assert titles(palette) == ["Turn the server off"]
    qtbot.keyClick(palette.field, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: bool(context.client.called("public_off")))
    qtbot.keyClick(window, Qt.Key.Key_K, Qt.KeyboardModifier.ControlModifier)
    qtbot.keyClicks(palette.field, "copy")
    qtbot.keyClick(palette.field, Qt.Key.Key_Return)
    assert QGuiApplication.clipboard().text() == f"{url}/v1"


def test_conversations_are_found_by_what_is_in_them(
    palette: Palette, window: MainWindow, qtbot: QtBot
) -> None:
    asked: list[int] = []
    window.conversation_asked.connect(asked.append)
    qtbot.keyClicks(palette.field, "horse")
    qtbot.waitUntil(lambda: titles(palette) == ["About horses", "No word of them here"])
    qtbot.keyClick(palette.field, Qt.Key.Key_Down)
    qtbot.keyClick(palette.field, Qt.Key.Key_Return)
    assert asked == [9]


def test_a_look_is_chosen_and_kept(
    palette: Palette, context: RecordingContext, qtbot: QtBot
) -> None:
    qtbot.keyClicks(palette.field, "dark")
    qtbot.keyClick(palette.field, Qt.Key.Key_Return)
    assert context.theme.mode == "dark"
    qtbot.waitUntil(lambda: bool(context.client.called("change_settings")))
    assert context.client.called("change_settings")[0].args == ({"general.theme": "dark"},)
    context.theme.set_mode("light")


def test_nothing_found_is_said(palette: Palette, qtbot: QtBot) -> None:
    qtbot.keyClicks(palette.field, "zzz")
    assert titles(palette) == []
    assert palette._nothing.isVisible() and not palette.list.isVisible()
    qtbot.keyClick(palette.field, Qt.Key.Key_Return)
    assert palette.isVisible()


def test_esc_gives_the_keyboard_back(window: MainWindow, qtbot: QtBot) -> None:
    button = window.findChild(object, "rail-settings")
    button.setFocus()
    qtbot.keyClick(window, Qt.Key.Key_K, Qt.KeyboardModifier.ControlModifier)
    palette = window.findChild(Palette)
    qtbot.waitUntil(palette.field.hasFocus)
    qtbot.keyClick(palette.field, Qt.Key.Key_Escape)
    assert not palette.isVisible()
    assert QApplication.focusWidget() is button


def test_a_click_elsewhere_closes_it(palette: Palette, window: MainWindow, qtbot: QtBot) -> None:
    qtbot.waitUntil(palette.field.hasFocus)
    window.findChild(object, "rail-settings").setFocus()
    assert not palette.isVisible()


def test_without_the_service_it_still_opens_pages(
    context: RecordingContext, window: MainWindow, qtbot: QtBot
) -> None:
    context.link.lose(AppError(ErrorCode.SERVICE_UNREACHABLE, reason="It is gone."))
    qtbot.keyClick(window, Qt.Key.Key_K, Qt.KeyboardModifier.ControlModifier)
    palette = window.findChild(Palette)
    qtbot.keyClicks(palette.field, "lib")
    qtbot.keyClick(palette.field, Qt.Key.Key_Return)
    assert window.page == "library"
    assert context.client.called("conversations") == []


def test_it_speaks_japanese(palette: Palette, context: RecordingContext, qtbot: QtBot) -> None:
    context.language.set("ja")
    qtbot.waitUntil(lambda: "サーバーを起動" in titles(palette))
    typed = QInputMethodEvent()
    typed.setCommitString("設定")
    QApplication.sendEvent(palette.field, typed)
    assert titles(palette)[0] == "設定"


@pytest.mark.parametrize(
    ("query", "first"), [("ser", "Server"), ("on", "One thing"), ("turn on", "Turn the server on")]
)
def test_what_begins_with_the_letters_comes_first(query: str, first: str) -> None:
    def do_nothing() -> None:
        raise AssertionError("not run")

    commands = [
        Command(title, "chat", do_nothing)
        for title in ("Turn the server on", "Observer", "Server", "One thing")
    ]
    assert matching(commands, query)[0].title == first


def test_f6_goes_from_pane_to_pane(window: MainWindow, qtbot: QtBot) -> None:
    names: list[Any] = []
    window.findChild(object, "rail-chat").setFocus()
    for _ in range(3):
        qtbot.keyClick(window, Qt.Key.Key_F6)
        names.append(QApplication.focusWidget().objectName())
    assert names[0] == "status-downloads", "stub pages have nothing to stand in"
    assert names[1] == "", "the brand is the rail's first"
    qtbot.keyClick(window, Qt.Key.Key_F6, Qt.KeyboardModifier.ShiftModifier)
    assert QApplication.focusWidget().objectName() == ""
