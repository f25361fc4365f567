"""A job table on a real database, and what converting needs of the world."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop.core.db import Database
from desktop.core.engine.runtime import Runtime, environment_folder, read_runtime
from desktop.core.events import CancelToken
from desktop.core.gguf.reader import HeaderReader
from desktop.core.gguf.summary import ModelSummary
from desktop.core.jobs.handlers.quantize import QuantizeKind
from desktop.core.jobs.table import JobTable
from desktop.core.paths import Paths, demo_model, paths
from quantize import pins, tool, toolkit
from tests.helpers import package_index
from tests.helpers.hub import LocalHub
from tests.helpers.package_index import Index
from tests.unit.jobs.converting import CONVERTER, PACKAGES, ROOT
from tests.unit.jobs.quantizing import Converts, Host


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


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Runtime:
    folder = environment_folder()
    assert folder is not None
    return read_runtime("environment", folder, tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def whole(runtime: Runtime, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("whole") / "guide-f16.gguf"
    quantizer = runtime.tool("llama-quantize")
    tool.run([quantizer, "--allow-requantize", demo_model(), path, "F16"], CancelToken())
    return path


@pytest.fixture
def plain_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Paths:
    monkeypatch.setenv("PADDOCK_HOME", str(tmp_path / "home"))
    return paths().ensure()


@pytest.fixture
def host() -> Host:
    return Host()


@pytest.fixture
def converts(whole: Path) -> Converts:
    return Converts(whole)


@pytest.fixture
def kind(runtime: Runtime, plain_home: Paths, host: Host, converts: Converts) -> QuantizeKind:
    def read(path: Path) -> ModelSummary:
        with HeaderReader(plain_home.cache / "headers", work_root=plain_home.work) as reader:
            return reader.read(path)

    return QuantizeKind(
        plain_home,
        read=read,
        convert=converts,  # type: ignore[arg-type]
        host=host,
        current_runtime=lambda: runtime,
        wait_idle=host.wait_idle,
        requests_served=lambda: host.answers,
    )
