"""Everything that can be installed is pinned, and no registry is written down."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.architecture.tree import ROOT, report, repository_files

sys.path.insert(0, str(ROOT / "packaging"))
import pins

SOURCE = (ROOT / "pyproject.toml").read_text("utf-8")
EXACT = re.compile(r"^[a-z0-9-]+==[0-9][\w.+!]*( ; .+)?$")


@pytest.fixture(scope="module")
def needed() -> pins.Pins:
    """What uv resolves now, from a lock file made on the fly."""
    try:
        return pins.resolve(SOURCE, ROOT / "uv.lock")
    except pins.PinsError as error:
        pytest.fail(str(error), pytrace=False)


def test_every_package_is_pinned_and_nothing_idle(needed: pins.Pins) -> None:
    have = pins.current(SOURCE)
    assert len(have.packages) > 50 and have.builds
    problems = pins.differences(have, needed)
    report([*problems, "run: uv run python packaging/pins.py"] if problems else [])


def test_pins_are_exact() -> None:
    have = pins.current(SOURCE)
    report([pin for pin in (*have.packages, *have.builds) if not EXACT.match(pin)])


def test_no_lock_file_and_no_registry_is_committed() -> None:
    assert ROOT / "uv.lock" not in repository_files()
    assert "uv.lock" in (ROOT / ".gitignore").read_text("utf-8").splitlines()
    uv = tomllib.loads(SOURCE)["tool"]["uv"]
    assert not [key for key in uv if "index" in key or key in ("find-links", "sources")]


def test_the_demo_group_is_installed_only_when_asked_for() -> None:
    project = tomllib.loads(SOURCE)
    assert project["tool"]["uv"]["default-groups"] == ["dev"]
    assert any(item.startswith("torch") for item in project["dependency-groups"]["demo"])
    others = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    assert not [item for item in others if item.startswith(("torch", "transformers"))]


def test_the_engines_metadata_is_of_the_pinned_version() -> None:
    """uv resolves with what pyproject.toml says of the engine: it must be the package's own."""
    from importlib.metadata import distribution

    [entry] = tomllib.loads(SOURCE)["tool"]["uv"]["dependency-metadata"]
    assert f"{entry['name']}=={entry['version']}" in pins.current(SOURCE).packages
    installed = distribution(entry["name"])
    assert installed.version == entry["version"]
    own = [item for item in installed.requires or [] if "extra ==" not in item]
    assert sorted(map(_plain, own)) == sorted(map(_plain, entry["requires-dist"]))


def _plain(requirement: str) -> str:
    return requirement.replace(" ", "").replace("(", "").replace(")", "").lower()


def test_the_script_replaces_both_tables() -> None:
    empty = pins.with_pins(SOURCE, pins.Pins([], []))
    assert pins.current(empty) == pins.Pins([], [])
    assert pins.with_pins(empty, pins.current(SOURCE)) == SOURCE
    assert pins.differences(pins.current(empty), pins.current(SOURCE))
    with pytest.raises(pins.PinsError):
        pins.with_pins("[tool.uv]\n", pins.Pins([], []))


def test_uv_itself_has_one_version() -> None:
    """setup.sh and pyproject.toml ask for the same lowest uv, and the pinned one satisfies it."""
    script = (ROOT / "packaging" / "setup.sh").read_text("utf-8")
    pinned = re.search(r"^UV_VERSION=([\d.]+)", script, re.MULTILINE)
    least = re.search(r"^UV_AT_LEAST=([\d.]+)", script, re.MULTILINE)
    assert pinned and least
    assert tomllib.loads(SOURCE)["tool"]["uv"]["required-version"] == f">={least[1]}"

    def number(version: str) -> list[int]:
        return [int(part) for part in version.split(".")]

    assert number(pinned[1]) >= number(least[1])


@pytest.mark.skipif(sys.platform == "win32", reason="a POSIX shell script")
@pytest.mark.parametrize("name", ["packaging/setup.sh", ".ci/run", ".ci/full"])
def test_shell_scripts_parse_and_may_be_run(name: str) -> None:
    path = Path(ROOT, name)
    assert path.stat().st_mode & 0o111, f"{name} is not executable"
    shell = "bash" if path.read_text("utf-8").startswith("#!/usr/bin/env bash") else "sh"
    subprocess.run([shell, "-n", str(path)], check=True, stdin=subprocess.DEVNULL)
