"""A screen that is not there: Xvfb with a window manager and a tray, and keys pressed on it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.helpers.service import wait_for

_NEEDED = {"Xvfb": "xvfb", "openbox": "openbox", "xdotool": "xdotool", "trayer": "trayer"}


class Screen:
    """An X display of its own."""

    def __init__(self, display: str) -> None:
        self.display = display
        self.environ = {**os.environ, "DISPLAY": display}
        for name in ("WAYLAND_DISPLAY", "QT_QPA_PLATFORM", "XAUTHORITY"):
            self.environ.pop(name, None)

    def _xdotool(self, *words: str) -> str:
        ran = subprocess.run(
            ["xdotool", *words],
            env=self.environ,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=30,
            check=False,
        )
        return ran.stdout.strip() if ran.returncode == 0 else ""

    def windows(self, pid: int) -> list[str]:
        """The process's windows that can be seen."""
        return self._xdotool(
            "search", "--onlyvisible", "--all", "--pid", str(pid), "--name", "^Paddock$"
        ).split()

    def activate(self, pid: int) -> None:
        wait_for(lambda: self.windows(pid), "the window is shown", 60)
        self._xdotool("windowactivate", "--sync", self.windows(pid)[-1])

    def keys(self, *names: str) -> None:
        """Press keys one after another: "ctrl+1", "Escape", "space"."""
        self._xdotool("key", "--clearmodifiers", "--delay", "60", *names)

    def write(self, text: str) -> None:
        self._xdotool("type", "--clearmodifiers", "--delay", "15", text)

    def close_window(self, pid: int) -> None:
        """As its cross does."""
        self.activate(pid)
        self.keys("alt+F4")


@contextmanager
def screen() -> Iterator[Screen]:
    missing = [package for name, package in _NEEDED.items() if shutil.which(name) is None]
    if missing:
        pytest.fail(
            f"this test needs {', '.join(missing)}: `make test` installs them where it may, else "
            f"type: sudo apt-get install -y {' '.join(missing)}",
            pytrace=False,
        )
    reader, writer = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(writer), "-screen", "0", "1280x860x24", "-nolisten", "tcp"],
        pass_fds=[writer],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(writer)
    helpers: list[subprocess.Popen[bytes]] = []
    try:
        with os.fdopen(reader) as number:
            made = Screen(f":{number.readline().strip()}")
        for words in (["openbox"], ["trayer", "--edge", "bottom"]):
            helpers.append(
                subprocess.Popen(
                    words,
                    env=made.environ,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
            )
        yield made
    finally:
        for process in (*helpers, server):
            process.terminate()
            process.wait(10)
