"""The layer rule: who may import whom (ARCHITECTURE.md)."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.architecture.tree import ROOT, imports, modules, report

QT = ("PySide6", "shiboken6", "PyQt6", "pyqtgraph")
# What of `desktop` the package `quantize` may import.
FOR_QUANTIZE = tuple(
    f"desktop.core.{name}" for name in ("errors", "events", "procs", "paths", "gguf")
)
# `paddock` without a command opens the window: this module alone may name it, inside a function, so
# that commands neither wait for Qt nor need it (the test below imports all of the CLI without).
WINDOW_STARTER = "desktop.cli.app"

# Run in a child: import `wanted` one by one while everything under `refused` cannot be imported.
# What `first` needs is imported before, whatever it is.
_BLOCKER = """
import importlib, sys
refused, first, wanted = (part.split() for part in sys.argv[1:])

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if any(name == r or name.startswith(r + ".") for r in refused):
            raise ImportError(f"{name} is refused here")

for name in first:
    importlib.import_module(name)
sys.meta_path.insert(0, Refuse())
failed = 0
for name in wanted:
    try:
        importlib.import_module(name)
    except ImportError as error:
        failed = 1
        sys.stderr.write(f"{name}: {error}\\n")
sys.exit(failed)
"""


def _below(*names: str) -> list[str]:
    """Modules of these packages; not `__main__`, which would run."""
    return [m.name for m in modules() if m.within(*names) and not m.name.endswith("__main__")]


def _import_with_refusals(refused: list[str], wanted: list[str], first: list[str]) -> str:
    done = subprocess.run(
        [sys.executable, "-c", _BLOCKER, " ".join(refused), " ".join(first), " ".join(wanted)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    return done.stderr if done.returncode else ""


@pytest.mark.parametrize(
    ("package", "refused", "first"),
    [
        pytest.param("desktop.core", [*QT, "desktop.cli", "desktop.ui"], [], id="core"),
        pytest.param("desktop.cli", [*QT, "desktop.ui"], [], id="cli"),
        pytest.param("quantize", [*QT, "desktop"], _below(*FOR_QUANTIZE), id="quantize"),
    ],
)
def test_a_layer_imports_without_what_it_must_not_know(
    package: str, refused: list[str], first: list[str]
) -> None:
    wanted = _below(package)
    assert wanted, f"no module of {package} was found"
    # Modules that `first` brought in are there already and are not asked for again.
    assert not _import_with_refusals(refused, wanted, first)


def test_the_blocker_blocks() -> None:
    assert "refused" in _import_with_refusals(["desktop.core.db"], ["desktop.core.db"], [])


def _forbidden(importer: str, imported: str) -> str | None:
    """Why `importer` may not import `imported`, or None."""

    def has(name: str, *packages: str) -> bool:
        return any(name == p or name.startswith(p + ".") for p in packages)

    if importer == WINDOW_STARTER and has(imported, "desktop.ui.display"):
        return None
    if has(imported, *QT) and not has(importer, "desktop.ui"):
        return "only desktop.ui may import Qt"
    for face in ("desktop.ui", "desktop.cli"):
        if has(imported, face) and not has(importer, face):
            return f"nothing may import {face}"
    if has(importer, "quantize"):
        if has(imported, "desktop") and not has(imported, *FOR_QUANTIZE):
            return f"quantize may import {', '.join(FOR_QUANTIZE)} and nothing else of desktop"
    elif has(imported, "quantize") and not has(importer, "desktop.core.jobs"):
        return "only desktop.core.jobs may import quantize"
    return None


@pytest.mark.parametrize(
    ("importer", "imported", "allowed"),
    [
        ("desktop.core.db", "PySide6.QtCore", False),
        ("desktop.ui.app", "PySide6.QtCore.QObject", True),
        ("desktop.core.fit.memory", "desktop.cli.output", False),
        ("desktop.cli.main", "desktop.cli.output", True),
        ("desktop.cli.main", "desktop.ui.app", False),
        ("desktop.cli.app", "desktop.ui.display.open_window", True),
        ("desktop.cli.app", "desktop.ui.app.main", False),
        ("desktop.cli.app", "PySide6.QtGui", False),
        ("quantize.plan", "desktop.core.gguf.header.Header", True),
        ("quantize.plan", "desktop.core.files.write_atomic", False),
        ("quantize.plan", "quantize.worker", True),
        ("desktop.core.jobs.handlers", "quantize.plan", True),
        ("desktop.core.service.admin", "quantize", False),
        ("desktop.core.service.admin", "desktop.core.jobs.table", True),
    ],
)
def test_the_rule_says_what_it_should(importer: str, imported: str, allowed: bool) -> None:
    assert (_forbidden(importer, imported) is None) is allowed


def test_imports_keep_to_their_layer() -> None:
    report(
        [
            f"{module.at(node)}: {imported}: {why}"
            for module in modules()
            for node, imported in imports(module)
            if (why := _forbidden(module.name, imported))
        ]
    )
