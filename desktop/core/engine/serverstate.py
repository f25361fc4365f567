"""Where an engine child is, and the small questions asked of it from outside."""

from __future__ import annotations

import http.client
import socket
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from desktop.core.errors import AppError


class ServerState(StrEnum):
    STARTING = "starting"
    LOADING = "loading"
    READY = "ready"
    STOPPING = "stopping"
    ENDED = "ended"


class LoadStage(StrEnum):
    READING = "reading file"
    PLACING = "placing layers"
    WARMING_UP = "warming up"


@dataclass(frozen=True)
class ServerStatus:
    """Where a child is. `value` (0..1) is how much of the tensors has been placed."""

    state: ServerState
    stage: LoadStage | None = None
    value: float = 0.0
    death: AppError | None = None


def overall(payload: dict[str, Any]) -> float:
    """How far all stages (model, draft, projector) are together."""
    stages, value = payload.get("stages"), payload.get("value")
    if not isinstance(value, int | float):
        return 0.0
    value = min(1.0, max(0.0, float(value)))
    if isinstance(stages, list) and payload.get("current") in stages:
        return (stages.index(payload["current"]) + value) / len(stages)
    return value


def free_port() -> int:
    """A port of 127.0.0.1 that is free now; another program may still take it first."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def ask(
    port: int, api_key: str, path: str, body: bytes | None = None, timeout_seconds: float = 2
) -> tuple[int, bytes]:
    """Status and body of a GET, or a POST of `body`, on this machine; (0, b"") when not up.

    Never through a proxy.
    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_seconds)
    headers = {"Authorization": f"Bearer {api_key}", "Content-Type": "application/json"}
    try:
        connection.request("GET" if body is None else "POST", path, body, headers)
        with connection.getresponse() as reply:
            return reply.status, reply.read(1 << 20)
    except (OSError, http.client.HTTPException):
        return 0, b""
    finally:
        connection.close()
