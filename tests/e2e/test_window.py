"""The real window on a screen of its own, driven by keys; what it did the service is asked.

Only the private face is asked, as any other window would: nothing is built into the window for it.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import psutil
import pytest

from desktop.core.client.client import Client
from desktop.core.client.connect import connect
from desktop.core.engine.server import free_port
from desktop.core.errors import AppError
from desktop.core.paths import own_command, paths
from tests.helpers.screen import Screen, screen
from tests.helpers.service import wait_for

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs an X server")
LONG = 60.0
QUESTION = "What is Q4_K_M?"


class Window:
    """`paddock` without a command, on a screen, in a home of its own."""

    def __init__(self, on: Screen, home: Path) -> None:
        self.screen = on
        self.port = free_port()
        self.environ = {
            **on.environ,
            "PADDOCK_HOME": str(home),
            "HF_HOME": str(home / "hf"),
            "PADDOCK_SERVER_PORT": str(self.port),
            "LANG": "C.UTF-8",
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

    def ask(self, question: str) -> None:
        self.screen.activate(self.pid)
        self.screen.keys("ctrl+1")
        self.screen.write(question)
        self.screen.keys("Return")


@pytest.fixture
def window(tmp_path: Path) -> Iterator[Window]:
    with screen() as on:
        made = Window(on, tmp_path / "home")
        yield made
        if made.process.poll() is None:
            made.process.terminate()
            made.process.wait(30)
        try:
            client = connect(made.paths)
        except AppError:
            return
        client.stop()


def _skip_first_run(window: Window) -> None:
    store = window.paths.config / "window.ini"
    window.client()
    window.screen.activate(window.pid)

    def gone() -> bool:
        window.screen.keys("Escape")
        return store.exists() and "first_run_seen" in store.read_text()

    wait_for(gone, "Esc ends the first run", LONG)


@pytest.mark.timeout(400)
def test_a_first_day(window: Window) -> None:
    _skip_first_run(window)
    client = window.client()

    window.ask(QUESTION)
    wait_for(lambda: (window.answer() or {}).get("state") == "done", "the answer is complete", LONG)
    question = window.messages()[0]
    assert question["content"] == QUESTION
    answer = window.answer()
    assert answer is not None and len(answer["content"]) > 40

    window.screen.keys("ctrl+3", "space")
    wait_for(lambda: client.state()["public"]["on"], "Space switches the server on", 30)
    url = client.state()["public"]["url"]
    assert url == f"http://127.0.0.1:{window.port}"
    with openai.OpenAI(base_url=f"{url}/v1", api_key="unused") as program:
        reply = program.chat.completions.create(
            model=answer["model_id"],
            messages=[{"role": "user", "content": QUESTION}],
            max_tokens=64,
        )
    assert reply.choices[0].message.content

    window.screen.close_window(window.pid)
    wait_for(lambda: not window.screen.windows(window.pid), "the window goes to the tray", 30)
    assert window.process.poll() is None
    assert client.state()["public"]["on"]

    second = subprocess.run(own_command(), env=window.environ, timeout=60, check=False)
    assert second.returncode == 0
    wait_for(lambda: window.screen.windows(window.pid), "a second start brings it back", 30)

    client.public_off()
    wait_for(lambda: not client.state()["public"]["on"], "the server is off", 30)
    window.screen.close_window(window.pid)
    assert window.process.wait(30) == 0, window.output.read_text()


@pytest.mark.timeout(400)
def test_a_window_that_is_killed_loses_nothing(window: Window) -> None:
    _skip_first_run(window)
    client = window.client()
    client.load(next(each["id"] for each in client.models() if each["bundled"]))
    engines = [
        each
        for each in psutil.Process(client.endpoint.pid).children(recursive=True)
        if each.name().startswith("llama-server")
    ]
    for engine in engines:  # it would be done before the window is killed
        engine.suspend()
    window.ask("How much memory does a model need?")
    wait_for(lambda: window.answer() is not None, "the answer has begun", LONG)
    window.process.send_signal(signal.SIGKILL)
    window.process.wait(30)
    begun = window.answer()
    assert begun is not None and begun["state"] in ("waiting", "streaming")
    for engine in engines:
        engine.resume()
    listed = client.conversations()[0]["id"]

    def complete() -> bool:
        answer = client.conversation(listed)["messages"][-1]
        return bool(answer["role"] == "assistant" and answer["state"] == "done")

    wait_for(complete, "the answer is complete without the window", LONG)
    assert len(client.conversation(listed)["messages"][-1]["content"]) > 20

    window.start()
    wait_for(lambda: window.screen.windows(window.pid), "a new window opens", 60)
    window.process.terminate()
    assert window.process.wait(30) == 0
