"""The Discover page: which models this machine can run, and the price of each."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import QLineEdit, QSizePolicy, QStackedWidget, QVBoxLayout, QWidget

from desktop.core.errors import AppError
from desktop.core.events import Progress
from desktop.core.fit.pricing import Wishes
from desktop.core.fit.trial import Trial, wishes_of
from desktop.ui import units
from desktop.ui.context import Context
from desktop.ui.messages import message
from desktop.ui.price.presenter import Priced
from desktop.ui.shell.page import Page, ScrollingColumn
from desktop.ui.tabs.discover.cards import CardsModel
from desktop.ui.tabs.discover.filters import Filters
from desktop.ui.tabs.discover.grid import CardGrid
from desktop.ui.tabs.discover.panel import ModelPanel
from desktop.ui.tabs.discover.presenter import DiscoverPresenter
from desktop.ui.tabs.discover.world import named
from desktop.ui.theme.icons import icon
from desktop.ui.widgets.base import Button, IconButton, Text
from desktop.ui.widgets.parts import Banner, EmptyState
from desktop.ui.widgets.progressrow import ProgressRow
from desktop.ui.widgets.sidepanel import WithPanel

Json = dict[str, Any]
_TIGHT_LINES = 26  # of text on the page: with fewer the filters go behind a button
_SEARCH_ROOM = 76  # pixels of the search box beside its text: icon, clear button, edges


class DiscoverPage(Page):
    """Shows what `DiscoverPresenter` knows; hands on what is done."""

    name = "discover"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        theme = context.theme
        self.presenter = DiscoverPresenter(context, self)
        self.search = QLineEdit()
        self.look_up = Button(theme, icon_name="search", shrinks=True)
        self.refresh = IconButton(theme, "refresh", "", "F5")
        self.toggle = IconButton(theme, "sliders", "")  # where there is no room for the filters
        self.filters = Filters(theme)
        self.banner = Banner(theme, "info")
        self.progress = ProgressRow(theme)
        self.cards = CardsModel(self)
        self.grid = CardGrid(theme, self.cards)
        self.panel = ModelPanel(theme)
        self.split = WithPanel(theme, self.grid, self.panel, share=44, narrowest=400, widest=520)
        self.empty = EmptyState(theme, "discover")
        self.footer = Text(theme, role="caption", wrap=True)
        self._stack = QStackedWidget()
        self._banner_does = ""  # what its button does
        self._wanted: str | None = None  # a model to show when it is among the cards
        self._build()
        self._connect()

    def _build(self) -> None:
        self.search.setObjectName("discover-search")
        self.search.setClearButtonEnabled(True)
        self.search.addAction(
            icon(self.context.theme, "search"), QLineEdit.ActionPosition.LeadingPosition
        )
        self.look_up.setObjectName("discover-look-up")
        self.look_up.hide()
        self.toggle.setObjectName("discover-filters")
        self.toggle.setCheckable(True)
        self.toggle.hide()
        for widget in (self.toggle, self.search, self.refresh):
            self.tools.addWidget(widget)
        self.banner.hide()
        self.progress.hide()
        filled = QWidget()
        column = QVBoxLayout(filled)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.split, 1)
        self._aside = QWidget()
        aside = QVBoxLayout(self._aside)
        aside.setContentsMargins(0, 0, 0, 0)
        aside.addStretch(1)
        for page in (self.empty, filled, ScrollingColumn(self._aside)):
            self._stack.addWidget(page)
        for part in (self.filters, self.look_up, self.banner, self.progress, self._stack):
            self.content.addWidget(part)
        self.content.setStretchFactor(self._stack, 1)
        # What stands above it has its height first.
        self._stack.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Ignored)
        self.content.addWidget(self.footer)

    def _connect(self) -> None:
        presenter, filters = self.presenter, self.filters
        self.search.textChanged.connect(self._on_text_changed)
        self.search.returnPressed.connect(self._on_return_pressed)
        self.look_up.clicked.connect(self._on_look_up)
        self.refresh.clicked.connect(presenter.refresh)
        self.toggle.toggled.connect(self._show_stack)
        filters.purpose_chosen.connect(self._on_purpose_chosen)
        filters.context_chosen.connect(self._on_context_chosen)
        filters.fits_chosen.connect(self._on_fits_chosen)
        filters.speed_chosen.connect(self._on_speed_chosen)
        self.banner.pressed.connect(self._on_banner_pressed)
        self.empty.pressed.connect(self._on_empty_pressed)
        self.progress.cancel_asked.connect(presenter.cancel_look_up)
        self.grid.opened.connect(self._on_opened)
        self.grid.current_changed.connect(self._on_current_changed)
        panel = self.panel
        panel.close_asked.connect(self.split.close_panel)
        panel.file_chosen.connect(self._on_file_chosen)
        panel.price_asked.connect(presenter.prices.choose)
        panel.check_asked.connect(self._on_check_asked)
        panel.check_cancelled.connect(presenter.cancel_check)
        panel.load_asked.connect(self._on_load_asked)
        panel.chat_asked.connect(self._on_chat_asked)
        presenter.cards_changed.connect(self._on_cards_changed)
        presenter.world_changed.connect(self._show_frame)
        presenter.lookup_changed.connect(self._show_frame)
        presenter.found.connect(self._on_found)
        presenter.checking.connect(self._on_checking)
        presenter.local_changed.connect(self._on_local_changed)
        presenter.load_failed.connect(panel.show_load_error)
        presenter.prices.opened.connect(self._on_trial_opened)
        presenter.prices.priced.connect(self._on_priced)
        presenter.prices.failed.connect(self._on_price_failed)
        for keys, slot in (
            (QKeySequence(QKeySequence.StandardKey.Find), self._on_find),
            (QKeySequence("Esc"), self._on_escape),
        ):
            shortcut = QShortcut(keys, self)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(slot)

    # --- Page -----------------------------------------------------------------------------------

    def title(self) -> str:
        return self.tr("Discover")

    def retranslate(self) -> None:
        super().retranslate()
        self.search.setPlaceholderText(self.tr("Name or owner/name"))
        self._fit_search()
        self.search.setAccessibleName(self.tr("Search the models, or name one at the hub"))
        self.refresh.set_name(self.tr("Look at this machine again"))
        self.toggle.set_name(self.tr("Filters"))
        self.grid.setAccessibleName(self.tr("Models"))
        self._show_look_up()
        self._show_frame()
        self.grid.viewport().update()

    def shown(self) -> None:
        self.presenter.show()
        if not self.panel.isVisible():
            self.grid.setFocus()

    def _fit_search(self) -> None:
        """As wide as a repository's name where there is room, and never less than its hint."""
        metrics = self.search.fontMetrics()
        told = metrics.horizontalAdvance(self.search.placeholderText()) + _SEARCH_ROOM
        self.search.setMinimumWidth(max(told, min(420, self.width() * 38 // 100)))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_search()
        tight = self.height() < _TIGHT_LINES * self.fontMetrics().height()
        if tight != self.toggle.isVisibleTo(self):
            self.toggle.setVisible(tight)
            self.toggle.setChecked(False)
            self.footer.setVisible(not tight)
            if tight:
                self._aside.layout().insertWidget(0, self.filters)  # type: ignore[union-attr]
            else:
                self.content.insertWidget(0, self.filters)
            self._show_stack()

    # --- what is shown --------------------------------------------------------------------------

    def _show_frame(self) -> None:
        """The grid, or why there is none; the banner; what was counted."""
        presenter = self.presenter
        self._show_banner()
        looking = presenter.looking
        self.progress.setVisible(looking is not None)
        if looking is not None:
            share, figures = _progress(presenter.progress)
            self.progress.show_progress(self.tr("Asking the hub"), share, figures)
        self.look_up.setEnabled(looking is None and presenter.world is not None)
        self.refresh.setEnabled(not presenter.busy)
        self._show_stack()
        self._show_empty()
        self._show_footer()

    def _show_stack(self) -> None:
        if self.toggle.isChecked():
            self._stack.setCurrentIndex(2)
        else:
            self._stack.setCurrentIndex(1 if self.presenter.shown else 0)

    def _show_empty(self) -> None:
        presenter = self.presenter
        if presenter.shown:
            return
        if presenter.trouble is not None:
            words = message(presenter.trouble)
            self.empty.tell(words.line, self.tr("Try again"))
        elif not presenter.ranked:
            self.empty.tell(self.tr("Working out what runs on this machine…"))
        elif presenter.filter.text:
            text = self.tr("No model here is called “{text}”.")
            self.empty.tell(text.format(text=presenter.filter.text), self.tr("Clear the search"))
        elif not any(card.choice for card in presenter.cards):
            self.empty.tell(
                self.tr("None of these models fits into this machine's memory."),
                self.tr("Show them all"),
            )
        elif presenter.filter.fits == "gpu" and presenter.world and not presenter.world.place.gpus:
            self.empty.tell(
                self.tr("This machine has no GPU that models could lie on."),
                self.tr("Show what runs here"),
            )
        else:
            self.empty.tell(
                self.tr("No model is like that on this machine."), self.tr("Show what runs here")
            )

    def _show_banner(self) -> None:
        presenter = self.presenter
        error, world = presenter.lookup_error, presenter.world
        self._banner_does = ""
        if error is not None:
            words = message(error)
            self._banner_does = "dismiss"
            self.banner.tell(words.title, words.text, self.tr("Close"), kind="error")
        elif world is not None and world.gpu_unused:
            self._banner_does = "machine"
            self.banner.tell(
                self.tr("The engine in use cannot drive this machine's GPU"),
                self.tr("The figures here are those with an engine that can."),
                self.tr("Choose an engine"),
                kind="warning",
            )
        elif world is not None and not world.speed_known:
            self._banner_does = "machine"
            self.banner.tell(
                self.tr("How fast this machine computes is not known yet"),
                self.tr("A calibration takes less than a minute and downloads nothing."),
                self.tr("Calibrate"),
                kind="info",
            )
        self.banner.setVisible(bool(self._banner_does))

    def _show_footer(self) -> None:
        presenter, world = self.presenter, self.presenter.world
        if world is None or not presenter.ranked:
            self.footer.setText("")
            return
        catalog = world.shelf.catalog
        text = self.tr(
            "{shown} of {all} models. Catalogue of {date}, its sizes of {sizes} and rounded. "
            "{unjudged} more cannot be judged before a file of theirs is read."
        )
        self.footer.setText(
            text.format(
                shown=units.count(len(presenter.shown)),
                all=units.count(len(presenter.cards)),
                date=catalog.collected.isoformat(),
                sizes=catalog.sizes_collected.isoformat(),
                unjudged=units.count(presenter.unjudged),
            )
        )

    def _on_cards_changed(self) -> None:
        """The same model stays the current one where it is still shown."""
        card = self.panel.card
        self.cards.set_cards(self.presenter.shown)
        self._show_frame()
        if card is not None and not self.split.panel.isHidden():
            place = self.cards.row_of(card.candidate.id)
            if place < 0:
                self.split.close_panel()
            else:
                self.grid.setCurrentIndex(self.cards.index(place))

    def _on_found(self, model: str) -> None:
        self.search.clear()
        place = self.cards.row_of(model)
        if place >= 0:
            self.grid.setCurrentIndex(self.cards.index(place))
            self._open(place)
            self.grid.setFocus()

    # --- one model ------------------------------------------------------------------------------

    def _on_opened(self, place: int) -> None:
        self._open(place)

    def _on_current_changed(self, place: int) -> None:
        """An open panel beside the cards follows them."""
        if not self.split.panel.isHidden() and not self.split.narrow:
            self._open(place)

    def _open(self, place: int) -> None:
        card = self.cards.cards[place]
        before = self.panel.card
        self.split.open_panel()
        if before is None or before != card:
            choice = card.choice
            quant = card.candidate.options[0].quant_type
            wishes = Wishes(context_tokens=self.presenter.wish.context_tokens, slots=1)
            if choice is not None:
                quant, wishes = choice.option.quant_type, wishes_of(choice)
            self.panel.show_card(card, quant, _plain(wishes))

    def _on_file_chosen(self, quant: str) -> None:
        card = self.panel.card
        if card is not None:
            state = self.presenter.file_state(card, quant)
            self.panel.begin_price(checked=False, state=state)
            self.presenter.price(card, quant, self.panel.controls.wishes())

    def _on_trial_opened(self, trial: Trial) -> None:
        if trial.can_be_exact:
            self.presenter.checking.emit(None)
        self.panel.show_trial(trial)

    def _on_priced(self, priced: Priced) -> None:
        self.panel.show_priced(priced)

    def _on_price_failed(self, error: AppError) -> None:
        self.presenter.checking.emit(None)
        self.panel.show_price_error(error)

    def _on_check_asked(self) -> None:
        card = self.panel.card
        if card is not None:
            state = self.presenter.file_state(card, self.panel.quant)
            self.panel.begin_price(checked=True, state=state)
            self.presenter.check(card, self.panel.quant, self.panel.controls.wishes())

    def _on_checking(self, progress: Progress | None) -> None:
        if progress is None:
            self.panel.end_progress()
        else:
            self.panel.show_progress(*_progress(progress))

    def _on_local_changed(self) -> None:
        card = self.panel.card
        if card is not None:
            self.panel.show_state(self.presenter.file_state(card, self.panel.quant))

    def _on_load_asked(self, wishes: Json) -> None:
        card = self.panel.card
        if card is not None:
            self.presenter.load(card, self.panel.quant, wishes)

    def _on_chat_asked(self) -> None:
        self.context.go_to("chat")

    # --- what is done ---------------------------------------------------------------------------

    def _on_text_changed(self, text: str) -> None:
        self._show_look_up()
        # A name that can be looked up is no filter: nothing here is called so.
        self.presenter.narrow(text="" if named(text) and not self._known(text) else text)

    def _known(self, text: str) -> bool:
        words = text.casefold().split()
        return any(card.holds(words) for card in self.presenter.cards)

    def _show_look_up(self) -> None:
        text = self.search.text().strip()
        self.look_up.setVisible(named(text))
        self.look_up.setText(self.tr("Look up {name} on the hub").format(name=text))
        self.look_up.setToolTip(
            self.tr("Asks the hub for the files of {name} and reads a header").format(name=text)
        )
        self.look_up.updateGeometry()

    def _on_return_pressed(self) -> None:
        if self.look_up.isVisible():
            self._on_look_up()
        else:
            self.grid.setFocus()
            if self.cards.rowCount() and not self.grid.currentIndex().isValid():
                self.grid.setCurrentIndex(self.cards.index(0))

    def _on_look_up(self) -> None:
        if self.look_up.isEnabled():
            self.presenter.look_up(self.search.text())

    def _on_purpose_chosen(self, purpose: str) -> None:
        self.presenter.want(purpose=purpose)  # type: ignore[arg-type]

    def _on_context_chosen(self, tokens: int) -> None:
        self.presenter.want(context_tokens=tokens)

    def _on_fits_chosen(self, fits: str) -> None:
        self.presenter.narrow(fits=fits)

    def _on_speed_chosen(self, speed: float) -> None:
        self.presenter.narrow(speed=speed)

    def _on_banner_pressed(self) -> None:
        if self._banner_does == "machine":
            self.context.go_to("machine")
        else:
            self.presenter.forget_error()

    def _on_empty_pressed(self) -> None:
        presenter = self.presenter
        if presenter.trouble is not None:
            presenter.refresh()
        elif presenter.filter.text:
            self.search.clear()
        else:
            runs = any(card.choice for card in presenter.cards)
            fits = "all" if not runs else "runs"
            self.filters.choose_fits(fits)
            self.filters.speed.setCurrentIndex(0)
            presenter.narrow(fits=fits, speed=0.0)

    def _on_find(self) -> None:
        self.search.setFocus()
        self.search.selectAll()

    def _on_escape(self) -> None:
        """One step back: the words of the search, then the panel."""
        if self.search.hasFocus() and self.search.text():
            self.search.clear()
        elif not self.split.panel.isHidden():
            self.split.close_panel()
        else:
            self.grid.setFocus()


def _plain(wishes: Wishes) -> Json:
    return {
        "context_tokens": wishes.context_tokens,
        "slots": wishes.slots,
        "kv_type": wishes.kv_type,
    }


def _progress(progress: Progress | None) -> tuple[float | None, str]:
    """How far a header was read."""
    if progress is None or not progress.done:
        return None, ""
    if progress.total:
        figures = f"{units.size(progress.done)} / {units.size(progress.total)}"
        return progress.done / progress.total, figures
    return None, units.size(progress.done)
