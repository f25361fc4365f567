"""The memory bandwidth of a machine on which it was never measured: once, when nobody uses it.

Without it nothing is known of the processor's speed, and so nothing of how fast models will be.
"""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable
from typing import Any

from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken
from desktop.core.hardware import bandwidth
from desktop.core.hardware.cpu import probe_cpu
from desktop.core.hardware.memory import probe_memory
from desktop.core.jobs.idle import Idle
from desktop.core.paths import Paths
from desktop.core.service.guest import Guest

log = logging.getLogger(__name__)

MEASURED = "hardware.measured"


class FirstMeasurement:
    """Args:
    idle: tells when nobody uses the machine, jobs that measure among them.
    publish: told `MEASURED` when there is a figure, whoever measured it.
    """

    def __init__(
        self,
        where: Paths,
        idle: Idle,
        guest: Guest,
        publish: Callable[[str, dict[str, Any]], None],
        measure: Callable[..., bandwidth.Bandwidth] = bandwidth.measure,
    ) -> None:
        self._where = where
        self._idle = idle
        self._guest = guest
        self._publish = publish
        self._measure = measure
        self._cancel = CancelToken()
        self._thread = threading.Thread(target=self._run, name="first-measurement", daemon=True)

    def start(self) -> None:
        """Wait for an idle machine and measure, where no figure is kept; in a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """Return when nothing is measured any more."""
        self._cancel.cancel()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        if self._kept() is not None:
            return
        try:
            found = self._when_idle()
        except AppError as error:
            if error.code is not ErrorCode.CANCELLED:
                log.warning("the bandwidth is not known", extra={"why": str(error)})
            return
        self._publish(MEASURED, {"bandwidth_gb_per_second": found.gb_per_second})

    def _when_idle(self) -> bandwidth.Bandwidth:
        while True:
            self._idle.wait(self._cancel, math.inf)
            # The window or a command may have measured meanwhile.
            found = self._kept() or self._try()
            if found is not None:
                return found

    def _kept(self) -> bandwidth.Bandwidth | None:
        return bandwidth.load(self._where.cache, probe_cpu(), probe_memory())

    def _try(self) -> bandwidth.Bandwidth | None:
        """Measure; None when somebody needs the machine.

        Raises:
            AppError: CANCELLED, TIMED_OUT, PROBE_FAILED.
        """
        leave = CancelToken()
        undo = self._cancel.on_cancel(leave.cancel)
        try:
            with self._idle.watched(leave), self._guest.visit(leave):
                return self._measure(
                    self._where.cache,
                    probe_cpu(),
                    probe_memory(),
                    work_root=self._where.work,
                    cancel=leave,
                    quick=True,
                )
        except AppError as error:
            if error.code is not ErrorCode.CANCELLED:
                raise
            self._cancel.raise_if_cancelled()
            return None
        finally:
            undo()
