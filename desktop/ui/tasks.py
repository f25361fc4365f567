"""Work off the main thread: calls of the service and pure core functions."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from PySide6.QtCore import QObject

from desktop.core.errors import AppError, ErrorCode
from desktop.ui.bridge import Bridge

log = logging.getLogger(__name__)

T = TypeVar("T")


class Tasks(QObject):
    """A thread pool whose results come back on the main thread."""

    def __init__(self, bridge: Bridge, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._pool = ThreadPoolExecutor(max_workers=12, thread_name_prefix="ui-task")

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

        self._pool.submit(job)

    def close(self) -> None:
        self._bridge.close()
        self._pool.shutdown(wait=False, cancel_futures=True)


def _fail(failed: Callable[[AppError], None] | None, error: AppError) -> None:
    if failed is not None:
        failed(error)
    else:
        log.warning("a task failed", extra={"code": error.code.value, "reason": str(error)})
