"""The models as tiles: what each is, how it runs here, and getting it."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QRect, QRectF, QSize
from PySide6.QtGui import QPainter

from desktop.ui.tabs.discover import words
from desktop.ui.tabs.discover.cards import Card, CardsModel, in_library
from desktop.ui.tabs.discover.getting import Getting, Way
from desktop.ui.tabs.discover.ink import LEFT, RIGHT, Hit
from desktop.ui.tabs.discover.tiles import PADDING, TileGrid
from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.badge import paint_badge

_WHY_GAP = 8


class CardGrid(TileGrid):
    """The view. Its painted buttons are those of the file that suits best: "get", "pause",
    "resume", "cancel", "load", "chat"."""

    def __init__(self, theme: Theme, model: CardsModel, getting: Getting) -> None:
        super().__init__(theme, model)
        self._cards, self._getting = model, getting
        self.setObjectName("discover-grid")
        model.told = self._said
        getting.changed.connect(self._on_getting_changed)
        getting.progressed.connect(self._on_getting_progressed)

    def _on_getting_changed(self) -> None:
        self.viewport().update()

    def _on_getting_progressed(self, key: str) -> None:
        for row in self._rows_in_sight(self.viewport().rect()):
            if self._way(self._cards.cards[row]).name.casefold() == key:
                self.update_row(row)

    def _said(self, card: Card) -> str:
        """How far its best file is, for those who do not see it."""
        way = self._way(card)
        if way.kind == "failed":
            return words.failure(way.error)
        return words.on_its_way(way.download) if way.is_coming else ""

    def _way(self, card: Card) -> Way:
        return self._getting.way(card.repository, card.best_quant)

    def card_height(self) -> int:
        """Name, maker, chips, fit, speed with its button, and two lines of why."""
        name, body, small = self.ink.heights()
        button = self.ink.button_size("x", "x").height()
        head = name + 2 + small + 8 + small + 6 + 10
        return 2 * PADDING + head + body + 4 + button + _WHY_GAP + 2 * small

    # --- painting -------------------------------------------------------------------------------

    def _paint(self, painter: QPainter, inside: QRect, row: int) -> None:
        card = self._cards.cards[row]
        top = self._paint_head(painter, inside, card)
        top = self.ink.chips(painter, inside, top, words.capabilities(card.candidate))
        self._paint_fit(painter, inside, top + 10, card, row)

    def _paint_head(self, painter: QPainter, inside: QRect, card: Card) -> int:
        """Name with what sets the card apart, then maker, size and licence."""
        ink = self.ink
        mark, token = self._mark(card)
        painter.setFont(ink.small)
        taken = painter.fontMetrics().horizontalAdvance(mark) + 12 if mark else 0
        name, _, small = ink.heights()
        line = QRect(inside.left(), inside.top(), inside.width(), name)
        if mark:
            painter.setPen(self._theme.colour(token))
            painter.drawText(line, int(RIGHT), mark)
        painter.setFont(ink.name)
        ink.text(painter, line.adjusted(0, 0, -taken, 0), card.candidate.name)
        painter.setFont(ink.small)
        below = QRect(inside.left(), line.bottom() + 3, inside.width(), small)
        ink.text(painter, below, " · ".join(words.about(card.candidate)), "secondary")
        return below.bottom() + 8

    @staticmethod
    def _mark(card: Card) -> tuple[str, str]:
        if card.local:
            return f"✓ {in_library()}", "accent"
        if card.candidate.flags_shown:
            return f"⚠ {doubtful()}", "warning"
        return "", "text"

    def _paint_fit(self, painter: QPainter, inside: QRect, top: int, card: Card, row: int) -> None:
        ink = self.ink
        painter.setFont(ink.strong)
        height = painter.fontMetrics().height()
        line = QRect(inside.left(), top, inside.width(), height)
        taken = round(paint_badge(painter, QRectF(line), self._theme, card.verdict or ""))
        painter.setFont(ink.body)
        rest = line.adjusted(taken + 12 if taken else 0, 0, 0, 0)
        ink.text(painter, rest, card.best, "secondary", RIGHT if taken else LEFT)
        box = inside.adjusted(-PADDING, -PADDING, PADDING, PADDING)
        hits = self.hits(row, box)
        left = min((hit.place.left() for hit in hits), default=inside.right())
        button = ink.button_size("x", "x").height()
        line = QRect(inside.left(), line.bottom() + 5, left - 8 - inside.left(), button)
        painter.setFont(ink.strong)
        ink.text(painter, line, card.speed or no_speed(card))
        painter.setFont(ink.small)
        small = painter.fontMetrics().height()
        below = QRect(inside.left(), line.bottom() + 1 + _WHY_GAP, inside.width(), 2 * small)
        way = self._way(card)
        if way.is_coming or way.kind == "failed":
            self._paint_way(painter, below, way)
        else:
            ink.two_lines(painter, below, words.sentences(card.why))

    def _paint_way(self, painter: QPainter, box: QRect, way: Way) -> None:
        """How far it is, instead of why it suits."""
        ink, small = self.ink, box.height() // 2
        line = QRect(box.left(), box.top(), box.width(), small)
        if way.kind == "failed":
            ink.two_lines(painter, box, words.failure(way.error), "error")
            return
        share = 0.0 if way.download is None else way.download.share or 0.0
        ink.bar(painter, line, share)
        line.translate(0, small)
        ink.text(painter, line, words.on_its_way(way.download), "secondary")

    # --- hands ----------------------------------------------------------------------------------

    def hits(self, row: int, box: QRect) -> list[Hit]:
        card = self._cards.cards[row]
        return self._placed(box, _buttons(card, self._way(card)))

    def _placed(self, box: QRect, buttons: list[Hit]) -> list[Hit]:
        """Side by side on the right, in the line of the speed."""
        ink = self.ink
        name, body, small = ink.heights()
        inside = box.adjusted(PADDING, PADDING, -PADDING, -PADDING)
        top = inside.top() + name + 2 + small + 8 + small + 6 + 10 + body + 4
        right = inside.right()
        placed: list[Hit] = []
        for hit in reversed(buttons):
            size: QSize = ink.button_size(hit.text, hit.icon)
            place = QRect(right - size.width() + 1, top, size.width(), size.height())
            placed.insert(0, hit.at(place))
            right = place.left() - 5
        return placed


def _buttons(card: Card, way: Way) -> list[Hit]:
    """Of a card, from the left; where they are is told later."""
    translate = QCoreApplication.translate
    none = QRect()
    if way.kind == "remote":
        if card.choice is None:  # nothing of it fits: the panel says so first
            return [Hit("open", none, translate("Discover", "Get it…"), text=_word("get") + "…")]
        tip = translate("Discover", "Get {best} (Ctrl+Enter)").format(best=card.best)
        return [Hit("get", none, tip, "download", _word("get"))]
    if way.kind == "failed":
        again = translate("Discover", "Try again")
        return [Hit("get", none, again, "refresh", again)]
    if way.kind == "under_way" and way.download is not None:
        paused = way.download.state == "paused"
        hold = (
            Hit("resume", none, translate("Discover", "Resume"), "play")
            if paused
            else Hit("pause", none, translate("Discover", "Pause"), "pause")
        )
        return [hold, Hit("cancel", none, translate("Discover", "Cancel"), "close")]
    if way.kind == "ready":
        return [Hit("chat", none, _word("chat"), "chat", _word("chat"))]
    if way.kind in ("here", "loading"):
        here = way.kind == "here"
        return [Hit("load", none, _word("load"), "play", _word("load"), enabled=here)]
    return []


def _word(key: str) -> str:
    return {
        "get": QCoreApplication.translate("Discover", "Get"),
        "load": QCoreApplication.translate("Discover", "Load"),
        "chat": QCoreApplication.translate("Discover", "Chat"),
    }[key]


def doubtful() -> str:
    return QCoreApplication.translate("Discover", "Rough figures")


def no_speed(card: Card) -> str:
    """What stands in place of a speed."""
    if card.candidate.embedding:
        return QCoreApplication.translate("Discover", "Gives vectors, no text")
    if card.verdict == "wont_fit":
        return ""
    return QCoreApplication.translate("Discover", "Speed not known yet")
