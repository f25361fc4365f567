"""The jobs that cut a model into several files, and make one of them again."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from desktop.core.engine.runtime import Runtime
from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken
from desktop.core.gguf.summary import ModelSummary
from desktop.core.jobs.handlers.model_files import Given, ReadSummary, given, hashed
from desktop.core.jobs.handlers.outputs import OUTPUT, output_of, remove_unfinished, text_of
from desktop.core.jobs.kinds import JobContext
from quantize import split
from quantize.whole import Model

# Kept before parts get their names: until the step is done they are this job's, to replace or
# to remove.
_PARTS = "parts"
_PART = re.compile(r"-\d{5}-of-\d{5}$")


class SplitKind:
    """Parameters:

    - `path`: the model's file; `folder`: where the parts go.
    - `max_bytes` or `max_tensors`: how much a part may hold.
    - `replace`: also parts that exist.

    The result is {"path": the first part, "paths", "size_bytes", "seconds", "made_from"}.

    Args:
        read: a file's summary; raises what is wrong with it.
    """

    name = "split"
    needs = frozenset({"cpu"})

    def __init__(self, *, read: ReadSummary, current_runtime: Callable[[], Runtime]) -> None:
        self._read = read
        self._current_runtime = current_runtime

    def plan(self, params: dict[str, Any]) -> list[str]:
        model, limit = self._model(params), _limit(params)
        self._count(params, _unhashed(model), limit, CancelToken(), ours=())
        return ["hash", "split"]

    def _model(self, params: dict[str, Any]) -> Given:
        path = Path(text_of(params, "path"))
        model = given(path, self._read)
        if len(model.paths) > 1:
            reason = f"{path.name} is one of {len(model.paths)} parts already. Join them first."
            raise AppError(ErrorCode.BAD_REQUEST, reason=reason)
        return model

    def _count(
        self,
        params: dict[str, Any],
        model: Model,
        limit: split.Limit,
        cancel: CancelToken,
        *,
        ours: Sequence[str],
    ) -> int:
        """How many parts it will be.

        Args:
            ours: parts that this job has made.

        Raises:
            AppError: SPLIT_IMPOSSIBLE, OUTPUT_EXISTS.
        """
        tool = self._current_runtime().tool(split.SPLITTER)
        count = split.count_parts(tool, model, limit, cancel)
        if not params.get("replace"):
            for part in split.parts_of(_prefix(params), count):
                if part.exists() and str(part) not in ours:
                    raise AppError(ErrorCode.OUTPUT_EXISTS, path=str(part))
        return count

    def run(self, context: JobContext) -> dict[str, Any]:
        params, runtime = context.params, self._current_runtime()
        found, limit, prefix = self._model(params), _limit(params), _prefix(params)
        context.keep(OUTPUT, str(prefix))
        model = hashed(found, context)

        def work() -> dict[str, Any]:
            ours = context.done.get(_PARTS, ())
            count = self._count(params, model, limit, context.cancel, ours=ours)

            def check(made: Sequence[Path]) -> None:
                _check_same(found.summary, given(made[0], self._read).summary)
                context.keep(_PARTS, [str(each) for each in split.parts_of(prefix, count)])

            return split.split(
                runtime.tool(split.SPLITTER),
                model,
                prefix,
                limit,
                count=count,
                engine=runtime.version.text,
                check=check,
                reporter=context.reporter,
                cancel=context.cancel,
            )

        made: dict[str, Any] = context.step("split", work)
        return made

    def cancelled(self, params: dict[str, Any], done: dict[str, Any]) -> None:
        """What was begun, and parts that got their names while others did not."""
        remove_unfinished(done)
        if "split" not in done:
            for part in done.get(_PARTS, ()):
                Path(part).unlink(missing_ok=True)


class JoinKind:
    """Parameters: `path`: one of the parts; `output`: the file to make; `replace`: also where it
    exists.

    The result is {"path", "size_bytes", "seconds", "made_from"}.

    Args:
        read: a file's summary; raises what is wrong with it.
    """

    name = "join"
    needs = frozenset({"cpu"})

    def __init__(self, *, read: ReadSummary, current_runtime: Callable[[], Runtime]) -> None:
        self._read = read
        self._current_runtime = current_runtime

    def plan(self, params: dict[str, Any]) -> list[str]:
        output_of(params)
        self._model(params)
        return ["hash", "join"]

    def _model(self, params: dict[str, Any]) -> Given:
        path = Path(text_of(params, "path"))
        model = given(path, self._read)
        if len(model.paths) < 2:
            reason = f"{path.name} is no part of a split model: there is nothing to join."
            raise AppError(ErrorCode.BAD_REQUEST, reason=reason)
        return model

    def run(self, context: JobContext) -> dict[str, Any]:
        params, runtime = context.params, self._current_runtime()
        target = output_of(params, ours="join" in context.done)
        found = self._model(params)
        context.keep(OUTPUT, str(target))
        model = hashed(found, context)

        def work() -> dict[str, Any]:
            return split.join(
                runtime.tool(split.SPLITTER),
                model,
                target,
                engine=runtime.version.text,
                check=lambda made: _check_same(found.summary, given(made, self._read).summary),
                reporter=context.reporter,
                cancel=context.cancel,
            )

        made: dict[str, Any] = context.step("join", work)
        return made

    def cancelled(self, params: dict[str, Any], done: dict[str, Any]) -> None:
        remove_unfinished(done)


def _unhashed(model: Given) -> Model:
    size = model.summary.size_bytes
    return Model(model.paths, {}, size, size - model.summary.tensor_bytes)


def _prefix(params: dict[str, Any]) -> Path:
    """How the parts' names begin, with their folder."""
    path = Path(text_of(params, "path"))
    stem = _PART.sub("", path.stem)
    return Path(text_of(params, "folder")).absolute() / stem


def _limit(params: dict[str, Any]) -> split.Limit:
    most_bytes, tensors = params.get("max_bytes"), params.get("max_tensors")
    given_ones = [each for each in (most_bytes, tensors) if each is not None]
    if len(given_ones) != 1 or type(given_ones[0]) is not int or given_ones[0] < 1:
        reason = "Either “max_bytes” or “max_tensors” is needed, a whole number."
        raise AppError(ErrorCode.BAD_REQUEST, reason=reason)
    return split.Limit(most_bytes, tensors)


def _check_same(before: ModelSummary, after: ModelSummary) -> None:
    """Raises:
    AppError: ENGINE_TOOL_FAILED, where other tensors came out than went in.
    """
    if (before.parameters, before.tensor_types) != (after.parameters, after.tensor_types):
        raise AppError(
            ErrorCode.ENGINE_TOOL_FAILED,
            tool=split.SPLITTER,
            reason="It wrote other tensors than the model has.",
        )
