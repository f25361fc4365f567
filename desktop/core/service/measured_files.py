"""What the service does for jobs that measure files: prices them, and remembers what came out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, cast

from desktop.core.engine.runtime import Runtime
from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken
from desktop.core.fit.estimate import HOST, check_fits
from desktop.core.fit.expected import layers_on
from desktop.core.fit.losses import LossStore, MeasuredLoss
from desktop.core.fit.pricing import Pricing
from desktop.core.fit.speed_book import SpeedBook, SpeedStore
from desktop.core.fit.speed_predict import Asked, Predictor
from desktop.core.fit.speed_work import work_of
from desktop.core.gguf.facts import merge_facts
from desktop.core.gguf.reader import HeaderReader
from desktop.core.gguf.shape import ModelShape
from desktop.core.gguf.summary import merge
from desktop.core.hardware.memory import MemoryInfo, probe_memory
from desktop.core.jobs.handlers.quantize_host import Priced
from desktop.core.library.identity import fingerprint_of, hash_cache
from desktop.core.library.library import Library
from desktop.core.paths import Paths
from desktop.core.service.admission import freed
from desktop.core.service.companions import Companions, wishes_of
from desktop.core.service.learning import run_of
from desktop.core.service.load_request import LoadRequest
from desktop.core.service.loaded import Standing
from desktop.core.settings import Settings


class MeasuredFiles:
    """The `Host` of jobs that measure files; its methods are called in worker threads.

    Args:
        loaded: the models in the engines now.
        predictor: what would be predicted with a runtime.
        publish: tells everyone what changed.
    """

    def __init__(
        self,
        paths: Paths,
        reader: HeaderReader,
        losses: LossStore,
        speeds: SpeedStore,
        *,
        settings: Callable[[], Settings],
        loaded: Callable[[], Iterable[Standing]],
        predictor: Callable[[SpeedBook, Runtime], Predictor],
        library: Library,
        publish: Callable[[str, dict[str, Any]], None],
    ) -> None:
        self._paths = paths
        self._reader = reader
        self._losses = losses
        self._speeds = speeds
        self._settings = settings
        self._loaded = loaded
        self._predictor = predictor
        self._library = library
        self._publish = publish
        self._hashes = hash_cache(paths.cache / "hashes")

    def price(self, files: Sequence[Path], runtime: Runtime, cancel: CancelToken) -> Priced:
        """As somebody would load it who says nothing, when what is loaded now has left."""
        defaults, loaded = self._settings().load, list(self._loaded())
        summary = merge([self._reader.read(each) for each in files])
        pricing = Pricing(
            runtime,
            files[0],
            files[0].stem,
            summary,
            shape=self._shape(files),
            memory=_emptied(probe_memory(), loaded),
            memory_limit_gib=defaults.memory_limit_gib,
            cancel=cancel,
            work_root=self._paths.work,
        )
        wishes = wishes_of(LoadRequest(), Companions(), defaults, summary.context_tokens)
        settings = pricing.decide(wishes)
        try:
            estimate = pricing.of(settings)
        except AppError as error:
            if error.code is ErrorCode.CANCELLED:
                raise
            # It does not fit, or this engine cannot plan it, and then it is not known to fit.
            return Priced(settings, None, False)
        on_devices = [each for each in pricing.available if each.name != HOST]
        host = [each for each in pricing.available if each.name == HOST]
        room = (*host, *freed(on_devices, loaded))
        return Priced(settings, estimate, check_fits(estimate, room) is None)

    def keep(
        self,
        files: Sequence[Path],
        loss: MeasuredLoss | None,
        speeds: Mapping[str, tuple[int, float]],
        priced: Priced,
        runtime: Runtime,
    ) -> None:
        fingerprint = fingerprint_of(files, self._hashes)
        if loss is not None:
            self._losses.add(fingerprint, loss)
        self._learn(fingerprint, files, speeds, priced, runtime)
        change = self._library.note_again()
        if change:
            self._publish("library.changed", vars(change))

    def _learn(
        self,
        fingerprint: str,
        files: Sequence[Path],
        speeds: Mapping[str, tuple[int, float]],
        priced: Priced,
        runtime: Runtime,
    ) -> None:
        """As if it had answered: the same figures, of the same settings."""
        shape, settings = self._shape(files), priced.settings
        if shape is None or priced.estimate is None or not speeds:
            return
        work = work_of(
            shape,
            layers_on=layers_on(shape, priced.estimate),
            experts_on_cpu=settings.experts_on_cpu,
            kv_type_k=settings.kv_type_k,
            kv_type_v=settings.kv_type_v,
        )
        predictor = self._predictor(self._speeds.book(), runtime)
        place = predictor.place(work)
        if place is None:
            return
        runs = []
        for test, (tokens, real) in speeds.items():
            asked = Asked(
                work,
                shape.architecture,
                cast("Literal['prefill', 'decode']", test),
                depth=tokens // 2 if test == "decode" else 0,
                tokens=tokens,
                model=fingerprint,
                settings=settings,
            )
            runs.append(run_of(predictor, place, asked, real))
        self._speeds.add(runs)

    def _shape(self, files: Sequence[Path]) -> ModelShape | None:
        return ModelShape.of(merge_facts([self._reader.read_facts(each) for each in files]))


def _emptied(memory: MemoryInfo, loaded: Iterable[Standing]) -> MemoryInfo:
    """The memory when these models have left it."""
    held = sum(each.devices.get(HOST, 0) - each.mapped_bytes for each in loaded)
    return replace(
        memory, available_bytes=min(memory.total_bytes, memory.available_bytes + max(0, held))
    )
