"""`load` and `unload`: stages on the way, figures after it, Ctrl-C in the middle."""

from __future__ import annotations

import _thread
import threading
from typing import Any

from tests.unit.cli.conftest import Paddock
from tests.unit.cli.fake_face import AppErrorReply, FakeFace, loaded

NAME = "tiny-llama:f16"


def loading(stage: str, progress: float | None = None) -> dict[str, Any]:
    return loaded(NAME, "loading", stage=stage, progress=progress)


def with_stages(face: FakeFace) -> None:
    """Answer a load after its events have been read by somebody."""

    def load(body: dict[str, Any]) -> dict[str, Any]:
        face.publish("model.unloaded", {"id": "old:q8_0"})
        face.publish("model.changed", loading("checking memory"))
        face.publish("model.changed", loading("placing layers", 0.5))
        assert face.sent.wait(10)
        return loaded(NAME)

    face.routes["/load"] = load


def test_stages_are_shown_and_then_what_it_took(face: FakeFace, paddock: Paddock) -> None:
    face.state["models"] = [loaded("old:q8_0")]
    with_stages(face)
    ran = paddock("load", NAME, "--parallel", "4", "--kv", "q8_0")
    assert ran.code == 0
    assert ran.out == f"{NAME} is ready, 2,048 tokens of context × 4 slots, ✓ 17 MiB\n"
    assert f"{NAME}: checking memory\n" in ran.err
    assert f"{NAME}: placing layers: 50 %\n" in ran.err
    assert "old:q8_0 was taken out to make room." in ran.err
    (body,) = face.called("/load")
    assert (body["slots"], body["kv_type"], body["force"]) == (4, "q8_0", False)


def test_json_is_the_loaded_model(face: FakeFace, paddock: Paddock) -> None:
    assert paddock("load", NAME, "--json").document == loaded(NAME)
    assert paddock("load", NAME, "-q").err == ""


def test_a_load_that_fails_says_why(face: FakeFace, paddock: Paddock) -> None:
    def refuse(body: dict[str, Any]) -> dict[str, Any]:
        params = {"model": NAME, "need": "9 GiB", "available": "4 GiB", "device": "CPU"}
        raise AppErrorReply({"code": "load_wont_fit", "title": "", "params": params})

    face.routes["/load"] = refuse
    ran = paddock("load", NAME, "--json")
    assert ran.code == 1
    assert ran.document["error"]["code"] == "load_wont_fit"
    assert "It needs 9 GiB; 4 GiB can be used (CPU)." in paddock("load", NAME).err


def test_ctrl_c_stops_the_load_itself(face: FakeFace, paddock: Paddock) -> None:
    stopped = threading.Event()

    def hang(body: dict[str, Any]) -> dict[str, Any]:
        face.publish("model.changed", loading("placing layers", 0.1))
        assert face.sent.wait(10)
        _thread.interrupt_main()
        assert stopped.wait(10)
        raise AppErrorReply({"code": "load_cancelled", "title": "", "params": {"model": NAME}})

    def unload(body: dict[str, Any]) -> dict[str, Any]:
        stopped.set()
        return {"id": body["model"], "was_loaded": True}

    face.routes.update({"/load": hang, "/unload": unload})
    ran = paddock("load", NAME)
    assert ran.code == 130
    assert face.called("/unload") == [{"model": NAME}]


def test_unload(face: FakeFace, paddock: Paddock) -> None:
    assert paddock("unload", NAME).out == f"{NAME} is unloaded.\n"
    assert paddock("unload", NAME, "--json").document == {"id": NAME, "was_loaded": True}


def test_unload_starts_no_service(paddock: Paddock) -> None:
    assert paddock("unload", NAME, "--json").document["was_loaded"] is False
