"""What the benchmark page tells: the chosen runs, compared, and what stands beside them."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QObject, Signal

from desktop.core.bench.compare import Comparison
from desktop.core.bench.export import Format
from desktop.core.bench.published import ranked
from desktop.core.errors import AppError
from desktop.core.hardware.known import KnownSpeed, KnownSpeeds
from desktop.ui.charts.data import SERIES_LIMIT
from desktop.ui.context import Context
from desktop.ui.tabs.bench import figures
from desktop.ui.tabs.bench.choices import ModelChoices
from desktop.ui.tabs.bench.figures import Run, Shown
from desktop.ui.tabs.bench.published import LIMIT
from desktop.ui.tabs.bench.running import Running
from desktop.ui.tabs.bench.stored import Stored

Json = dict[str, Any]


class BenchPresenter(QObject):
    """Signals: a part changed; read it from the attribute of that name.

    Attributes:
        runs: the history, the newest first; None while it is read for the first time.
        chosen: numbers of the runs that are compared.
        shown: what the page tells about them; None while there is nothing to tell.
        published: the published speeds beside them, at most `LIMIT`.
        known: every published speed; None until they are asked for.
        offered: the same in the order they are offered; it stays while a person chooses.
        failure: why the last run, or reading the results, failed.
    """

    runs_changed = Signal()
    chosen_changed = Signal()
    shown_changed = Signal()
    published_changed = Signal()
    failure_changed = Signal()

    def __init__(self, context: Context, parent: QObject) -> None:
        super().__init__(parent)
        self._context = context
        self._compared: tuple[list[Json], Comparison] | None = None
        self._measured: int | None = None
        self._before: tuple[int, ...] = ()
        self._wanted: tuple[int, ...] = ()
        self.stored = Stored(context, self)
        self.running = Running(context, self)
        self.choices = ModelChoices(context, self)
        self.runs: list[Run] | None = None
        self.chosen: tuple[int, ...] = ()
        self.shown: Shown | None = None
        self.published: tuple[KnownSpeed, ...] = ()
        self.known: KnownSpeeds | None = None
        self.offered: list[KnownSpeed] = []
        self.failure: AppError | None = None
        self.stored.changed.connect(self._on_stored_changed)
        self.stored.restored.connect(self._on_restored)
        self.stored.failed.connect(self._set_failure)
        self.running.measured.connect(self._on_measured)
        self.running.failed.connect(self._set_failure)

    def retell(self) -> None:
        """The language changed: make every text again."""
        if self.runs is not None:
            self._make_runs()
        self._tell()
        self.published_changed.emit()
        self.running.changed.emit()
        self.failure_changed.emit()

    # --- the history --------------------------------------------------------------------------

    @property
    def _documents(self) -> dict[int, Json]:
        return self.stored.documents or {}

    def _make_runs(self) -> None:
        self.runs = [figures.run_of(document) for document in self._documents.values()]
        self.runs_changed.emit()

    def _on_stored_changed(self) -> None:
        self._make_runs()
        new, self._measured = self._measured, None
        wanted, self._wanted = self._wanted, ()
        kept = tuple(n for n in wanted or self.chosen if n in self._documents)
        if new in self._documents:
            assert new is not None
            self.choose(self._beside(new, kept))
        elif kept or not self._documents:
            self.choose(kept)
        else:
            self.choose((next(iter(self._documents)),))
        self.chosen_changed.emit()

    def _beside(self, new: int, kept: tuple[int, ...]) -> tuple[int, ...]:
        """What a new run is compared with: what the last one was; alone, the last one itself."""
        others = tuple(number for number in kept if number != new)
        if len(others) > 1:
            return (new, *others[1:])
        model = self._documents[new]["model"]["id"]
        same = [n for n in others if self._documents[n]["model"]["id"] == model]
        return (new, *same)

    def _on_measured(self, number: int) -> None:
        self._measured = number
        self._set_failure(None)
        self.stored.read()

    def delete(self, numbers: tuple[int, ...]) -> None:
        self._before = self.chosen
        self.stored.delete(numbers)

    def _on_restored(self) -> None:
        self._wanted = self._before  # what was chosen is chosen again

    def run(self, params: Json) -> None:
        self._set_failure(None)
        self.running.run(params)

    # --- comparing ----------------------------------------------------------------------------

    def choose(self, numbers: tuple[int, ...]) -> None:
        """Compare these runs; where they are more than a chart can show, the newest of them."""
        order = {number: place for place, number in enumerate(self._documents)}
        chosen = sorted({n for n in numbers if n in order}, key=order.__getitem__)
        self.chosen = tuple(chosen)
        documents = [self._documents[number] for number in reversed(chosen[:SERIES_LIMIT])]
        if not documents:
            self._compared, self.shown = None, None
            self.shown_changed.emit()
            return
        wanted = self.chosen

        def work() -> tuple[tuple[int, ...], list[Json], Comparison]:
            from desktop.core.bench.compare import compare

            return wanted, documents, compare(documents)

        self._context.tasks.run(work, self._on_compared, self._set_failure)

    def _on_compared(self, found: tuple[tuple[int, ...], list[Json], Comparison]) -> None:
        wanted, documents, comparison = found
        if wanted == self.chosen:  # else a later choice is on its way
            self._compared = (documents, comparison)
            self._tell()
            if self.known is not None:
                self.offer_published()  # others of them may have run the same model

    def _tell(self) -> None:
        self.shown = (
            figures.shown(*self._compared, self.published) if self._compared is not None else None
        )
        self.shown_changed.emit()

    def export(self, path: str, form: Format) -> None:
        """Write the chosen runs, and the published speeds beside them, to a file."""
        documents = [self._documents[number] for number in self.chosen]
        if documents:
            self.stored.export(documents, self.published, path, form)

    # --- published speeds ---------------------------------------------------------------------

    def offer_published(self) -> None:
        """Put all of them in order: the chosen ones, those of the run's own model, the others."""
        if self.known is None:
            from desktop.core.hardware.known import known_speeds

            self._context.tasks.run(known_speeds, self._on_known_read, self._set_failure)
        else:
            self._on_known_read(self.known)

    def _on_known_read(self, known: KnownSpeeds) -> None:
        self.known = known
        others = [each for each in ranked(known.speeds, self.newest) if each not in self.published]
        self.offered = [*self.published, *others]
        self.published_changed.emit()

    @property
    def newest(self) -> Json | None:
        """The newest chosen run: what published speeds are set against."""
        return self._compared[0][-1] if self._compared is not None else None

    def toggle_published(self, speed: KnownSpeed) -> None:
        """Put a published speed beside the chosen runs, or take it away."""
        if speed in self.published:
            self.published = tuple(each for each in self.published if each != speed)
        elif len(self.published) < LIMIT:
            self.published = (*self.published, speed)
        self._tell()
        self.published_changed.emit()

    def clear_published(self) -> None:
        self.published = ()
        self._tell()
        self.published_changed.emit()

    # --- failures -----------------------------------------------------------------------------

    def dismiss_failure(self) -> None:
        self._set_failure(None)

    def _set_failure(self, error: AppError | None) -> None:
        self.failure = error
        self.failure_changed.emit()
