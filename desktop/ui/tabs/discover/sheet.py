"""The panel beside the cards at work: what is shown in it, and what its buttons do."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QVBoxLayout, QWidget

from desktop.core.errors import AppError
from desktop.core.events import Progress
from desktop.core.fit.pricing import Wishes
from desktop.core.fit.trial import Trial, wishes_of
from desktop.ui.context import Context
from desktop.ui.tabs.discover.cards import Card
from desktop.ui.tabs.discover.extras import Extras, extras_of
from desktop.ui.tabs.discover.getting import Way
from desktop.ui.tabs.discover.notices import how_far
from desktop.ui.tabs.discover.panel import ModelPanel
from desktop.ui.tabs.discover.presenter import DiscoverPresenter
from desktop.ui.tabs.discover.repopanel import RepoPanel
from desktop.ui.widgets.sidepanel import WithPanel

if TYPE_CHECKING:
    from desktop.core.hub.facts import FoundRepo
    from desktop.core.hub.repository import Repository

Json = dict[str, Any]


class SheetBody(QWidget):
    """A repository that is looked up, and in its place the model that it turned out to be."""

    def __init__(self, repo: RepoPanel, model: ModelPanel) -> None:
        super().__init__()
        self._repo, self._model = repo, model
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(repo)
        layout.addWidget(model)
        repo.hide()

    def show_one(self, panel: QWidget) -> None:
        for each in (self._repo, self._model):
            each.setVisible(each is panel)


class Sheet(QObject):
    """Shows a model of the presenter's cards, or a repository that is looked up."""

    def __init__(
        self, context: Context, presenter: DiscoverPresenter, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._context, self.presenter = context, presenter
        theme = context.theme
        self.model = ModelPanel(theme)
        self.repo = RepoPanel(theme, presenter.getting)
        self.body = SheetBody(self.repo, self.model)
        self.split: WithPanel | None = None

    def connect_to(self, split: WithPanel) -> None:
        """Args: split: what opens and closes."""
        self.split = split
        presenter, model, repo = self.presenter, self.model, self.repo
        model.close_asked.connect(split.close_panel)
        model.file_chosen.connect(self._on_file_chosen)
        model.price_asked.connect(presenter.prices.choose)
        model.check_asked.connect(self._on_check_asked)
        model.check_cancelled.connect(presenter.cancel_check)
        model.load_asked.connect(self._on_load_asked)
        model.row_get_asked.connect(self._on_row_get_asked)
        box, actions = model.box, presenter.getting.actions
        box.get_asked.connect(self._on_get_asked)
        box.pause_asked.connect(actions.pause)
        box.resume_asked.connect(actions.resume)
        box.cancel_asked.connect(actions.cancel)
        box.list_asked.connect(self._on_list_asked)
        box.files_asked.connect(self._on_files_asked)
        box.page_asked.connect(self._on_page_asked)
        box.token_asked.connect(self._on_token_asked)
        box.chat_asked.connect(self._on_chat_asked)
        box.library_asked.connect(self._on_library_asked)
        repo.close_asked.connect(split.close_panel)
        repo.cancel_asked.connect(presenter.lookup.cancel)
        repo.again_asked.connect(self._on_again_asked)
        repo.page_asked.connect(actions.open_page)
        repo.token_asked.connect(self._on_token_asked)
        repo.get_asked.connect(presenter.getting.get)
        presenter.checking.connect(self._on_checking)
        presenter.local_changed.connect(self.show_way)
        presenter.getting.changed.connect(self.show_way)
        presenter.getting.progressed.connect(self._on_progressed)
        presenter.load_failed.connect(model.show_load_error)
        presenter.lookup.listed.connect(self._on_listed)
        presenter.lookup.changed.connect(self._on_lookup_changed)
        presenter.prices.opened.connect(self._on_trial_opened)
        presenter.prices.priced.connect(model.show_priced)
        presenter.prices.failed.connect(self._on_price_failed)

    @property
    def is_open(self) -> bool:
        return self.split is not None and not self.split.panel.isHidden()

    # --- what is shown --------------------------------------------------------------------------

    def open_card(self, card: Card) -> None:
        """A model, with the file and the choices it is recommended with."""
        assert self.split is not None
        before = self.model.card
        self.body.show_one(self.model)
        self.split.open_panel()
        if before is not None and replace(before, local=card.local) == card:
            self.model.update_card(card)
            self.show_way()
            return
        choice = card.choice
        wishes = Wishes(context_tokens=self.presenter.wish.context_tokens, slots=1)
        if choice is not None:
            wishes = wishes_of(choice)
        repository = card.repository

        def way(quant: str) -> Way:
            return self.presenter.getting.way(repository, quant)

        self.model.show_card(card, card.best_quant, _plain(wishes), way)

    def open_repo(self, found: FoundRepo) -> None:
        """What the hub found; its files are asked for, and what fits of them."""
        assert self.split is not None
        self.repo.show_facts(found)
        self.body.show_one(self.repo)
        self.split.open_panel()
        self.presenter.look_up(found.repo)

    def show_way(self) -> None:
        """The chosen file came nearer, was loaded or taken out."""
        card = self.model.card
        if card is None or self.model.isHidden():
            return
        way, before = self._way(card), self.model.box.way
        self.model.show_way(way)
        if way.is_here and before.is_coming:
            self._on_file_chosen(self.model.quant)  # the engine can read the file itself now

    def _way(self, card: Card) -> Way:
        return self.presenter.getting.way(card.repository, self.model.quant)

    def _on_listed(self, found: Repository) -> None:
        """A repository that is looked up has its place in the panel until it is judged."""
        assert self.split is not None
        self.repo.show_repository(found)
        self.body.show_one(self.repo)
        self.split.open_panel()

    def _extras(self, card: Card) -> Extras:
        world = self.presenter.world
        if world is None:
            return Extras()
        return extras_of(card, self.model.quant, world.shelf.catalog)

    def _on_progressed(self, key: str) -> None:
        if self.is_open:
            self.show_way()

    def _on_lookup_changed(self) -> None:
        """How far a header is read, why it cannot be judged."""
        lookup = self.presenter.lookup
        found = lookup.repository
        if self.repo.isHidden():
            return
        if lookup.looking is not None:
            what = self.tr("Asking the hub") if found is None else self.tr("Reading a header")
            self.repo.show_progress(what, *how_far(lookup.progress))
        else:
            self.repo.end(lookup.error)

    def _on_file_chosen(self, quant: str) -> None:
        card = self.model.card
        if card is not None:
            self.model.begin_price(checked=False, way=self._way(card), extras=self._extras(card))
            self.presenter.price(card, quant, self.model.controls.wishes())

    def _on_trial_opened(self, trial: Trial) -> None:
        if trial.can_be_exact:
            self.presenter.checking.emit(None)
        self.model.show_trial(trial)

    def _on_price_failed(self, error: AppError) -> None:
        self.presenter.checking.emit(None)
        self.model.show_price_error(error)

    def _on_check_asked(self) -> None:
        card, model = self.model.card, self.model
        if card is not None:
            model.begin_price(checked=True, way=self._way(card), extras=self._extras(card))
            self.presenter.check(card, model.quant, model.controls.wishes())

    def _on_checking(self, progress: Progress | None) -> None:
        if progress is None:
            self.model.end_progress()
        else:
            self.model.show_progress(*how_far(progress))

    # --- what is done ---------------------------------------------------------------------------

    def _on_get_asked(self, projector: bool, draft: bool) -> None:
        card = self.model.card
        if card is not None:
            self.presenter.getting.get(self._way(card), projector=projector, draft=draft)

    def _on_row_get_asked(self, quant: str) -> None:
        """From a row: with what is ticked for the file that is chosen."""
        card = self.model.card
        if card is not None:
            way = self.presenter.getting.way(card.repository, quant)
            projector, draft = self.model.box.wanted_extras()
            self.presenter.getting.get(way, projector=projector, draft=draft)

    def _on_load_asked(self, wishes: Json) -> None:
        card = self.model.card
        if card is not None:
            self.presenter.load(card, self.model.quant, wishes)

    def _on_chat_asked(self) -> None:
        self._context.go_to("chat", self.model.box.way.local or "")

    def _on_library_asked(self) -> None:
        self._context.go_to("library", self.model.box.way.local or "")

    def _on_list_asked(self) -> None:
        self._context.go_to("downloads")

    def _on_files_asked(self) -> None:
        """The catalogue promised a file that the repository does not have: ask what it has."""
        card = self.model.card
        if card is not None:
            self.presenter.look_up(card.repository)

    def _on_page_asked(self) -> None:
        card = self.model.card
        if card is not None:
            self.presenter.getting.actions.open_page(card.repository)

    def _on_token_asked(self) -> None:
        self._context.go_to("settings", "token")

    def _on_again_asked(self) -> None:
        self.presenter.look_up(self.repo.repo)


def _plain(wishes: Wishes) -> Json:
    return {
        "context_tokens": wishes.context_tokens,
        "slots": wishes.slots,
        "kv_type": wishes.kv_type,
    }
