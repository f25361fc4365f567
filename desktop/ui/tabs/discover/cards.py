"""The models as a list of cards: what is known of each, and which of them are shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QAbstractListModel, QCoreApplication, QModelIndex, QObject, Qt

from desktop.core.fit.candidates import Candidate, LeftOut
from desktop.core.fit.estimate import Verdict
from desktop.core.fit.recommend import Choice, Recommendation
from desktop.ui import units
from desktop.ui.price.words import rate
from desktop.ui.tabs.discover import words
from desktop.ui.widgets.badge import badge_word
from desktop.ui.widgets.tables import Index

if TYPE_CHECKING:
    from desktop.core.hub.repository import Repository

Json = dict[str, Any]
CARD_ROLE = Qt.ItemDataRole.UserRole + 1
FITS = ("runs", "gpu", "all")


@dataclass(frozen=True)
class Card:
    """A model with what this machine makes of it.

    Attributes:
        local: ids of its files in the library, by quant type.
        asked: it was looked up by its name.
        hub: what the hub says of its repository, where it was asked.
    """

    candidate: Candidate
    answer: Recommendation | LeftOut
    local: tuple[tuple[str, str], ...] = ()
    asked: bool = False
    hub: Repository | None = None

    @property
    def choice(self) -> Choice | None:
        return self.answer.choice if isinstance(self.answer, Recommendation) else None

    @property
    def verdict(self) -> Verdict | None:
        """None where only the engine can tell."""
        if isinstance(self.answer, Recommendation):
            return self.answer.verdict
        return "wont_fit" if self.answer.reason.code == "too_large" else None

    @property
    def repository(self) -> str:
        row = self.candidate.row
        return self.candidate.id if row is None or row.repository is None else row.repository

    @property
    def best_quant(self) -> str:
        """The type of the file that suits best, or of the smallest where none does."""
        choice = self.choice
        return (self.candidate.options[0] if choice is None else choice.option).quant_type

    @property
    def why(self) -> list[str]:
        answer = self.answer
        reasons = answer.reasons if isinstance(answer, Recommendation) else (answer.reason,)
        return words.why(reasons)

    @property
    def best(self) -> str:
        """ "Q4_K_M · ~4.7 GiB"."""
        choice = self.choice
        option = self.candidate.options[0] if choice is None else choice.option
        mark = "~" if option.size.predicted else ""
        return f"{option.quant_type} · {mark}{units.size(option.size.value)}"

    @property
    def speed(self) -> str:
        """ "~38 (34–43) tok/s"; empty where there is none to tell."""
        choice = self.choice
        if choice is None or choice.decode is None:
            return ""
        return f"{rate(choice.decode)} tok/s"

    def description(self) -> str:
        """All of the card in a line, for those who do not see it."""
        candidate = self.candidate
        parts = [candidate.name, *words.about(candidate), *words.capabilities(candidate)]
        parts += [badge_word(self.verdict or ""), self.best, self.speed]
        if self.local:
            parts.append(in_library())
        parts += [*self.why, *words.flags(candidate)]
        return words.sentences(part for part in parts if part)

    def holds(self, wanted: Sequence[str]) -> bool:
        """Whether each word is somewhere in its names and texts."""
        candidate = self.candidate
        row = candidate.row
        own = [candidate.name, candidate.id, *words.about(candidate)]
        if row is not None:
            own += [row.family, row.repository or ""]
        text = " ".join((*own, *words.capabilities(candidate))).casefold()
        return all(word in text for word in wanted)


def in_library() -> str:
    return QCoreApplication.translate("Discover", "In your library")


@dataclass(frozen=True)
class Filter:
    """Which cards are shown.

    Attributes:
        text: words of the search box.
        fits: "gpu": whole on a GPU; "runs": what runs at all; "all".
        speed: tokens per second below which a card is left out; 0: none is.
    """

    text: str = ""
    fits: str = "runs"
    speed: float = 0.0

    def takes(self, card: Card) -> bool:
        if card.asked:
            return True
        if self.fits == "gpu" and card.verdict != "gpu":
            return False
        choice = card.choice
        if self.fits == "runs" and choice is None:
            return False
        if self.speed and choice is not None and not card.candidate.embedding:
            fast = choice.decode is not None and choice.decode.value >= self.speed
            if not fast:
                return False
        return card.holds(self.text.casefold().split())


class CardsModel(QAbstractListModel):
    """The cards that are shown, in their order.

    Attributes:
        told: what else is said of a card: how far it is on its way here.
    """

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._cards: list[Card] = []
        self.told: Callable[[Card], str] = lambda card: ""

    def set_cards(self, cards: Sequence[Card]) -> None:
        self.beginResetModel()
        self._cards = list(cards)
        self.endResetModel()

    @property
    def cards(self) -> list[Card]:
        return self._cards

    def row_of(self, model: str) -> int:
        """-1 where it is not shown."""
        return next((n for n, card in enumerate(self._cards) if card.candidate.id == model), -1)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        return 0 if parent.isValid() else len(self._cards)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= len(self._cards):
            return None
        card = self._cards[index.row()]
        if role == CARD_ROLE:
            return card
        if role == Qt.ItemDataRole.DisplayRole:
            return card.candidate.name
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return words.sentences(part for part in (card.description(), self.told(card)) if part)
        if role == Qt.ItemDataRole.ToolTipRole:
            return "\n".join((*card.why, *words.flags(card.candidate)))
        return None
