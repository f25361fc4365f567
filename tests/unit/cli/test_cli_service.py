"""Commands about the service: status, stop, serve beside one, keys, models, engines, logs."""

from __future__ import annotations

import _thread
import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from desktop.cli import session
from desktop.cli.commands import status
from desktop.cli.commands.logs import shown
from desktop.cli.commands.serve import describe_event
from desktop.core.client.connect import connect
from desktop.core.engine.server import free_port
from desktop.core.errors import AppError, ErrorCode
from desktop.core.paths import paths
from tests.unit.cli.conftest import Paddock
from tests.unit.cli.fake_face import PATIENCE_SECONDS, FakeFace, loaded, model


def test_status_without_a_service_starts_none(paddock: Paddock, own_environment: Path) -> None:
    ran = paddock("status", "--json")
    assert ran.code == 0
    assert ran.document["running"] is False
    assert (ran.document["url"], ran.document["models"]) == (None, [])
    assert paddock("status").out == "The service is not running.\n"
    assert not own_environment.exists()


def test_status(face: FakeFace, paddock: Paddock) -> None:
    face.state["public"] = {"on": True, "url": "http://127.0.0.1:8484", "host": "", "port": 8484}
    face.state["models"] = [loaded("a:q8_0", "loading", stage="placing layers", memory_bytes=None)]
    face.state["jobs"] = [{"id": 4, "kind": "bench", "state": "queued", "progress": None}]
    found = paddock("--json", "status").document
    assert found["running"] is True
    assert found["url"] == "http://127.0.0.1:8484"
    assert found["models"][0]["id"] == "a:q8_0"
    text = paddock("status").out
    assert "Server: on at http://127.0.0.1:8484" in text
    assert "a:q8_0 is loading, 2,048 tokens of context × 4 slots (placing layers)" in text
    assert "Job 4: bench, queued" in text


def test_notices_are_told_on_stderr(face: FakeFace, paddock: Paddock) -> None:
    face.state["notices"] = [{"code": "x", "text": "The settings were damaged."}]
    ran = paddock("models", "--json")
    assert ran.err.count("The settings were damaged.") == 1
    assert len(ran.document["models"]) == 1


def test_stop_waits_for_the_end_of_the_process(own_environment: Path, paddock: Paddock) -> None:
    waiter = [sys.executable, "-c", "input()"]
    with (
        subprocess.Popen(waiter, stdin=subprocess.PIPE) as process,
        FakeFace(own_environment, process.pid) as face,
    ):
        assert process.stdin is not None
        stdin = process.stdin

        def stop(body: dict[str, Any]) -> dict[str, Any]:
            stdin.write(b"\n")
            stdin.flush()
            return {"stopping": True}

        face.routes["/stop"] = stop
        found = paddock("stop", "--json").document
        assert found == {"stopped": True, "pid": process.pid}
        assert session.has_ended(process.pid)


@pytest.mark.parametrize("words", [["serve"], []])
def test_stop_ends_a_service_that_hangs_and_nobody_else(
    words: list[str], own_environment: Path, paddock: Paddock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status, "ANSWER_SECONDS", 0.2)
    waiter = [sys.executable, "-c", "input()", *words]
    with (
        subprocess.Popen(waiter, stdin=subprocess.PIPE) as process,
        FakeFace(own_environment, process.pid) as face,
    ):
        hanging = threading.Event()

        def hang(body: dict[str, Any]) -> dict[str, Any]:
            assert hanging.wait(PATIENCE_SECONDS)
            return {}

        face.routes["/stop"] = hang
        ran = paddock("stop")
        hanging.set()
        if words:
            assert (ran.code, ran.out) == (0, "The service has ended.\n")
        else:
            assert ran.code == 1
            assert process.poll() is None
            process.communicate(b"\n")


@pytest.mark.parametrize(
    ("lives_seconds", "code"),
    [(0.4, ErrorCode.SERVICE_NOT_RUNNING), (30, ErrorCode.SERVICE_UNREACHABLE)],
)
def test_a_process_that_is_dying_is_no_service_that_hangs(
    own_environment: Path, lives_seconds: float, code: ErrorCode
) -> None:
    """What is killed has its sockets closed first: who asks then must start another."""
    paths().ensure()
    program = f"import time; time.sleep({lives_seconds})"
    with subprocess.Popen([sys.executable, "-c", program]) as process:
        endpoint = {"host": "127.0.0.1", "port": free_port(), "token": "t", "pid": process.pid}
        paths().endpoint_file.write_text(json.dumps(endpoint), "utf-8")
        with pytest.raises(AppError) as caught:
            connect(paths())
        process.kill()
    assert caught.value.code is code


def test_stop_without_a_service(paddock: Paddock) -> None:
    assert paddock("stop", "--json").document == {"stopped": False, "pid": None}


def test_waiting_for_an_end_that_does_not_come_is_an_error() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        with pytest.raises(AppError) as caught:
            session.wait_until_ended(process.pid, limit_seconds=0.0)
        process.communicate(b"\n")
    assert caught.value.code is ErrorCode.TIMED_OUT


