"""Requests that have ended, for tests of what is kept of them."""

from __future__ import annotations

from typing import Any

from desktop.core.service.requests import RequestRecord
from desktop.core.service.streams import Usage


def ended(
    arrived: float = 1_000_000.0,
    *,
    prompt: int | None = 100,
    cached: int | None = 0,
    completion: int | None = 10,
    status: int = 200,
    error: str | None = None,
    code: str | None = None,
    busy: float | None = None,
    **fields: Any,
) -> RequestRecord:
    """A request as it is told of when it has ended."""
    fields.setdefault("route", "/v1/chat/completions")
    record = RequestRecord(arrived=arrived, **fields)
    usage = Usage(prompt, cached, completion, 0.1, 0.2, "stop")
    record.finish(usage, status, error, code)
    record.busy_seconds = busy
    return record
