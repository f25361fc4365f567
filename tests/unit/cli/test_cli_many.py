"""Several models in the terminal: how long they stay, who waits for which."""

from __future__ import annotations

import time

from tests.unit.cli.conftest import Paddock
from tests.unit.cli.fake_face import FakeFace, loaded


def test_a_load_says_how_long_and_whether_it_makes_room(face: FakeFace, paddock: Paddock) -> None:
    assert paddock("load", "a", "--keep", "forever", "--pin").code == 0
    assert paddock("load", "a", "--keep", "2.5", "--no-pin").code == 0
    assert paddock("load", "a").code == 0
    given = [(each["keep_minutes"], each["pinned"]) for each in face.called("/load")]
    assert given == [(-1.0, True), (2.5, False), (None, None)]
    for wrong in ("--keep=-5", "--keep=long"):
        assert paddock("load", "a", wrong).code == 2


def test_status_shows_each_model_and_who_waits(face: FakeFace, paddock: Paddock) -> None:
    now = time.time()
    face.state["models"] = [
        loaded("a", pinned=True, expires=None, memory_bytes=3 << 30),
        loaded("b", pinned=False, expires=now + 25 * 60),
        loaded("c", pinned=False, expires=now + 5, active_requests=2),
        loaded("d", pinned=False, expires=now + 3 * 3600),
    ]
    face.state["waiting"] = 3
    face.state["queue"] = [
        {"model": "a", "key": None, "waiting_seconds": 1.5},
        {"model": "e", "key": None, "waiting_seconds": 4.25},
        {"model": "e", "key": "k", "waiting_seconds": 0.5},
    ]
    shown = paddock("status").out
    lines = [line for line in shown.splitlines() if line.startswith("Model: ")]
    assert "3.0 GiB" in lines[0] and "pinned" in lines[0] and "leaves" not in lines[0]
    assert "leaves in 25 min" in lines[1]
    assert "leaves in 5 s" in lines[2] and "2 in progress" in lines[2]
    assert "leaves in 3.0 h" in lines[3]
    assert "Waiting: 3 requests (e: 2, a: 1), the first for 4.2 s" in shown
    document = paddock("status", "--json").document
    assert document["models"][0]["pinned"] is True and len(document["queue"]) == 3


def test_all_models_are_unloaded(face: FakeFace, paddock: Paddock) -> None:
    face.state["models"] = [loaded("a"), loaded("b")]
    assert paddock("unload", "--all", "--json").document == {"unloaded": ["a", "b"]}
    assert [each["model"] for each in face.called("/unload")] == ["a", "b"]
    face.state["models"] = []
    assert "No model is loaded" in paddock("unload", "--all").out
    assert paddock("unload").code == 2 and paddock("unload", "a", "--all").code == 2


def test_nothing_is_started_to_unload_all(paddock: Paddock) -> None:
    assert paddock("unload", "--all", "--json").document == {"unloaded": []}
