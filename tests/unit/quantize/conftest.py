"""A whole model to make files of, and the engine's tools."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from desktop.core.engine.runtime import environment_folder
from desktop.core.events import CancelToken
from desktop.core.paths import demo_model
from quantize import tool
from tests.helpers.told import Told

DATA = Path(__file__).resolve().parents[2] / "data" / "quantize"


@pytest.fixture(scope="session")
def tools() -> Callable[[str], Path]:
    folder = environment_folder()
    assert folder is not None
    return lambda name: folder / "bin" / name


@pytest.fixture(scope="session")
def whole(tools: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundled model as F16: what was lost before does not matter here."""
    path = tmp_path_factory.mktemp("whole") / "guide-f16.gguf"
    command = [tools("llama-quantize"), "--allow-requantize", demo_model(), path, "F16"]
    tool.run(command, CancelToken())
    return path


@pytest.fixture(scope="session")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some 4,000 tokens of this project's own words."""
    path = tmp_path_factory.mktemp("text") / "text.txt"
    root = Path(__file__).resolve().parents[3]
    path.write_text((root / "ARCHITECTURE.md").read_text("utf-8")[:16_000], encoding="utf-8")
    return path


@pytest.fixture
def recorded() -> Callable[[str], list[str]]:
    return lambda name: (DATA / name).read_text("utf-8").splitlines()


@pytest.fixture
def told() -> Told:
    return Told()
