"""What a benchmark runs, and one test of it."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from desktop.core.bench.schema import NAME_LIMIT
from desktop.core.engine.bench_tool import BatchRow, BenchRow
from desktop.core.engine.flags import LoadSettings
from desktop.core.engine.runtime import Runtime
from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken, Progress, Reporter
from desktop.core.gguf.words import clean
from desktop.core.library.entry import ModelEntry

MOST_TOKENS = 1_000_000
MOST_AT_ONCE = 256
MOST_REPEATS = 100
MOST_TESTS = 200
_MOST_VALUES = 20
_KNOWN = ("model", "prompt", "gen", "depth", "concurrency", "repeat", "name")


class LlamaBench(Protocol):
    """`engine.bench_tool.run_llama_bench`."""

    def __call__(
        self,
        runtime: Runtime,
        model: Path,
        *,
        prompts: Sequence[int],
        gens: Sequence[int],
        depths: Sequence[int],
        repetitions: int,
        settings: LoadSettings,
        reporter: Reporter,
        cancel: CancelToken,
    ) -> list[BenchRow]: ...


class BatchedBench(Protocol):
    """`engine.bench_tool.run_batched_bench`: one measurement for each different concurrency. It
    hands the same one out again where a number is asked for twice, so repeats are calls."""

    def __call__(
        self,
        runtime: Runtime,
        model: Path,
        *,
        concurrency: Sequence[int],
        prompt_tokens: int,
        gen_tokens: int,
        settings: LoadSettings,
        reporter: Reporter,
        cancel: CancelToken,
    ) -> list[BatchRow]: ...


@dataclass(frozen=True)
class Test:
    """One test; `name` is its step in the job. `prompt_tokens` is a load test's prompt."""

    __test__ = False  # pytest collects classes called so

    test: str
    tokens: int
    depth: int = 0
    concurrency: int = 1
    prompt_tokens: int = 0

    @property
    def name(self) -> str:
        if self.test == "load":
            return f"load {self.prompt_tokens}+{self.tokens} x {self.concurrency}"
        return f"{self.test} {self.tokens} @ {self.depth}"


@dataclass(frozen=True)
class Plan:
    """What to run, in order; `notes` says what was asked for and is left out."""

    tests: tuple[Test, ...]
    repeat: int
    name: str | None = None
    notes: tuple[str, ...] = ()


def plan(params: dict[str, Any], *, embedding: bool = False) -> Plan:
    """The tests of a job's parameters.

    Args:
        params: prompt, gen, depth, concurrency (each a whole number or a list of them) and repeat.
            0 or an empty list leaves prefill or decode out. Load tests run where one of the
            concurrencies is above 1, with the first prompt and the first gen.
        embedding: the model only reads: no decode, no load, no depth.

    Raises:
        AppError: SETTING_INVALID.
    """
    for key, value in params.items():
        if key not in _KNOWN:
            raise _invalid(key, value, f"It is not a setting; known: {', '.join(_KNOWN)}.")
    prompts = [n for n in _numbers(params, "prompt", 512, 0, MOST_TOKENS) if n]
    gens = [n for n in _numbers(params, "gen", 128, 0, MOST_TOKENS) if n]
    depths = _numbers(params, "depth", 0, 0, MOST_TOKENS) or [0]
    at_once = _numbers(params, "concurrency", 1, 1, MOST_AT_ONCE)
    repeat = _number("repeat", params.get("repeat", 3), 1, MOST_REPEATS)
    load = max(at_once, default=1) > 1
    notes = []
    if embedding:
        notes.append("An embedding model only reads: prefill without depth is all it does.")
        gens, depths, load = [], [0], False
    if load and not (prompts and gens):
        raise _invalid("concurrency", at_once, "A load test needs a prompt and a gen above 0.")
    tests = [Test("prefill", tokens, depth) for depth in depths for tokens in prompts]
    tests += [Test("decode", tokens, depth) for depth in depths for tokens in gens]
    if load:
        tests += [Test("load", gens[0], 0, number, prompts[0]) for number in at_once]
    if not tests:
        raise _invalid("prompt", params.get("prompt"), "There is nothing to measure.")
    if len(tests) > MOST_TESTS:
        raise _invalid("depth", depths, f"These are {len(tests)} tests; {MOST_TESTS} at most.")
    return Plan(tuple(tests), repeat, _name(params.get("name")), tuple(notes))


def _numbers(params: dict[str, Any], name: str, default: int, low: int, high: int) -> list[int]:
    given = params.get(name)
    given = default if given is None else given
    values = given if isinstance(given, list) else [given]
    if len(values) > _MOST_VALUES:
        raise _invalid(name, f"{len(values)} values", f"There may be {_MOST_VALUES} at most.")
    return list(dict.fromkeys(_number(name, value, low, high) for value in values))


