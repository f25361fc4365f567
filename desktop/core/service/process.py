"""The service as a process: in the foreground for `paddock serve`, or detached."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import signal
import sys
from typing import Any

from desktop.core import logs
from desktop.core.client.connect import EXIT_DISK_FULL, EXIT_LOCKED
from desktop.core.errors import AppError, ErrorCode
from desktop.core.files import disk_full
from desktop.core.paths import Paths, paths
from desktop.core.service.lock import ServiceLock
from desktop.core.service.preload import Wanted
from desktop.core.service.public import PublicAt
from desktop.core.service.service import OnReady, Service

log = logging.getLogger(__name__)

LINGER_SECONDS = 60.0


async def _run(
    where: Paths,
    on_ready: OnReady | None,
    linger_seconds: float | None,
    public: PublicAt | None,
    wanted: Wanted | None,
) -> None:
    lock = ServiceLock(where.lock_file)
    lock.acquire()
    try:
        service = Service(where, lock, linger_seconds)
        # What is loaded by now stays. Looking through all of it for what could be forgotten stopped
        # every stream for 40 to 100 ms, each time.
        gc.collect()
        gc.freeze()
        loop = asyncio.get_running_loop()
        if sys.platform != "win32":  # there Ctrl-C comes as KeyboardInterrupt
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(number, service.request_stop)
        await service.run(on_ready, public, wanted)
    finally:
        lock.release()


def _run_loop(work: Any) -> None:
    if sys.platform == "win32":
        asyncio.run(work)
    else:
        import uvloop

        uvloop.run(work)


def serve_foreground(
    where: Paths,
    public: PublicAt,
    wanted: Wanted,
    on_ready: OnReady,
) -> int:
    """Be the service, with the public face on, until SIGINT or SIGTERM.

    Raises:
        AppError: SERVICE_LOCKED where one runs already, and why it could not start.
    """
    where.ensure()
    logs.set_up(where.logs, "service")
    with contextlib.suppress(KeyboardInterrupt):
        _run_loop(_run(where, on_ready, None, public, wanted))
    return 0


def main(arguments: list[str]) -> int:
    """`_service`: the detached service that a window or a command starts."""
    where = paths().ensure()
    logs.set_up(where.logs, "service")
    linger = float(arguments[0]) if arguments else LINGER_SECONDS
    try:
        _run_loop(_run(where, None, linger, None, None))
    except AppError as error:
        print(f"{error} {error.remedy}", file=sys.stderr)  # the starter reads it
        log.error("the service did not start", extra={"code": error.code.value})
        codes = {ErrorCode.SERVICE_LOCKED: EXIT_LOCKED, ErrorCode.DISK_FULL: EXIT_DISK_FULL}
        return codes.get(error.code, 1)
    except OSError as error:
        if disk_full(error, where.data) is None:
            raise
        return EXIT_DISK_FULL
    except KeyboardInterrupt:
        return 0
    return 0
