"""The one way from other threads to the main thread: a list, a lock, one queued signal."""

from __future__ import annotations

import threading
from collections.abc import Callable

from PySide6.QtCore import QObject, Qt, Signal


class Bridge(QObject):
    """Runs callables on the main thread, in order, as many as have gathered at a time."""

    _woken = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._lock = threading.Lock()
        self._waiting: list[Callable[[], None]] = []
        self._closed = False
        self._woken.connect(self._on_woken, Qt.ConnectionType.QueuedConnection)

    def post(self, call: Callable[[], None]) -> None:
        """Have `call` run on the main thread; from any thread."""
        with self._lock:
            if self._closed:
                return
            first = not self._waiting
            self._waiting.append(call)
            if first:
                self._woken.emit()

    def _on_woken(self) -> None:
        with self._lock:
            calls, self._waiting = self._waiting, []
        for call in calls:
            call()

    def close(self) -> None:
        """Run nothing any more: the window is going."""
        with self._lock:
            self._closed = True
            self._waiting.clear()
