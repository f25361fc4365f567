"""`paddock` without a command, as a process of its own on a screen, and the service it uses."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from desktop.core.client.client import Client
from desktop.core.client.connect import connect
from desktop.core.engine.server import free_port
from desktop.core.errors import AppError
from desktop.core.paths import own_command, paths
from tests.helpers.atspi import Part, Role
from tests.helpers.screen import LEFT, RIGHT, Screen
from tests.helpers.service import wait_for

LONG = 60.0
TRAY_ENTRIES = ("Server", "the model", "Copy base URL", "Open Paddock", "Quit")
_RUNNING_SECONDS = 0.001
_SEPARATOR_AFTER, _SEPARATOR_PIXELS, _EDGE_PIXELS = 3, 6, 1


class Window:
    """The real window. Only its own private face is asked what became of what was done in it."""

    def __init__(self, on: Screen, home: Path, more: Mapping[str, str] | None = None) -> None:
        self.screen = on
        self.port = free_port()
        self.environ = {
            **on.environ,
            "PADDOCK_HOME": str(home),
            "HF_HOME": str(home / "hf"),
            "PADDOCK_SERVER_PORT": str(self.port),
            "LANG": "C.UTF-8",
            **(more or {}),
        }
        self.output = home.with_suffix(".out")
        self.paths = paths(self.environ)
        self.process = self.start()

    def start(self) -> subprocess.Popen[bytes]:
        with self.output.open("ab") as sink:
            self.process = subprocess.Popen(
                own_command(), env=self.environ, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink
            )
        return self.process

    @property
    def pid(self) -> int:
        return self.process.pid

    # --- on the screen ------------------------------------------------------------------------

    def click(self, name: str, *roles: Role) -> None:
        self.screen.click(self.pid, name, *roles)

    def find(self, name: str, *roles: Role) -> Part:
        return self.screen.find(self.pid, name, *roles)

    def wait_for(self, text: str, seconds: float = LONG) -> None:
        """Return when a text can be read in the window."""
        wait_for(lambda: self.screen.shows(self.pid, text), f"the window shows “{text}”", seconds)

    def answer_text(self) -> str:
        """What the last answer in the window reads."""
        parts = self.screen.parts(self.pid)
        answers = [part for part in parts if part.name == "Answer"]
        if not answers:
            return ""
        last = max(answers, key=lambda part: (part.y, -part.height))
        inside = [
            part
            for part in parts
            if part.role in (Role.LABEL, Role.TEXT)
            and last.y <= part.y < last.y + last.height
            and last.x <= part.x < last.x + last.width
        ]
        return "\n".join(self.screen.text(part) for part in sorted(inside, key=lambda p: p.y))

    def keep_picture(self, name: str) -> None:
        """For people to look at, where WINDOW_PICTURES names a folder."""
        if folder := os.environ.get("WINDOW_PICTURES"):
            self.screen.settled().save(str(Path(folder) / f"{name}.png"))

    def choose(self, box: Part, entry: str) -> None:
        """Choose an entry of a drop-down box by mouse."""
        self.screen.click_at(*box.centre)
        self.click(entry, Role.LIST_ITEM)

    def ask(self, question: str) -> None:
        """Type a question and send it, by keys alone."""
        self.screen.activate(self.pid)
        self.screen.keys("ctrl+1")
        self.screen.write(question)
        self.screen.keys("Return")

    # --- the tray -----------------------------------------------------------------------------

    def click_tray(self, button: int = LEFT) -> None:
        """Click the one icon in the tray."""
        self.screen.click_at(*self.screen.tray_centre(), button)

    def choose_in_tray(self, entry: str) -> None:
        """Open the tray's menu by mouse and click an entry.

        A menu is no part of its application for a screen reader until it has the keyboard: its
        entries are found by their place in its window.
        """
        before = set(self.screen.windows(self.pid, ""))
        self.click_tray(RIGHT)
        opened: list[str] = []

        def open_now() -> bool:
            opened[:] = set(self.screen.windows(self.pid, "")) - before
            return bool(opened)

        wait_for(open_now, "the tray's menu opens", LONG)
        x, y, width, height = self.screen.place(opened[0])
        inner = height - 2 * _EDGE_PIXELS - _SEPARATOR_PIXELS
        row = inner / len(TRAY_ENTRIES)
        index = TRAY_ENTRIES.index(entry)
        down = _EDGE_PIXELS + row * (index + 0.5)
        down += _SEPARATOR_PIXELS if index >= _SEPARATOR_AFTER else 0
        self.screen.click_at(x + width // 2, y + round(down))

    # --- what the service says ----------------------------------------------------------------

    def client(self) -> Client:
        """The service the window uses, as soon as it answers."""
        found: list[Client] = []

        def answers() -> bool:
            try:
                found.append(connect(self.paths))
            except AppError:
                return False
            return True

        wait_for(answers, "the service answers", LONG)
        return found[0]

    def engines(self) -> list[psutil.Process]:
        """The llama-server processes of its service."""
        service = psutil.Process(self.client().endpoint.pid)
        return [
            each
            for each in service.children(recursive=True)
            if each.name().startswith("llama-server")
        ]

    def messages(self) -> list[dict[str, Any]]:
        """Of the newest conversation."""
        client = self.client()
        listed = client.conversations()
        if not listed:
            return []
        found: list[dict[str, Any]] = client.conversation(listed[0]["id"])["messages"]
        return found

    def answer(self) -> dict[str, Any] | None:
        """The newest answer, or None."""
        answers = [each for each in self.messages() if each["role"] == "assistant"]
        return answers[-1] if answers else None


def ask_and_hold(
    window: Window, engine: psutil.Process, question: str, letters: int = 1
) -> dict[str, Any]:
    """Ask in the window, and stop the engine in the middle of its answer.

    The bundled model answers in a tenth of a second: it is let run for a moment at a time, until
    that many letters have come. Resume the engine to have the rest.

    Returns:
        The answer so far; its state is "done" where it was shorter than that.
    """
    known = (window.answer() or {"id": 0})["id"]
    engine.suspend()
    window.ask(question)
    answer: dict[str, Any] = {}

    def begun() -> bool:
        engine.resume()
        time.sleep(_RUNNING_SECONDS)
        engine.suspend()
        newest = window.answer()
        if newest is not None and newest["id"] > known:
            answer.update(newest)
        return len(answer.get("content", "")) >= letters or answer.get("state") == "done"

    wait_for(begun, "the answer has begun", LONG)
    return answer


def plain(markdown: str) -> str:
    """The words of an answer, without the marks of Markdown that come in the model's answers."""
    return " ".join(markdown.replace("**", "").replace("`", "").split())


def skip_first_run(window: Window) -> None:
    store = window.paths.config / "window.ini"
    window.client()
    window.screen.activate(window.pid)

    def gone() -> bool:
        window.screen.keys("Escape")
        return store.exists() and "first_run_seen" in store.read_text()

    wait_for(gone, "Esc ends the first run", LONG)


@contextmanager
def paddock_window(
    on: Screen, home: Path, more: Mapping[str, str] | None = None
) -> Iterator[Window]:
    """A window; it and its service have ended afterwards."""
    made = Window(on, home, more)
    try:
        yield made
    finally:
        if made.process.poll() is None:
            made.process.kill()
        made.process.wait(30)
        try:
            client = connect(made.paths)
        except AppError:
            pass  # it has ended, or never was
        else:
            client.stop()
            service = psutil.Process(client.endpoint.pid)
            psutil.wait_procs([service], 30)
