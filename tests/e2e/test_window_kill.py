"""`kill -9` of the real window while an answer comes: all of it is in the next window."""

from __future__ import annotations

import os
import random
import statistics
import time
from pathlib import Path
from typing import Any

import pytest

from desktop.core.client.client import Client
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
from tests.helpers.service import wait_for

KILLS = int(os.environ.get("WINDOW_KILLS", "50"))
QUESTIONS = (
    "What is Q4_K_M?",
    "What does context length mean?",
    "How much memory does a model need?",
)


def uninterrupted(client: Client, model: str, question: str) -> str:
    """What the model answers when nobody disturbs it; it is asked at temperature 0."""
    made = client.create_conversation(model=model)
    turn = client.send_turn(made["id"], question)
    done: dict[str, Any] = list(client.follow_message(turn["assistant"]["id"]))[-1]["done"]
    client.delete_conversation(made["id"])
    assert done["state"] == "done"
    return str(done["content"])


def check_next_window(window: Window, question: str, answer: str) -> None:
    """Open the conversation that was interrupted, the newest, and read it off the screen."""
    window.start()
    window.screen.activate(window.pid)
    window.click(question, Role.LIST_ITEM)
    wait_for(
        lambda: plain(window.answer_text()) == plain(answer),
        f"the next window shows the whole answer: {answer}",
        LONG,
    )


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_every_token_is_in_the_next_window(tmp_path: Path) -> None:
    seed = int(os.environ.get("WINDOW_SEED", str(time.time_ns() % 1_000_000)))
    rng = random.Random(seed)
    lengths: list[float] = []
    late = 0
    with screen(reader=True) as on, paddock_window(on, tmp_path / "home") as window:
        skip_first_run(window)
        client = window.client()
        model = next(each["id"] for each in client.models() if each["bundled"])
        client.load(model)
        whole = {question: uninterrupted(client, model, question) for question in QUESTIONS}
        assert whole == {question: uninterrupted(client, model, question) for question in QUESTIONS}
        [engine] = window.engines()
        started = time.monotonic()
        while len(lengths) < KILLS:
            assert late <= 2 * KILLS, "the moments are badly chosen"
            question = rng.choice(QUESTIONS)
            window.screen.activate(window.pid)
            window.screen.keys("ctrl+n")
            letters = rng.randint(1, round(0.4 * len(whole[question])))
            number = ask_and_hold(window, engine, question, letters)["id"]
            window.process.kill()
            window.process.wait()
            held = window.answer()
            assert held is not None and held["id"] == number
            engine.resume()
            if held["state"] == "streaming":
                assert whole[question].startswith(held["content"])
                lengths.append(len(held["content"]) / len(whole[question]))
            else:
                late += 1
            done = list(client.follow_message(number))[-1]["done"]
            assert (done["state"], done["content"]) == ("done", whole[question])
            check_next_window(window, question, whole[question])
        seconds = time.monotonic() - started
    print(
        f"WINDOW_SEED={seed}: {len(lengths)} windows killed in mid-answer (and {late} after its "
        f"end) in {seconds:.0f} s; of the answer {min(lengths):.0%} to {max(lengths):.0%} had "
        f"come, {statistics.median(lengths):.0%} in the middle; all of it was in the next window"
    )
