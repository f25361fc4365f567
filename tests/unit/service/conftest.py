"""A hub on loopback and the part of the service that downloads from it; a scripted machine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from desktop.core.paths import paths
from tests.helpers.hub import LocalHub
from tests.unit.service.downloading import (
    Service,
    serving,
)
from tests.unit.service.machine import Machine


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalHub]:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    monkeypatch.setenv("NO_PROXY", "*")
    with LocalHub(tmp_path / "hub") as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        yield hub


@pytest.fixture
async def service(hub: LocalHub) -> AsyncIterator[Service]:
    async with serving(paths()) as service:
        yield service


@pytest.fixture
async def machine() -> AsyncIterator[Machine]:
    """Whatever a test did: in the end no slot is taken, nobody waits and no engine is left."""
    made = Machine()
    try:
        yield made
    finally:
        for gate in (*made.room.held.values(), *made.room.checking.values()):
            gate.set()
        async with asyncio.timeout(10):
            await made.supervisor.close()
    assert (made.supervisor.active, made.supervisor.waiting) == (0, 0)
    assert made.supervisor.models == () and made.room.alive == []
