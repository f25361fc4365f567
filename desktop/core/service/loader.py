"""Decides how a model is loaded: engine, settings, price; and remembers what it really took."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from dataclasses import replace

from desktop.core.db import Database
from desktop.core.engine.flags import LoadSettings, default_settings
from desktop.core.engine.runtime import Runtime
from desktop.core.engine.server import EngineServer
from desktop.core.engine.serverstate import ServerStatus
from desktop.core.engine.store import RuntimeStore
from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken
from desktop.core.fit.estimate import Available, Estimate, check_fits, gib, verdict
from desktop.core.fit.memory import dry_run
from desktop.core.gguf.summary import ModelSummary
from desktop.core.hardware.cpu import probe_cpu
from desktop.core.hardware.memory import MemoryInfo, probe_memory
from desktop.core.library.entry import ModelEntry
from desktop.core.paths import Paths
from desktop.core.service.library_store import LibraryStore
from desktop.core.service.supervisor import LoadRequest, Prepared
from desktop.core.settings import Settings

log = logging.getLogger(__name__)


class EngineLoader:
    """Turns "load this model" into settings with a price, and an engine that runs them.

    Args:
        settings: read anew at every load, so that a change counts from the next one.
    """

    def __init__(
        self,
        paths: Paths,
        runtimes: RuntimeStore,
        settings: Callable[[], Settings],
        database: Database,
        store: LibraryStore,
    ) -> None:
        self._paths = paths
        self._runtimes = runtimes
        self._settings = settings
        self._database = database
        self._store = store

    def prepare(self, entry: ModelEntry, request: LoadRequest, cancel: CancelToken) -> Prepared:
        runtime = self._runtimes.current()
        price = _Price(runtime, entry, cancel, self._paths)
        settings = self._decide(entry, request, price)
        estimate: Estimate | None = None
        try:
            estimate = price.of(settings)
            problem = price.problem(settings)
        except AppError as error:
            if error.code is ErrorCode.CANCELLED:
                raise
            problem = error
        if problem is not None:
            if not request.force and self._settings().load.check_memory:
                raise problem
            log.warning("loaded by force", extra={"model": entry.id, "code": problem.code.value})

        def new_server(on_change: Callable[[ServerStatus], None]) -> EngineServer:
            return EngineServer(
                runtime,
                entry.path,
                entry.id,
                settings,
                logs=self._paths.logs,
                work_root=self._paths.work,
                on_change=on_change,
            )

        return Prepared(settings, estimate, new_server)

    def _decide(self, entry: ModelEntry, request: LoadRequest, price: _Price) -> LoadSettings:
        """What was asked for, then what the settings say, then what fits."""
        summary = entry.summary or ModelSummary()
        chosen = self._settings().load
        context = request.context_tokens or chosen.context_tokens
        trained = summary.context_tokens
        if request.context_tokens and trained and request.context_tokens > trained:
            raise AppError(
                ErrorCode.SETTING_INVALID,
                name="ctx",
                value=request.context_tokens,
                reason=f"{entry.id} was trained for a context of {trained} tokens.",
            )
        if context and trained:
            context = min(context, trained)
        slots = request.slots or chosen.slots
        kv_type = request.kv_type or chosen.kv_type

        def asked(settings: LoadSettings) -> LoadSettings:
            # A cancel takes effect when the batch in flight has ended. On a CPU a batch of 2,048
            # tokens lasts seconds, and larger ones than the micro-batch are no faster there.
            batch = settings.batch if price.has_gpu else settings.ubatch
            return replace(
                settings,
                batch=batch,
                context_tokens=context or settings.context_tokens,
                slots=slots or settings.slots,
                kv_type_k=kv_type,
                kv_type_v=kv_type,
                device=request.device,
            )

        def fits(settings: LoadSettings) -> bool:
            try:
                return price.problem(asked(settings)) is None
            except AppError as error:
                if error.code is ErrorCode.CANCELLED:
                    raise
                return True  # it cannot be priced: the load itself will say why

        return asked(
            default_settings(
                trained_context=trained,
                ram_bytes=price.memory.total_bytes,
                physical_cores=probe_cpu().usable_physical_cores,
                fits=fits,
                embedding=summary.is_embedding,
                mmproj=str(entry.mmproj) if entry.mmproj else None,
            )
        )

    def loaded(self, entry: ModelEntry, prepared: Prepared, server: EngineServer) -> None:
        """Keep what the engine reports beside what was predicted: tomorrow's estimates learn."""
        summary = entry.summary or ModelSummary()
        predicted = prepared.estimate.to_dict() if prepared.estimate else None
        real = [device.to_dict() for device in server.memory]
        self._database.execute(
            "INSERT INTO loads (created, runtime, fingerprint, architecture, settings, predicted, "
            "real) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                time.time(),
                server.runtime.version.text,
                entry.fingerprint,
                summary.architecture,
                json.dumps(prepared.settings.to_dict()),
                json.dumps(predicted),
                json.dumps(real),
            ),
        )
        self._store.used(entry.fingerprint)


# The engine's bookkeeping per cell of the KV cache, in host memory and before anything is planned:
# 52 bytes, from the peak of llama-fit-params at 4 and 33 million cells (llama.cpp 0c1e570).
CELL_BYTES = 52


class _Price:
    """Dry runs of one model, each asked once, and what this machine can give at this moment."""

    def __init__(
        self, runtime: Runtime, entry: ModelEntry, cancel: CancelToken, paths: Paths
    ) -> None:
        self._runtime = runtime
        self._entry = entry
        self._cancel = cancel
        self._paths = paths
        self._known: dict[LoadSettings, Estimate | AppError] = {}
        self.memory: MemoryInfo = probe_memory()
        self.has_gpu = bool(runtime.devices)
        self.available = [
            Available("CPU", self.memory.available_bytes, "this machine's memory"),
            *(
                Available(device.name, device.free_bytes, device.description)
                for device in runtime.devices
            ),
        ]

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
        if cells_bytes > self.memory.available_bytes // 2:
            raise AppError(
                ErrorCode.LOAD_WONT_FIT,
                model=self._entry.id,
                need=f"more than {gib(cells_bytes)}",
                available=gib(self.memory.available_bytes),
                device=self.available[0].description,
            )
        summary = self._entry.summary or ModelSummary()
        estimate = dry_run(
            self._runtime,
            self._entry.path,
            settings,
            model=self._entry.id,
            vocab_size=summary.vocab_size,
            cancel=self._cancel,
            work_root=self._paths.work,
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
