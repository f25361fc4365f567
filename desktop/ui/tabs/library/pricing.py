"""The price of the model that the panel shows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from PySide6.QtCore import QObject

from desktop.core.fit.estimate import HOST
from desktop.core.fit.trial import held_bytes
from desktop.ui.context import Context
from desktop.ui.price.presenter import Bench, PricePresenter

Json = dict[str, Any]


class EntryPricing(PricePresenter):
    """Prices an entry; anew when another model was loaded or taken out, which changes what is
    free."""

    def __init__(self, context: Context, parent: QObject) -> None:
        super().__init__(context, parent)
        self._paths = context.paths
        self._shown: tuple[str, str | None] | None = None  # the model, and what is loaded beside it
        self._entry: Json = {}
        self._loaded: list[Json] = []

    def begin(self, entry: Json, loaded: Iterable[Json]) -> bool:
        """Whether there is something new to price; then `go` does it."""
        models = list(loaded)
        wanted = (entry["id"], str([(each["id"], each["memory"]) for each in models]))
        if wanted == self._shown or any(each["state"] != "ready" for each in models):
            return False
        self._shown, self._entry, self._loaded = wanted, entry, models
        return True

    def go(self, wishes: Json) -> None:
        """Args: wishes: as keyword arguments of `Wishes`."""
        entry, held, paths = self._entry, held_bytes(self._loaded), self._paths
        alone = not any(name != HOST for name in held)

        def make() -> Bench:
            from desktop.core.service.trials import TrialSources  # not before it is needed

            return Bench(TrialSources(paths).local(entry, held), engine_may_plan=alone)

        shown = self._shown
        self.show(make, wishes)
        self._shown = shown

    def clear(self) -> None:
        super().clear()
        self._shown = None
