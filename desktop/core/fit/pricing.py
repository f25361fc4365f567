"""What one model costs on this machine with any settings, and which settings it gets.

The loader asks it before a load, `paddock fit` before a download: both get the same answer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from desktop.core.engine.flags import Adapter, LoadSettings, default_settings
from desktop.core.engine.runtime import Runtime
from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken
from desktop.core.fit.devices import available_on
from desktop.core.fit.estimate import GIB, OS_RESERVE_BYTES, Estimate, check_fits, gib, verdict
from desktop.core.fit.memory import dry_run
from desktop.core.gguf.shape import ModelShape
from desktop.core.gguf.summary import ModelSummary
from desktop.core.hardware.cpu import probe_cpu
from desktop.core.hardware.memory import MemoryInfo, limited, probe_memory

# The engine's bookkeeping per cell of the KV cache, in host memory and before anything is planned:
# 52 bytes, from the peak of llama-fit-params at 4 and 33 million cells (llama.cpp 0c1e570).
CELL_BYTES = 52
# Planning takes 50 to 150 MB whatever the model (ENGINE.md): so much more is never refused.
PLANNING_BYTES = 64 << 20
LIMIT_SETTING = "load.memory_limit_gib"
LIMIT_WORDS = "the limit load.memory_limit_gib in the settings"


@dataclass(frozen=True)
class Wishes:
    """What somebody chose; what is None is left to what fits."""

    context_tokens: int | None = None
    slots: int | None = None
    kv_type: str | None = None
    ubatch: int | None = None
    device: str | None = None
    gpu_layers: int | None = None
    experts_on_cpu: bool | int | None = None
    split_mode: str | None = None
    tensor_split: tuple[float, ...] = ()
    adapters: tuple[Adapter, ...] = ()
    draft: str | None = None
    draft_gpu_layers: int | None = None
    ngram: str | None = None


class Pricing:
    """Dry runs of one model, each asked once, and what this machine can give at this moment.

    Args:
        path: the model's file, the first of a split one's files, or a stub.
        model: how it is called.
        shape: its layers; with them the price is exact to the byte.
        mmproj: the projector loaded with it.
        draft_shape: the layers of the draft model of the wishes.
        memory: of this machine; looked up by default.
        memory_limit_gib: what models may take of it at most (`load.memory_limit_gib`).
    """

    def __init__(
        self,
        runtime: Runtime,
        path: Path,
        model: str,
        summary: ModelSummary,
        *,
        shape: ModelShape | None = None,
        mmproj: Path | None = None,
        draft_shape: ModelShape | None = None,
        memory: MemoryInfo | None = None,
        memory_limit_gib: float | None = None,
        cancel: CancelToken | None = None,
        work_root: Path | None = None,
    ) -> None:
        self._runtime = runtime
        self._path = path
        self.model = model
        self.summary = summary
        self._shape = shape
        self._mmproj = mmproj
        self._draft_shape = draft_shape
        self._cancel = cancel or CancelToken()
        self._work_root = work_root
        self._known: dict[LoadSettings, Estimate | AppError] = {}
        limit = None
        if memory_limit_gib is not None:  # the reserve is not the models'
            limit = round(memory_limit_gib * GIB) + OS_RESERVE_BYTES
        self.memory: MemoryInfo = limited(memory or probe_memory(), limit, LIMIT_SETTING)
        self.has_gpu = bool(runtime.devices)
        host, *devices = available_on(runtime.devices, self.memory)
        if self.memory.available_limited_by == LIMIT_SETTING:
            host = replace(host, description=LIMIT_WORDS)
        self.available = (host, *devices)

    def of(self, settings: LoadSettings) -> Estimate:
        """The price of these settings.

        Raises:
            AppError: LOAD_WONT_FIT where even asking would take more memory than there is, and
                why the engine cannot plan it.
        """
        if settings not in self._known:
            try:
                self._known[settings] = self._ask(settings)
            except AppError as error:
                if error.code is ErrorCode.CANCELLED:
                    raise
                self._known[settings] = error
        known = self._known[settings]
        if isinstance(known, AppError):
            raise known
        return known

    def _ask(self, settings: LoadSettings) -> Estimate:
        cells_bytes = settings.total_context * CELL_BYTES
        if cells_bytes > max(self.memory.available_bytes // 2, PLANNING_BYTES):
            raise AppError(
                ErrorCode.LOAD_WONT_FIT,
                model=self.model,
                need=f"more than {gib(cells_bytes)}",
                available=gib(self.memory.available_bytes),
                device=self.available[0].description,
            )
        estimate = dry_run(
            self._runtime,
            self._path,
            settings,
            model=self.model,
            vocab_size=self.summary.vocab_size,
            shape=self._shape,
            draft_shape=self._draft_shape,
            cancel=self._cancel,
            work_root=self._work_root,
        )
        return replace(estimate, verdict=verdict(estimate, self.available))

    def problem(self, settings: LoadSettings) -> AppError | None:
        """Why these settings do not fit, or None."""
        try:
            return check_fits(self.of(settings), self.available)
        except AppError as error:
            if error.code is ErrorCode.LOAD_WONT_FIT:
                return error
            raise

    def decide(
        self,
        wishes: Wishes,
        problem: Callable[[LoadSettings], AppError | None] | None = None,
    ) -> LoadSettings:
        """What was wished for, and for the rest what fits.

        Args:
            problem: tells in place of the engine why settings do not fit.
        """
        problem = problem or self.problem

        def wished(settings: LoadSettings) -> LoadSettings:
            # A cancel takes effect when the batch in flight has ended. On a CPU a batch of 2,048
            # tokens lasts seconds, and larger ones than the micro-batch are no faster there.
            ubatch = wishes.ubatch or settings.ubatch
            batch = max(settings.batch, ubatch) if self.has_gpu else ubatch
            return replace(
                settings,
                ubatch=ubatch,
                batch=batch,
                context_tokens=wishes.context_tokens or settings.context_tokens,
                slots=wishes.slots or settings.slots,
                kv_type_k=wishes.kv_type or settings.kv_type_k,
                kv_type_v=wishes.kv_type or settings.kv_type_v,
                device=wishes.device,
                gpu_layers=wishes.gpu_layers,
                experts_on_cpu=wishes.experts_on_cpu or False,
                split_mode=wishes.split_mode,
                tensor_split=wishes.tensor_split,
                adapters=wishes.adapters,
                draft=wishes.draft,
                draft_gpu_layers=wishes.draft_gpu_layers,
                ngram=wishes.ngram,
            )

        def fits(settings: LoadSettings) -> bool:
            try:
                return problem(wished(settings)) is None
            except AppError as error:
                if error.code is ErrorCode.CANCELLED:
                    raise
                return True  # it cannot be priced: the load itself will say why

        return wished(
            default_settings(
                trained_context=self.summary.context_tokens,
                ram_bytes=self.memory.total_bytes,
                physical_cores=probe_cpu().usable_physical_cores,
                fits=fits,
                embedding=self.summary.is_embedding,
                ranking=self.summary.pooling_type == "rank",
                mmproj=str(self._mmproj) if self._mmproj else None,
            )
        )
