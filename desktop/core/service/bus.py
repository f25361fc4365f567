"""The event stream: typed events with `{epoch, seq}`, a ring of 10,000, resync past its end."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import deque
from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace
from typing import Any

RING_SIZE = 2_000


@dataclass(frozen=True)
class Event:
    """Something that happened. `epoch` names the run of the service, `seq` counts within it."""

    epoch: str
    seq: int
    type: str
    time: float
    data: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        return {
            "epoch": self.epoch,
            "seq": self.seq,
            "type": self.type,
            "time": self.time,
            "data": self.data,
        }


class EventBus:
    """Keeps the last events and wakes those who follow. `publish` may be called from any thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop, ring_size: int = RING_SIZE) -> None:
        self.epoch = secrets.token_hex(8)
        self._loop = loop
        self._ring: deque[Event] = deque(maxlen=ring_size)
        self._seq = 0
        self._progress: dict[Any, int] = {}  # the number of each job's newest progress
        self._changed = asyncio.Event()
        self._closed = False
        self.followers = 0

    @property
    def seq(self) -> int:
        """The number of the newest event."""
        return self._seq

    def publish(self, event_type: str, data: dict[str, Any]) -> None:
        try:
            running = asyncio.get_running_loop()
        except RuntimeError:
            running = None
        if running is self._loop:
            self._append(event_type, data)
        elif not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._append, event_type, data)

    def close(self) -> None:
        """End every follower's stream: the service stops."""
        self._closed = True
        self._changed.set()

    def _append(self, event_type: str, data: dict[str, Any]) -> None:
        self._seq += 1
        if event_type == "job.progress":
            self._thin(data["id"])
        self._ring.append(Event(self.epoch, self._seq, event_type, time.time(), data))
        self._changed.set()
        self._changed = asyncio.Event()

    def _thin(self, job_id: Any) -> None:
        """Forget the details of a job's last progress: those of the next one are there. They are
        told many times a second, and ten thousand of them would be a lot of memory."""
        place = self._progress.get(job_id, 0) - self._seq + len(self._ring)
        if 0 <= place < len(self._ring):
            old = self._ring[place]
            progress = {k: v for k, v in old.data["progress"].items() if k != "detail"}
            self._ring[place] = replace(old, data={**old.data, "progress": progress})
        self._progress[job_id] = self._seq

    async def follow(self, epoch: str | None, after: int) -> AsyncGenerator[Event, None]:
        """Events after `after` of `epoch`, then every new one.

        A follower of another epoch, or one the ring has left behind, first gets one event of type
        "resync": it reads the state again and goes on from that event's `seq`.
        """
        self.followers += 1
        try:
            if epoch != self.epoch or after > self._seq:
                after = self._seq
                yield self._resync()
            while True:
                changed = self._changed
                if after < self._seq:
                    oldest = self._seq - len(self._ring) + 1
                    if after + 1 < oldest:
                        after = self._seq
                        yield self._resync()
                        continue
                    for event in [self._ring[-n] for n in range(self._seq - after, 0, -1)]:
                        yield event
                        after = event.seq
                    continue
                if self._closed:
                    return
                await changed.wait()
        finally:
            self.followers -= 1

    def _resync(self) -> Event:
        return Event(self.epoch, self._seq, "resync", time.time(), {})
