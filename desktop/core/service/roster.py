"""The models in engines and those who wait for them: what asking, loading and leaving share."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

from desktop.core.errors import AppError
from desktop.core.library.entry import ModelEntry
from desktop.core.service.loaded import Loaded
from desktop.core.service.queue import FairQueue

Publish = Callable[[str, dict[str, Any]], None]


class Roster:
    """Lives on the service's event loop; all its state changes there.

    Attributes:
        queue: who waits for a slot or for a load.
        staying: ids of models that make no room for others for now.
    """

    def __init__(self, publish: Publish) -> None:
        self.publish = publish
        self.queue = FairQueue()
        self.staying: Counter[str] = Counter()
        self._models: dict[str, Loaded] = {}
        self._changed = asyncio.Event()

    @property
    def models(self) -> tuple[Loaded, ...]:
        """In the engines, or on their way in or out; the latest last."""
        return tuple(self._models.values())

    def find(self, model_id: str) -> Loaded | None:
        return self._models.get(model_id)

    def add(self, loaded: Loaded) -> None:
        self._models[loaded.entry.id] = loaded
        self.tell(loaded)

    def forget(self, loaded: Loaded) -> None:
        """Its engine has ended."""
        loaded.gone.set()
        loaded.stop_clock()
        if self.find(loaded.entry.id) is loaded:
            del self._models[loaded.entry.id]

    def is_idle(self, loaded: Loaded) -> bool:
        """Whether nobody uses it or is to be served by it before it may leave."""
        return not loaded.active and not any(
            ticket.request is None and ticket.entry.id == loaded.entry.id and loaded.serves(ticket)
            for ticket in self.queue
        )

    def is_waited_for(self, model_id: str) -> bool:
        return any(ticket.entry.id == model_id for ticket in self.queue)

    def refuse(self, entry: ModelEntry, error: AppError, *, loads: bool = True) -> None:
        """Tell those who wait for a model (without `loads`: for a slot of it) that it is not to be
        had."""
        for ticket in self.queue:
            if ticket.entry.id == entry.id and (loads or ticket.request is None):
                self.queue.remove(ticket)
                ticket.refuse(error)

    def tell(self, loaded: Loaded) -> None:
        self.publish("model.changed", loaded.to_dict())

    # --- waiting for one another --------------------------------------------------------------

    def wake(self) -> None:
        """Something changed that a load or a model that leaves may wait for."""
        self._changed.set()

    async def change(self) -> None:
        """Return when something changes."""
        self._changed.clear()
        await self._changed.wait()
