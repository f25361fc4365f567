"""The running service, as a command meets it: found or started, with its notices told."""

from __future__ import annotations

import os
import sys
import time
from typing import Any

from desktop.cli.output import Output
from desktop.core.client.client import Client
from desktop.core.client.connect import connect, connect_or_start
from desktop.core.errors import AppError, ErrorCode
from desktop.core.paths import Paths, paths

STOP_SECONDS = 30.0
_LOOK_SECONDS = 0.05


def running(out: Output) -> Client | None:
    """The service if one runs; none is started."""
    try:
        client = connect(paths())
    except AppError as error:
        if error.code is ErrorCode.SERVICE_NOT_RUNNING:
            return None
        raise
    tell_notices(client.state(), out)
    return client


def started(out: Output) -> Client:
    """The service; one is started where none runs."""
    client = connect_or_start(paths())
    tell_notices(client.state(), out)
    return client


def tell_notices(state: dict[str, Any], out: Output) -> None:
    """What the service set aside or replaced: told in every mode, each text once."""
    for notice in state.get("notices") or ():
        out.once(str(notice["text"]))


def wait_until_ended(pid: int, limit_seconds: float = STOP_SECONDS) -> None:
    """Return when the service's process has gone.

    Raises:
        AppError: TIMED_OUT.
    """
    deadline = time.monotonic() + limit_seconds
    while not has_ended(pid):
        if time.monotonic() >= deadline:
            what = f"The end of the service (process {pid})"
            raise AppError(ErrorCode.TIMED_OUT, what=what, seconds=round(limit_seconds))
        time.sleep(_LOOK_SECONDS)


def kill(pid: int, where: Paths) -> bool:
    """End the process of a service that hangs, if it is one; its engines end with it.

    Its number may be another program's by now: it must be ours by its words, and be older than
    what it wrote of itself.
    """
    import psutil  # type: ignore[import-untyped]

    try:
        process = psutil.Process(pid)
        is_ours = {"_service", "serve"} & set(process.cmdline())
        if not is_ours or process.create_time() > where.endpoint_file.stat().st_mtime + 1:
            return False
        process.kill()
    except (psutil.Error, OSError):
        return False
    return True


def has_ended(pid: int) -> bool:
    """Whether a process is gone. One that only waits to be reaped counts: it holds nothing."""
    if sys.platform != "win32":
        try:
            if os.waitpid(pid, os.WNOHANG)[0] == pid:  # we started it ourselves
                return True
        except ChildProcessError:
            pass  # another's child: looked at below
    import psutil

    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True
    except psutil.AccessDenied:
        return False
