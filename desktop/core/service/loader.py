"""Decides how a model is loaded: engine, settings, price; and remembers what it really took."""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace

from desktop.core.db import Database
from desktop.core.engine.flags import LoadSettings
from desktop.core.engine.runtime import Runtime
from desktop.core.engine.server import EngineServer
from desktop.core.engine.serverstate import ServerStatus
from desktop.core.engine.store import RuntimeStore
from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken
from desktop.core.files import write_atomic
from desktop.core.fit.estimate import GIB, Estimate, verdict
from desktop.core.fit.pricing import Pricing
from desktop.core.gguf.facts import merge_facts
from desktop.core.gguf.reader import HeaderReader
from desktop.core.gguf.shape import ModelShape
from desktop.core.gguf.summary import ModelSummary
from desktop.core.hardware.memory import probe_memory
from desktop.core.library.entry import ModelEntry
from desktop.core.paths import Paths
from desktop.core.service.admission import Held, freed, held, on_gpu, victims
from desktop.core.service.companions import CompanionFinder, Companions, wishes_of
from desktop.core.service.ladder import next_step
from desktop.core.service.library_store import LibraryStore
from desktop.core.service.load_guard import check_request, load_notices, with_choices
from desktop.core.service.load_request import LoadRequest
from desktop.core.service.loaded import Prepared, Standing
from desktop.core.service.model_settings import ModelSettingsStore
from desktop.core.settings import Settings

log = logging.getLogger(__name__)


# Memory of a model that was taken out is back within moments; drivers of GPUs take longest.
MEMORY_BACK_SECONDS = 5.0
_LOOK_SECONDS = 0.2


