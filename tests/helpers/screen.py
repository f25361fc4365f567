"""A screen that is not there: Xvfb with a window manager and a tray, a mouse, keys, and eyes."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from PySide6.QtGui import QImage

from tests.helpers import atspi
from tests.helpers.atspi import Part, Reader, Role, State
from tests.helpers.service import wait_for

_NEEDED = {"Xvfb": "xvfb", "openbox": "openbox", "xdotool": "xdotool", "trayer": "trayer"}
LEFT, RIGHT = 1, 3
_FIND_SECONDS = 30.0
_SIZE = "1280x860x24"
_XVFB = ("-nolisten", "tcp", "-fbdir")
# As wide as its icons are, so that the one icon is its middle.
_TRAYER = ("trayer", "--edge", "bottom", "--align", "right", "--widthtype", "request")


class Screen:
    """An X display of its own."""

    def __init__(self, display: str, memory: Path, environ: dict[str, str]) -> None:
        self.display = display
        self.environ = environ
        self._memory = memory
        self._tray: subprocess.Popen[bytes] | None = None
        self._reader: Reader | None = None

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

    # --- windows ------------------------------------------------------------------------------

    def windows(self, pid: int, name: str = "^Paddock$") -> list[str]:
        """The process's windows that can be seen."""
        return self._xdotool(
            "search", "--onlyvisible", "--all", "--pid", str(pid), "--name", name
        ).split()

    def activate(self, pid: int) -> None:
        wait_for(lambda: self.windows(pid), "the window is shown", 60)
        self._xdotool("windowactivate", "--sync", self.windows(pid)[-1])

    def in_front(self, pid: int) -> bool:
        """Whether a window of the process has the keyboard."""
        return self._xdotool("getactivewindow") in self.windows(pid)

    def close_window(self, pid: int) -> None:
        """As its cross does."""
        self.activate(pid)
        self.keys("alt+F4")

    def place(self, window: str) -> tuple[int, int, int, int]:
        """x, y, width and height of a window."""
        words = self._xdotool("getwindowgeometry", "--shell", window).splitlines()
        found = dict(word.split("=", 1) for word in words)
        return int(found["X"]), int(found["Y"]), int(found["WIDTH"]), int(found["HEIGHT"])

    def cross(self, pid: int) -> tuple[int, int]:
        """Where openbox draws the button that closes a window: the last one of its title bar."""
        frame = next(part for part in self.parts(pid) if part.role == Role.FRAME)
        return frame.x + frame.width - 10, frame.y - 10

    def start_tray(self) -> None:
        """A place for tray icons."""
        self._tray = _start(list(_TRAYER), self.environ)

    def end_tray(self) -> None:
        if self._tray is not None:
            self._tray.terminate()
            self._tray.wait(10)
            self._tray = None

    def tray_centre(self) -> tuple[int, int]:
        """The middle of the tray, which is as wide as its icons: with one icon, that one's."""
        places: list[tuple[int, int, int, int]] = []

        def shown() -> bool:
            windows = self._xdotool("search", "--onlyvisible", "--class", "^trayer$").split()
            places[:] = [self.place(window) for window in windows]
            return any(width > 4 for _, _, width, _ in places)

        wait_for(shown, "there is an icon in the tray", _FIND_SECONDS)
        x, y, width, height = max(places)
        return x + width // 2, y + height // 2

    # --- hands --------------------------------------------------------------------------------

    def keys(self, *names: str) -> None:
        """Press keys one after another: "ctrl+1", "Escape", "space"."""
        self._xdotool("key", "--clearmodifiers", "--delay", "60", *names)

    def write(self, text: str) -> None:
        self._xdotool("type", "--clearmodifiers", "--delay", "15", text)

    def click_at(self, x: int, y: int, button: int = LEFT) -> None:
        # Without --sync: it waits for a movement, and there is none where the mouse is already.
        self._xdotool("mousemove", str(x), str(y), "click", str(button))

    def click(self, pid: int, name: str, *roles: Role) -> None:
        """Click the middle of what has this name, as soon as it is there and can be used."""
        self.click_at(*self.find(pid, name, *roles).centre)

    # --- eyes ---------------------------------------------------------------------------------

    def parts(self, pid: int) -> list[Part]:
        """Everything of a program that can be seen now."""
        if self._reader is None:
            raise AssertionError("this screen was made without a screen reader")
        return list(self._reader.parts(pid))

    def find(self, pid: int, name: str, *roles: Role) -> Part:
        """What has this name (or begins with it, where it ends with "…"); waits for it."""
        found: list[Part] = []
        begin = name.removesuffix("…")

        def there() -> bool:
            found[:] = [
                part
                for part in self.parts(pid)
                if (part.name == name or (begin != name and part.name.startswith(begin)))
                and (not roles or part.role in roles)
                and part.is_now(State.SENSITIVE)
                and part.width > 0
            ]
            return bool(found)

        try:
            wait_for(there, f"“{name}” is there", _FIND_SECONDS)
        except AssertionError as error:
            names = ", ".join(part.name for part in self.parts(pid) if part.name)
            raise AssertionError(f"{error}; on the screen: {names}") from None
        return found[0]

    def shows(self, pid: int, text: str) -> bool:
        """Whether a name on the screen holds the text."""
        return any(text in part.name for part in self.parts(pid))

    def text(self, part: Part) -> str:
        assert self._reader is not None
        return self._reader.text(part)

    def picture(self) -> QImage:
        """The whole screen, from Xvfb's memory: a file in the form of xwd (X11/XWDFile.h)."""
        raw = self._memory.read_bytes()
        words = struct.unpack_from(">25I", raw)
        header, width, height = words[0], words[4], words[5]
        line_bytes, colours = words[12], words[19]
        pixels = raw[header + 12 * colours :]
        return QImage(pixels, width, height, line_bytes, QImage.Format.Format_RGB32).copy()

    def settled(self) -> QImage:
        """A picture in which nothing moved since the last one."""
        last = [self.picture()]

        def still() -> bool:
            before, last[0] = last[0], self.picture()
            return before == last[0]

        wait_for(still, "the screen stands still", 30)
        return last[0]


