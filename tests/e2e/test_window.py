"""The real window on a screen of its own, driven by mouse and keys as a person does.

What to click is found as a screen reader finds it; what came of it, the service and the picture on
the screen are asked. Nothing is built into the window for it.
"""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import openai
import pytest
from PySide6.QtGui import QImage

from desktop.core.paths import own_command
from tests.helpers.atspi import Part, Role
from tests.helpers.paddock_window import LONG, Window, paddock_window, plain, skip_first_run
from tests.helpers.screen import screen
from tests.helpers.service import wait_for

QUESTION = "What is Q4_K_M?"


@pytest.fixture
def window(tmp_path: Path) -> Iterator[Window]:
    with screen(reader=True) as on, paddock_window(on, tmp_path / "home") as made:
        yield made


def lightness(picture: QImage, part: Part) -> int:
    """0 (black) to 255 of the ground of a part, a little inside its corner."""
    return picture.pixelColor(part.x + 3, part.y + part.height // 2).lightness()


@pytest.mark.timeout(600)
def test_a_first_day(window: Window) -> None:
    on = window.screen
    on.activate(window.pid)

    # First run: the bundled model is loaded, and the page leads to it.
    window.wait_for("is loaded and ready to answer.")
    window.click("Ask it something", Role.BUTTON)
    client = window.client()
    bundled = next(each["id"] for each in client.models() if each["bundled"])
    assert [each["id"] for each in client.state()["models"]] == [bundled]

    # Ask, and read the answer as it stands on the screen.
    window.click("Your message", Role.TEXT)
    on.write(QUESTION)
    window.click("Send", Role.BUTTON)
    wait_for(lambda: (window.answer() or {}).get("state") == "done", "it has answered", LONG)
    assert window.messages()[0]["content"] == QUESTION
    answer = window.answer()
    assert answer is not None and len(answer["content"]) > 40
    wait_for(
        lambda: plain(answer["content"]) in plain(window.answer_text()),
        "the whole answer can be read",
        LONG,
    )

    # The server, from the tray's menu; another program's call.
    window.choose_in_tray("Server")
    wait_for(lambda: client.state()["public"]["on"], "the tray switches the server on", LONG)
    url = client.state()["public"]["url"]
    assert url == f"http://127.0.0.1:{window.port}"
    with openai.OpenAI(base_url=f"{url}/v1", api_key="unused") as program:
        reply = program.chat.completions.create(
            model=bundled, messages=[{"role": "user", "content": QUESTION}], max_tokens=64
        )
    assert reply.choices[0].message.content
    window.find(f"Server on :{window.port}")

    # The base URL, from the tray to where something is written.
    window.choose_in_tray("Copy base URL")
    window.click("Your message", Role.TEXT)
    on.keys("ctrl+v")
    field = window.find("Your message", Role.TEXT)
    wait_for(lambda: on.text(field) == f"{url}/v1", "the base URL was copied", LONG)

    # A benchmark.
    window.click("Benchmark", Role.RADIO_BUTTON)
    for name, value in (("Prompt tokens", "64"), ("Generated", "16")):
        window.click(name, Role.TEXT)
        on.keys("ctrl+a")
        on.write(value)
    window.click("Run", Role.BUTTON)
    wait_for(lambda: bool(client.jobs()), "a benchmark begins", LONG)
    wait_for(lambda: client.jobs()[0]["finished"], "the benchmark ends", 180)
    job = client.jobs()[0]
    assert (job["kind"], job["state"]) == ("bench", "done"), job["error"]
    window.wait_for("tok/s")

    # Look and language.
    rail = window.find("Machine", Role.RADIO_BUTTON)
    light = lightness(on.settled(), rail)
    window.click("Settings", Role.BUTTON)
    dialog = window.find("Settings", Role.DIALOG)
    language, look = [
        part
        for part in on.parts(window.pid)
        if part.role == Role.COMBO_BOX and dialog.x < part.x < dialog.x + dialog.width
    ]
    window.choose(look, "Dark")
    wait_for(lambda: client.settings()["general"]["theme"] == "dark", "it is stored", LONG)
    assert light > 200
    wait_for(lambda: lightness(on.picture(), rail) < 60, "the window is dark", LONG)
    window.choose(language, "日本語")
    wait_for(lambda: client.settings()["general"]["language"] == "ja", "it is stored", LONG)
    window.click("閉じる", Role.BUTTON)
    window.find("ベンチマーク", Role.RADIO_BUTTON)

    # Closing goes to the tray while the server is on; the icon brings the window back.
    on.click_at(*on.cross(window.pid))
    wait_for(lambda: not on.windows(window.pid), "the window goes to the tray", LONG)
    assert window.process.poll() is None
    window.click_tray()
    wait_for(lambda: on.in_front(window.pid), "a click on the icon brings it back", LONG)

    # Quit from the tray: the window ends, the server is the service's.
    window.choose_in_tray("Quit")
    assert window.process.wait(30) == 0, window.output.read_text()
    assert client.state()["public"]["on"]
    assert window.output.read_text() == "", "nothing is said on the terminal"


@pytest.mark.timeout(400)
def test_a_second_start_brings_the_first_window_back(window: Window) -> None:
    """By keys alone, from the first run to the server."""
    skip_first_run(window)
    client = window.client()
    window.ask(QUESTION)
    wait_for(lambda: (window.answer() or {}).get("state") == "done", "it has answered", LONG)
    window.screen.keys("ctrl+4", "space")
    wait_for(lambda: client.state()["public"]["on"], "Space switches the server on", LONG)
    window.screen.close_window(window.pid)
    wait_for(lambda: not window.screen.windows(window.pid), "the window goes to the tray", LONG)
    second = subprocess.run(own_command(), env=window.environ, timeout=60, check=False)
    assert second.returncode == 0
    wait_for(lambda: window.screen.in_front(window.pid), "a second start brings it back", LONG)
    window.screen.keys("ctrl+4", "space")
    wait_for(lambda: not client.state()["public"]["on"], "Space switches it off", LONG)
    window.screen.close_window(window.pid)
    assert window.process.wait(30) == 0, window.output.read_text()


@pytest.mark.timeout(400)
def test_a_window_that_is_killed_loses_nothing(window: Window) -> None:
    skip_first_run(window)
    client = window.client()
    client.load(next(each["id"] for each in client.models() if each["bundled"]))
    engines = window.engines()
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
