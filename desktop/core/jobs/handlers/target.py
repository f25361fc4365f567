"""The job that looks for the best recipe under a size, or at a speed."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from desktop.core.engine.runtime import Runtime
from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken
from desktop.core.gguf.split import part_names
from desktop.core.gguf.summary import ModelSummary, merge
from desktop.core.jobs.handlers import target_asked
from desktop.core.jobs.handlers.quantize import kept_in
from desktop.core.jobs.handlers.quantize_asked import check_model, source_of
from desktop.core.jobs.handlers.quantize_matrix import remove_half_matrix
from desktop.core.jobs.handlers.target_asked import Wanted
from desktop.core.jobs.handlers.target_ground import Ground, Plan
from desktop.core.jobs.handlers.target_report import Standing, result_of
from desktop.core.jobs.kinds import JobContext
from desktop.core.library.identity import hash_cache, sha256_file
from desktop.core.paths import Paths
from quantize import make
from quantize.dry_runs import DryRuns
from quantize.recipe import Planned, Recipe
from quantize.space import CHOICES, Model, choices, planned_types, read_for_a_token
from quantize.target import (
    CHECK,
    FINALISTS,
    JUDGE,
    PLAIN_JUDGED,
    Asked,
    Finder,
    Found,
    better,
)
from quantize.text import CHUNK_TOKENS
from quantize.trials import DECODE, PREFILL, ROUNDS, Facts, Files
from quantize.types import WHOLE, offered

# What a file's header may have besides the source's, before the first file shows it: whose file it
# is, and with which matrix it was made.
_MORE_HEADER_BYTES = 1024
# How the model's files were when they were hashed is kept under this name.
_STATE = "state"
Json = dict[str, Any]


class TargetKind:
    """Parameters:

    - `path`: the model's file; `folder`: where the found one goes; `name`: how it begins.
    - `most_bytes` or `least_tokens_per_second`: what it is to be.
    - `budget_seconds`: for all of it; kept to within one trial.
    - `imatrix`: a text or a matrix, the bundled text by default, False for none; `evaluate`: the
      text that judges, the bundled one by default.
    - `requantize`: also of a quantized model; `replace`: also a file that exists.

    The result is that of "quantize", with "target": what was asked for, how many recipes were
    tried, the best plain type and what was found. A recipe that does not surely beat the plain
    type is not made: the plain one is.

    Args:
        read: a file's summary; raises what is wrong with it.
        wait_idle: returns when no answer is in progress; raises CANCELLED.
        seed: of the search, which takes the same way with the same one.
    """

    name = "target"
    needs = frozenset({"cpu"})

    def __init__(
        self,
        paths: Paths,
        *,
        read: Callable[[Path], ModelSummary],
        current_runtime: Callable[[], Runtime],
        wait_idle: Callable[[CancelToken], None],
        seed: int = 0,
    ) -> None:
        self._paths = paths
        self._read = read
        self._current_runtime = current_runtime
        self._wait_idle = wait_idle
        self._seed = seed
        self._dry_runs = DryRuns()
        self._hashes = hash_cache(paths.cache / "hashes")

    # --- what is asked ------------------------------------------------------------------------

    def plan(self, params: Json) -> list[str]:
        wanted = target_asked.read(params)
        source, summary = self._source(wanted)
        self._check_free(wanted)
        model, _ = self._model(wanted, source, summary, CancelToken())
        _check_reach(wanted, model, source)
        return ["hash", "ready", "search", "judge", "make"]

    def _source(self, wanted: Wanted) -> tuple[make.Source, ModelSummary]:
        """The model, as far as it is fit for what is asked.

        Raises:
            AppError: BAD_REQUEST, QUANTIZE_AGAIN; what is wrong with the file.
        """
        path = wanted.path
        summary = merge([self._read(part) for part in _parts(wanted)])
        check_model(path, summary, compared=True)
        return source_of(path, summary, again=wanted.requantize), summary

    @staticmethod
    def _check_free(wanted: Wanted) -> None:
        if wanted.target.exists() and not wanted.replace:
            raise AppError(ErrorCode.OUTPUT_EXISTS, path=str(wanted.target))

    def _model(
        self, wanted: Wanted, source: make.Source, summary: ModelSummary, cancel: CancelToken
    ) -> tuple[Model, dict[str, Planned]]:
        """The model's tensors, and what each plain type that can be made makes of them."""
        has_matrix = wanted.imatrix is not None
        names = [each.name for each in offered(self._current_runtime().tool("llama-quantize"))]
        runs = self._run_dry(wanted, {name: Recipe(name) for name in names}, cancel)
        known = set(CHOICES) | WHOLE
        alike: dict[frozenset[Any], str] = {}  # of those that make the same the last one
        types = {}
        for name, run in runs.items():
            found = planned_types(run.rows)
            usable = found and set(found.values()) <= known | {t.type_name for t in found}
            if usable and (has_matrix or not run.needs_imatrix):
                types[name] = found
                alike[frozenset(found.items())] = name
        if not types:
            reason = "Its tensors are of types that are not known here."
            raise AppError(ErrorCode.BAD_REQUEST, reason=reason)
        types = {name: types[name] for name in alike.values()}
        experts = (summary.n_experts_used or 1) / (summary.n_experts or 1)
        tensors = next(iter(types.values()))
        header = source.size_bytes - runs[names[0]].source_bytes + _MORE_HEADER_BYTES
        model = Model(
            types, choices(imatrix=has_matrix), read_for_a_token(tensors, experts), header
        )
        return model, runs

    def _run_dry(
        self, wanted: Wanted, recipes: Mapping[str, Recipe], cancel: CancelToken
    ) -> dict[str, Planned]:
        """What recipes make of the model, by the engine's dry run."""
        quantizer = self._current_runtime().tool("llama-quantize")
        runs = self._dry_runs.of(
            quantizer,
            wanted.path,
            list(recipes.values()),
            cancel,
            has_matrix=wanted.imatrix is not None,
        )
        return dict(zip(recipes, runs, strict=True))

    # --- doing it -----------------------------------------------------------------------------

    def run(self, context: JobContext) -> Json:
        work = self._paths.work / f"target-{context.job.id}"
        work.mkdir(parents=True, exist_ok=True)
        try:
            return self._run(context, work)
        finally:
            if not context.cancel.cancelled:  # a cancelled one may go on after a restart
                shutil.rmtree(work, ignore_errors=True)

    def cancelled(self, params: Json, done: Json) -> None:
        """Nothing but the finished file is kept, and what is kept for other jobs."""
        remove_half_matrix(done)
        work = done.get("work")
        if isinstance(work, str):
            shutil.rmtree(work, ignore_errors=True)

    def _hashed(self, context: JobContext, wanted: Wanted) -> str:
        """The source's hash; of a split model that of its parts' in order."""

        def digest() -> str:
            context.keep(_STATE, _state(wanted))
            found = [
                sha256_file(path, context.reporter, context.cancel, self._hashes)
                for path in _parts(wanted)
            ]
            together = hashlib.sha256("\n".join(found).encode()).hexdigest()
            return found[0] if len(found) == 1 else together

        sha256: str = context.step("hash", digest)
        self._check_unchanged(context, wanted)
        return sha256

    @staticmethod
    def _check_unchanged(context: JobContext, wanted: Wanted) -> None:
        """Raises:
        AppError: SOURCE_CHANGED, where the model is another one than that which was hashed.
        """
        if _state(wanted) != context.done[_STATE]:
            raise AppError(ErrorCode.SOURCE_CHANGED, path=str(wanted.path))

    def _run(self, context: JobContext, work: Path) -> Json:
        context.keep("work", str(work))
        wanted, runtime = target_asked.read(context.params), self._current_runtime()
        source, summary = self._source(wanted)
        source = replace(source, sha256=self._hashed(context, wanted))
        model, runs = self._model(wanted, source, summary, context.cancel)
        ground = Ground(
            wanted,
            runtime,
            source,
            summary.vocab_size or 1,
            work,
            kept=kept_in(self._paths),
            wait_idle=self._wait_idle,
            cancel=context.cancel,
        )
        plan = ground.prepare(context)
        standing = Standing(context.reporter, lambda: files.seconds, wanted.budget_seconds)

        def make_trial(recipe: Recipe, path: Path) -> None:
            self._check_unchanged(context, wanted)
            ground.make(recipe, path, standing)

        files = Files(
            make_trial,
            ground.measures(standing),
            source.path,
            work,
            spent=plan.seconds,
        )
        # Also shows how long that takes, for the files that will be judged.
        speed = files.first(None, PREFILL)
        end = _search_end(wanted, plan, speed["seconds"])
        asked = Asked(wanted.most_bytes, wanted.least_tokens_per_second, end)
        finder = Finder(asked, model, files, tell=standing.tell, seed=self._seed)
        found = Found.from_dict(context.step("search", lambda: finder.find().to_dict()))
        standing.judging()
        judged = context.step("judge", lambda: _judged(wanted, files, found))
        recipe = found.recipe if judged["kept"] == wanted.label else Recipe(judged["kept"])
        assert recipe is not None

        def finish() -> Json:
            self._check_free(wanted)  # somebody may have put a file there since
            self._check_unchanged(context, wanted)
            return ground.make(recipe, wanted.target, context.reporter).to_dict()

        made = context.step("make", finish)
        base = {
            "path": str(source.path),
            "label": summary.quant_type,
            "size_bytes": source.size_bytes,
            "bits_per_weight": summary.bits_per_weight,
            **plan.base,
            "planned_chunks": plan.chunks[JUDGE],
            "text": str(wanted.evaluate),
            "text_sha256": make.sha256_of(wanted.evaluate, context.cancel),
            "context_tokens": CHUNK_TOKENS,
            **judged["base"],
        }
        head = {
            "source": str(source.path),
            "source_sha256": source.sha256,
            "source_size_bytes": source.size_bytes,
            "engine": runtime.version.text,
            "base": base,
        }
        if found.recipe is not None:
            runs |= self._run_dry(wanted, {wanted.label: found.recipe}, context.cancel)
        return head | result_of(wanted, found, judged, made, runs)


