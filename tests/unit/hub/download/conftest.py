"""A hub that misbehaves on request, and someone who downloads from it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.hub import LocalHub
from tests.unit.hub.download.desk import FILE, MIB, REPO, SMALL, Desk


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with LocalHub(tmp_path / "hub") as hub:
        yield Desk(hub, tmp_path / "cache")


@pytest.fixture
def big() -> bytes:
    return os.urandom(24 * MIB + 12345)


@pytest.fixture
def stocked(desk: Desk, big: bytes) -> Desk:
    """With one repository of a large and a small file."""
    desk.hub.add_repo(REPO, {FILE: big, SMALL: b'{"model_type": "llama"}'})
    return desk
