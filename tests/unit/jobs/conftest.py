"""A job table on a real database, and what converting needs of the world."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop.core.db import Database
from desktop.core.jobs.table import JobTable
from desktop.core.paths import Paths, paths
from quantize import pins, toolkit
from tests.helpers import package_index
from tests.helpers.hub import LocalHub
from tests.helpers.package_index import Index
from tests.unit.jobs.converting import CONVERTER, PACKAGES, ROOT


@pytest.fixture
def table(tmp_path: Path) -> Iterator[JobTable]:
    database = Database(tmp_path / "p.db", tmp_path / "backups")
    yield JobTable(database)
    database.close()


@pytest.fixture(scope="module")
def index() -> Iterator[Index]:
    place = f"{ROOT}/vendor/llama.cpp"
    source = package_index.source_package(
        {
            f"{place}/convert_hf_to_gguf.py": CONVERTER.read_bytes(),
            f"{place}/convert_lora_to_gguf.py": CONVERTER.read_bytes(),
            f"{place}/conversion/__init__.py": b"",
            f"{place}/conversion/../../../escaped.py": b"no",
            f"{place}/ggml/large.c": b"int main;",
            f"{ROOT}/setup.py": b"raise SystemExit('a build was run')",
        }
    )
    served = Index()
    served.files = {
        "llama-cpp-python": {f"{ROOT}.tar.gz": source},
        "tinykit": {
            "tinykit-1.0-py3-none-any.whl": package_index.wheel("tinykit", "1.0", PACKAGES)
        },
    }
    with package_index.serving(served):
        yield served


@pytest.fixture
def home(index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Paths:
    """Folders, an index, and pins for what it has."""
    monkeypatch.setenv("PADDOCK_HOME", str(tmp_path / "home"))
    for name in ("UV_INDEX", "UV_INDEX_URL", "UV_FIND_LINKS", "PIP_INDEX_URL", "PIP_FIND_LINKS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("UV_DEFAULT_INDEX", f"{index.address}/simple")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    digest = hashlib.sha256(index.files["llama-cpp-python"][f"{ROOT}.tar.gz"]).hexdigest()
    for module in (pins, toolkit):
        monkeypatch.setattr(module, "SOURCE_SHA256", digest)
        monkeypatch.setattr(module, "REQUIREMENTS", ("tinykit==1.0",))
        monkeypatch.setattr(module, "CONSTRAINTS", ())
    return paths().ensure()


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[LocalHub]:
    with LocalHub(tmp_path / "on-the-hub") as local:
        yield local
