"""Finding the running service, and starting one where none runs."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from desktop.core.client.client import Client, Endpoint
from desktop.core.errors import AppError, ErrorCode
from desktop.core.paths import Paths, own_command
from desktop.core.version import ADMIN_API, VERSION

START_SECONDS = 30.0
_DYING_SECONDS = 1.0
# What a service exits with that found another one running, or no space: on a full disk it cannot
# leave a word.
EXIT_LOCKED = 3
EXIT_DISK_FULL = 4


def read_endpoint(paths: Paths) -> Endpoint | None:
    """What the service wrote of itself, or None; says nothing about whether it still lives."""
    try:
        found = json.loads(paths.endpoint_file.read_text("utf-8"))
        return Endpoint(
            str(found["host"]), int(found["port"]), str(found["token"]), int(found["pid"])
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _lives_on(pid: int) -> bool:
    """Whether the process still runs after a moment. One that is being killed has its sockets
    closed some time before it has ended."""
    deadline = time.monotonic() + _DYING_SECONDS
    while _alive(pid):
        if time.monotonic() > deadline:
            return True
        time.sleep(0.02)
    return False


def _alive(pid: int) -> bool:
    """Whether the process runs; one that has ended and was not taken note of does not."""
    import psutil  # type: ignore[import-untyped]

    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True


def _holder(lock_file: Path) -> str:
    """The number of the process that holds the service's lock, as it wrote it there."""
    try:
        return str(json.loads(lock_file.read_text("utf-8"))["pid"])
    except (OSError, ValueError, KeyError, TypeError):
        return "?"


def connect(paths: Paths) -> Client:
    """The running service.

    Raises:
        AppError: SERVICE_NOT_RUNNING, SERVICE_UNREACHABLE; SERVICE_VERSION, SERVICE_NEWER where
            it speaks another language.
    """
    endpoint = read_endpoint(paths)
    not_running = AppError(ErrorCode.SERVICE_NOT_RUNNING, data_dir=str(paths.data))
    if endpoint is None:
        raise not_running
    client = Client(endpoint)
    try:
        hello = client.hello()
    except AppError as error:
        if error.code is ErrorCode.SERVICE_UNREACHABLE and _lives_on(endpoint.pid):
            raise
        # Dead, or its port is another program's by now, which does not know the token.
        raise not_running from error
    spoken = hello.get("admin_api")
    if spoken != ADMIN_API:
        newer = isinstance(spoken, int) and spoken > ADMIN_API
        code = ErrorCode.SERVICE_NEWER if newer else ErrorCode.SERVICE_VERSION
        raise AppError(code, service=hello.get("version"), client=VERSION)
    return client


def connect_or_start(paths: Paths) -> Client:
    """The running service, or a new one, started detached, that ends a while after its last use.

    Raises:
        AppError: SERVICE_NOT_STARTING with the last lines of its log, DISK_FULL, SERVICE_LOCKED
            where another login's service holds the data, and what `connect` raises.
    """
    with contextlib.suppress(_NotRunning):
        return _connect_if_running(paths)
    paths.ensure()
    output = paths.logs / "service-start.log"
    options: dict[str, Any] = {}
    if sys.platform == "win32":
        options["creationflags"] = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.DETACHED_PROCESS
    else:
        options["start_new_session"] = True
    with output.open("wb") as sink:
        process = subprocess.Popen(
            own_command("_service"),
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            cwd=paths.data,
            **options,
        )
    # Whoever starts it may live longer than it does: somebody must take note of its end.
    threading.Thread(target=process.wait, name="service-reaper", daemon=True).start()
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(_NotRunning):
            client = _connect_if_running(paths)
            if os.name == "posix" and client.endpoint.pid != process.pid:
                # Another command's came first. Ours would become the service if that one ended
                # before ours had looked for it. (On Windows a launcher stands between.)
                process.terminate()
            return client
        if process.poll() == EXIT_DISK_FULL:
            reason_text = "The service needs some space to start."
            raise AppError(ErrorCode.DISK_FULL, path=str(paths.data), reason=reason_text)
        if process.poll() not in (None, EXIT_LOCKED):
            reason = output.read_text("utf-8", "replace").strip().splitlines()
            raise AppError(
                ErrorCode.SERVICE_NOT_STARTING,
                reason=" ".join(reason[-3:]) or f"It ended with code {process.returncode}.",
                log=str(output),
            )
        # EXIT_LOCKED: another command started one in the same moment; it will answer soon.
        time.sleep(0.02)
    if process.poll() == EXIT_LOCKED:
        # It runs, and its port and token are not where we look: another login's runtime folder.
        raise AppError(
            ErrorCode.SERVICE_LOCKED, pid=_holder(paths.lock_file), data_dir=str(paths.data)
        )
    reason_text = f"It did not answer within {START_SECONDS:.0f} seconds."
    raise AppError(ErrorCode.SERVICE_NOT_STARTING, reason=reason_text, log=str(output))


class _NotRunning(Exception):
    """No service answers (yet)."""


def _connect_if_running(paths: Paths) -> Client:
    try:
        return connect(paths)
    except AppError as error:
        if error.code is ErrorCode.SERVICE_NOT_RUNNING:
            raise _NotRunning from error
        raise
