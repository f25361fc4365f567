"""The job that makes quantized files of a model and measures what each of them lost."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from desktop.core.engine.bench_tool import run_llama_bench
from desktop.core.engine.flags import LoadSettings
from desktop.core.engine.runtime import Runtime
from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken, Progress
from desktop.core.gguf.summary import ModelSummary
from desktop.core.hardware.cpu import probe_cpu
from desktop.core.jobs.kinds import JobContext
from desktop.core.paths import Paths
from quantize import evaluate, imatrix, make, naming, types
from quantize.recipe import Recipe

# The whole model's answers to the evaluation text, kept while the job lasts (2 bytes a token of
# the vocabulary at each position): so much disk, and so many chunks where that is plenty.
BASE_BYTES = 4 << 30
MOST_CHUNKS = 100
_SPEED_TOKENS = 64
_FLOAT = frozenset({"F64", "F32", "F16", "BF16", "I8", "I16", "I32", "I64"})

ReadSummary = Callable[[Path], ModelSummary]


class QuantizeKind:
    """Parameters:

    - `path`: the model's file (the first of a split one's); `folder`: where the files go.
    - `types`: names of types; `recipes`: beside them, as `Recipe.to_dict`.
    - `imatrix`: a text to compute an importance matrix from, or a matrix (.gguf, .dat).
    - `evaluate`: a text to compare the files with the whole model on; `chunks` of it at most.
    - `name`: how the files begin; `requantize`: also of a quantized model; `replace`: also files
      that exist.

    The result is {"outputs": [{path, quant_type, size_bytes, kld_mean, perplexity, same_top_rate,
    decode_tokens_per_second, …}], "base": {…}}, figures that were not asked for None.

    Args:
        read: a file's summary; raises what is wrong with it.
        wait_idle: returns when no answer is in progress; raises CANCELLED.
    """

    name = "quantize"
    needs = frozenset({"cpu"})

    def __init__(
        self,
        paths: Paths,
        *,
        read: ReadSummary,
        current_runtime: Callable[[], Runtime],
        wait_idle: Callable[[CancelToken], None],
    ) -> None:
        self._paths = paths
        self._read = read
        self._current_runtime = current_runtime
        self._wait_idle = wait_idle

    # --- what is asked ------------------------------------------------------------------------

    def plan(self, params: dict[str, Any]) -> list[str]:
        source, recipes = self._source(params), self._recipes(params)
        self._check(params, source, recipes)
        steps = ["hash"]
        if _text(params, "imatrix") is not None and not _is_matrix(_path(params, "imatrix")):
            steps.append("imatrix")
        steps += [f"quantize {naming.label(recipe)}" for recipe in recipes]
        if _text(params, "evaluate") is not None:
            steps.append("base")
            steps += [f"evaluate {naming.label(recipe)}" for recipe in recipes]
        return steps

    def _source(self, params: dict[str, Any]) -> make.Source:
        path = _path(params, "path")
        summary = self._read(path)
        if summary.is_projector or summary.is_adapter or summary.is_vocab_only:
            reason = f"{path.name} is no model that could be quantized."
            raise AppError(ErrorCode.BAD_REQUEST, reason=reason)
        quantized = any(name not in _FLOAT for name in summary.tensor_types)
        return make.Source(path, "", quantized, summary.size_bytes or path.stat().st_size)

    def _recipes(self, params: dict[str, Any]) -> list[Recipe]:
        quantizer = self._current_runtime().tool("llama-quantize")
        asked = params.get("recipes") or []
        if not isinstance(asked, list) or not all(isinstance(each, dict) for each in asked):
            raise AppError(ErrorCode.BAD_REQUEST, reason="“recipes” must be a list of recipes.")
        own = [Recipe.from_dict(each) for each in asked]
        names = [str(name) for name in params.get("types") or []]
        plain = [] if own and not names else types.named(quantizer, names)
        types.named(quantizer, [recipe.quant_type for recipe in own] or ["F16"])
        return [*(Recipe(each.name) for each in plain), *own]

    def _check(self, params: dict[str, Any], source: make.Source, recipes: list[Recipe]) -> None:
        make.check_source(source, requantize=bool(params.get("requantize")))
        if _text(params, "imatrix") is None:
            bare = [each.quant_type for each in recipes if each.quant_type in types.NEEDS_IMATRIX]
            if bare:
                raise AppError(ErrorCode.IMATRIX_NEEDED, types=", ".join(bare))
        for name in ("imatrix", "evaluate"):
            if _text(params, name) is not None:
                _path(params, name)
        labels = [naming.label(recipe) for recipe in recipes]
        if len(set(labels)) < len(labels):
            raise AppError(ErrorCode.BAD_REQUEST, reason="Two recipes would make one file.")
        if not params.get("replace"):
            for recipe in recipes:
                _check_free(_target(params, source.path, recipe))

    # --- doing it -----------------------------------------------------------------------------

    def run(self, context: JobContext) -> dict[str, Any]:
        work = self._paths.work / f"quantize-{context.job.id}"
        work.mkdir(parents=True, exist_ok=True)
        try:
            return self._run(context, work)
        finally:
            if not context.cancel.cancelled:  # a cancelled one may go on after a restart
                shutil.rmtree(work, ignore_errors=True)

    def cancelled(self, params: dict[str, Any], done: dict[str, Any]) -> None:
        """The files that are finished stay: they are whole, and somebody asked for them."""
        work = done.get("work")
        if isinstance(work, str):
            shutil.rmtree(work, ignore_errors=True)

    def _run(self, context: JobContext, work: Path) -> dict[str, Any]:
        params, runtime = context.params, self._current_runtime()
        context.keep("work", str(work))
        source, recipes = self._source(params), self._recipes(params)
        made = [each for each in context.done if each.startswith("quantize ")]
        self._check({**params, "replace": params.get("replace") or bool(made)}, source, recipes)

        def read(done: int, total: int) -> None:
            context.reporter.progress(Progress("reading the model", done, total, "bytes"))

        digest = context.step("hash", lambda: make.sha256_of(source.path, context.cancel, read))
        source = make.Source(source.path, digest, source.quantized, source.size_bytes)
        matrix = self._matrix(context, runtime, source, work)
        outputs = {
            naming.label(recipe): context.step(
                f"quantize {naming.label(recipe)}",
                partial(self._make, context, runtime, source, recipe, matrix),
            )
            for recipe in recipes
        }
        result: dict[str, Any] = {"source": str(source.path), "source_sha256": digest}
        if _text(params, "evaluate") is not None:
            result["base"] = self._base(context, runtime, source, work)
            for recipe in recipes:
                label = naming.label(recipe)
                loss = context.step(
                    f"evaluate {label}",
                    partial(self._measure, context, runtime, outputs[label], work),
                )
                outputs[label] = {**outputs[label], **loss}
        nothing = {"kld_mean": None, "perplexity": None, "same_top_rate": None}
        nothing |= {"decode_tokens_per_second": None}
        return {**result, "outputs": [{**nothing, **each} for each in outputs.values()]}

    def _matrix(
        self, context: JobContext, runtime: Runtime, source: make.Source, work: Path
    ) -> Path | None:
        if _text(context.params, "imatrix") is None:
            return None
        text = _path(context.params, "imatrix")
        if _is_matrix(text):
            return text
        target = work / "imatrix.gguf"

        def compute() -> str:
            imatrix.compute(
                runtime.tool("llama-imatrix"),
                source.path,
                text,
                target,
                chunks=context.params.get("chunks"),
                threads=probe_cpu().usable_physical_cores,
                reporter=context.reporter,
                cancel=context.cancel,
            )
            return str(target)

        if not target.exists():
            context.done.pop("imatrix", None)
        return Path(context.step("imatrix", compute))

    def _make(
        self,
        context: JobContext,
        runtime: Runtime,
        source: make.Source,
        recipe: Recipe,
        matrix: Path | None,
    ) -> dict[str, Any]:
        target = _target(context.params, source.path, recipe)
        facts = {"engine": runtime.version.text, "recipe": naming.label(recipe)}
        if matrix is not None:
            facts["imatrix_sha256"] = make.sha256_of(matrix, context.cancel)
        made = make.make(
            runtime.tool("llama-quantize"),
            source,
            target,
            recipe,
            imatrix=matrix,
            provenance=facts,
            reporter=context.reporter,
            cancel=context.cancel,
        )
        if made.fallbacks:
            names = ", ".join(made.fallbacks[:3])
            context.reporter.log(
                f"{naming.label(recipe)}: {len(made.fallbacks)} tensors got another type, because "
                f"their rows do not divide into its blocks ({names} …)."
            )
        return made.to_dict()

    def _base(
        self, context: JobContext, runtime: Runtime, source: make.Source, work: Path
    ) -> dict[str, Any]:
        base = work / "base.logits"
        vocabulary = self._read(source.path).vocab_size or 0
        chunks = min(
            evaluate.chunks_within(max(vocabulary, 1), BASE_BYTES),
            int(context.params.get("chunks") or MOST_CHUNKS),
        )

        def compute() -> dict[str, Any]:
            perplexity = evaluate.make_base(
                runtime.tool("llama-perplexity"),
                source.path,
                _path(context.params, "evaluate"),
                base,
                chunks=chunks,
                vocabulary=vocabulary,
                reporter=context.reporter,
                cancel=context.cancel,
            )
            return {"perplexity": perplexity, "chunks": chunks}

        if not base.exists():
            context.done.pop("base", None)
        found: dict[str, Any] = context.step("base", compute)
        return found

    def _measure(
        self, context: JobContext, runtime: Runtime, made: dict[str, Any], work: Path
    ) -> dict[str, Any]:
        path = Path(made["path"])
        loss = evaluate.measure(
            runtime.tool("llama-perplexity"),
            path,
            _path(context.params, "evaluate"),
            work / "base.logits",
            reporter=context.reporter,
            cancel=context.cancel,
        )
        self._wait_idle(context.cancel)
        rows = run_llama_bench(
            runtime,
            path,
            prompts=(),
            gens=(_SPEED_TOKENS,),
            settings=LoadSettings(threads=probe_cpu().usable_physical_cores),
            reporter=context.reporter,
            cancel=context.cancel,
        )
        return {**loss.to_dict(), "decode_tokens_per_second": rows[0].tokens_per_second}


def _text(params: dict[str, Any], name: str) -> str | None:
    value = params.get(name)
    if value is not None and (not isinstance(value, str) or not value):
        raise AppError(ErrorCode.BAD_REQUEST, reason=f"“{name}” must be a file.")
    return value


def _path(params: dict[str, Any], name: str) -> Path:
    value = _text(params, name)
    if value is None:
        raise AppError(ErrorCode.BAD_REQUEST, reason=f"“{name}” is missing.")
    path = Path(value)
    if not path.is_file():
        raise AppError(ErrorCode.PATH_NOT_FOUND, path=str(path))
    return path


def _is_matrix(path: Path) -> bool:
    return path.suffix.lower() in (".gguf", ".dat", ".imatrix")


def _check_free(target: Path) -> None:
    if target.exists():
        raise AppError(ErrorCode.OUTPUT_EXISTS, path=str(target))


def _target(params: dict[str, Any], source: Path, recipe: Recipe) -> Path:
    return naming.target(params.get("folder"), params.get("name"), source, naming.label(recipe))
