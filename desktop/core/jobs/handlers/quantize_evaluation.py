"""The part of a job that compares files with the whole model: what they lose, how fast they are."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from desktop.core.engine.runtime import Runtime
from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken
from desktop.core.fit.losses import MeasuredLoss
from desktop.core.fit.quant_choice import Measured, advise
from desktop.core.jobs.handlers.quantize_host import Host, Priced
from desktop.core.jobs.handlers.quantize_speed import (
    DECODE_TOKENS,
    PREFILL_TOKENS,
    WHOLE,
    Model,
    speeds,
)
from desktop.core.jobs.kinds import JobContext
from quantize import evaluate, make
from quantize.budget import FEWEST_CHUNKS, Pace, chunks_for
from quantize.kept import Kept
from quantize.text import CHUNK_TOKENS, Text

Json = dict[str, Any]

_PROBE_CHUNKS = 2
_SAME = ("architecture", "tokenizer", "tokenizer_pre", "vocab_size", "n_layers", "embedding_length")


@dataclass(frozen=True)
class Subject:
    """What is compared with what.

    Attributes:
        sha256: of the whole model.
        compares_whole: its weights are at 16 bits or more: what is lost against it is lost.
        unchanged: raises SOURCE_CHANGED when the whole model is not what it was.
    """

    whole: Model
    sha256: str
    compares_whole: bool
    path: Path
    text: Text
    unchanged: Callable[[], None]


def check_same(whole: Model, other: Model, reads: Callable[[Path], str]) -> None:
    """Whether a file is one of the same model.

    Args:
        reads: a hash of what a model makes of the text.

    Raises:
        AppError: MODELS_DIFFER; what reading it raises.
    """
    for name in _SAME:
        here, there = getattr(whole.summary, name), getattr(other.summary, name)
        if here != there:
            words = name.replace("_", " ").removeprefix("n ")
            reason = f"Their {words} differ: {there} and {here}."
            _raise_other(whole, other, reason)
    if reads(other.path) != reads(whole.path):
        _raise_other(whole, other, "They cut the text into different tokens.")


def _raise_other(whole: Model, other: Model, reason: str) -> None:
    raise AppError(
        ErrorCode.MODELS_DIFFER, path=str(other.path), base=str(whole.path), reason=reason
    )


class Evaluation:
    """Compares files with a whole model, in the steps of a job.

    Args:
        kept: where the whole model's answers lie for the next job.
        wait_idle: returns when no answer is in progress; raises CANCELLED.
        requests_served: how many answers have ended so far.
        threads: for the engine's tools; None: as they see fit.
    """

    def __init__(
        self,
        context: JobContext,
        runtime: Runtime,
        subject: Subject,
        *,
        kept: Kept,
        host: Host,
        wait_idle: Callable[[CancelToken], None],
        requests_served: Callable[[], int],
        threads: int | None,
    ) -> None:
        self._context = context
        self._runtime = runtime
        self._subject = subject
        self._kept = kept
        self._host = host
        self._wait_idle = wait_idle
        self._requests_served = requests_served
        self._threads = threads
        self._vocabulary = max(1, subject.whole.summary.vocab_size or 0)

    def run(
        self, models: Sequence[Model], most: int | None, budget_seconds: float | None
    ) -> tuple[Json, dict[str, Json]]:
        """The whole model's figures, and by label those of each file.

        Args:
            most: chunks of the text at most.
        """
        context, whole = self._context, self._subject.whole
        everyone = [whole, *models]
        speed = context.step("speed", partial(self._speeds, everyone))
        plan = self._plan(models, speed, most, budget_seconds)
        base = self._base(plan["chunks"])
        figures = {}
        for model in models:
            loss = context.step(
                f"evaluate {model.label}",
                partial(self._measure, model, plan["seconds"].get(model.label)),
            )
            figures[model.label] = {**loss, **speed["speeds"][model.label]}
            ratio = self._ratio(base, figures[model.label])
            if ratio is not None:
                figures[model.label]["perplexity_ratio_log"] = ratio
        found = {
            "path": str(whole.path),
            "label": whole.summary.quant_type or "",
            "size_bytes": whole.size_bytes,
            "bits_per_weight": whole.summary.bits_per_weight,
            "perplexity": base["perplexity"],
            "perplexity_error": base["perplexity_error"],
            "chunks": base["chunks"],
            "planned_chunks": plan["chunks"],
            "text": str(self._subject.path),
            "text_sha256": self._subject.text.sha256,
            "context_tokens": CHUNK_TOKENS,
            **speed["speeds"][WHOLE],
        }
        return found, figures

    @staticmethod
    def _ratio(base: Json, figures: Json) -> float | None:
        """Of both perplexities. WORKAROUND(the tool takes the whole model's from answers that it
        keeps no lower than e^-16, drop when it does not)."""
        told = base["perplexity"] and base["told_chunks"] == figures["chunks"] == base["chunks"]
        return math.log(figures["perplexity"] / base["perplexity"]) if told else None

    def _price(self, model: Model) -> Priced:
        return self._host.price(model.files, self._runtime, self._context.cancel)

    def _speeds(self, models: Sequence[Model]) -> Json:
        def ready() -> int:
            self._subject.unchanged()
            self._wait_idle(self._context.cancel)
            return self._requests_served()

        priced = [self._price(model) for model in models]
        return speeds(
            models,
            priced,
            self._runtime,
            ready=ready,
            reporter=self._context.reporter,
            cancel=self._context.cancel,
        )

    # --- how much of the text -----------------------------------------------------------------

    def _plan(
        self, models: Sequence[Model], speed: Json, most: int | None, budget: float | None
    ) -> Json:
        """{"chunks", "seconds": what each file may take at most; none without a budget}."""
        if "planned" not in self._context.done:
            there = min(self._subject.text.chunks, most or evaluate.MOST_CHUNKS)
            there = min(there, evaluate.chunks_within(self._vocabulary, evaluate.BASE_BYTES))
            plan: Json = {"chunks": there, "seconds": {}}
            if budget is not None:
                plan = self._within(budget, there, models, speed)
            self._context.keep("planned", plan)
        planned: Json = self._context.done["planned"]
        return planned

    def _within(self, budget: float, most: int, models: Sequence[Model], speed: Json) -> Json:
        context, whole = self._context, self._subject.whole
        started = time.monotonic()
        load, each = evaluate.probe(
            self._tool(),
            whole.path,
            self._subject.path,
            chunks=_PROBE_CHUNKS,
            threads=self._threads,
            reporter=context.reporter,
            cancel=context.cancel,
        )
        base = Pace(load, each)
        paces = {
            model.label: base.scaled(
                model.size_bytes / max(1, whole.size_bytes), self._faster(speed, model)
            )
            for model in models
        }
        left = budget - speed["seconds"] - (time.monotonic() - started)
        chunks = chunks_for(left, [base, *paces.values()], most)
        # Answers that are kept from before cost no time.
        longest = chunks_for(left, paces.values(), most)
        known = next((n for n in range(longest, chunks, -1) if self._place(n).exists()), None)
        enough = min(FEWEST_CHUNKS, most)
        planned = max(known or chunks, enough)
        total = sum(pace.seconds(planned) for pace in paces.values())
        expected = total + (0.0 if known else base.seconds(planned))
        slowest = max((pace.seconds_per_chunk for pace in paces.values()), default=0.0)
        paced = (
            f"{planned} of {most} chunks of the text are compared: the whole model "
            f"{'was read before' if known else f'takes {each:.2f} s for each'}, {len(models)} "
            f"files up to {slowest:.2f} s; about {expected:.0f} s of the {budget:.0f} s given."
        )
        if (known or chunks) < enough:
            paced += f" The time is too short: fewer than {enough} chunks say too little."
        context.reporter.log(paced)
        share = max(left - (expected - total), 0.0) / max(total, 1e-9)
        seconds = {name: pace.seconds(planned) * share for name, pace in paces.items()}
        return {"chunks": planned, "seconds": seconds}

    def _faster(self, speed: Json, model: Model) -> float:
        """How many times as fast as the whole model a file reads."""
        key, speeds = "prefill_tokens_per_second", speed["speeds"]
        own, whole = speeds[model.label][key], speeds[WHOLE][key]
        return own / whole if own and whole else 1.0

    # --- what is lost -------------------------------------------------------------------------

    def _tool(self) -> Path:
        return self._runtime.tool("llama-perplexity")

    def _place(self, chunks: int) -> Path:
        """Where the whole model's answers to so many chunks are kept."""
        depends = {
            "source": self._subject.sha256,
            "text": self._subject.text.sha256,
            "chunks": chunks,
            "context": CHUNK_TOKENS,
            "engine": self._runtime.version.text,
        }
        return self._kept.place("answers", depends, ".logits")

    def _base(self, chunks: int) -> Json:
        """The whole model's answers, from an earlier job where they are kept."""
        context, place = self._context, self._place(chunks)
        known = self._kept.find(place, context.cancel)
        if known is not None and evaluate.base_chunks(place):
            if "base" not in context.done:
                context.reporter.log("The whole model's answers are kept from before.")
            context.keep("base", known)
            return known
        context.done.pop("base", None)
        made: Json = context.step("base", partial(self._make_base, place, chunks))
        return made

    def _make_base(self, place: Path, chunks: int) -> Json:
        context = self._context
        self._subject.unchanged()
        self._kept.shrink(
            place, evaluate.base_bytes(self._vocabulary, chunks) + 2 * make.ROOM_BYTES
        )
        base = evaluate.make_base(
            self._tool(),
            self._subject.whole.path,
            self._subject.path,
            place,
            chunks=chunks,
            vocabulary=self._vocabulary,
            threads=self._threads,
            reporter=context.reporter,
            cancel=context.cancel,
        ).to_dict()
        self._kept.put(place, base, context.cancel)
        return base

    def _measure(self, model: Model, most_seconds: float | None) -> Json:
        context = self._context
        chunks = context.done["planned"]["chunks"]
        loss = evaluate.measure(
            self._tool(),
            model.path,
            self._subject.path,
            self._place(chunks),
            threads=self._threads,
            most_seconds=most_seconds,
            fewest_chunks=min(FEWEST_CHUNKS, chunks),
            reporter=context.reporter,
            cancel=context.cancel,
        )
        if loss.chunks < chunks and most_seconds is not None:
            context.reporter.log(
                f"{model.label}: {loss.chunks} of {chunks} chunks; more did not fit into the time."
            )
        return loss.to_dict()

    # --- what becomes of it -------------------------------------------------------------------

    def keep(self, models: Iterable[Model], figures: Mapping[str, Json]) -> None:
        """Hand what was measured to the estimates.

        Raises:
            AppError: DISK_FULL, DATABASE_BUSY.
        """
        for model in models:
            found = figures[model.label]
            loss = None
            if self._subject.compares_whole:
                loss = MeasuredLoss(
                    found["kld_mean"],
                    found["kld_error"],
                    found["same_top_rate"],
                    found["same_top_error"],
                    found["chunks"],
                    self._subject.sha256,
                    self._subject.text.sha256,
                    self._runtime.version.text,
                )
            tokens = {"prefill": PREFILL_TOKENS, "decode": DECODE_TOKENS}
            speeds = {
                test: (count, found[f"{test}_tokens_per_second"])
                for test, count in tokens.items()
                if found[f"{test}_tokens_per_second"]
            }
            self._host.keep(model.files, loss, speeds, self._price(model), self._runtime)

    def advice(self, models: Iterable[Model], figures: Mapping[str, Json]) -> Json | None:
        """Which of the files to take here."""
        fits = self._context.done["speed"]["fits"]
        return advise(
            [
                Measured(
                    str(model.path),
                    model.label,
                    model.size_bytes,
                    found["kld_mean"],
                    found["kld_low"],
                    found["kld_high"],
                    found["decode_tokens_per_second"],
                    fits[model.label],
                )
                for model in models
                if (found := figures[model.label])["decode_tokens_per_second"]
            ]
        )
