"""What the painted buttons of a card do, and its menu, which says the same in words."""

from __future__ import annotations

from PySide6.QtCore import QObject, QPoint, Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMenu

from desktop.ui.context import Context
from desktop.ui.downloads.question import ASK_ABOVE_BYTES
from desktop.ui.tabs.discover.cards import Card, CardsModel
from desktop.ui.tabs.discover.getting import Way
from desktop.ui.tabs.discover.grid import CardGrid
from desktop.ui.tabs.discover.presenter import DiscoverPresenter


class CardHands(QObject):
    """All of it is about the file of a card that suits best.

    Signals:
        opened: the row of a card whose panel is to be shown.
    """

    opened = Signal(int)

    def __init__(
        self, context: Context, presenter: DiscoverPresenter, grid: CardGrid, cards: CardsModel
    ) -> None:
        super().__init__(grid)
        self._context, self._presenter = context, presenter
        self._grid, self._cards = grid, cards
        grid.pressed.connect(self.do)
        grid.menu_asked.connect(self._on_menu_asked)

    def _way(self, card: Card) -> Way:
        return self._presenter.getting.way(card.repository, card.best_quant)

    def do(self, place: int, key: str) -> None:
        """What a button says."""
        card = self._cards.cards[place]
        getting, way = self._presenter.getting, self._way(card)
        if key == "open":
            self.opened.emit(place)
        elif key == "get":
            getting.get(way)
        elif key == "load":
            self._presenter.load(card, card.best_quant, {})
        elif key == "chat":
            self._context.go_to("chat", way.local or "")
        elif way.download is not None:
            self._change(way.download.id, key, way.download.done_bytes)

    def _change(self, number: int, key: str, done_bytes: int) -> None:
        actions = self._presenter.getting.actions
        if key == "pause":
            actions.pause(number)
        elif key == "resume":
            actions.resume(number)
        elif done_bytes > ASK_ABOVE_BYTES:
            self._context.go_to("downloads", str(number))  # where it is asked about
        else:
            actions.cancel(number)

    def _on_menu_asked(self, place: int, where: QPoint) -> None:
        card = self._cards.cards[place]
        menu = QMenu(self._grid)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction(self.tr("Details")).triggered.connect(lambda: self.opened.emit(place))
        for hit in self._grid.hits(place, self._grid.visualRect(self._cards.index(place))):
            action = menu.addAction(hit.name)
            action.setEnabled(hit.enabled)
            action.triggered.connect(lambda _=False, key=hit.key: self.do(place, key))
        menu.addSeparator()
        way, local = self._way(card), dict(card.local)
        if way.local is not None or local:
            model = way.local or next(iter(local.values()))
            show = menu.addAction(self.tr("Show in Library"))
            show.triggered.connect(lambda: self._context.go_to("library", model))
        repository = card.repository
        if "://" not in repository:
            page = menu.addAction(self.tr("Open its page at Hugging Face"))
            page.triggered.connect(lambda: self._presenter.getting.actions.open_page(repository))
        copy = menu.addAction(self.tr("Copy the repository's name"))
        copy.triggered.connect(lambda: QGuiApplication.clipboard().setText(repository))
        menu.popup(where)
