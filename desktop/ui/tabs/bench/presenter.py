"""What the benchmark page knows and does: the results, the chosen ones, the run in progress."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from PySide6.QtCore import QObject, Signal

from desktop.core.bench.compare import Comparison
from desktop.core.client.client import Client
from desktop.core.errors import AppError, ErrorCode
from desktop.ui.charts.data import SERIES_LIMIT
from desktop.ui.context import Context
from desktop.ui.tabs.bench import figures, words
from desktop.ui.tabs.bench.figures import Run, Shown
from desktop.ui.tabs.bench.progress import Pace, RunProgress, progress_of, starting

Json = dict[str, Any]


@dataclass(frozen=True)
class ModelChoice:
    """A model that can be measured; `context_tokens` is what it was trained for."""

    id: str
    context_tokens: int | None
    embedding: bool
    bundled: bool


class BenchPresenter(QObject):
    """Signals: a part changed; read it from the attribute of that name.

    Attributes:
        runs: the history, the newest first; None while it is read for the first time.
        chosen: numbers of the runs that are compared.
        shown: what the page tells about them; None while there is nothing to tell.
        models: what can be measured; None while the library is asked.
        failure: why the last run, or reading the results, failed.
    """

    runs_changed = Signal()
    chosen_changed = Signal()
    shown_changed = Signal()
    models_changed = Signal()
    job_changed = Signal()
    failure_changed = Signal()

    def __init__(self, context: Context, parent: QObject) -> None:
        super().__init__(parent)
        self._context = context
        self._documents: dict[int, Json] = {}
        self._compared: tuple[list[Json], Comparison] | None = None
        self._pace = Pace()
        self._asked: Literal["", "start", "stop"] = ""
        self._job: Json | None = None
        self._measured: int | None = None
        self.runs: list[Run] | None = None
        self.chosen: tuple[int, ...] = ()
        self.shown: Shown | None = None
        self.models: list[ModelChoice] | None = None
        self.failure: AppError | None = None
        state = context.state
        state.jobs_changed.connect(self._on_jobs_changed)
        state.job_finished.connect(self._on_job_finished)
        state.online_changed.connect(self._on_online_changed)
        state.library_changed.connect(self.read_models)
        state.loaded_changed.connect(self._on_loaded_changed)

    # --- reading ------------------------------------------------------------------------------

    def read(self) -> None:
        """Read the stored results, all of them: they are small."""
        where = self._context.paths

        def work() -> list[Json]:
            from desktop.core.bench.results import read_results

            return read_results(where)

        self._context.tasks.run(work, self._on_read, self._on_failed)

    def read_models(self) -> None:
        if self._context.state.online:
            self._context.ask(_models, self._on_models_read)

    def retell(self) -> None:
        """The language changed: make every text again."""
        if self.runs is not None:
            self._make_runs()
        self._tell()
        self.job_changed.emit()
        self.failure_changed.emit()

    def _on_read(self, documents: list[Json]) -> None:
        self._documents = {document["id"]: document for document in documents}
        self._make_runs()
        new, self._measured = self._measured, None
        kept = tuple(number for number in self.chosen if number in self._documents)
        if new in self._documents:
            assert new is not None
            self.choose(self._beside(new, kept))
        elif kept or not documents:
            self.choose(kept)
        else:
            self.choose((documents[0]["id"],))
        self.chosen_changed.emit()

    def _beside(self, new: int, kept: tuple[int, ...]) -> tuple[int, ...]:
        """What a new run is compared with: what the last one was; alone, the last one itself."""
        others = tuple(number for number in kept if number != new)
        if len(others) > 1:
            return (new, *others[1:])
        model = self._documents[new]["model"]["id"]
        same = [n for n in others if self._documents[n]["model"]["id"] == model]
        return (new, *same)

    def _make_runs(self) -> None:
        self.runs = [figures.run_of(document) for document in self._documents.values()]
        self.runs_changed.emit()

    def _on_models_read(self, models: list[Json]) -> None:
        self.models = [
            ModelChoice(each["id"], each["context_tokens"], each["embedding"], each["bundled"])
            for each in models
            if each["kind"] == "model" and not each["broken"]
        ]
        self.models_changed.emit()

    def _on_loaded_changed(self) -> None:
        if self.models is not None:
            self.models_changed.emit()  # the default may be another one now

    def default_model(self) -> ModelChoice | None:
        """The loaded model, else the bundled one, else the first."""
        models = self.models or []
        loaded = (self._context.state.loaded or {}).get("id")
        for wanted in ([m for m in models if m.id == loaded], [m for m in models if m.bundled]):
            if wanted:
                return wanted[0]
        return models[0] if models else None

    # --- comparing ----------------------------------------------------------------------------

    def choose(self, numbers: tuple[int, ...]) -> None:
        """Compare these runs; where they are more than a chart can show, the newest of them."""
        order = {number: place for place, number in enumerate(self._documents)}
        chosen = sorted((n for n in numbers if n in order), key=order.__getitem__)
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

        self._context.tasks.run(work, self._on_compared, self._on_failed)

    def _on_compared(self, found: tuple[tuple[int, ...], list[Json], Comparison]) -> None:
        wanted, documents, comparison = found
        if wanted == self.chosen:  # else a later choice is on its way
            self._compared = (documents, comparison)
            self._tell()

    def _tell(self) -> None:
        self.shown = figures.shown(*self._compared) if self._compared is not None else None
        self.shown_changed.emit()

    # --- running ------------------------------------------------------------------------------

    @property
    def busy(self) -> bool:
        """A run is asked for, waits or is in progress."""
        return self._job is not None or self._asked == "start"

    def check(self, params: Json, *, embedding: bool) -> tuple[str, bool]:
        """What would be run, in words, and whether it can be."""
        from desktop.core.bench import runner

        try:
            plan = runner.plan(params, embedding=embedding)
        except AppError:
            return words.refusal(params), False
        if len(plan.tests) == 1:
            return self.tr("1 test, {repeat} repeats").format(repeat=plan.repeat), True
        text = self.tr("{number} tests, {repeat} repeats each")
        return text.format(number=len(plan.tests), repeat=plan.repeat), True

    def run(self, params: Json) -> None:
        if self.busy:
            return
        self._asked = "start"
        self._set_failure(None)
        self.job_changed.emit()
        self._context.ask(
            lambda client: client.submit("bench", params), self._on_submitted, self._on_run_failed
        )

    def stop(self) -> None:
        if self._job is not None and self._asked != "stop":
            self._asked = "stop"
            self.job_changed.emit()
            number = self._job["id"]
            self._context.ask(lambda client: client.cancel_job(number), failed=self._on_stop_failed)

    def progress(self) -> RunProgress | None:
        """The run in progress as a row of the page."""
        if self._job is None:
            return starting() if self._asked == "start" else None
        left = self._pace.left_seconds(time.monotonic())
        return progress_of(self._job, left, stopping=self._asked == "stop")

    def _on_submitted(self, job: Json) -> None:
        if self._asked == "start":
            self._asked = ""
        self._on_jobs_changed()

    def _on_run_failed(self, error: AppError) -> None:
        self._asked = ""
        self._on_failed(error)
        self.job_changed.emit()

    def _on_stop_failed(self, error: AppError) -> None:
        self._asked = ""
        self.job_changed.emit()
        if error.code is not ErrorCode.JOB_FINISHED:  # ended in the same moment
            self._context.show_error(error)

    def _on_jobs_changed(self) -> None:
        jobs = [job for job in self._context.state.jobs.values() if job["kind"] == "bench"]
        before = self._job
        self._job = min(jobs, key=lambda job: (job["state"] != "running", job["id"]), default=None)
        if self._job is None:
            if before is not None:
                self._asked = ""
                self._pace.begin_again()
                self.job_changed.emit()
            return
        if before is None or before["id"] != self._job["id"]:
            self._asked = ""
            self._pace.begin_again()
        at = self._job.get("progress")
        if at is not None:
            if at["what"].startswith("waiting"):
                self._pace.begin_again()
            else:
                self._pace.saw(at["done"], at["total"] or 1, time.monotonic())
        self.job_changed.emit()

    def _on_job_finished(self, job: Json) -> None:
        if job["kind"] != "bench":
            return
        if job["state"] == "done":
            self._measured = (job["result"] or {}).get("result_id")
            self._set_failure(None)
            self.read()
        elif job["state"] == "failed":
            self._on_failed(AppError.from_dict(job["error"]))
        else:
            self._context.toast(self.tr("Stopped. Nothing of this run is kept."))

    def _on_online_changed(self) -> None:
        if self._context.state.online:
            self.read()
        self.job_changed.emit()

    # --- files --------------------------------------------------------------------------------

    def export(self, path: str, form: Literal["json", "csv", "md"]) -> None:
        """Write the chosen runs to a file."""
        documents = [self._documents[number] for number in self.chosen]
        if not documents:
            return

        def work() -> str:
            from desktop.core.bench.export import save

            save(documents, Path(path), form)
            return path

        self._context.tasks.run(work, self._on_exported, self._context.show_error)

    def import_file(self, path: str) -> None:
        """Take the runs of an exported file over."""

        def use(client: Client) -> tuple[int, int]:
            from desktop.core.bench.export import read_file

            documents = read_file(Path(path))
            return len(documents), int(client.import_results(documents)["added"])

        self._context.ask(use, self._on_imported)

    def _on_exported(self, path: str) -> None:
        self._context.toast(self.tr("Written to {path}").format(path=path), "check")

    def _on_imported(self, found: tuple[int, int]) -> None:
        given, added = found
        text = self.tr("{number} runs added.").format(number=added)
        if added < given:
            also = self.tr("{number} were here already.").format(number=given - added)
            text = f"{text} {also}"
        self._context.toast(text, "check")
        self.read()

    # --- failures -----------------------------------------------------------------------------

    def dismiss_failure(self) -> None:
        self._set_failure(None)

    def _on_failed(self, error: AppError) -> None:
        if self.runs is None:
            self.runs = []
            self.runs_changed.emit()
        self._set_failure(error)

    def _set_failure(self, error: AppError | None) -> None:
        self.failure = error
        self.failure_changed.emit()


def _models(client: Client) -> list[Json]:
    """In a task. What `check` needs next is imported here, off the main thread."""
    from desktop.core.bench import runner  # noqa: F401

    return client.models()
