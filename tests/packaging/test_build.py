"""What a build is made of, and what keeps a bad one from being made."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ON_LINUX = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="the folder is made for Linux so far"
)
PACKAGING = Path(__file__).parents[2] / "packaging"


@pytest.fixture
def scripts(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """`packaging/build.py`, and its neighbours by their names."""
    monkeypatch.syspath_prepend(str(PACKAGING))
    import build

    return build


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A folder with what a build must have."""
    inside = tmp_path / "made" / "_internal"
    for name in (
        "PySide6/Qt/lib/libQt6Core.so.6",
        "resources/demo/paddock-guide-q8_0.gguf",
        "resources/icons/paddock.svg",
        "resources/texts/importance.txt",
        "resources/toolkit/run_converter.py",
        "uv",
        "resources/i18n/ja/shell.ts",
    ):
        (inside / name).parent.mkdir(parents=True, exist_ok=True)
        (inside / name).touch()
    return inside.parent


def test_a_good_build_passes(scripts: ModuleType, made: Path) -> None:
    scripts.check_contents(made)


@pytest.mark.parametrize(
    "name",
    [
        "torch/lib/libtorch.so",
        "PySide6/QtQml.abi3.so",
        "PySide6/Qt/lib/libQt6WebEngineCore.so.6",
        "libgtk-3.so.0",
        "libreadline.so.8",
        "hypothesis/core.pyc",
    ],
)
def test_what_does_not_belong_into_a_build(scripts: ModuleType, made: Path, name: str) -> None:
    (made / "_internal" / name).parent.mkdir(parents=True, exist_ok=True)
    (made / "_internal" / name).touch()
    with pytest.raises(scripts.BuildError, match="does not belong"):
        scripts.check_contents(made)


@pytest.mark.parametrize("name", ["libQt6Core.so.6", "paddock-guide-q8_0.gguf", "shell.ts", "uv"])
def test_what_a_build_must_have(scripts: ModuleType, made: Path, name: str) -> None:
    next(made.rglob(name)).unlink()
    with pytest.raises(scripts.BuildError):
        scripts.check_contents(made)


def test_only_an_older_build_is_replaced(scripts: ModuleType, made: Path, tmp_path: Path) -> None:
    output = tmp_path / "dist" / "paddock"
    (output / "_internal").mkdir(parents=True)
    (output / "old").touch()
    scripts.place(made, output)
    assert (output / "_internal" / "resources").is_dir() and not (output / "old").exists()
    letters = tmp_path / "letters"
    letters.mkdir()
    with pytest.raises(scripts.BuildError, match="left alone"):
        scripts.place(output, letters)
    assert letters.is_dir() and output.is_dir()


@ON_LINUX
def test_a_copied_engine_runs_where_it_lies(
    scripts: ModuleType, engine_bin: Path, tmp_path: Path
) -> None:
    copied = tmp_path / "an engine"
    scripts.copy_engine(engine_bin.parent, copied)
    ran = subprocess.run(
        [copied / "bin" / "llama-server", "--version"],
        env={},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert b"version" in ran.stdout + ran.stderr


@ON_LINUX
def test_an_engine_without_its_libraries_is_refused(
    scripts: ModuleType, engine_bin: Path, tmp_path: Path
) -> None:
    from engine_files import EngineError

    (tmp_path / "half").mkdir()
    for tool in engine_bin.glob("llama-*"):
        shutil.copy2(tool, tmp_path / "half" / tool.name)
    with pytest.raises(EngineError, match="which is not on this machine"):
        scripts.copy_engine(tmp_path / "half", tmp_path / "copy")


def test_licences_of_what_is_inside(scripts: ModuleType, tmp_path: Path) -> None:
    from licenses import copy_licenses, needed_packages

    names = {package.name for package in needed_packages()}
    assert {"aiohttp", "multidict", "PySide6_Essentials"} <= names  # asked for by others, too
    assert not names & {"pytest", "pyinstaller", "torch"}
    assert copy_licenses(tmp_path, PACKAGING.parent, []) == []
    assert "MIT License" in (tmp_path / "paddock.txt").read_text("utf-8")
    assert "PYTHON SOFTWARE FOUNDATION" in (tmp_path / "python.txt").read_text("utf-8")
    assert list(tmp_path.glob("aiohttp-*/LICENSE*"))
