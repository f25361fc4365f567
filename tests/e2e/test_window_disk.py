"""The window when the disk is full or the database is held: plain words, and nothing lost."""

from __future__ import annotations

import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.atspi import Role
from tests.helpers.disk import fill, small_disk
from tests.helpers.paddock_window import LONG, Window, paddock_window, skip_first_run
from tests.helpers.screen import screen
from tests.helpers.service import wait_for

QUESTION = "What is Q4_K_M?"


def answered(window: Window, question: str) -> None:
    """The question was taken and answered, and stands in the window."""

    def done() -> bool:
        messages = window.messages()
        return bool(messages) and (
            messages[-2]["content"] == question and messages[-1]["state"] == "done"
        )

    wait_for(done, f"“{question}” is answered", LONG)


def written(window: Window) -> str:
    return window.screen.text(window.find("Your message", Role.TEXT))


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_full_disk_loses_nothing(tmp_path: Path) -> None:
    with (
        small_disk(tmp_path, megabytes=6) as place,
        screen(reader=True) as on,
        paddock_window(on, place / "home") as window,
    ):
        skip_first_run(window)
        window.ask(QUESTION)
        answered(window, QUESTION)
        filler = fill(place)
        window.ask("What does context length mean?")
        window.wait_for("The disk is full")
        window.keep_picture("full-disk")
        assert written(window) == "What does context length mean?", "it can be sent again"
        assert len(window.messages()) == 2
        filler.unlink()
        window.screen.keys("Return")
        answered(window, "What does context length mean?")
        assert window.messages()[0]["content"] == QUESTION
        window.process.terminate()
        assert window.process.wait(30) == 0
        window.client().stop()

        # One that is opened on the full disk says so, and goes on when there is space again.
        wait_for(lambda: not window.paths.endpoint_file.exists(), "the service ends", LONG)
        fill(place)
        window.start()
        on.activate(window.pid)
        window.wait_for("The disk is full")
        window.keep_picture("opened-on-a-full-disk")
        filler.unlink()
        window.click(QUESTION, Role.LIST_ITEM)
        wait_for(window.answer_text, "what was said is there", LONG)


@pytest.fixture
def window(tmp_path: Path) -> Iterator[Window]:
    with screen(reader=True) as on, paddock_window(on, tmp_path / "home") as made:
        skip_first_run(made)
        yield made


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_database_that_is_held_is_told_and_nothing_lost(window: Window) -> None:
    window.ask(QUESTION)
    answered(window, QUESTION)
    other = sqlite3.connect(window.paths.database, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        window.ask("What does context length mean?")
        window.wait_for("The database cannot be used")
        window.keep_picture("held-database")
        assert written(window) == "What does context length mean?"
    finally:
        other.execute("ROLLBACK")
        other.close()
    window.screen.keys("Return")
    answered(window, "What does context length mean?")


@pytest.mark.timeout(200)
def test_a_home_that_cannot_be_made_is_said_and_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file, no folder")
    with screen() as on:
        window = Window(on, tmp_path / "home")
        try:
            assert window.process.wait(30) == 1
        except subprocess.TimeoutExpired:
            window.process.kill()
            raise
        said = window.output.read_text()
        assert "Traceback" not in said and str(tmp_path / "home") in said
