"""The panel beside the cards: one model, getting it, its files, and the price of a load."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from desktop.core.errors import AppError
from desktop.core.fit.candidates import FileOption
from desktop.core.fit.trial import Price, Trial
from desktop.ui import units
from desktop.ui.i18n import Translated
from desktop.ui.messages import message
from desktop.ui.price import words as price_words
from desktop.ui.price.controls import LoadControls
from desktop.ui.price.panel import PricePanel
from desktop.ui.price.presenter import Priced
from desktop.ui.tabs.discover import words
from desktop.ui.tabs.discover.cards import Card
from desktop.ui.tabs.discover.extras import Extras
from desktop.ui.tabs.discover.files import FilesTable
from desktop.ui.tabs.discover.getbox import GetBox
from desktop.ui.tabs.discover.getting import Way
from desktop.ui.theme.theme import Theme
from desktop.ui.widgets.base import GAP, TIGHT, Button, IconButton, Text, row
from desktop.ui.widgets.flow import FlowLayout
from desktop.ui.widgets.parts import Banner, Chip, CopyButton
from desktop.ui.widgets.progressrow import ProgressRow

Json = dict[str, Any]


class ModelPanel(Translated, QWidget):
    """Shows a card.

    Signals:
        close_asked: the panel is to go.
        file_chosen: the quant type of the file to price.
        price_asked: the wishes to be priced.
        check_asked, check_cancelled: the file's header is to be read from the hub, or no more.
        load_asked: the wishes, as keyword arguments of `Client.load`.
        row_get_asked: the quant type of a file that is to be downloaded from its row.
    """

    close_asked = Signal()
    file_chosen = Signal(str)
    price_asked = Signal(dict)
    check_asked = Signal()
    check_cancelled = Signal()
    load_asked = Signal(dict)
    row_get_asked = Signal(str)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._card: Card | None = None
        self._quant = ""
        self._way = Way("elsewhere")  # of the chosen file
        self._checked = self._checking = False
        self._title = Text(theme, role="strong", wrap=True)
        self._close = IconButton(theme, "close", "")
        self._close.clicked.connect(self.close_asked)
        self._about = Text(theme, role="caption", wrap=True)
        self._repository = Text(theme, role="mono", token="secondary", wrap=True)
        self._copy = CopyButton(theme, "")
        self._chips = QWidget()
        self._flow = FlowLayout(self._chips, TIGHT)
        self.doubts = Banner(theme, "warning")
        self.box = GetBox(theme)
        self.box.load_asked.connect(self._on_load_asked)
        self.box.anyway_asked.connect(self._on_anyway_asked)
        self._files_title = Text(theme, role="strong")
        self.files = FilesTable(theme)
        self.files.file_chosen.connect(self._on_file_chosen)
        self.files.get_asked.connect(self.row_get_asked)
        self.quality = Text(theme, role="caption", wrap=True)
        self._settings_title = Text(theme, role="strong")
        self.controls = LoadControls(theme)
        self.controls.changed.connect(self._on_controls_changed)
        self.price = PricePanel(theme)
        self.check = Button(theme, icon_name="search")
        self.check.setObjectName("discover-check")
        self.check.clicked.connect(self.check_asked)
        self._check_hint = Text(theme, role="caption", wrap=True)
        self.progress = ProgressRow(theme)
        self.progress.cancel_asked.connect(self.check_cancelled)
        self._why_title = Text(theme, role="strong")
        self.why = Text(theme, token="secondary", wrap=True)
        self._build()
        self.retranslate()

    def _build(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 12, 16, 16)
        layout.setSpacing(GAP)
        head = QHBoxLayout()
        head.addWidget(self._title, 1)
        head.addWidget(self._close, 0, Qt.AlignmentFlag.AlignTop)
        layout.addLayout(head)
        layout.addWidget(self._about)
        name = row(self._repository, self._copy, spacing=0)
        name.setStretch(0, 1)
        layout.addLayout(name)
        layout.addWidget(self._chips)
        layout.addWidget(self.doubts)
        layout.addWidget(self.box)
        layout.addSpacing(GAP)
        for widget in (self._files_title, self.files, self.quality):
            layout.addWidget(widget)
        layout.addSpacing(GAP)
        layout.addWidget(self._settings_title)
        layout.addWidget(self.controls)
        layout.addSpacing(GAP)
        layout.addWidget(self.price)
        layout.addLayout(row(self.check, 1))
        layout.addWidget(self._check_hint)
        layout.addWidget(self.progress)
        layout.addSpacing(GAP)
        layout.addWidget(self._why_title)
        layout.addWidget(self.why)
        layout.addStretch(1)

    def retranslate(self) -> None:
        self._close.set_name(self.tr("Close details"))
        self._copy.set_name(self.tr("Copy the repository's name"))
        self._files_title.setText(self.tr("Files"))
        self.files.setAccessibleName(self.tr("Files"))
        self._settings_title.setText(self.tr("Load it with"))
        self._why_title.setText(self.tr("Why this one"))
        self.check.setText(self.tr("Read this file's header"))
        self.check.updateGeometry()
        self._check_hint.setText(
            self.tr(
                "Asks the hub for a few megabytes of the file. The engine then plans with its "
                "real layers instead of the catalogue's."
            )
        )
        if self._card is not None:
            self._show_card()

    # --- what is shown --------------------------------------------------------------------------

    @property
    def card(self) -> Card | None:
        return self._card

    @property
    def quant(self) -> str:
        """The file that is priced."""
        return self._quant

    def show_card(self, card: Card, quant: str, wishes: Json, way: Callable[[str], Way]) -> None:
        """Another model, with the file and the choices it is recommended with.

        Args:
            way: how far a file of it is, by its quant.
        """
        self._card, self._quant = card, quant
        candidate = card.candidate
        self.files.files.set_files(candidate.options, vectors=candidate.embedding, way=way)
        self.controls.set_model(candidate.context_tokens)
        self.controls.set_wishes(wishes)
        self._show_card()
        self.files.choose(quant)

    def update_card(self, card: Card) -> None:
        """The same model; other files of it are here than before."""
        self._card = card

    def _show_card(self) -> None:
        card = self._card
        assert card is not None
        candidate = card.candidate
        self._title.setText(candidate.name)
        self._about.setText(" · ".join((*words.about(candidate), *words.more_about(candidate))))
        self._repository.setText(card.repository.replace("/", "/\u200b").replace("-", "-\u200b"))
        self._copy.set_value(card.repository)
        while (item := self._flow.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                old.hide()
                old.deleteLater()
        for chip in words.capabilities(candidate):
            self._flow.addWidget(Chip(self._theme, chip))
        self._chips.setVisible(self._flow.count() > 0)
        doubts = words.flags(candidate)
        self.doubts.setVisible(bool(doubts))
        if doubts:
            self.doubts.tell(self.tr("These figures are rough"), " ".join(doubts))
        self.why.setText("\n".join(f"· {each}" for each in card.why))
        self._show_quality()
        self._show_actions()

    def begin_price(self, *, checked: bool, way: Way, extras: Extras) -> None:
        """Another file is about to be priced.

        Args:
            checked: its own header is known.
            way: how far the file is; extras: what would come with it.
        """
        self._checked = checked
        option, card = self._option(self._quant), self._card
        assert card is not None
        mark = "~" if option is not None and option.size.predicted else ""
        size = "" if option is None else f"{mark}{units.size(option.size.value)}"
        self.box.show_file(size, extras, None if card.hub is None else card.hub.facts.gated)
        self.price.begin()
        self._show_quality()
        self.show_way(way)

    def show_way(self, way: Way) -> None:
        """The chosen file came nearer, was loaded or taken out."""
        self._way = way
        self.box.show_way(way)
        self.files.files.update_ways()
        self._show_actions()

    def show_trial(self, trial: Trial) -> None:
        there = bool(trial.place.gpus)
        layers = trial.file.n_layers if there else 0
        self.controls.set_layers(layers, has_experts=trial.file.has_experts)

    def show_priced(self, priced: Priced) -> None:
        prices = dict(priced.others)
        prices[self._quant] = priced.price
        self.files.files.set_prices(prices)
        self.price.show_priced(priced, self._neighbours(prices))
        self.box.show_fit(priced.price.verdict)
        self._show_actions()

    def show_price_error(self, error: AppError) -> None:
        self.price.show_error(error)
        self._show_actions()

    def show_progress(self, share: float | None, figures: str) -> None:
        self._checking = True
        self._show_actions()
        self.progress.show_progress(self.tr("Reading the header"), share, figures)

    def end_progress(self) -> None:
        self._checking = False
        self._show_actions()

    # --- its parts ------------------------------------------------------------------------------

    def _neighbours(self, prices: dict[str, Price]) -> list[tuple[str, Price]]:
        """The next larger and the next smaller file."""
        assert self._card is not None
        names = [option.quant_type for option in self._card.candidate.options]
        place = names.index(self._quant)
        near = []
        if place + 1 < len(names):
            near.append(names[place + 1])
        if place:
            near.append(names[place - 1])
        return [(self._described(name), prices[name]) for name in near if name in prices]

    def _described(self, quant: str) -> str:
        """ "Q5_K_M (loses little)"."""
        option = self._option(quant)
        if option is None or option.loss is None:
            return quant
        text = self.tr("{quant} (quality lost: {loss})")
        return text.format(quant=quant, loss=price_words.loss_word(option.loss))

    def _option(self, quant: str) -> FileOption | None:
        assert self._card is not None
        options = self._card.candidate.options
        return next((each for each in options if each.quant_type == quant), None)

    def _show_quality(self) -> None:
        card = self._card
        if card is None:
            return
        option = self._option(self._quant)
        loss = None if option is None or card.candidate.embedding else option.loss
        native = "native_quant" in card.candidate.flags
        text = ""
        if native:
            text = self.tr("It was trained in this type: the file is the whole model.")
        elif loss is not None:
            text = price_words.loss_source(loss)
        elif not card.candidate.embedding:
            text = self.tr("What this type loses was never published.")
        self.quality.setText(text)
        self.quality.setVisible(bool(text))

    def _show_actions(self) -> None:
        unread = not self._way.is_here and not self._checked
        self.check.setVisible(unread and not self._checking)
        self._check_hint.setVisible(unread and not self._checking)
        self.progress.setVisible(self._checking)

    def show_load_error(self, error: AppError) -> None:
        """A load that was refused or failed."""
        self.price.why.set_token("error")
        self.price.why.setText(message(error).line)
        self.box.show_fit("wont_fit")

    def _on_file_chosen(self, quant: str) -> None:
        self._quant = quant
        self.file_chosen.emit(quant)

    def _on_controls_changed(self) -> None:
        self.price_asked.emit(self.controls.wishes())

    def _on_load_asked(self) -> None:
        self.load_asked.emit(self.controls.wishes())

    def _on_anyway_asked(self) -> None:
        self.load_asked.emit({**self.controls.wishes(), "force": True})
