"""Waiting for a machine that nobody uses: no answer, no load, and a processor that rests."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from desktop.core.events import CancelToken
from desktop.core.hardware.usage import CpuUse

POLL_SECONDS = 0.5
QUIET_SECONDS = 10.0  # without an answer or a load
CALM_SECONDS = 5.0  # with a processor that rests
CALM_USE = 0.25  # no more of it is in use then
WATCH_SECONDS = 0.1


@dataclass(frozen=True)
class Idle:
    """Tells when a machine is idle.

    Attributes:
        quiet_seconds: for how long nobody has asked the service for an answer or a load; 0 while
            one is in progress.
        new_use: makes a gauge of the processor.
    """

    quiet_seconds: Callable[[], float]
    new_use: Callable[[], CpuUse] = CpuUse
    clock: Callable[[], float] = time.monotonic

    def wait(
        self,
        cancel: CancelToken,
        deadline: float,
        *,
        hurried: Callable[[], bool] = lambda: False,
        each: Callable[[], None] = lambda: None,
    ) -> bool:
        """Wait until it is idle; False when `deadline` (of `clock`) comes first.

        Args:
            hurried: asked at each look: whether it is enough that nothing is in progress now.
            each: called at each look; what it raises ends the waiting.

        Raises:
            AppError: CANCELLED.
        """
        use = self.new_use()
        calm_since = now = self.clock()
        while True:
            each()
            quiet = self.quiet_seconds()
            if hurried():
                if quiet > 0:
                    return True
            elif quiet >= QUIET_SECONDS and now - calm_since >= CALM_SECONDS:
                return True
            if now >= deadline:
                return False
            if cancel.wait(POLL_SECONDS):
                cancel.raise_if_cancelled()
            now = self.clock()
            if use.look() > CALM_USE:
                calm_since = now

    @contextlib.contextmanager
    def watched(self, leave: CancelToken) -> Iterator[None]:
        """While the block runs, cancel `leave` as soon as somebody asks for an answer or a load."""
        done = threading.Event()

        def watch() -> None:
            while not done.wait(WATCH_SECONDS):
                if self.quiet_seconds() == 0:
                    leave.cancel()
                    return

        watcher = threading.Thread(target=watch, name="idle-watch", daemon=True)
        watcher.start()
        try:
            yield
        finally:
            done.set()
            watcher.join()
