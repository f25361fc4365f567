"""Asks for prices in threads: the formula at once for every change, the engine when hands rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from desktop.core.errors import AppError, ErrorCode
from desktop.core.fit.pricing import Wishes
from desktop.core.fit.trial import Price, Trial, close_all
from desktop.ui.context import Context

Json = dict[str, Any]
REST_MS = 300  # after the last change, before the engine is asked


@dataclass(frozen=True)
class Bench:
    """What is being priced: a file, and the other files of its model by quant.

    Attributes:
        engine_may_plan: whether the engine's plan would be true. It sees a GPU as it is now, so
            not where layers are left to it and the model that is loaded still lies there.
    """

    trial: Trial
    others: Mapping[str, Trial] = field(default_factory=dict)
    engine_may_plan: bool = True


@dataclass(frozen=True)
class Priced:
    """A price with what stands around it.

    Attributes:
        larger, smaller: the next choices; None where there is none.
        others: the price of each file of the model with the same choices.
        settled: no better figure is on its way.
    """

    trial: Trial
    price: Price
    larger: Price | None
    smaller: Price | None
    others: Mapping[str, Price]
    settled: bool = False


class PricePresenter(QObject):
    """One panel's prices.

    Signals:
        opened: the trial that is priced from now on.
        priced: `Priced`, first the formula's, then settled.
        failed: why there is no price (AppError).
    """

    opened = Signal(object)
    priced = Signal(object)
    failed = Signal(object)

    def __init__(self, context: Context, parent: QObject) -> None:
        super().__init__(parent)
        self._context = context
        self._bench: Bench | None = None
        self._wishes = Wishes()
        self._number = 0  # of what is shown: answers about something else are dropped
        self._asking = False
        self._again = False
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(REST_MS)
        self._rest.timeout.connect(self._on_rest_timeout)

    @property
    def trial(self) -> Trial | None:
        return None if self._bench is None else self._bench.trial

    def show(self, make: Callable[[], Bench], wishes: Json) -> None:
        """Price something else. `make` is called in a thread."""
        self.clear()
        number = self._number
        self._wishes = Wishes(**wishes)

        def done(bench: Bench) -> None:
            if number != self._number:
                self._free(bench)
                return
            self._bench = bench
            self.opened.emit(bench.trial)
            self._ask()

        def failed(error: AppError) -> None:
            if number == self._number:
                self.failed.emit(error)

        self._context.tasks.run(make, done, failed)

    def clear(self) -> None:
        """Price nothing."""
        self._number += 1
        self._rest.stop()
        bench, self._bench = self._bench, None
        self._asking = self._again = False
        if bench is not None:
            self._free(bench)

    def choose(self, wishes: Json) -> None:
        """Something was chosen: the price follows."""
        wanted = Wishes(**wishes)
        if wanted != self._wishes:
            self._wishes = wanted
            self._ask()

    # --- its parts ------------------------------------------------------------------------------

    def _free(self, bench: Bench) -> None:
        trials = [bench.trial, *bench.others.values()]
        self._context.tasks.run(lambda: close_all(trials))

    def _ask(self) -> None:
        """One question at a time; what changes meanwhile is asked after it, once."""
        self._rest.stop()
        bench = self._bench
        if bench is None:
            return
        if self._asking:
            self._again = True
            return
        self._run(lambda wishes: _quick(bench, wishes), self._on_quick)

    def _on_quick(self, priced: Priced, current: bool) -> None:
        """A price of a moment ago is told too: it follows the slider while that moves."""
        self.priced.emit(priced)
        if current:
            self._rest.start()

    def _on_settled(self, priced: Priced, current: bool) -> None:
        if current:
            self.priced.emit(priced)

    def _on_rest_timeout(self) -> None:
        bench = self._bench
        if bench is not None and not self._asking:
            self._run(lambda wishes: _settle(bench, wishes), self._on_settled)

    def _run(self, work: Callable[[Wishes], Priced], told: Callable[[Priced, bool], None]) -> None:
        self._asking, self._again = True, False
        number, wishes = self._number, self._wishes

        def done(priced: Priced) -> None:
            if number == self._number:
                self._asking = False
                told(priced, not self._again)
                self._go_on()

        def failed(error: AppError) -> None:
            if number == self._number:
                self._asking = False
                if not self._again and error.code is not ErrorCode.CANCELLED:
                    self.failed.emit(error)
                self._go_on()

        self._context.tasks.run(lambda: work(wishes), done, failed)

    def _go_on(self) -> None:
        if self._again:
            self._ask()


def _quick(bench: Bench, wishes: Wishes) -> Priced:
    return _around(bench, bench.trial.quick(wishes), wishes)


def _settle(bench: Bench, wishes: Wishes) -> Priced:
    """The engine's price where it can be asked, else the formula's, now final."""
    trial = bench.trial
    exact = trial.can_be_exact and (bench.engine_may_plan or wishes.gpu_layers is not None)
    price = trial.exact(wishes) if exact else trial.quick(wishes)
    return _around(bench, price, wishes, settled=True)


def _around(bench: Bench, price: Price, wishes: Wishes, *, settled: bool = False) -> Priced:
    trial = bench.trial
    return Priced(
        trial,
        price,
        trial.larger_context(price),
        trial.smaller_choice(price),
        {quant: each.quick(wishes) for quant, each in bench.others.items()},
        settled,
    )