def _parts(wanted: Wanted) -> list[Path]:
    """The model's files, of a split one all."""
    return [wanted.path.with_name(name) for name in part_names(wanted.path.name)]


def _state(wanted: Wanted) -> list[list[int]]:
    """What is different where the model's files are; nothing where one is gone."""
    try:
        found = [path.stat() for path in _parts(wanted)]
    except OSError:
        return []
    return [[each.st_size, each.st_mtime_ns] for each in found]


def _search_end(wanted: Wanted, plan: Plan, speed_seconds: float) -> float:
    """When the search is to end, so that there is time to judge.

    Args:
        speed_seconds: how long it took to measure the whole model's speed.
    """
    judged = 2 + PLAIN_JUDGED  # the recipe, and the plain type beyond it
    chunks = judged * plan.chunks[JUDGE] + FINALISTS * plan.chunks[CHECK]
    seconds = chunks * plan.seconds_per_chunk + (judged + FINALISTS) * plan.load_seconds
    # Each one's speed, and that of two of them in turns.
    seconds += (judged + ROUNDS) * speed_seconds
    return wanted.budget_seconds - seconds


def _check_reach(wanted: Wanted, model: Model, source: make.Source) -> None:
    """Raises:
    AppError: SETTING_INVALID for a size that the model has itself, or that none of its files has.
    """
    if wanted.most_bytes is None:
        return
    smallest = model.smallest_bytes()
    if wanted.most_bytes >= source.size_bytes:
        reason = f"The model itself takes {source.size_bytes:,} bytes: nothing is to be lost."
    elif wanted.most_bytes < smallest:
        reason = f"The smallest file that can be made of it takes {smallest:,} bytes."
    else:
        return
    raise AppError(
        ErrorCode.SETTING_INVALID, name="most_bytes", value=str(wanted.most_bytes), reason=reason
    )


