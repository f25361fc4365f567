"""How each model of the list lies on this machine: by the formula, a few at a time, in a thread."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QObject, Signal

from desktop.core.errors import AppError
from desktop.core.fit.pricing import Wishes
from desktop.core.fit.trial import Price
from desktop.ui.context import Context
from desktop.ui.tabs.library.columns import loadable

Json = dict[str, Any]
_AT_ONCE = 2  # models in one piece of work: what is asked meanwhile does not wait for all


VERDICTS = ("gpu", "experts_on_cpu", "partial", "cpu", "wont_fit", None)  # the best first


@dataclass(frozen=True)
class Fit:
    """What the list shows of a price; None where only the engine can tell.

    Attributes:
        price: for the words of its tooltip.
    """

    verdict: str | None
    price: Price | None = None


class FitPricer(QObject):
    """Prices what it is given and has not priced yet, with what is saved for each model.

    Signals:
        priced: `Fit` by id, of some models.
    """

    priced = Signal(dict)

    def __init__(self, context: Context, parent: QObject) -> None:
        super().__init__(parent)
        self._context = context
        self._known: dict[str, str] = {}  # id -> what was priced
        self._waiting: list[Json] = []
        self._held: Mapping[str, int] = {}
        self._running = False
        self._number = 0

    def show(self, entries: Iterable[Json], held: Mapping[str, int]) -> None:
        """Price these; what is known of them and has not changed is left as it is.

        Args:
            held: what the model that is loaded now would give back, by device.
        """
        self._held = held
        self._waiting = [
            entry
            for entry in entries
            if loadable(entry) and self._known.get(entry["id"]) != _content(entry)
        ]
        self._go_on()

    def forget(self) -> None:
        """Price everything anew the next time: the machine's memory has changed."""
        self._number += 1
        self._known.clear()
        self._waiting.clear()

    def pause(self) -> None:
        """What is not priced yet is, when `show` is called again."""
        self._waiting.clear()

    def _go_on(self) -> None:
        if self._running or not self._waiting:
            return
        some, self._waiting = self._waiting[:_AT_ONCE], self._waiting[_AT_ONCE:]
        paths, held, number = self._context.paths, dict(self._held), self._number
        self._running = True

        def work() -> dict[str, Fit]:
            from desktop.core.service.trials import TrialSources  # not before it is needed

            sources = TrialSources(paths)
            return {entry["id"]: _fit(sources, entry, held) for entry in some}

        def done(fits: dict[str, Fit]) -> None:
            self._running = False
            if number == self._number:
                self._known |= {entry["id"]: _content(entry) for entry in some}
                self.priced.emit(fits)
            self._go_on()

        def failed(error: AppError) -> None:
            self._running = False
            self._waiting.clear()  # the panel tells such an error of the model it shows

        self._context.tasks.run(work, done, failed)


def _fit(sources: Any, entry: Json, held: Mapping[str, int]) -> Fit:
    try:
        trial = sources.local(entry, held)
    except (AppError, OSError):  # the panel says why
        return Fit(None)
    try:
        price = trial.quick(Wishes())
    except AppError:
        return Fit(None)
    finally:
        trial.close()
    return Fit(price.verdict, price)


def _content(entry: Json) -> str:
    """What decides about its price, as far as the list knows it."""
    return json.dumps([entry["fingerprint"], entry["load_defaults"], entry["mmproj"]])
