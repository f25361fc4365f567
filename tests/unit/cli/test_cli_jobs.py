"""`bench`, `engine build` and `results`: jobs that are followed, and what they leave."""

from __future__ import annotations

import _thread
import json
import threading
from pathlib import Path
from typing import Any

import pytest

from desktop.core.bench.results import ResultStore
from desktop.core.db import Database
from desktop.core.fit.speed import DeviceSpeed
from desktop.core.fit.speed_book import SpeedStore
from desktop.core.paths import paths
from tests.unit.bench.documents import document
from tests.unit.cli.conftest import Paddock
from tests.unit.cli.fake_face import PATIENCE_SECONDS, FakeFace

RESULT = {**document("first"), "id": 3, "result_id": 3, "warnings": ["It was hot."]}


def job(state: str, **other: Any) -> dict[str, Any]:
    ended = state in ("done", "failed", "cancelled")
    return {
        "id": 1,
        "kind": "bench",
        "state": state,
        "steps": ["prefill 512", "decode 128"],
        "steps_done": [],
        "result": None,
        "error": None,
        "finished": 1.0 if ended else None,
        **other,
    }


def accept(
    face: FakeFace, end: dict[str, Any], *, before_end: threading.Event | None = None
) -> None:
    """Take a job that runs, says how far it is, and ends as told once it is followed."""

    def submit(body: dict[str, Any]) -> dict[str, Any]:
        face.jobs[1] = job("running")
        return job("queued")

    def look(body: dict[str, Any]) -> dict[str, Any]:
        if face.followed.is_set():
            looked.set()
        return face.jobs[1]

    def work() -> None:
        face.publish("job.changed", job("running"))
        assert looked.wait(
            PATIENCE_SECONDS
        )  # the follower reads the job again: it must not have ended by then
        progress = {"what": "decode 128", "done": 1, "total": 2, "unit": "tests"}
        face.publish("job.progress", {"id": 1, "progress": progress})
        face.publish("job.log", {"id": 1, "line": "prefill 512: 100.0 tok/s"})
        face.publish("job.progress", {"id": 2, "progress": {**progress, "what": "another's"}})
        assert face.sent.wait(PATIENCE_SECONDS)
        if before_end is not None:
            _thread.interrupt_main()
            assert before_end.wait(PATIENCE_SECONDS)
        face.jobs[1] = end
        face.publish("job.changed", end)

    looked = threading.Event()
    face.routes.update({"/jobs": submit, "/jobs/1": look})
    face.on_follow = lambda: threading.Thread(target=work, daemon=True).start()


def test_bench_is_a_job_that_is_followed(face: FakeFace, paddock: Paddock) -> None:
    accept(face, job("done", result=RESULT))
    ran = paddock("bench", "tiny", "--concurrency", "1,4", "--name", "first")
    assert ran.code == 0
    assert ran.out.splitlines()[0].split() == [
        "TEST",
        "TOKENS",
        "DEPTH",
        "CONCURRENCY",
        "TOK/S",
        "±",
        "STDDEV",
    ]
    assert "✓ 100.00" in ran.out
    assert "decode 128: 50 %" in ran.err
    assert "prefill 512: 100.0 tok/s" in ran.err
    assert "another's" not in ran.err
    assert "Warning: It was hot." in ran.err
    assert "Stored as result 3" in ran.err
    (submitted,) = face.called("/jobs")
    assert submitted["kind"] == "bench"
    assert submitted["params"] == {
        "model": "tiny",
        "prompt": [512],
        "gen": [128],
        "depth": [0],
        "concurrency": [1, 4],
        "repeat": 3,
        "name": "first",
    }


def test_bench_json_has_results_and_fingerprint(face: FakeFace, paddock: Paddock) -> None:
    accept(face, job("done", result=RESULT))
    found = paddock("bench", "tiny", "--json").document
    assert found["results"][0]["tokens_per_second"] == 100.0
    assert found["fingerprint"]["machine"]["cpu"] == "AMD EPYC"


def test_a_job_that_fails_is_an_error_of_the_command(face: FakeFace, paddock: Paddock) -> None:
    error = {"code": "engine_tool_failed", "params": {"tool": "llama-bench", "reason": "It died."}}
    accept(face, job("failed", error=error))
    ran = paddock("bench", "tiny", "--json")
    assert ran.code == 1
    assert ran.document["error"]["title"] == "llama-bench failed"


def test_ctrl_c_cancels_the_job(face: FakeFace, paddock: Paddock) -> None:
    cancelled = threading.Event()
    accept(face, job("cancelled"), before_end=cancelled)

    def cancel(body: dict[str, Any]) -> dict[str, Any]:
        cancelled.set()
        return job("running")

    face.routes["/jobs/1/cancel"] = cancel
    ran = paddock("bench", "tiny")
    assert ran.code == 130
    assert ran.out == ""
    assert "Stopping job 1" in ran.err
    assert len(face.called("/jobs/1/cancel")) == 1


