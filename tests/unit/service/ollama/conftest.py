"""A library of small models behind Ollama's API, and Ollama's own client of it."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import ollama
import pytest

from tests.helpers.bert_file import write_tiny_bert
from tests.helpers.gguf_files import tiny_llama
from tests.unit.service.ollama.world import World, client_of, world_of


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The models, made once."""
    folder = tmp_path_factory.mktemp("made")
    small = {"n_layers": 1, "hidden": 64, "feed_forward": 64}
    tiny_llama(name="Tiny", context=65_536, **small).write(folder / "tiny.gguf")
    write_tiny_bert(folder / "vectors.gguf", n_layers=1)
    return folder


@pytest.fixture
async def world(made: Path, tmp_path: Path) -> AsyncIterator[World]:
    folder = tmp_path / "models"
    shutil.copytree(made, folder)
    async with world_of(folder) as world:
        yield world


@pytest.fixture
async def client(world: World) -> AsyncIterator[ollama.AsyncClient]:
    async with client_of(world) as client:
        yield client
