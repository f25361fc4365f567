"""`paddock` without a command: the window where there is a screen, the tour everywhere else."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping

import pytest

from desktop.cli.commands import tour
from desktop.ui import display
from desktop.ui.display import NoWindow, has_display, open_window
from tests.unit.cli.conftest import Paddock

ON_X11 = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks about X11")


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was opened, in order; nothing is opened in truth."""
    opened: list[str] = []

    def window_opens(environ: Mapping[str, str] = os.environ) -> int:
        opened.append("window")
        return 0

    def tour_runs(args: object, out: object) -> int:
        opened.append("tour")
        return 0

    monkeypatch.setattr(display, "open_window", window_opens)
    monkeypatch.setattr(tour, "run", tour_runs)
    return opened


@pytest.mark.parametrize(
    ("words", "screen", "expected"),
    [
        ([], True, ["window"]),
        ([], False, ["tour"]),
        (["--json"], True, ["tour"]),
        (["--quiet"], True, ["tour"]),
        (["tour"], True, ["tour"]),
    ],
)
def test_what_opens(
    *,
    words: list[str],
    screen: bool,
    expected: list[str],
    done: list[str],
    paddock: Paddock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(display, "has_display", lambda: screen)
    assert paddock(*words).code == 0
    assert done == expected


def test_a_window_that_cannot_open_is_told_and_the_tour_is_done(
    done: list[str], paddock: Paddock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses() -> int:
        raise NoWindow("libxcb-cursor.so.0: cannot open shared object file")

    monkeypatch.setattr(display, "has_display", lambda: True)
    monkeypatch.setattr(display, "open_window", refuses)
    monkeypatch.setenv("LC_ALL", "C")
    ran = paddock()
    assert ran.code == 0 and done == ["tour"]
    assert "The window cannot be opened here: libxcb-cursor.so.0" in ran.err


@ON_X11
@pytest.mark.parametrize(
    ("environ", "there"),
    [
        ({}, False),
        ({"DISPLAY": ""}, False),
        ({"DISPLAY": ":0"}, True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, True),
    ],
)
def test_where_a_display_is(environ: dict[str, str], there: bool) -> None:
    assert has_display(environ) is there


@ON_X11
def test_a_display_that_does_not_answer_is_refused_before_qt_is_started() -> None:
    """In a process of its own: Qt, asked itself, would end it."""
    code = (
        "import sys; from desktop.ui.display import *\n"
        "try: open_window()\n"
        "except NoWindow as refusal: print(refusal)"
    )
    environ = {**os.environ, "DISPLAY": ":4711", "WAYLAND_DISPLAY": "nowhere"}
    environ.pop("QT_QPA_PLATFORM", None)
    ran = subprocess.run(
        [sys.executable, "-c", code],
        env=environ,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert ":4711" in ran.stdout or "cannot open shared object" in ran.stdout


def test_without_qt_there_is_no_window(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PySide6", None)
    with pytest.raises(NoWindow, match="PySide6"):
        open_window({"DISPLAY": ":0"})
