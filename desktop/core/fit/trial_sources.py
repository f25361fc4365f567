"""Opens trials of files that lie somewhere: in the library, on a server, on the hub.

For threads without an event loop. Nothing here asks the network but `remote`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

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
from desktop.core.fit.trial import Place, PricedFile, Trial
from desktop.core.gguf.reader import HeaderReader
from desktop.core.gguf.shape import ModelShape
from desktop.core.hardware.cpu import probe_cpu
from desktop.core.hardware.memory import MemoryInfo, probe_memory
from desktop.core.library.reading import read_library
from desktop.core.paths import Paths
from desktop.core.settings import SettingsFile
from desktop.core.web import WebSettings

Held = Mapping[str, int]  # device -> bytes


def held_bytes(loaded: Mapping[str, Any] | None) -> dict[str, int]:
    """What the loaded model (`Loaded.to_dict`) gives back before another is loaded."""
    parts = ("weights_bytes", "kv_bytes", "compute_bytes")
    devices = (loaded or {}).get("memory") or ()
    return {each["name"]: sum(int(each[part]) for part in parts) for each in devices}


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
        with self._finder() as finder, finder.find(entry["path"]) as found:
            mmproj = Path(entry["mmproj"]) if entry.get("mmproj") else None
            subject = replace(found, name=str(entry["id"]), mmproj=mmproj)
            return self._trial(subject, held, contextlib.ExitStack())

    def remote(
        self, name: str, held: Held, reporter: Reporter | None, cancel: CancelToken | None
    ) -> tuple[Trial, Subject]:
        """Of a file that is not here: its header is read. The trial keeps its stub till closed.

        Raises:
            AppError: what `Finder.find` raises; ENGINE_* where there is no engine.
        """
        with contextlib.ExitStack() as stack:
            finder = stack.enter_context(self._finder())
            subject = stack.enter_context(finder.find(name, reporter, cancel))
            return self._trial(subject, held, stack.pop_all()), subject

    @contextlib.contextmanager
    def _finder(self) -> Iterator[Finder]:
        where = self._where
        with HeaderReader(where.cache / "headers", work_root=where.work) as reader:
            folders = SettingsFile(where.settings_file).settings.library.folders
            yield Finder(
                where,
                reader,
                lambda: read_library(where, reader, folders),
                WebSettings.from_environment(),
            )

    def _trial(self, subject: Subject, held: Held, stack: contextlib.ExitStack) -> Trial:
        where = self._where
        try:
            chosen = self._runtime or SettingsFile(where.settings_file).settings.engine.runtime
            runtime = _emptied(RuntimeStore(where, chosen).current(), held)
            memory = probe_memory()
            memory = replace(memory, available_bytes=_freed(memory, held))
            shape = ModelShape.of(subject.facts)
            pricing = Pricing(
                runtime,
                subject.path,
                subject.name,
                subject.summary,
                shape=shape,
                mmproj=subject.mmproj,
                memory=memory,
                work_root=where.work,
            )
            file = PricedFile(
                subject.name,
                shape,
                subject.summary.context_tokens,
                embedding=subject.summary.is_embedding,
                fingerprint=subject.fingerprint,
            )
            place = place_of_runtime(where, runtime, pricing, memory)
        except BaseException:
            stack.close()
            raise
        return Trial(file, place, pricing, close=stack.close)


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
