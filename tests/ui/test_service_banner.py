"""What the window says of a service that is old, hangs, is gone or makes room, and the way out."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from desktop.core.client import ending
from desktop.core.errors import AppError, ErrorCode
from desktop.core.version import VERSION
from desktop.ui.shell.servicebanner import ServiceBanner
from desktop.ui.shell.window import MainWindow
from desktop.ui.widgets.base import Button
from desktop.ui.widgets.toast import Toast
from tests.helpers.window import FakeLink, RecordingContext

OLD_API = AppError(ErrorCode.SERVICE_VERSION, service="0.0.1", client=VERSION)
HANGS = AppError(ErrorCode.SERVICE_UNREACHABLE, reason="timed out")
RUNNING = {"id": 1, "kind": "bench", "state": "running", "finished": None, "progress": None}


@pytest.fixture
def banner(window: MainWindow) -> ServiceBanner:
    return window.findChildren(ServiceBanner)[0]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """How the service's end was asked for."""
    found: list[str] = []
    for name in ("ask_to_make_room", "kill_hanging"):
        monkeypatch.setattr(ending, name, lambda where, name=name: found.append(name))
    return found


def link(context: RecordingContext) -> FakeLink:
    made: Any = context.link
    return made


def button(banner: ServiceBanner) -> Button:
    return banner.findChildren(Button)[0]


def test_it_is_hidden_while_all_is_well(banner: ServiceBanner, context: RecordingContext) -> None:
    assert banner.isHidden()
    link(context).tell_state(version="99.0")  # newer, but of the same language
    assert banner.isHidden()


@pytest.mark.parametrize("code", ["en", "ja"])
def test_an_older_service_is_restarted_when_it_is_asked_to(
    qtbot: QtBot,
    banner: ServiceBanner,
    context: RecordingContext,
    asked: list[str],
    code: str,
) -> None:
    context.language.set(code)
    link(context).tell_state(version="0.0.9", jobs=[RUNNING])
    assert banner.isVisible()
    assert "0.0.9" in banner.accessibleName() and VERSION in banner.accessibleName()
    qtbot.mouseClick(button(banner), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: asked == ["ask_to_make_room"])
    assert button(banner).isHidden()
    link(context).tell("service.making_room", {})
    assert ": 1" in banner.accessibleName()
    link(context).tell("job.changed", {**RUNNING, "finished": 1.0, "state": "done"})
    assert ": 0" in banner.accessibleName()
    link(context).lose(AppError(ErrorCode.SERVICE_NOT_RUNNING, data_dir="d"))
    assert banner.isVisible()
    link(context).tell_state(epoch="new")
    assert banner.isHidden()


def test_a_service_of_another_language_is_restarted_too(
    qtbot: QtBot, banner: ServiceBanner, context: RecordingContext, asked: list[str]
) -> None:
    link(context).lose(OLD_API)
    assert "they do not understand each other" in banner.accessibleName()
    qtbot.mouseClick(button(banner), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: asked == ["ask_to_make_room"])
    link(context).lose(OLD_API)  # it is asked every second, and goes on for a while
    assert "as soon as what it is doing is done" in banner.accessibleName()
    assert button(banner).isHidden()
    link(context).tell_state()
    assert banner.isHidden()


def test_a_refused_restart_can_be_asked_for_again(
    qtbot: QtBot,
    window: MainWindow,
    banner: ServiceBanner,
    context: RecordingContext,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(where: object) -> None:
        raise AppError(ErrorCode.SERVICE_UNREACHABLE, reason="It is busy.")

    monkeypatch.setattr(ending, "ask_to_make_room", refuse)
    link(context).tell_state(version="0.0.9")
    qtbot.mouseClick(button(banner), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(window.findChildren(Toast)))
    assert not button(banner).isHidden() and "0.0.9" in banner.accessibleName()


def test_a_newer_service_is_left_alone(banner: ServiceBanner, context: RecordingContext) -> None:
    link(context).lose(AppError(ErrorCode.SERVICE_NEWER, service="9.0", client=VERSION))
    assert "newer Paddock" in banner.accessibleName() and "9.0" in banner.accessibleName()
    assert button(banner).isHidden()


def test_a_service_that_hangs_is_ended_by_force_when_that_is_wanted(
    qtbot: QtBot, banner: ServiceBanner, context: RecordingContext, asked: list[str]
) -> None:
    link(context).lose(HANGS)
    assert "does not answer" in banner.accessibleName()
    qtbot.mouseClick(button(banner), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: asked == ["kill_hanging"])


def test_one_that_is_gone_is_being_started(
    banner: ServiceBanner, context: RecordingContext
) -> None:
    link(context).lose(AppError(ErrorCode.SERVICE_NOT_RUNNING, data_dir="d"))
    assert "It is being started." in banner.accessibleName()
    assert button(banner).isHidden()
