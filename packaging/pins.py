"""Pin every package Paddock can pull in: writes the exact versions into pyproject.toml.

    uv run python packaging/pins.py              keep what is pinned, add and drop what changed
    uv run python packaging/pins.py --upgrade    take the newest versions the dependencies allow
    uv run python packaging/pins.py --check      only compare; exit 1 when a pin is missing or idle

A lock file would name registry hosts, so `uv.lock` stays out of git and these two tables of
`[tool.uv]` do its work: `constraint-dependencies` (everything that may be installed, in every
group, on every system) and `build-constraint-dependencies` (what builds the packages that come as
source). A constraint installs nothing: it only says which version, if any.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]

# What the packages without a wheel ask for when they are built, from their own pyproject.toml.
# cmake and ninja are asked for by scikit-build-core where the system has none.
SOURCE_BUILDS = {
    "llama-cpp-python": ["scikit-build-core[pyproject]>=0.9.2", "cmake>=3.21", "ninja>=1.5"],
}
# Asked for by build backends only in some cases (editable installs).
ALSO_FOR_BUILDS = ["editables"]

_NAME = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;]+)(?:\s*;\s*(.+))?$")


@dataclass(frozen=True)
class Pins:
    """Lines such as `networkx==3.6.1 ; python_full_version < '3.12'`, sorted."""

    packages: list[str]
    builds: list[str]


class PinsError(Exception):
    """Words for the person who runs this script."""


def find_uv() -> str:
    """`uv run` names itself in UV; else the one on PATH or in `.uv`."""
    found = os.environ.get("UV") or shutil.which("uv") or str(ROOT / ".uv" / "bin" / "uv")
    if not Path(found).exists():
        raise PinsError("there is no uv; run `make setup` first")
    return found


def _uv(arguments: list[str], folder: Path, text: str | None = None) -> str:
    # The environment's index settings are the user's own; nothing here names a registry.
    done = subprocess.run(
        [find_uv(), *arguments], cwd=folder, input=text, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise PinsError(f"uv {' '.join(arguments[:2])} failed:\n{done.stderr.strip()}")
    return done.stdout


def _copy_project(folder: Path, source: str, lock: Path | None) -> None:
    (folder / "pyproject.toml").write_text(source, "utf-8")
    if lock is not None and lock.exists():
        shutil.copy(lock, folder / "uv.lock")


def read_lock(folder: Path) -> list[dict[str, Any]]:
    """The packages of a lock file that come from a registry."""
    lock = tomllib.loads((folder / "uv.lock").read_text("utf-8"))
    return [package for package in lock["package"] if "registry" in package["source"]]


def _resolve(folder: Path) -> list[str]:
    _uv(["lock"], folder)
    versions: dict[str, set[str]] = defaultdict(set)
    packages = read_lock(folder)
    for package in packages:
        versions[package["name"]].add(package["version"])
    sources = {package["name"] for package in packages if not package.get("wheels")}
    if sources != set(SOURCE_BUILDS):
        raise PinsError(
            f"these packages come as source: {', '.join(sorted(sources))}; "
            "bring SOURCE_BUILDS in packaging/pins.py up to date"
        )
    pins = [f"{name}=={min(found)}" for name, found in versions.items() if len(found) == 1]
    # Where the version depends on Python or the system, uv's export gives the conditions.
    arguments = "--all-groups --all-extras --no-hashes --no-emit-project --no-annotate --no-header"
    for line in _uv(["export", "--frozen", *arguments.split()], folder).splitlines():
        match = _NAME.match(line)
        if match and len(versions[match[1]]) > 1:
            if not match[3]:
                raise PinsError(f"{line}: one of several versions, but no condition")
            pins.append(f"{match[1]}=={match[2]} ; {match[3]}")
    return sorted(pins)


def _resolve_builds(folder: Path, project: dict[str, Any], known: list[str]) -> list[str]:
    wanted = [*project["build-system"]["requires"], *ALSO_FOR_BUILDS]
    for needs in SOURCE_BUILDS.values():
        wanted += needs
    (folder / "known.txt").write_text("\n".join(known), "utf-8")
    arguments = "--universal --no-annotate --no-header --no-config --python-version 3.11"
    compiled = _uv(
        ["pip", "compile", *arguments.split(), "--constraint", "known.txt", "-"],
        folder,
        "\n".join(wanted),
    )
    # What is asked for on some systems only (colorama and the like) is pinned for all.
    return sorted(
        line.split(";")[0].strip() if line.count("python") == 0 else line
        for line in compiled.splitlines()
        if _NAME.match(line)
    )


def current(source: str) -> Pins:
    """The pins that stand in a pyproject.toml."""
    uv = tomllib.loads(source)["tool"]["uv"]
    return Pins(uv.get("constraint-dependencies", []), uv.get("build-constraint-dependencies", []))


def resolve(source: str, lock: Path | None = None) -> Pins:
    """The pins a pyproject.toml needs, with those it has as constraints.

    Args:
        source: its text.
        lock: a lock file to start from; saves asking the network where it still fits.
    """
    with tempfile.TemporaryDirectory(prefix="paddock-pins-") as name:
        folder = Path(name)
        _copy_project(folder, source, lock)
        builds = current(source).builds
        return Pins(_resolve(folder), _resolve_builds(folder, tomllib.loads(source), builds))


def with_pins(source: str, pins: Pins) -> str:
    """`source` with its two tables replaced; they must be there, empty ones will do."""
    for name, lines in (
        ("constraint-dependencies", pins.packages),
        ("build-constraint-dependencies", pins.builds),
    ):
        body = "".join(f'    "{line}",\n' for line in lines)
        text = f"{name} = [\n{body}]\n" if lines else f"{name} = []\n"
        pattern = re.compile(rf"^{name} = \[(?:\]|\n.*?^\])\n", re.MULTILINE | re.DOTALL)
        source, count = pattern.subn(lambda _, text=text: text, source)
        if count != 1:
            raise PinsError(f"pyproject.toml needs one line `{name} = []` under [tool.uv]")
    return source


def differences(have: Pins, need: Pins) -> list[str]:
    """One line for every pin that is missing or that nothing needs."""
    lines = []
    for table, old, new in (
        ("constraint-dependencies", have.packages, need.packages),
        ("build-constraint-dependencies", have.builds, need.builds),
    ):
        lines += [f"{table}: not pinned: {pin}" for pin in sorted(set(new) - set(old))]
        lines += [f"{table}: pinned, but not needed: {pin}" for pin in sorted(set(old) - set(new))]
    return lines


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--check", action="store_true", help="compare only")
    mode.add_argument("--upgrade", action="store_true", help="take the newest versions")
    options = parser.parse_args()
    file = ROOT / "pyproject.toml"
    source = file.read_text("utf-8")
    try:
        start = with_pins(source, Pins([], [])) if options.upgrade else source
        need = resolve(start, None if options.upgrade else ROOT / "uv.lock")
        changes = differences(current(source), need)
        if changes and not options.check:
            file.write_text(with_pins(source, need), "utf-8")
    except PinsError as error:
        print(f"pins: {error}", file=sys.stderr)
        return 1
    for line in changes:
        print(f"pins: {line}")
    print(f"pins: {len(need.packages)} packages, {len(need.builds)} for builds", file=sys.stderr)
    return 1 if changes and options.check else 0


if __name__ == "__main__":
    sys.exit(main())
