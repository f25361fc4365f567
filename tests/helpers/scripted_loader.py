"""A loader of models for the supervisor whose engines are scripted: no process, no file.

`Room` is the machine: how much fits, what each model takes and costs, what fails and how often.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from desktop.core.engine.allocations import DeviceMemory
from desktop.core.engine.flags import LoadSettings
from desktop.core.engine.serverstate import ServerState, ServerStatus
from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken
from desktop.core.library.entry import ModelEntry
from desktop.core.service.ladder import next_step
from desktop.core.service.load_request import LoadRequest
from desktop.core.service.loaded import Prepared, Standing


def entry(name: str) -> ModelEntry:
    path = Path("/models") / f"{name}.gguf"
    return ModelEntry(
        id=name,
        path=path,
        shard_paths=(path,),
        size_bytes=100,
        fingerprint=f"quick-{name}",
        summary=None,
        error=None,
        kind="model",
        source="folder",
        root=path.parent,
    )


@dataclass
class Room:
    """The machine.

    Attributes:
        total: what fits at once.
        sizes: of each model; 1 where none is given.
        slots: of each load that does not say.
        wrong: raised by the next loads of a model, one each; an engine that runs out of memory is
            one of them.
        held: a load of such a model waits in its engine until the event is set.
        engines: every engine that was made, in that order.
        asked: (model, context) of every load that was decided.
        standing: what the latest decision saw of the others.
    """

    total: int = 10
    sizes: dict[str, int] = field(default_factory=dict)
    slots: int = 2
    wrong: dict[str, list[AppError]] = field(default_factory=dict)
    held: dict[str, threading.Event] = field(default_factory=dict)
    checking: dict[str, threading.Event] = field(default_factory=dict)
    engines: list[ScriptedEngine] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    written: list[str] = field(default_factory=list)
    standing: tuple[Standing, ...] = ()
    costs: dict[str, float] = field(default_factory=dict)
    cannot_write: Exception | None = None

    def size(self, name: str) -> int:
        return self.sizes.get(name, 1)

    @property
    def alive(self) -> list[str]:
        """The models in whose engine something still lies in memory."""
        return [each.model for each in self.engines if each.alive]


_pids = itertools.count(1_000_000_000)  # no process has such a number


class ScriptedEngine:
    """What the supervisor uses of `EngineServer`."""

    def __init__(self, room: Room, model: str, on_change: Callable[[ServerStatus], None]) -> None:
        self.room, self.model = room, model
        self.pid, self.base_url, self.api_key = next(_pids), "", ""
        self.state = ServerState.STARTING
        self.death: AppError | None = None
        self.stops = 0
        self.waiting = threading.Event()
        self._on_change = on_change
        self._poked = threading.Event()

    @property
    def memory(self) -> tuple[DeviceMemory, ...]:
        return (DeviceMemory("CPU", self.room.size(self.model), 0, 0),) if self.alive else ()

    @property
    def alive(self) -> bool:
        return self.state in (ServerState.LOADING, ServerState.READY)

    def start(self) -> None:
        self.state = ServerState.LOADING

    def wait_ready(self, timeout: float | None = None, cancel: CancelToken | None = None) -> None:
        self.waiting.set()
        gate = self.room.held.get(self.model)
        if gate is not None:
            undo = cancel.on_cancel(gate.set) if cancel else lambda: None
            assert gate.wait(20)
            undo()
        if cancel is not None and cancel.cancelled:
            self.state = ServerState.ENDED
            raise AppError(ErrorCode.CANCELLED)
        if wrong := self.room.wrong.get(self.model):
            self.state = ServerState.ENDED
            raise wrong.pop(0)
        self.state = ServerState.READY

    def stop(self, grace_seconds: float = 5.0) -> None:
        self.stops += 1
        self.state = ServerState.ENDED

    def die(self, reason: str = "GGML_ASSERT.") -> None:
        """As a crash; told from another thread, as by the thread that reads its output."""
        self.death = AppError(ErrorCode.ENGINE_DIED, model=self.model, reason=reason)
        self.state = ServerState.ENDED
        status = ServerStatus(ServerState.ENDED, death=self.death)
        reader = threading.Thread(target=self._on_change, args=(status,))
        reader.start()
        reader.join()


class ScriptedLoader:
    """Decides loads by `Room`, takes out what is cheapest to bring back, and never the pinned."""

    def __init__(self, room: Room) -> None:
        self.room = room

    def check(self, entry: ModelEntry, request: LoadRequest) -> None:
        gate = self.room.checking.get(entry.id)
        assert gate is None or gate.wait(20)

    def prepare(
        self,
        entry: ModelEntry,
        request: LoadRequest,
        cancel: CancelToken,
        others: Sequence[Standing] = (),
        expected: LoadSettings | None = None,
    ) -> Prepared:
        cancel.raise_if_cancelled()
        self.room.asked.append(entry.id)
        self.room.standing = tuple(others)
        settings = LoadSettings(
            context_tokens=request.context_tokens or 8192,
            slots=request.slots or self.room.slots,
            gpu_layers=0,
        )

        def new_server(on_change: Callable[[ServerStatus], None]) -> Any:
            engine = ScriptedEngine(self.room, entry.id, on_change)
            self.room.engines.append(engine)
            return engine

        # What leaves at this moment holds its memory, too.
        free = self.room.total - sum(self.room.size(name) for name in self.room.alive)
        need = self.room.size(entry.id)
        going: list[str] = []
        pool = [each for each in others if not each.pinned]
        cost = self.room.costs
        for each in sorted(pool, key=lambda one: (not one.idle, cost.get(one.id, 0.0))):
            if need > free:
                going.append(each.id)
                free += self.room.size(each.id)
        if need > free:
            short = {"need": f"{need} B", "available": f"{free} B", "device": "CPU"}
            raise AppError(ErrorCode.LOAD_WONT_FIT, model=entry.id, **short)
        return Prepared(settings, None, new_server, (), request, tuple(going))

    def lighter(self, entry: ModelEntry, prepared: Prepared) -> Prepared | None:
        step = next_step(prepared.settings, prepared.request, None)
        if step is None:
            return None
        return replace(prepared, settings=step[0], notices=(*prepared.notices, step[1]))

    def loaded(self, entry: ModelEntry, prepared: Prepared, server: Any) -> None:
        if self.room.cannot_write is not None:
            raise self.room.cannot_write
        self.room.written.append(entry.id)
