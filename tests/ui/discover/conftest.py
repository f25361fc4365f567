"""The Discover page on a machine that a test describes, with the real catalogue."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from desktop.core.hardware.probe import Hardware
from desktop.ui.tabs.discover import world
from desktop.ui.tabs.discover.view import DiscoverPage
from desktop.ui.tabs.discover.world import Shelf
from tests.helpers.window import RecordingContext
from tests.ui.discover.robot import LAPTOP, Engines, Robot, shelf

Json = dict[str, Any]


@pytest.fixture
def on_machine(
    context: RecordingContext, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Robot]]:
    """Opens the page on a machine."""
    monkeypatch.setattr(world, "RuntimeStore", Engines)
    pages: list[DiscoverPage] = []

    def make(
        hardware: Hardware = LAPTOP, *, models: tuple[Json, ...] = (), full: Shelf | None = None
    ) -> Robot:
        monkeypatch.setattr(world, "probe", lambda *args, **how: hardware)
        monkeypatch.setattr(world, "read_shelf", lambda: full or shelf())
        context.client.models = list(models)
        page = DiscoverPage(context)
        page.retranslate()
        pages.append(page)
        page.resize(1300, 760)
        page.show()
        page.activateWindow()
        qtbot.waitUntil(page.isActiveWindow)
        page.shown()
        robot = Robot(page, context, qtbot)
        robot.wait(lambda: page.presenter.ranked or page.presenter.trouble)
        robot.wait(lambda: len(page.presenter.library.models) == len(models))
        return robot

    yield make
    for page in pages:
        page.presenter.prices.clear()
        page.hidden()
        page.close()
        page.deleteLater()
