"""The job that makes quantized files of a model and measures what each of them lost."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from desktop.core.engine.runtime import Runtime
from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken
from desktop.core.gguf.split import part_names
from desktop.core.gguf.summary import ModelSummary, merge
from desktop.core.hardware.cpu import probe_cpu
from desktop.core.jobs.handlers import quantize_asked as asking
from desktop.core.jobs.handlers.convert import ConvertKind
from desktop.core.jobs.handlers.quantize_asked import Asked, Making
from desktop.core.jobs.handlers.quantize_evaluation import Evaluation, Subject, check_same
from desktop.core.jobs.handlers.quantize_host import Host
from desktop.core.jobs.handlers.quantize_matrix import matrix_of, remove_half_matrix
from desktop.core.jobs.handlers.quantize_speed import WHOLE, Model
from desktop.core.jobs.kinds import JobContext
from desktop.core.library.identity import hash_cache, sha256_file
from desktop.core.paths import Paths
from quantize import make, text
from quantize.kept import Kept
from quantize.text import Text
from quantize.whole import unfinished_of

Json = dict[str, Any]

# Steps of the job that converts first stand under this name and theirs.
_CHECKPOINT = "checkpoint"
_PREFIX = f"{_CHECKPOINT} "
_CONVERTED = f"{_PREFIX}convert"
# The file that was begun last is kept under this name.
_MAKING = "making"
# What was measured of a file; None where it was not asked for.
_FIGURES = (
    *("kld_mean", "kld_error", "kld_low", "kld_high", "kld_median", "kld_99"),
    *("same_top_rate", "same_top_error"),
    *("perplexity", "perplexity_error", "perplexity_ratio_log", "chunks"),
    *("decode_tokens_per_second", "prefill_tokens_per_second"),
)
_NOTHING: Json = dict.fromkeys(_FIGURES)

ReadSummary = Callable[[Path], ModelSummary]


def kept_in(paths: Paths) -> Kept:
    """Where answers of whole models and importance matrices lie for the next job."""
    return Kept(paths.cache / "quantize")


class QuantizeKind:
    """Parameters:

    - `path`: the model's file (the first of a split one's); or `checkpoint`: {"path" or "repo",
      "type", "allow_pickle"}, of which it is made first. `folder`: where the files go.
    - `types`: names of types; `recipes`: beside them, as `Recipe.to_dict`, with or without "name".
    - `imatrix`: a text to compute an importance matrix from, or a matrix (.gguf, .dat).
    - `evaluate`: a text to compare the files with the whole model on; `chunks` of it at most;
      `budget_seconds`: so much of it as is compared in this time; `compare`: other files of the
      same model to compare, too.
    - `name`: how the files begin; `requantize`: also of a quantized model; `replace`: also files
      that exist.

    The result is {"source", "source_sha256", "source_size_bytes", "engine", "base": of the whole
    model, "outputs": [of each file: "path", "label", "foreign", size_bytes, kld_mean, …],
    "recommendation": as `fit/quant_choice.py` gives it}. Without `evaluate` there is no "base", and
    the figures are None.

    Two jobs never write one file: they run one after the other, and the second is refused where
    the file is there by then, unless it was made of the same by the same recipe: then it is taken.

    Args:
        read: a file's summary; raises what is wrong with it.
        convert: the job that makes a file of a checkpoint.
        wait_idle: returns when no answer is in progress; raises CANCELLED.
        requests_served: how many answers have ended so far.
    """

    name = "quantize"

    def __init__(
        self,
        paths: Paths,
        *,
        read: ReadSummary,
        convert: ConvertKind,
        host: Host,
        current_runtime: Callable[[], Runtime],
        wait_idle: Callable[[CancelToken], None],
        requests_served: Callable[[], int],
    ) -> None:
        self._read = read
        self._convert = convert
        self._host = host
        self._current_runtime = current_runtime
        self._wait_idle = wait_idle
        self._requests_served = requests_served
        self._kept = kept_in(paths)
        self._hashes = hash_cache(paths.cache / "hashes")
        self.needs = frozenset({"cpu"}) | convert.needs

    # --- what is asked ------------------------------------------------------------------------

    def plan(self, params: Json) -> list[str]:
        asked = self._asked(params)
        steps = []
        if asked.convert is not None:
            steps += [f"{_PREFIX}{step}" for step in self._convert.plan(asked.convert)]
        else:
            self._checked(asked)
        if not asked.replace:
            for each in asked.files:
                _check_free(each.target)
        steps.append("hash")
        if asked.computes_matrix:
            steps.append("imatrix")
        steps += [f"quantize {each.label}" for each in asked.files]
        if asked.evaluate is not None:
            steps += ["speed", "base"]
            labels = [each.label for each in asked.files] + [each.label for each in asked.compare]
            steps += [f"evaluate {label}" for label in labels]
        return steps

    def needs_after(self, params: Json, done: Collection[str]) -> frozenset[str]:
        """The toolkit is held only while a checkpoint is converted."""
        convert = asking.converting(params)
        if convert is None or _CONVERTED in done:
            return frozenset({"cpu"})
        own = {each.removeprefix(_PREFIX) for each in done if each.startswith(_PREFIX)}
        return self._convert.needs_after(convert, own)

    def _asked(self, params: Json) -> Asked:
        return asking.read(params, self._current_runtime().tool("llama-quantize"))

    def _checked(self, asked: Asked) -> tuple[make.Source, Model]:
        """The model, as far as it is fit for what is asked.

        Raises:
            AppError: BAD_REQUEST, QUANTIZE_AGAIN; what is wrong with the file.
        """
        model = self._model(WHOLE, asked.path)
        asking.check_model(asked.path, model.summary, compared=asked.evaluate is not None)
        return asking.source_of(asked.path, model.summary, again=asked.requantize), model

    def _model(self, label: str, path: Path) -> Model:
        summary = merge([self._read(path.with_name(name)) for name in part_names(path.name)])
        asking.check_model(path, summary, compared=False)
        return Model(label, path, summary.size_bytes or path.stat().st_size, summary)

    # --- doing it -----------------------------------------------------------------------------

    def run(self, context: JobContext) -> Json:
        asked = self._asked(context.params)
        if asked.convert is not None and _CONVERTED not in context.done:
            self._convert.run(context.part(_CHECKPOINT, asked.convert))
            context.prepared()
        runtime, threads = self._current_runtime(), probe_cpu().usable_physical_cores
        source, whole = self._checked(asked)
        source, unchanged = self._hashed(context, source, whole)
        tokenizer = runtime.tool("llama-tokenize")

        def read_text(path: Path, model: Path = asked.path) -> Text:
            return text.read(tokenizer, model, path, context.cancel)

        evaluation: Evaluation | None = None
        foreign = [self._model(each.label, each.path) for each in asked.compare]
        if asked.evaluate is not None:
            read = read_text(asked.evaluate)
            known = {asked.path: read.reading}
            for each in foreign:
                known[each.path] = read_text(asked.evaluate, each.path).reading
                check_same(whole, each, known.__getitem__)
            subject = Subject(
                whole, source.sha256, not source.quantized, asked.evaluate, read, unchanged
            )
            evaluation = Evaluation(
                context,
                runtime,
                subject,
                kept=self._kept,
                host=self._host,
                wait_idle=self._wait_idle,
                requests_served=self._requests_served,
                threads=threads,
            )
        matrix, facts = asked.imatrix, {}
        if asked.computes_matrix:
            assert asked.imatrix is not None
            found = read_text(asked.imatrix)
            matrix = matrix_of(
                context,
                self._kept,
                source,
                asked.imatrix,
                runtime=runtime,
                text=found,
                chunks=asked.chunks,
                threads=threads,
            )
            facts["imatrix_text_sha256"] = found.sha256
        if matrix is not None:
            facts["imatrix_sha256"] = sha256_file(matrix, None, context.cancel, self._hashes)
        outputs: list[Json] = []
        for making in asked.files:
            unchanged()
            made = context.step(
                f"quantize {making.label}",
                partial(
                    self._make,
                    context,
                    making,
                    source,
                    runtime=runtime,
                    matrix=matrix,
                    facts=facts,
                    replace=asked.replace,
                ),
            )
            outputs.append({**_NOTHING, **made, "label": making.label, "foreign": False})
        outputs += [_foreign(model) for model in foreign]
        result: Json = {
            "source": str(source.path),
            "source_sha256": source.sha256,
            "source_size_bytes": source.size_bytes,
            "engine": runtime.version.text,
            "outputs": outputs,
            "recommendation": None,
        }
        if evaluation is not None:
            models = [self._model(each.label, each.target) for each in asked.files] + foreign
            result["base"], figures = evaluation.run(models, asked.chunks, asked.budget_seconds)
            for output in outputs:
                output.update(figures[output["label"]])
            evaluation.keep(models, figures)
            result["recommendation"] = evaluation.advice(models, figures)
        return result

    def cancelled(self, params: Json, done: Json) -> None:
        """The files that are finished stay: they are whole, and somebody asked for them. What is
        kept for the next job stays, too; half a matrix does not."""
        remove_half_matrix(done)
        if isinstance(done.get(_MAKING), str):
            unfinished_of(Path(done[_MAKING])).unlink(missing_ok=True)
        own = {
            name.removeprefix(_PREFIX): each
            for name, each in done.items()
            if name.startswith(_PREFIX)
        }
        if own:
            self._convert.cancelled(dict(params["checkpoint"]), own)

    # --- its steps ----------------------------------------------------------------------------

    def _hashed(
        self, context: JobContext, source: make.Source, model: Model
    ) -> tuple[make.Source, Callable[[], None]]:
        """The source with its hash, and what raises SOURCE_CHANGED when it is another one."""

        def state() -> list[list[int]]:
            found = [path.stat() for path in model.files]
            return [[each.st_size, each.st_mtime_ns] for each in found]

        def unchanged() -> None:
            try:
                same = state() == context.done["state"]
            except OSError:  # it is gone
                same = False
            if not same:
                raise AppError(ErrorCode.SOURCE_CHANGED, path=str(source.path))

        def digest() -> str:
            context.keep("state", state())
            found = [
                sha256_file(path, context.reporter, context.cancel, self._hashes)
                for path in model.files
            ]
            return found[0] if len(found) == 1 else _sha256(found)

        sha256 = context.step("hash", digest)
        unchanged()
        return make.Source(source.path, sha256, source.quantized, source.size_bytes), unchanged

    @staticmethod
    def _make(
        context: JobContext,
        making: Making,
        source: make.Source,
        *,
        runtime: Runtime,
        matrix: Path | None,
        facts: Mapping[str, str],
        replace: bool,
    ) -> Json:
        facts = {"engine": runtime.version.text, "recipe": making.label, **facts}
        if not replace and making.target.exists():
            there = make.made_alike(making.target, source, making.recipe, facts)
            if there is None:
                _check_free(making.target)
            else:
                context.reporter.log(f"{making.target} is there, made of the same just so.")
                return there.to_dict()
        context.keep(_MAKING, str(making.target))
        made = make.make(
            runtime.tool("llama-quantize"),
            source,
            making.target,
            making.recipe,
            imatrix=matrix,
            provenance=facts,
            reporter=context.reporter,
            cancel=context.cancel,
        )
        if made.fallbacks:
            few = ", ".join(made.fallbacks[:3])
            context.reporter.log(
                f"{making.label}: {len(made.fallbacks)} tensors got another type, because their "
                f"rows do not divide into its blocks ({few} …)."
            )
        return made.to_dict()


def _foreign(model: Model) -> Json:
    return {
        **_NOTHING,
        "path": str(model.path),
        "label": model.label,
        "quant_type": model.summary.quant_type,
        "recipe": None,
        "foreign": True,
        "size_bytes": model.size_bytes,
        "bits_per_weight": model.summary.bits_per_weight,
        "fallbacks": [],
        "seconds": None,
    }


def _sha256(parts: list[str]) -> str:
    """The hash of a split model, from its parts' in order."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _check_free(target: Path) -> None:
    if target.exists():
        raise AppError(ErrorCode.OUTPUT_EXISTS, path=str(target))