def _number(name: str, value: object, low: int, high: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise _invalid(name, value, f"It must be a whole number from {low} to {high}.")
    return value


def _name(given: object) -> str | None:
    if given is None:
        return None
    name = clean(given, NAME_LIMIT) if isinstance(given, str) else ""
    if not name or name.isdigit():
        raise _invalid("name", given, "It must be a text and not a number alone.")
    return name


def _invalid(name: str, value: object, reason: str) -> AppError:
    return AppError(
        ErrorCode.SETTING_INVALID, name=clean(name, 60), value=clean(repr(value), 80), reason=reason
    )


class PartReporter:
    """The progress of one part of `total` as a part of the whole's."""

    def __init__(self, reporter: Reporter, what: str, done: int, total: int) -> None:
        self._reporter, self._what, self._done, self._total = reporter, what, done, total

    def progress(self, progress: Progress) -> None:
        part = min(1.0, progress.done / progress.total) if progress.total else 0.0
        self._reporter.progress(Progress(self._what, self._done + part, self._total, "tests"))

    def log(self, line: str) -> None:
        self._reporter.log(line)


def identity(entry: ModelEntry, runtime: Runtime) -> dict[str, Any]:
    """What must be the same for two tests to be parts of one result."""
    return {
        "fingerprint": entry.fingerprint,
        "runtime": runtime.id,
        "version": runtime.version.text,
        "commit": runtime.version.commit,
    }


def settings_for(entry: ModelEntry, machine: dict[str, Any], test: Test) -> LoadSettings:
    """The settings a test runs with: those the model would be loaded with, as far as they count.

    An encoder must read its whole input in one micro-batch.
    """
    threads = (machine.get("cpu") or {}).get("usable_physical_cores")
    settings = LoadSettings(threads=threads)
    if entry.summary is not None and entry.summary.is_embedding:
        whole = max(settings.ubatch, test.tokens)
        return replace(settings, embedding=True, ubatch=whole, batch=whole)
    return settings


def run_test(
    test: Test,
    *,
    entry: ModelEntry,
    runtime: Runtime,
    settings: LoadSettings,
    repeat: int,
    llama_bench: LlamaBench,
    batched_bench: BatchedBench,
    reporter: Reporter,
    cancel: CancelToken,
) -> dict[str, Any]:
    """Measure one test after a warm-up, `repeat` times.

    Returns:
        {"result": an entry of a document's results, "settings": what the tool says it used,
        "build": the tool's own words on build and devices}.

    Raises:
        AppError: CANCELLED, ENGINE_TOOL_FAILED, ENGINE_OUT_OF_MEMORY and other ends of a tool.
    """
    if test.test == "load":
        batches: list[BatchRow] = []
        for turn in range(repeat):
            batches += batched_bench(
                runtime,
                entry.path,
                concurrency=(test.concurrency,),
                prompt_tokens=test.prompt_tokens,
                gen_tokens=test.tokens,
                settings=settings,
                reporter=PartReporter(reporter, test.name, turn, repeat),
                cancel=cancel,
            )
        used = {"n_batch": settings.batch, "n_ubatch": settings.ubatch}
        return {"result": _of_load(test, batches), "settings": used, "build": {}}
    rows = llama_bench(
        runtime,
        entry.path,
        prompts=(test.tokens,) if test.test == "prefill" else (),
        gens=(test.tokens,) if test.test == "decode" else (),
        depths=(test.depth,),
        repetitions=repeat,
        settings=settings,
        reporter=reporter,
        cancel=cancel,
    )
    row = next(
        (r for r in rows if (r.test, r.tokens, r.depth) == (test.test, test.tokens, test.depth)),
        None,
    )
    if row is None:
        raise AppError(
            ErrorCode.ENGINE_TOOL_FAILED, tool="llama-bench", reason=f"No row of {test.name}."
        )
    result = _entry(test, row.samples or (row.tokens_per_second,), row.tokens_per_second)
    return {"result": {**result, "when": row.when}, "settings": row.settings, "build": row.build}


def _of_load(test: Test, rows: Sequence[BatchRow]) -> dict[str, Any]:
    samples = [row.decode_tokens_per_second for row in rows]
    prefill = [row.prefill_tokens_per_second for row in rows]
    return {
        **_entry(test, samples, statistics.fmean(samples)),
        "prompt_tokens": test.prompt_tokens,
        "prefill_tokens_per_second": statistics.fmean(prefill),
        "prefill_samples": prefill,
        "seconds": statistics.fmean(row.seconds for row in rows),
    }


def _entry(test: Test, samples: Sequence[float], mean: float) -> dict[str, Any]:
    return {
        "test": test.test,
        "tokens": test.tokens,
        "depth": test.depth,
        "concurrency": test.concurrency,
        "tokens_per_second": mean,
        "median_tokens_per_second": statistics.median(samples),
        "stddev": statistics.stdev(samples) if len(samples) > 1 else None,
        "samples": list(samples),
    }
