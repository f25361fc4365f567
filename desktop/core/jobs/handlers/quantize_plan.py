"""What a job "quantize" would take, told before it is begun; and what recipes may say."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from desktop.core.engine.runtime import Runtime
from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken
from desktop.core.fit.speed import SpeedFigure
from desktop.core.gguf.split import part_names
from desktop.core.gguf.summary import ModelSummary, merge
from desktop.core.gguf.synthetic import SyntheticModel
from desktop.core.gguf.tensor_types import TYPES_BY_NAME
from desktop.core.hardware.cpu import probe_cpu
from desktop.core.hardware.memory import probe_memory
from desktop.core.jobs.handlers import checkpoint_files, quantize_asked
from desktop.core.paths import Paths, resources
from quantize import checkpoint, convert, evaluate, naming, outline, rates, text
from quantize import types as quant_types
from quantize.dry_runs import DryRuns
from quantize.make import Source
from quantize.plan import Matrix, Output, Plan, Request, Wanted, free_bytes, make_plan, warning
from quantize.recipe import Recipe

Json = dict[str, Any]
_TEXTS_KEPT = 64
_KEPT = "quantize"  # what `kept_in` of the job calls its folder
_PAIR_BYTES = 2  # of a number in a checkpoint, where only its files' sizes are known
# Where a bad checkpoint is not the network's fault.
_OF_THE_CHECKPOINT = frozenset(
    {ErrorCode.BAD_REQUEST, ErrorCode.CHECKPOINT_INVALID, ErrorCode.CHECKPOINT_PICKLED}
)
# A token of a text whose tokenizer is not there yet: more bytes than of code, fewer than of prose.
_TOKEN_BYTES = 4


class Host(Protocol):
    """What it needs of the service."""

    def current_runtime(self) -> Runtime: ...

    def read(self, path: Path) -> ModelSummary:
        """A file's summary; raises what is wrong with it."""

    def results(self) -> list[Json]:
        """Results of earlier jobs that made quantized files, the newest first."""

    def prefill(self, path: Path) -> SpeedFigure | None:
        """How many tokens per second of a text this machine is expected to read with a model."""


@dataclass(frozen=True)
class _Found:
    """The model to be quantized, or an outline of what a checkpoint will be.

    Attributes:
        before: what is got and made first: folders and bytes.
        doubt: why the sizes are not exact.
    """

    source: Source
    summary: ModelSummary
    before: tuple[tuple[Path, int], ...] = ()
    scale: float = 1.0
    doubt: Json | None = None


