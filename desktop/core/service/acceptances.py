"""What the service gives the test of new models: a place beside what is loaded, and a memory."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import TYPE_CHECKING, Any

from desktop.core.db import Database
from desktop.core.engine.runtime import Runtime
from desktop.core.events import CancelToken
from desktop.core.fit.estimate import Estimate
from desktop.core.fit.expected import ExpectedSpeed, speed_of_shape
from desktop.core.fit.speed import SpeedFigure
from desktop.core.fit.speed_book import SpeedBook, SpeedStore
from desktop.core.fit.speed_predict import Predictor
from desktop.core.gguf.reader import HeaderReader
from desktop.core.jobs.handlers.acceptance import Prepared
from desktop.core.library.acceptance import Acceptance
from desktop.core.library.acceptance_checks import CONTEXT_TOKENS
from desktop.core.library.acceptance_engine import Pace
from desktop.core.library.entry import ModelEntry
from desktop.core.library.library import Library
from desktop.core.service.admission import held
from desktop.core.service.guest import Guest
from desktop.core.service.load_request import NONE, LoadRequest
from desktop.core.service.loaded import Standing
from desktop.core.service.loader import EngineLoader

if TYPE_CHECKING:  # it brings the network along, which takes half a second to import
    from desktop.core.hub.client import Hub

_WIDTH_OUT = "embedding_length_out"


class Acceptances:
    """The `Host` of `AcceptanceKind`; its methods are called in worker threads.

    Args:
        loaded: the models in the engines now.
        predictor: what would be predicted with a runtime.
        publish: tells everyone what changed.
        hub: asked for what it said before; nothing is fetched.
    """

    def __init__(
        self,
        database: Database,
        guest: Guest,
        loader: EngineLoader,
        reader: HeaderReader,
        *,
        loaded: Callable[[], Sequence[Standing]],
        speeds: SpeedStore,
        predictor: Callable[[SpeedBook, Runtime], Predictor],
        library: Library,
        publish: Callable[[str, dict[str, Any]], None],
        hub: Callable[[], Hub],
    ) -> None:
        self._database = database
        self._guest = guest
        self._loader = loader
        self._reader = reader
        self._loaded = loaded
        self._speeds = speeds
        self._predictor = predictor
        self._library = library
        self._publish = publish
        self._hub = hub

    def visit(self, leave: CancelToken) -> AbstractContextManager[None]:
        return self._guest.visit(leave)

    def prepare(self, entry: ModelEntry, projector: bool, cancel: CancelToken) -> Prepared:
        trained = entry.summary.context_tokens if entry.summary else None
        request = LoadRequest(
            context_tokens=min(CONTEXT_TOKENS, trained or CONTEXT_TOKENS),
            slots=1,
            # What would only be loaded beside it to make it faster is left out.
            draft=NONE,
            ngram=NONE,
            mmproj=None if projector else NONE,
        )
        others = held(self._loaded())
        prepared, runtime = self._loader.prepare_beside(entry, request, cancel, others)
        width = (self._reader.read_facts(entry.path).keys or {}).get(_WIDTH_OUT)
        summary_width = entry.summary.embedding_length if entry.summary else None
        return Prepared(
            partial(prepared.new_server, lambda status: None),
            self._pace(entry, prepared.estimate, runtime),
            runtime.version.text,
            width if isinstance(width, int) else summary_width,
        )

    def _pace(self, entry: ModelEntry, estimate: Estimate | None, runtime: Runtime) -> Pace:
        if estimate is None:
            return Pace()
        speed: ExpectedSpeed = speed_of_shape(
            self._loader.shape(entry),
            estimate,
            self._predictor(self._speeds.book(), runtime),
            fingerprint=entry.fingerprint,
        )
        return Pace(_low(speed.prefill), _low(speed.decode))

    def offers_projector(self, entry: ModelEntry) -> bool | None:
        if entry.repo is None:
            return None
        kept = self._hub().kept(entry.repo)
        return None if kept is None else bool(kept.projectors)

    def keep(self, entry: ModelEntry, acceptance: Acceptance) -> None:
        """Raises: AppError: DISK_FULL, DATABASE_BUSY."""
        self._database.execute(
            "INSERT OR REPLACE INTO acceptances (fingerprint, created, document) VALUES (?, ?, ?)",
            (entry.fingerprint, acceptance.created, json.dumps(acceptance.to_dict())),
        )
        change = self._library.note_again()
        if change:
            self._publish("library.changed", vars(change))


def _low(figure: SpeedFigure | None) -> float | None:
    return None if figure is None or figure.low <= 0 else figure.low
