"""What the first process of a container owes the others."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="containers are Linux")

PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h: it gets orphans, as process 1 of a container does


def run(work: str) -> subprocess.Popen[str]:
    """A process that is the first of its own, with `work(…)` below it."""
    program = f"""
import ctypes, os, signal, sys, time
ctypes.CDLL(None).prctl({PR_SET_CHILD_SUBREAPER}, 1, 0, 0, 0)
from desktop.core.first_process import run_below
first = os.getpid()
def work():
{textwrap.indent(textwrap.dedent(work), "    ")}
code = run_below(work)
if os.getpid() == first:
    print("ended", code, flush=True)
sys.exit(code)
"""
    return subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[3],
    )


def test_the_status_of_the_work_is_its_own() -> None:
    process = run("return 7")
    assert process.communicate(timeout=20)[0] == "ended 7\n" and process.returncode == 7


def test_signals_reach_the_work() -> None:
    process = run(
        """
        signal.signal(signal.SIGTERM, lambda *_: (print("told", flush=True), os._exit(3)))
        print("there", flush=True)
        while True:  # pause() would sleep on where the signal came just before it
            time.sleep(0.05)
        """
    )
    assert process.stdout is not None and process.stdout.readline() == "there\n"
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=20)[0] == "told\nended 3\n"


def test_work_that_is_killed_says_so() -> None:
    process = run("os.kill(os.getpid(), signal.SIGKILL)")
    assert process.communicate(timeout=20)[0] == f"ended {128 + signal.SIGKILL}\n"


def test_orphans_are_reaped() -> None:
    process = run(
        """
        reader, writer = os.pipe()
        if os.fork() == 0:  # its child loses it at once, and ends a little later
            if os.fork() == 0:
                os.read(reader, 1)
                os._exit(0)
            os.write(writer, b"")
            os._exit(0)
        os.wait()
        children = f"/proc/{first}/task/{first}/children"
        while len(open(children).read().split()) < 2:  # the orphan is the first process's
            time.sleep(0.005)
        os.write(writer, b"x")
        while len(open(children).read().split()) > 1:  # a zombie would stay
            time.sleep(0.005)
        return 0
        """
    )
    assert process.communicate(timeout=20)[0] == "ended 0\n"