class EngineLoader:
    """Turns "load this model" into settings with a price, and an engine that runs them.

    Args:
        settings: read anew at every load, so that a change counts from the next one.
        reader: tells a model's layers, which make its price exact.
        saved: what people saved for every load of a model.
        resolve: the library's entry of a name.
        alone: while it is held, nothing but loads takes memory.
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
        saved: ModelSettingsStore,
        resolve: Callable[[str], ModelEntry],
        alone: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self._alone = alone
        self._paths = paths
        self._runtimes = runtimes
        self._settings = settings
        self._database = database
        self._store = store
        self._reader = reader
        self._saved = saved
        self._companions = CompanionFinder(resolve, reader)

    def check(self, entry: ModelEntry, request: LoadRequest) -> None:
        """Look at the request and at what is loaded beside the model.

        Raises:
            AppError: SETTING_INVALID, or as `CompanionFinder.find`.
        """
        self._checked(entry, request)

    def _checked(self, entry: ModelEntry, request: LoadRequest) -> tuple[LoadRequest, Companions]:
        request = request.over(self._saved.request(entry.fingerprint, entry.load_defaults))
        check_request(entry, request)
        beside = self._companions.find(entry.id, entry.shard_paths, request, mmproj=entry.mmproj)
        return request, beside

    def prepare(
        self,
        entry: ModelEntry,
        request: LoadRequest,
        cancel: CancelToken,
        others: Sequence[Standing] = (),
        expected: LoadSettings | None = None,
    ) -> Prepared:
        with self._alone():
            return self._prepare(entry, request, cancel, others, expected)

    def prepare_beside(
        self, entry: ModelEntry, request: LoadRequest, cancel: CancelToken, others: Held
    ) -> tuple[Prepared, Runtime]:
        """A load in the background, beside what is loaded, by an engine that keeps no prompts.

        Raises:
            AppError: LOAD_WONT_FIT, whatever the settings say of checks; why the engine cannot
                plan it; CANCELLED.
        """
        request, beside = self._checked(entry, request)
        runtime = self._runtimes.current()
        price = self._price(entry, runtime, beside, cancel, others)
        trained = entry.summary.context_tokens if entry.summary else None
        wishes = wishes_of(request, beside, self._settings().load, trained)
        settings = replace(self._with_card(entry, price.decide(wishes)), cache_ram_bytes=0)
        estimate = price.of(settings)
        problem = price.problem(settings)
        if problem is not None:
            raise problem
        new_server = self._server(entry, runtime, settings, background=True)
        return Prepared(settings, estimate, new_server), runtime

    def _price(
        self,
        entry: ModelEntry,
        runtime: Runtime,
        beside: Companions,
        cancel: CancelToken,
        others: Held,
    ) -> Pricing:
        """What the model costs beside what `others` hold."""
        memory, limit = probe_memory(), self._settings().load.memory_limit_gib
        left = max(0, memory.available_bytes - others.mapped_bytes)
        memory = replace(memory, available_bytes=left)
        limit = None if limit is None else max(0.0, limit - others.host_bytes / GIB)
        return Pricing(
            runtime,
            entry.path,
            entry.id,
            entry.summary or ModelSummary(),
            shape=self.shape(entry),
            mmproj=beside.mmproj,
            draft_shape=beside.draft_shape,
            memory=memory,
            memory_limit_gib=limit,
            cancel=cancel,
            work_root=self._paths.work,
        )

    def _prepare(
        self,
        entry: ModelEntry,
        request: LoadRequest,
        cancel: CancelToken,
        others: Sequence[Standing],
        expected: LoadSettings | None,
    ) -> Prepared:
        request, beside = self._checked(entry, request)
        runtime = self._runtimes.current()

        def look() -> Pricing:
            return self._price(entry, self._runtimes.current(), beside, cancel, held(others))

        price = look() if expected is None else _settled(look, expected, cancel)
        there = price.available
        # The settings are those it would get if all that may leave had left: a context is not made
        # smaller for the sake of a model that nobody uses.
        leaving = [each for each in others if not each.pinned]
        price.available = freed(there, leaving)
        trained = entry.summary.context_tokens if entry.summary else None
        wishes = wishes_of(request, beside, self._settings().load, trained)
        settings = self._with_card(entry, price.decide(wishes))
        estimate: Estimate | None = None
        try:
            estimate = price.of(settings)
            problem = price.problem(settings)
        except AppError as error:
            if error.code is ErrorCode.CANCELLED:
                raise
            problem = error
        if problem is not None and not request.force and self._settings().load.check_memory:
            raise with_choices(problem, price, settings)
        going: tuple[str, ...] = ()
        if estimate is not None:
            going = victims(estimate, there, others)
            if not going and price.has_gpu and verdict(estimate, there) not in ("gpu", "wont_fit"):
                # Some of it would lie in host memory, which others on the GPU may be the cause of.
                going = tuple(each.id for each in on_gpu(others)[:1])
        standard = self._settings().load.context_tokens
        notices = tuple(
            load_notices(entry, price, wishes, settings, standard=standard, problem=problem)
        )
        if not going:
            for notice in notices:
                log.warning(notice.text, extra={"model": entry.id, "code": notice.code})
        new_server = self._server(entry, runtime, settings)
        return Prepared(settings, estimate, new_server, notices, request, going)

    def lighter(self, entry: ModelEntry, prepared: Prepared) -> Prepared | None:
        runtime = self._runtimes.current()
        shape = self.shape(entry) if runtime.devices else None
        layers = shape.n_layers if shape is not None else None
        step = next_step(prepared.settings, prepared.request, layers)
        if step is None:
            return None
        settings, told = step
        return replace(
            prepared,
            settings=settings,
            estimate=None,
            new_server=self._server(entry, runtime, settings),
            notices=(*prepared.notices, told),
        )

    def _with_card(self, entry: ModelEntry, settings: LoadSettings) -> LoadSettings:
        """With the chat template that people chose for the model, in a file of its own.

        The engine's prompt cache in host memory does not know with which scales of adapters
        something was computed: a model with adapters, which requests may scale, has none.
        """
        if settings.adapters:
            settings = replace(settings, cache_ram_bytes=0)
        if not entry.card.template:
            return settings
        text = entry.card.template.encode()
        name = f"{hashlib.sha256(text).hexdigest()[:32]}.jinja"
        path = self._paths.cache / "templates" / name
        if not path.exists():
            write_atomic(path, text)
        return replace(settings, chat_template=str(path))

    def _server(
        self,
        entry: ModelEntry,
        runtime: Runtime,
        settings: LoadSettings,
        *,
        background: bool = False,
    ) -> Callable[[Callable[[ServerStatus], None]], EngineServer]:
        def new_server(on_change: Callable[[ServerStatus], None]) -> EngineServer:
            return EngineServer(
                runtime,
                entry.path,
                entry.id,
                settings,
                logs=self._paths.logs,
                work_root=self._paths.work,
                on_change=on_change,
                background=background,
            )

        return new_server

    def shape(self, entry: ModelEntry) -> ModelShape | None:
        """The model's layers; None where they cannot be read: the engine itself will say why."""
        try:
            facts = [self._reader.read_facts(path) for path in entry.shard_paths]
        except AppError as error:
            log.warning("no layers known", extra={"model": entry.id, "code": error.code.value})
            return None
        return ModelShape.of(merge_facts(facts))

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


def _settled(look: Callable[[], Pricing], expected: LoadSettings, cancel: CancelToken) -> Pricing:
    """The price once the memory of a model that was taken out is back, or is not in time."""
    deadline = time.monotonic() + MEMORY_BACK_SECONDS
    while True:
        price = look()
        try:
            if price.problem(expected) is None:
                return price
        except AppError:  # it cannot be priced: waiting changes nothing
            cancel.raise_if_cancelled()
            return price
        if time.monotonic() > deadline:
            log.warning("memory was not back in time", extra={"model": price.model})
            return price
        time.sleep(_LOOK_SECONDS)
        cancel.raise_if_cancelled()
