"""A machine whose models are scripted, and those who ask for them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from desktop.core.service.loaded import ModelState
from desktop.core.service.supervisor import Supervisor
from tests.helpers.scripted_loader import Room, ScriptedLoader, entry

Json = dict[str, Any]


class Machine:
    """A supervisor, its room, and what it published."""

    def __init__(self) -> None:
        self.room = Room()
        self.events: list[tuple[str, Json]] = []
        self.queue_limit = 100
        self.keep_seconds: float | None = None
        self.supervisor = Supervisor(
            ScriptedLoader(self.room),
            lambda kind, data: self.events.append((kind, data)),
            lambda: self.queue_limit,
            1.0,
            lambda: self.keep_seconds,
        )

    def told(self, kind: str) -> list[Json]:
        return [data for each, data in self.events if each == kind]

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(10):
            while not condition():  # noqa: ASYNC110  (threads change it, too)
                await asyncio.sleep(0.002)

    async def use(self, name: str, *, key: str | None = None, keep: float | None = None) -> str:
        """One short answer of a model."""
        async with self.supervisor.slot(entry(name), key=key, keep_seconds=keep) as loaded:
            await asyncio.sleep(0)
            return loaded.entry.id

    def client(self, name: str, **how: Any) -> Client:
        return Client(self, name, **how)

    def ready(self) -> list[str]:
        return sorted(
            each.entry.id for each in self.supervisor.models if each.state is ModelState.READY
        )


class Client:
    """Somebody who holds a slot until told to go."""

    def __init__(self, machine: Machine, name: str, **how: Any) -> None:
        self._leave = asyncio.Event()
        self.has_slot = asyncio.Event()
        self.task = asyncio.create_task(self._hold(machine, name, how))

    async def _hold(self, machine: Machine, name: str, how: Json) -> None:
        async with machine.supervisor.slot(entry(name), **how):
            self.has_slot.set()
            await self._leave.wait()

    async def go(self) -> None:
        self._leave.set()
        await self.task
