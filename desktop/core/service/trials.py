"""Opens trials of files that lie somewhere: in the library, on a server, on the hub.

What is left open is what a load would take: what is saved for the model, then what the settings
say, then what fits. For threads without an event loop. Nothing here asks the network but `remote`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from desktop.core.engine.runtime import Runtime
from desktop.core.engine.store import RuntimeStore
from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken, Reporter
from desktop.core.fit.devices import gpus_on
from desktop.core.fit.estimate import HOST
from desktop.core.fit.formula import HostTraits
from desktop.core.fit.pricing import Pricing
from desktop.core.fit.speed_book import SpeedBook
from desktop.core.fit.speed_here import predictor_here
from desktop.core.fit.subject import Finder, Subject
from desktop.core.fit.trial import Held, Place, PricedFile, Trial
from desktop.core.gguf.reader import HeaderReader
from desktop.core.gguf.shape import ModelShape
from desktop.core.hardware.cpu import probe_cpu
from desktop.core.hardware.memory import MemoryInfo, probe_memory
from desktop.core.hub.access import web_settings
from desktop.core.library.library import Library
from desktop.core.library.reading import read_library
from desktop.core.paths import Paths
from desktop.core.service.companions import CompanionFinder, wishes_of
from desktop.core.service.model_settings import read_saved
from desktop.core.settings import Settings, SettingsFile


class _Tools(NamedTuple):
    settings: Settings
    finder: Finder
    companions: CompanionFinder


class TrialSources:
    """Where trials come from.

    Args:
        runtime: the engine's id; None: what the settings say.
    """

    def __init__(self, where: Paths, runtime: str | None = None) -> None:
        self._where = where
        self._runtime = runtime

    def local(self, entry: Mapping[str, Any], held: Held) -> Trial:
        """Of a model of the library (`ModelEntry.to_dict`).

        Args:
            held: what the model that is loaded now gives back first.

        Raises:
            AppError: MODEL_NOT_FOUND where it is gone; GGUF_* and MODEL_BROKEN; ENGINE_* where
                there is no engine.
        """
        if not Path(entry["path"]).is_file():
            raise AppError(ErrorCode.MODEL_NOT_FOUND, model=entry["id"])
        with self._tools() as tools, tools.finder.find(entry["path"]) as found:
            mmproj = Path(entry["mmproj"]) if entry.get("mmproj") else None
            subject = replace(found, name=str(entry["id"]), mmproj=mmproj)
            files = [Path(each) for each in entry["shard_paths"]]
            return self._trial(subject, files, held, tools)

    def remote(
        self, name: str, held: Held, reporter: Reporter | None, cancel: CancelToken | None
    ) -> tuple[Trial, Subject]:
        """Of a file that is not here: its header is read. The trial keeps its stub till closed.

        Raises:
            AppError: what `Finder.find` raises; ENGINE_* where there is no engine.
        """
        with self._tools() as tools, contextlib.ExitStack() as stack:
            subject = stack.enter_context(tools.finder.find(name, reporter, cancel))
            trial = self._trial(subject, [subject.path], held, tools)
            kept = stack.pop_all()
            trial.on_close(kept.close)
            return trial, subject

    @contextlib.contextmanager
    def _tools(self) -> Iterator[_Tools]:
        where = self._where
        settings = SettingsFile(where.settings_file).settings
        with HeaderReader(where.cache / "headers", work_root=where.work) as reader:

            @cache
            def library() -> Library:
                return read_library(where, reader, settings)

            finder = Finder(where, reader, library, web_settings(where))
            companions = CompanionFinder(lambda name: library().resolve(name), reader)
            yield _Tools(settings, finder, companions)

    def _trial(self, subject: Subject, files: list[Path], held: Held, tools: _Tools) -> Trial:
        where, settings = self._where, tools.settings
        chosen = self._runtime or settings.engine.runtime
        runtime = _emptied(RuntimeStore(where, chosen).current(), held)
        memory = probe_memory()
        memory = replace(memory, available_bytes=_freed(memory, held))
        shape, trained = ModelShape.of(subject.facts), subject.summary.context_tokens
        saved = read_saved(where.database, subject.fingerprint, subject.load_defaults)
        beside = tools.companions.find(subject.name, files, saved, mmproj=subject.mmproj)
        pricing = Pricing(
            runtime,
            subject.path,
            subject.name,
            subject.summary,
            shape=shape,
            mmproj=beside.mmproj,
            draft_shape=beside.draft_shape,
            memory=memory,
            memory_limit_gib=settings.load.memory_limit_gib,
            work_root=where.work,
        )
        file = PricedFile(
            subject.name,
            shape,
            trained,
            embedding=subject.summary.is_embedding,
            fingerprint=subject.fingerprint,
        )
        place = place_of_runtime(where, runtime, pricing, memory)
        return Trial(file, place, pricing, base=wishes_of(saved, beside, settings.load, trained))


def place_of_runtime(where: Paths, runtime: Runtime, pricing: Pricing, memory: MemoryInfo) -> Place:
    """This machine as an engine sees it."""
    totals = {each.name: each.total_bytes for each in runtime.devices}
    return Place(
        pricing.available,
        gpus_on(runtime.devices),
        predictor_here(SpeedBook.open(where), runtime, where.cache),
        {HOST: memory.total_bytes, **totals},
        HostTraits.of(probe_cpu().instruction_sets),
    )


def _freed(memory: MemoryInfo, held: Held) -> int:
    return min(memory.total_bytes, memory.available_bytes + held.get(HOST, 0))


def _emptied(runtime: Runtime, held: Held) -> Runtime:
    """The runtime with what the loaded model holds counted as free."""
    devices = tuple(
        replace(each, free_bytes=min(each.total_bytes, each.free_bytes + held.get(each.name, 0)))
        for each in runtime.devices
    )
    return replace(runtime, devices=devices)
