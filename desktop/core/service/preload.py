"""Models that are to be there from the start, loaded beside each other."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from desktop.core.errors import AppError, ErrorCode
from desktop.core.library.entry import ModelEntry
from desktop.core.service.load_request import LoadRequest
from desktop.core.service.supervisor import Supervisor

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Wanted:
    """Models by name, and whether they never make room for others."""

    names: Sequence[str] = ()
    pinned: bool = False


class Preload:
    """Loads lists of models; none of a list makes room for another one of it.

    Args:
        find: the model of a name.
        names: the setting's list, read anew each time the server is switched on.
        publish: told of what could not be loaded, as "model.failed".
    """

    def __init__(
        self,
        supervisor: Supervisor,
        find: Callable[[str], Awaitable[ModelEntry]],
        names: Callable[[], Sequence[str]],
        publish: Callable[[str, dict[str, Any]], None],
    ) -> None:
        self._supervisor = supervisor
        self._find = find
        self._names = names
        self._publish = publish
        self._task: asyncio.Task[None] | None = None
        self._on = False

    async def load_unless(self, stop: asyncio.Event, wanted: Wanted) -> None:
        """As `load`, but given up as soon as the service is to end: a large model takes minutes."""
        loading = asyncio.create_task(self.load(wanted))
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({loading, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if loading.done():
                await loading
        finally:
            for task in (loading, stopping):
                task.cancel()
            await asyncio.gather(loading, stopping, return_exceptions=True)

    async def load(self, wanted: Wanted) -> None:
        """Load them one after the other; returns when all are ready.

        Raises:
            AppError: why one of them could not be loaded; those before it stay.
        """
        request = LoadRequest(pinned=True if wanted.pinned else None)
        entries = [await self._find(name) for name in wanted.names]
        with self._together(entries):
            for entry in entries:
                await self._supervisor.load(entry, request)

    def switched(self, on: bool) -> None:
        """The server was switched on, off, or elsewhere: what the settings list is loaded when it
        goes on, in the background, and what is not loaded yet is left when it goes off."""
        if on and not self._on:
            self._task = asyncio.create_task(self._load_listed())
        elif not on and self._task is not None:
            self._task.cancel()
        self._on = on

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _load_listed(self) -> None:
        entries = []
        for name in self._names():
            try:
                entries.append(await self._find(name))
            except AppError as error:
                # Nobody else has told it: the supervisor never heard of the model.
                log.warning("a listed model was not found", extra={"model": name})
                self._publish("model.failed", {"id": name, "error": error.to_dict()})
        with self._together(entries):
            for entry in entries:
                try:
                    await self._supervisor.load(entry, LoadRequest())
                except AppError as error:
                    if error.code is ErrorCode.SERVICE_STOPPING:
                        return
                    log.warning("a listed model was not loaded", extra={"model": entry.id})

    @contextlib.contextmanager
    def _together(self, entries: Sequence[ModelEntry]) -> Iterator[None]:
        """These stay while the block runs, whatever else needs room."""
        staying = self._supervisor.staying
        staying.update(entry.id for entry in entries)
        try:
            yield
        finally:
            staying.subtract(entry.id for entry in entries)
