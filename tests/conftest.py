"""What holds for every test: its own folders, a clean environment, and nothing left running."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sysconfig
import threading
import time
from collections.abc import Generator, Iterator
from pathlib import Path

import psutil
import pytest
from hypothesis import HealthCheck, settings

# Variables of the person's own set-up that would change what the code under test does.
_CLEARED = ("HF_", "HUGGING_FACE_", "PADDOCK_", "LLAMA_", "GGML_")
# What was asked to end may need a moment to be gone.
_GRACE_SECONDS = 5.0
_USUAL_MARKS = "not slow"  # as pyproject.toml has it
# Of the cores this process may use; a container may promise more than it gives, hence no more.
_CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
_PROCESSES = min(4, _CORES)


def pytest_configure(config: pytest.Config) -> None:
    # Tests start hundreds of Pythons. Where nothing may be written beside the sources, each would
    # compile all it imports, which takes longer than all else it does: it is kept elsewhere.
    if hasattr(config, "cache") and os.environ.pop("PYTHONDONTWRITEBYTECODE", ""):
        os.environ["PYTHONPYCACHEPREFIX"] = str(config.cache.mkdir("bytecode"))
    # A shell that starts us in the background has SIGINT ignored, for us and for all children: a
    # test that presses Ctrl-C would wait for ever.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # Engines of several processes at once have more threads than there are cores, and wait for each
    # other in loops: two llama-bench of the bundled model made 35 tokens a second at worst, instead
    # of 4,000, and a test ran into its timeout. So each process's engines have as many as it has.
    if hasattr(config, "workerinput"):
        os.environ["OMP_THREAD_LIMIT"] = str(max(1, _CORES // _PROCESSES))
    # How fast examples come is the machine's affair: a first run makes tables of all characters.
    settings.register_profile("any machine", suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("any machine")


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """The whole suite is shared out among processes, file by file; what was picked runs in one.

    `-n 0` has it in one in any case, `-n 4` in four.
    """
    option = config.option
    if getattr(option, "numprocesses", 0) is not None or hasattr(config, "workerinput"):
        return  # it was said how many, pytest-xdist is off, or this is one of the processes
    picked = option.file_or_dir or option.keyword or option.markexpr != _USUAL_MARKS
    if not (picked or option.collectonly or option.usepdb or getattr(option, "lf", False)):
        option.numprocesses, option.dist = _PROCESSES, "loadfile"
        # In their order: the first ones take longest, and the last ones fill the gaps.
        option.loadscopereorder = False


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    # What is collected stays to the end, and is a million objects: Python's garbage collector need
    # not walk them again and again, nor the fixtures that look through all there is. That was more
    # than a second for each test of the window.
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.collect()
        gc.freeze()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if hasattr(config, "workerinput"):
        # One file that takes minutes is not to be the last: the other processes would have ended.
        items.sort(key=lambda item: item.path.name != "test_layout.py")


@pytest.fixture(autouse=True)
def own_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PADDOCK_HOME and an HF_HOME of the test's own (not made yet); returns PADDOCK_HOME."""
    for name in list(os.environ):
        if name.upper().startswith(_CLEARED):
            monkeypatch.delenv(name)
    home = tmp_path / "paddock-home"
    monkeypatch.setenv("PADDOCK_HOME", str(home))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf-home"))
    # Secrets lie in that home, too: the person's keychain may know a token of the hub.
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    return home


def _command_line(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline()) or process.name()
    except psutil.Error:
        return "(ended)"


def _alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _left_processes(before: set[int], home: Path) -> list[psutil.Process]:
    """What the test started, and processes that left our tree but still use the test's home.

    What a process of an earlier fixture started since (the session's service loads a model) is
    that process's business.
    """
    new = set(psutil.pids()) - before
    if not new:
        return []
    found: dict[int, psutil.Process] = {}
    waiting = [psutil.Process()]
    while waiting:
        with contextlib.suppress(psutil.Error):
            for child in waiting.pop().children():
                if child.pid not in before:
                    found[child.pid] = child
                    waiting.append(child)
    for pid in new - set(found):
        with contextlib.suppress(psutil.Error, OSError):
            process = psutil.Process(pid)
            if process.environ().get("PADDOCK_HOME") == str(home):
                found[pid] = process
    return [process for process in found.values() if _alive(process)]


def _left_threads(before: set[threading.Thread]) -> list[threading.Thread]:
    return [
        thread
        for thread in threading.enumerate()
        if thread not in before and thread.is_alive() and not thread.daemon
    ]


@pytest.fixture(autouse=True)
def nothing_left_running(own_environment: Path) -> Iterator[None]:
    """Fail a test that leaves a process or a non-daemon thread behind; the processes are ended."""
    processes, threads = set(psutil.pids()), set(threading.enumerate())
    yield
    deadline = time.monotonic() + _GRACE_SECONDS
    while (left := _left_processes(processes, own_environment)) or _left_threads(threads):
        if time.monotonic() > deadline:
            break
        time.sleep(0.02)
    words = [f"process {process.pid}: {_command_line(process)}" for process in left]
    words += [f"thread {thread.name}" for thread in _left_threads(threads)]
    for process in left:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(left, timeout=5)
    if words:
        pytest.fail("the test left running:\n  " + "\n  ".join(words), pytrace=False)


@pytest.fixture(scope="session")
def engine_bin() -> Path:
    """The folder with llama-server and the engine's other tools."""
    folder = Path(sysconfig.get_path("purelib")) / "bin"
    if not any((folder / name).exists() for name in ("llama-server", "llama-server.exe")):
        pytest.fail(
            f"there is no llama-server in {folder}: the engine was built without its tools. "
            "Run the tests with `make test`, or `uv run pytest`.",
            pytrace=False,
        )
    return folder


@pytest.fixture(scope="session")
def demo_model() -> Path:
    """The bundled model's GGUF file."""
    from desktop.core.paths import demo_model as bundled

    path = bundled()
    if not path.exists():
        pytest.fail(
            f"the bundled model is missing: {path}. It is part of the repository: check out the "
            "whole tree.",
            pytrace=False,
        )
    return path
