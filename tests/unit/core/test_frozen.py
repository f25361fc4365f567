"""Where a frozen app finds itself, its files and its engine, and what its children are given."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from desktop.core.engine import runtime
from desktop.core.engine.runtime import environment_folder
from desktop.core.paths import demo_model, own_command, resources
from tests.architecture.tree import modules

ROOT = Path(__file__).parents[3]
# Who may ask where the program lies; everything else asks them.
MAY_ASK = {
    "desktop.core.paths",
    "desktop.core.engine.build",  # uv beside the interpreter; a frozen app has neither
    "desktop.core.autostart.job",  # what the system is to start
    "desktop.core.autostart.install",  # not from a source tree, which may be moved
    "quantize.toolkit",  # the interpreter for an environment of its own; a frozen app has none
}


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a frozen app that this process seems to run from."""
    inside = tmp_path / "Paddock app" / "_internal"
    inside.mkdir(parents=True)
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(sys, "_MEIPASS", str(inside), raising=False)
    monkeypatch.setattr(sys, "executable", str(inside.parent / "paddock"))
    return inside


def test_it_starts_itself_again(app: Path) -> None:
    assert own_command("_service", "5") == [str(app.parent / "paddock"), "_service", "5"]


def test_a_source_tree_starts_its_interpreter() -> None:
    assert own_command("_guard") == [sys.executable, "-m", "desktop.cli", "_guard"]


def test_its_files_lie_in_it(app: Path) -> None:
    assert resources() == app / "resources"
    assert demo_model().parent == app / "resources" / "demo"


def test_its_engine_lies_in_it(app: Path) -> None:
    assert environment_folder() is None
    (app / "engine" / "bin").mkdir(parents=True)
    assert environment_folder() == app / "engine"


def test_backends_are_known_by_libraries_that_have_only_their_versioned_name(
    tmp_path: Path,
) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "lib").mkdir()
    for name in ("libggml-cpu.so.0", "libggml-vulkan.so.0.25.3", "libggml-cuda.txt"):
        (tmp_path / "lib" / name).touch()
    assert runtime.backends_in(tmp_path / "bin") == {"backend:cpu", "backend:vulkan"}


def test_only_a_few_places_ask_where_the_program_lies() -> None:
    asks = re.compile(r"\b__file__\b|\bsys\.executable\b|_MEIPASS|sys, \"frozen\"")
    asking = {each.name for each in modules() if asks.search(each.path.read_text("utf-8"))}
    assert asking == MAY_ASK


@pytest.fixture(scope="module")
def hook() -> ModuleType:
    """What runs first in a frozen app; nothing but the frozen app imports it."""
    path = ROOT / "packaging" / "frozen_environment.py"
    spec = importlib.util.spec_from_file_location("frozen_environment", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("started_with", "left"),
    [
        ({"LD_LIBRARY_PATH": "/app/_internal"}, {}),
        (
            {"LD_LIBRARY_PATH": "/app/_internal:/opt/x", "LD_LIBRARY_PATH_ORIG": "/opt/x"},
            {"LD_LIBRARY_PATH": "/opt/x"},
        ),
        ({"LD_LIBRARY_PATH": "/opt/x"}, {"LD_LIBRARY_PATH": "/opt/x"}),
        ({"_PYI_ARCHIVE_FILE": "/app/paddock", "_PYI_PARENT_PROCESS_LEVEL": "1"}, {}),
    ],
)
def test_children_get_the_environment_the_app_was_started_in(
    hook: ModuleType, started_with: dict[str, str], left: dict[str, str]
) -> None:
    environ = {"PATH": "/bin", **started_with}
    hook.take_back(environ, "/app/_internal")
    assert environ == {"PATH": "/bin", **left}


@pytest.mark.parametrize("words", [["--version"], ["status", "--json"], ["nonsense"]])
def test_a_start_without_any_streams(words: list[str]) -> None:
    """Windows gives a program without a console None for each of them."""
    code = (
        "import sys; sys.stdin = sys.stdout = sys.stderr = None\n"
        "from desktop.cli.main import main\n"
        f"sys.exit(main({words!r}))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, timeout=60, check=False, cwd=ROOT
    )
    expected = {"--version": 0, "status": 0, "nonsense": 2}[words[0]]
    assert (ran.returncode, ran.stdout, ran.stderr) == (expected, b"", b"")
