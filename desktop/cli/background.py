"""Blocking calls beside a main thread that stays awake for Ctrl-C.

A read from a socket cannot be interrupted on every system, so it is done in another thread; what
it finds on the way is handed to the main thread, which alone prints.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

R = TypeVar("R")

_LOOK_SECONDS = 0.25  # Windows notices Ctrl-C between waits only


class Background(Generic[R]):
    """`work(emit)` in a thread of its own. Iterate over what it emits, then take `result`.

    Ctrl-C is raised by the iteration; the work goes on behind it until its own cancel reaches it.
    """

    def __init__(self, work: Callable[[Callable[[Any], None]], R], name: str = "work") -> None:
        self._queue: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        self._outcome: tuple[str, Any] | None = None
        threading.Thread(target=self._run, args=(work,), name=name, daemon=True).start()

    def _run(self, work: Callable[[Callable[[Any], None]], R]) -> None:
        try:
            self._queue.put(("result", work(lambda item: self._queue.put(("item", item)))))
        except BaseException as error:  # raised again in the main thread, whatever it is
            self._queue.put(("error", error))

    def __iter__(self) -> Iterator[Any]:
        while self._outcome is None:
            try:
                kind, value = self._queue.get(timeout=_LOOK_SECONDS)
            except queue.Empty:
                continue
            if kind == "item":
                yield value
            else:
                self._outcome = (kind, value)

    @property
    def result(self) -> R:
        """What the work returned; raises what it raised. Waits for it."""
        for _ in self:
            continue
        assert self._outcome is not None
        kind, value = self._outcome
        if kind == "error":
            raise value
        found: R = value
        return found


def call(work: Callable[[], R], name: str = "work") -> R:
    """The result of a blocking call that Ctrl-C may leave behind."""
    return Background(lambda emit: work(), name).result
