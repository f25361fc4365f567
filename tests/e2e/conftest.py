"""One real service with a tiny model and the public face on, shared by a module's tests."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop.core.engine.server import free_port
from tests.helpers.gguf_files import write_tiny_llama
from tests.helpers.service import RunningService, running_service

# They need an X server, and a package for its accessibility bus that comes on Linux only.
collect_ignore_glob = [] if sys.platform.startswith("linux") else ["test_window*.py"]


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "tiny-llama-f16.gguf"
    write_tiny_llama(path, n_layers=8)  # deep enough that a long answer takes a second
    return path


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Iterator[RunningService]:
    with running_service(tmp_path_factory.mktemp("home")) as running:
        running.client.add_models(str(tiny_model))
        running.client.public_on(port=free_port())
        yield running


@pytest.fixture(scope="module")
def tiny(service: RunningService, tiny_model: Path) -> str:
    """The tiny model's id."""
    return next(m["id"] for m in service.client.models() if m["path"] == str(tiny_model))


@pytest.fixture(scope="module")
def public_url(service: RunningService) -> str:
    url: str = service.client.state()["public"]["url"]
    return url
