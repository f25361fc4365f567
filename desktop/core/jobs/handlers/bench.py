"""The job that measures a model's speed, test by test, and says when something disturbed it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

from desktop.core.bench import runner
from desktop.core.bench.document import make_document
from desktop.core.bench.fingerprint import conditions, fingerprint
from desktop.core.bench.results import ResultStore
from desktop.core.engine.bench_tool import run_batched_bench, run_llama_bench
from desktop.core.engine.runtime import Runtime
from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken, Progress
from desktop.core.jobs.kinds import JobContext
from desktop.core.library.entry import ModelEntry

_PATIENCE_SECONDS = 0.5  # waits shorter than this are not worth a word


class BenchKind:
    """Parameters: `model` and those of `runner.plan`. The result is a document of `bench.schema`
    with its `result_id`.

    Args:
        resolve: the model of a name; raises MODEL_NOT_FOUND, MODEL_AMBIGUOUS.
        hardware: `Hardware.to_dict()` of this machine.
        wait_idle: returns when no answer is in progress; raises CANCELLED.
        requests_served: how many answers have ended since the service started.
        known_sha256: a model's sha256 where it is known already; it is never computed for this.
    """

    name = "bench"
    needs = frozenset({"cpu"})

    def __init__(
        self,
        *,
        resolve: Callable[[str], ModelEntry],
        current_runtime: Callable[[], Runtime],
        hardware: Callable[[], dict[str, Any]],
        results: ResultStore,
        wait_idle: Callable[[CancelToken], None],
        requests_served: Callable[[], int],
        known_sha256: Callable[[ModelEntry], str | None] = lambda entry: None,
        llama_bench: runner.LlamaBench = run_llama_bench,
        batched_bench: runner.BatchedBench = run_batched_bench,
    ) -> None:
        self._resolve = resolve
        self._current_runtime = current_runtime
        self._hardware = hardware
        self._results = results
        self._wait_idle = wait_idle
        self._requests_served = requests_served
        self._known_sha256 = known_sha256
        self._llama_bench = llama_bench
        self._batched_bench = batched_bench

    def plan(self, params: dict[str, Any]) -> list[str]:
        _, plan = self._planned(params)
        return [test.name for test in plan.tests]

    def run(self, context: JobContext) -> dict[str, Any]:
        entry, plan = self._planned(context.params)
        runtime = self._current_runtime()
        machine = self._hardware()
        context.cancel.raise_if_cancelled()
        identity = runner.identity(entry, runtime)
        steps = []
        for index, test in enumerate(plan.tests):
            before = context.done.get(test.name)
            if before is not None and before.get("identity") != identity:
                context.reporter.log(f"{test.name}: the engine or the model changed; once more.")
                del context.done[test.name]
            measure = partial(
                self._measure, context, plan, index, entry=entry, runtime=runtime, machine=machine
            )
            steps.append(context.step(test.name, measure))
        document = make_document(
            entry,
            steps,
            fingerprint=fingerprint(
                machine,
                runtime,
                runner.settings_for(entry, machine, plan.tests[0]),
                plan.repeat,
                steps,
            ),
            sha256=self._known_sha256(entry),
            name=plan.name,
            warnings=[*plan.notes, *conditions(entry, machine, runtime, plan.tests)],
        )
        result_id = self._results.add(context.job.id, document)
        total = len(plan.tests)
        context.reporter.progress(Progress("done", total, total, "tests"))
        return {"result_id": result_id, **self._results.get(result_id)}

    def _planned(self, params: dict[str, Any]) -> tuple[ModelEntry, runner.Plan]:
        model = params.get("model")
        if not isinstance(model, str) or not model:
            raise AppError(ErrorCode.BAD_REQUEST, reason="“model” must be a model's name.")
        entry = self._resolve(model)
        if entry.error is not None:
            raise AppError(ErrorCode.MODEL_BROKEN, model=entry.id, reason=str(entry.error))
        if entry.kind != "model":
            reason = f"It is a part for other models ({entry.kind}) and does not run by itself."
            raise AppError(ErrorCode.BAD_REQUEST, reason=f"{entry.id}: {reason}")
        embedding = entry.summary is not None and entry.summary.is_embedding
        return entry, runner.plan(params, embedding=embedding)

    def _wait(self, context: JobContext, index: int, total: int) -> None:
        """Wait until no answer is in progress, and say so where it takes a while."""
        waiting = Progress("waiting for answers in progress", index, total, "tests")
        timer = threading.Timer(_PATIENCE_SECONDS, context.reporter.progress, (waiting,))
        timer.start()
        try:
            self._wait_idle(context.cancel)
        finally:
            timer.cancel()
            timer.join()  # what it says never comes after what is said next

    def _measure(
        self,
        context: JobContext,
        plan: runner.Plan,
        index: int,
        *,
        entry: ModelEntry,
        runtime: Runtime,
        machine: dict[str, Any],
    ) -> dict[str, Any]:
        test, total = plan.tests[index], len(plan.tests)
        self._wait(context, index, total)
        context.cancel.raise_if_cancelled()
        served = self._requests_served()
        context.reporter.progress(Progress(test.name, index, total, "tests"))
        measured = runner.run_test(
            test,
            entry=entry,
            runtime=runtime,
            settings=runner.settings_for(entry, machine, test),
            repeat=plan.repeat,
            llama_bench=self._llama_bench,
            batched_bench=self._batched_bench,
            reporter=runner.PartReporter(context.reporter, test.name, index, total),
            cancel=context.cancel,
        )
        self._wait(context, index, total)  # an answer still in progress began while the test ran
        disturbed = max(0, self._requests_served() - served)
        if disturbed:
            context.reporter.log(f"{test.name}: disturbed by {disturbed} requests.")
        return {
            **measured,
            "disturbed_requests": disturbed,
            "identity": runner.identity(entry, runtime),
        }
