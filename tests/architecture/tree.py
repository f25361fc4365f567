"""The source tree as the architecture tests see it: files, modules and their imports."""

from __future__ import annotations

import ast
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_NOT_SOURCES = {".git", ".venv", ".uv", "__pycache__", "build", "dist", "node_modules"}


@cache
def repository_files() -> tuple[Path, ...]:
    """Every file git tracks or would track; without git, every file but the known outputs."""
    git = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        done = subprocess.run(git, capture_output=True, check=True, stdin=subprocess.DEVNULL)
        # An unpacked archive inside another repository lists nothing of its own.
        names = [name for name in os.fsdecode(done.stdout).split("\0") if name]
        if "pyproject.toml" in names:
            return tuple(path for path in (ROOT / name for name in names) if path.is_file())
    except (OSError, subprocess.CalledProcessError):
        pass
    found = []
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [f for f in folders if f not in _NOT_SOURCES and not f.endswith("_cache")]
        found += [Path(folder) / name for name in names if name != "uv.lock"]
    return tuple(found)


@dataclass(frozen=True)
class Module:
    """One Python file of `desktop` or `quantize`."""

    name: str
    path: Path
    tree: ast.Module

    def at(self, node: ast.AST) -> str:
        """`file:line`, as editors understand it."""
        return f"{self.path.relative_to(ROOT).as_posix()}:{getattr(node, 'lineno', 1)}"

    def within(self, *packages: str) -> bool:
        return any(self.name == p or self.name.startswith(p + ".") for p in packages)


@cache
def modules() -> tuple[Module, ...]:
    """Every module of the two packages, by name."""
    found = []
    for path in repository_files():
        parts = path.relative_to(ROOT).with_suffix("").parts
        if path.suffix == ".py" and parts[0] in ("desktop", "quantize"):
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            tree = ast.parse(path.read_text("utf-8"), str(path))
            found.append(Module(name, path, tree))
    return tuple(sorted(found, key=lambda module: module.name))


def imports(module: Module) -> Iterator[tuple[ast.AST, str]]:
    """Every import anywhere in the file, with the full name of what it imports.

    `from a.b import c` gives `a.b.c`: whether c is a module or a name in one makes no difference
    to a rule about a.b, and matters where c is a module.
    """
    package = module.name if module.path.stem == "__init__" else module.name.rpartition(".")[0]
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, base] if base else above)
            for alias in node.names:
                yield node, f"{base}.{alias.name}"


def report(problems: list[str]) -> None:
    """Fail with all problems at once."""
    assert not problems, "\n" + "\n".join(problems)
