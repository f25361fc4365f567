"""An engine that is here only while nobody else needs the machine: it leaves when it is asked to.

The test of a new model loads that model beside whatever is loaded. Before a load is priced, the
guest is sent away, so that the load is neither refused nor made smaller on its account.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

from desktop.core.events import CancelToken


class Guest:
    """At most one guest at a time; usable from any thread."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._leave: CancelToken | None = None
        self._closed = 0

    @contextlib.contextmanager
    def visit(self, leave: CancelToken) -> Iterator[None]:
        """Be the guest for as long as the block runs; `leave` is cancelled when it is to end.

        Where somebody sent guests away just now, it is cancelled already.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._leave is None)
            self._leave = leave
            sent_away = self._closed > 0
        if sent_away:
            leave.cancel()
        try:
            yield
        finally:
            with self._changed:
                self._leave = None
                self._changed.notify_all()

    @contextlib.contextmanager
    def away(self) -> Iterator[None]:
        """Send the guest away, wait until it is gone, and let none in while the block runs."""
        with self._changed:
            self._closed += 1
            leave = self._leave
        try:
            if leave is not None:
                leave.cancel()
            with self._changed:
                self._changed.wait_for(lambda: self._leave is None)
            yield
        finally:
            with self._changed:
                self._closed -= 1
