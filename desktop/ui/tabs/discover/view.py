"""The Discover page: which models this machine can run, what each takes, and getting it."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import QLineEdit, QSizePolicy, QStackedWidget, QVBoxLayout, QWidget

from desktop.ui.context import Context
from desktop.ui.shell.page import Page, ScrollingColumn
from desktop.ui.tabs.discover import notices
from desktop.ui.tabs.discover.cardhands import CardHands
from desktop.ui.tabs.discover.cards import Card, CardsModel
from desktop.ui.tabs.discover.filters import Filters
from desktop.ui.tabs.discover.grid import CardGrid
from desktop.ui.tabs.discover.hubview import HubView
from desktop.ui.tabs.discover.presenter import DiscoverPresenter
from desktop.ui.tabs.discover.sheet import Sheet
from desktop.ui.tabs.discover.world import named
from desktop.ui.theme.icons import icon
from desktop.ui.widgets.base import Button, IconButton, Text
from desktop.ui.widgets.parts import Banner, EmptyState
from desktop.ui.widgets.progressrow import ProgressRow
from desktop.ui.widgets.sidepanel import WithPanel

_TIGHT_LINES = 26  # of text on the page: with fewer the filters go behind a button
_SEARCH_ROOM = 76  # pixels of the search box beside its text: icon, clear button, edges
_EMPTY, _FILLED, _FILTERS = range(3)


class DiscoverPage(Page):
    """Shows what `DiscoverPresenter` knows; hands on what is done."""

    name = "discover"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        theme = context.theme
        self.presenter = presenter = DiscoverPresenter(context, self)
        self.search = QLineEdit()
        self.hub_button = IconButton(theme, "globe", "")
        self.look_up = Button(theme, icon_name="globe", shrinks=True)
        self.refresh = IconButton(theme, "refresh", "", "F5")
        self.toggle = IconButton(theme, "sliders", "")  # where there is no room for the filters
        self.filters = Filters(theme)
        self.banner = Banner(theme, "info")
        self.progress = ProgressRow(theme)
        self.cards = CardsModel(self)
        self.grid = CardGrid(theme, self.cards, presenter.getting)
        self.hands = CardHands(context, presenter, self.grid, self.cards)
        self.hub = HubView(theme, presenter.search, presenter.library)
        self.main = QStackedWidget()
        self.main.addWidget(self.grid)  # before there is a panel: Tab goes through them in order
        self.main.addWidget(self.hub)
        self.sheet = Sheet(context, presenter, self)
        self.panel = self.sheet.model
        self.split = WithPanel(
            theme, self.main, self.sheet.body, share=46, narrowest=420, widest=540, letters=57
        )
        self.empty = EmptyState(theme, "discover")
        self.footer = Text(theme, role="caption", wrap=True)
        self._stack = QStackedWidget()
        self._banner_does = self._empty_does = ""  # what their buttons do
        self._build()
        self._connect()

    def _build(self) -> None:
        self.search.setObjectName("discover-search")
        self.search.setClearButtonEnabled(True)
        self.search.addAction(
            icon(self.context.theme, "search"), QLineEdit.ActionPosition.LeadingPosition
        )
        self.hub_button.setObjectName("discover-hub")
        self.look_up.setObjectName("discover-look-up")
        self.look_up.hide()
        self.toggle.setObjectName("discover-filters")
        self.toggle.setCheckable(True)
        self.toggle.hide()
        for widget in (self.toggle, self.search, self.hub_button, self.refresh):
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
        self.main.setFocusProxy(self.grid)

    def _connect(self) -> None:
        presenter, filters = self.presenter, self.filters
        self.sheet.connect_to(self.split)
        self.search.textChanged.connect(self._on_text_changed)
        self.search.returnPressed.connect(self._on_return_pressed)
        self.hub_button.clicked.connect(self._on_search_hub)
        self.look_up.clicked.connect(self._on_look_up)
        self.refresh.clicked.connect(presenter.refresh)
        self.toggle.toggled.connect(self._show_stack)
        filters.purpose_chosen.connect(self._on_purpose_chosen)
        filters.context_chosen.connect(self._on_context_chosen)
        filters.fits_chosen.connect(self._on_fits_chosen)
        filters.speed_chosen.connect(self._on_speed_chosen)
        self.banner.pressed.connect(self._on_banner_pressed)
        self.empty.pressed.connect(self._on_empty_pressed)
        self.progress.cancel_asked.connect(presenter.lookup.cancel)
        self.grid.opened.connect(self._open)
        self.grid.current_changed.connect(self._on_current_changed)
        self.hands.opened.connect(self._on_opened)
        self.hub.left.connect(self._on_hub_left)
        self.hub.opened.connect(self._on_repo_opened)
        presenter.cards_changed.connect(self._on_cards_changed)
        presenter.world_changed.connect(self._show_frame)
        presenter.lookup.changed.connect(self._show_frame)
        presenter.search.changed.connect(self._on_search_changed)
        presenter.found.connect(self._on_found)
        presenter.local_changed.connect(self.hub.grid.viewport().update)
        down = QShortcut(QKeySequence("Down"), self.search)
        down.setContext(Qt.ShortcutContext.WidgetShortcut)
        down.activated.connect(self._on_down)
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
        self.hub_button.set_name(self.tr("Search Hugging Face"))
        self.refresh.set_name(self.tr("Look at this machine again"))
        self.toggle.set_name(self.tr("Filters"))
        self.grid.setAccessibleName(self.tr("Models"))
        self._show_look_up()
        self._show_frame()
        self.grid.viewport().update()

    def shown(self) -> None:
        self.presenter.show()
        if not self.panel.isVisible():
            self.main.setFocus()

    def _fit_search(self) -> None:
        """As wide as a repository's name where there is room, and never less than its hint."""
        metrics = self.search.fontMetrics()
        told = metrics.horizontalAdvance(self.search.placeholderText()) + _SEARCH_ROOM
        self.search.setMinimumWidth(max(told, min(420, self.width() * 38 // 100)))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_search()
        tight = self.height() < _TIGHT_LINES * self.fontMetrics().height()
        if tight != self._is_tight:
            self._is_tight = tight
            self.toggle.setChecked(False)
            if tight:
                self._aside.layout().insertWidget(0, self.filters)  # type: ignore[union-attr]
            else:
                self.content.insertWidget(0, self.filters)
            self._show_stack()

    _is_tight = False

    # --- what is shown --------------------------------------------------------------------------

    def _show_frame(self) -> None:
        """The grid, or why there is none; the banner; what was counted."""
        presenter = self.presenter
        self._show_banner()
        lookup = presenter.lookup
        alone = lookup.looking is not None and not self.sheet.repo.isVisible()
        self.progress.setVisible(alone)
        if lookup.looking is not None:
            share, figures = notices.how_far(lookup.progress)
            self.progress.show_progress(self.tr("Asking the hub"), share, figures)
        self.look_up.setEnabled(lookup.looking is None)
        self.refresh.setEnabled(not presenter.busy)
        self._show_stack()
        told = notices.nothing(presenter)
        self._empty_does = told.does
        self.empty.tell(told.title, told.action)
        self.footer.setText(notices.counted(presenter))

    def _show_stack(self) -> None:
        """The catalogue's own filters and count go while the hub's repositories are shown."""
        at_hub = self.presenter.search.active
        self.toggle.setVisible(self._is_tight and not at_hub)
        self.filters.setVisible(self._is_tight or not at_hub)
        self.footer.setVisible(not self._is_tight and not at_hub)
        if self.toggle.isChecked() and not at_hub:
            self._stack.setCurrentIndex(_FILTERS)
        else:
            self._stack.setCurrentIndex(_FILLED if self.presenter.shown or at_hub else _EMPTY)

    def _show_banner(self) -> None:
        told = notices.banner(self.presenter)
        self._banner_does = "" if told is None else told.does
        self.banner.setVisible(told is not None)
        if told is not None:
            self.banner.tell(told.title, told.text, told.action, kind=told.kind)

    def _on_cards_changed(self) -> None:
        """The same model stays the current one where it is still shown."""
        card = self.panel.card
        self.cards.set_cards(self.presenter.shown)
        self._show_frame()
        if card is not None and self.sheet.is_open and not self.panel.isHidden():
            place = self.cards.row_of(card.candidate.id)
            if place >= 0:
                self.grid.setCurrentIndex(self.cards.index(place))
                self.sheet.open_card(self.cards.cards[place])
            elif not self.presenter.search.active:
                self.split.close_panel()

    def _on_found(self, card: Card) -> None:
        """What was looked up is shown in the panel; among the cards it stands first."""
        if not self.presenter.search.active:
            self.search.clear()
        place = self.cards.row_of(card.candidate.id)
        if place >= 0:
            self.grid.setCurrentIndex(self.cards.index(place))
        self.sheet.open_card(card)
        if not self.presenter.search.active:
            self.grid.setFocus()

    # --- one model ------------------------------------------------------------------------------

    def _on_current_changed(self, place: int) -> None:
        """An open panel beside the cards follows them; one that shows what is looked up stays."""
        follows = self.sheet.is_open and not self.panel.isHidden() and not self.split.narrow
        if follows and not self.presenter.search.active:
            self._open(place)

    def _on_opened(self, place: int) -> None:
        self.grid.setCurrentIndex(self.cards.index(place))
        self._open(place)

    def _open(self, place: int) -> None:
        self.sheet.open_card(self.cards.cards[place])

    def _on_repo_opened(self, place: int) -> None:
        self.sheet.open_repo(self.hub.repos.repos[place])

    # --- what is done ---------------------------------------------------------------------------

    def _on_text_changed(self, text: str) -> None:
        self._show_look_up()
        if not text and self.presenter.search.active and self.presenter.search.wanted.text:
            self.presenter.search.leave()
        # A name that can be looked up is no filter: nothing here is called so.
        self.presenter.narrow(text="" if named(text) and not self._known(text) else text)

    def _known(self, text: str) -> bool:
        words = text.casefold().split()
        return any(card.holds(words) for card in self.presenter.cards)

    def _show_look_up(self) -> None:
        """What Enter asks the hub: nothing is asked before."""
        text = self.search.text().strip()
        asked = self.presenter.search.active and text == self.presenter.search.wanted.text
        self.look_up.setVisible(bool(text) and not asked)
        if named(text):
            self.look_up.setText(self.tr("Look up {name} on the hub").format(name=text))
            tip = self.tr("Asks the hub for the files of {name} and reads a header")
        else:
            self.look_up.setText(self.tr("Search Hugging Face for “{name}”").format(name=text))
            tip = self.tr("Asks the hub for repositories called {name} (Enter)")
        self.look_up.setToolTip(tip.format(name=text))
        self.look_up.updateGeometry()

    def _on_return_pressed(self) -> None:
        if self.look_up.isVisible():
            self._on_look_up()
        else:
            self._on_down()

    def _on_down(self) -> None:
        """From the search to what it shows."""
        self.main.setFocus()
        grid = self.hub.grid if self.presenter.search.active else self.grid
        if grid.model().rowCount() and not grid.currentIndex().isValid():
            grid.setCurrentIndex(grid.model().index(0, 0))

    def _on_look_up(self) -> None:
        if named(self.search.text()):
            if self.look_up.isEnabled():
                self.presenter.look_up(self.search.text())
        else:
            self._on_search_hub()

    def _on_search_hub(self) -> None:
        self.presenter.search.ask(text=self.search.text().strip())

    def _on_search_changed(self) -> None:
        """The hub's repositories instead of the catalogue, or the catalogue again."""
        active = self.presenter.search.active
        wanted = self.hub if active else self.grid
        if self.main.currentWidget() is not wanted:
            self.split.close_panel()
            self.main.setCurrentWidget(wanted)
            self.main.setFocusProxy(wanted)
        self._show_look_up()
        self._show_frame()

    def _on_hub_left(self) -> None:
        """Back to the whole catalogue: words for the hub seldom name something in it."""
        self.presenter.search.leave()
        self.search.clear()
        self.main.setFocus()

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
            self.presenter.lookup.forget_error()

    def _on_empty_pressed(self) -> None:
        presenter = self.presenter
        if self._empty_does == "again":
            presenter.refresh()
        elif self._empty_does == "hub":
            self._on_search_hub()
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
        """One step back: the words of the search, the panel, the hub."""
        if self.search.hasFocus() and self.search.text():
            self.search.clear()
        elif self.sheet.is_open:
            self.split.close_panel()
        elif self.presenter.search.active:
            self._on_hub_left()
        else:
            self.main.setFocus()
