"""What a person sees when the service or a model fails under the real window, and the way back."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from desktop.core.client.connect import read_endpoint
from desktop.core.db import read_only
from desktop.core.paths import own_command, paths
from tests.helpers.atspi import Role
from tests.helpers.paddock_window import (
    LONG,
    Window,
    ask_and_hold,
    paddock_window,
    plain,
    skip_first_run,
)
from tests.helpers.screen import screen
from tests.helpers.service import gone, of_version, wait_for

QUESTION = "How much memory does a model need?"


@pytest.fixture
def window(tmp_path: Path) -> Iterator[Window]:
    with screen(reader=True) as on, paddock_window(on, tmp_path / "home") as made:
        skip_first_run(made)
        yield made


def load(window: Window) -> psutil.Process:
    """Load the bundled model; returns its engine."""
    client = window.client()
    client.load(next(each["id"] for each in client.models() if each["bundled"]))
    [engine] = window.engines()
    return engine


def read_and_hold(window: Window, engine: psutil.Process) -> str:
    """Ask, and stop the engine in the middle of the answer; returns what can be read of it."""
    for _ in range(20):  # on a quick machine the whole answer may have come before it was stopped
        answer = ask_and_hold(window, engine, QUESTION)
        if answer["state"] == "streaming" and still_streaming(window, answer):
            break
    else:
        raise AssertionError("each of 20 answers was complete before the engine was stopped")
    begin = plain(answer["content"])[:-1]  # its last letter may be the first of a mark
    wait_for(lambda: begin in plain(window.answer_text()), "it can be read", LONG)
    return begin


def still_streaming(window: Window, answer: dict[str, Any]) -> bool:
    """Whether an answer still has more to come when all that had come is stored."""

    def stored() -> bool:
        with read_only(window.paths.database) as connection:
            row = connection.execute("SELECT content FROM messages WHERE id = ?", (answer["id"],))
            return len(row.fetchone()[0]) >= len(answer["content"])

    wait_for(stored, "what came is stored", LONG)
    return (window.answer() or {}).get("state") == "streaming"


def ask_again(window: Window) -> None:
    """The page works: another question is answered, and read on the screen."""
    window.screen.keys("ctrl+1", "ctrl+n")
    window.ask("What is Q4_K_M?")
    wait_for(lambda: (window.answer() or {}).get("state") == "done", "it answers again", LONG)
    answer = window.answer()
    assert answer is not None
    wait_for(
        lambda: plain(answer["content"]) in plain(window.answer_text()), "it can be read", LONG
    )


@pytest.mark.timeout(400)
def test_the_service_is_killed_in_mid_answer(window: Window) -> None:
    engine = load(window)
    client = window.client()
    client.public_on(port=window.port)
    begin = read_and_hold(window, engine)
    psutil.Process(client.endpoint.pid).kill()
    wait_for(lambda: gone([engine]), "its engine ends with it", LONG)
    wait_for(lambda: window.client().endpoint.pid != client.endpoint.pid, "a new one runs", LONG)
    window.wait_for("Interrupted")
    window.keep_picture("killed-service")
    answer = window.answer()
    assert answer is not None and answer["state"] == "interrupted"
    assert plain(answer["content"]).startswith(begin), "what was read is kept"
    assert plain(answer["content"]) in plain(window.answer_text())
    wait_for(lambda: window.client().state()["public"]["on"], "the server is on again", LONG)
    assert window.client().state()["public"]["port"] == window.port
    window.click("Answer again", Role.BUTTON)
    wait_for(lambda: (window.answer() or {}).get("state") == "done", "it is answered anew", LONG)
    ask_again(window)
    for page in ("Library", "Server", "Machine", "Benchmark"):
        window.click(page, Role.RADIO_BUTTON)
    window.find("Run", Role.BUTTON)


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_the_service_hangs_and_goes_on(window: Window) -> None:
    client = window.client()
    service = psutil.Process(client.endpoint.pid)
    service.suspend()
    try:
        window.wait_for("Paddock's service does not answer")
        window.keep_picture("hanging-service")
        for page in ("Library", "Server", "Machine", "Benchmark", "Chat"):  # it is responsive
            began = time.monotonic()
            window.click(page, Role.RADIO_BUTTON)
            assert time.monotonic() - began < 5
    finally:
        service.resume()
    wait_for(lambda: not window.screen.shows(window.pid, "does not answer"), "it is back", LONG)
    assert window.client().endpoint.pid == service.pid
    ask_again(window)


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_service_that_hangs_for_good_is_restarted_from_the_window(window: Window) -> None:
    service = psutil.Process(window.client().endpoint.pid)
    service.suspend()
    window.click("Restart the service", Role.BUTTON)
    wait_for(lambda: gone([service]), "it ends", LONG)
    wait_for(lambda: not window.screen.shows(window.pid, "does not answer"), "a new one", LONG)
    ask_again(window)


@pytest.mark.timeout(200)
def test_a_window_can_be_closed_while_the_service_hangs(window: Window) -> None:
    service = psutil.Process(window.client().endpoint.pid)
    service.suspend()
    try:
        window.click("Library", Role.RADIO_BUTTON)  # which asks, and waits for ever
        window.screen.close_window(window.pid)
        assert window.process.wait(20) == 0
    finally:
        service.resume()


@pytest.mark.timeout(400)
def test_the_model_fails_in_mid_answer(window: Window) -> None:
    engine = load(window)
    begin = read_and_hold(window, engine)
    engine.kill()
    wait_for(lambda: (window.answer() or {}).get("state") == "failed", "it is told", LONG)
    retry = window.find("Retry", Role.BUTTON)
    window.keep_picture("model-failed-in-mid-answer")
    failed = window.answer()
    assert failed is not None and plain(failed["content"]).startswith(begin)
    assert plain(failed["content"]) in plain(window.answer_text())
    assert window.screen.shows(window.pid, failed["error"]["title"])
    assert "SIGKILL" in failed["error"]["cause"], "what ended it, not what its connection said"
    window.screen.click_at(*retry.centre)
    wait_for(lambda: (window.answer() or {}).get("state") == "done", "a retry works", LONG)


@pytest.mark.timeout(400)
def test_the_model_fails_in_mid_load(window: Window) -> None:
    service = psutil.Process(window.client().endpoint.pid)
    window.ask(QUESTION)
    over = set[int]()

    def killed_one() -> bool:
        for child in service.children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                if child.name().startswith("llama-server") and "-m" in child.cmdline():
                    child.kill()
        answer = window.answer() or {}
        if answer.get("state") == "done" and answer["id"] not in over:
            # On a busy machine one may load and answer before it is looked for.
            over.add(answer["id"])
            window.ask(QUESTION)
        return answer.get("state") == "failed"

    wait_for(killed_one, "it is told", LONG)
    window.find("Retry", Role.BUTTON)
    window.keep_picture("model-failed-in-mid-load")
    failed = window.answer()
    assert failed is not None
    window.wait_for(failed["error"]["title"])

    def answered() -> bool:
        """It may be tried again a moment later only, which the page says."""
        answer = window.answer() or {}
        if answer.get("state") == "failed":
            window.click("Retry", Role.BUTTON)
        return answer.get("state") == "done"

    wait_for(answered, "a retry works", LONG)


@pytest.mark.timeout(400)
@pytest.mark.parametrize("language", ["en", "ja"])
def test_an_older_service_is_replaced_from_the_window(tmp_path: Path, language: str) -> None:
    words = {
        "en": ("The running service is of an older version", "Restart the service"),
        "ja": ("動いているサービスのバージョンが古いです", "サービスを再起動"),
    }
    title, button = words[language]
    with screen(reader=True) as on:
        environ = {**on.environ, "PADDOCK_HOME": str(tmp_path / "home"), "HF_HOME": str(tmp_path)}
        environ["PADDOCK_GENERAL_LANGUAGE"] = language
        old = subprocess.Popen(of_version("0.0.9", 1), env=environ, start_new_session=True)
        # Else the window may be quicker, and start one of its own.
        wait_for(lambda: read_endpoint(paths(environ)), "the old one is there", LONG)
        with paddock_window(on, tmp_path / "home", environ) as window:
            assert window.client().endpoint.pid == old.pid
            skip_first_run(window)
            window.wait_for(title)
            window.keep_picture(f"older-service-{language}")
            window.click(button, Role.BUTTON)
            assert old.wait(60) == 0
            wait_for(lambda: not on.shows(window.pid, title), "all is well", LONG)
            assert window.client().hello()["version"] != "0.0.9"


@pytest.mark.timeout(200)
def test_two_starts_at_once_are_one_window(tmp_path: Path) -> None:
    with screen() as on, paddock_window(on, tmp_path / "home") as window:
        others = [
            subprocess.Popen(own_command(), env=window.environ, stdin=subprocess.DEVNULL)
            for _ in range(3)
        ]
        processes = [window.process, *others]

        def one_left() -> bool:
            return sum(process.poll() is None for process in processes) == 1

        wait_for(one_left, "one window is left", LONG)
        [left] = [process for process in processes if process.poll() is None]
        assert all(process.returncode == 0 for process in processes if process is not left)
        wait_for(lambda: on.windows(left.pid), "it is shown", LONG)
        window.process = left
