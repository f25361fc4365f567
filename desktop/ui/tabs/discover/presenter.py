"""Discover's dealings: looking around, ranking, what is here, getting and loading it."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from PySide6.QtCore import QObject, Signal

from desktop.core.client.client import Client
from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken, Progress
from desktop.core.fit.estimate import HOST
from desktop.core.fit.recommend import DEFAULT_SPEED, Purpose, Wish
from desktop.core.fit.trial import held_bytes, trials_of
from desktop.ui.context import Context
from desktop.ui.price.presenter import Bench, PricePresenter
from desktop.ui.tabs.discover.cards import Card, Filter
from desktop.ui.tabs.discover.getting import Getting, LocalModels
from desktop.ui.tabs.discover.hubsearch import HubSearch
from desktop.ui.tabs.discover.lookup import LookUp, Told
from desktop.ui.tabs.discover.world import (
    World,
    local_files,
    local_losses,
    look_around,
    rank,
    with_local,
)

Json = dict[str, Any]
STALE_SECONDS = 60.0  # what is free on a machine changes


class DiscoverPresenter(QObject):
    """What the page shows.

    Attributes:
        world: None until this machine was looked at; trouble: why there is none.
        cards: all of the wish; `shown` are those that pass the filter.
        unjudged: how many models of the catalogue have no card.
        library: what of it is here; getting: what is on its way.
        lookup: one name that is looked up at the hub; search: what the hub finds.

    Signals:
        cards_changed: the shown cards are others.
        world_changed: the machine was looked at, or could not be.
        found: the card of what was looked up.
        checking: progress of reading a header (Progress), or None when it ended.
        local_changed: the library, or what is loaded.
        load_failed: why a load was refused.
    """

    cards_changed = Signal()
    world_changed = Signal()
    found = Signal(object)
    checking = Signal(object)
    local_changed = Signal()
    load_failed = Signal(object)

    def __init__(self, context: Context, parent: QObject) -> None:
        super().__init__(parent)
        self._context = context
        self.world: World | None = None
        self.trouble: AppError | None = None
        self.wish = Wish()
        self.filter = Filter()
        self.cards: list[Card] = []
        self.shown: list[Card] = []
        self.unjudged = 0
        self.busy = False
        self.ranked = False
        self._asked: dict[str, Card] = {}  # looked up in this window, by id
        self.library = LocalModels()
        self.getting = Getting(context, self.library, self)
        self.lookup = LookUp(context, self)
        self.lookup.found.connect(self._on_found)
        self.search = HubSearch(context, self)
        self._looked = 0.0
        self._wanted = 0  # number of the latest ranking asked for
        self._check_cancel = CancelToken()
        self.prices = PricePresenter(context, self)
        state = context.state
        state.library_changed.connect(self._read_library)
        state.online_changed.connect(self._read_library)
        state.loaded_changed.connect(self.local_changed)
        state.job_finished.connect(self._on_job_finished)
        state.hardware_measured.connect(self._on_measured)

    # --- what is asked for ----------------------------------------------------------------------

    def show(self) -> None:
        """The page came to the front: look around where that is long ago."""
        if time.monotonic() - self._looked > STALE_SECONDS:
            self.refresh()

    def refresh(self) -> None:
        if self.busy:
            return
        self.busy, self.trouble = True, None
        self.world_changed.emit()
        paths = self._context.paths
        held = held_bytes(self._context.state.models.values())
        shelf = None if self.world is None else self.world.shelf
        self._context.tasks.run(
            lambda: look_around(paths, held, shelf), self._on_world, self._on_no_world
        )
        self._read_library()

    def want(self, *, purpose: Purpose | None = None, context_tokens: int | None = None) -> None:
        self.wish = replace(
            self.wish,
            purpose=purpose or self.wish.purpose,
            context_tokens=context_tokens or self.wish.context_tokens,
        )
        self._rank()

    def narrow(self, **changes: Any) -> None:
        """Change the filter; a wished speed also changes which file is the best."""
        self.filter = replace(self.filter, **changes)
        speed = self.filter.speed or DEFAULT_SPEED
        if speed != self.wish.speed:
            self.wish = replace(self.wish, speed=speed)
            self._rank()
        else:
            self._show()

    def look_up(self, text: str) -> None:
        """Ask the network about a name: only because a person asked for it; as soon as it is known
        what it is judged by."""
        if self.world is None:
            self.lookup.expect(text)
        else:
            self.lookup.start(text, self.world, self.wish)

    # --- one model ------------------------------------------------------------------------------

    def price(self, card: Card, quant: str, wishes: Json) -> None:
        """Price a file of a card with these choices; the other files with it."""
        world = self.world
        if world is None:
            return
        entry = self.getting.entry(card.repository, quant)
        held = held_bytes(self._context.state.models.values())
        paths, place = self._context.paths, world.place
        alone = not any(name != HOST for name in held)

        def make() -> Bench:
            others = trials_of(card.candidate, place)
            if entry is not None:
                from desktop.core.service.trials import TrialSources

                sources = TrialSources(paths)
                return Bench(sources.local(entry, held), others, engine_may_plan=alone)
            return Bench(others[quant], others)

        self.prices.show(make, wishes)

    def check(self, card: Card, quant: str, wishes: Json) -> None:
        """Read the header of a file that is not here: only because a person asked for it."""
        world = self.world
        if world is None:
            return
        self._check_cancel = cancel = CancelToken()
        held = held_bytes(self._context.state.models.values())
        paths, place = self._context.paths, world.place
        told = Told(self._context, self.checking.emit)
        address = card.repository
        name = address if "://" in address else f"{address}:{quant}"
        alone = not any(device != HOST for device in held)

        def make() -> Bench:
            from desktop.core.service.trials import TrialSources

            trial, _ = TrialSources(paths).remote(name, held, told, cancel)
            return Bench(trial, trials_of(card.candidate, place), engine_may_plan=alone)

        self.checking.emit(Progress(name, 0))
        self.prices.show(make, wishes)

    def cancel_check(self) -> None:
        self._check_cancel.cancel()

    def load(self, card: Card, quant: str, wishes: Json) -> None:
        model = self.getting.local(card.repository, quant)
        if model is None:
            return
        loading = self.library.loading
        loading.add(model)
        self.local_changed.emit()

        def ended() -> None:
            loading.discard(model)
            self.local_changed.emit()

        def failed(error: AppError) -> None:
            ended()
            if error.code is not ErrorCode.LOAD_CANCELLED:
                self.load_failed.emit(error)

        self._context.ask(lambda client: client.load(model, **wishes), lambda _: ended(), failed)

    # --- what comes back ------------------------------------------------------------------------

    def _on_world(self, world: World) -> None:
        self.world, self.busy, self._looked = world, False, time.monotonic()
        self.world_changed.emit()
        self._rank()
        if self.lookup.expected is not None:
            self.look_up(self.lookup.expected)

    def _on_no_world(self, error: AppError) -> None:
        self.trouble, self.busy = error, False
        self.lookup.cancel()
        self.world_changed.emit()

    def _rank(self) -> None:
        world, wish, library = self.world, self.wish, self.library
        if world is None:
            return
        self._wanted += 1
        number = self._wanted

        def done(answer: tuple[list[Card], int]) -> None:
            if number == self._wanted:
                self._on_ranked(*answer)

        def failed(error: AppError) -> None:
            self.trouble = error
            self.world_changed.emit()

        asked, local, losses = list(self._asked.values()), library.files, library.losses
        self._context.tasks.run(lambda: rank(world, wish, local, asked, losses), done, failed)

    def _on_ranked(self, cards: list[Card], unjudged: int) -> None:
        self.ranked = True
        self.cards = [with_local(card, self.library.files) for card in cards]
        self.unjudged = unjudged
        self._show()

    def _show(self) -> None:
        self.shown = [card for card in self.cards if self.filter.takes(card)]
        self.cards_changed.emit()

    def _on_found(self, card: Card) -> None:
        """What was looked up stands before all others."""
        model, card = card.candidate.id, with_local(card, self.library.files)
        self.cards = [card, *(each for each in self.cards if each.candidate.id != model)]
        self._asked = {model: card, **{k: v for k, v in self._asked.items() if k != model}}
        self.filter = replace(self.filter, text="")
        self._show()
        self.found.emit(card)
        if card.repository.casefold() in self.library.losses:
            self._rank()

    # --- the library ----------------------------------------------------------------------------

    def _read_library(self) -> None:
        if self._context.state.online:
            self._context.ask(Client.models, self._on_models, lambda error: None)

    def _on_models(self, models: list[Json]) -> None:
        self.library.models = {str(entry["id"]): entry for entry in models}
        local, losses = local_files(models), local_losses(models)
        if losses != self.library.losses:  # they decide which file is the best
            self.library.losses = losses
            self._rank()
        if local != self.library.files:
            self.library.files = local
            self.cards = [with_local(card, local) for card in self.cards]
            self._asked = {k: with_local(card, local) for k, card in self._asked.items()}
            self._show()
        self.local_changed.emit()

    def _on_job_finished(self, job: Json) -> None:
        """A calibration makes other speeds."""
        if job["kind"] == "calibrate":
            self._looked = 0.0

    def _on_measured(self) -> None:
        """So does a first look at the memory: here they are known now."""
        self._looked = 0.0
        if self.world is not None and not self.world.speed_known:
            self.refresh()
