"""Ending the service from outside: after its work, or by force where it hangs."""

from __future__ import annotations

import os
import sys
import time

from desktop.core.client.client import Client
from desktop.core.client.connect import read_endpoint
from desktop.core.errors import AppError, ErrorCode
from desktop.core.paths import Paths

END_SECONDS = 30.0
_ANSWER_SECONDS = 5.0
_LOOK_SECONDS = 0.05


def ask_to_make_room(where: Paths) -> None:
    """Have the service end as soon as its jobs and answers have, for another one to follow it.

    It may be of any version. Nothing happens where none runs.
    """
    endpoint = read_endpoint(where)
    if endpoint is not None:
        body = {"after_jobs": True}
        Client(endpoint).call("POST", "/stop", body, timeout_seconds=_ANSWER_SECONDS)


def kill_hanging(where: Paths) -> None:
    """End the service's process, whatever it is doing; its engines end with it.

    Raises:
        AppError: SERVICE_UNREACHABLE where the process is not one of ours, or does not end.
    """
    endpoint = read_endpoint(where)
    if endpoint is None or has_ended(endpoint.pid):
        return
    if not kill(endpoint.pid, where):
        reason = f"Process {endpoint.pid} could not be ended."
        raise AppError(ErrorCode.SERVICE_UNREACHABLE, reason=reason)
    wait_until_ended(endpoint.pid)


def wait_until_ended(pid: int, limit_seconds: float = END_SECONDS) -> None:
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
