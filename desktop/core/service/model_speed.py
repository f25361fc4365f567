"""How fast models will be, for lists: from their headers, without loading or planning anything."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from desktop.core.engine.flags import DEFAULT_CONTEXT, UNKNOWN_CONTEXT, LoadSettings
from desktop.core.engine.runtime import Runtime
from desktop.core.errors import AppError
from desktop.core.fit.devices import gpus_on
from desktop.core.fit.estimate import Estimate
from desktop.core.fit.expected import speed_of_shape
from desktop.core.fit.formula import HostTraits, estimate
from desktop.core.fit.speed_book import SpeedStore
from desktop.core.fit.speed_predict import Predictor
from desktop.core.gguf.shape import ModelShape
from desktop.core.hardware.cpu import probe_cpu
from desktop.core.library.entry import ModelEntry

# What was predicted is good for a while; each real answer makes the next prediction better.
KEEP_SECONDS = 300.0
_MOST = 4096


class SpeedGuess:
    """Called in worker threads.

    Args:
        runtime: the engine in use.
        shape: a model's layers; None where they cannot be read.
        predictor: what would be predicted with a runtime.
    """

    def __init__(
        self,
        speeds: SpeedStore,
        *,
        runtime: Callable[[], Runtime],
        shape: Callable[[ModelEntry], ModelShape | None],
        predictor: Callable[..., Predictor],
    ) -> None:
        self._speeds = speeds
        self._runtime = runtime
        self._shape = shape
        self._predictor = predictor
        self._lock = threading.Lock()
        self._here: tuple[float, Runtime, Predictor] | None = None
        self._known: dict[tuple[str, Estimate | None], tuple[float, dict[str, Any] | None]] = {}

    def __call__(self, entry: ModelEntry, priced: Estimate | None) -> dict[str, Any] | None:
        """Tokens per second of one answer, as a figure with its source and band; None where
        nothing is known.

        Args:
            priced: as the model is loaded; None: as it would be.
        """
        key = (entry.fingerprint, priced)
        with self._lock:
            made, found = self._known.get(key, (0.0, None))
            if made and time.monotonic() - made < KEEP_SECONDS:
                return found
            try:
                found = self._guess(entry, priced)
            except AppError:  # no engine, or a file that cannot be read: both are told elsewhere
                found = None
            if len(self._known) >= _MOST:
                self._known.clear()
            self._known[key] = (time.monotonic(), found)
            return found

    def _guess(self, entry: ModelEntry, priced: Estimate | None) -> dict[str, Any] | None:
        shape = self._shape(entry)
        if shape is None:
            return None
        runtime, predictor = self._machine()
        if priced is None:
            priced = self._formula(entry, shape, runtime)
        if priced is None:
            return None
        found = speed_of_shape(shape, priced, predictor, fingerprint=entry.fingerprint)
        speed: dict[str, Any] | None = found.to_dict()["decode_tokens_per_second"]
        return speed

    def _machine(self) -> tuple[Runtime, Predictor]:
        now = time.monotonic()
        if self._here is None or now - self._here[0] > KEEP_SECONDS:
            runtime = self._runtime()
            self._here = (now, runtime, self._predictor(self._speeds.book(), runtime))
        return self._here[1], self._here[2]

    @staticmethod
    def _formula(entry: ModelEntry, shape: ModelShape, runtime: Runtime) -> Estimate | None:
        trained = entry.summary.context_tokens if entry.summary else None
        context = min(trained or UNKNOWN_CONTEXT, DEFAULT_CONTEXT)
        host = HostTraits.of(probe_cpu().instruction_sets)
        settings = LoadSettings(context_tokens=context)
        return estimate(shape, settings, gpus_on(runtime.devices), host=host, model=entry.id)
