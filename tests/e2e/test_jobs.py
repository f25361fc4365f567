"""A benchmark as a job of the real service, with the real tools."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from desktop.core.bench.results import read_results
from desktop.core.db import read_only
from desktop.core.errors import AppError, ErrorCode
from tests.helpers.service import RunningService, gone, running_service, wait_for

PARAMS = {"prompt": [16], "gen": [4], "depth": [0], "concurrency": [1, 2], "repeat": 2}


def test_bench_is_stored_and_followed(service: RunningService, tiny: str) -> None:
    job = service.client.submit("bench", {"model": tiny, **PARAMS})
    seen: list[dict[str, Any]] = []
    done = service.client.follow_job(job["id"], seen.append)
    assert done["state"] == "done" and done["steps_done"] == done["steps"]
    tests = {(r["test"], r["concurrency"]) for r in done["result"]["results"]}
    assert {("prefill", 1), ("decode", 1)} <= tests and any(t == "load" for t, _ in tests)
    assert all(r["tokens_per_second"] > 0 for r in done["result"]["results"])
    assert done["result"]["fingerprint"]["runtime"]
    stored = read_results(service.paths)
    assert done["result"]["result_id"] in [result["id"] for result in stored]
    assert any(event["type"] == "job.progress" for event in seen)


def test_bench_goes_on_after_the_service_was_killed(tmp_path: Path, tiny_model: Path) -> None:
    with running_service(tmp_path / "own") as service:
        service.client.add_models(str(tiny_model))
        tiny = next(m["id"] for m in service.client.models() if m["path"] == str(tiny_model))
        interrupt_and_go_on(service, tiny)


def interrupt_and_go_on(service: RunningService, tiny: str) -> None:
    params = {**PARAMS, "prompt": [16, 32], "gen": [16, 32], "concurrency": [1], "model": tiny}
    job = service.client.submit("bench", params)
    wait_for(lambda: service.client.job(job["id"])["steps_done"], "the first step is done", 60)
    before = service.client.job(job["id"])["steps_done"]
    below = service.kill()
    wait_for(lambda: gone(below), "no process is left", 5)
    service.restart()
    done = service.client.follow_job(job["id"], lambda event: None)
    assert done["state"] == "done"
    assert done["steps_done"][: len(before)] == before
    assert len(done["steps_done"]) > len(before), "it was over before the service was killed"


def test_cancel_ends_the_tools(service: RunningService, tiny: str) -> None:
    params = {**PARAMS, "prompt": [2000], "gen": [2000], "repeat": 50, "model": tiny}
    job = service.client.submit("bench", params)
    caught: list[AppError] = []

    def follow() -> None:
        try:
            service.client.follow_job(job["id"], lambda event: None)
        except AppError as error:
            caught.append(error)

    follower = threading.Thread(target=follow)
    follower.start()
    wait_for(lambda: service.client.job(job["id"])["state"] == "running", "it runs")
    service.client.cancel_job(job["id"])
    follower.join(20)
    assert [error.code for error in caught] == [ErrorCode.CANCELLED]
    assert service.client.job(job["id"])["state"] == "cancelled"


def test_unknown_kind_and_model(service: RunningService, tmp_path: Path) -> None:
    for kind, params, code in (
        ("dance", {}, ErrorCode.JOB_KIND_UNKNOWN),
        ("bench", {"model": "no such model"}, ErrorCode.MODEL_NOT_FOUND),
    ):
        try:
            service.client.submit(kind, params)
        except AppError as error:
            assert error.code is code
        else:
            raise AssertionError(f"{kind} was taken")


def test_a_service_that_makes_room_ends_its_job_and_leaves_the_rest_to_the_next(
    tmp_path: Path, tiny_model: Path
) -> None:
    with running_service(tmp_path / "own") as service:
        service.client.add_models(str(tiny_model))
        model = next(m["id"] for m in service.client.models() if m["path"] == str(tiny_model))
        params = {"model": model, "prompt": [64], "gen": [16], "concurrency": [1], "repeat": 2}
        first, second = (service.client.submit("bench", params)["id"] for _ in range(2))
        wait_for(lambda: service.client.job(first)["state"] == "running", "the first one runs")
        service.client.call("POST", "/stop", {"after_jobs": True})
        assert service.client.state()["making_room"]
        assert service.process.wait(60) == 0
        with read_only(service.paths.database) as connection:
            rows = connection.execute("SELECT id, state FROM jobs ORDER BY id").fetchall()
        assert [tuple(row) for row in rows] == [(first, "done"), (second, "queued")]
        service.restart()
        wait_for(lambda: service.client.job(second)["finished"], "the next service does it", 60)
        assert service.client.job(second)["state"] == "done"
