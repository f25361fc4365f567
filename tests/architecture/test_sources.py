"""Rules about the text of the sources that no linter knows."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.architecture.tree import ROOT, Module, modules, report, repository_files

MAX_LINES = 600
# Programs of their own that happen to lie in core: the guard, workers, the service's entry.
MAY_PRINT = re.compile(r"^desktop\.core\.(guard|service\.process|.*\b\w*worker)$")
# The only places that start a process; everything else asks desktop.core.procs.
MAY_START = {
    "desktop.core.procs",
    "desktop.core.guard",
    "desktop.core.client.connect",
    "desktop.core.winjob",
    "desktop.core.first_process",
}
STARTERS = {
    "subprocess": {"Popen", "run", "call", "check_call", "check_output", "getoutput"},
    "os": {"system", "popen", "fork", "forkpty", "posix_spawn", "posix_spawnp", "startfile"},
    "asyncio": {"create_subprocess_exec", "create_subprocess_shell"},
    "multiprocessing": {"Process", "Pool", "get_context"},
}
# In parts, so that this file does not hold what it looks for.
REGISTRIES = re.compile(
    "|".join(["pypi" + r"\.org", "python" + r"hosted\.org", "(?:extra-)?index" + r"-url\b"])
)
# A person's or a build machine's folder. Names in examples: ann, me, user, you.
MACHINE_PATHS = re.compile(
    r"(?<![\w.])/root/[\w.]"
    r"|(?<![\w.])/(?:home|Users)/(?!(?:ann|me|user|you)\b)[a-z][\w.-]*/"
    r"|\b[A-Z]:\\+Users\\+(?!(?:ann|me|user|you)\b)\w+"
)


def _texts() -> list[tuple[Path, str]]:
    found = []
    for path in repository_files():
        raw = path.read_bytes()
        if b"\0" not in raw[:8192]:
            found.append((path, raw.decode("utf-8", "replace")))
    return found


def _starts_a_process(node: ast.AST) -> str | None:
    """The call's name when it starts a process."""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        name, module = node.attr, node.value.id
        known = STARTERS.get(module, set())
        if name in known or (module == "os" and name.startswith(("spawn", "exec"))):
            return f"{module}.{name}"
    return None


def _calls_and_imports(module: Module) -> list[tuple[ast.AST, str]]:
    found = []
    for node in ast.walk(module.tree):
        # An annotation such as `subprocess.Popen[bytes]` starts nothing: only calls count.
        if isinstance(node, ast.Call) and (name := _starts_a_process(node.func)):
            found.append((node, name))
        elif isinstance(node, ast.Call):
            # handed on, to a thread or an executor
            for part in [*node.args, *(keyword.value for keyword in node.keywords)]:
                if name := _starts_a_process(part):
                    found.append((part, name))
        elif isinstance(node, ast.ImportFrom) and node.module in STARTERS:
            for alias in node.names:
                if alias.name in STARTERS[node.module]:
                    found.append((node, f"{node.module}.{alias.name}"))
    return found


def test_only_procs_starts_processes() -> None:
    report(
        [
            f"{module.at(node)}: {name}: start children with desktop.core.procs"
            for module in modules()
            if module.name not in MAY_START
            for node, name in _calls_and_imports(module)
        ]
    )


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("import subprocess\nsubprocess.run(['x'])", True),
        ("from subprocess import Popen", True),
        ("import os\nos.execvp('x', [])", True),
        ("loop.run_in_executor(None, subprocess.run, ['x'])", True),
        ("import subprocess\nx = subprocess.PIPE", False),
        ("def f(p: subprocess.Popen[bytes]) -> None: ...", False),
        ("procs.run(['x'])", False),
    ],
)
def test_starting_a_process_is_seen(code: str, found: bool) -> None:
    module = Module("desktop.core.x", ROOT / "x.py", ast.parse(code))
    assert bool(_calls_and_imports(module)) is found


def test_core_does_not_print() -> None:
    report(
        [
            f"{module.at(node)}: core does not print; use a Reporter or a logger"
            for module in modules()
            if module.within("desktop.core") and not MAY_PRINT.match(module.name)
            for node in ast.walk(module.tree)
            if isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id == "print"
        ]
    )


def test_no_file_is_too_long() -> None:
    problems = []
    for path in repository_files():
        if path.suffix == ".py":
            lines = len(path.read_text("utf-8").splitlines())
            if lines > MAX_LINES:
                name = path.relative_to(ROOT).as_posix()
                problems.append(f"{name}:{MAX_LINES}: {lines} lines; split it at {MAX_LINES}")
    report(problems)


def _lines_with(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{path.relative_to(ROOT).as_posix()}:{number}: {match[0]}"
        for path, text in _texts()
        for number, line in enumerate(text.splitlines(), 1)
        if (match := pattern.search(line))
    ]


def test_no_registry_host_is_named() -> None:
    report(_lines_with(REGISTRIES))


def test_no_path_of_a_build_machine_is_named() -> None:
    here = "|".join(
        re.escape(folder) + r"\b" for folder in {str(ROOT), str(Path.home())} if len(folder) > 5
    )
    problems = _lines_with(MACHINE_PATHS)
    if here:
        problems += _lines_with(re.compile(here))
    report(sorted(set(problems)))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("see /" + "root/x", True),
        ("/home/" + "bob/models", True),
        ("C:\\\\Users\\\\" + "bob", True),
        ("/home/ann/models", False),
        ("/v1/users/root", False),
        ("the API's /root", False),
    ],
)
def test_a_machine_path_is_seen(text: str, found: bool) -> None:
    assert bool(MACHINE_PATHS.search(text)) is found