class QuantizePlans:
    """Called in worker threads.

    Args:
        downloads: how checkpoints come from the hub.
    """

    def __init__(self, paths: Paths, host: Host, downloads: checkpoint_files.Host) -> None:
        self._paths = paths
        self._host = host
        self._downloads = downloads
        self._runs = DryRuns()
        self._lock = threading.Lock()
        self._chunks: dict[tuple[Any, ...], int] = {}

    def types(self) -> list[Json]:
        """The types of the engine in use, the one with most bits first.

        Raises:
            AppError: ENGINE_BAD_RUNTIME, ENGINE_TOOL_FAILED.
        """
        quantizer = self._host.current_runtime().tool("llama-quantize")
        found = quant_types.described(quantizer, self._runs, self._stubs, CancelToken())
        return [each.to_dict() for each in found]

    def recipe(self, name: str, data: Mapping[str, Any]) -> Json:
        """A recipe as it is kept under a name.

        Raises:
            AppError: SETTING_INVALID, where it or its name cannot be.
        """
        quantizer = self._host.current_runtime().tool("llama-quantize")
        recipe = Recipe.from_dict(dict(data))
        naming.label(recipe, name)
        known = {each.name for each in quant_types.offered(quantizer)}
        if name.upper() in known:
            reason = "A type is called so: nobody could tell their files apart."
            raise AppError(ErrorCode.SETTING_INVALID, name="recipe", value=name, reason=reason)
        quant_types.named(quantizer, [recipe.quant_type])
        return recipe.to_dict()

    def plan(self, params: Mapping[str, Any]) -> Json:
        """What a job with these parameters would make and take; see `quantize.plan.Plan`.

        Raises:
            AppError: what is wrong with them, but for what the person can still allow or add:
                those are warnings.
        """
        runtime, cancel = self._host.current_runtime(), CancelToken()
        quantizer = runtime.tool("llama-quantize")
        bare = params.get("imatrix") is None
        # Asked as if there were a matrix: which files need one is known when they are planned.
        stand_in = {"imatrix": str(resources() / "texts" / "importance.txt")} if bare else {}
        asked = quantize_asked.read({**params, **stand_in}, quantizer)
        try:
            with self._found(asked, cancel) as found:
                request = self._request(asked, found, runtime, cancel, bare=bare)
                made = make_plan(
                    request,
                    self._runs,
                    quantizer,
                    rates=self._rates(found),
                    memory_available_bytes=probe_memory().available_bytes,
                    cancel=cancel,
                ).to_dict()
        except _NotKnown as unknown:
            return _unplanned(asked, unknown.why)
        made["warnings"] += [] if found.doubt is None else [found.doubt]
        return made

    @property
    def _stubs(self) -> Path:
        return self._paths.cache / "stubs"

    # --- the model ----------------------------------------------------------------------------

    @contextmanager
    def _found(self, asked: quantize_asked.Asked, cancel: CancelToken) -> Iterator[_Found]:
        if asked.convert is None:
            names = part_names(asked.path.name)
            summary = merge([self._host.read(asked.path.with_name(name)) for name in names])
            if summary.is_projector or summary.is_adapter or summary.is_vocab_only:
                reason = f"{asked.path.name} is no model by itself."
                raise AppError(ErrorCode.BAD_REQUEST, reason=reason)
            if asked.evaluate is not None and summary.is_embedding:
                reason = f"{asked.path.name} makes vectors: it has no tokens to compare."
                raise AppError(ErrorCode.BAD_REQUEST, reason=reason)
            quantized = any(TYPES_BY_NAME[name].block > 1 for name in summary.tensor_types)
            yield _Found(Source(asked.path, "", quantized, summary.size_bytes), summary)
            return
        model, values, got = self._checkpoint(asked.convert, cancel)
        folder = asked.path.parent
        with outline.outlined(model, self._stubs) as stub:
            summary = outline.summary_of(model)
            scale = values / summary.parameters if values else 1.0
            kind = str(asked.convert.get("type") or "auto")
            size = round(summary.parameters * scale * convert.TYPES[kind])
            yield _Found(
                Source(stub, "", False, stub.stat().st_size),
                replace(summary, quant_type="F16"),
                (*got, (folder, size)),
                scale,
                {"code": "quant_sizes_estimated", "params": {}},
            )

    def _checkpoint(
        self, asked: Mapping[str, Any], cancel: CancelToken
    ) -> tuple[SyntheticModel, int, tuple[tuple[Path, int], ...]]:
        """A checkpoint's outline, how many weights it has and what is downloaded for it."""
        allow = bool(asked.get("allow_pickle"))
        if asked.get("repo"):
            try:
                order = checkpoint_files.find(
                    str(asked["repo"]),
                    self._downloads,
                    cancel,
                    lambda listing: checkpoint_files.files_of(listing, allow_pickle=allow),
                )
            except AppError as error:
                if error.code in _OF_THE_CHECKPOINT:
                    raise
                raise _NotKnown(error) from error
            size = sum(each.size_bytes or 0 for each in order.files)
            return outline.REFERENCE, size // _PAIR_BYTES, ((self._downloads.cache(), size),)
        folder = Path(str(asked["path"]))
        read = checkpoint.read(folder, allow_pickle=allow)
        config = json.loads((folder / checkpoint.CONFIG).read_text("utf-8"))
        shape = outline.of_config(config) or outline.REFERENCE
        return shape, read.values or read.size_bytes // _PAIR_BYTES, ()

    # --- what is asked of it ------------------------------------------------------------------

    def _request(
        self,
        asked: quantize_asked.Asked,
        found: _Found,
        runtime: Runtime,
        cancel: CancelToken,
        *,
        bare: bool,
    ) -> Request:
        chunks, matrix, matrix_chunks = 0, Matrix.NONE, 0
        if asked.evaluate is not None:
            most = evaluate.chunks_within(found.summary.vocab_size or 1, evaluate.BASE_BYTES)
            there = self._text_chunks(asked.evaluate, found, runtime, cancel)
            chunks = min(asked.chunks or evaluate.MOST_CHUNKS, most, there)
        if not bare and asked.imatrix is not None:
            matrix = Matrix.COMPUTED if asked.computes_matrix else Matrix.GIVEN
            if asked.computes_matrix:
                there = self._text_chunks(asked.imatrix, found, runtime, cancel)
                matrix_chunks = min(asked.chunks or there, there)
        return Request(
            found.source,
            found.summary,
            tuple(Wanted(each.label, each.recipe, each.target) for each in asked.files),
            self._paths.cache / _KEPT,
            matrix=matrix,
            matrix_chunks=matrix_chunks,
            chunks=chunks,
            compared=len(asked.compare),
            budget_seconds=asked.budget_seconds,
            requantize=asked.requantize,
            replace=asked.replace,
            before=found.before,
            scale=found.scale,
        )

    def _text_chunks(self, path: Path, found: _Found, runtime: Runtime, cancel: CancelToken) -> int:
        """How many chunks a text has for this model; guessed where its tokenizer is not here."""
        if found.doubt is not None:
            return max(text.FEWEST_CHUNKS, path.stat().st_size // _TOKEN_BYTES // text.CHUNK_TOKENS)
        model = found.source.path
        key = tuple((str(each), each.stat().st_mtime_ns) for each in (path, model))
        with self._lock:
            known = self._chunks.get(key)
        if known is None:
            known = text.read(runtime.tool("llama-tokenize"), model, path, cancel).chunks
            with self._lock:
                if len(self._chunks) >= _TEXTS_KEPT:
                    self._chunks.clear()
                self._chunks[key] = known
        return known

    def _rates(self, found: _Found) -> rates.Rates:
        cpu, known = probe_cpu(), rates.learned(self._host.results())
        expected = None
        if not known.reading and found.doubt is None:
            speed = self._host.prefill(found.source.path)
            if speed is not None:
                expected = rates.expected(
                    (speed.value, speed.low, speed.high), found.summary.parameters
                )
        threads = cpu.usable_physical_cores or cpu.usable_cpus
        return replace(known, expected=expected, threads=threads)


class _NotKnown(Exception):
    """Nothing of the model can be known now; `why` says what kept it from being asked."""

    def __init__(self, why: AppError) -> None:
        super().__init__(str(why))
        self.why = why


def _unplanned(asked: quantize_asked.Asked, why: AppError) -> Json:
    """What can be said without knowing the model."""
    outputs = [
        Output(Wanted(each.label, each.recipe, each.target), None, None, exists)
        for each, exists in ((each, each.target.exists()) for each in asked.files)
    ]
    later = {"code": "quant_sizes_later", "params": {}}
    return Plan(
        outputs=tuple(outputs),
        disk_bytes=None,
        disk_free_bytes=free_bytes(asked.files[0].target.parent),
        memory_bytes=None,
        memory_available_bytes=probe_memory().available_bytes,
        seconds=None,
        chunks=0,
        warnings=(warning(why), later),
        source={
            "size_bytes": None,
            "bits_per_weight": None,
            "quantized": False,
            "architecture": None,
            "parameters": None,
        },
    ).to_dict()
