"""The job that merges LoRA adapters into a model."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from desktop.core.engine.runtime import Runtime
from desktop.core.errors import AppError, ErrorCode
from desktop.core.hardware.cpu import probe_cpu
from desktop.core.jobs.handlers.model_files import Given, ReadSummary, given, hashed
from desktop.core.jobs.handlers.outputs import OUTPUT, output_of, remove_unfinished, text_of
from desktop.core.jobs.kinds import JobContext
from desktop.core.paths import Paths
from quantize import merge
from quantize.make import sha256_of

# What the exporter reads of an adapter.
_PLAIN = frozenset({"F32", "F16", "BF16"})
_MOST_SCALE = 1000.0


class MergeKind:
    """Parameters:

    - `path`: the model's file (any of a split one's); `output`: the file to make.
    - `adapters`: [{"path", "scale"}], the scale 1 by default.
    - `replace`: also where the file exists.

    The result is {"path", "size_bytes", "seconds", "quantized", "made_from"}; `quantized`: the
    model was, so that what its weights lost before stays lost.

    Args:
        read: a file's summary; raises what is wrong with it.
        problem: why an adapter does not go with a model's files, in a sentence.
    """

    name = "merge"
    needs = frozenset({"cpu"})

    def __init__(
        self,
        paths: Paths,
        *,
        read: ReadSummary,
        problem: Callable[[Sequence[Path], Path], str | None],
        current_runtime: Callable[[], Runtime],
    ) -> None:
        self._paths = paths
        self._read = read
        self._problem = problem
        self._current_runtime = current_runtime

    def plan(self, params: dict[str, Any]) -> list[str]:
        output_of(params)
        self._tools()
        self._checked(params)
        return ["hash", "merge"]

    def _tools(self) -> Runtime:
        runtime = self._current_runtime()
        if merge.EXPORTER not in runtime.tools:
            raise AppError(
                ErrorCode.ENGINE_TOOL_MISSING, tool=merge.EXPORTER, path=str(runtime.folder)
            )
        return runtime

    def _checked(self, params: dict[str, Any]) -> tuple[Given, list[tuple[Path, float]]]:
        """The model and the adapters, which go with it.

        Raises:
            AppError: BAD_REQUEST, PATH_NOT_FOUND, GGUF_*; LOAD_MISMATCH.
        """
        path = Path(text_of(params, "path"))
        model = given(path, self._read)
        if model.summary.is_adapter or model.summary.is_projector or model.summary.is_vocab_only:
            reason = f"{path.name} is no model that an adapter could be merged into."
            raise AppError(ErrorCode.BAD_REQUEST, reason=reason)
        adapters = _adapters(params)
        for adapter, _ in adapters:
            problem = self._problem(model.paths, adapter)
            if problem is not None:
                raise AppError(
                    ErrorCode.LOAD_MISMATCH, path=str(adapter), model=path.name, reason=problem
                )
            types = set(self._read(adapter).tensor_types) - _PLAIN
            if types:
                reason = (
                    f"{adapter.name} is stored as {', '.join(sorted(types))}; the engine merges "
                    "F32, F16 and BF16. Convert the adapter again, with another --type."
                )
                raise AppError(ErrorCode.BAD_REQUEST, reason=reason)
        return model, adapters

    def run(self, context: JobContext) -> dict[str, Any]:
        params, runtime = context.params, self._tools()
        target = output_of(params, ours="merge" in context.done)
        found, adapters = self._checked(params)
        context.keep(OUTPUT, str(target))
        model = hashed(found, context)
        quantized = bool(set(found.summary.tensor_types) - _PLAIN)
        if quantized and "merge" not in context.done:
            context.reporter.log(
                "The model is quantized: what an adapter changes becomes F16, the rest stays as "
                "it is, and what it lost before stays lost."
            )

        def work() -> dict[str, Any]:
            scaled = [
                merge.Scaled(path, scale, sha256_of(path, context.cancel))
                for path, scale in adapters
            ]
            return merge.merge(
                runtime.tool,
                model,
                scaled,
                target,
                # A joined model still says so, with 0 parts.
                in_parts=found.summary.split_count is not None,
                threads=probe_cpu().usable_physical_cores,
                engine=runtime.version.text,
                check=lambda made: _check_same(found, self._read(made).parameters),
                work=self._paths.work,
                reporter=context.reporter,
                cancel=context.cancel,
            )

        made: dict[str, Any] = context.step("merge", work)
        return {**made, "quantized": quantized}

    def cancelled(self, params: dict[str, Any], done: dict[str, Any]) -> None:
        remove_unfinished(done)


def _adapters(params: dict[str, Any]) -> list[tuple[Path, float]]:
    """Raises:
    AppError: BAD_REQUEST, PATH_NOT_FOUND.
    """
    asked = params.get("adapters")
    if not isinstance(asked, list) or not asked or not all(isinstance(e, dict) for e in asked):
        reason = "“adapters” must be a list of at least one adapter."
        raise AppError(ErrorCode.BAD_REQUEST, reason=reason)
    found = []
    for each in asked:
        path, scale = Path(text_of(each, "path")), each.get("scale", 1.0)
        number = isinstance(scale, int | float) and not isinstance(scale, bool)
        if not number or not math.isfinite(scale) or abs(scale) > _MOST_SCALE:
            reason = f"An adapter's scale is a number up to ±{_MOST_SCALE:g}."
            raise AppError(ErrorCode.BAD_REQUEST, reason=reason)
        found.append((path, float(scale)))
    return found


def _check_same(model: Given, parameters: int) -> None:
    """Raises:
    AppError: ENGINE_TOOL_FAILED, where the merged model has other weights than the model.
    """
    if parameters != model.summary.parameters:
        reason = "It wrote other tensors than the model has."
        raise AppError(ErrorCode.ENGINE_TOOL_FAILED, tool=merge.EXPORTER, reason=reason)
