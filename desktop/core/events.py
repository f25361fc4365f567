"""How long work speaks to whoever started it, and how it is told to stop.

Core functions take a `Reporter` and a `CancelToken` and know nothing of the caller: the window,
the command line, a job in the service and a test run the same code.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from desktop.core.errors import AppError, ErrorCode


@dataclass(frozen=True)
class Progress:
    """How far one piece of work is.

    Attributes:
        what: a short text for people, such as "prefill 512".
        done: how much is done, in `unit`.
        total: how much there is; None where nobody knows yet.
        unit: "bytes", "tests", "tokens", "files" or "steps".
        detail: more for who wants it, as JSON: of a download its files, speed and connections.
    """

    what: str
    done: float
    total: float | None = None
    unit: str = "steps"
    detail: dict[str, Any] | None = None


@dataclass(frozen=True)
class Notice:
    """Something the user must be told once: what was set aside or replaced, and where it is.

    Attributes:
        text: in English; for those of `core/notices.py` the window has it in other languages.
        params: what fills their words there, as JSON.
    """

    code: str
    text: str
    params: dict[str, Any] = field(default_factory=dict)


class Reporter(Protocol):
    """Receives progress and lines of log; called from any thread, must not block or raise."""

    def progress(self, progress: Progress) -> None: ...

    def log(self, line: str) -> None: ...


class NullReporter:
    """A reporter for callers that do not listen."""

    def progress(self, progress: Progress) -> None:
        return None

    def log(self, line: str) -> None:
        return None


class CancelToken:
    """A flag that is set once, with callbacks that run once; safe from any thread."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._callbacks: list[Callable[[], None]] = []

    @property
    def cancelled(self) -> bool:
        return self._event.is_set()

    def cancel(self) -> None:
        with self._lock:
            if self._event.is_set():
                return
            self._event.set()
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback()

    def on_cancel(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Run `callback` when cancelled (at once if it is already); returns what undoes it."""
        with self._lock:
            if not self._event.is_set():
                self._callbacks.append(callback)
                return lambda: self._forget(callback)
        callback()
        return lambda: None

    def _forget(self, callback: Callable[[], None]) -> None:
        with self._lock:
            if callback in self._callbacks:
                self._callbacks.remove(callback)

    def wait(self, timeout_seconds: float) -> bool:
        """Wait until cancelled or the time is over; True when cancelled."""
        return self._event.wait(timeout_seconds)

    def raise_if_cancelled(self) -> None:
        if self._event.is_set():
            raise AppError(ErrorCode.CANCELLED)
