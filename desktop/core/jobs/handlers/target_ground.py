"""What recipes are made with and measured on: the matrix, texts in parts, the model's answers."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from desktop.core.engine.bench_tool import run_llama_bench
from desktop.core.engine.flags import LoadSettings
from desktop.core.engine.runtime import Runtime
from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken, Reporter
from desktop.core.hardware.cpu import probe_cpu
from desktop.core.jobs.handlers.quantize_asked import is_matrix
from desktop.core.jobs.handlers.quantize_matrix import matrix_of
from desktop.core.jobs.handlers.target_asked import MATRIX, PARTS, Wanted, chunks_of
from desktop.core.jobs.kinds import JobContext
from desktop.core.paths import resources
from quantize import evaluate, make, text
from quantize.kept import Kept
from quantize.recipe import Recipe
from quantize.target import FEW, JUDGE
from quantize.trials import DECODE, PREFILL, SPEED, Facts, deal

_PROBED_CHUNKS = 4
_DECODED, _READ = 64, 256
_REPETITIONS = 2


@dataclass(frozen=True)
class Plan:
    """How many chunks of each text are used, and what was seen on the way.

    Attributes:
        seconds: that everything took until the search could begin.
        base: the whole model's figures on the text that judges.
    """

    chunks: dict[str, int]
    seconds_per_chunk: float
    load_seconds: float
    search: str
    seconds: float = 0.0
    base: dict[str, Any] = field(default_factory=dict)


class Ground:
    """Args:
    work: the job's own folder; `kept`: where importance matrices lie for other jobs.
    wait_idle: returns when no answer is in progress.
    """

    def __init__(
        self,
        wanted: Wanted,
        runtime: Runtime,
        source: make.Source,
        vocabulary: int,
        work: Path,
        *,
        kept: Kept,
        wait_idle: Callable[[CancelToken], None],
        cancel: CancelToken,
    ) -> None:
        self._wanted = wanted
        self._runtime = runtime
        self._source = source
        self._vocabulary = vocabulary
        self._work = work
        self._kept = kept
        self._wait_idle = wait_idle
        self._cancel = cancel
        self._threads = probe_cpu().usable_physical_cores
        self._matrix = wanted.imatrix
        self._facts = {"engine": runtime.version.text, "recipe": wanted.label}

    # --- before the search ----------------------------------------------------------------------

    def prepare(self, context: JobContext) -> Plan:
        """The matrix, the texts and the whole model's answers, as far as they are not there.

        Raises:
            AppError: TEXT_TOO_SHORT, DISK_FULL, ENGINE_TOOL_FAILED, CANCELLED.
        """
        started = time.monotonic()
        plan = Plan(**context.step("plan", lambda: vars(self._planned(context.reporter))))
        self._deal(Path(plan.search))
        self._prepare_matrix(context, plan.chunks[MATRIX])
        for name in (*PARTS, JUDGE):
            self._base(name, plan.chunks[name], context)
        base = context.done[f"answers {JUDGE}"]
        seconds = context.step("ready", lambda: time.monotonic() - started)
        return replace(plan, seconds=seconds, base=base)

    def _planned(self, reporter: Reporter) -> Plan:
        search = self._wanted.search
        try:
            there = self._deal(search)
        except AppError as error:
            bundled = resources() / "texts" / "importance.txt"
            if error.code is not ErrorCode.TEXT_TOO_SHORT or search == bundled:
                raise
            reporter.log(f"{search.name} is too short to try recipes on: the bundled text is used.")
            search, there = bundled, self._deal(bundled)
        there |= {JUDGE: self._count(self._wanted.evaluate)}
        if self._computed:
            there[MATRIX] = self._count(self._wanted.search)
        load, each = evaluate.probe(
            self._runtime.tool("llama-perplexity"),
            self._source.path,
            self._text(FEW),
            chunks=min(_PROBED_CHUNKS, there[FEW]),
            threads=self._threads,
            reporter=reporter,
            cancel=self._cancel,
        )
        most = evaluate.chunks_within(self._vocabulary, evaluate.BASE_BYTES)
        chunks = chunks_of(self._wanted.budget_seconds, each, there, most)
        return Plan(chunks, each, load, str(search))

    def _deal(self, search: Path) -> dict[str, int]:
        """Deal the search's text out; how many chunks each part has."""
        with search.open("rb") as file:
            whole = file.read(text.MOST_BYTES).decode("utf-8", "replace")
        for name, part in zip(PARTS, deal(whole, list(PARTS.values())), strict=True):
            self._text(name).write_text(part, encoding="utf-8")
        return {name: self._count(self._text(name)) for name in PARTS}

    def _count(self, path: Path) -> int:
        tokenizer = self._runtime.tool("llama-tokenize")
        return text.read(tokenizer, self._source.path, path, self._cancel).chunks

    @property
    def _computed(self) -> bool:
        return self._wanted.imatrix is not None and not is_matrix(self._wanted.imatrix)

    def _prepare_matrix(self, context: JobContext, chunks: int) -> None:
        if self._matrix is None:
            return
        if self._computed:
            tokenizer = self._runtime.tool("llama-tokenize")
            found = text.read(tokenizer, self._source.path, self._matrix, self._cancel)
            self._facts["imatrix_text_sha256"] = found.sha256
            self._matrix = matrix_of(
                context,
                self._kept,
                self._source,
                self._matrix,
                runtime=self._runtime,
                text=found,
                chunks=chunks,
                threads=self._threads,
            )
        self._facts["imatrix_sha256"] = make.sha256_of(self._matrix, self._cancel)

    def _text(self, name: str) -> Path:
        return self._wanted.evaluate if name == JUDGE else self._work / f"{name}.txt"

    def _answers(self, name: str) -> Path:
        return self._work / f"{name}.logits"

    def _base(self, name: str, chunks: int, context: JobContext) -> None:
        step = f"answers {name}"
        if not evaluate.base_chunks(self._answers(name)):
            context.done.pop(step, None)

        def compute() -> dict[str, Any]:
            return evaluate.make_base(
                self._runtime.tool("llama-perplexity"),
                self._source.path,
                self._text(name),
                self._answers(name),
                chunks=chunks,
                vocabulary=self._vocabulary,
                threads=self._threads,
                reporter=context.reporter,
                cancel=self._cancel,
            ).to_dict()

        context.step(step, compute)

    # --- of a file ------------------------------------------------------------------------------

    def make(self, recipe: Recipe, path: Path, reporter: Reporter) -> make.Made:
        """A recipe's file. All of them tell the same of where they come from, so that their headers
        are of one size."""
        return make.make(
            self._runtime.tool("llama-quantize"),
            self._source,
            path,
            recipe,
            imatrix=self._matrix,
            provenance=self._facts,
            reporter=reporter,
            cancel=self._cancel,
        )

    def measures(self, reporter: Reporter) -> dict[str, Callable[[Path], Facts]]:
        """What measures a file, by name."""

        def loss(name: str) -> Callable[[Path], Facts]:
            return lambda path: evaluate.measure(
                self._runtime.tool("llama-perplexity"),
                path,
                self._text(name),
                self._answers(name),
                threads=self._threads,
                reporter=reporter,
                cancel=self._cancel,
            ).to_dict()

        def speed(path: Path) -> Facts:
            return {DECODE: self._speed(path, reporter, (), (_DECODED,))}

        def both(path: Path) -> Facts:
            return speed(path) | {PREFILL: self._speed(path, reporter, (_READ,), ())}

        return {name: loss(name) for name in (*PARTS, JUDGE)} | {SPEED: speed, PREFILL: both}

    def _speed(
        self, path: Path, reporter: Reporter, prompts: tuple[int, ...], gens: tuple[int, ...]
    ) -> float:
        self._wait_idle(self._cancel)
        rows = run_llama_bench(
            self._runtime,
            path,
            prompts=prompts,
            gens=gens,
            repetitions=_REPETITIONS,
            settings=LoadSettings(threads=self._threads),
            reporter=reporter,
            cancel=self._cancel,
        )
        return statistics.median(rows[0].samples or (rows[0].tokens_per_second,))
