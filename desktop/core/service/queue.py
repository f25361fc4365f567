"""The line of those who wait for a model: fair between keys, first come first for each of them.

Fair queueing with equal shares: each ticket of a key stands behind the key's ticket before it, as
many steps as it takes slots, but never before the step that was last served. A key that sends a
hundred requests at once waits behind the single request of another one, not the other way round.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator

from desktop.core.service.loaded import Ticket


class FairQueue:
    """Tickets in the order in which they are served."""

    def __init__(self) -> None:
        self._tickets: list[Ticket] = []
        self._steps: dict[str | None, float] = {}
        self._now = 0.0
        self._count = 0

    def __len__(self) -> int:
        return len(self._tickets)

    def __iter__(self) -> Iterator[Ticket]:
        """The first first; the line may change meanwhile."""
        return iter(tuple(self._tickets))

    def __contains__(self, ticket: Ticket) -> bool:
        return ticket in self._tickets

    def push(self, ticket: Ticket) -> None:
        self._count += 1
        step = max(self._now, self._steps.get(ticket.key, 0.0)) + ticket.answers
        self._steps[ticket.key] = step
        ticket.place = (step, self._count)
        bisect.insort(self._tickets, ticket, key=lambda each: each.place)

    def serve(self, ticket: Ticket) -> None:
        """Take out one whose turn has come."""
        self._now = max(self._now, ticket.place[0])
        self.remove(ticket)

    def remove(self, ticket: Ticket) -> None:
        """Take out one that does not wait any more."""
        self._tickets.remove(ticket)
        if not self._tickets:
            self._steps.clear()
            self._now = 0.0

    def clear(self) -> list[Ticket]:
        tickets, self._tickets = self._tickets, []
        self._steps.clear()
        return tickets
