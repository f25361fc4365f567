"""`load` and `unload`: stages on the way, figures after it, Ctrl-C in the middle."""

from __future__ import annotations

import _thread
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.conftest import Paddock
from tests.unit.cli.fake_face import PATIENCE_SECONDS, AppErrorReply, FakeFace, loaded

NAME = "tiny-llama:f16"


def loading(stage: str, progress: float | None = None) -> dict[str, Any]:
    return loaded(NAME, "loading", stage=stage, progress=progress)


def with_stages(face: FakeFace) -> None:
    """Answer a load after its events have been read by somebody."""

    def load(body: dict[str, Any]) -> dict[str, Any]:
        face.publish("model.unloaded", {"id": "old:q8_0"})
        face.publish("model.changed", loading("checking memory"))
        face.publish("model.changed", loading("placing layers", 0.5))
        assert face.sent.wait(PATIENCE_SECONDS)
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


def test_what_is_loaded_beside_a_model(face: FakeFace, paddock: Paddock, tmp_path: Path) -> None:
    lora = tmp_path / "lora.gguf"
    lora.write_bytes(b"")
    words = ["--lora", f"{lora}:0.5", "--lora", "other:f16", "--draft", "small:q4_0", "--ngram"]
    words += ["--mmproj", "none", "--gpu-layers", "auto", "--experts-on-cpu", "3", "--ubatch", "64"]
    assert paddock("load", NAME, *words).code == 0
    (body,) = face.called("/load")
    assert body["adapters"] == [
        {"path": str(lora), "scale": 0.5},
        {"path": "other:f16", "scale": 1.0},
    ]
    assert (body["draft"], body["ngram"], body["mmproj"]) == ("small:q4_0", "ngram-mod", "none")
    assert (body["gpu_layers"], body["experts_on_cpu"], body["ubatch"]) == ("auto", 3, 64)
    paddock("load", NAME, "--lora", "none", "--experts-on-cpu", "--ngram", "none")
    body = face.called("/load")[-1]
    assert (body["adapters"], body["experts_on_cpu"], body["ngram"]) == ([], True, "none")


def test_a_relative_file_is_found_by_the_service(
    face: FakeFace, paddock: Paddock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "eye.gguf").write_bytes(b"")
    paddock("load", NAME, "--mmproj", "eye.gguf", "--draft", "nothere.gguf")
    (body,) = face.called("/load")
    assert (body["mmproj"], body["draft"]) == (str(tmp_path / "eye.gguf"), "nothere.gguf")


def test_settings_are_saved_when_the_load_has_worked(face: FakeFace, paddock: Paddock) -> None:
    face.routes["/models/settings"] = lambda body: {"id": NAME, "settings": body["changes"]}
    ran = paddock("load", NAME, "--parallel", "2", "--gpu-layers", "auto", "--force", "--save")
    assert ran.code == 0 and "count for every load" in ran.err
    changes = {"slots": 2, "gpu_layers": "auto"}
    assert face.called("/models/settings") == [{"model": NAME, "changes": changes}]

    def refuse(body: dict[str, Any]) -> dict[str, Any]:
        raise AppErrorReply({"code": "load_cancelled", "title": "", "params": {"model": NAME}})

    face.routes["/load"] = refuse
    assert paddock("load", NAME, "--parallel", "3", "--save").code == 1
    assert len(face.called("/models/settings")) == 1


def test_the_engines_report_stands_beside_the_prediction(face: FakeFace, paddock: Paddock) -> None:
    def figure(mib: int) -> dict[str, Any]:
        return {"value": mib << 20, "low": mib << 20, "high": mib << 20, "source": "dry_run"}

    parts = [
        {"part": "weights_bytes", "predicted": figure(10), "real_bytes": 11 << 20},
        {"part": "kv_bytes", "predicted": None, "real_bytes": 5 << 20},
        {"part": "overhead_bytes", "predicted": figure(30), "real_bytes": None},
    ]
    notices = [{"code": "context_reduced", "text": "The context is 512 tokens."}]
    face.routes["/load"] = lambda body: loaded(NAME, parts=parts, notices=notices)
    ran = paddock("load", NAME)
    lines = [line.split() for line in ran.out.splitlines()[1:]]
    assert lines == [
        ["PART", "PREDICTED", "REAL"],
        ["Weights", "~", "10", "MiB", "✓", "11", "MiB"],
        ["KV", "cache", "✓", "5.0", "MiB"],
    ]
    assert "! The context is 512 tokens." in ran.err


def test_a_refused_load_says_what_would_fit(face: FakeFace, paddock: Paddock) -> None:
    choice = {
        "context_tokens": 4096,
        "slots": 1,
        "kv_type": "q8_0",
        "without": ["draft"],
        "total_bytes": {"value": 3 << 30},
    }

    def refuse(body: dict[str, Any]) -> dict[str, Any]:
        params = {"model": NAME, "need": "9 GiB", "available": "4 GiB", "device": "CPU"}
        params["choices"] = [choice]  # type: ignore[assignment]
        raise AppErrorReply({"code": "load_wont_fit", "title": "", "params": params})

    face.routes["/load"] = refuse
    ran = paddock("load", NAME)
    words = "--ctx 4096 --parallel 1 --kv q8_0 --draft none"
    assert ran.code == 1 and f"→ would fit: {words} (~ 3.0 GiB)" in ran.err


def test_ctrl_c_stops_the_load_itself(face: FakeFace, paddock: Paddock) -> None:
    stopped = threading.Event()

    def hang(body: dict[str, Any]) -> dict[str, Any]:
        face.publish("model.changed", loading("placing layers", 0.1))
        assert face.sent.wait(PATIENCE_SECONDS)
        _thread.interrupt_main()
        assert stopped.wait(PATIENCE_SECONDS)
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