def _start(words: list[str], environ: dict[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        words,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


@contextmanager
def screen(*, tray: bool = True, reader: bool = False) -> Iterator[Screen]:
    """A new screen.

    Args:
        tray: with a place for tray icons.
        reader: with a screen reader, for `parts`, `find`, `click` and `text`.
    """
    missing = [package for name, package in _NEEDED.items() if shutil.which(name) is None]
    missing += atspi.missing() if reader else []
    if missing:
        pytest.fail(
            f"this test needs {', '.join(missing)}: `make test` installs them where it may, else "
            f"type: sudo apt-get install -y {' '.join(missing)}",
            pytrace=False,
        )
    environ = dict(os.environ)
    for name in ("WAYLAND_DISPLAY", "QT_QPA_PLATFORM", "XAUTHORITY", "DBUS_SESSION_BUS_ADDRESS"):
        environ.pop(name, None)
    number_reader, writer = os.pipe()
    with tempfile.TemporaryDirectory(prefix="paddock-screen-") as memory:
        server = subprocess.Popen(
            ["Xvfb", "-displayfd", str(writer), "-screen", "0", _SIZE, *_XVFB, memory],
            pass_fds=[writer],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(writer)
        with os.fdopen(number_reader) as number:
            environ["DISPLAY"] = f":{number.readline().strip()}"
        made = Screen(environ["DISPLAY"], Path(memory) / "Xvfb_screen0", environ)
        manager = _start(["openbox"], environ)
        try:
            if tray:
                made.start_tray()
            if reader:
                with atspi.accessibility(environ) as made._reader:
                    yield made
            else:
                yield made
        finally:
            made.end_tray()
            for process in (manager, server):
                process.terminate()
                process.wait(10)
