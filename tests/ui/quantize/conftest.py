"""The Quantize page, opened over a service that tells what a test sets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from desktop.ui.tabs.quantize.view import QuantizePage
from tests.helpers.window import RecordingContext
from tests.ui.quantize.robot import MODELS, TYPES, Robot, plan_of


@pytest.fixture
def open_page(context: RecordingContext, qtbot: Any) -> Iterator[Callable[..., Robot]]:
    """Opens the page; the client answers as it was set before."""
    pages: list[QuantizePage] = []
    client = context.client
    client.models = MODELS
    client.quant_types = TYPES
    client.quant_recipes = []
    client.quant_plan = plan_of
    client.scan = {"added": [], "removed": [], "changed": []}

    def make() -> Robot:
        page = QuantizePage(context)
        page.retranslate()
        pages.append(page)
        page.resize(1200, 1400)
        page.show()
        page.shown()
        robot = Robot(page, context, qtbot)
        robot.wait(lambda: page.presenter.models is not None and page.presenter.types is not None)
        robot.settled()
        return robot

    yield make
    for page in pages:
        page.hidden()
        page.presenter._rest.stop()
        page.close()
        page.deleteLater()
