"""A window is never hidden where it cannot come back: with a tray, without, and when it goes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.atspi import Role
from tests.helpers.paddock_window import LONG, Window, paddock_window, skip_first_run
from tests.helpers.screen import screen
from tests.helpers.service import wait_for


def switch_on(window: Window) -> None:
    client = window.client()
    client.public_on(port=window.port)
    window.find(f"Server on :{window.port}")


@pytest.mark.timeout(200)
def test_without_a_tray_closing_asks_what_becomes_of_the_server(tmp_path: Path) -> None:
    with (
        screen(tray=False, reader=True) as on,
        paddock_window(on, tmp_path / "home") as window,
    ):
        skip_first_run(window)
        switch_on(window)
        on.close_window(window.pid)
        window.find("The server is on")
        window.keep_picture("closing-without-a-tray")
        on.keys("Escape")
        wait_for(lambda: not on.shows(window.pid, "Leave it on"), "Esc keeps the window", LONG)
        assert on.windows(window.pid)
        on.close_window(window.pid)
        window.click("Leave it on and close", Role.BUTTON)
        assert window.process.wait(30) == 0
        assert window.client().state()["public"]["on"]

        window.start()  # as a person does who wants it back
        window.find(f"Server on :{window.port}")
        on.close_window(window.pid)
        window.click("Switch it off and close", Role.BUTTON)
        assert window.process.wait(30) == 0
        assert not window.client().state()["public"]["on"]


@pytest.mark.timeout(200)
def test_a_tray_that_ends_gives_the_window_back(tmp_path: Path) -> None:
    with screen(reader=True) as on, paddock_window(on, tmp_path / "home") as window:
        skip_first_run(window)
        switch_on(window)
        on.tray_centre()
        on.close_window(window.pid)
        wait_for(lambda: not on.windows(window.pid), "the window goes to the tray", LONG)
        on.end_tray()
        wait_for(lambda: on.windows(window.pid), "it comes back by itself", LONG)


@pytest.mark.timeout(200)
def test_a_tray_that_comes_later_is_used(tmp_path: Path) -> None:
    with (
        screen(tray=False, reader=True) as on,
        paddock_window(on, tmp_path / "home") as window,
    ):
        skip_first_run(window)
        switch_on(window)
        on.start_tray()
        on.tray_centre()
        on.close_window(window.pid)
        wait_for(lambda: not on.windows(window.pid), "the window goes to the tray", LONG)
        window.click_tray()
        wait_for(lambda: on.in_front(window.pid), "its icon brings it back", LONG)