def test_engine_build_is_a_job_too(face: FakeFace, paddock: Paddock) -> None:
    accept(face, job("done", kind="engine_build", result={"id": "mine"}))
    assert paddock("engine", "build", "--cuda", "--name", "mine", "--json").document["id"] == "mine"
    assert face.called("/jobs")[0]["params"] == {"backend": "cuda", "name": "mine"}


@pytest.fixture
def stored() -> None:
    where = paths()
    database = Database(where.database, where.backups)
    slower = document("second", created=2_000_000_000.0)
    slower["results"][0]["samples"] = [50.0, 50.5, 49.5]
    slower["results"][0]["tokens_per_second"] = 50.0
    ResultStore(database).add_documents([document("first"), slower])
    database.close()


def test_results_are_read_without_a_service(stored: None, paddock: Paddock) -> None:
    found = paddock("results", "list", "--json").document["results"]
    assert [each["name"] for each in found] == ["second", "first"]
    listed = paddock("results", "list")
    assert "second" in listed.out.splitlines()[1]
    assert "prefill 50.0 tok/s" in listed.out
    assert paddock("results", "list", "--model", "another", "--json").document == {"results": []}


def test_results_compare(stored: None, paddock: Paddock) -> None:
    ran = paddock("results", "compare", "first", "second")
    assert "×0.50" in ran.out
    assert "slower" in ran.out
    plain = paddock("results", "compare", "first", "second", "--json").document
    assert plain["rows"][0]["cells"][1]["ratio"]["verdict"] == "slower"


def test_results_export_can_be_imported(
    stored: None, face: FakeFace, paddock: Paddock, tmp_path: Path
) -> None:
    target = tmp_path / "one.json"
    assert paddock("results", "export", "first", "-o", str(target)).code == 0
    assert paddock("results", "export", "first", "--json").document == json.loads(
        target.read_text()
    )
    table = paddock("results", "export", "--format", "csv").out.splitlines()
    assert len(table) == 3
    face.routes["/results/import"] = lambda body: {"added": 0}
    ran = paddock("results", "import", str(target))
    assert ran.out == "0 results added. 1 were there already.\n"
    (sent,) = face.called("/results/import")
    assert [each["name"] for each in sent["results"]] == ["first"]


def test_results_are_renamed_removed_and_restored(face: FakeFace, paddock: Paddock) -> None:
    face.routes["/results/rename"] = lambda body: {"id": 2, "name": body["name"]}
    ran = paddock("results", "rename", "second", "after the update")
    assert ran.out == "Result 2 is now called after the update.\n"
    assert face.called("/results/rename") == [{"result": "second", "name": "after the update"}]
    both = [{"id": 2, "name": "second"}, {"id": 1, "name": "first"}]
    face.routes["/results/delete"] = lambda body: {"deleted": both}
    ran = paddock("results", "remove", "second", "1")
    assert ran.out == "Removed 2: second\nRemoved 1: first\n"
    assert "paddock results restore 2 1" in ran.err
    assert face.called("/results/delete") == [{"results": ["second", "1"]}]
    assert paddock("results", "remove", "1", "--json").document == {"removed": both}
    face.routes["/results/restore"] = lambda body: {"restored": both}
    assert paddock("results", "restore", "2", "1", "--json").document == {"restored": both}
    assert face.called("/results/restore") == [{"results": [2, 1]}]
    assert paddock("results", "restore", "first").code == 2


def test_a_file_without_results_is_refused(paddock: Paddock, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("{}")
    assert paddock("results", "import", str(tmp_path / "x.json")).code == 1
    assert paddock("results", "import", str(tmp_path / "none.json")).code == 1


def test_hw_calibrates_as_a_job_and_shows_what_is_kept(face: FakeFace, paddock: Paddock) -> None:
    speed = DeviceSpeed("1 abc", "cpu", "A CPU × 2", ((1.0, 1e-10),), {"Q4_K": 1e-10}, {})
    where = paths().ensure()
    assert "not measured yet: paddock hw --calibrate" in paddock("hw").out
    database = Database(where.database, where.backups)
    SpeedStore(database).keep(speed)
    database.close()
    accept(face, job("done", kind="calibrate", result={**speed.to_dict(), "disturbed_requests": 2}))
    ran = paddock("hw", "--calibrate", "CPU")
    assert ran.code == 0
    assert face.called("/jobs") == [{"kind": "calibrate", "params": {"device": "CPU"}}]
    assert "Disturbed by 2 requests" in ran.err
    assert "✓ A CPU × 2 (cpu), measured" in ran.out
    document = paddock("hw", "--json").document
    assert [each["device"] for each in document["calibrations"]] == ["A CPU × 2"]
