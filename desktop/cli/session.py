"""The running service, as a command meets it: found or started, with its notices told."""

from __future__ import annotations

from typing import Any

from desktop.cli.output import Output
from desktop.core.client.client import Client
from desktop.core.client.connect import connect, connect_or_start
from desktop.core.client.ending import has_ended, kill, wait_until_ended
from desktop.core.errors import AppError, ErrorCode
from desktop.core.paths import paths

__all__ = ["has_ended", "kill", "running", "started", "tell_notices", "wait_until_ended"]


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
