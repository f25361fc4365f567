"""Learns from every generation how fast models really run here.

An answer that has ended leaves a note in memory, which costs it nothing; a worker thread later
turns the notes into predicted and real speeds and stores them. Only answers that had the engine to
themselves count: two at once are each slower than one, and that is no error of the prediction.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from desktop.core.engine.allocations import DeviceMemory
from desktop.core.engine.flags import LoadSettings
from desktop.core.engine.runtime import Runtime
from desktop.core.errors import AppError
from desktop.core.fit.estimate import HOST
from desktop.core.fit.speed_book import Run, SpeedBook, SpeedStore, settings_key
from desktop.core.fit.speed_predict import Asked, Predictor
from desktop.core.fit.speed_work import work_of
from desktop.core.gguf.facts import ShapeFacts
from desktop.core.gguf.shape import ModelShape
from desktop.core.service.loaded import Loaded
from desktop.core.service.requests import RequestRecord

log = logging.getLogger(__name__)

FLUSH_SECONDS = 5.0
# Shorter ones are over before the engine has warmed up, and their clock is too coarse.
FEWEST_DECODED = 16
FEWEST_READ = 64
_MOST_NOTES = 1000
_CHAT = "chat"  # the route of a conversation's turn, noted when it has given its slot back


@dataclass(frozen=True)
class _Note:
    path: Path
    fingerprint: str
    settings: LoadSettings
    runtime: Runtime
    memory: tuple[DeviceMemory, ...]
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    prefill_seconds: float | None
    decode_tokens_per_second: float | None


class Learner:
    """Notes are taken on the event loop, `flush` runs in a worker thread.

    Args:
        facts: a model file's layers.
        predictor: what would be predicted with a runtime.
    """

    def __init__(
        self,
        store: SpeedStore,
        *,
        facts: Callable[[Path], ShapeFacts],
        predictor: Callable[[SpeedBook, Runtime], Predictor],
    ) -> None:
        self._store = store
        self._facts = facts
        self._predictor = predictor
        self._notes: deque[_Note] = deque(maxlen=_MOST_NOTES)
        self._last_end = 0.0

    @property
    def waiting(self) -> int:
        return len(self._notes)

    def note(self, record: RequestRecord, loaded: Loaded | None, *, busy: bool = False) -> None:
        """Take down an answer that has ended.

        Args:
            loaded: its model, where that is still in the engine.
            busy: something else uses the machine, such as a benchmark or another model.
        """
        end = record.arrived + (record.total_seconds or 0.0)
        begun = record.arrived + (record.wait_seconds or 0.0)
        overlapped = begun < self._last_end  # another ended after this one had begun
        self._last_end = max(self._last_end, end)
        if busy or overlapped or loaded is None or loaded.entry.id != record.model:
            return
        others = loaded.taken - (0 if record.route == _CHAT else 1)
        if others > 0 or record.error is not None or loaded.prepared is None:
            return
        if loaded.server is None or not record.completion_tokens or record.prompt_tokens is None:
            return
        self._notes.append(
            _Note(
                loaded.entry.path,
                loaded.entry.fingerprint,
                loaded.prepared.settings,
                loaded.server.runtime,
                tuple(loaded.server.memory),
                record.prompt_tokens,
                record.cached_tokens or 0,
                record.completion_tokens,
                record.prefill_seconds,
                record.tokens_per_second,
            )
        )

    def flush(self) -> int:
        """Store what was noted; returns how many figures that were.

        Raises:
            AppError: DISK_FULL, DATABASE_BUSY.
        """
        notes = []
        while self._notes:
            notes.append(self._notes.popleft())
        if not notes:
            return 0
        book = self._store.book()
        runs = [run for note in notes for run in self._runs(note, book)]
        if runs:
            self._store.add(runs)
        return len(runs)

    def _runs(self, note: _Note, book: SpeedBook) -> list[Run]:
        """The figures of one answer; none where its model cannot be read any more."""
        try:
            shape = ModelShape.of(self._facts(note.path))
        except AppError as error:
            log.info("nothing learned from an answer", extra={"why": str(error)})
            return []
        if shape is None:
            return []
        settings = note.settings
        work = work_of(
            shape,
            layers_on=layers_on(note.memory, shape.n_layers),
            experts_on_cpu=settings.experts_on_cpu,
            kv_type_k=settings.kv_type_k,
            kv_type_v=settings.kv_type_v,
        )
        predictor = self._predictor(book, note.runtime)
        place = predictor.place(work)
        if place is None:
            return []
        asked = Asked(work, shape.architecture, model=note.fingerprint, settings=settings)
        found: list[tuple[Asked, float]] = []
        read = note.prompt_tokens - note.cached_tokens
        if note.prefill_seconds and read >= FEWEST_READ:
            prefill = replace(asked, test="prefill", tokens=read, depth=note.cached_tokens)
            found.append((prefill, read / note.prefill_seconds))
        if note.decode_tokens_per_second and note.completion_tokens >= FEWEST_DECODED:
            depth = note.prompt_tokens + note.completion_tokens // 2
            decode = replace(asked, tokens=note.completion_tokens, depth=depth)
            found.append((decode, note.decode_tokens_per_second))
        return [run_of(predictor, place, each, real) for each, real in found]


def run_of(predictor: Predictor, place: tuple[str, str, str], asked: Asked, real: float) -> Run:
    """A measured speed with what would have been predicted for it.

    Args:
        asked: with its model and settings.
    """
    assert asked.model is not None and asked.settings is not None
    prediction = predictor.predict(asked)
    build, backend, device = place
    return Run(
        build=build,
        backend=backend,
        device=device,
        fingerprint=asked.model,
        architecture=asked.architecture,
        settings=settings_key(asked.settings),
        test=asked.test,
        tokens=asked.tokens,
        depth=asked.depth,
        real=real,
        base=prediction.base.value if prediction and prediction.base else None,
        predicted=prediction.shown if prediction else None,
    )


def layers_on(memory: Sequence[DeviceMemory], n_layers: int) -> dict[str, int]:
    """How many layers each device besides the host got, by the weights it really holds."""
    total = sum(device.weights_bytes for device in memory)
    if not total:
        return {}
    return {
        device.name: round(n_layers * device.weights_bytes / total)
        for device in memory
        if device.name != HOST and device.weights_bytes
    }
