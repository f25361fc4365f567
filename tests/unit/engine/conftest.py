"""The environment's real engine and small models that it really loads."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from desktop.core.engine.runtime import Runtime, environment_folder, read_runtime
from tests.helpers.gguf_files import TensorSpec, tiny_llama, write_tiny_llama

DATA = Path(__file__).parents[2] / "data" / "engine"


def recorded(name: str) -> bytes:
    return (DATA / name).read_bytes()


@pytest.fixture(scope="session")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Runtime:
    folder = environment_folder()
    assert folder is not None, "the environment's engine was not built with its tools"
    return read_runtime("environment", folder, tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_llama(tmp_path_factory.mktemp("tiny") / "tiny.gguf", type_name="Q8_0")


@pytest.fixture(scope="session")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """0.6 GB of Q4_0 zeros in a sparse file: repacking them takes a few seconds."""
    return write_slow(tmp_path_factory.mktemp("slow") / "slow.gguf")


def write_slow(path: Path) -> Path:
    made = tiny_llama(
        type_name="Q4_0", n_layers=1, hidden=2048, n_heads=16, n_kv_heads=16, feed_forward=16384
    )
    layers = [t for t in made.tensors if t.name.startswith("blk.0.")]
    made.set("llama.block_count", 4, 9)
    made.tensors = [t for t in made.tensors if not t.name.startswith("blk.")]
    for layer in range(9):
        for spec in layers:
            name = spec.name.replace("blk.0.", f"blk.{layer}.")
            kind = "F32" if spec.type_name == "F32" else "Q4_0"
            made.tensors.append(TensorSpec(name, spec.dims, kind))
    header = made.header()
    path.write_bytes(header)
    os.truncate(path, len(header) + sum(-(-t.size // 32) * 32 for t in made.tensors))
    return path
