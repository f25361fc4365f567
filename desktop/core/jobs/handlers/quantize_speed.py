"""How fast files of one model are here, measured so that they can be compared."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from desktop.core.engine.bench_tool import run_llama_bench
from desktop.core.engine.runtime import Runtime
from desktop.core.events import CancelToken, NullReporter, Progress, Reporter
from desktop.core.gguf.split import part_names
from desktop.core.gguf.summary import ModelSummary
from desktop.core.jobs.handlers.quantize_host import Priced

Json = dict[str, Any]

PREFILL_TOKENS = 512
DECODE_TOKENS = 64
# Each file is measured twice, the second time in the opposite order: what changes slowly meanwhile
# (heat, other programs) then slows none of them more than the others.
_ROUNDS = 2
# So often where somebody asks for answers meanwhile; then it is as it is.
_TRIES = 3
# The whole model's label among the others: no recipe can be called so.
WHOLE = "(whole)"


@dataclass(frozen=True)
class Model:
    """A file that takes part: the whole model, one that was made, or one from elsewhere."""

    label: str
    path: Path
    size_bytes: int
    summary: ModelSummary

    @property
    def files(self) -> list[Path]:
        return [self.path.with_name(name) for name in part_names(self.path.name)]


def speeds(
    models: Sequence[Model],
    priced: Sequence[Priced],
    runtime: Runtime,
    *,
    ready: Callable[[], int],
    reporter: Reporter,
    cancel: CancelToken,
) -> Json:
    """Prefill and decode of each, in rounds.

    Args:
        priced: how each is loaded.
        ready: called around each measurement: waits until no answer is in progress and returns how
            many there were; after one in between it is measured again.

    Returns: {"speeds": by label, "fits": by label, "seconds"}.

    Raises:
        AppError: as `run_llama_bench`.
    """
    started = time.monotonic()
    found: list[dict[str, list[float]]] = [{"prefill": [], "decode": []} for _ in models]
    turns = [
        number if turn % 2 == 0 else len(models) - 1 - number
        for turn in range(_ROUNDS)
        for number in range(len(models))
    ]
    for done, number in enumerate(turns):
        reporter.progress(Progress("measuring speed", done, len(turns), "tests"))
        answers = ready()
        for _ in range(_TRIES):
            rows = run_llama_bench(
                runtime,
                models[number].path,
                prompts=(PREFILL_TOKENS,),
                gens=(DECODE_TOKENS,),
                repetitions=1,
                settings=priced[number].settings,
                reporter=NullReporter(),
                cancel=cancel,
            )
            before, answers = answers, ready()
            if before == answers:
                break
            reporter.log(f"{models[number].label}: measured while answers were given.")
        for row in rows:
            found[number][row.test].append(row.tokens_per_second)
    reporter.progress(Progress("measuring speed", len(turns), len(turns), "tests"))
    return {
        "speeds": {
            model.label: {
                f"{test}_tokens_per_second": statistics.fmean(each) if each else None
                for test, each in tests.items()
            }
            for model, tests in zip(models, found, strict=True)
        },
        "fits": {model.label: price.fits for model, price in zip(models, priced, strict=True)},
        "seconds": time.monotonic() - started,
    }