def _judged(wanted: Wanted, files: Files, found: Found) -> Json:
    """What was found beside the plain types, on the text that judges; which one is kept."""

    def judge(recipe: Recipe) -> Facts:
        with closing(files.ask(recipe, JUDGE, PREFILL)) as answers:
            return {**next(answers), **next(answers)}

    # Where speed was asked for, the first one alone is known to be as fast.
    rivals = found.plain[: 1 if wanted.most_bytes is None else PLAIN_JUDGED]
    plain = {name: judge(Recipe(name)) for name in rivals}
    best = min(plain, key=lambda name: plain[name]["kld_mean"], default=None)
    mine = judge(found.recipe) if found.recipe else None
    if mine is not None and best is not None and found.recipe is not None:
        speeds = files.race([found.recipe, Recipe(best)])
        mine[DECODE], plain[best][DECODE] = speeds
    keeps = mine is not None and (best is None or better(mine, plain[best]))
    if found.beyond is not None and found.beyond not in plain:
        plain[found.beyond] = judge(Recipe(found.beyond))
    whole = files.first(None, PREFILL)
    return {
        "kept": wanted.label if keeps else best,
        "found": mine,
        "plain": plain,
        "best": best,
        "base": {name: whole[name] for name in (DECODE, PREFILL)},
        "seconds": files.seconds,
    }
