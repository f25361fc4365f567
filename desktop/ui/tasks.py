"""Work off the main thread: calls of the service and pure core functions."""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
from collections.abc import Callable
from typing import TypeVar

from PySide6.QtCore import QObject

from desktop.core.errors import AppError, ErrorCode
from desktop.ui.bridge import Bridge

log = logging.getLogger(__name__)

T = TypeVar("T")

_THREADS = 12


class Tasks(QObject):
    """A thread pool whose results come back on the main thread.

    Its threads are daemons, unlike those of a ThreadPoolExecutor: a call that a hanging service
    never answers must not keep a closed window's process.
    """

    def __init__(self, bridge: Bridge, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._waiting: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._idle = threading.Semaphore(0)
        self._threads: list[threading.Thread] = []

    def run(
        self,
        work: Callable[[], T],
        done: Callable[[T], None] | None = None,
        failed: Callable[[AppError], None] | None = None,
    ) -> None:
        """Do `work` in a thread, then call `done` or `failed` on the main thread.

        An error nobody asked for is logged; an unexpected exception becomes INTERNAL.
        """

        def job() -> None:
            try:
                result = work()
            except AppError as error:
                self._bridge.post(lambda error=error: _fail(failed, error))  # type: ignore[misc]
            except Exception as error:
                log.exception("a task of the window failed")
                wrapped = AppError(ErrorCode.INTERNAL, reason=f"{type(error).__name__}: {error}")
                self._bridge.post(lambda: _fail(failed, wrapped))
            else:
                if done is not None:
                    self._bridge.post(lambda: done(result))

        self._waiting.put(job)
        if not self._idle.acquire(blocking=False) and len(self._threads) < _THREADS:
            name = f"ui-task-{len(self._threads)}"
            thread = threading.Thread(target=self._work, name=name, daemon=True)
            self._threads.append(thread)
            thread.start()

    def post(self, call: Callable[[], None]) -> None:
        """Have `call` run on the main thread: what a long work tells meanwhile."""
        self._bridge.post(call)

    def _work(self) -> None:
        while (job := self._waiting.get()) is not None:
            job()
            self._idle.release()

    def close(self) -> None:
        """Begin nothing more and tell nobody of what still runs."""
        self._bridge.close()
        with contextlib.suppress(queue.Empty):
            while True:
                self._waiting.get_nowait()
        for _ in self._threads:
            self._waiting.put(None)


def _fail(failed: Callable[[AppError], None] | None, error: AppError) -> None:
    if failed is not None:
        failed(error)
    else:
        log.warning("a task failed", extra={"code": error.code.value, "reason": str(error)})
