"""Hands on the Discover page, and the machine a test describes."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication

from desktop.core.errors import AppError
from desktop.core.fit.trial import Price
from desktop.ui.tabs.discover.cards import Card
from desktop.ui.tabs.discover.view import DiscoverPage
from desktop.ui.tabs.discover.world import read_shelf
from tests.helpers.window import RecordingContext
from tests.visual import data

LAPTOP = replace(data.LAPTOP, bandwidth=data.BANDWIDTH)
DESKTOP = replace(data.DESKTOP, bandwidth=data.BANDWIDTH)
shelf = functools.cache(read_shelf)


class Engines:
    """The engines of a machine that is not this one."""

    runtime: Any = data.RUNTIME

    def __init__(self, where: object, chosen: str | None = None) -> None:
        pass

    def current(self) -> Any:
        if isinstance(self.runtime, AppError):
            raise self.runtime
        return self.runtime


class Robot:
    """Hands on the page."""

    def __init__(self, page: DiscoverPage, context: RecordingContext, qtbot: Any) -> None:
        self.page, self.context, self.qtbot = page, context, qtbot
        self.grid, self.panel, self.presenter = page.grid, page.panel, page.presenter

    def wait(self, holds: Callable[[], object], timeout: int = 15_000) -> None:
        self.qtbot.waitUntil(lambda: bool(holds()), timeout=timeout)

    def names(self) -> list[str]:
        return [card.candidate.name for card in self.page.cards.cards]

    def card(self, name: str) -> Card:
        return next(card for card in self.page.cards.cards if card.candidate.name == name)

    def keys(self, *keys: Qt.Key) -> None:
        """To the widget that has the keyboard."""
        for key in keys:
            self.qtbot.keyClick(self.page.focusWidget() or self.page, key)

    def click(self, name: str) -> None:
        place = self.names().index(name)
        self.grid.scrollTo(self.page.cards.index(place))
        middle = self.grid._box(place).topLeft() + QPoint(40, 20)
        self.wait(lambda: self.grid.row_at(middle) == place)  # Qt has laid them out
        self.qtbot.mouseClick(self.grid.viewport(), Qt.MouseButton.LeftButton, pos=middle)

    def press(self, button: Any) -> None:
        """Click a button once it stands where it stays: laid out anew it would be missed."""
        self.wait(lambda: button.isVisible() and button.isEnabled())
        for _ in range(3):  # what a layout asks for may ask for another one
            self.page.window().repaint()
            QApplication.processEvents()
        self.qtbot.mouseClick(button, Qt.MouseButton.LeftButton)

    def open(self, name: str) -> None:
        """Click a card and wait for its price."""
        self.click(name)
        self.priced()

    def priced(self) -> Price:
        """The settled price of the file that is chosen."""
        self.wait(lambda: self.shown_price is not None and self.panel.price._priced.settled)  # type: ignore[union-attr]
        price = self.shown_price
        assert price is not None
        return price

    @property
    def shown_price(self) -> Price | None:
        shown = self.panel.price._priced
        return None if shown is None else shown.price

    def pick(self, box: Any, data: object) -> None:
        """Choose an entry of a box as hands do: it says so."""
        place = box.findData(data)
        box.setCurrentIndex(place)
        box.activated.emit(place)
