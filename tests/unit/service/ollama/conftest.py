"""A library of small models behind Ollama's API, and Ollama's own client of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import ollama
import pytest

from tests.helpers.bert_file import write_tiny_bert
from tests.helpers.gguf_files import tiny_llama
from tests.unit.service.ollama.world import World, client_of, world_of


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    folder = tmp_path / "models"
    folder.mkdir()
    tiny_llama(name="Tiny", context=65_536).write(folder / "tiny.gguf")
    write_tiny_bert(folder / "vectors.gguf")
    async with world_of(folder) as world:
        yield world


@pytest.fixture
async def client(world: World) -> AsyncIterator[ollama.AsyncClient]:
    async with client_of(world) as client:
        yield client
