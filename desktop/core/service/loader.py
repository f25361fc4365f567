"""Decides how a model is loaded: engine, settings, price; and remembers what it really took."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable

from desktop.core.db import Database
from desktop.core.engine.flags import LoadSettings
from desktop.core.engine.server import EngineServer
from desktop.core.engine.serverstate import ServerStatus
from desktop.core.engine.store import RuntimeStore
from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken
from desktop.core.fit.estimate import Estimate
from desktop.core.fit.pricing import Pricing, Wishes
from desktop.core.gguf.facts import merge_facts
from desktop.core.gguf.reader import HeaderReader
from desktop.core.gguf.shape import ModelShape
from desktop.core.gguf.summary import ModelSummary
from desktop.core.library.entry import ModelEntry
from desktop.core.paths import Paths
from desktop.core.service.library_store import LibraryStore
from desktop.core.service.load_request import LoadRequest
from desktop.core.service.supervisor import Prepared
from desktop.core.settings import Settings

log = logging.getLogger(__name__)


class EngineLoader:
    """Turns "load this model" into settings with a price, and an engine that runs them.

    Args:
        settings: read anew at every load, so that a change counts from the next one.
        reader: tells a model's layers, which make its price exact.
    """

    def __init__(
        self,
        paths: Paths,
        runtimes: RuntimeStore,
        settings: Callable[[], Settings],
        database: Database,
        store: LibraryStore,
        *,
        reader: HeaderReader,
    ) -> None:
        self._paths = paths
        self._runtimes = runtimes
        self._settings = settings
        self._database = database
        self._store = store
        self._reader = reader

    def prepare(self, entry: ModelEntry, request: LoadRequest, cancel: CancelToken) -> Prepared:
        runtime = self._runtimes.current()
        price = Pricing(
            runtime,
            entry.path,
            entry.id,
            entry.summary or ModelSummary(),
            shape=self._shape(entry),
            mmproj=entry.mmproj,
            cancel=cancel,
            work_root=self._paths.work,
        )
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

    def _shape(self, entry: ModelEntry) -> ModelShape | None:
        """The model's layers; None where they cannot be read: the engine itself will say why."""
        try:
            facts = [self._reader.read_facts(path) for path in entry.shard_paths]
        except AppError as error:
            log.warning("no layers known", extra={"model": entry.id, "code": error.code.value})
            return None
        return ModelShape.of(merge_facts(facts))

    def _decide(self, entry: ModelEntry, request: LoadRequest, price: Pricing) -> LoadSettings:
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
        return price.decide(
            Wishes(
                context_tokens=context,
                slots=request.slots or chosen.slots,
                kv_type=request.kv_type or chosen.kv_type,
                device=request.device,
                gpu_layers=request.gpu_layers,
                experts_on_cpu=request.experts_on_cpu,
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
