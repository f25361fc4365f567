"""Children: their environment, their output, their end, and ours."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from desktop.core import procs
from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken
from tests.helpers.service import gone, wait_for

PYTHON = sys.executable
SLEEP = [PYTHON, "-c", "import time; time.sleep(600)"]
# Starts a child of its own, tells its number, and sleeps.
TREE = [
    PYTHON,
    "-c",
    "import subprocess, sys, time;"
    "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']);"
    "print(child.pid, flush=True); time.sleep(600)",
]


def test_environment_tells_a_child_no_secret() -> None:
    environ = {
        "PATH": "/bin",
        "LLAMA_ARG_PORT": "1",
        "HF_TOKEN": "x",
        "AIP_MODE": "x",
        "MY_API_KEY": "x",
        "GITHUB_TOKEN": "x",
        "PADDOCK_HOME": "x",
        "LANG": "ja_JP.UTF-8",
    }
    clean = procs.clean_environment({"LLAMA_API_KEY": "ours"}, environ)
    assert clean == {
        "PATH": "/bin",
        "LANG": "ja_JP.UTF-8",
        "GGML_NO_BACKTRACE": "1",
        "LLAMA_API_KEY": "ours",
    }


def test_run_hands_lines_on_and_keeps_the_tail(tmp_path: Path) -> None:
    lines: list[bytes] = []
    script = "import sys; print('a'); print('b', file=sys.stderr); print('ö'); sys.exit(3)"
    outcome = procs.run([PYTHON, "-X", "utf8", "-c", script], on_stdout=lines.append)
    assert outcome.returncode == 3 and not outcome.ok
    assert [line.strip() for line in lines] == [b"a", "ö".encode()]
    assert outcome.tail() == "b"


def test_output_is_bounded() -> None:
    script = "for n in range(100000): print(f'line {n}')"
    outcome = procs.run([PYTHON, "-c", script], output_limit_bytes=10_000)
    assert len(outcome.stdout) <= 10_000
    assert outcome.stdout.endswith(b"line 99999\n")


def test_a_child_runs_in_an_empty_folder_of_its_own(tmp_path: Path) -> None:
    script = "import os; print(os.getcwd(), os.listdir('.'))"
    outcome = procs.run([PYTHON, "-c", script], work_root=tmp_path / "work")
    folder, listing = outcome.stdout.decode().strip().split(" ", 1)
    assert Path(folder).parent == tmp_path / "work" and listing == "[]"
    assert list((tmp_path / "work").iterdir()) == []


def test_missing_program_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        procs.start([str(tmp_path / "nothing")], work_root=tmp_path / "work")
    assert list((tmp_path / "work").iterdir()) == []


def test_time_limit_and_cancel() -> None:
    with pytest.raises(AppError) as caught:
        procs.run(SLEEP, timeout_seconds=0.2)
    assert caught.value.code is ErrorCode.TIMED_OUT
    cancel = CancelToken()
    threading.Timer(0.2, cancel.cancel).start()
    begun = time.monotonic()
    with pytest.raises(AppError) as caught:
        procs.run(SLEEP, cancel=cancel)
    assert caught.value.code is ErrorCode.CANCELLED
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize("whole_tree", [False, True])
def test_stop_ends_the_tree(whole_tree: bool) -> None:
    child = procs.start(TREE, whole_tree=whole_tree)
    assert child.stdout is not None and child.stderr is not None
    below = psutil.Process(int(child.stdout.readline()))
    child.stop(grace_seconds=2)
    child.stdout.close()
    child.stderr.close()
    wait_for(lambda: gone([below]), "the tree is gone", 5)


def test_a_guarded_child_reports_its_own_status() -> None:
    assert procs.run([PYTHON, "-c", "raise SystemExit(7)"], whole_tree=True).returncode == 7
    killed = procs.run([PYTHON, "-c", "import os; os.kill(os.getpid(), 9)"], whole_tree=True)
    assert killed.returncode == -signal.SIGKILL
    missing = procs.run(["/no/such/program"], whole_tree=True)
    assert missing.returncode == 127 and "/no/such/program" in missing.tail()


@pytest.mark.parametrize("whole_tree", [False, True])
def test_children_end_when_their_owner_is_killed(whole_tree: bool) -> None:
    owner = subprocess.Popen(
        [
            PYTHON,
            "-c",
            "import sys, threading, time; from desktop.core import procs\n"
            "def start():\n"
            f"    child = procs.start({TREE!r}, whole_tree={whole_tree})\n"
            "    print(child.pid, int(child.stdout.readline()), flush=True)\n"
            # started by a thread that ends: the child must not end with the thread
            "thread = threading.Thread(target=start); thread.start(); thread.join()\n"
            "time.sleep(0.3); print('the thread has ended', flush=True); time.sleep(600)",
        ],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[3],
    )
    assert owner.stdout is not None
    child, below = (psutil.Process(int(n)) for n in owner.stdout.readline().split())
    assert owner.stdout.readline() == b"the thread has ended\n"
    assert not gone([child]) and not gone([below])
    owner.kill()
    owner.wait()
    owner.stdout.close()
    wait_for(lambda: gone([child]), "the child is gone", 5)
    if whole_tree:
        wait_for(lambda: gone([below]), "the grandchild is gone", 5)
    else:
        below.kill()  # who starts trees says so


@pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_AS is enforced on Linux only")
def test_memory_limit() -> None:
    child = procs.start([PYTHON, "-c", "x = bytearray(2 << 30)"], memory_limit_bytes=512 << 20)
    assert child.wait(20) not in (0, None)
    assert child.stdout is not None and child.stderr is not None
    assert b"MemoryError" in child.stderr.read()
    child.stdout.close()
    child.stderr.close()
    child.close()


@pytest.mark.parametrize("whole_tree", [False, True])
def test_a_child_in_the_background_and_its_children_come_last(whole_tree: bool) -> None:
    code = (
        "import os, subprocess, sys; print(os.nice(0)); sys.stdout.flush();"
        "subprocess.run([sys.executable, '-c', 'import os; print(os.nice(0))'])"
    )
    for background, nice in ((True, procs.LOWEST_PRIORITY), (False, os.nice(0))):
        child = procs.start([PYTHON, "-c", code], background=background, whole_tree=whole_tree)
        assert child.stdout is not None and child.stderr is not None
        with child.stdout as out, child.stderr:
            said = out.read().split()
        child.kill()
        assert said == [str(nice).encode()] * 2


def test_exit_words() -> None:
    assert procs.exit_words(1) == "exit code 1"
    if os.name == "posix":
        assert procs.exit_words(-9) == "ended by SIGKILL"
