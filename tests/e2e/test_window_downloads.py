"""A model got in the real window: looked up, downloaded, paused, resumed, chatted with.

The hub is a local one that sends slowly; all else is real.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from desktop.core.paths import demo_model
from tests.helpers.atspi import Role
from tests.helpers.hub import LocalHub
from tests.helpers.paddock_window import LONG, Window, paddock_window, skip_first_run
from tests.helpers.screen import screen
from tests.helpers.service import wait_for

REPO, FILE = "owner/Guide-GGUF", "Guide-Q8_0.gguf"
NAME = "Guide-GGUF Q8_0"
SLOW_BYTES_PER_SECOND = 60_000.0
QUESTION = "What is Q4_K_M?"


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[LocalHub]:
    with LocalHub(tmp_path / "hub", process=True) as hub:
        # Other bytes than the bundled model's: the same content would be the same model.
        other = demo_model().read_bytes() + bytes(32)
        hub.add_repo(REPO, {FILE: other, "README.md": b"# Guide"}, tags=("gguf",), license="mit")
        yield hub


@pytest.fixture
def window(tmp_path: Path, hub: LocalHub) -> Iterator[Window]:
    more = {"HF_ENDPOINT": hub.url, "PADDOCK_LIBRARY_TEST_NEW_MODELS": "false"}
    with screen(reader=True) as on, paddock_window(on, tmp_path / "home", more) as made:
        yield made


def _download(window: Window) -> dict[str, Any]:
    jobs = [job for job in window.client().jobs() if job["kind"] == "download"]
    return jobs[0] if jobs else {"state": "none", "progress": None}


def _fetched(window: Window) -> int:
    return int((_download(window)["progress"] or {}).get("done") or 0)


@pytest.mark.timeout(400)
def test_a_model_is_looked_up_got_paused_resumed_and_chatted_with(
    window: Window, hub: LocalHub
) -> None:
    on = window.screen
    skip_first_run(window)
    client = window.client()
    on.keys("ctrl+2")
    window.click("Search the models, or name one at the hub", Role.TEXT)
    asked = len(hub.requests)
    on.write(REPO)
    assert len(hub.requests) == asked, "typing asks nobody"
    on.keys("Return")
    window.find("Get · …", Role.BUTTON)
    window.keep_picture("discover-get")

    # Get it; the hub sends slowly, so that a person can see it come.
    hub.faults.bytes_per_second = SLOW_BYTES_PER_SECOND
    hub.clear_log()
    window.click("Get · …", Role.BUTTON)
    wait_for(lambda: _fetched(window) > 0, "it is being downloaded", LONG)
    window.wait_for("left")
    window.click("Pause this download", Role.BUTTON)
    wait_for(lambda: _download(window)["state"] == "paused", "it is paused", LONG)
    window.wait_for("Paused")
    kept = _fetched(window)
    assert kept > 0

    # The same in the panel of downloads, opened by keys: on it goes, as fast as it can.
    on.keys("ctrl+j")
    window.find(f"Resume {NAME}", Role.BUTTON)
    window.keep_picture("downloads-paused")
    hub.faults.bytes_per_second = None
    window.click(f"Resume {NAME}", Role.BUTTON)
    wait_for(lambda: _download(window)["state"] == "done", "it is done", LONG)
    done = _download(window)
    assert done["result"]["size_bytes"] == demo_model().stat().st_size + 32
    assert hub.sent_bytes < 1.3 * done["result"]["size_bytes"], "what was there was kept"
    model = done["result"]["model"]
    assert model in [each["id"] for each in client.models()]

    # Chat with it.
    window.keep_picture("downloads-done")
    window.click("Chat now", Role.BUTTON)
    window.click("Your message", Role.TEXT)
    on.write(QUESTION)
    on.keys("Return")
    wait_for(lambda: (window.answer() or {}).get("state") == "done", "it has answered", LONG)
    answer = window.answer()
    assert answer is not None and answer["model_id"] == model


@pytest.mark.timeout(400)
def test_a_closed_window_tells_at_the_end_and_another_one_shows_the_same_queue(
    window: Window, hub: LocalHub
) -> None:
    on = window.screen
    skip_first_run(window)
    client = window.client()
    hub.faults.bytes_per_second = SLOW_BYTES_PER_SECOND
    client.pull(f"{REPO}:Q8_0")
    wait_for(lambda: _fetched(window) > 0, "it is being downloaded", LONG)

    # The window is killed and started anew: the queue is the service's.
    window.process.kill()
    window.process.wait(30)
    window.start()
    on.activate(window.pid)
    window.find("1 download…", Role.BUTTON)
    on.keys("ctrl+j")
    window.find(f"Pause {NAME}", Role.BUTTON)
    on.keys("Escape")

    # Closed, it goes to the tray, where the end is told; its icon brings the window back.
    on.close_window(window.pid)
    wait_for(lambda: not on.windows(window.pid), "the window goes to the tray", LONG)
    assert window.process.poll() is None
    hub.faults.bytes_per_second = None
    wait_for(lambda: _download(window)["state"] == "done", "it is done", LONG)
    window.click_tray()
    wait_for(lambda: on.in_front(window.pid), "the icon brings it back", LONG)
    on.keys("ctrl+j")
    window.find("Chat now", Role.BUTTON)
    on.close_window(window.pid)
    assert window.process.wait(30) == 0, window.output.read_text()
