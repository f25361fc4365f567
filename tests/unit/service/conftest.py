"""A hub on loopback, and the part of the service that downloads from it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from desktop.core.paths import paths
from tests.helpers.hub import LocalHub
from tests.unit.service.downloading import (
    Service,
    serving,
)


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
