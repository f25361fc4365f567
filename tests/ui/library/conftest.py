"""The Library page, shown and read."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytestqt.qtbot import QtBot

from desktop.ui.tabs.library.view import LibraryPage
from tests.helpers.window import RecordingContext
from tests.ui.library.robot import Robot


@pytest.fixture
def robot(context: RecordingContext, qtbot: QtBot) -> Iterator[Robot]:
    page = LibraryPage(context)
    page.resize(1300, 700)
    page.show()
    page.activateWindow()
    qtbot.waitUntil(page.isActiveWindow)
    page.shown()
    context.client.load = {}
    context.client.unload = {}
    robot = Robot(page, context, qtbot)
    qtbot.waitUntil(lambda: page.empty.isVisible() and page._read)
    yield robot
    qtbot.waitUntil(page.rescan.isEnabled)
    page.close()
    page.deleteLater()
