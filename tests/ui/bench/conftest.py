"""The benchmark page, opened over a database that a test fills."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from desktop.core.bench.results import ResultStore
from desktop.core.db import Database
from desktop.ui.tabs.bench.view import BenchPage
from tests.helpers.window import RecordingContext
from tests.ui.bench.robot import MODELS, Robot


@pytest.fixture
def store(context: RecordingContext) -> Iterator[ResultStore]:
    database = Database(context.paths.database, context.paths.backups)
    yield ResultStore(database)
    database.close()


@pytest.fixture
def open_page(context: RecordingContext, qtbot: Any) -> Iterator[Callable[..., Robot]]:
    """Opens the page; the database and the client are as they were set before."""
    pages: list[BenchPage] = []
    context.client.models = MODELS

    def make() -> Robot:
        page = BenchPage(context)
        page.retranslate()
        pages.append(page)
        page.resize(1000, 700)
        page.show()
        page.shown()
        robot = Robot(page, context, qtbot)
        presenter = page._presenter
        robot.wait(lambda: presenter.runs is not None and presenter.choices.models is not None)
        robot.wait(lambda: page._comparison._chart is not None, timeout=20_000)
        robot.wait(lambda: not presenter.chosen or presenter.shown is not None)
        return robot

    yield make
    for page in pages:
        page.hidden()
        page.close()
        page.deleteLater()