@pytest.mark.parametrize("was_on", [False, True])
def test_serve_beside_a_service_follows_it_and_leaves_it_as_it_was(
    was_on: bool, face: FakeFace, paddock: Paddock
) -> None:
    before = {"on": was_on, "url": None, "host": "127.0.0.1", "port": 8484}
    face.state["public"] = before
    asked: list[dict[str, Any]] = []

    def public(body: dict[str, Any]) -> dict[str, Any]:
        asked.append(body)
        return {"on": body["on"], "url": f"http://127.0.0.1:{body.get('port')}"}

    face.routes["/public"] = public
    face.on_follow = _thread.interrupt_main
    ran = paddock("serve", "--port", "9000", "--json")
    assert ran.code == 0
    assert ran.document["url"] == "http://127.0.0.1:9000"
    assert set(ran.document) == {"url", "admin_url", "pid"}
    back = {"on": True, "host": "127.0.0.1", "port": 8484, "tls": None, "ollama": False}
    restored = back if was_on else {"on": False}
    began = {"on": True, "host": None, "port": 9000, "tls": None, "ollama": None}
    assert asked == [began, restored]


def test_serve_stays_at_one_document_when_the_service_breaks_off(
    face: FakeFace, paddock: Paddock
) -> None:
    face.routes["/public"] = lambda body: {"on": body["on"], "url": "http://127.0.0.1:1"}
    face.on_follow = face.close_streams
    ran = paddock("serve", "--json")
    assert ran.code == 1
    assert ran.document["url"] == "http://127.0.0.1:1"
    assert "does not answer" in ran.err


def test_serve_ends_well_with_its_service(
    face: FakeFace, paddock: Paddock, own_environment: Path
) -> None:
    def end() -> None:
        paths().endpoint_file.unlink()
        face.close_streams()

    face.routes["/public"] = lambda body: {"on": body["on"], "url": "http://127.0.0.1:1"}
    face.on_follow = end
    ran = paddock("serve")
    assert ran.code == 0
    assert "The service has ended." in ran.err


def test_requests_are_lines_of_log() -> None:
    request = {
        "status": 200,
        "route": "/v1/chat/completions",
        "model": "a",
        "completion_tokens": 12,
        "tokens_per_second": 45.25,
        "ttft_seconds": 0.123,
        "wait_seconds": 2.5,
        "key": "bob",
    }
    text = describe_event("request.finished", request)
    assert text == (
        "200  /v1/chat/completions  a  12 tokens  45.2 tok/s  first after 0.12 s  "
        "waited 2.5 s  key bob"
    )
    assert describe_event("model.changed", loaded("a")) == "a is ready"
    assert describe_event("model.changed", loaded("a", "loading", progress=0.5)) is None
    assert describe_event("job.progress", {}) is None
    error = AppError(ErrorCode.ENGINE_DIED, model="a", reason="It fell.").to_dict()
    failed = describe_event("model.failed", {"id": "a", "error": error})
    assert failed is not None and failed.startswith("a: ") and failed.endswith("It fell.")
    failed = describe_event("model.failed", {"id": "a", "error": error, "restart_seconds": 2.0})
    assert failed is not None and failed.endswith("It fell. It is started again in 2 s.")


def test_models(face: FakeFace, paddock: Paddock) -> None:
    error = {"title": "That file ends too early", "cause": "12 of 99 bytes are there."}
    face.models = [model("a", bundled=True), model("b", broken=True, error=error)]
    ran = paddock("models")
    first = ran.out.splitlines()[1].split()
    assert first == ["a", "2.6", "MiB", "llama", "F16", "2,048", "bundled"]
    assert "b: That file ends too early. 12 of 99 bytes are there." in ran.err
    assert paddock("models", "-q").out == "a\nb\n"


def test_adopt_names_the_folder_as_we_see_it(
    face: FakeFace, paddock: Paddock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    change = {"added": ["a"], "removed": [], "changed": []}
    face.routes["/adopt"] = lambda body: {**change, "folders": [], "models": [model("a")]}
    found = paddock("adopt", "m", "--json").document
    assert face.called("/adopt") == [{"path": str(tmp_path / "m")}]
    assert [each["id"] for each in found["models"]] == ["a"]


def write_log(name: str, lines: list[str]) -> None:
    folder = paths().logs
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("".join(f"{line}\n" for line in lines), "utf-8")


def test_logs_of_the_service_go_on_into_the_rotated_file(paddock: Paddock) -> None:
    lines = [json.dumps({"level": "info", "message": f"m{n}", "pid": n}) for n in range(4)]
    write_log("service.log.1", lines[:2])
    write_log("service.log", lines[2:])
    found = paddock("logs", "-n", "3", "--json").document
    assert [line["message"] for line in found["lines"]] == ["m1", "m2", "m3"]
    assert paddock("logs", "-n", "1").out.split() == ["info", "m3", "pid=3"]


def test_logs_of_a_model_are_found_by_its_id(paddock: Paddock) -> None:
    write_log("engine-a_q8_0.log", ["loading"])
    assert paddock("logs", "a:q8_0").out == "loading\n"
    assert paddock("logs", "nobody").code == 1
    assert paddock("logs", "--json", "-f").code == 2


def test_a_line_that_is_no_json_is_shown_as_it_is() -> None:
    assert shown("plain [text]") == "plain [text]"
    assert shown('{"message": "m", "exception": "Traceback"}').endswith("m\nTraceback")
