"""The folder that runs without Python: built, and tried where there is nothing else of Paddock."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def _script(name: str, *words: str, cwd: Path) -> str:
    """Run a script of `packaging`; returns what it said."""
    ran = subprocess.run(
        [sys.executable, str(ROOT / "packaging" / name), *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=cwd,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout
    return ran.stdout


@pytest.mark.slow
@pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="the folder is made for Linux so far"
)
@pytest.mark.timeout(900)  # half a minute of building, a minute until the service ends by itself
def test_the_frozen_folder(tmp_path: Path) -> None:
    folder = tmp_path / "paddock"
    _script("build.py", "--output", str(folder), "--work", str(tmp_path / "work"), cwd=tmp_path)
    said = _script("smoke.py", str(folder), cwd=tmp_path)
    assert "all of it works" in said
